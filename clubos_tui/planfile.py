"""Read a plan from TOML, and say everything that is wrong with one, each with its line.

The types of :mod:`clubos_tui.plan` are the schema: this module walks them once to decode, and
once to write the JSON Schema that editors use.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib.resources
import os
import re
import tomllib
import types
import typing
from collections.abc import Callable
from typing import Any

from clubos_tui.codec import Json
from clubos_tui.errors import Fault, PlanError, UsageError
from clubos_tui.plan import ACP, SHELL, Approvers, CheckSpec, Plan, person

BUILT_IN = "clubos_v2"
FILE_NAME = "clubos.toml"

_Place = tuple[str | int, ...]


def built_in() -> Plan:
    """Return the plan that builds ClubOS V2."""
    folder = importlib.resources.files("clubos_tui") / "plans" / BUILT_IN
    text = (folder / "plan.toml").read_text(encoding="utf-8")
    return parse(text, file="built-in plan", home=str(folder))


def read(path: str) -> Plan:
    """Read the plan file at ``path``; :class:`PlanError` with every fault it has."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the plan {path} cannot be read: {error}",
            untouched="No run was started.",
            cure="Name a TOML file; `clubos plan show` prints one to start from.",
        ) from error
    return parse(text, file=path, home=os.path.dirname(os.path.abspath(path)))


