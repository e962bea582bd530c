"""Canaries: for every kind of check a fault that it must find, planted in a scratch copy (P7).

A check that has never been seen to fail proves nothing by passing. It has to find the fault, and
for its reason: what it says must name the file in which the fault was planted.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from clubos_tui.changes.manifest import FILE, BlobId, Change, Entry
from clubos_tui.checks import run
from clubos_tui.checks.base import Subject, Verdict, below_of
from clubos_tui.checks.files import suffix_of
from clubos_tui.checks.sources import canaries as sources
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id

__all__ = ["Fault", "catches", "fault_for", "found", "imagined", "plant"]

# Of parts, so that no scanner takes the seeded fault for a real one.
_KEY: Final = "AKIA" + "CANARY" + "0123456789"
_TOKEN: Final = "ghp" + "_" + "9fK2mQ7xVtB4nL8wRz" + "Y3cHdJ6sGpAe1UiToW"
_NAME: Final = "clubos-canary"
_TESTS: Final = {
    "pytest": ("test_clubos_canary.py", b"def test_canary():\n    assert False, 'planted'\n"),
    "vitest": (
        "clubos-canary.test.js",
        b"import { expect, it } from 'vitest';\nit('canary', () => expect(1).toBe(2));\n",
    ),
}

_LINES: Final = {
    "tsc": ("a value is of another type", b"export const clubosCanary: number = 'planted';"),
    "oxlint": ("a line stops the program", b"debugger;"),
    "squawk": ("a table is dropped", b"drop table clubos_canary;"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What lies at a path instead of what should; without data nothing does."""

    path: str
    data: bytes | None
    words: str


def fault_for(spec: CheckSpec, subject: Subject) -> Fault | None:
    """Return a fault that a check must find in a tree; ``None`` where none is known for it."""
    if spec.canary:
        return Fault(spec.canary, spec.canary_text.encode(), "the plan's own fault")
    if spec.kind in sources.FAULTS or (spec.kind == "env" and spec.code):
        planted = sources.FAULTS.get(spec.kind, sources.unnamed_variable)(spec, subject)
        return Fault(*planted) if planted else None
    make = _FAULTS.get(spec.kind)
    return make(spec, subject) if make else None


def plant(fault: Fault, subject: Subject, folder: str) -> Subject:
    """Put a fault into a copy of the tree, and return what is now to be judged.

    Args:
        fault: Which.
        subject: The good tree.
        folder: A copy of it that may be changed.
    """
    place = os.path.join(folder, fault.path)
    if fault.data is None:
        os.unlink(place)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(fault.data)
    return replace(imagined(fault, subject), folder=folder, copy=lambda: folder, _known={})


def catches(spec: CheckSpec, subject: Subject) -> bool:
    """Tell whether a check that only reads finds its fault in a tree; nothing is written."""
    try:
        fault = fault_for(spec, subject)
    except Exception:  # the tree is not what such a fault could be made of, or not there any more
        return False
    return fault is not None and found(fault, run(spec, imagined(fault, subject)))


def imagined(fault: Fault, subject: Subject) -> Subject:
    """Return what a check would see if the fault were there, without its being there."""
    before = subject.files.get(fault.path)
    after: Entry | None = None
    if fault.data is not None:
        mode = before.mode if before else FILE
        after = Entry(mode, BlobId(object_id("blob", fault.data, subject.object_format)))
    row = Change(
        fault.path, "create" if before is None else "modify" if after else "delete",
        old_mode=before.mode if before else "", old_blob=before.blob if before else BlobId(""),
        new_mode=after.mode if after else "", new_blob=after.blob if after else BlobId(""),
    )  # fmt: skip
    others = tuple(item for item in subject.manifest if item.path != fault.path)
    return replace(
        subject, files=_With(subject.files, fault.path, after), manifest=(*others, row),
        withheld=frozenset(), _known={} if fault.data is None else {fault.path: fault.data},
    )  # fmt: skip


class _With(Mapping[str, Entry]):
    """A tree's files with one of them as it is not."""

    def __init__(self, files: Mapping[str, Entry], path: str, entry: Entry | None) -> None:
        self._files, self._path, self._entry = files, path, entry

    def __getitem__(self, path: str) -> Entry:
        if path != self._path:
            return self._files[path]
        if self._entry is None:
            raise KeyError(path)
        return self._entry

    def __iter__(self) -> Iterator[str]:
        yield from (path for path in self._files if path != self._path)
        if self._entry is not None:
            yield self._path

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def under(self, folder: str) -> Mapping[str, Entry]:
        """Return what lies in a folder and all below it."""
        below = dict(below_of(self._files, folder))
        below.pop(self._path, None)
        if self._entry is not None and (not folder or self._path.startswith(f"{folder}/")):
            below[self._path] = self._entry
        return below


