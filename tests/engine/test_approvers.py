"""Whose yes counts: named people, several of them, not the one who asked. Pure, and on a disk."""

import dataclasses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.model import WHO, Model

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.engine import decide as d
from clubos_tui.engine.approvers import of_merge, of_phase
from clubos_tui.engine.fold import fold
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import Status
from clubos_tui.engine.table import refusal
from clubos_tui.errors import NeedsPerson, exit_code
from clubos_tui.journal import FileJournal
from clubos_tui.plan import Approvers

S = Status
SAM, KIM, EVE = "Sam <sam@example.org>", "Kim", "Eve"
TWO = Approvers(count=2)
THREE_NAMED = Approvers((WHO, SAM, KIM), 2, not_requester=True)


def model_of(rule, *required):
    return Model(*(required or (True,)), approvers=rule)


def asked_by(model, who, number=1, **choices):
    """Have someone else ask for the dry run."""
    assert model.say(e.ProposalRequested(number, who)) is None
    model.run(**choices)
    return model


# --- approved iff the rule holds ----------------------------------------------------------------

PEOPLE = ["Pat <pat@x.org>", "Pat Doe <PAT@X.org>", "Pat", "Sam", "Kim <k@x.org>", "Eve <e@x.org>"]
RULES = st.builds(
    Approvers, st.lists(st.sampled_from(PEOPLE), max_size=4).map(tuple), st.integers(1, 3),
    st.booleans(),
)  # fmt: skip


def restated(rule, requester, said):
    """Return what the rule says, in the plainest words there are."""
    who = {
        "Pat <pat@x.org>": 1, "Pat Doe <PAT@X.org>": 1, "Pat": 2, "Sam": 3, "Kim <k@x.org>": 4,
        "Eve <e@x.org>": 5,
    }  # fmt: skip
    different = {who[name] for name in said}
    if rule.named:
        different &= {who[name] for name in rule.named}
    if rule.not_requester:
        different -= {who[requester]}
    return len(different) >= rule.count


@settings(deadline=None, max_examples=60)
@example(TWO, "Sam", PEOPLE[:2], False)
@given(RULES, st.sampled_from(PEOPLE), st.lists(st.sampled_from(PEOPLE), max_size=8), st.booleans())
def test_p2_p10_a_phase_is_approved_if_and_only_if_the_rule_holds(rule, requester, names, asks):
    """Whether each yes goes through the table, or stands in a journal that nobody asked it for."""
    model = asked_by(model_of(rule), requester)
    said = []
    for name in names:
        if model.view.status(1) is S.APPROVED:
            break
        yes = model.approve(1, name)
        reason = refusal(model.view, yes)
        counts = restated(dataclasses.replace(rule, count=1), requester, [name])
        assert (reason is None) == (counts and of_phase(model.view.phase(1)).refusal(name) is None)
        if reason is None or not asks:
            model.append(yes)
        said.append(name)
        assert (model.view.status(1) is S.APPROVED) == restated(rule, requester, said)
        assert (refusal(model.view, e.ExecutionRequested(1, WHO)) is None) == (
            model.view.status(1) is S.APPROVED
        )
    assert fold([e.decode(*e.encode(event)) for event in model.events]) == model.view


# --- one after the other ------------------------------------------------------------------------


def test_p2_until_enough_have_said_yes_the_phase_stays_proposed():
    model = model_of(TWO).proposed(1)
    assert (
        d.next_for_person(model.view).words == "Review and approve phase 1: two people are needed"
    )
    assert model.say(model.approve(1)) is None
    assert model.view.status(1) is S.PROPOSED
    assert model.view.phase(1).approval is None
    words = "approved by Pat; one more person is needed"
    assert d.next_for_person(model.view) == d.Next("approve", 1, f"Phase 1 is {words}")
    reason = refusal(model.view, e.ExecutionRequested(1, WHO))
    assert reason == f"phase 1 is not approved: {words}"
    assert model.say(model.approve(1, SAM)) is None
    assert model.view.status(1) is S.APPROVED
    assert [one.by for one in model.view.phase(1).approvals] == [WHO, SAM]
    assert model.view.phase(1).approval.by == SAM
    assert d.next_for_person(model.view).words == "Execute phase 1"


