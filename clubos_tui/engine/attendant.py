"""Drive the open runs of repositories on this machine with no screen, in one process.

Each repository's lock is held as long as this lives, so every dashboard on it watches and decides.
A waiting run costs nothing but a watch on its journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence

from clubos_tui.engine.driver import Driver
from clubos_tui.engine.session import Session
from clubos_tui.errors import ClubosError, DriverBusy

__all__ = ["attend"]

RETRY_SECONDS = 1.0
RARELY_SECONDS = 5.0  # a wake-up that was lost costs this much


async def attend(repositories: Sequence[str], tell: Callable[[str], None]) -> int:
    """Drive until SIGTERM or SIGINT; return the exit code.

    Raises what opening a repository raises.
    """
    sessions = [Session.open(path) for path in repositories]
    wakes = {session.paths.runs: asyncio.Event() for session in sessions}
    tasks: list[asyncio.Task[None]] = []
    try:
        for session in sessions:
            os.makedirs(session.paths.runs, mode=0o700, exist_ok=True)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        tasks = [
            asyncio.create_task(_attend(session, wakes[session.paths.runs], ended, tell))
            for session in sessions
        ]
        tasks.append(asyncio.create_task(_watch(wakes)))
        tell(f"driving {len(sessions)} repositories" if len(sessions) > 1 else "driving")
        stop = asyncio.create_task(ended.wait())
        await asyncio.wait({*tasks, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in tasks:
            if task.done():
                task.result()  # raises what ended it
        return 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in sessions:
            session.close()


async def _attend(
    session: Session, wake: asyncio.Event, ended: asyncio.Event, tell: Callable[[str], None]
) -> None:
    """Drive one repository's run, and the one after it."""
    name = session.repository.name
    told = ""

    def once(line: str) -> None:
        nonlocal told
        if line != told:
            tell(f"{name}: {line}")
        told = line

    while not ended.is_set():
        wake.clear()
        driver = None
        try:
            run = await asyncio.to_thread(session.current)
            if run is None:
                once("no run yet")
                await _woken(wake)
                continue
            driver = Driver(session, run)
            driver.require()
            while not ended.is_set():
                wake.clear()  # before the look: what is said after it sets it again
                waits = await driver.step()
                if waits is None:
                    continue
                once(waits.why)
                await _woken(wake)
                over = run.view.ending is not None
                if over and await asyncio.to_thread(_is_over, session, run.id):
                    break
        except DriverBusy as error:
            once(error.message)
            await asyncio.sleep(RETRY_SECONDS)
        except (ClubosError, OSError) as error:
            once(f"{error}; it is tried again")
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            if driver:
                driver.release()


def _is_over(session: Session, run: str) -> bool:
    current = session.current()
    return current is not None and current.id != run


async def _woken(wake: asyncio.Event) -> None:
    # Not `wait_for`: before Python 3.12 it loses a cancellation that comes with the wake-up.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RARELY_SECONDS):
            await wake.wait()


async def _watch(wakes: dict[str, asyncio.Event]) -> None:
    """Set the event of each folder of runs in which a journal has grown."""
    from watchfiles import awatch

    def is_journal(_change: object, path: str) -> bool:
        return path.endswith("journal.jsonl")

    async for changes in awatch(*wakes, watch_filter=is_journal, step=10, debounce=100):
        for _, path in changes:
            for folder, wake in wakes.items():
                if path.startswith(f"{folder}{os.sep}"):
                    wake.set()
