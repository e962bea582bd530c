"""Commands as checks of a phase: on the proposal, on the stage and on a merged tree."""

import os

import pytest
from support.journey import Journey

from clubos_tui.engine.state import Status
from clubos_tui.events import CheckFinished
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

pytestmark = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
# It leaves things behind, which the next time must not be there any more.
COMMAND = "test ! -e left && grep -q fine new.txt && touch left && echo changed > new.txt"


def writing(text):
    def edit(folder):
        with open(os.path.join(folder, "new.txt"), "w") as file:
            file.write(text)

    return edit


def checked(command, **fields):
    return CheckSpec("runs", "command", command=command, paths=("*.txt",), **fields)


def test_it_runs_on_a_copy_of_each_tree_and_the_stage_is_left_alone(repo):
    journey = Journey(repo, writing("fine\n"), check=(checked(COMMAND),))
    journey.propose().approve().execute()
    found = [
        record.event for record in journey.run.journal.load()
        if isinstance(record.event, CheckFinished) and record.event.check == "runs"
    ]  # fmt: skip
    assert [(item.scope, item.outcome) for item in found] == [
        ("proposal", "passed"), ("stage", "passed")
    ]  # fmt: skip
    assert found[0].milliseconds == found[1].milliseconds, "the same tree is not tried twice"
    assert all(item.evidence[0] == f"$ {COMMAND}" for item in found)
    stage = journey.session.paths.stage(journey.run.id)
    assert "left" not in os.listdir(stage)
    with open(os.path.join(stage, "new.txt")) as file:
        assert file.read() == "fine\n"
    journey.run.merge(by="Pat")
    journey.go()
    journey.close()


def test_p7_a_command_that_fails_keeps_the_gate_shut_and_says_why(repo):
    command = "grep -n wrong new.txt && exit 1"
    journey = Journey(repo, writing("wrong\n"), check=(checked(command),))
    journey.propose()
    assert journey.phase().state is Status.PROPOSED
    assert journey.view.reviewable(1) is False
    [closed] = journey.view.closed_checks("proposal", journey.phase().change_set)
    assert (closed.outcome, closed.evidence[-1]) == ("failed", "1:wrong")
    journey.close()


def test_p7_one_that_is_not_there_is_unknown(repo):
    journey = Journey(repo, writing("x\n"), check=(checked("no-such-linter ."),))
    journey.propose()
    [closed] = journey.view.closed_checks("proposal", journey.phase().change_set)
    assert closed.outcome == "unknown"
    journey.close()
