"""Decisions on a change set: a draft over its files, hunks and lines, and what sealing leaves.

The finer decision wins: lines over their hunk, the hunk over its file; deciding on a whole starts
its parts anew. Nothing is decided until somebody did; sealing keeps what is accepted or pending
and drops the rejected, and the tree that makes has its own id and is checked as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from clubos_tui.changes.manifest import Change

__all__ = ["NOTHING", "Decision", "Draft", "FileDraft", "Verdict", "kept", "pending", "rejected"]

Verdict = Literal["accept", "reject", "pending"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict on a path, on one hunk of it, or on lines of that hunk, with the person's note."""

    path: str
    verdict: Verdict
    note: str = ""
    hunk: str = ""
    """`clubos_tui.changes.patch.Hunk.id`; empty for the whole file."""
    first: int = 0
    """First row of a range within the hunk, from 1; 0 for the whole hunk."""
    last: int = 0
    """Last row of it."""
    line: int = 0
    """Where it begins in the proposed file, for who reads the note; 0 where unsaid."""


@dataclass(frozen=True, slots=True)
class FileDraft:
    """The decisions on one file; never changed, only replaced."""

    whole: Decision | None = None
    hunks: Mapping[str, Decision] = field(default_factory=dict)
    lines: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
    """By hunk: ranges in order, none of which overlap."""

    @property
    def verdict(self) -> Verdict:
        """What holds where no part says otherwise."""
        return self.whole.verdict if self.whole else "pending"

    def of(self, hunk: str, row: int = 0) -> Verdict:
        """Return the verdict on a hunk, or on one row of it (from 1)."""
        for part in self.lines.get(hunk, ()) if row else ():
            if part.first <= row <= part.last:
                return part.verdict
        decision = self.hunks.get(hunk)
        return decision.verdict if decision else self.verdict

    def all(self) -> Iterator[Decision]:
        """Every decision, the coarser ones first."""
        if self.whole:
            yield self.whole
        yield from self.hunks.values()
        for parts in self.lines.values():
            yield from parts

    @property
    def divided(self) -> bool:
        """Whether parts of the file were decided on by themselves."""
        return bool(self.hunks or self.lines)

    @property
    def dropped(self) -> bool:
        """Whether the file is rejected and no part of it is accepted."""
        parts = [*self.hunks.values(), *(part for each in self.lines.values() for part in each)]
        return self.verdict == "reject" and all(part.verdict == "reject" for part in parts)

    @property
    def rejects(self) -> bool:
        """Whether anything of it is rejected."""
        return any(decision.verdict == "reject" for decision in self.all())

    def with_(self, decision: Decision) -> FileDraft | None:
        """Return the draft with one more decision; ``None`` where nothing is left of it."""
        hunk = decision.hunk
        empty = decision.verdict == "pending" and not decision.note
        if not hunk:
            return None if empty else FileDraft(decision)
        hunks, lines = dict(self.hunks), dict(self.lines)
        if decision.first:
            parts = [*_without(lines.get(hunk, ()), decision), decision]
            lines[hunk] = tuple(sorted(parts, key=lambda part: part.first))
        else:
            lines.pop(hunk, None)
            hunks[hunk] = decision
            if empty and self.verdict == "pending":
                del hunks[hunk]
        left = FileDraft(self.whole, hunks, lines)
        return left if self.whole or left.divided else None


NOTHING = FileDraft()
"""The draft of a file nobody has decided on."""


def _without(parts: Sequence[Decision], cut: Decision) -> Iterator[Decision]:
    """Yield ranges with the rows of another cut out of them."""
    for part in parts:
        if part.first < cut.first:
            yield replace(part, last=min(part.last, cut.first - 1))
        if part.last > cut.last:
            yield replace(part, first=max(part.first, cut.last + 1))


@dataclass(slots=True)
class Draft:
    """All decisions on a change set, and how to take the last gesture back."""

    files: dict[str, FileDraft] = field(default_factory=dict)
    gestures: list[dict[str, FileDraft | None]] = field(default_factory=list)
    """For each gesture what it replaced."""
    rejecting: set[str] = field(default_factory=set)
    """The paths of which something is rejected."""
    revision: int = 0
    """Grows with every change, so that a reader knows that there is one."""

    def of(self, path: str) -> FileDraft:
        """Return the decisions on a path."""
        return self.files.get(path, NOTHING)

    def decide(self, decisions: Iterable[Decision]) -> None:
        """Take decisions in; together they are one gesture."""
        before: dict[str, FileDraft | None] = {}
        for decision in decisions:
            path = decision.path
            before.setdefault(path, self.files.get(path))
            self._put(path, self.of(path).with_(decision))
        self.gestures.append(before)

    def undo(self) -> None:
        """Take the last gesture back; without one, do nothing."""
        for path, before in (self.gestures.pop() if self.gestures else {}).items():
            self._put(path, before)

    def _put(self, path: str, draft: FileDraft | None) -> None:
        self.revision += 1
        if draft is None:
            self.files.pop(path, None)
        else:
            self.files[path] = draft
        if draft is not None and draft.rejects:
            self.rejecting.add(path)
        else:
            self.rejecting.discard(path)

    def notes(self) -> tuple[Decision, ...]:
        """Return what the next attempt has to know: all that is rejected or has a note."""
        return tuple(
            decision
            for _, draft in sorted(self.files.items())
            for decision in draft.all()
            if decision.note or decision.verdict == "reject"
        )


def rejected(changes: Iterable[Change], draft: Draft) -> tuple[Change, ...]:
    """Return the rows that go as a whole when the draft is sealed."""
    return tuple(row for row in changes if draft.of(row.path).dropped)


def kept(changes: Iterable[Change], draft: Draft) -> tuple[Change, ...]:
    """Return the rows of which something stays."""
    return tuple(row for row in changes if not draft.of(row.path).dropped)


def pending(changes: Iterable[Change], draft: Draft) -> tuple[Change, ...]:
    """Return the rows nobody has decided anything on yet."""
    return tuple(row for row in changes if row.path not in draft.files)
