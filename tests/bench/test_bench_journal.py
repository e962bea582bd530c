"""The journal against bare append and flush; how fast a decision is heard; what waiting costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bench.table import Costs, Table
from support.postgres import cluster
from support.repo import Repo
from support.sharing import CLUBOS, Sharing, write_plan

from clubos_tui.changes.manifest import Change
from clubos_tui.engine.session import Session
from clubos_tui.events import ActionFinished, PauseRequested, ProposalRequested, RunId
from clubos_tui.journal import FileJournal
from clubos_tui.journal.postgres import PostgresJournals

pytestmark = pytest.mark.bench

APPENDS, BATCHES, BATCH = 3_000, 400, 500
ROUNDS = 5
WAITING = 200
EVENT = ActionFinished(
    1, 1, "one", "success", "t" * 40, "x" * 150, "",
    (Change("src/a.py", "create", new_mode="100644", new_blob="b" * 40, action="one"),),
)  # fmt: skip


def test_appends_against_bare_append_and_flush(tmp_path: Path, table: Table) -> None:
    """As many lines of the same length, each flushed: ours with chain, lock and comparison."""
    bare, ours = Costs(), Costs()
    for turn in range(ROUNDS):
        journal = FileJournal(str(tmp_path / f"ours-{turn}"))
        journal.append(EVENT)
        line = b"x" * (os.path.getsize(journal.path) - 1) + b"\n"
        fd = os.open(tmp_path / f"bare-{turn}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def append(fd: int = fd, line: bytes = line) -> None:
            for _ in range(APPENDS):
                os.write(fd, line)
                os.fdatasync(fd)

        def ours_append(journal: FileJournal = journal) -> None:
            for _ in range(APPENDS):
                journal.append(EVENT, expected=journal.seq)

        bare.add(append)
        ours.add(ours_append)
        os.close(fd)
    table.compare(f"{APPENDS:,} appends, each flushed", None, bare, ours)
    rates = [one.wall / other.wall for one, other in zip(bare.all, ours.all, strict=True)]
    table.note("our rate by the bare rate", "≥ 0.8", f"{statistics.median(rates):.2f}")


def test_batches_and_opening(tmp_path: Path, table: Table) -> None:
    """200,000 events appended 500 at a time; then opened and the chain followed."""
    journal = FileJournal(str(tmp_path))
    appending, opening = Costs(), Costs()

    def append() -> None:
        for _ in range(BATCHES):
            journal.append(*[EVENT] * BATCH)

    appending.add(append)
    for _ in range(ROUNDS):
        opening.add(lambda: FileJournal(str(tmp_path)).load())
    count = BATCHES * BATCH
    table.note("events a second, batched", "≥ 50,000", f"{count / appending.last.wall:,.0f}")
    table.note(f"open and verify {count:,} events", "≤ 1 s", f"{opening.median.wall:.2f} s")


@pytest.fixture
def sharing(home: Path, tmp_path: Path) -> Iterator[Sharing]:
    os.environ.pop("CLUBOS_POSTGRESQL_BIN", None)
    with cluster() as server:
        made = Sharing(tmp_path, server.tcp)
        yield made
        made.close()


def test_a_decision_is_heard(sharing: Sharing, table: Table) -> None:
    """From the append in one process to the callback in another connection's thread."""
    ear, mouth = PostgresJournals(sharing.url), PostgresJournals(sharing.url, "origin")
    heard = threading.Event()
    ear.listen(lambda _said: heard.set())
    journal = mouth.open(RunId("one"))
    journal.append(ProposalRequested(1, "Pat"))
    found = []
    for _ in range(100):
        time.sleep(0.01)
        heard.clear()
        began = time.perf_counter()
        journal.append(PauseRequested("Pat"))
        assert heard.wait(5)
        found.append(time.perf_counter() - began)
    found.sort()
    slowest = f"the slowest of 100 {found[-1] * 1000:.1f} ms"
    table.note("heard, append included", "≤ 50 ms",
               f"{found[50] * 1000:.1f} ms, {slowest}")  # fmt: skip
    ear.close()
    mouth.close()


def test_a_decision_wakes_a_worker(sharing: Sharing, table: Table) -> None:
    """From the person's request to the first event of the worker's step, over processes."""
    repo = sharing.remote("repo")
    sharing.start(repo, "one")
    sharing.work("alpha")
    run = sharing.run("one")
    waits = []
    for turn in range(10):
        seen = run.journal.load()[-1].seq
        run.refresh()
        began = time.perf_counter()
        run.propose(1, by="Pat")
        while not run.journal.new(seen + 1):
            time.sleep(0.001)
        if turn:  # the first makes the clone
            waits.append(time.perf_counter() - began)
        sharing.until(lambda: run.refresh() is not None and not run.view.queue, "not proposed")
    waits.sort()
    table.note("a step has begun and said so", "", f"{waits[len(waits) // 2] * 1000:.0f} ms")


def test_what_waiting_runs_cost_a_shared_worker(sharing: Sharing, table: Table) -> None:
    """Runs that wait for a person, and a worker with nothing to do."""
    sharing.start(sharing.remote("repo"), "one")
    started = sharing.run("one").view.started
    for number in range(1, WAITING):
        sharing.journals.open(RunId(f"run{number}")).append(replace(started, run=f"run{number}"))
    works = sharing.work("alpha")
    time.sleep(5)
    share = _share(works.process.pid, 20)
    table.note(f"{WAITING} waiting runs, shared", "< 5 % of a core", f"{share:.1%}")


def test_what_waiting_runs_cost_a_worker_here(home: Path, tmp_path: Path, table: Table) -> None:
    """As many repositories, one process."""
    paths = []
    for number in range(WAITING):
        repo = Repo.make(tmp_path / f"repo{number}")
        write_plan(repo, "/nowhere")
        session = Session.open(repo.path)
        plan, source = session.plan()
        session.start(plan, source, by="Pat")
        session.close()
        paths.append(str(repo.path))
    process = subprocess.Popen([*CLUBOS, "worker", *paths], stdout=subprocess.DEVNULL)
    time.sleep(20)
    try:
        table.note(f"{WAITING} waiting runs, here", "< 5 % of a core",
                   f"{_share(process.pid, 20):.1%}")  # fmt: skip
    finally:
        process.terminate()
        process.wait()


def _share(pid: int, seconds: float) -> float:
    """Return the share of a core that a process takes."""

    def used() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds
