"""What checks came to: in plain lines, as JSON, and as a report in JUnit's XML for other tools."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clubos_tui.changes.manifest import TreeId
from clubos_tui.codec import Json
from clubos_tui.disk import write_all
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.state import ON_STAGE, RunView
from clubos_tui.events import CheckFinished, Scope

__all__ = ["Gathered", "check_json", "gathered", "lines", "to_json", "write_junit"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The evidence about one tree."""

    phase: int
    scope: Scope
    tree: TreeId
    open: bool | None
    checks: tuple[CheckFinished, ...]
    overridden: dict[str, str]
    """By check: who opened the gate in spite of it, and why."""
    unproven: frozenset[str]
    undo: str
    """What the rehearsal of the rollback came to; empty where none was made."""

    @property
    def title(self) -> str:
        """Which tree, in words."""
        of = f"phase {self.phase}" if self.scope != "merge" else "every phase"
        return f"{of}, {self.scope} {self.tree[:12]}"


def gathered(view: RunView, numbers: Sequence[int]) -> list[Gathered]:
    """Return the evidence about the present trees of phases, and about the merged tree."""
    found = []
    for number in numbers:
        tree = view.phase(number).change_set
        staged = view.phase(number).state in ON_STAGE  # else it was taken back
        scopes: tuple[Scope, ...] = ("proposal", "stage") if staged else ("proposal",)
        found += [_gathered(view, number, scope, tree) for scope in scopes]
    if prepared := view.merge.prepared:
        found.append(_gathered(view, len(view.phases), "merge", prepared.tree))
    return [item for item in found if item.checks]


def _gathered(view: RunView, number: int, scope: Scope, tree: TreeId) -> Gathered:
    overridden = {
        over.check: f"{over.by}: {over.reason}"
        for (where, what, _), over in view.overridden.items()
        if (where, what) == (scope, tree)
    }
    specs = specs_of(view.plan, number, scope)
    unproven = frozenset(
        spec.name for spec in specs if scope != "merge" and not view.is_proved(number, spec)
    )
    checks = tuple(view.checks.get((scope, tree), {}).values())
    undo, rehearsed = "", view.phase(number).rehearsed
    if scope == "proposal" and rehearsed and rehearsed.change_set == tree:
        paths = rehearsed.paths or rehearsed.files
        undo = f"undo proven: {paths:,} paths identical"
        undo = undo if rehearsed.identical else f"undo not proven: {rehearsed.detail}"
    return Gathered(
        number, scope, tree, view.gate_open(scope, tree), checks, overridden, unproven, undo
    )


def lines(found: Gathered) -> Iterator[str]:
    """Yield what a person reads."""
    gate = {True: "open", False: "shut", None: "not decided"}[found.open]
    yield f"{found.title}: gate {gate}"
    for check in found.checks:
        took = f"({check.milliseconds / 1000:.2f} s, {check.tool})"
        yield f"  {check.outcome:<8} {check.check}: {check.summary}  {took}"
        yield from (f"{'':11}{note}" for note in _notes(found, check))
        if check.outcome != "passed":
            yield from (f"{'':11}{line}" for line in check.evidence)
    if found.undo:
        yield f"  {found.undo}"


def _notes(found: Gathered, check: CheckFinished) -> Iterator[str]:
    if not check.required:
        yield "if available: where it can't be carried out, no gate waits for it"
    if check.check in found.unproven:
        yield "unproven: it was not seen to fail on a seeded fault in this version"
    if check.reused:
        yield "nothing that it depends on has changed since it was carried out"
    if check.at_base >= 0:
        yield f"cases on the base: {check.at_base}"
    if check.from_base:
        yield f"judged with {len(check.from_base)} paths as in the base"
    if who := found.overridden.get(check.check):
        yield f"overridden by {who}"


def to_json(found: Gathered) -> Json:
    """Return the same for programs."""
    return {
        "phase": found.phase,
        "scope": found.scope,
        "tree": found.tree,
        "gate": {True: "open", False: "shut", None: None}[found.open],
        "undo": found.undo or None,
        "checks": [
            {
                **check_json(check),
                "proved": check.check not in found.unproven,
                "overridden": found.overridden.get(check.check),
            }
            for check in found.checks
        ],
    }


def check_json(check: CheckFinished) -> Json:
    """Return what one check came to."""
    return {
        "check": check.check,
        "outcome": check.outcome,
        "required": check.required,
        "summary": check.summary,
        "evidence": list(check.evidence),
        "tool": check.tool,
        "cases": check.cases,
        "milliseconds": check.milliseconds,
        "tree": check.tree,
        "reused": check.reused,
        "cases_at_base": check.at_base if check.at_base >= 0 else None,
        "from_base": list(check.from_base),
    }


def write_junit(found: Sequence[Gathered], path: str) -> None:
    """Write a report that CI can show; a check that is unknown is an error in it.

    Raises:
        OSError: It can't be written.
    """
    root = ET.Element("testsuites", name="clubos")
    for item in found:
        suite = ET.SubElement(root, "testsuite", name=item.title)
        for check in item.checks:
            _case(suite, item, check)
        if item.undo:
            _undo_case(suite, item)
        cases = list(suite)
        suite.set("tests", str(len(cases)))
        for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite.set(name, str(sum(case.find(kind) is not None for case in cases)))
    data = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(fd, data + b"\n")
    finally:
        os.close(fd)


def _undo_case(suite: ET.Element, found: Gathered) -> None:
    names = {"name": "undo", "classname": f"clubos.phase-{found.phase}"}
    case = ET.SubElement(suite, "testcase", names)
    proven = found.undo.startswith("undo proven")
    ET.SubElement(case, "system-out" if proven else "failure").text = _text(found.undo)


_KINDS = {"failed": "failure", "unknown": "error", "not run": "skipped"}


def _case(suite: ET.Element, found: Gathered, check: CheckFinished) -> None:
    case = ET.SubElement(
        suite, "testcase", name=_text(check.check), classname=f"clubos.phase-{found.phase}",
        time=f"{check.milliseconds / 1000:.3f}",
    )  # fmt: skip
    said = _text("\n".join((*check.evidence, *_notes(found, check))))
    kind = _KINDS.get(check.outcome)
    if kind and check.check in found.overridden:
        kind = "skipped"
    if kind:
        fault = ET.SubElement(case, kind, message=_text(check.summary))
        fault.text = said
    else:
        ET.SubElement(case, "system-out").text = said


# What XML can't hold: most control characters, and halves of characters.
_NOT_XML = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