def parse(text: str, *, file: str, home: str = "") -> Plan:
    """Return the plan in ``text``; :class:`PlanError` names every fault with its line."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise PlanError(
            [Fault(file, int(found[1]) if found else 1, f"not TOML: {error}")]
        ) from error
    reader = _Reader(file, _lines(text))
    plan: Plan | None = reader.structure(Plan, data, ())
    if plan is not None:
        reader.check_unique(plan)
        reader.check_needs(plan)
        reader.check_approvers(plan)
        reader.check_checks(plan)
        reader.check_remote(plan)
    if reader.faults:
        raise PlanError(sorted(reader.faults, key=lambda fault: fault.line))
    assert plan is not None
    return dataclasses.replace(plan, home=home)


class _Reader:
    """Decodes by type and collects what is wrong instead of stopping at the first."""

    def __init__(self, file: str, lines: dict[_Place, int]) -> None:
        self.file = file
        self.lines = lines
        self.faults: list[Fault] = []

    def fault(self, place: _Place, message: str, suggestion: str = "") -> None:
        self.faults.append(Fault(self.file, self._line(place), message, suggestion))

    def structure(self, cls: Any, data: Any, place: _Place) -> Any:
        if not isinstance(data, dict):
            self.fault(place, f"{_spell(place)} must be a table, not {_kind(data)}")
            return None
        hints = typing.get_type_hints(cls)
        known = {field.name: field for field in _settable(cls)}
        for key in (key for key in data if key not in known):
            near = difflib.get_close_matches(key, known, n=1)
            self.fault(
                (*place, key), f"unknown key {key!r} in {_spell(place)}", near[0] if near else ""
            )
        values = {}
        for name, field in known.items():
            here = (*place, name)
            if name in data:
                value = self.value(hints[name], data[name], here, dict(field.metadata))
                if value is not None:
                    values[name] = value
            elif field.default is dataclasses.MISSING:
                self.fault(place, f"{_spell(place)} lacks the key {name!r}")
            elif field.metadata.get("nonempty"):
                self.fault(place, f"{_spell(place)} needs at least one [[{_path(here)}]]")
        try:
            return cls(**values)
        except TypeError:
            return None  # a required key is missing or wrong, and that fault is noted

    def value(self, kind: Any, data: Any, place: _Place, rules: dict[str, Any]) -> Any:
        kind = _given(kind)
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if dataclasses.is_dataclass(kind):
            return self.structure(kind, data, place)
        if rules.get("agent") and isinstance(data, dict):
            return self.command_line(data, place)
        if origin is tuple:
            if not isinstance(data, list):
                self.fault(place, f"{_spell(place)} must be a list, not {_kind(data)}")
                return None
            if rules.get("nonempty") and not data:
                self.fault(place, f"{_spell(place)} must not be empty")
            items = [self.value(args[0], item, (*place, at), {}) for at, item in enumerate(data)]
            return tuple(item for item in items if item is not None)
        if origin is typing.Literal:
            if data not in args:
                near = difflib.get_close_matches(str(data), args, n=1)
                self.fault(
                    place,
                    f"{_spell(place)} must be one of {', '.join(args)}, not {data!r}",
                    near[0] if near else "",
                )
                return None
            return data
        if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
            self.fault(place, f"{_spell(place)} must be {_WORDS[kind]}, not {_kind(data)}")
            return None
        if "minimum" in rules and data < rules["minimum"]:
            self.fault(place, f"{_spell(place)} must be at least {rules['minimum']}")
        if "pattern" in rules and not re.fullmatch(rules["pattern"], data):
            self.fault(place, f"{_spell(place)} must be lower case letters, digits and hyphens")
        return data

    def command_line(self, data: dict[str, Any], place: _Place) -> str | None:
        """Return the agent that is a command line: ``{ shell = "..." }``, ``{ acp = "..." }``."""
        for kind, before in _COMMAND_LINES.items():
            command = data.get(kind)
            if set(data) == {kind} and isinstance(command, str) and command.strip():
                return before + command
        self.fault(
            place,
            f'{_spell(place)} must be a name, {{ shell = "command line" }} '
            'or { acp = "command line" }',
        )
        return None

    def check_needs(self, plan: Plan) -> None:
        """What is given of a home lies in it, and a variable is one that steers nothing of ours."""
        for name in plan.needs.variables:
            if not _VARIABLE.fullmatch(name) or name.startswith(_STEERING):
                self.fault(("needs", "variables"), f"needs.variables: {name!r} can't be given")
        for path in plan.needs.home:
            if path.startswith(("/", "~")) or ".." in path.split("/"):
                self.fault(
                    ("needs", "home"), f"needs.home: {path!r} must be a path within your home"
                )

    def check_remote(self, plan: Plan) -> None:
        """What workers fetch from is a URL, and what they push stays below a prefix."""
        for name, fault in plan.remote.faults().items():
            self.fault(("remote", name), f"remote.{name}: {fault}")

    def check_approvers(self, plan: Plan) -> None:
        """A rule that nobody can keep, or that a phase gets round, would be none (P10)."""
        self._check_rule(plan.approvers, ("approvers",))
        for number, phase in enumerate(plan.phase):
            if phase.approvers is not None:
                self._check_rule(phase.approvers, ("phase", number, "approvers"))
            if plan.approvers_of(number + 1) and not phase.required_approval:
                place: _Place = ("phase", number, "required_approval")
                self.fault(place, f"{_spell(place)} is false, and approvers ask for a person; an "
                           "empty [phase.approvers] frees this phase of the plan's")  # fmt: skip

    def _check_rule(self, rule: Approvers, place: _Place) -> None:
        known: set[str] = set()
        for name in rule.named:
            if not name.strip():
                self.fault((*place, "named"), f"{_spell((*place, 'named'))}: a name is empty")
            elif person(name) in known:
                self.fault((*place, "named"), f"{_spell((*place, 'named'))}: {name!r} is named "
                           "twice")  # fmt: skip
            known.add(person(name))
        if rule.named and rule.count > len(known):
            self.fault((*place, "count"), f"{_spell((*place, 'count'))} is {rule.count}, and only "
                       f"{len(known)} may approve")  # fmt: skip

    def check_unique(self, plan: Plan) -> None:
        seen: dict[str, _Place] = {}
        for number, phase in enumerate(plan.phase):
            for at, action in enumerate(phase.action):
                place: _Place = ("phase", number, "action", at, "id")
                if action.id in seen:
                    self.fault(place, f"action id {action.id!r} is used twice")
                seen[action.id] = place

    def check_checks(self, plan: Plan) -> None:
        """A check that can't fail, or that another one hides, would be no gate (P7)."""
        for number, phase in enumerate(plan.phase):
            names: set[str] = set()
            for at, check in enumerate(phase.check):
                place: _Place = ("phase", number, "check", at)
                if check.name in _RESERVED:
                    self.fault((*place, "name"), f"check name {check.name!r} is taken")
                if check.name in names:
                    self.fault((*place, "name"), f"check name {check.name!r} is used twice")
                names.add(check.name)
                for needed in (_NEEDED.get(check.kind, "paths"), *_ALSO.get(check.kind, ())):
                    if needed and not getattr(check, needed):
                        self.fault(place, f"{_spell(place)} is a {check.kind!r} check and needs "
                                   f"the key {needed!r}")  # fmt: skip
                if check.kind == "size" and not (check.kilobytes or check.files):
                    self.fault(place, f"{_spell(place)} is a 'size' check and needs the key "
                               "'kilobytes' or 'files'")  # fmt: skip
                for key in ("names", "among") if check.kind == "references" else ():
                    for item in getattr(check, key):
                        if not _SELECTOR.fullmatch(item):
                            self.fault((*place, key), f"{_spell((*place, key))}: {item!r} must be "
                                       "a glob, # and what to take there")  # fmt: skip
                if check.folder.startswith("/") or ".." in check.folder.split("/"):
                    self.fault((*place, "folder"), f"{_spell((*place, 'folder'))} must be a folder "
                               f"of the tree, not {check.folder!r}")  # fmt: skip
                if check.kind == "command" and (lacks := _lacks(check)):
                    self.fault(place, f"{_spell(place)} is a 'command' check and needs {lacks}")
                try:
                    re.compile(check.pattern)
                except re.error as error:
                    self.fault(
                        (*place, "pattern"), f"{_spell((*place, 'pattern'))} is no pattern: {error}"
                    )

    def _line(self, place: _Place) -> int:
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[:-1]
        return 1