def test_p10_who_may_not_approve_is_told_why():
    model = model_of(THREE_NAMED).proposed(1)
    assert refusal(model.view, model.approve(1)) == (
        f"{WHO} asked for it, and the plan wants the yes of another"
    )
    assert refusal(model.view, model.approve(1, EVE)) == (
        f"Eve may not approve it: the plan names Pat, {SAM}, Kim"
    )
    assert model.say(model.approve(1, SAM)) is None
    again = refusal(model.view, model.approve(1, "Samuel <SAM@example.org>"))
    assert again == "Samuel <SAM@example.org> has approved it already; one more person is needed"
    assert of_phase(model.view.phase(1)).who == "Who may: Kim."
    assert model.say(model.approve(1, KIM)) is None


def test_p10_the_requester_is_the_one_of_that_attempt():
    """Who started the run may approve what another asked for; going on with it is not asking."""
    model = model_of(Approvers(not_requester=True))
    asked_by(model, SAM, held=True)
    assert model.view.started.by == WHO
    assert model.say(e.ResumeRequested(1, KIM)) is None
    model.run()
    assert model.view.phase(1).requested_by == SAM
    assert refusal(model.view, model.approve(1, SAM))
    assert refusal(model.view, model.approve(1, KIM)) is None
    assert model.say(e.ProposalRequested(1, WHO)) is None
    assert refusal(model.view, model.approve(1, WHO)) is None, "it is not proposed yet"
    model.run()
    assert refusal(model.view, model.approve(1, WHO))
    assert refusal(model.view, model.approve(1, SAM)) is None


def rejected(model, phase):
    assert model.say(e.Rejected(1, phase.change_set, 1, "no", WHO)) is None


def proposed_again(model, _phase):
    asked_by(model, WHO)


def sealed(model, phase):
    model.say(e.FileDecided(1, phase.change_set, 1, Decision("a", "reject"), WHO))
    assert model.say(e.SealRequested(1, phase.change_set, 1, WHO)) is None
    model.run()


def edited(model, phase):
    assert model.say(e.EditRequested(1, phase.change_set, 1, "a", "0" * 64, WHO)) is None
    model.run()


def overridden(model, phase):
    """What was approved had passed its checks; whoever overrides one says yes to another thing."""
    assert model.say(e.ChecksRequested(1, "proposal", phase.change_set, (), WHO)) is None
    model.run(outcome="failed")
    assert model.say(e.Overridden(1, phase.change_set, "sound", "why", WHO)) is None


@pytest.mark.parametrize("act", [rejected, proposed_again, sealed, edited, overridden])
def test_p2_what_changes_the_proposal_voids_the_approvals(act):
    model = model_of(TWO).proposed(1)
    assert model.say(model.approve(1)) is None
    act(model, dataclasses.replace(model.view.phase(1)))
    phase = model.view.phase(1)
    assert (phase.approvals, phase.approval) == ((), None)
    if model.view.status(1) is S.PROPOSED:
        assert model.say(model.approve(1, SAM)) is None
        assert model.view.status(1) is S.PROPOSED


def test_p2_checks_that_pass_again_leave_the_approvals_alone():
    model = model_of(TWO).proposed(1)
    model.say(model.approve(1))
    model.say(e.ChecksRequested(1, "proposal", model.view.phase(1).change_set, (), SAM))
    assert refusal(model.view, model.approve(1, SAM)).startswith("its checks were asked for again")
    model.run()
    assert model.say(model.approve(1, SAM)) is None
    assert model.view.status(1) is S.APPROVED


def test_p2_yeses_to_different_change_sets_are_never_added_up():
    model = model_of(TWO).proposed(1)
    first = model.approve(1)
    other = dataclasses.replace(model.approve(1, SAM), change_set="other")
    model.append(first, other)
    assert model.view.status(1) is S.PROPOSED
    assert of_phase(model.view.phase(1)).yes == (SAM,)


def test_p10_where_a_rule_is_no_approval_is_the_plans():
    """Also where a plan that no file holds says both."""
    model = model_of(Approvers((SAM,)), False).proposed(1)
    assert model.view.phase(1).required_approval
    assert d.next_for_person(model.view).verb == "approve"
    assert refusal(model.view, e.ExecutionRequested(1, WHO)).startswith("phase 1 is not approved")
    by_plan = dataclasses.replace(model.approve(1, SAM), how="plan")
    assert "asks for a person's approval" in refusal(model.view, by_plan)
    model.append(by_plan)
    assert model.view.status(1) is S.PROPOSED
    assert model.say(model.approve(1, SAM)) is None
    assert model.view.status(1) is S.APPROVED


