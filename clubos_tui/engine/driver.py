"""Drivers say when and where ``advance`` is called, and hold no state of their own.

:class:`Driver` is the loop in this process. :class:`DriverThread` runs one beside a screen, with
its own event loop and its own reading of the journal, so that nothing it does can make the screen
wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Sequence

from clubos_tui.apply.record import read_record, unfinished
from clubos_tui.apply.recover import recover
from clubos_tui.disk import exists
from clubos_tui.engine.advance import advance, name_of
from clubos_tui.engine.decide import PublishBranch, Wait, decide
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.execute import BRANCH_PREFIX
from clubos_tui.engine.leftovers import clear_ended, sweep
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.errors import DriverBusy
from clubos_tui.events import Left, Paused, PauseRequested, Recovered, RunId
from clubos_tui.locks import FileLock, is_alive
from clubos_tui.repository import refs

POLL_SECONDS = 0.02


class Driver:
    """The one process that moves a run; holds the repository's long lock while it may."""

    def __init__(self, session: Session, run: Run, *, attended: bool = False) -> None:
        self.context = Context(session, run, attended=attended)
        self._lock = FileLock(session.paths.driver_lock, hand_on=True)

    @property
    def run(self) -> Run:
        """The run that is driven."""
        return self.context.run

    def acquire(self) -> bool:
        """Take the driver's lock and recover what a crash cut short; ``False`` if it is taken."""
        if not self._lock.acquire():
            return False
        self.context.forget()
        self._lock.note(pid=os.getpid(), host=socket.gethostname(), run=self.run.id)
        try:
            note_recovered(self.run, recover_all(self.context.session))
            sweep(self.context.session, self.run)
        except BaseException:
            self._lock.release()  # who asks again is not to meet our own lock
            raise
        return True

    def require(self) -> None:
        """Take the lock or raise :class:`DriverBusy` with who holds it."""
        if not self.acquire():
            raise busy(self._lock)

    def holder(self) -> dict[str, str | int]:
        """Return what the process that drives, or drove last, wrote about itself."""
        return self._lock.holder()

    def release(self) -> None:
        """Give the lock back."""
        self.context.forget()
        self._lock.release()

    async def until_waiting(self) -> Wait:
        """Advance until a person is needed; an interrupt undoes the step under way."""
        while True:
            waits = await self.step()
            if waits:
                return waits

    async def drive(self) -> None:
        """Advance for ever, waiting for people in between."""
        while True:
            if await self.step():
                await asyncio.sleep(POLL_SECONDS)

    async def step(self) -> Wait | None:
        """Perform one step while listening for someone who wants it interrupted."""
        self.run.refresh()
        step = decide(self.run.view)
        if isinstance(step, Wait):
            return step
        seen = self.run.journal.seq
        work = asyncio.ensure_future(advance(self.context))
        by: str | None = None
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=POLL_SECONDS)
                by = by or self._interrupted_by(seen)
                if by is not None and not work.done():
                    work.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await work
            waits = None if work.cancelled() else work.result()
            if by is not None and isinstance(decide(self.run.view), PublishBranch):
                await advance(self.context)  # what is on the stage gets its branch, or goes back
            if by is not None and self.run.view.queue:
                # Also where the step was done before the interrupt was heard: no next one begins.
                await self.context.end_agents()
                detail, left = self._went_back()
                self.run.say(Paused(name_of(step), getattr(step, "phase", 0), by, detail, left))
            return waits
        except BaseException:  # a journal that can't be read is one: what runs must not go on
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await work
            await self.context.end_agents()  # also one between two of its actions
            raise

    def _went_back(self) -> tuple[str, tuple[Left, ...]]:
        """Return what the files of the interrupted step were found to be, from its own record."""
        applying = self.run.view.applying
        path = self.context.session.paths.transaction(applying.transaction) if applying else ""
        record = read_record(path) if path and exists(path) else None
        if record is None or record.last.state != "undone":
            return "", ()
        if all(progress.state != "reverting" for progress in record.progress):
            return "No file had been changed yet.", ()
        total, left = len(record.intent.writes), record.last.left
        files = "file" if total == 1 else "files"
        return f"{total - len(left)} of {total} {files} as before, compared afresh.", left

    def _interrupted_by(self, seen: int) -> str | None:
        for record in self.run.journal.new(seen):
            if isinstance(record.event, PauseRequested):
                return record.event.by
        return None


def busy(lock: FileLock) -> DriverBusy:
    """Say who holds the driver's lock, as far as its note tells."""
    holder = lock.holder()
    pid, host = holder.get("pid", "?"), holder.get("host", "?")
    if host == socket.gethostname() and isinstance(pid, int) and not is_alive(pid):
        return DriverBusy(
            f"another clubos (process {pid}) was killed, and a git it started is still at work",
            untouched="Nothing was done.",
            cure=f"Wait until that git ends; `fuser {lock.path}` names it.",
        )
    return DriverBusy(
        f"another clubos drives this repository (process {pid} on {host})",
        untouched="Nothing was done.",
        cure="Use its screen, or wait until it ends; `clubos status` works meanwhile.",
    )


def recover_all(session: Session) -> list[Recovered]:
    """Finish or undo every operation that a crash cut short in this repository."""
    refs.sweep(session.repository)
    refs.release_branch_locks(session.repository, BRANCH_PREFIX)
    open_ones = unfinished(session.paths.transactions)
    found = [recover(record, session.checkout) for record in open_ones]
    clear_ended(session)
    session.checkout.sweep()
    return found


def note_recovered(run: Run, found: Sequence[Recovered]) -> None:
    """Append what was recovered; an operation that is held as before is not told again."""
    run.refresh()
    news = [item for item in found if item not in run.view.recovered]
    if news:
        run.say(*news)


class DriverThread:
    """A driver beside a screen."""

    def __init__(self, session: Session, run_id: RunId) -> None:
        self._driver = Driver(session, session.run(run_id), attended=True)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self.error: BaseException | None = None

    def start(self) -> bool:
        """Take the lock and begin; ``False`` where another process drives. Blocks shortly."""
        if not self._driver.acquire():
            return False
        self._thread = threading.Thread(target=self._main, name="driver", daemon=True)
        self._thread.start()
        self._ready.wait(5)
        return True

    def holder(self) -> dict[str, str | int]:
        """Return what the process that drives, or drove last, wrote about itself."""
        return self._driver.holder()

    def stop(self, timeout: float = 10.0) -> None:
        """End after withdrawing the step under way, and give the lock back.

        A step that takes longer than ``timeout`` keeps the lock until it ends: it still writes.
        """
        if self._loop and self._task and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread:
            self._stopped.set()
            self._thread.join(timeout)
        else:
            self._driver.release()

    def _main(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.ensure_future(self._driver.drive())
            self._ready.set()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

        try:
            asyncio.run(main())
        except BaseException as error:
            self.error = error
        finally:
            self._ready.set()
            self._stopped.wait()
            self._driver.release()
