"""Checks on files as files: which there are, which need a partner, what they must contain."""

from __future__ import annotations

import posixpath
import re

from clubos_tui.changes.manifest import Change
from clubos_tui.changes.paths import matches
from clubos_tui.checks.base import EVIDENCE_LINES, Checking, Subject, Verdict, verdict
from clubos_tui.checks.guard import touched
from clubos_tui.plan import CheckSpec


def paths(subject: Subject, spec: CheckSpec) -> Checking:
    """Each pattern matches at least one file, and none of those is empty."""
    faults, cases = [], 0
    for pattern in spec.paths:
        yield pattern
        found = subject.under(pattern)
        cases += len(found)
        if not found:
            faults.append(f"nothing matches {pattern}")
        faults += [
            f"{path} is empty"
            for path in found
            if path not in subject.withheld and not subject.read(path)
        ]
    return verdict(max(cases, len(faults)), faults, spec, "files")


def pairs(subject: Subject, spec: CheckSpec) -> Checking:
    """Each file has its partner beside it, each partner its file, and numbers leave no gap."""
    faults = []
    found = subject.matching(spec)
    suffix = suffix_of(spec.paths)
    for path in found:
        yield path
        stem = path.removesuffix(suffix)
        if stem + spec.partner not in subject.files:
            faults.append(f"{path} has no {posixpath.basename(stem)}{spec.partner}")
    stems = {path.removesuffix(suffix) for path in found}
    folders = {posixpath.dirname(path) for path in found}
    faults += [
        f"{path} has no {suffix} file"
        for folder in folders
        for path in subject.below(folder)
        if path.endswith(spec.partner)
        and posixpath.dirname(path) == folder
        and path.removesuffix(spec.partner) not in stems
    ]
    for folder in sorted(folders):
        faults += _gaps([path for path in found if posixpath.dirname(path) == folder])
    return verdict(max(len(found), len(faults)), faults, spec, "pairs")


def suffix_of(patterns: tuple[str, ...]) -> str:
    """Return what the paths of a pattern end with, behind its last star."""
    return patterns[0].rsplit("*", 1)[-1] if patterns else ""


def _gaps(found: list[str]) -> list[str]:
    numbers = [
        int(match[1]) for path in found if (match := re.match(r"(\d+)", posixpath.basename(path)))
    ]
    if not numbers:
        return []
    faults = []
    expected = range(min(numbers), min(numbers) + len(numbers))
    if sorted(numbers) != list(expected):
        faults.append(f"the numbers {sorted(numbers)} repeat one or leave a gap")
    return faults


def text(subject: Subject, spec: CheckSpec) -> Checking:
    """Each file contains what the pattern (a regular expression) describes."""
    wanted = re.compile(spec.pattern)
    faults = []
    found = subject.matching(spec)
    for path in found:
        yield path
        try:
            if not wanted.search(subject.text(path)):
                faults.append(f"{path} does not contain /{spec.pattern}/")
        except UnicodeDecodeError:
            faults.append(f"{path} is not UTF-8 text")
    return verdict(len(found), faults, spec, "files")


_IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")
_ENDINGS = (".ts", ".tsx", ".js", ".jsx", ".json", ".css", "/index.ts", "/index.tsx", "/index.js")


def imports(subject: Subject, spec: CheckSpec) -> Checking:
    """Each relative import of a TypeScript or JavaScript file leads to a file of the tree."""
    faults = []
    cases = 0
    for path in subject.matching(spec):
        yield path
        try:
            source = subject.text(path)
        except UnicodeDecodeError:
            faults.append(f"{path} is not UTF-8 text")
            continue
        for match in _IMPORT.finditer(source):
            target = match[1]
            cases += 1
            if not resolved(subject, posixpath.join(posixpath.dirname(path), target)):
                line = source.count("\n", 0, match.start(1)) + 1
                faults.append(f"{path}:{line} imports {target}, which is not there")
    return verdict(max(cases, len(faults)), faults, spec, "relative imports")


def resolved(subject: Subject, target: str) -> str | None:
    """Return the file of the tree that a path in an import stands for."""
    path = posixpath.normpath(target)
    # An ES module names the file that the compiler will make: x.js stands for x.ts or x.tsx.
    stem = re.sub(r"\.(m|c)?jsx?$", "", path)
    candidates = [path, *(base + ending for base in (path, stem) for ending in _ENDINGS)]
    return next((item for item in candidates if item in subject.files), None)


def protected(subject: Subject, _spec: CheckSpec) -> Checking:
    """No changed path lies under a protected pattern."""
    yield "manifest"
    faults = []
    for row in subject.manifest:
        for path in filter(None, (row.path, row.old_path)):
            # `.GitHub` is `.github` on many a disk.
            pattern = matches(path.casefold(), [item.casefold() for item in subject.protected])
            if pattern:
                faults.append(f"{path} is protected by {pattern}")
    cases = len(subject.manifest)
    if faults:
        return Verdict("failed", f"{len(faults)} protected paths are touched", tuple(faults), cases)
    if not cases:
        return Verdict("unknown", "nothing is changed, so nothing was looked at")
    return Verdict("passed", f"none of {cases} changed paths is protected", (), cases)


def _told(row: Change, why: str) -> str:
    if row.old_path:
        return f"{row.old_path}: moved to {row.path} ({why})"
    return f"{row.path}: {row.effect} ({why})"


def tamper(subject: Subject, _spec: CheckSpec) -> Checking:
    """No changed path is one that the phase is judged by."""
    yield "manifest"
    cases = len(subject.manifest)
    if not cases:
        return Verdict("unknown", "nothing is changed, so nothing was looked at")
    found = touched(subject.manifest, subject.guard)
    if not found:
        return Verdict("passed", f"none of {cases} changed paths judges this phase", (), cases)
    rows = [_told(row, why) for row, why in found[:EVIDENCE_LINES]]
    rows += [f"and {len(found) - len(rows)} more"] if len(found) > len(rows) else []
    words = f"{len(found)} changed paths judge this phase; they need an approval of their own"
    return Verdict("failed", words, tuple(rows), cases)
