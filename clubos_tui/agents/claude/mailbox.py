"""What a conversation waits at: the next thing that comes, or a cancel, whichever is first."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Cancelled", "Mailbox", "Silence"]

T = TypeVar("T")
R = TypeVar("R")
_MOST = 4096  # things that wait before whoever brings them is told to


class Cancelled(Exception):
    """Somebody wants it ended."""


class Silence(Exception):
    """Nothing came for too long."""


class Mailbox(Generic[T]):
    """Things in the order they came. A cancel is noticed at once, and holds."""

    def __init__(self) -> None:
        self._things: deque[T] = deque()
        self._wake = asyncio.Event()
        self._cancelled = False

    def cancel(self) -> None:
        """End every wait, now and later."""
        self._cancelled = True
        self._wake.set()

    def rearm(self) -> None:
        """Begin anew: what was cancelled has ended."""
        self._cancelled = False
        self._things.clear()

    async def put(self, thing: T) -> None:
        """Leave a thing; the more there are, the longer that takes."""
        self._things.append(thing)
        self._wake.set()
        if len(self._things) > _MOST:
            await asyncio.sleep(len(self._things) / _MOST / 100)

    def clear(self) -> None:
        """Throw away what nobody took."""
        self._things.clear()

    async def get(self, seconds: float | None = None) -> T:
        """Return the next thing; raises :class:`Silence` where none comes in time."""
        while True:
            self._check()
            if self._things:
                return self._things.popleft()
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                raise Silence from None

    async def until(self, work: asyncio.Future[R]) -> R:
        """Return the result of `work`; on a cancel it is left to itself."""
        work.add_done_callback(lambda _: self._wake.set())
        while not work.done():
            self._check()
            self._wake.clear()
            await self._wake.wait()
        self._check()
        return work.result()

    async def waited(self, work: asyncio.Future[R], seconds: float) -> bool:
        """Wait for `work`, but no longer than so; tell whether it is done."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until(work)
        return work.done()

    async def sleep(self, seconds: float) -> None:
        """Wait, unless it is cancelled."""
        await self.until(asyncio.ensure_future(asyncio.sleep(seconds)))

    def _check(self) -> None:
        if self._cancelled:
            raise Cancelled