def found(fault: Fault, verdict: Verdict) -> bool:
    """Tell whether a check failed because of a fault, and not by accident."""
    if verdict.outcome != "failed":
        return False
    said = "\n".join((verdict.summary, *verdict.evidence))
    return fault.path in said or os.path.basename(fault.path) in said


# --- a fault a kind -----------------------------------------------------------------------------


def _first(spec: CheckSpec, subject: Subject) -> str:
    return next(iter(subject.matching(spec)), "")


def _empty(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    return Fault(path, b"", "a file is empty") if path else None


def _broken_json(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    return Fault(path, b'{"half": ', "a JSON file is cut off") if path else None


def _misfit(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    if not path:
        return None
    data = json.loads(subject.text(path))
    kept = {"$schema": data["$schema"]} if isinstance(data, dict) and "$schema" in data else {}
    return Fault(path, json.dumps(kept).encode(), "a file lacks what its schema asks for")


def _real_value(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    if not path:
        return None
    data = subject.read(path) + b"\nCANARY_TOKEN=9f8e7d6c5b4a\n"
    return Fault(path, data, "a template holds a real value")


def _no_partner(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    partner = path.removesuffix(suffix_of(spec.paths)) + (spec.partner or ".down.sql")
    return Fault(partner, None, "a partner is missing") if partner in subject.files else None


def _dead_import(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    if not path:
        return None
    data = subject.read(path) + b"\nimport { nothing } from './clubos-canary-that-is-not-there';\n"
    return Fault(path, data, "an import leads nowhere")


def _planted_key(spec: CheckSpec, _subject: Subject) -> Fault:
    pattern = spec.paths[0] if spec.paths else f"{_NAME}.txt"
    return Fault(_path_under(pattern), f"key = {_KEY}\n".encode(), "a file holds a key")


def _touched(_spec: CheckSpec, subject: Subject) -> Fault | None:
    if not subject.protected:
        return None
    return Fault(_path_under(subject.protected[0]), b"x\n", "a protected path is touched")


def _conflict(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    if not path:
        return None
    mark = b"<" * 7 + b" ours\n" + b"=" * 7 + b"\n" + b">" * 7 + b" theirs\n"
    return Fault(path, subject.read(path) + b"\n" + mark, "a file is left in conflict")


def _forbidden_name(spec: CheckSpec, _subject: Subject) -> Fault | None:
    return Fault(_path_under(spec.paths[0]), b"x\n", "a file has a forbidden name")


def _too_large(spec: CheckSpec, _subject: Subject) -> Fault | None:
    if not spec.kilobytes:  # one file more can't be too many everywhere
        return None
    path = _path_under(spec.paths[0]) if spec.paths else f"{_NAME}.txt"
    return Fault(path, b"x" * ((spec.kilobytes << 10) + 1), "a file is too large")


def _meddled(_spec: CheckSpec, _subject: Subject) -> Fault | None:
    return Fault(f".github/workflows/{_NAME}.yml", b"on: push\n", "a phase touches what runs in CI")


def _way_back_that_does_nothing(spec: CheckSpec, subject: Subject) -> Fault | None:
    path = _first(spec, subject)
    down = path.removesuffix(suffix_of(spec.paths)) + (spec.partner or ".down.sql")
    if down not in subject.files:
        return None
    return Fault(down, b"select 1;\n", "a rollback script restores nothing")


def _failing_test(spec: CheckSpec, subject: Subject) -> Fault | None:
    if spec.preset in _TESTS:
        name, data = _TESTS[spec.preset]
        return Fault(posixpath.join(spec.folder, name), data, "a test fails")
    if spec.preset == "gitleaks":
        return replace(_planted_key(spec, subject), data=f"token = '{_TOKEN}'\n".encode())
    path = _first(spec, subject)
    if spec.preset not in _LINES or not path:
        return None
    words, line = _LINES[spec.preset]
    return Fault(path, subject.read(path) + b"\n" + line + b"\n", words)


def _path_under(pattern: str) -> str:
    """Return a path that a pattern matches."""
    path = re.sub(r"\*\*?/?$", _NAME, pattern) if pattern.endswith("*") else pattern
    path = path.replace("**/", "").replace("*", _NAME).replace("?", "x")
    return f"{path}{_NAME}" if path.endswith("/") else path


_FAULTS: Final[Mapping[str, Callable[[CheckSpec, Subject], Fault | None]]] = {
    "paths": _empty,
    "json": _broken_json,
    "env": _real_value,
    "schema": _misfit,
    "pairs": _no_partner,
    "imports": _dead_import,
    "secrets": _planted_key,
    "text": _empty,
    "protected": _touched,
    "tamper": _meddled,
    "forbidden": _forbidden_name,
    "size": _too_large,
    "git": _conflict,
    "migrations": _way_back_that_does_nothing,
    "command": _failing_test,
}
