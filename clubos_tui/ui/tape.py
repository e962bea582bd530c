"""A run as a tape: the state after any of its events, forth and back, with what was said between.

A moment is an event of the journal or a record of a stream, in the order of their times. Going
forth folds one after the other; going back folds on from the nearest state that was kept.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from clubos_tui import events as e
from clubos_tui.engine.fold import apply
from clubos_tui.engine.state import RunView
from clubos_tui.journal import Record
from clubos_tui.ui.following import Stream, Streams
from clubos_tui.ui.store import Store
from clubos_tui.ui.values import LogEntry

__all__ = ["EVERY", "Tape", "seconds_of"]

EVERY = 250  # moments between two states that are kept; so many are folded in a few milliseconds

_TURNS = (
    e.Proposed, e.ProposedNothing, e.ProposalFailed, e.ActionHeld, e.Sealed, e.Approved, e.Rejected,
    e.Executed, e.Validated, e.Unvalidated, e.MergeApproved, e.Merged, e.RolledBack, e.Undone,
    e.StepFailed, e.Paused, e.Recovered, e.RunClosed,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Kept:
    """How all stood right after an event."""

    at: int
    time: float
    store: Store
    streams: Streams
    lines: int
    withdrawn: tuple[int, ...]


class Tape:
    """Stands after event :attr:`at`, and after :attr:`heard` records of streams since then."""

    def __init__(self, moves_of: Callable[[str], str]) -> None:
        """Make an empty tape; ``moves_of`` returns the file of a transaction's stream."""
        self.records: list[Record] = []
        self.turns: list[int] = []
        """The numbers of the turning points."""
        self.store = Store()
        self.at = 0
        self.heard = 0
        self.time = 0.0
        """Of the last moment, in seconds."""
        self.lines: list[LogEntry] = []
        """Of the log, as far as one has ever come."""
        self.count = 0
        """How many of them there are now."""
        self.withdrawn: list[int] = []
        """The turns whose words were taken back, up to now."""
        self.went_back = False
        """Whether it went back since somebody asked for the last time, and took note."""
        self._streams = Streams(moves_of)
        self._since = 0
        self._kept: list[_Kept] = []
        self._keep()

    @property
    def view(self) -> RunView | None:
        """The run's state; a fold changes it in place."""
        return self.store.view

    def extend(self, records: Sequence[Record]) -> None:
        """Add events at the end."""
        for record in records:
            self.records.append(record)
            if isinstance(record.event, _TURNS):
                self.turns.append(len(self.records))

    # --- moving -------------------------------------------------------------------------------

    def go(self, to: int, deadline: float = float("inf")) -> bool:
        """Go to right after event ``to``, from 1; tell whether it is there.

        On the way it stops at ``deadline``, a time of the monotonic clock.
        """
        nearest = self._kept[bisect_right(self._kept, to, key=lambda kept: kept.at) - 1]
        back = to < self.at or (to == self.at and self.heard > 0)
        if back or nearest.at > self.at:
            self._restore(nearest)
            self.went_back = self.went_back or back
        while self.at < to and self.advance():
            if time.monotonic() >= deadline:
                break
        return self.at >= to

    def advance(self) -> bool:
        """Take the next moment; tell whether there was one."""
        if stream := self._spoken():
            self._hear(stream)
        elif self.at < len(self.records):
            self._take(self.records[self.at])
        else:
            return False
        return True

    def upcoming(self) -> float | None:
        """Return the time of the next moment, never before the last; ``None`` where none is."""
        if stream := self._spoken():
            return max(self.time, seconds_of(stream.peek() or "", self.time))
        if self.at < len(self.records):
            return max(self.time, seconds_of(self.records[self.at].at, self.time))
        return None

    def _spoken(self) -> Stream | None:
        """Return the stream that has the next moment; a word comes before the event it led to."""
        first, when = None, ""
        for stream in self._streams:
            at = stream.peek()
            if at is not None and (first is None or at < when):
                first, when = stream, at
        if first is None or self.at >= len(self.records):
            return first
        record = self.records[self.at]
        if isinstance(record.event, e.ActionFinished) and first is self._streams.chatter:
            return first  # all of it is said by then, whatever the clocks say
        return first if when <= record.at else None

    def _hear(self, stream: Stream) -> None:
        self.time = max(self.time, seconds_of(stream.peek() or "", self.time))
        said = stream.take()
        if stream is self._streams.chatter:
            self.store.hear(said, phase=stream.phase)
        elif stream is self._streams.moves:
            self.store.move(said)
        else:
            self.store.check(said)
        self.heard += 1
        self._since += 1
        self._write()

    def _take(self, record: Record) -> None:
        self.store.view = apply(self.store.view, record.event)
        self.store.take(record)
        self._streams.follow(record.event)
        self.at, self.heard = self.at + 1, 0
        self.time = max(self.time, seconds_of(record.at, self.time))
        self._since += 1
        self._write()
        if self._since >= EVERY:
            self._keep()

    def _write(self) -> None:
        """Put the new lines where they are already, if one has been here before."""
        if new := self.store.drain():
            self.lines[self.count : self.count + len(new)] = new
            self.count += len(new)
        self.withdrawn += self.store.drain_withdrawn()

    # --- what is kept -------------------------------------------------------------------------

    def _keep(self) -> None:
        self._since = 0
        if not self._kept or self.at > self._kept[-1].at:
            store, streams = self.store.copy(), self._streams.copy()
            self._kept.append(
                _Kept(self.at, self.time, store, streams, self.count, tuple(self.withdrawn))
            )

    def _restore(self, kept: _Kept) -> None:
        self.store, self._streams = kept.store.copy(), kept.streams.copy()
        self.at, self.heard, self.time, self._since = kept.at, 0, kept.time, 0
        self.count, self.withdrawn = kept.lines, list(kept.withdrawn)


def seconds_of(at: str, otherwise: float) -> float:
    """Return a time of the journal in seconds; ``otherwise`` where it is none."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError):  # of a damaged line
        return otherwise
