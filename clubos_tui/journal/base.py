"""What every store of a journal offers, and the reading that all have in common."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from clubos_tui.events import Event, RunId, Seq
from clubos_tui.journal.records import GENESIS, Record, now, seal

__all__ = ["Conflict", "Journal", "Journals"]

WATCH_SECONDS = 0.02


class Conflict(Exception):
    """Someone else appended first; load again and decide again."""


class Journal(ABC):
    """One run's journal as one reader knows it; any process may append to it."""

    def __init__(self, *, clock: Callable[[], str] = now) -> None:
        self._clock = clock
        self._records: list[Record] = []
        self._head = GENESIS

    @property
    @abstractmethod
    def name(self) -> str:
        """Where it is kept, for messages."""

    @abstractmethod
    def again(self) -> Journal:
        """Return another reading of the same journal, which shares nothing with this one."""

    @abstractmethod
    def raw(self) -> bytes:
        """Return the lines as they are kept, sound or not; none where there is no journal."""

    @abstractmethod
    def append(self, *events: Event, expected: int | None = None, durable: bool = True) -> Record:
        """Append ``events`` as one durable write; return the last record.

        ``expected`` is the number of the last record the caller decided on. ``durable=False`` is
        for reports on which nobody acts: other processes see them at once, the next durable
        append flushes them too. Raises
        :class:`Conflict` where another process appended since, :class:`JournalDamaged` where the
        chain is broken, :class:`OSError` where the store can't take it; then nothing was appended.
        """

    def require_ours(self) -> None:  # noqa: B027 - a lock of this machine's needs no look
        """Raise :class:`OSError` where who drives the run may be another process by now."""

    @abstractmethod
    def save_edit(self, sha256: str, data: bytes) -> None:
        """Keep what a person made of a proposed file beside the journal, durably."""

    @abstractmethod
    def saved_edit(self, sha256: str) -> bytes | None:
        """Return what was kept under a SHA-256; ``None`` where it is gone or is not that."""

    @abstractmethod
    def _read(self) -> None:
        """Add what was appended since the last time to what is known."""

    @property
    def head(self) -> str:
        """The hash of the last record read."""
        return self._head

    @property
    def anchor(self) -> str:
        """Number and hash of the last record read, of one moment: the loop may read on beside."""
        last = self._records[-1]
        return f"{last.seq}:{last.hash}"

    @property
    def seq(self) -> Seq:
        """The number of the last record read; 0 for an empty journal."""
        return Seq(len(self._records))

    def load(self) -> Sequence[Record]:
        """Read what was appended since the last call; return all records."""
        self._read()
        return self._records

    def new(self, after: int) -> Sequence[Record]:
        """Return the records after number ``after``, reading what is new first."""
        self._read()
        return self._records[after:]

    async def watch(self, after: int) -> AsyncIterator[Record]:
        """Yield the records after number ``after``, those there are and those to come."""
        while True:
            for record in self.new(after):
                after = record.seq
                yield record
            await asyncio.sleep(WATCH_SECONDS)

    def _seal(self, events: Sequence[Event]) -> tuple[list[bytes], list[Record]]:
        """Return the lines and records of events that come next."""
        lines, records, head = [], [], self._head
        last = self.seq + len(events)
        for number, event in enumerate(events, self.seq + 1):
            line, record = seal(number, self._clock(), event, head, last - number)
            lines.append(line)
            records.append(record)
            head = record.hash
        return lines, records

    def _take(self, records: Sequence[Record]) -> None:
        if records:
            self._records.extend(records)
            self._head = records[-1].hash

    def _require(self, expected: int | None) -> None:
        if expected is not None and expected != self.seq:
            raise Conflict(f"expected {expected}, the journal is at {self.seq}")


class Journals(Protocol):
    """Where the runs of one repository have their journals."""

    def runs(self) -> list[RunId]:
        """Return the ids of all runs that have begun, oldest first."""

    def open(self, run: RunId) -> Journal:
        """Return a reading of a run's journal of its own."""

    def starting(self) -> AbstractContextManager[object]:
        """Hold off every other start of a run in this repository."""
