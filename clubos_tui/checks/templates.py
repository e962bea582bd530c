"""Environment templates: they parse, hold no secret, and name what the code reads."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from clubos_tui.checks.base import Checking, Subject, Verdict, verdict
from clubos_tui.plan import CheckSpec

__all__ = ["env"]

_SECRET_NAME = re.compile(r"(?i)(secret|password|passwd|token|api_?key|private_?key)")
_PLACEHOLDER = re.compile(r"(?i)^(|<.*>|\$\{.*\}|change-?me.*|replace-?me.*|your-.*|example.*)$")

_Templates = dict[str, dict[str, int]]
"""For each template the line of each variable that it names."""


def env(subject: Subject, spec: CheckSpec) -> Checking:
    """Each environment template parses, names no variable twice and holds no secret.

    Where the plan asks for it, all name the same variables, and these are those that the code
    reads.
    """
    faults: list[str] = []
    found = subject.matching(spec)
    templates: _Templates = {}
    for path in found:
        yield path
        try:
            source = subject.text(path)
        except UnicodeDecodeError:
            faults.append(f"{path} is not UTF-8 text")
            continue
        templates[path] = {}
        faults += _read(path, source, templates[path])
    if spec.alike:
        faults += _differing(templates)
    if spec.code:
        from clubos_tui.checks.sources.variables import variables

        used = yield from variables(subject, spec)
        faults += [*used.faults, *_unnamed(used.reads, templates), *_unread(used.reads, templates)]
        if not used.reads and not faults:
            return Verdict("unknown", "no variable is read anywhere", spec.code)
    return verdict(len(found), faults, spec, "environment templates")


def _read(path: str, source: str, seen: dict[str, int]) -> Iterator[str]:
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(source)):
        text = binding.original.string
        # What it is said to begin with are the empty lines before it.
        line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        if binding.error:
            yield f"{path}:{line} is not KEY=value"
        if not binding.key:
            continue
        if binding.key in seen:
            yield f"{path}:{line} names {binding.key} twice"
        seen[binding.key] = line
        if _SECRET_NAME.search(binding.key) and not _PLACEHOLDER.match(binding.value or ""):
            yield f"{path}:{line} gives {binding.key} a value"
    if not seen:
        yield f"{path} names no variable"


def _differing(templates: _Templates) -> Iterator[str]:
    for path, names in templates.items():
        for name, line in names.items():
            for other in (item for item in templates if name not in templates[item]):
                yield f"{path}:{line}: names {name}, which {other} does not"


def _unnamed(reads: dict[str, str], templates: _Templates) -> Iterator[str]:
    for name, place in reads.items():
        lacking = [path for path, names in templates.items() if name not in names]
        if lacking:
            words = "no template" if len(lacking) == len(templates) else " and ".join(lacking)
            yield f"{place}: reads {name}, which {words} " + (
                "names" if len(lacking) == len(templates) else "does not name"
            )


def _unread(reads: dict[str, str], templates: _Templates) -> Iterator[str]:
    for path, names in templates.items():
        yield from (
            f"{path}:{line}: names {name}, which nothing reads"
            for name, line in names.items()
            if name not in reads
        )
