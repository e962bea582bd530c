"""No changed file holds a key, token or password: in the lines that it adds.

The shapes here are always looked for; where detect-secrets is installed, those of its detectors
too. Random-looking text alone is no finding, and no comment in a file can switch anything off.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, Final

from clubos_tui.changes.paths import matches
from clubos_tui.checks.base import KEPT_BYTES, Checking, Subject, verdict
from clubos_tui.plan import CheckSpec

__all__ = ["secrets"]

# As their makers write them; a placeholder such as `sk-...` is none of these. The literal in front
# is looked for first, because most lines hold none of them.
_SHAPES: Final = {
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
_LOCKS: Final = (
    "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "*.lock", "go.sum", "bun.lockb",
)  # fmt: skip
# These go by randomness or by the name of a variable, and are wrong too often to close a gate.
_TOO_LOUD: Final = {
    "Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector", "IPPublicDetector",
}  # fmt: skip
_PIECE: Final = 4096  # characters of a line that detectors look at together
_OVERLAP: Final = 512  # characters of a key


def secrets(subject: Subject, spec: CheckSpec) -> Checking:
    """No changed file (of those the patterns name, or all) adds a key, token or password."""
    changed = [
        row
        for row in subject.manifest
        if row.after
        and row.path not in subject.withheld
        and (not spec.paths or matches(row.path, spec.paths))
    ]
    faults = []
    for row in changed:
        yield row.path
        before = subject.before(row.old_path or row.path) if row.before else None
        locked = matches(row.path, _LOCKS) is not None
        # The place and never the secret: evidence is kept for ever.
        faults += [
            f"{row.path}:{number} holds what looks like {what}"
            for number, what in _leaks_in(subject.read(row.path), before or b"", locked=locked)
        ]
    found = verdict(len(changed), faults, spec, "changed files")
    return replace(found, tool=_tool()) if _detectors() else found


def _leaks_in(data: bytes, before: bytes, *, locked: bool) -> tuple[tuple[int, str], ...]:
    """Return the lines that the base does not hold and that look like a secret, and like which."""
    look = _known_leaks if len(data) + len(before) <= KEPT_BYTES else _leaks
    return look(data, before, locked)


@lru_cache(maxsize=512)  # a file is looked at when it is proposed, sealed, executed and merged
def _known_leaks(data: bytes, before: bytes, locked: bool) -> tuple[tuple[int, str], ...]:
    return _leaks(data, before, locked)


def _leaks(data: bytes, before: bytes, locked: bool) -> tuple[tuple[int, str], ...]:
    known, detectors = set(before.splitlines()), {} if locked else _detectors()
    found = (
        (number, _found(line.decode("utf-8", "replace"), detectors))
        for number, line in enumerate(data.splitlines(), 1)
        if line not in known
    )
    return tuple((number, what) for number, what in found if what)


def _found(line: str, detectors: Mapping[str, Any]) -> str:
    for what, (literal, shape) in _SHAPES.items():
        if literal in line and shape.search(line):
            return what
    # In pieces that overlap: some detectors take far longer than twice as long for twice a line.
    for start in range(0, max(1, len(line) - _OVERLAP), _PIECE - _OVERLAP):
        piece = line[start : start + _PIECE]
        for what, detector in detectors.items():
            if next(iter(detector.analyze_string(piece)), None):
                return what
    return ""


@cache
def _detectors() -> Mapping[str, Any]:
    """Return what detect-secrets has to find known kinds of key; nothing without it."""
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    except ImportError:
        return {}
    return {
        f"a secret ({kind})": made()
        for kind, made in get_mapping_from_secret_type_to_class().items()
        if made.__name__ not in _TOO_LOUD
    }


@cache
def _tool() -> str:
    return f"clubos and detect-secrets {importlib.metadata.version('bc-detect-secrets')}"
