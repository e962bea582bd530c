"""Checks on what files say: JSON, and no secrets."""

from __future__ import annotations

import json
import re

from clubos_tui.changes.paths import matches
from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.plan import CheckSpec

# As their makers write them; a placeholder such as `sk-...` is none of these. The literal in front
# is looked for first, because most files hold none of them.
_SECRETS = {
    "an Anthropic or OpenAI key": ("sk-", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}")),
    "an AWS access key": ("AKIA", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    "a GitHub token": ("gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}")),
    "a Slack token": ("xox", re.compile(r"\bxox[abpr]-[0-9A-Za-z-]{10,}")),
    "a private key": ("PRIVATE KEY", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    "a password in a URL": (
        "://",
        re.compile(r"\b[a-z][a-z0-9+]*://[^\s:/@]+:[^\s:/@<>{}$]{6,}@(?!localhost)"),
    ),
}


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


def secrets(subject: Subject, spec: CheckSpec) -> Checking:
    """No changed file (of those the patterns name, or all) holds a key, token or password."""
    faults = []
    changed = [
        row.path
        for row in subject.manifest
        if row.after
        and row.path not in subject.withheld
        and (not spec.paths or matches(row.path, spec.paths))
    ]
    for path in changed:
        yield path
        source = subject.read(path).decode("utf-8", "replace")
        for what, (literal, shape) in _SECRETS.items():
            match = shape.search(source) if literal in source else None
            if match:
                # The place and never the secret: evidence is kept for ever.
                line = source.count("\n", 0, match.start()) + 1
                faults.append(f"{path}:{line} holds what looks like {what}")
    return verdict(len(changed), faults, spec, "changed files")
