"""The journals of one database: which runs there are, who drives them, what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.events import RunId
from clubos_tui.journal.postgres.connect import (
    CONNECT_SECONDS,
    connect,
    driver,
    error_type,
    key_of,
    translated,
)
from clubos_tui.journal.postgres.hold import Hold
from clubos_tui.journal.postgres.rows import CHANNEL, PostgresJournal
from clubos_tui.journal.postgres.schema import make

if TYPE_CHECKING:
    from clubos_tui.journal.postgres.connect import Connection

__all__ = ["Heard", "Holder", "Kept", "PostgresJournals"]

WORKER = "clubos worker "


@dataclass(frozen=True, slots=True)
class Holder:
    """Who drives a run: a worker's name, where it is, since when."""

    run: RunId
    worker: str
    host: str
    since: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that has a journal here."""

    run: RunId
    repository: str
    seq: int


@dataclass(frozen=True, slots=True)
class Heard:
    """That something was appended; without a run: that something may have been missed."""

    run: RunId
    seq: int
    tags: frozenset[str] = frozenset()


class PostgresJournals:
    """The journals of one database: of all repositories, or of one."""

    def __init__(self, url: str, repository: str = "", *, only: RunId | None = None) -> None:
        """Open none yet; ``only`` confines it to one run.

        Raises :class:`UsageError` where the driver for PostgreSQL is not installed.
        """
        driver()
        self.url = url
        self.repository = repository
        self.only = only
        self._mutex = threading.RLock()
        self._connection: Connection | None = None
        self._ready = False
        self._heard: dict[str, int] = {}
        self._listening = threading.Event()
        self._listener: threading.Thread | None = None
        self._callbacks: list[Callable[[Heard], None]] = []
        self._closed = False

    # --- runs ---------------------------------------------------------------------------------

    def runs(self) -> list[RunId]:
        """Return the ids of all runs that have begun here, oldest first."""
        return [kept.run for kept in self.kept()]

    def kept(self) -> list[Kept]:
        """Return every run with the number of its last event, oldest first."""
        with self.using() as connection:
            rows = connection.execute(
                "SELECT run, repository, (SELECT max(seq) FROM clubos.event e "
                "WHERE e.run = r.run) FROM clubos.run r WHERE (%s = '' OR repository = %s) "
                "AND (%s::text IS NULL OR run = %s) ORDER BY began, run",
                (self.repository, self.repository, self.only, self.only),
            ).fetchall()
        return [Kept(RunId(run), where, seq) for run, where, seq in rows if seq]

    def open(self, run: RunId) -> PostgresJournal:
        """Return a reading of a run's journal of its own."""
        return PostgresJournal(self, run)

    @contextmanager
    def starting(self) -> Iterator[object]:
        """Hold off every other start of a run in this repository."""
        with self.using() as connection, connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(%s)", (key_of(f"start {self.repository}"),)
            )
            yield connection

    def clock(self) -> float:
        """Return the database's time, which all machines have in common, in seconds."""
        with self.using() as connection:
            row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
        return float(row[0]) if row else 0.0

    def save_edit(self, sha256: str, data: bytes) -> None:
        """Keep what a person edited where every machine finds it."""
        with self.using() as connection:
            connection.execute(
                "INSERT INTO clubos.edit VALUES (%s, %s) ON CONFLICT DO NOTHING", (sha256, data)
            )

    def edit(self, sha256: str) -> bytes | None:
        """Return what a person edited."""
        with self.using() as connection:
            row = connection.execute(
                "SELECT data FROM clubos.edit WHERE sha256 = %s", (sha256,)
            ).fetchone()
        return bytes(row[0]) if row else None

    # --- who drives ---------------------------------------------------------------------------

    def hold(self, run: RunId, worker: str) -> Hold | None:
        """Take the lock of a run for as long as the connection lives; ``None`` if it is taken."""
        self.prepare()
        connection = connect(self.url, f"{WORKER}{worker}"[:63])
        ours = False
        try:
            with translated():
                ask = "SELECT pg_try_advisory_lock(%s)"
                row = connection.execute(ask, (key_of(run),)).fetchone()
            ours = bool(row and row[0])
        finally:
            if not ours:
                connection.close()
        return Hold(self, run, connection) if ours else None

    def holders(self) -> list[Holder]:
        """Return who drives what, of the runs that are kept here."""
        keys = {key_of(kept.run): kept.run for kept in self.kept()}
        with self.using() as connection:
            rows = connection.execute(
                "SELECT (l.classid::bigint << 32) | l.objid::bigint, a.application_name, "
                "coalesce(host(a.client_addr), 'here'), a.backend_start "
                "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = "
                "'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()"
            ).fetchall()
        return [
            Holder(keys[key], name.removeprefix(WORKER), host, since.isoformat(timespec="seconds"))
            for key, name, host, since in rows
            if key in keys
        ]

    def end_worker(self, worker: str) -> int:
        """End every connection of a worker's, and with it its locks; return how many there were.

        One that is merely frozen finds them gone when it wakes, and can append nothing more.
        """
        with self.using() as connection:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = %s AND pid <> pg_backend_pid()",
                (f"{WORKER}{worker}"[:63],),
            ).fetchall()
        return len(rows)

    # --- being told ---------------------------------------------------------------------------

    def listen(self, heard: Callable[[Heard], None] | None = None) -> None:
        """Be told of every append from now on; ``heard`` is called in a thread of its own.

        From then on a reading asks the database only when there is something new, or once in
        :data:`POLL_SECONDS`.
        """
        if heard:
            self._callbacks.append(heard)
        if self._listener is None:
            self.prepare()
            self._listener = threading.Thread(target=self._listen, name="journal", daemon=True)
            self._listener.start()
            self._listening.wait(CONNECT_SECONDS)

    def _listen(self) -> None:
        while not self._closed:
            try:
                with connect(self.url, "clubos listening") as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    self._listening.set()
                    self._tell(Heard(RunId(""), 0))  # what was said before we listened
                    while not self._closed:
                        for note in connection.notifies(timeout=0.2):
                            run, seq, tags = note.payload.split(" ")
                            self._tell(Heard(RunId(run), int(seq), frozenset(tags.split(","))))
            except (error_type(), OSError):
                self._listening.clear()  # readings ask again on their own meanwhile
                time.sleep(0.2)

    def _tell(self, said: Heard) -> None:
        self._heard[said.run] = max(said.seq, self._heard.get(said.run, 0))
        for heard in self._callbacks:
            heard(said)

    def knows(self, run: RunId, seq: int) -> bool:
        """Tell whether nothing was appended after number ``seq`` as far as we were told."""
        return self._listening.is_set() and self._heard.get(run, 0) <= seq

    # --- the connection -----------------------------------------------------------------------

    @contextmanager
    def using(self) -> Iterator[Connection]:
        """Lend the one shared connection; made anew where it was lost.

        Raises:
            StoreLost: The database does not answer.
        """
        with self._mutex:
            self.prepare()
            assert self._connection
            with translated():
                yield self._connection

    def prepare(self) -> None:
        """Connect, and make the tables where they are missing."""
        with self._mutex:
            if self._connection is None or self._connection.closed or self._connection.broken:
                self._connection = connect(self.url, "clubos")
            if not self._ready:
                make(self._connection)
                self._ready = True

    def close(self) -> None:
        """End the connections."""
        self._closed = True
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
        if self._listener:
            self._listener.join(3)
