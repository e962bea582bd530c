"""The one table of events and states, and the conditions beside it."""

import random

import pytest
from support.model import WHO, Model, journey, turn

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.engine.decide import decide
from clubos_tui.engine.state import ON_STAGE, Status
from clubos_tui.engine.table import TABLE, refusal

S = Status
NOW = (1, "t", 1)
SAMPLES = {
    e.ProposalRequested: e.ProposalRequested(1, WHO),
    e.AttemptStarted: e.AttemptStarted(1, 2, "base", "base", "model", "/ws"),
    e.ActionStarted: e.ActionStarted(1, 1, "a1", "s"),
    e.ResumeRequested: e.ResumeRequested(1, WHO),
    e.TurnTaken: e.TurnTaken(1, 1, "a1", turn(Model().view.phase(1))),
    e.PermissionAsked: e.PermissionAsked(1, 1, "a1", "p", "execute", "May I?", "rm"),
    e.PermissionAnswered: e.PermissionAnswered(1, 1, "p", True, WHO),
    e.ActionHeld: e.ActionHeld(1, 1, "a1", "no money"),
    e.ActionFinished: e.ActionFinished(1, 1, "a1", "success", "t"),
    e.Proposed: e.Proposed(1, 1, "base", "t", ()),
    e.ProposedNothing: e.ProposedNothing(1, 1),
    e.ProposalFailed: e.ProposalFailed(1, 1, "a1", "no"),
    e.Decided: e.Decided(*NOW, (Decision("a", "reject"),), WHO),
    e.DecisionUndone: e.DecisionUndone(*NOW, WHO),
    e.FileDecided: e.FileDecided(*NOW, Decision("a", "reject"), WHO),
    e.DecisionCleared: e.DecisionCleared(*NOW, "a", WHO),
    e.SealRequested: e.SealRequested(*NOW, WHO),
    e.Sealed: e.Sealed(1, 1, "base", "t", "u", ()),
    e.EditRequested: e.EditRequested(*NOW, "a", "0" * 64, WHO),
    e.Edited: e.Edited(1, 1, "base", "t", "u", (), "a", WHO),
    e.Approved: e.Approved(1, "base", "t", 1, WHO, "person", ""),
    e.Rejected: e.Rejected(*NOW, "no", WHO),
    e.ExecutionRequested: e.ExecutionRequested(1, WHO),
    e.Executed: e.Executed(1, "t", "b", "c", "x"),
    e.Validated: e.Validated(1, "t"),
    e.Unvalidated: e.Unvalidated(1, "t", ("sound",)),
    e.EditedOutside: e.EditedOutside(1, {"a": "x"}),
    e.ChecksRequested: e.ChecksRequested(1, "proposal", "t", (), WHO),
}  # fmt: skip


def in_state(status):
    """Return a run whose first phase stands at ``status``."""
    model = Model()
    phase = model.view.phase(1)
    phase.base = "another" if status is S.STALE else "base"
    phase.state = S.PROPOSED if status is S.STALE else status
    assert model.view.status(1) is status
    return model


def test_every_event_of_the_table_has_a_sample():
    assert set(SAMPLES) == set(TABLE)


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.__name__)
def test_an_event_is_refused_in_every_state_that_the_table_leaves_out(kind):
    """The reason is the state itself; where the table lets it in, it is another one or none."""
    for status in Status:
        reason = refusal(in_state(status).view, SAMPLES[kind])
        assert (reason == f"phase 1 is {status}") == (status not in TABLE[kind]), status


def test_every_pair_of_the_table_is_reached():
    """A row that no journey reaches is a mistake in the table or in the tests."""
    # By chance alone this one would need some thousand journeys.
    model = Model(True, True).proposed(1).proposed(2).proposed(1)
    stale = model.view.phase(2)
    model.say(e.Rejected(2, stale.change_set, stale.attempt, "no", WHO))
    reached = set(model.reached)
    for seed in range(1000):
        reached |= journey(random.Random(seed).choice, lambda _model, _before: None, 80).reached
    listed = {(kind, status) for kind, row in TABLE.items() for status in row}
    assert reached <= listed
    assert {(kind.__name__, str(status)) for kind, status in listed - reached} == set()


def test_a_state_in_which_nothing_may_come_is_an_end():
    """From any state of a phase a person, or the driver, has some way on."""
    dead = {status for status in Status if not any(status in row for row in TABLE.values())}
    assert dead == {S.MERGED}
    assert dead <= ON_STAGE, "and it can be rolled back"


@pytest.mark.parametrize("number", [0, -1, 4, 99])
@pytest.mark.parametrize(
    "event",
    [
        lambda n: e.ProposalRequested(n, WHO),
        lambda n: e.ExecutionRequested(n, WHO),
        lambda n: e.RollbackRequested(n, WHO),
        lambda n: e.Overridden(n, "t", "sound", "why", WHO),
        lambda n: e.FileDecided(n, "t", 1, Decision("a", "reject"), WHO),
        lambda n: e.EditedOutside(n, {}),
    ],
)
def test_a_phase_that_is_not_there_is_refused(event, number):
    """Phase 0 is not the last one, although a list would say so."""
    said = refusal(Model().all_executed().view, event(number))
    assert said == f"there is no phase {number}; the plan has 3"


