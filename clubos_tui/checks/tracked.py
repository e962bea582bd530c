"""What git would make of the files: which it ignores, and what no tree should hold."""

from __future__ import annotations

import os
import posixpath
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator

from clubos_tui.changes.manifest import path_bytes, path_text
from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.errors import ClubosError
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.ignored import IgnoreRules

__all__ = ["git"]

_RULES = ".gitignore"
_CONFLICT = re.compile(rb"^(<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)


def git(subject: Subject, spec: CheckSpec) -> Checking:
    """No file is left in conflict, tracked although ignored, or named like another but for case.

    And git ignores what the plan says it has to.
    """
    found = subject.matching(spec)
    faults = list(_alike(found))
    for path in found:
        yield path
        data = subject.read(path)
        if mark := _CONFLICT.search(data):
            line = data.count(b"\n", 0, mark.start()) + 1
            faults.append(f"{path}:{line} is in conflict")
    try:
        ignored = _ignored(subject, [*found, *spec.ignored])
    except (ClubosError, OSError) as error:
        return verdict(0, [f"git can't say what is ignored: {error}"], spec, "files")
    faults += [f"{path} is tracked, although git ignores it" for path in found if path in ignored]
    faults += [
        f"{_nearest(subject, path)} does not ignore {path}"
        for path in spec.ignored
        if path not in ignored
    ]
    return verdict(len(found), faults, spec, "files")


def _alike(paths: Iterable[str]) -> Iterator[str]:
    by: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by[path.casefold()].append(path)
    for same in by.values():
        if len(same) > 1:
            yield f"{same[0]} and {same[1]} are one file on many a disk"


def _ignored(subject: Subject, paths: list[str]) -> set[str]:
    """Return those paths that the tree's own rules ignore, whatever a person's rules say."""
    with tempfile.TemporaryDirectory(prefix="clubos-rules-") as place:
        folder = os.path.join(place, "tree")
        os.mkdir(folder)
        for path in subject.under(_RULES):
            where = os.path.join(folder, path)
            os.makedirs(os.path.dirname(where), exist_ok=True)
            with open(where, "wb") as file:
                file.write(subject.read(path))
        with IgnoreRules(None, place).asked(folder, subject.look) as ignored:
            # A folder is asked about before what is in it: below an ignored one nothing counts.
            asked = sorted({item for path in paths for item in _with_folders(path)})
            said = {path_text(raw) for raw in ignored.among([path_bytes(item) for item in asked])}
    return {path for path in paths if not said.isdisjoint(_with_folders(path))}


def _with_folders(path: str) -> Iterator[str]:
    yield path
    while path := posixpath.dirname(path):
        yield f"{path}/"


def _nearest(subject: Subject, path: str) -> str:
    """Return the file of rules that should say so."""
    while path:
        path = posixpath.dirname(path)
        if (rules := posixpath.join(path, _RULES)) in subject.files:
            return rules
    return f"no {_RULES} is there, and git"