def test_where_nobody_is_left_who_may_it_is_proposed_again_by_another():
    rule = Approvers((WHO, SAM), 2, not_requester=True)
    model = model_of(rule).proposed(1)
    step = d.next_for_person(model.view)
    assert (step.verb, step.phase) == ("propose", 1)
    assert step.words == (
        "Have another person propose phase 1 again: nobody is left who may approve it"
    )
    asked_by(model, EVE)
    for who in (WHO, SAM):
        assert d.next_for_person(model.view).verb == "approve"
        assert model.say(model.approve(1, who)) is None
    assert model.view.status(1) is S.APPROVED


# --- overrides ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["proposal", "stage", "merge"])
def test_p10_an_override_takes_one_of_those_who_may_approve(scope):
    model = model_of(THREE_NAMED)
    if scope == "proposal":
        model.proposed(1, outcome="failed")
    else:
        model.proposed(1)
        for who in (SAM, KIM):
            model.say(model.approve(1, who))
        model.say(e.ExecutionRequested(1, WHO))
        model.run(outcome="failed" if scope == "stage" else "passed")
    tree = model.view.phase(1).change_set
    if scope == "merge":
        model.say(e.MergeRequested(SAM))
        model.run(moved=True, outcome="failed")
        tree = model.view.merge.prepared.tree
    over = e.Overridden(1, tree, "sound", "why", WHO, scope)
    assert "asked for it" in refusal(model.view, over)
    assert "the plan names" in refusal(model.view, dataclasses.replace(over, by=EVE))
    assert model.say(dataclasses.replace(over, by=KIM)) is None
    assert not model.view.closed_checks(scope, tree)


def test_p10_a_check_is_not_overridden_under_the_rule_of_another_phase():
    model = model_of(THREE_NAMED, True, True)
    model.view.phase(1).rule = Approvers()
    model.proposed(1).proposed(2, outcome="failed")
    tree = model.view.phase(2).change_set
    assert "no required check" in refusal(model.view, e.Overridden(1, tree, "sound", "why", WHO))
    assert "asked for it" in refusal(model.view, e.Overridden(2, tree, "sound", "why", WHO))


# --- the merge ----------------------------------------------------------------------------------


def merging(rules, *, empty_last=False):
    """Return a run whose merge has made a new tree; each phase was asked for by Pat."""
    model = Model(*[True] * len(rules))
    for phase, rule in zip(model.view.phases, rules, strict=True):
        phase.rule = rule
    for number in range(1, len(rules) + 1):
        if empty_last and number == len(rules):
            model.proposed(number, empty=True)
            break
        model.proposed(number)
        for who in (SAM, KIM):
            model.say(model.approve(number, who))
        assert model.say(e.ExecutionRequested(number, WHO)) is None
        model.run()
    assert model.say(e.MergeRequested(WHO)) is None
    return model, model.run(moved=True)


def test_p2_p10_a_merged_tree_needs_as_many_people_as_the_last_phase():
    model, wait = merging([Approvers(), THREE_NAMED])
    assert wait.why.endswith("needs its own approval: two people are needed")
    tree = model.view.merge.prepared.tree
    assert "asked for it" in refusal(model.view, e.MergeApproved(tree, WHO, "person"))
    assert "the plan names" in refusal(model.view, e.MergeApproved(tree, EVE, "person"))
    assert model.say(e.MergeApproved(tree, SAM, "flag")) is None
    assert model.view.merge_waits
    step = d.next_for_person(model.view)
    assert (step.verb, step.words) == (
        "approve merge", "Approve the merged tree: approved by Sam; one more person is needed",
    )  # fmt: skip
    assert "already" in refusal(model.view, e.MergeApproved(tree, SAM, "person"))
    assert model.say(e.MergeApproved(tree, KIM, "person")) is None
    assert of_merge(model.view).yes == (SAM, KIM)
    model.run()
    assert model.view.ending == "merged"


def test_p10_a_phase_that_changed_nothing_has_no_say_in_the_merge():
    model, _ = merging([TWO, Approvers((EVE,))], empty_last=True)
    assert of_merge(model.view).rule == TWO


