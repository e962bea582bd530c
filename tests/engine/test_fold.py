"""The state is a fold of the journal: stale is derived, interruptions go back, undo is inverse."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.model import BASE, WHO, Model, journey

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change
from clubos_tui.engine.decide import Wait, decide
from clubos_tui.engine.fold import apply, fold
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.run import Run, approval
from clubos_tui.engine.state import Status
from clubos_tui.errors import GateClosed, NeedsPerson, Refused, Stale
from clubos_tui.journal import FileJournal

S = Status


def statuses(model):
    return [str(model.view.status(phase.number)) for phase in model.view.phases]


def begin(model, event, until):
    """Say ``event`` and perform steps until ``until`` holds."""
    assert model.say(event) is None
    while not until(model.view):
        step = decide(model.view)
        assert not isinstance(step, Wait), "it never holds"
        model.perform(step)


# --- folding ------------------------------------------------------------------------------------


def test_a_journal_begins_with_its_run():
    with pytest.raises(ValueError, match="without its first event"):
        fold([])
    with pytest.raises(ValueError, match=r"must start with run\.started"):
        apply(None, e.MergeRequested(WHO))


@settings(deadline=None, max_examples=10)
@given(st.randoms())
def test_two_processes_that_read_the_same_journal_hold_the_same_state(random):
    """Whether they read it at once or event by event, and through its stored form."""
    model = journey(random.choice, lambda _model, _before: None, steps=30)
    again = [e.decode(*e.encode(event)) for event in model.events]
    assert fold(again) == fold(model.events) == model.view


# --- stale --------------------------------------------------------------------------------------


def test_p2_a_dry_run_ahead_goes_stale_with_what_it_was_made_on():
    """Nothing is stored: proposing the same tree again would make it fresh again."""
    model = Model(True, True, True).proposed(1).proposed(2).approved(3)
    assert statuses(model) == ["proposed", "proposed", "approved"]
    first = model.view.phase(1).change_set
    model.proposed(1)
    assert statuses(model) == ["proposed", "stale", "stale"]
    model.view.phase(1).change_set = first
    assert statuses(model) == ["proposed", "proposed", "approved"]


@pytest.mark.parametrize("state", [S.IDLE, S.PROPOSING, S.FAILED, S.REJECTED, S.ROLLED_BACK])
def test_p2_without_a_tree_before_it_a_proposal_is_stale(state):
    model = Model(True, True).proposed(1).proposed(2)
    model.view.phase(1).state = state
    assert model.view.status(2) is S.STALE
    assert model.view.base_of(2) is None
    assert model.view.base_of(1) == BASE


def test_what_was_executed_keeps_its_state_when_the_phase_before_it_is_proposed_again():
    model = Model(True, True).executed(1).executed(2)
    assert statuses(model) == ["validated", "validated"]
    assert model.view.mode == "LIVE"
    assert Model().proposed(1).view.mode == "DRY RUN"


def test_files_changed_outside_are_named_until_they_are_back():
    model = Model(True).proposed(1)
    model.say(e.EditedOutside(1, {"a": "new", "b": "made"}))
    assert model.view.phase(1).moved_outside() == ("a", "b")
    model.say(e.EditedOutside(1, {"a": "old", "b": ""}))
    assert model.view.phase(1).moved_outside() == ()


# --- interruptions ------------------------------------------------------------------------------


def interrupted(how, step, phase=0):
    return e.Paused(step, phase, WHO) if how == "paused" else e.StepFailed(step, phase, "no")


@pytest.mark.parametrize("how", ["paused", "failed"])
def test_an_interrupted_dry_run_can_be_asked_for_again(how):
    model = Model()
    begin(model, e.ProposalRequested(1, WHO), lambda v: v.phase(1).state is S.PROPOSING)
    model.report(e.ActionStarted(1, 1, "a1", "s"), interrupted(how, "run action", 1))
    phase = model.view.phase(1)
    assert (phase.state, phase.asked, phase.actions[0].status) == (S.IDLE, False, "pending")
    assert decide(model.view) == Wait("a person's decision")
    assert (model.view.paused is None, model.view.failure is None) == (how != "paused",
                                                                       how == "paused")  # fmt: skip
    model.proposed(1)
    assert (model.view.status(1), phase.attempt) == (S.PROPOSED, 2)
    assert model.view.failure is model.view.paused is None


@pytest.mark.parametrize("how", ["paused", "failed"])
def test_p3_an_interrupted_execution_waits_with_its_approval(how):
    model = Model(True).approved(1)
    begin(model, e.ExecutionRequested(1, WHO), lambda v: v.phase(1).staged)
    model.report(interrupted(how, "publish branch", 1))
    phase = model.view.phase(1)
    assert (phase.state, phase.staged, phase.transaction) == (S.APPROVED, False, "")
    assert phase.approval
    assert model.view.applying is None
    model.say(e.ExecutionRequested(1, WHO))
    model.run()
    assert model.view.status(1) is S.VALIDATED


@pytest.mark.parametrize("how", ["paused", "failed"])
def test_an_interrupted_merge_is_prepared_again(how):
    """The target may have moved again meanwhile."""
    model = Model().all_executed()
    begin(model, e.MergeRequested(WHO), lambda v: v.merge.prepared is not None)
    model.report(interrupted(how, "merge"))
    assert model.view.merge.prepared is None
    assert not model.view.queue
    model.say(e.MergeRequested(WHO))
    model.run()
    assert model.view.ending == "merged"


@pytest.mark.parametrize("how", ["paused", "failed"])
def test_an_interrupted_rollback_has_taken_nothing_back(how):
    model = Model().executed(1)
    model.say(e.RollbackRequested(1, WHO))
    model.report(e.ApplyStarted(1, "x", "stage", "rollback", 1), interrupted(how, "roll back", 1))
    assert (statuses(model)[0], model.view.queue) == ("validated", [])


def test_an_interruption_of_nothing_changes_nothing():
    model = Model().proposed(1)
    before = statuses(model)
    model.report(e.Paused("", 0, WHO))
    assert statuses(model) == before


def test_a_failed_proposal_names_its_action_and_serves_the_request():
    model = Model().proposed(1, fails=True)
    phase = model.view.phase(1)
    assert (phase.state, phase.error) == (S.FAILED, "no")
    assert [action.status for action in phase.actions] == ["failed", "pending"]
    assert not model.view.queue


# --- there and back -----------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 2, 3])
@pytest.mark.parametrize("merged", [False, True])
def test_p4_undo_brings_back_what_a_rollback_took(first, merged):
    """A phase goes with every later one, and all of them come back as they were."""
    model = Model().merged() if merged else Model().all_executed()
    before, ending = statuses(model), model.view.ending
    model.say(e.RollbackRequested(first, WHO))
    model.run()
    assert statuses(model) == [*before[: first - 1], *["rolled back"] * (4 - first)]
    assert model.view.ending == ("rolled back" if merged and first == 1 else ending)
    assert model.view.rollback
    model.say(e.UndoRequested(WHO))
    model.run()
    assert (statuses(model), model.view.ending) == (before, ending)
    assert model.view.rollback is None


def test_p4_a_closing_rollback_and_its_undo_open_the_run_again():
    model = Model().executed(1)
    model.say(e.RollbackRequested(1, WHO, close=True))
    model.run()
    assert model.view.ending == "rolled back"
    model.say(e.UndoRequested(WHO))
    model.run()
    assert (model.view.ending, model.view.status(1)) == (None, S.VALIDATED)


@pytest.mark.parametrize("what", ["merge", "rollback"])
def test_p3_half_a_batch_is_as_good_as_all_of_it(what):
    """A crash may cut the line that says the run is closed; it is closed all the same."""
    model = Model().merged() if what == "merge" else Model().executed(1)
    if what == "rollback":
        model.say(e.RollbackRequested(1, WHO, close=True))
        model.run()
    assert isinstance(model.events[-1], e.RunClosed)
    assert fold(model.events[:-1]) == model.view


# --- what a person says -------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    """A run on disk whose first phase waits for its approval."""
    return on_disk(tmp_path, Model(True, True).proposed(1))


def on_disk(tmp_path, model):
    paths = StatePaths(str(tmp_path / "state"))
    kept = FileJournal(paths.run("r"))
    kept.append(*model.events)
    return Run("r", paths, kept)


def test_p2_a_moved_change_set_is_stale_and_names_the_paths_that_differ(tmp_path):
    same = Change("same", "create", new_mode="100644", new_blob="1" * 40)
    model = Model(True)
    model.proposed(1)
    for tree, blob in (("old", "2" * 40), ("new", "3" * 40)):
        row = Change("moved", "create", new_mode="100644", new_blob=blob)
        gone = Change("gone", "create", new_mode="100644", new_blob=blob)
        model.append(e.Proposed(1, 1, BASE, tree, (same, row, gone) if tree == "old" else
                                (same, row)))  # fmt: skip
    run = on_disk(tmp_path, model)
    for act in (lambda: run.approve(1, "old", 1, by=WHO),
                lambda: run.reject(1, "old", 1, reason="no", by=WHO)):  # fmt: skip
        with pytest.raises(Stale, match="now proposes new") as caught:
            act()
        assert caught.value.paths == ("gone", "moved")
        assert "moved" in str(caught.value)
        assert "same" not in str(caught.value)
    with pytest.raises(Stale):
        run.approve(1, "never seen", 1, by=WHO)
    assert run.view.status(1) is S.PROPOSED


def test_p2_an_approval_after_an_edit_outside_is_refused_with_the_path(run):
    phase = run.view.phase(1)
    run.note_outside(1, {"a": "edited"})
    with pytest.raises(Stale, match="changed outside") as caught:
        run.approve(1, phase.change_set, 1, by=WHO)
    assert caught.value.paths == ("a",)
    run.note_outside(1, {"a": "old"})
    run.approve(1, phase.change_set, 1, by=WHO)
    run.note_outside(1, {"a": "edited"})
    with pytest.raises(Stale):
        run.execute(1, by=WHO)


def test_p7_a_closed_gate_is_not_approved(tmp_path):
    run = on_disk(tmp_path, Model(True).proposed(1, outcome="failed"))
    with pytest.raises(GateClosed, match=r"sound \(failed\)"):
        run.approve(1, run.view.phase(1).change_set, 1, by=WHO)
    with pytest.raises(NeedsPerson, match="reason"):
        run.override(1, "sound", reason=" ", by=WHO)
    with pytest.raises(Refused, match="no required check 'other'"):
        run.override(1, "other", reason="why", by=WHO)
    run.override(1, "sound", reason="why", by=WHO)
    run.approve(1, run.view.phase(1).change_set, 1, by=WHO)


def test_p7_an_override_after_the_checkpoint_validates_in_the_same_write(tmp_path):
    model = Model(True).approved(1)
    model.say(e.ExecutionRequested(1, WHO))
    model.run(outcome="failed")
    run = on_disk(tmp_path, model)
    run.override(1, "sound", reason="why", by=WHO)
    assert [type(record.event) for record in run.journal.load()[-2:]] == [e.Overridden, e.Validated]
    assert run.view.status(1) is S.VALIDATED


def test_p7_an_override_while_a_merge_waits_is_on_the_merged_tree(tmp_path):
    model = Model(False).executed(1)
    model.say(e.MergeRequested(WHO))
    model.run(moved=True, outcome="unknown")
    tree = model.view.merge.prepared.tree
    run = on_disk(tmp_path, model)
    with pytest.raises(Refused, match="does not pass on the merged tree"):
        run.approve_merge(tree, by=WHO)
    run.override(1, "sound", reason="why", by=WHO)
    run.approve_merge(tree, by=WHO)
    assert run.view.overridden["merge", tree, "sound"].reason == "why"


def test_p2_the_digest_of_an_approval_binds_every_byte(run):
    """Base, id, attempt, each row, each piece of evidence, what was shown and to whom."""
    phase = run.view.phase(1)
    one = approval(phase, run.view, WHO, "person")
    digests = {one.digest, approval(phase, run.view, "Eve", "person").digest}
    digests.add(approval(phase, run.view, WHO, "person", e.Shown(2, 1, "dashboard")).digest)
    for field, value in (("base", "x"), ("change_set", "x"), ("attempt", 9),
                         ("manifest", phase.manifest[:1])):  # fmt: skip
        bent = dataclasses.replace(phase, **{field: value})
        digests.add(approval(bent, run.view, WHO, "person").digest)
    assert len(digests) == 7


def test_the_notes_of_a_draft_go_with_the_rejection(run):
    phase = run.view.phase(1)
    run.decide_file(1, "a", "reject", by=WHO, note="why")
    run.decide_file(1, "b", "accept", by=WHO)
    run.undo_decision(1, by=WHO)
    run.reject(1, phase.change_set, 1, reason="no", by=WHO)
    assert run.view.phase(1).rejection.notes == (Decision("a", "reject", "why"),)


@pytest.mark.parametrize("number", [0, 3])
def test_a_phase_that_is_not_there_is_refused_and_nothing_recorded(run, number):
    before = run.journal.seq
    for act in (run.propose, run.execute, run.roll_back):
        with pytest.raises(Refused, match=f"there is no phase {number}"):
            act(number, by=WHO)
    assert run.journal.seq == before


def test_two_who_decide_at_once_are_judged_one_after_the_other(run, tmp_path):
    """The second is asked again on what the first left, and not on what it had seen."""
    other = Run("r", run.paths)
    other.refresh()
    run.propose(1, by="Ada")
    with pytest.raises(Refused, match="still under way"):
        other.propose(1, by="Bob")


def test_p7_an_override_of_one_look_opens_no_other_gate():
    """What was unknown in the proposal and overridden may fail on the stage: another question."""
    model = Model(True).proposed(1, outcome="unknown")
    tree = model.view.phase(1).change_set
    assert model.say(e.Overridden(1, tree, "sound", "no tool here", WHO)) is None
    model.append(
        e.CheckFinished(1, "stage", tree, "sound", "failed", True, "wrong"),
        e.ChecksFinished(1, "stage", tree, False),
    )
    assert model.view.gate_open("proposal", tree)
    assert model.view.gate_open("stage", tree) is False
