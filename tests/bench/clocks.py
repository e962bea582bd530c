"""CPU time, memory and the longest block of an event loop, from within the measured process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    """A moment: CPU seconds of the process, of the loop's thread alone, and the wall's."""

    process: float
    loop: float
    wall: float

    @classmethod
    def now(cls) -> Stamp:
        """Read all three clocks."""
        return cls(time.process_time(), time.thread_time(), time.perf_counter())


def memory() -> float:
    """Return the resident memory of this process in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


BEAT = 0.005


class Heart:
    """Beats every 5 ms and notes the longest gap between two beats."""

    def __init__(self) -> None:
        self.block = self.gap = 0.0

    async def beat(self) -> None:
        """Beat until cancelled."""
        before = Stamp.now()
        while True:
            await asyncio.sleep(BEAT)
            now = Stamp.now()
            gap = now.wall - before.wall - BEAT
            self.gap = max(self.gap, gap)
            self.block = max(self.block, min(gap, now.process - before.process))
            before = now

    def take(self) -> dict[str, float]:
        """Return the longest gaps in ms since the last call: ours, and by the wall's clock."""
        found = {"block": self.block * 1000, "gap": self.gap * 1000}
        self.block = self.gap = 0.0
        return found