def test_p2_a_merge_that_is_prepared_anew_is_approved_anew():
    model, _ = merging([TWO])
    model.say(e.MergeApproved(model.view.merge.prepared.tree, WHO, "person"))
    assert model.say(e.MergeRequested(SAM)) is None
    model.run(moved=True)
    assert model.view.merge.approvals == ()
    assert model.view.merge_waits


# --- old journals, and the disk -----------------------------------------------------------------


def test_p9_a_journal_from_before_the_rule_reads_as_before():
    """One yes approves, and what is written without a rule has not changed by a byte."""
    model = Model(True).proposed(1)
    phase = model.view.phase(1)
    old = {
        "phase": 1, "base": phase.base, "change_set": phase.change_set, "attempt": 1, "by": WHO,
        "how": "person", "digest": "x",
    }  # fmt: skip
    yes = e.decode("approved", old)
    assert e.encode(yes) == ("approved", old)
    model.append(yes)
    assert model.view.status(1) is S.APPROVED
    assert model.view.phase(1).approval == yes
    assert "approvers" not in model.view.started.plan
    merge = e.MergeApproved("t", WHO, "person")
    assert e.encode(merge) == ("merge.approved", {"tree": "t", "by": WHO, "how": "person"})


@pytest.fixture
def paths(tmp_path):
    return StatePaths(str(tmp_path))


def on_disk(paths, model):
    journal = FileJournal(paths.run("r"))
    journal.append(*model.events, expected=0)
    return Run("r", paths, journal)


def yes(run, who):
    phase = run.view.phase(1)
    run.approve(1, phase.change_set, phase.attempt, by=who)


def test_p10_another_person_is_needed_and_named(paths):
    run = on_disk(paths, model_of(THREE_NAMED).proposed(1))
    for who, why in ((WHO, "asked for it"), (EVE, "the plan names")):
        with pytest.raises(NeedsPerson, match=why) as caught:
            yes(run, who)
        assert exit_code(caught.value) == 3
        assert caught.value.cure == f"Who may: {SAM}, Kim."
        assert caught.value.untouched
    yes(run, SAM)
    with pytest.raises(NeedsPerson, match="already") as caught:
        yes(run, SAM)
    assert caught.value.cure == "Who may: Kim."


def test_p10_one_of_those_who_may_is_enough_for_an_override(paths):
    rule = Approvers((WHO, SAM), 2, not_requester=True)
    run = on_disk(paths, model_of(rule).proposed(1, outcome="failed"))
    with pytest.raises(NeedsPerson, match="asked for it") as caught:
        run.override(1, "sound", reason="why", by=WHO)
    assert caught.value.cure == f"Who may: {SAM}."
    run.override(1, "sound", reason="why", by=SAM)


def test_p9_each_yes_is_an_event_with_a_digest_of_its_own(paths):
    run = on_disk(paths, model_of(TWO).proposed(1))
    yes(run, WHO)
    yes(run, SAM)
    found = [record.event for record in run.journal.load()][-2:]
    assert [(one.by, one.lacking) for one in found] == [(WHO, 1), (SAM, 0)]
    assert found[0].digest != found[1].digest
    assert Run("r", paths).view.status(1) is S.APPROVED


def test_p9_of_two_who_approve_at_once_the_second_tells_that_it_was_enough(paths, monkeypatch):
    run = on_disk(paths, model_of(TWO).proposed(1))
    append = run.journal.append

    def late(*events, **options):
        monkeypatch.setattr(run.journal, "append", append)
        yes(Run("r", paths), SAM)
        return append(*events, **options)

    monkeypatch.setattr(run.journal, "append", late)
    yes(run, WHO)
    found = [record.event for record in run.journal.load()][-2:]
    assert [(one.by, one.lacking) for one in found] == [(SAM, 1), (WHO, 0)]
    assert run.view.status(1) is S.APPROVED


def test_p10_of_one_who_approves_twice_at_once_one_yes_counts(paths, monkeypatch):
    run = on_disk(paths, model_of(TWO).proposed(1))
    append = run.journal.append

    def late(*events, **options):
        monkeypatch.setattr(run.journal, "append", append)
        yes(Run("r", paths), WHO)
        return append(*events, **options)

    monkeypatch.setattr(run.journal, "append", late)
    with pytest.raises(NeedsPerson, match="already"):
        yes(run, WHO)
    assert run.view.status(1) is S.PROPOSED
