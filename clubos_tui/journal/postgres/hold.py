"""The right to drive a run."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from clubos_tui.events import RunId
from clubos_tui.journal.postgres.connect import StoreLost, error_type, translated
from clubos_tui.journal.postgres.rows import PostgresJournal

if TYPE_CHECKING:
    from clubos_tui.journal.postgres.connect import Connection
    from clubos_tui.journal.postgres.journals import PostgresJournals

__all__ = ["Hold"]


class Hold:
    """The lock of one run; it is ours as long as its connection lives."""

    def __init__(self, journals: PostgresJournals, run: RunId, connection: Connection) -> None:
        self._journals = journals
        self._connection = connection
        self._mutex = threading.RLock()
        self.run = run

    @property
    def journal(self) -> PostgresJournal:
        """A reading of the run's journal that appends through this lock's connection."""
        return PostgresJournal(self._journals, self.run, hold=self)

    @contextmanager
    def using(self) -> Iterator[Connection]:
        """Lend the connection; :class:`StoreLost` where it is gone, and the lock with it."""
        with self._mutex:
            if self._connection.closed or self._connection.broken:
                raise StoreLost(errno.ENOLCK, f"another worker may drive run {self.run} by now")
            with translated():
                yield self._connection

    def stands(self) -> bool:
        """Ask the database whether the lock is still ours."""
        try:
            self.require()
        except OSError:
            return False
        return True

    def require(self) -> None:
        """Raise :class:`StoreLost` where the lock is not ours any more."""
        with self.using() as connection:
            connection.execute("SELECT 1")

    def release(self) -> None:
        """Give the lock back."""
        with self._mutex, suppress(error_type()):
            self._connection.close()