# --- order --------------------------------------------------------------------------------------


def test_no_phase_executes_before_the_one_before_it_is_validated():
    model = Model(True, True, True)
    for number in (1, 2, 3):
        model.approved(number)
    assert refusal(model.view, e.ExecutionRequested(3, WHO)) == "phase 2 is approved, not validated"
    assert refusal(model.view, e.ExecutionRequested(2, WHO)) == "phase 1 is approved, not validated"
    model.say(e.ExecutionRequested(1, WHO))
    assert refusal(model.view, e.ExecutionRequested(2, WHO)) == "another step is still under way"
    model.run(outcome="failed")
    assert "phase 1 is unvalidated" in refusal(model.view, e.ExecutionRequested(2, WHO))


def test_a_phase_is_completed_only_if_it_ran():
    """In the sketch any phase up to the current one counted; here an untouched one blocks."""
    model = Model(False, False, False)
    assert "has no change set to build on" in refusal(model.view, e.ProposalRequested(3, WHO))
    model.executed(1)
    assert refusal(model.view, e.MergeRequested(WHO)) == "phase 2 is idle, not validated"
    assert model.view.status(2) is S.IDLE


def test_an_empty_phase_is_passed_over_while_its_base_stands():
    model = Model(False, False, False).executed(1).proposed(2, empty=True)
    assert model.view.status(2) is S.EMPTY
    assert model.view.base_of(3) == model.view.phase(1).change_set
    assert refusal(model.view, e.ProposalRequested(3, WHO)) is None


def test_an_empty_phase_goes_stale_with_its_base():
    """It found nothing to do on another tree; on this one nobody has looked."""
    model = Model(False, False, False).proposed(1).proposed(2, empty=True).proposed(3)
    model.executed(1)
    assert [str(model.view.status(number)) for number in (1, 2, 3)] == [
        "validated", "stale", "stale",
    ]  # fmt: skip
    model.proposed(2, empty=True).executed(3)
    assert model.say(e.MergeRequested(WHO)) is None


def test_a_run_from_a_detached_head_has_no_branch_to_merge_into():
    model = Model(False, target="").executed(1)
    assert "HEAD was detached" in refusal(model.view, e.MergeRequested(WHO))


def test_a_run_that_changed_nothing_has_nothing_to_merge():
    model = Model(False).proposed(1, empty=True)
    assert refusal(model.view, e.MergeRequested(WHO)) == "no phase has changed anything"


# --- approvals ----------------------------------------------------------------------------------


def test_p2_an_approval_binds_base_id_and_attempt():
    model = Model(True).proposed(1)
    phase = model.view.phase(1)
    yes = model.approve(1)
    assert refusal(model.view, yes) is None
    for field, value in (("base", "other"), ("change_set", "other"), ("attempt", 2)):
        values = {"base": phase.base, "change_set": phase.change_set, "attempt": 1, field: value}
        bent = e.Approved(1, **values, by=WHO, how="person", digest="")
        assert refusal(model.view, bent), field
    model.proposed(1)
    assert "the change set is" in refusal(model.view, yes)


def test_p2_an_approval_of_the_same_tree_in_an_earlier_attempt_is_refused():
    model = Model(True).proposed(1)
    yes = model.approve(1)
    again = model.view.phase(1).change_set
    model.proposed(1)
    model.view.phase(1).change_set = again
    assert refusal(model.view, yes) == "attempt 2 has taken the place of attempt 1"


def test_p7_nothing_is_approved_before_its_checks_have_ended():
    model = Model(True)
    model.say(e.ProposalRequested(1, WHO))
    while model.view.status(1) is not S.PROPOSED:
        model.perform(decide(model.view))
    assert refusal(model.view, model.approve(1)) == "its checks have not ended"


def test_p7_no_evidence_opens_no_gate():
    """A checkpoint of no checks is not one that passed."""
    model = Model(True).proposed(1)
    tree = model.view.phase(1).change_set
    model.view.checks.clear()
    assert model.view.gate_open("proposal", tree) is False
    assert model.view.gate_open("stage", tree) is None


@pytest.mark.parametrize("scope", ["proposal", "stage", "merge"])
@pytest.mark.parametrize("order", [("failed", "passed"), ("passed", "failed")])
def test_p7_a_check_is_not_hidden_by_a_namesake(scope, order):
    """The built-in plan has one "no secrets" a phase, and a merged tree gets them all."""
    model = Model(True)
    for outcome in order:
        model.append(e.CheckFinished(1, scope, "t", "no secrets", outcome, True, "x"))
    model.append(e.ChecksFinished(1, scope, "t", False))
    assert model.view.gate_open(scope, "t") is False
    model.append(e.CheckFinished(1, scope, "t", "no secrets", "passed", True, "x"))
    assert model.view.gate_open(scope, "t") is None, "it is being looked at again"
    model.append(e.ChecksFinished(1, scope, "t", True))
    assert model.view.gate_open(scope, "t") is True


