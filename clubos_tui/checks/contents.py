"""JSON files that are JSON."""

from __future__ import annotations

import json

from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.plan import CheckSpec


def json_files(subject: Subject, spec: CheckSpec) -> Checking:
    """Each file is JSON without a key twice in one object."""
    faults = []
    found = subject.matching(spec)
    for path in found:
        yield path
        try:
            text = subject.text(path)
        except UnicodeDecodeError as error:
            faults.append(f"{path}: {error}")
            continue
        try:
            json.loads(text, object_pairs_hook=_unique)
        except json.JSONDecodeError as error:
            faults.append(f"{path}:{error.lineno}: {error}")
        except ValueError as error:
            from clubos_tui.checks.sources.jsontree import twice

            line = twice(text)
            faults.append(f"{path}:{line}: {error}" if line else f"{path}: {error}")
    return verdict(len(found), faults, spec, "JSON files")


def _unique(rows: list[tuple[str, object]]) -> dict[str, object]:
    out: dict[str, object] = {}
    for key, value in rows:
        if key in out:
            raise ValueError(f"key {key!r} stands twice in one object")
        out[key] = value
    return out
