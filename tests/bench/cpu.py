"""Measure CPU seconds of whole processes and of pieces of code, as ratios inside one run."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence


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
    """Return CPU and wall seconds of one call, the children it waits for included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    wall = time.perf_counter() - wall
    cpu = time.process_time() - cpu
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += now.ru_utime - children.ru_utime + now.ru_stime - children.ru_stime
    return cpu, wall
