"""What evidence costs: the five checkpoints of the built-in plan, and after a decision on one file.

``CLUBOS_NODE_MODULES=… pytest -m bench tests/bench/test_bench_checks.py -s``
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict

import pytest
from support.repo import Repo

from clubos_tui.changes.decisions import Decision
from clubos_tui.checks import BOXED
from clubos_tui.checks.packages import compiler, packages
from clubos_tui.checks.servers import binaries
from clubos_tui.engine.driver import Driver
from clubos_tui.engine.session import Session
from clubos_tui.events import CheckFinished
from clubos_tui.planfile import built_in
from clubos_tui.workspace.sandbox.box import program

WHO = "Pat"
MODULES = os.environ.get("CLUBOS_NODE_MODULES", "")  # read before a home without it begins
pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(
        not (program() and binaries() and compiler(packages("", ""))),
        reason="bubblewrap, PostgreSQL or TypeScript (CLUBOS_NODE_MODULES) is not installed",
    ),
]


@pytest.fixture
def driven(repo: Repo, monkeypatch: pytest.MonkeyPatch):
    """Return a run of the built-in plan, all of whose tools are there, and its driver."""
    for name in ("CLUBOS_TOOLS", "CLUBOS_POSTGRESQL_BIN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLUBOS_NODE_MODULES", MODULES)
    session = Session.open(repo.path)
    run = session.start(built_in(), "built-in", by=WHO)
    driver = Driver(session, run)
    driver.require()

    def settle() -> float:
        began = time.perf_counter()
        asyncio.run(driver.until_waiting())
        run.refresh()
        assert run.view.failure is None, run.view.failure
        return time.perf_counter() - began

    yield run, settle
    driver.release()
    session.close()


def checked(run, after: int) -> list[CheckFinished]:
    return [
        record.event for record in run.journal.new(after) if isinstance(record.event, CheckFinished)
    ]


def test_the_five_checkpoints_and_one_file_less(driven, capsys) -> None:
    run, settle = driven
    boxed = {spec.name for phase in run.view.plan.phase for spec in phase.check
             if spec.kind in BOXED}  # fmt: skip
    wall, sums = 0.0, defaultdict(float)
    server = 0.0
    for number in range(1, 6):
        seen = run.journal.seq
        run.propose(number, by=WHO)
        wall += settle()
        found = checked(run, seen)
        assert {item.outcome for item in found} == {"passed"}, found
        for item in found:
            sums["boxed" if item.check in boxed else "read"] += item.milliseconds / 1000
            server = max(server, item.milliseconds / 1000 if "up, down" in item.check else 0)
    seen = run.journal.seq
    path = "clubos/ui/src/panels/AuditPanel.tsx"
    run.decide(5, run.view.phase(5).change_set, [Decision(path, "reject")], by=WHO)
    run.seal(5, by=WHO)
    settle()
    ui = [item for item in checked(run, seen) if item.check in boxed]
    seen = run.journal.seq
    run.decide(
        2, run.view.phase(2).change_set, [Decision("clubos/database/checks/README.md", "reject")],
        by=WHO,
    )  # fmt: skip
    run.seal(2, by=WHO)
    again = settle()
    database = [item for item in checked(run, seen) if item.check in boxed]
    with capsys.disabled():
        print(f"\nfive dry runs with all checks: {wall:.1f} s (limit 15)\n"
              f"  checks that run a command {sums['boxed']:.1f} s, that read {sums['read']:.2f} s\n"
              f"  the database round trip, its server's start included: {server:.2f} s\n"
              f"after one file less in phase 5: {sum(not item.reused for item in ui)} of {len(ui)} "
              "commands again\n"
              f"after one text less in phase 2: {sum(not item.reused for item in database)} of "
              f"{len(database)} commands again, {again:.2f} s")  # fmt: skip
    assert wall < 15
    assert all(not item.reused for item in ui)
    assert all(item.reused for item in database)
