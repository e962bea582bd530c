"""What every driver holds to, whichever store it works on: one suite, each driver a process.

In-process driving is tried at every point by tests/engine/test_resume.py and tests/faults; here
are the wake-ups, and that the same scenario leaves the same events whoever drives.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.driving import Driving, Here, Shared
from support.postgres import cluster
from support.sharing import wait_until

from clubos_tui.checks.servers import binaries
from clubos_tui.errors import Stale
from clubos_tui.events import (
    ActionStarted,
    ApplyStarted,
    Event,
    Executed,
    Merged,
    PauseRequested,
    Recovered,
    Taken,
)

pytestmark = pytest.mark.long


@pytest.fixture(params=["here", "shared"])
def driving(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Iterator[Driving]:
    """A run that waits for its first dry run, and nobody drives it yet."""
    if request.param == "here":
        made: Driving = Here(tmp_path)
        yield made
        made.close()
        return
    os.environ.pop("CLUBOS_POSTGRESQL_BIN", None)
    if not binaries():
        pytest.skip("needs PostgreSQL's server programs")
    with cluster() as server:
        made = Shared(tmp_path, server)
        yield made
        made.close()


def tags(driving: Driving) -> list[str]:
    """Return what happened, but for who drove and what was recovered."""
    left_out = (Taken, Recovered)
    records = driving.read().journal.load()
    return [type(item.event).__name__ for item in records if not isinstance(item.event, left_out)]


PHASE = ["ProposalRequested", "AttemptStarted", "ActionStarted", "ActionFinished", "Proposed",
         "CheckFinished", "CheckFinished", "Rehearsed", "ChecksFinished", "Approved",
         "ExecutionRequested", "ApplyStarted", "ApplyFinished", "Executed", "CheckFinished",
         "ChecksFinished", "Validated"]  # fmt: skip
MERGE = ["MergeRequested", "MergePrepared", "CheckFinished", "CheckFinished", "ChecksFinished",
         "ApplyStarted", "ApplyFinished", "Merged", "RunClosed"]  # fmt: skip


def test_the_same_scenario_leaves_the_same_events(driving):
    """With every wake-up doubled; and who asks with another id than what is shown is refused."""
    driving.begin()
    person = driving.go()

    def look() -> bool:
        done = person.look()
        driving.double_wake_up()
        run = driving.read()
        if run.view.phase(1).change_set:
            with pytest.raises(Stale):
                run.approve(1, "0" * 40, 1, by="Eve")
        return done

    wait_until(look, lambda: str(tags(driving)))
    assert tags(driving) == ["RunStarted", *PHASE, *PHASE, *MERGE]
    assert driving.end() == 0
    assert tags(driving) == ["RunStarted", *PHASE, *PHASE, *MERGE]


def when(driving: Driving, kind: type[Event], act: Callable[[], None]) -> None:
    """Do something as soon as an event of a kind is in the journal."""
    wait_until(
        lambda: any(isinstance(item.event, kind) for item in driving.read().journal.load()),
        lambda: f"no {kind.__name__}: {tags(driving)}",
    )
    act()


def test_p3_a_driver_killed_at_gates_and_in_steps_repeats_nothing(driving):
    """Killed as soon as a step is heard of, and at each gate; started again each time."""
    person = driving.go()
    driving.begin()
    person.look()
    for kind in (ActionStarted, ApplyStarted):
        if kind is ApplyStarted:
            wait_until(lambda: person.look() or "ExecutionRequested" in tags(driving),
                       lambda: str(tags(driving)))  # fmt: skip
        when(driving, kind, driving.kill)
        driving.begin()
        wait_until(lambda: person.look() or not person.run.view.queue, lambda: str(tags(driving)))
        driving.kill()  # at a gate: it waits for the person
        driving.begin()
    wait_until(person.look, lambda: str(tags(driving)))
    records = [item.event for item in driving.read().journal.load()]
    assert [event.phase for event in records if isinstance(event, Executed)] == [1, 2]
    assert sum(isinstance(event, Merged) for event in records) == 1


def test_a_lost_wake_up_costs_a_while_and_nothing_else(driving):
    """What is said while nobody listens is found by the next look."""
    driving.begin()
    person = driving.go()
    driving.freeze()
    driving.lose_wake_ups()
    person.look()
    time.sleep(0.5)
    assert "AttemptStarted" not in tags(driving)
    driving.thaw()
    wait_until(lambda: "ChecksFinished" in tags(driving), lambda: str(tags(driving)))


def test_a_step_is_cancelled_by_whoever_asks(driving):
    """The person interrupts; whichever process drives withdraws the step and says so."""
    driving.begin()
    run = driving.read()
    run.propose(1, by="Pat")
    run.say(PauseRequested("Pat"))
    wait_until(lambda: not driving.read().view.queue, lambda: str(tags(driving)))
    said = tags(driving)
    # It came in time or the step was done before; either way nothing is under way.
    assert "Paused" in said or "ChecksFinished" in said
    run = driving.read()
    if "Paused" in said:
        run.propose(1, by="Pat")
    wait_until(lambda: "ChecksFinished" in tags(driving), lambda: str(tags(driving)))


def test_p3_a_restart_of_the_database_in_the_middle_is_survived(driving):
    if not isinstance(driving, Shared):
        return
    driving.begin()
    person = driving.go()
    person.look()
    when(driving, ActionStarted, driving.server.restart)

    def look() -> bool:
        try:
            return person.look()
        except OSError:  # it is just coming back
            return False

    wait_until(look, lambda: str(tags(driving)), seconds=90)
    events = [item.event for item in driving.read().journal.load()]
    assert [event.phase for event in events if isinstance(event, Executed)] == [1, 2]
