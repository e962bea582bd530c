"""Decisions on the rows of a change set, and what is left of it when they are sealed.

A draft: each file is accepted, rejected or pending. Sealing keeps the accepted and pending rows
and drops the rejected ones; the tree that makes has its own id and is checked as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clubos_tui.changes.manifest import Change, Verdict


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on one path of a change set, with the person's note."""

    path: str
    verdict: Verdict
    note: str = ""


def rejected(changes: Iterable[Change], decisions: Mapping[str, Decision]) -> tuple[Change, ...]:
    """Return the rows a person turned down."""
    return tuple(row for row in changes if _verdict(row, decisions) == "reject")


def kept(changes: Iterable[Change], decisions: Mapping[str, Decision]) -> tuple[Change, ...]:
    """Return the rows that stay when the draft is sealed: all but the rejected."""
    return tuple(row for row in changes if _verdict(row, decisions) != "reject")


def pending(changes: Iterable[Change], decisions: Mapping[str, Decision]) -> tuple[Change, ...]:
    """Return the rows nobody has decided on yet."""
    return tuple(row for row in changes if row.path not in decisions)


def _verdict(row: Change, decisions: Mapping[str, Decision]) -> Verdict | None:
    decision = decisions.get(row.path)
    return decision.verdict if decision else None
