"""What happens next: pure, legal after any prefix, and never ahead of a validated phase."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model import WHO, Model, journey, promised

from clubos_tui import events as e
from clubos_tui.engine import decide as d
from clubos_tui.engine.fold import fold
from clubos_tui.engine.state import Status
from clubos_tui.engine.table import refusal

S = Status
WRITES = (d.ApplyToStage, d.PublishBranch, d.ApproveByPlan)


# --- any journey --------------------------------------------------------------------------------


def judge(model, before):
    """Hold every prefix since ``before`` against what must be true of all of them."""
    for size in range(max(before, 1), len(model.events) + 1):
        view = fold(model.events[:size])
        step = d.decide(view)
        if not isinstance(step, d.Wait):
            at = Model()
            at.events, at.view = model.events[:size], view
            opening = next(iter(at.batches(step)))
            for event in opening:
                assert refusal(view, event) is None, (event, refusal(view, event))
        if isinstance(step, WRITES):
            no_phase_before_it_is_open(view, step.phase)
        if isinstance(step, d.Merge):
            assert {view.status(phase.number) for phase in view.phases} <= {S.VALIDATED, S.EMPTY}
        a_person_is_not_sent_into_a_wall(view)
    for event in model.events[before:]:
        if isinstance(event, e.ExecutionRequested | e.Executed):
            no_phase_before_it_is_open(fold(model.events[: model.events.index(event)]), event.phase)
    assert fold(model.events) == model.view


def no_phase_before_it_is_open(view, number):
    for earlier in range(1, number):
        assert view.status(earlier) in {S.VALIDATED, S.EMPTY}, (earlier, number)


def a_person_is_not_sent_into_a_wall(view):
    """What the screen offers as the next step is never refused."""
    model = Model()
    model.view = view
    step = d.next_for_person(view)
    event = promised(model)
    if event is not None:
        assert refusal(view, event) is None, (step, refusal(view, event))
    assert step.words


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_prefix_of_a_journal_gives_a_legal_next_step(data):
    """Whatever was done, interrupted or killed: the next step is clear, and its event may come."""
    journey(lambda options: data.draw(st.sampled_from(list(options))), judge)


@pytest.mark.parametrize("seed", range(60))
def test_a_long_journey_is_legal_throughout(seed):
    journey(random.Random(seed).choice, judge, steps=90)


def test_to_decide_changes_nothing():
    model = Model().proposed(1)
    before = fold(model.events)
    for _ in range(2):
        d.decide(model.view)
        d.next_for_person(model.view)
    assert model.view == before


# --- the flow -----------------------------------------------------------------------------------


def test_the_whole_flow_step_by_step():
    model, seen = Model(False, True), []
    while not model.view.ending:
        step = d.next_for_person(model.view)
        seen.append(f"{step.verb} {step.phase}")
        assert model.say(promised(model)) is None
        model.run()
    assert seen == [
        "propose 1", "execute 1", "propose 2", "approve 2", "execute 2", "merge 0",
    ]  # fmt: skip
    assert d.next_for_person(model.view) == d.Next("done", 0, "The run is merged.")
    assert d.decide(model.view) == d.Wait("the run is merged")


def test_the_steps_of_a_phase_in_their_order():
    model, steps = Model(False), []
    for asked in (e.ProposalRequested(1, WHO), e.ExecutionRequested(1, WHO)):
        assert model.say(asked) is None
        while not isinstance(step := d.decide(model.view), d.Wait):
            steps.append(type(step).__name__)
            model.perform(step)
    assert steps == [
        "StartAttempt", "RunAction", "RunAction", "FinishAttempt", "RunChecks",
        "ApproveByPlan", "ApplyToStage", "PublishBranch", "RunChecks", "CloseCheckpoint",
    ]  # fmt: skip


def test_nobody_is_asked_twice_nothing_moves_by_itself():
    """Neither a finished dry run nor a validated phase starts the next step (P10)."""
    for model in (Model(), Model().proposed(1), Model().approved(1), Model().executed(1)):
        assert d.decide(model.view) == d.Wait("a person's decision")


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
def test_p7_a_closed_gate_leads_to_an_override_by_name_or_nowhere(outcome):
    model = Model(True).proposed(1, outcome=outcome)
    assert d.next_for_person(model.view).verb == "override"
    assert "sound" in model.say(model.approve(1))
    assert model.say(promised(model)) is None
    assert model.say(model.approve(1)) is None


def test_p4_an_unproven_rollback_can_not_be_overridden():
    """There is no check to name: what can't be taken back is proposed again."""
    model = Model(True).proposed(1, identical=False)
    assert d.next_for_person(model.view).verb == "propose"
    assert "rollback could not be proven" in model.say(model.approve(1))


def test_an_interrupted_checkpoint_can_be_repeated():
    model = Model(False).proposed(1)
    model.say(e.ExecutionRequested(1, WHO))
    while model.view.status(1) is not S.EXECUTED:
        model.perform(d.decide(model.view))
    model.report(e.Paused("run checks", 1, WHO))
    assert model.view.status(1) is S.EXECUTED
    assert d.next_for_person(model.view).words == "Repeat the checkpoint of phase 1"
    assert model.say(promised(model)) is None
    model.run()
    assert model.view.status(1) is S.VALIDATED


def test_a_merge_that_waits_keeps_nobody_from_anything_else():
    """Who does not want the merged tree may still roll back; the merge is asked for again."""
    model = Model().all_executed()
    model.say(e.MergeRequested(WHO))
    assert "its own approval" in model.run(moved=True).why
    assert d.next_for_person(model.view).verb == "approve merge"
    assert model.say(e.RollbackRequested(3, WHO)) is None
    model.run()
    assert model.view.status(3) is S.ROLLED_BACK
    assert model.view.merge.prepared is None


def test_a_merged_tree_with_a_closed_gate_is_overridden_by_name():
    model = Model().all_executed()
    model.say(e.MergeRequested(WHO))
    model.run(moved=True, outcome="failed")
    tree = model.view.merge.prepared.tree
    assert "does not pass" in model.say(e.MergeApproved(tree, WHO, "person"))
    assert model.say(promised(model)) is None
    assert model.say(e.MergeApproved(tree, WHO, "person")) is None
    model.run()
    assert model.view.ending == "merged"


def test_a_run_that_changed_nothing_ends_at_once():
    """Closing answers the request, so that the driver does not close it for ever."""
    model = Model()
    assert model.say(e.RollbackRequested(1, WHO, close=True)) is None
    assert model.run() == d.Wait("the run is abandoned")


def test_a_plan_of_many_phases_is_decided_on_at_once():
    """What each phase builds on is found in one walk, not by asking each about all before it."""
    model = Model(*[False] * 64)
    for number in range(1, 65):
        model.proposed(number)
    assert {model.view.status(number) for number in range(1, 65)} == {S.PROPOSED}
    assert d.next_for_person(model.view).verb == "execute"
