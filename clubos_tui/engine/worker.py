"""A worker: drives shared runs with no screen, woken by what people say.

The journal says what is to be done, and the durable engine which worker does it and how many at
once. What a person says is heard at once; what was missed (a lost wake-up, a worker that is gone,
a remote that did not answer) is found by a look at all runs now and then.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from clubos_tui.agents import Factory
from clubos_tui.engine.decide import Wait, decide
from clubos_tui.engine.drives import Drive, Stopped
from clubos_tui.engine.shared import view_of
from clubos_tui.errors import ClubosError
from clubos_tui.events import (
    TAGS,
    ChecksRequested,
    EditRequested,
    ExecutionRequested,
    MergeApproved,
    MergeRequested,
    Overridden,
    PermissionAnswered,
    ProposalRequested,
    ResumeRequested,
    RollbackRequested,
    RunId,
    SealRequested,
    Taken,
    UndoRequested,
)
from clubos_tui.journal.postgres import Heard, PostgresJournals

__all__ = ["ADVANCED", "Engine", "Worker"]

ADVANCED = "advanced"
SWEEP_SECONDS = 15.0
OTHERS_SECONDS = 0.25
_TAKEN = TAGS[Taken]
# What a person says that gives a driver something to do. Nobody is woken by what a driver says.
WAKES = frozenset(
    TAGS[kind]
    for kind in (
        ProposalRequested, ResumeRequested, SealRequested, EditRequested, ExecutionRequested,
        ChecksRequested, MergeRequested, MergeApproved, Overridden, RollbackRequested,
        UndoRequested, PermissionAnswered,
    )
)  # fmt: skip


class Engine(Protocol):
    """What decides which worker drives a run; it holds nothing that matters."""

    def offer(self, run: RunId, key: str, *, at_once: bool) -> None:
        """Have some worker drive a run; the same key twice is one offer."""


class Worker:
    """One process that drives runs."""

    def __init__(
        self,
        journals: PostgresJournals,
        name: str = "",
        *,
        limit: int = 2,
        agents: Mapping[str, Factory] | None = None,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Make one.

        Args:
            journals: Of all repositories.
            name: Stable: what a machine left half done is taken up again under this name.
            limit: How many runs may be under way here at once.
            agents: By name; default: those there are.
            tell: Called with a line for whoever runs this worker.
        """
        self.journals = journals
        self.name = name or socket.gethostname()
        self.limit = limit
        self._agents = agents
        self._tell = tell
        self._slots = threading.BoundedSemaphore(limit)
        self._drives: dict[str, Drive] = {}  # by the key of the offer
        self._mutex = threading.Lock()
        self._last: set[RunId] = set()  # runs that nobody has driven since
        self._waiting: dict[RunId, int] = {}  # run -> number of the last event when it waited
        self._stopping = threading.Event()
        self._missed = threading.Event()
        self._engine: Engine | None = None

    # --- being woken --------------------------------------------------------------------------

    def attend(self, engine: Engine) -> None:
        """Offer what people ask for to the engine, until :meth:`stop`."""
        self._engine = engine
        self.journals.listen(self._hear)
        while not self._stopping.is_set():
            try:
                self._sweep(engine)
            except (ClubosError, OSError) as error:
                self._tell(f"the runs could not be looked at: {error}")
            self._missed.wait(SWEEP_SECONDS)
            self._missed.clear()

    def _hear(self, said: Heard) -> None:
        if not said.run:
            self._missed.set()
            return
        with self._mutex:
            if _TAKEN in said.tags and not self._is_driven(said.run):
                self._last.discard(said.run)
            last = said.run in self._last
        if not said.tags & WAKES:
            return
        if last:
            self._answer(said)
        else:
            # Who drove it last has all of it at hand; where that one is gone, another takes it.
            later = threading.Timer(OTHERS_SECONDS, self._answer, (said,))
            later.daemon = True
            later.start()

    def _answer(self, said: Heard) -> None:
        with self._mutex:
            driven, free = self._is_driven(said.run), len(self._drives) < self.limit
        # One that is driven reads on by itself.
        if not driven and self._engine and not self._stopping.is_set():
            self._offer(self._engine, said.run, f"{said.run}@{said.seq}", at_once=free)

    def _is_driven(self, run: RunId) -> bool:
        return any(drive.run == run for drive in self._drives.values())

    def _sweep(self, engine: Engine) -> None:
        """Offer every run that has something to do and that nobody drives."""
        held: set[RunId] | None = None
        for kept in self.journals.kept():
            if self._waiting.get(kept.run) == kept.seq:
                continue
            if held is None:
                held = {holder.run for holder in self.journals.holders()}
            if kept.run in held:
                continue
            try:
                view = view_of(self.journals, kept.run)
            except ClubosError as error:
                self._tell(f"{kept.run}: {error}")
                self._waiting[kept.run] = kept.seq
                continue
            if isinstance(decide(view), Wait):
                self._waiting[kept.run] = kept.seq
                continue
            # Every worker finds the same, so within a while they make the same offer.
            again = int(self.journals.clock() / SWEEP_SECONDS)
            self._offer(engine, kept.run, f"{kept.run}@{kept.seq}+{again}", at_once=False)

    def _offer(self, engine: Engine, run: RunId, key: str, *, at_once: bool) -> None:
        try:
            engine.offer(run, key, at_once=at_once)
        except Exception as error:
            self._tell(f"{run}: could not be offered, and is again later: {error}")

    # --- driving ------------------------------------------------------------------------------

    def advance(self, run: RunId, key: str) -> str:
        """Perform the next step of a run that was offered under ``key``; never raises.

        Returns:
            :data:`ADVANCED` while there is more to do, else in a word or two why not.
        """
        try:
            drive = self._drives.get(key) or self._begin(run, key)
            if drive is None:
                return "another worker drives it, or has"
            waits = drive.step()
        except Stopped:
            self.leave(key)
            return "the worker stopped"
        except (ClubosError, OSError) as error:
            self.leave(key)
            self._tell(f"{run}: {error}; it is taken up again")
            return "cut short"
        except BaseException as error:
            self.leave(key)
            self._tell(f"{run}: {type(error).__name__}: {error}")
            return "failed"
        if waits is None:
            return ADVANCED
        seen = drive.seq
        self.leave(key)
        self._tell(f"{run}: {waits.why}")
        # Said while we still held the run: whoever heard of it could not take it.
        try:
            if self.journals.open(run).load()[-1].seq > seen:
                return ADVANCED
        except (ClubosError, OSError):
            return "cut short"
        self._waiting[run] = seen
        return waits.why

    def _begin(self, run: RunId, key: str) -> Drive | None:
        self._slots.acquire()
        drive = None
        try:
            if self._stopping.is_set():
                raise Stopped
            drive = Drive.begin(self.journals, run, self.name, self._agents)
        finally:
            if drive is None:
                self._slots.release()
        if drive:
            self._tell(f"{run}: driving")
            with self._mutex:
                self._drives[key] = drive
                self._last.add(run)
        return drive

    def leave(self, key: str) -> None:
        """Give back what is held under a key; without effect where nothing is."""
        with self._mutex:
            drive = self._drives.pop(key, None)
        if drive:
            try:
                drive.end()
            except Exception as error:
                self._tell(f"{drive.run}: {type(error).__name__} as it was left: {error}")
            finally:
                self._slots.release()

    def stop(self) -> None:
        """Withdraw what is under way and end."""
        self._stopping.set()
        self._missed.set()
        with self._mutex:
            for drive in self._drives.values():
                drive.stop()
