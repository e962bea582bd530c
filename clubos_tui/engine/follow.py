"""Watch a worker elsewhere drive a shared run: what a command does instead of driving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from clubos_tui.engine.decide import Wait, decide
from clubos_tui.engine.run import Run

__all__ = ["Follower"]

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 5.0


class Follower:
    """Has the words of a driver, and moves nothing."""

    def __init__(self, run: Run, tell: Callable[[str], None]) -> None:
        """Follow a run; ``tell`` is called once when nobody seems to drive it."""
        self._run = run
        self._tell = tell

    def require(self) -> None:
        """Need nothing: any number may watch."""

    def release(self) -> None:
        """Have nothing to give back."""

    async def until_waiting(self) -> Wait:
        """Return once the run waits for a person."""
        loop = asyncio.get_running_loop()
        seen, since, told = -1, loop.time(), False
        while True:
            self._run.refresh()
            step = decide(self._run.view)
            if isinstance(step, Wait):
                return step
            if self._run.journal.seq != seen:
                seen, since = self._run.journal.seq, loop.time()
            elif not told and loop.time() - since > PATIENCE_SECONDS:
                told = True
                self._tell("It waits for a worker; one is started with `clubos worker`.")
            await asyncio.sleep(LOOK_SECONDS)
