"""What is counted or waited for: flushes, processes, the way of an outside change to the screen."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from contextlib import suppress
from pathlib import Path

import pytest
from bench.conftest import Land
from bench.repos import LARGE, fresh, spread
from bench.table import Table
from faults import ptrace
from faults.apart import apart
from faults.durability import git_processes, syncs
from faults.growth import cost
from support.repo import Repo

from clubos_tui.workspace.watch import watch_paths

pytestmark = pytest.mark.bench

CHANGES = 20


@pytest.mark.skipif(bool(ptrace.reason_not_to()), reason=ptrace.reason_not_to())
def test_flushes_and_git_processes(table: Table) -> None:
    """Of a phase and of a merge that replace, make and delete so many files each."""
    by_name: dict[str, str] = {}
    for count in (1, 10, 100):

        def counted(count: int = count) -> list[tuple[str, int, dict[str, int]]]:
            spent = cost(count)
            return [
                (name, syncs(ran.calls), dict(git_processes(ran)))
                for name, ran in (("phase", spent.phase), ("merge", spent.merge))
            ]

        for name, flushes, gits in apart(counted):
            label = f"a {name}, {count} of each"
            table.note(f"flushes of {label}", "≤ 30", str(flushes))
            table.note(f"git processes of {label}", "≤ 15", str(sum(gits.values())))
            verbs = ", ".join(f"{number} {verb}" for verb, number in sorted(gits.items()))
            by_name[name] = verbs
    for name, verbs in by_name.items():
        table.note(f"of the last {name}: {verbs}", "", "")


async def latencies(repo: Repo, paths: list[str]) -> list[float]:
    """Write to one path after the other; return how long each took to be told."""
    stop, told = asyncio.Event(), asyncio.Queue[tuple[float, set[str]]]()

    async def listen() -> None:
        async for changed in watch_paths(repo.path, paths, stop):
            await told.put((time.perf_counter(), changed))

    listening = asyncio.ensure_future(listen())
    await asyncio.sleep(0.5)  # the watches are being set
    seconds = []
    for number in range(CHANGES):
        path = paths[number]
        data = next(iter(fresh([path]).values()))
        began = time.perf_counter()
        if number % 2:
            repo.write(path, data)
        else:
            part = repo.root / f"{path}.part"
            part.write_bytes(data)
            os.replace(part, repo.root / path)
        async with asyncio.timeout(10):
            at, changed = await told.get()
            while path not in changed:
                at, changed = await told.get()
        seconds.append(at - began)
        await asyncio.sleep(0.137 + number * 0.0031)  # not in step with the watcher
        while not told.empty():
            told.get_nowait()
    stop.set()
    with suppress(asyncio.CancelledError):
        await listening
    return seconds


def test_an_outside_change_is_told(home: Path, land: Land, table: Table) -> None:
    """From a write in the checkout to the watcher's word, for the reviewed paths of a phase."""
    repo = land("ours", LARGE)
    seconds = asyncio.run(latencies(repo, spread(LARGE, 100)))
    repo.git("reset", "--quiet", "--hard")
    assert len(seconds) == CHANGES
    milliseconds = sorted(item * 1000 for item in seconds)
    found = f"{statistics.median(milliseconds):.1f} ms, at most {milliseconds[-1]:.1f}"
    table.note(f"{CHANGES} writes, 100 paths watched", "≤ 50 ms", found)
