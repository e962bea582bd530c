"""What a crash costs: recovery, a start without one, and what git alone makes of a kill."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench import raw
from bench.conftest import Land
from bench.repos import LARGE, SMALL, edit_of, fresh, make, path_of, spread
from bench.table import Costs, Table
from support.journey import Journey
from support.kill import Snapshot, in_child

from clubos_tui.apply.record import Intent, Progress, Record, unfinished
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import BlobId, Entry, Write
from clubos_tui.engine.driver import Driver, recover_all
from clubos_tui.engine.session import Session

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("home")]

ROUNDS = 3
KILLS = 60
Work = Callable[[Journey], object]


def killed_in_the_middle(work: Work, count: int) -> Work:
    """Return ``work`` that kills its own process when half of its ``count`` files are exchanged."""

    def cut(run: Journey) -> None:
        numbers, inner = itertools.count(1), Transaction._announce

        def announce(*arguments: Any, **named: Any) -> None:
            if next(numbers) == max(1, count // 2):
                os.kill(os.getpid(), signal.SIGKILL)
            inner(*arguments, **named)

        Transaction._announce = announce  # type: ignore[method-assign]
        work(run)

    return cut


def recovered(run: Journey, costs: Costs) -> None:
    """Open the run as the next start does, and measure what recovers it."""
    run.session = Session.open(run.repo.path, run.agents)
    current = run.session.current()
    assert current
    assert len(unfinished(run.session.paths.transactions)) == 1, "the kill was not in the middle"
    run.run, run.driver = current, Driver(run.session, current)
    costs.add(run.driver.require)
    assert unfinished(run.session.paths.transactions) == []
    assert run.view.recovered


@pytest.mark.parametrize("name", ["execute", "merge"])
def test_recovery_against_the_operation_that_was_killed(
    tmp_path: Path, state: Path, table: Table, name: str
) -> None:
    """Of a run's second phase, laid out anew for each round: all of it, and recovery from half."""
    for count in (1, 10, 100, 1_000):
        place = tmp_path / str(count)
        repo = make(place / "repo", SMALL)
        first, second = (fresh(spread(SMALL, number)) for number in (1, count))
        run = Journey(repo, edit_of(first), edit_of(second)).live(1).propose(2).approve(2)
        if name == "merge":
            run.execute(2)
        run.close()
        start = Snapshot(place / "snapshot", repo.root, state)

        def work(run: Journey) -> None:
            run.execute(2) if name == "execute" else run.merge()

        whole, ours = Costs(), Costs()
        for _ in range(ROUNDS):
            run.open()
            whole.add(lambda run=run: work(run))
            run.close()
            start.restore()
            in_child(run, killed_in_the_middle(work, count), -1)
            recovered(run, ours)
            run.close()
            start.restore()
        table.compare(f"{count:,} files, {name}", 1, whole, ours)
        shutil.rmtree(place)
        shutil.rmtree(state)


def finished_records(session: Session, count: int) -> None:
    """Write the records of ``count`` transactions of 20 files that have long ended."""
    entry = Entry("100644", BlobId("0" * 40))
    rows = tuple(Write(path_of(number), entry, entry) for number in range(20))
    for number in range(count):
        name = f"20250101T000000Z-1-execute-{number:06x}"
        intent = Intent(
            name, "stage", "execute", 1, session.paths.stage("past"), session.paths.staging(name),
            session.paths.vault(name), rows, "sha1",
        )  # fmt: skip
        record = Record.begin(session.paths.transaction(name), intent, durable=False)
        for state in ("prepared", "committed", "done"):
            record.add(Progress(state))


@pytest.mark.parametrize("total", [SMALL, LARGE])
def test_a_start_with_nothing_to_recover(land: Land, total: int, table: Table) -> None:
    """Look for what a crash cut short where 1,000 transactions have ended."""
    session = Session.open(land("ours", total).path)
    for count in (0, 1_000):
        finished_records(session, count)
        costs = Costs()
        for _ in range(20):
            costs.add(lambda: recover_all(session))
        assert recover_all(session) == []
        table.note(
            f"{count:,} ended, {total:,} files", "≤ 5 ms",
            f"{costs.median.cpu * 1000:.2f} / {costs.median.wall * 1000:.2f} ms",
        )  # fmt: skip
    session.close()


def delays(longest: float) -> Iterator[float]:
    """Yield moments of an operation at random, the same in every run."""
    choose = random.Random(7)
    for _ in range(KILLS):
        yield choose.uniform(0, longest)


def test_how_git_alone_takes_a_kill(tmp_path: Path, table: Table) -> None:
    """Kill ``git read-tree -m -u`` of 500 files at random times; look at what lies there."""
    repo = make(tmp_path / "repo", 500)
    before = fresh(spread(500, 500))
    after = fresh(spread(500, 500))
    raw.in_place(repo, after)
    other = repo.head
    raw.in_place(repo, before)
    took = Costs()
    for _ in range(3):
        took.add(lambda: raw.start_switch(repo, other).wait())
        assert all(repo.read(path) == data for path, data in after.items())
        raw.undo_switch(repo)
    mixed = locked = killed = 0
    for delay in delays(took.median.wall):
        switch = raw.start_switch(repo, other)
        time.sleep(delay)
        switch.kill()
        killed += switch.wait() == -signal.SIGKILL
        found = [(repo.root / path) for path in before]
        states = {
            "before" if data == before[path] else "after" if data == after[path] else "neither"
            for path, data in (
                (path, place.read_bytes() if place.exists() else b"")
                for path, place in zip(before, found, strict=True)
            )
        }
        mixed += len(states) > 1 or "neither" in states
        locked += (repo.root / ".git/index.lock").exists()
        raw.undo_switch(repo)
    assert killed
    table.note(f"git read-tree, {killed} killed in time", "", f"{mixed} mixed, {locked} locked")
