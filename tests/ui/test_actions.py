"""The one table of keys: complete, without clashes, and honest about why a key is off."""

from dataclasses import replace

import pytest
from test_store import DONE, GATE, PROPOSAL, PROPOSED, START, STATES, told

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.ui.actions import ACTIONS, BY_ID, Situation, key_hints, next_action, next_step
from clubos_tui.ui.screens.dashboard import Dashboard

APPROVED = e.Approved(1, "t" * 40, "n" * 40, 1, "Ada", "person", "")


def now(*events, **more):
    return Situation(ready=True, view=told(*events).view, **more) if events else Situation(**more)


def off(name, situation):
    return BY_ID[name].off(situation)


def test_no_two_actions_share_a_key():
    keys = [key for action in ACTIONS for key in action.key.split(",") if key]
    assert len(keys) == len(set(keys))


def test_every_key_leads_to_something_and_has_a_tooltip():
    from clubos_tui.ui.screens.requests import Requests
    from clubos_tui.ui.screens.viewing import Viewing

    bound = {binding.id for binding in Dashboard.BINDINGS}
    known = {*Requests(None).all, *Viewing(None).all}
    for action in ACTIONS:
        assert action.tooltip
        assert action.label
        if action.id in {"interrupt", "quit"}:
            continue  # the app's own, so that they work on every screen
        if action.key:
            assert action.id in bound, action.id
        if "(" not in action.id:
            assert action.id in known or hasattr(Dashboard, f"do_{action.id}"), action.id


def test_at_most_eight_keys_are_named_all_the_time():
    assert sum(action.shown for action in ACTIONS) <= 9  # help and quit among them
    everyday = [action for action in ACTIONS if action.shown and action.group != "Mode"]
    assert len(everyday) <= 8


def test_nothing_that_moves_the_run_is_on_before_the_repository_is_open():
    for action in ACTIONS:
        if action.group in {"Steps", "Review", "Take back"}:
            assert "still being opened" in off(action.id, Situation())


def test_without_a_run_the_dry_run_of_phase_1_is_on_and_the_rest_says_so():
    fresh = Situation(ready=True)
    assert off("propose", fresh) is None
    assert "phase 1" in off("propose", replace(fresh, phase=2))
    assert "press d first" in off("approve", fresh)
    assert next_action(fresh) == ("propose", 1)


def test_execute_needs_approval_first_and_then_live():
    assert "not approved" in off("execute", now(*PROPOSAL, GATE, live=True))
    approved = now(*PROPOSAL, GATE, APPROVED)
    assert off("execute", approved) == "this is a dry run: press L to go live"
    assert off("execute", replace(approved, live=True)) is None


def test_rollback_and_undo_never_ask_for_live():
    executed = (*PROPOSAL, GATE, APPROVED, e.ExecutionRequested(1, "A"),
                e.ApplyStarted(1, "t", "stage", "execute", 2), e.ApplyFinished(1, "t", 2),
                e.Executed(1, "n" * 40, "b", "c" * 40, "t"), e.Validated(1, "n" * 40))  # fmt: skip
    assert off("roll_back", now(*executed)) is None
    assert off("undo", now(*executed, e.RolledBack(1, (1,), "t2", 0, 2))) is None


def test_a_running_step_turns_everything_off_but_the_interrupt():
    running = now(*STATES["proposing"])
    assert off("interrupt", running) is None
    for name in ("propose", "seal", "execute", "merge", "roll_back"):
        assert off(name, running), name
    assert "ctrl+c" in off("next", running)
    assert next_step(running).key == "ctrl+c"


def test_seal_says_that_nothing_is_rejected():
    assert "nothing is rejected" in off("seal", now(*PROPOSAL, GATE))
    no = e.FileDecided(1, "n" * 40, 1, Decision("x", "reject"), "Ada")
    assert off("seal", now(*PROPOSAL, GATE, no)) is None
    assert "seal the rest first" in off("approve", now(*PROPOSAL, GATE, no))


def test_p2_approve_and_execute_are_off_while_files_differ_outside():
    edited = now(*PROPOSAL, GATE, e.EditedOutside(1, {"y": "abc"}))
    assert "y was changed outside" in off("approve", edited)
    approved = now(*PROPOSAL, GATE, APPROVED, e.EditedOutside(1, {"y": "abc"}), live=True)
    assert "y was changed outside" in off("execute", approved)


def test_p7_a_shut_gate_makes_override_the_next_step():
    bad = e.CheckFinished(1, "proposal", "n" * 40, "other", "failed", True, "no")
    shut = now(*PROPOSAL, bad, replace(GATE, open=False))
    assert next_action(shut) == ("override", 1)
    assert off("override", shut) is None
    assert off("override", now(*PROPOSAL, GATE)) is not None


def test_an_unproven_rollback_cant_be_overridden_only_proposed_again():
    bad = e.Rehearsed(1, "n" * 40, False, 2, "x differs")
    unproven = now(*PROPOSAL, bad, GATE)
    assert next_action(unproven) == ("propose", 1)
    assert "proven" in next_step(unproven).words


CASES = {
    **STATES,
    "proposed": (*PROPOSAL, GATE),
    "approved": (*PROPOSAL, GATE, APPROVED),
    "rejected": (*PROPOSAL, GATE, e.Rejected(1, "n" * 40, 1, "no", "Ada")),
    "paused": (START, e.ProposalRequested(1, "A"), e.Paused("x", 1, "A")),
    "stepfailed": (START, e.ProposalRequested(1, "A"), e.StepFailed("x", 1, "no")),
    "rolled back": (*PROPOSAL, GATE, e.RolledBack(1, (1,), "t", 0, 2)),
    "unchecked": (START, e.ProposalRequested(1, "A"), *PROPOSAL[2:5], DONE, PROPOSED,
                  e.Paused("run checks", 1, "A")),
    "merged": (*PROPOSAL, GATE, e.RunClosed("merged", "Ada")),
    "edited": (*PROPOSAL, GATE, APPROVED, e.EditedOutside(1, {"y": "abc"})),
    "all empty": (START, e.ProposedNothing(1, 1), e.ProposedNothing(2, 1)),
    "no run": (),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("live", [False, True])
def test_the_next_step_is_always_one_visible_key_away(name, live):
    situation = now(*CASES[name], live=live) if CASES[name] else Situation(ready=True, live=live)
    step, hints = next_step(situation), key_hints(situation)
    shown = {hint.key.replace("^", "ctrl+"): hint for hint in hints}
    assert step.key in shown
    assert shown[step.key].on
    action, _ = next_action(situation)
    if action:
        assert any(hint.id == action and hint.is_next for hint in hints)
