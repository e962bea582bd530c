"""One shared run, held by this worker and driven a step at a time until it waits for a person."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping

from clubos_tui.agents import Factory
from clubos_tui.engine.decide import Wait, decide
from clubos_tui.engine.driver import Driver
from clubos_tui.engine.effects.execute import ready_stage
from clubos_tui.engine.run import Run
from clubos_tui.engine.shared import open_shared, take_over, view_of
from clubos_tui.errors import ClubosError
from clubos_tui.events import RunId
from clubos_tui.journal.postgres import Hold, PostgresJournals, StoreLost

__all__ = ["Drive", "Stopped"]

LOOK_SECONDS = 2.0  # between two looks at whether the run is still ours


class Stopped(Exception):
    """The worker ends; the step under way was withdrawn."""


class Drive:
    """A run that is ours until :meth:`end`; used from one thread, but for :meth:`stop`."""

    def __init__(self, hold: Hold, driver: Driver) -> None:
        self._hold = hold
        self._driver = driver
        self._runner = asyncio.Runner()
        self._stopping = threading.Event()

    @classmethod
    def begin(
        cls,
        journals: PostgresJournals,
        run_id: RunId,
        worker: str,
        agents: Mapping[str, Factory] | None = None,
    ) -> Drive | None:
        """Take the run, make its clone good, recover what was cut short here.

        ``None`` where another worker holds it, or there is nothing to do. Raises what opening a
        run raises.
        """
        with contextlib.ExitStack() as undo:
            hold = journals.hold(run_id, worker)
            if hold is None:
                return None
            undo.callback(hold.release)
            view = view_of(journals, run_id)
            if isinstance(decide(view), Wait):  # another has done it meanwhile
                return None
            session = open_shared(journals, view.started, agents)
            undo.callback(session.close)
            run = Run(run_id, session.paths, hold.journal)
            if run.view.worker != worker:  # what lies here is not what the journal goes on from
                session = take_over(session, run, worker)
                undo.callback(session.close)
            driver = Driver(session, run)
            driver.require()
            undo.callback(driver.release)
            assert session.branches, "BUG: a shared run without its branches"
            session.branches.bring(run)
            if run.view.last_on_stage() or any(phase.staged for phase in run.view.phases):
                ready_stage(driver.context)  # where another machine has driven so far
            undo.pop_all()  # from here on `end` gives it all back
            return cls(hold, driver)

    @property
    def run(self) -> RunId:
        """Which run it is."""
        return self._driver.run.id

    @property
    def seq(self) -> int:
        """The number of the last event that was seen."""
        return self._driver.run.journal.seq

    def step(self) -> Wait | None:
        """Perform one step; return what is waited for where there is none.

        Raises:
            Stopped: It was asked to stop.
            StoreLost: The run is no longer ours; nothing more may be done.
        """
        return self._runner.run(self._step())

    async def _step(self) -> Wait | None:
        work = asyncio.ensure_future(self._driver.step())
        try:
            looked = asyncio.get_running_loop().time()
            while not work.done():
                await asyncio.wait({work}, timeout=0.05)
                if self._stopping.is_set():
                    raise Stopped
                now = asyncio.get_running_loop().time()
                if now - looked > LOOK_SECONDS and not work.done():
                    looked = now
                    if not await asyncio.to_thread(self._hold.stands):
                        raise StoreLost("the run may be another worker's by now")
            return work.result()
        finally:
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClubosError, OSError):
                await work

    def stop(self) -> None:
        """Withdraw the step under way; from any thread."""
        self._stopping.set()

    def end(self) -> None:
        """Give everything back, whatever of it fails."""
        with contextlib.ExitStack() as undo:
            undo.callback(self._hold.release)
            undo.callback(self._driver.context.session.close)
            undo.callback(self._driver.release)
            undo.callback(self._runner.close)
            self._runner.run(self._driver.context.end_agents())