_COMMAND_LINES = {"shell": SHELL, "acp": ACP}

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# These change what programs do that we start ourselves.
_STEERING = ("LD_", "GLIBC_", "GCONV_", "MALLOC_", "PATH", "HOME", "CLUBOS_", "GIT_")

_SELECTOR = re.compile(r"[^#\s][^#]*#(\$((\.[\w$-]+|\[\*\])*)~?|\w+(\(\w+\)|\.\w+)?)")

# What each kind of check is nothing without; the others need `paths`.
_RESERVED = frozenset({"tamper guard", "protected paths", "checkpoint"})  # of every plan

_NEEDED = {
    "text": "pattern", "pairs": "partner", "secrets": "", "protected": "", "tamper": "",
    "command": "", "references": "names", "size": "",
}  # fmt: skip
_ALSO = {
    "routes": ("router",), "access": ("router",), "calls": ("router", "served"),
    "reachable": ("roots",), "references": ("among",),
}  # fmt: skip
_ABOUT_FILES = ("tsc", "oxlint", "squawk")  # presets that say nothing without files
_WORDS: dict[Any, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _given(kind: Any) -> Any:
    """Return the type of a key that may be left out, once it is there."""
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        (kind,) = (arg for arg in typing.get_args(kind) if arg is not types.NoneType)
    return kind


def _kind(data: Any) -> str:
    names = {dict: "a table", list: "a list", float: "a number with a point", **_WORDS}
    return names.get(type(data), type(data).__name__)


def _settable(cls: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(cls) if field.metadata]


def _path(place: _Place) -> str:
    return ".".join(part for part in place if isinstance(part, str))


def _spell(place: _Place) -> str:
    out = ""
    for part in place:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out or "the plan"


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-\s]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-.]+)\s*=")


def _lines(text: str) -> dict[_Place, int]:
    """Return the line of each table and key; good enough for messages, never used to decode."""
    lines: dict[_Place, int] = {}
    table: _Place = ()
    counts: dict[_Place, int] = {}
    for number, line in enumerate(_TEXT.sub(_blank, text).split("\n"), 1):
        header = _HEADER.match(line)
        if header:
            table = ()
            parts = [part.strip() for part in header[2].split(".")]
            for depth, part in enumerate(parts, 1):
                table = (*table, part)
                if depth == len(parts) and header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = (*table, counts[table])
            lines.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            lines.setdefault((*table, *key[1].split(".")), number)
    return lines


_TEXT = re.compile(
    r'''"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"'''
    r"""|'''.*?'''|'[^'\n]*'|\#[^\n]*""",
    re.DOTALL,
)


def _blank(found: re.Match[str]) -> str:
    """Return as many lines as a text or comment of the file has, without what it says."""
    return "\n" * found[0].count("\n")


# --- the schema --------------------------------------------------------------------------------


def schema() -> Json:
    """Return the JSON Schema (draft 2020-12) of a plan file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ClubOS plan",
        **_schema_of(Plan),
    }


def _schema_of(kind: Any) -> Json:
    kind = _given(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = _settable(kind)
        return {
            "type": "object",
            "description": (kind.__doc__ or "").strip().split("\n")[0],
            "additionalProperties": False,
            "required": [field.name for field in fields if field.default is dataclasses.MISSING],
            "properties": {field.name: _property(hints[field.name], field) for field in fields},
        }
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": _schema_of(args[0])}
    if origin is typing.Literal:
        return {"enum": list(args)}
    return {"type": {str: "string", int: "integer", bool: "boolean"}[kind]}


def _lacks(check: CheckSpec) -> str:
    """Return what a command has no evidence without."""
    if check.preset:
        return "the key 'paths'" if check.preset in _ABOUT_FILES and not check.paths else ""
    if not check.command.strip():
        return "the key 'command', or a 'preset'"
    needed = {"files": "paths", "problems": "paths", "junit": "report", "count": "pattern"}.get(
        check.evidence, ""
    )
    return f"the key {needed!r}" if needed and not getattr(check, needed) else ""


def _command_line(kind: str, words: str) -> Json:
    return {
        "type": "object",
        "description": words,
        "additionalProperties": False,
        "required": [kind],
        "properties": {kind: {"type": "string"}},
    }


_AGENT: list[Json] = [
    {"type": "string"},
    _command_line("shell", "A command line, run in the box with the action in $PROMPT."),
    _command_line("acp", "A command line that speaks the Agent Client Protocol, in the box."),
]


def _property(kind: Any, field: dataclasses.Field[Any]) -> Json:
    out = {**_schema_of(kind), "description": field.metadata["help"]}
    if field.metadata.get("agent"):
        del out["type"]
        out["anyOf"] = _AGENT
    rename: dict[str, Callable[[Any], Json]] = {
        "minimum": lambda value: {"minimum": value},
        "pattern": lambda value: {"pattern": f"^{value}$"},
        "nonempty": lambda _: {"minItems": 1},
    }
    for rule, value in field.metadata.items():
        if rule in rename:
            out.update(rename[rule](value))
    if isinstance(field.default, str | int | bool) and field.default != "":
        out["default"] = field.default
    return out
