"""Measure CPU seconds of whole processes and of pieces of code, as ratios inside one run."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress


def process_cpu(command: Sequence[str], *, runs: int = 7) -> float:
    """Return the median CPU seconds (user and system) of a command, after one warm-up."""
    subprocess.run(command, capture_output=True, check=True)
    seconds = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(seconds)


def code_cpu(work: Callable[[], object]) -> tuple[float, float]:
    """Return CPU and wall seconds of one call, its children included, ended or not."""
    cpu, wall = _spent(), time.perf_counter()
    work()
    return _spent() - cpu, time.perf_counter() - wall


def _spent() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + sum(map(_clock, _children()))


def _children() -> list[int]:
    """Return the children that are alive: a reader that serves all of a run is one of them."""
    found = []
    for task in os.listdir("/proc/self/task"):
        with (
            suppress(FileNotFoundError),
            open(f"/proc/self/task/{task}/children", encoding="ascii") as file,
        ):
            found += map(int, file.read().split())
    return found


def _clock(process: int) -> float:
    """Return the CPU seconds of another process, to the nanosecond (``clock_getcpuclockid(3)``)."""
    with suppress(OSError):
        return time.clock_gettime((~process << 3) | 2)
    return 0.0
