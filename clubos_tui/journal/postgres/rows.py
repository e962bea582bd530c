"""One run's journal in the table."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, LiteralString

from clubos_tui.events import TAGS, Event, RunId
from clubos_tui.journal.base import Conflict, Journal
from clubos_tui.journal.postgres.connect import StoreLost, unique_violation
from clubos_tui.journal.records import Record, now, parse

if TYPE_CHECKING:
    from clubos_tui.journal.postgres.connect import Connection
    from clubos_tui.journal.postgres.hold import Hold
    from clubos_tui.journal.postgres.journals import PostgresJournals

__all__ = ["CHANNEL", "PostgresJournal"]

CHANNEL = "clubos"
POLL_SECONDS = 1.0  # a notification that was lost costs this much
_LATER: LiteralString = "SELECT line FROM clubos.event WHERE run = %s AND seq > %s ORDER BY seq"
_INSERT: LiteralString = (
    "INSERT INTO clubos.event (run, seq, line) "
    "SELECT %s, n, line FROM unnest(%s::bigint[], %s::bytea[]) AS new (n, line)"
)


class PostgresJournal(Journal):
    """One run's journal in the table."""

    def __init__(
        self,
        journals: PostgresJournals,
        run: RunId,
        *,
        hold: Hold | None = None,
        clock: Callable[[], str] = now,
    ) -> None:
        """Open it; with a ``hold`` it is appended to through the holder's own connection."""
        super().__init__(clock=clock)
        self._journals = journals
        self._run = run
        self._hold = hold
        self._asked = 0.0
        self._mutex = threading.RLock()

    @property
    def name(self) -> str:
        return f"the journal of run {self._run}"

    def again(self) -> PostgresJournal:
        return PostgresJournal(self._journals, self._run, clock=self._clock)

    def raw(self) -> bytes:
        with self._journals.using() as connection:
            rows = connection.execute(_LATER, (self._run, 0)).fetchall()
        return b"".join(bytes(line) for (line,) in rows)

    def append(self, *events: Event, expected: int | None = None, durable: bool = True) -> Record:
        tags = ",".join(dict.fromkeys(TAGS[type(event)] for event in events))
        with self._mutex:
            while True:
                if expected is None:
                    self._ask()
                self._require(expected)
                lines, records = self._seal(events)
                try:
                    self._insert(lines, tags, durable=durable)
                except Conflict:
                    self._ask()
                    if expected is None:
                        continue
                    raise
                self._take(records)
                return records[-1]

    def require_ours(self) -> None:
        if self._hold:
            self._hold.require()

    def save_edit(self, sha256: str, data: bytes) -> None:
        self._journals.save_edit(sha256, data)

    def saved_edit(self, sha256: str) -> bytes | None:
        data = self._journals.edit(sha256)
        return data if data is not None and hashlib.sha256(data).hexdigest() == sha256 else None

    def _insert(self, lines: Sequence[bytes], tags: str, *, durable: bool) -> None:
        numbers = list(range(self.seq + 1, self.seq + 1 + len(lines)))
        try:
            with self._appending() as connection, connection.transaction():
                if not durable:
                    connection.execute("SET LOCAL synchronous_commit = off")
                if numbers[0] == 1:
                    connection.execute(
                        "INSERT INTO clubos.run (run, repository) VALUES (%s, %s)",
                        (self._run, self._journals.repository),
                    )
                connection.execute(_INSERT, (self._run, numbers, list(lines)))
                connection.execute(
                    "SELECT pg_notify(%s, %s)", (CHANNEL, f"{self._run} {numbers[-1]} {tags}")
                )
        except unique_violation() as error:
            raise Conflict(f"record {numbers[0]} is another's") from error
        except StoreLost:
            if not self._was_written(numbers[-1], lines[-1]):
                raise

    def _was_written(self, number: int, line: bytes) -> bool:
        """Tell whether a line is there although nobody answered when it was written."""
        with suppress(OSError), self._journals.using() as connection:
            row = connection.execute(
                "SELECT line FROM clubos.event WHERE run = %s AND seq = %s", (self._run, number)
            ).fetchone()
            return row is not None and bytes(row[0]) == line
        return False

    def _appending(self) -> AbstractContextManager[Connection]:
        return self._hold.using() if self._hold else self._journals.using()

    def _read(self) -> None:
        with self._mutex:
            fresh = time.monotonic() - self._asked < POLL_SECONDS
            if not (fresh and self._journals.knows(self._run, self.seq)):
                self._ask()

    def _ask(self) -> None:
        self._asked = time.monotonic()
        with self._journals.using() as connection:
            rows = connection.execute(_LATER, (self._run, self.seq)).fetchall()
        if rows:
            data = b"".join(bytes(line) for (line,) in rows)
            records, _ = parse(data, start=self.seq, head=self._head, where=self.name)
            self._take(records)
