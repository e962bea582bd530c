"""How much a phase may change, and what it may not bring: sizes, numbers, names."""

from __future__ import annotations

from clubos_tui.changes.manifest import GITLINK
from clubos_tui.changes.paths import matches
from clubos_tui.checks.base import Checking, Subject, Verdict, verdict
from clubos_tui.plan import CheckSpec

__all__ = ["forbidden", "size"]


def size(subject: Subject, spec: CheckSpec) -> Checking:
    """No changed file is larger than the plan allows, and there are not too many of them."""
    faults = []
    changed = [
        row for row in subject.manifest
        if row.path not in subject.withheld and (not spec.paths or matches(row.path, spec.paths))
    ]  # fmt: skip
    for row in changed:
        yield row.path
        if not row.after or row.after.mode == GITLINK:
            continue
        held = len(subject.read(row.path))
        if spec.kilobytes and held > spec.kilobytes << 10:
            faults.append(f"{row.path}: {held / 1024:,.1f} KB, at most {spec.kilobytes:,} allowed")
    if spec.files and len(changed) > spec.files:
        faults.insert(0, f"{len(changed):,} files are changed, at most {spec.files:,} allowed")
    return verdict(len(changed), faults, spec, "changed files")


def forbidden(subject: Subject, spec: CheckSpec) -> Checking:
    """No changed file has, or gets, a name that the plan forbids."""
    yield "manifest"
    patterns = [pattern.casefold() for pattern in spec.paths]
    cases = len(subject.manifest)
    if not cases:
        return Verdict("unknown", "nothing is changed, so nothing was looked at")
    faults = [
        f"{row.path} is forbidden by {pattern}"
        for row in subject.manifest
        if row.after and (pattern := matches(row.path.casefold(), patterns))
    ]
    if faults:
        return verdict(cases, faults, spec, "changed paths")
    return Verdict("passed", f"none of {cases} changed paths is forbidden", (), cases)