def test_p7_a_check_that_was_not_run_closes_nothing_only_where_the_plan_allows():
    model = Model(True)
    model.append(
        e.CheckFinished(1, "stage", "t", "tool", "not run", False, "x"),
        e.ChecksFinished(1, "stage", "t", True),
    )
    assert model.view.gate_open("stage", "t")
    model.append(
        e.CheckFinished(1, "stage", "t", "tool", "not run", True, "x"),
        e.ChecksFinished(1, "stage", "t", False),
    )
    assert model.view.gate_open("stage", "t") is False


def test_p7_an_override_names_a_check_that_keeps_a_gate_shut():
    model = Model(True).proposed(1, outcome="unknown")
    tree = model.view.phase(1).change_set
    assert "no required check 'sond'" in refusal(
        model.view, e.Overridden(1, tree, "sond", "w", WHO)
    )
    assert refusal(model.view, e.Overridden(1, "other", "sound", "why", WHO))
    assert model.say(e.Overridden(1, tree, "sound", "why", WHO)) is None
    assert model.view.reviewable(1)


# --- decisions ----------------------------------------------------------------------------------


def test_a_decision_is_on_a_file_that_is_there():
    """Rejecting what is not in the change set would seal the same tree for ever."""
    model = Model(True).proposed(1)
    phase = model.view.phase(1)
    missing = e.FileDecided(1, phase.change_set, 1, Decision("none", "reject"), WHO)
    assert refusal(model.view, missing) == "phase 1 does not change none"


def test_rejected_files_are_sealed_before_the_rest_is_approved():
    model = Model(True).proposed(1)
    tree = model.view.phase(1).change_set
    assert "nothing to leave out" in refusal(model.view, e.SealRequested(1, tree, 1, WHO))
    model.say(e.FileDecided(1, tree, 1, Decision("a", "reject"), WHO))
    assert "seal the rest first" in refusal(model.view, model.approve(1))
    model.say(e.SealRequested(1, tree, 1, WHO))
    model.run()
    sealed = model.view.phase(1)
    assert (sealed.change_set != tree, [row.path for row in sealed.manifest]) == (True, ["b"])
    assert model.say(model.approve(1)) is None


def test_sealing_nothing_is_an_empty_proposal():
    model = Model(True).proposed(1)
    tree = model.view.phase(1).change_set
    for path in "ab":
        model.say(e.FileDecided(1, tree, 1, Decision(path, "reject"), WHO))
    model.say(e.SealRequested(1, tree, 1, WHO))
    model.run()
    assert model.view.status(1) is S.EMPTY
    assert model.view.base_of(2) == "base"


# --- the end ------------------------------------------------------------------------------------


def test_after_the_merge_only_a_rollback_and_its_undo_may_come():
    model = Model().merged()
    for event in model.words(1):
        may = isinstance(event, e.RollbackRequested | e.PauseRequested)
        assert (refusal(model.view, event) is None) == may, event
    model.say(e.RollbackRequested(1, WHO))
    model.run()
    assert (model.view.ending, model.view.status(1)) == ("rolled back", S.ROLLED_BACK)
    allowed = {type(event) for event in model.words(1) if refusal(model.view, event) is None}
    assert allowed == {e.UndoRequested, e.PauseRequested}


def test_p4_a_rollback_is_undone_only_while_nothing_was_built_on_it():
    """An undone phase would stand for a change set that was never executed."""
    model = Model(False, False).executed(1)
    model.say(e.RollbackRequested(1, WHO))
    model.run()
    model.proposed(1)
    reason = refusal(model.view, e.UndoRequested(WHO))
    assert reason == "phase 1 was proposed again since it was rolled back"
    model.say(e.ExecutionRequested(1, WHO))
    model.run()
    assert refusal(model.view, e.UndoRequested(WHO)) == "there is no rollback to take back"


def test_a_phase_that_can_not_be_taken_back_says_so():
    model = Model(False).executed(1)
    object.__setattr__(model.view.phase(1).spec, "rollbackable", False)
    said = refusal(model.view, e.RollbackRequested(1, WHO))
    assert said == "the plan marks phase 1 as not rollbackable"


def test_what_the_plan_approves_is_not_executed_with_a_rejected_file_in_it():
    """A person's no to a file stands, also where the plan asks for no approval."""
    model = Model(False).proposed(1)
    phase = model.view.phase(1)
    decision = Decision(phase.manifest[0].path, "reject")
    assert refusal(model.view, e.ExecutionRequested(1, WHO)) is None
    assert model.say(e.FileDecided(1, phase.change_set, phase.attempt, decision, WHO)) is None
    assert "rejected" in refusal(model.view, e.ExecutionRequested(1, WHO))
