"""What may happen: the one table of events and states, and the conditions beside it. Pure.

:data:`TABLE` says which event may meet a phase in which state; ``refusal`` adds the conditions
that need the rest of the run. Keys, buttons, commands and exit codes follow from it.
"""

from __future__ import annotations

from clubos_tui.changes.manifest import GITLINK, SYMLINK, TreeId
from clubos_tui.engine.approvers import of_phase, whose
from clubos_tui.engine.state import ON_STAGE, PhaseView, RunView, Status
from clubos_tui.events import (
    ActionFinished,
    ActionHeld,
    ActionStarted,
    AgentAdmitted,
    Approved,
    AttemptStarted,
    BudgetRaised,
    ChecksRequested,
    Decided,
    DecisionCleared,
    DecisionUndone,
    Edited,
    EditedOutside,
    EditRequested,
    Event,
    Executed,
    ExecutionRequested,
    FileDecided,
    MergeApproved,
    MergeRequested,
    Overridden,
    PermissionAnswered,
    PermissionAsked,
    ProposalFailed,
    ProposalRequested,
    Proposed,
    ProposedNothing,
    Rejected,
    ResumeRequested,
    RollbackRequested,
    Sealed,
    SealRequested,
    TurnTaken,
    UndoRequested,
    Unvalidated,
    Validated,
)

S = Status

# event -> the states of its phase in which it may come. Events about no phase, or that merely
# report (a check's evidence, a recovery), may come at any time and are not listed.
TABLE: dict[type[Event], frozenset[Status]] = {
    ProposalRequested: frozenset(
        {
            S.IDLE,
            S.HELD,
            S.PROPOSED,
            S.EMPTY,
            S.FAILED,
            S.APPROVED,
            S.REJECTED,
            S.ROLLED_BACK,
            S.STALE,
        }
    ),
    AttemptStarted: frozenset(
        {
            S.IDLE,
            S.HELD,
            S.PROPOSED,
            S.EMPTY,
            S.FAILED,
            S.APPROVED,
            S.REJECTED,
            S.ROLLED_BACK,
            S.STALE,
        }
    ),
    ResumeRequested: frozenset({S.HELD}),
    TurnTaken: frozenset({S.PROPOSING}),
    PermissionAsked: frozenset({S.PROPOSING}),
    PermissionAnswered: frozenset({S.PROPOSING, S.HELD}),
    ActionHeld: frozenset({S.PROPOSING}),
    ActionStarted: frozenset({S.PROPOSING}),
    ActionFinished: frozenset({S.PROPOSING}),
    Proposed: frozenset({S.PROPOSING}),
    ProposedNothing: frozenset({S.PROPOSING}),
    ProposalFailed: frozenset({S.PROPOSING}),
    Decided: frozenset({S.PROPOSED}),
    DecisionUndone: frozenset({S.PROPOSED}),
    FileDecided: frozenset({S.PROPOSED}),
    DecisionCleared: frozenset({S.PROPOSED}),
    SealRequested: frozenset({S.PROPOSED}),
    Sealed: frozenset({S.PROPOSED}),
    EditRequested: frozenset({S.PROPOSED}),
    Edited: frozenset({S.PROPOSED}),
    Approved: frozenset({S.PROPOSED}),
    Rejected: frozenset({S.PROPOSED, S.APPROVED, S.STALE}),
    ChecksRequested: frozenset({S.PROPOSED, S.VALIDATED, S.UNVALIDATED}),
    # From executed: the checkpoint was interrupted and is asked for again.
    ExecutionRequested: frozenset({S.PROPOSED, S.APPROVED, S.EXECUTED}),
    Executed: frozenset({S.EXECUTING}),
    Validated: frozenset({S.EXECUTED, S.UNVALIDATED}),
    Unvalidated: frozenset({S.EXECUTED}),
    EditedOutside: frozenset({S.PROPOSED, S.APPROVED, S.STALE}),
}

_PERSON = (
    ProposalRequested, ResumeRequested, BudgetRaised, Decided, DecisionUndone, FileDecided,
    DecisionCleared, SealRequested, EditRequested, Approved, Rejected, ChecksRequested,
    ExecutionRequested,
    MergeRequested, RollbackRequested, UndoRequested,
)  # fmt: skip


def refusal(view: RunView, event: Event) -> str | None:
    """Return why ``event`` may not come now, in words for a person, or ``None`` if it may."""
    allowed = TABLE.get(type(event))
    number = getattr(event, "phase", None)
    asked = allowed is not None or isinstance(event, (*_PERSON, Overridden))
    if asked and number is not None and not 1 <= number <= len(view.phases):
        return f"there is no phase {number}; the plan has {len(view.phases)}"
    if allowed is not None:
        status = view.status(number or 0)
        if status not in allowed:
            return f"phase {number} is {status}"
    busy = view.queue and not view.merge_waits
    if isinstance(event, _PERSON) and busy and not isinstance(event, Approved):
        return "another step is still under way"
    if view.ending and isinstance(event, (*_PERSON, AgentAdmitted, Overridden, MergeApproved)):
        may_roll_back = view.ending == "merged" and isinstance(event, RollbackRequested)
        may_undo = view.rollback is not None and isinstance(event, UndoRequested)
        if not may_roll_back and not may_undo:
            return f"the run is {view.ending}"
    check = _CONDITIONS.get(type(event))
    return check(view, event) if check else None


def _may_propose(view: RunView, event: Event) -> str | None:
    assert isinstance(event, ProposalRequested)
    before = view.predecessor(event.phase)
    if view.base_of(event.phase) is None and before is not None:
        status = view.status(before.number)
        return f"phase {before.number} has no change set to build on; it is {status}"
    return None


def _may_raise(_view: RunView, event: Event) -> str | None:
    assert isinstance(event, BudgetRaised)
    return None if event.most >= 0 else "a limit is 0 (none) or more"


def _may_answer(view: RunView, event: Event) -> str | None:
    assert isinstance(event, PermissionAnswered)
    phase = view.phase(event.phase)
    if event.attempt != phase.attempt or event.permission not in phase.permissions.open:
        return "the agent does not ask that any more, or somebody has answered it"
    return None


def _may_decide_on(view: RunView, event: Event) -> str | None:
    assert isinstance(event, Decided | FileDecided)
    decisions = event.decisions if isinstance(event, Decided) else (event.decision,)
    phase = view.phase(event.phase)
    unknown = {item.path for item in decisions if phase.row(item.path) is None}
    if unknown:
        return f"phase {event.phase} does not change {min(unknown)}"
    return _may_decide(view, event)


def _may_decide(view: RunView, event: Event) -> str | None:
    assert isinstance(
        event,
        Decided | DecisionUndone | FileDecided | DecisionCleared | SealRequested | EditRequested
        | Rejected,
    )  # fmt: skip
    return _same(view.phase(event.phase), event.change_set, event.attempt)


def _may_undo_decision(view: RunView, event: Event) -> str | None:
    assert isinstance(event, DecisionUndone)
    if not view.phase(event.phase).draft.gestures:
        return "there is no decision to undo"
    return _may_decide(view, event)


def _may_edit(view: RunView, event: Event) -> str | None:
    assert isinstance(event, EditRequested)
    row = view.phase(event.phase).row(event.path)
    if row is None:
        return f"phase {event.phase} does not change {event.path}"
    if row.after is None:
        return f"{event.path} is deleted; there is nothing to edit"
    if row.after.mode in {SYMLINK, GITLINK}:
        return f"{event.path} is no regular file"
    return _may_decide(view, event)


def _may_seal(view: RunView, event: Event) -> str | None:
    assert isinstance(event, SealRequested)
    phase = view.phase(event.phase)
    if not phase.draft.rejecting:
        return "nothing is rejected, so there is nothing to leave out"
    return _may_decide(view, event)


def _may_approve(view: RunView, event: Event) -> str | None:
    assert isinstance(event, Approved)
    phase = view.phase(event.phase)
    if view.queue and isinstance(view.queue[0], SealRequested | EditRequested):
        return "what is approved is just being made anew"
    if view.queue and isinstance(view.queue[0], ChecksRequested):
        return "its checks were asked for again and have not ended"
    if event.how == "plan" and phase.required_approval:
        return f"the plan asks for a person's approval of phase {event.phase}"
    wrong = _same(phase, event.change_set, event.attempt)
    if wrong or phase.base != event.base:
        return wrong or "the base is not the one that was shown"
    return _draft_refusal(phase) or _gate_refusal(view, phase) or _barred(view, event)


def _barred(view: RunView, event: Event) -> str | None:
    """Return why the plan's rule about people does not let this one say yes."""
    found = whose(view, event)
    return found[1] or None if found else None


def _draft_refusal(phase: PhaseView) -> str | None:
    if phase.draft.rejecting:
        return "some of it is rejected: seal the rest first, then go on with what that makes"
    return None


def _gate_refusal(view: RunView, phase: PhaseView) -> str | None:
    reviewable = view.reviewable(phase.number)
    if reviewable is None:
        return "its checks have not ended"
    if not reviewable:
        closed = view.closed_checks("proposal", phase.change_set)
        if closed:
            names = ", ".join(f"{check.check} ({check.outcome})" for check in closed)
            return f"a required check does not pass: {names}"
        return "its rollback could not be proven"
    return None


def _may_execute(view: RunView, event: Event) -> str | None:
    assert isinstance(event, ExecutionRequested)
    phase = view.phase(event.phase)
    if view.status(event.phase) is S.PROPOSED:
        if phase.required_approval:
            lacking = f": {of_phase(phase).words}" if phase.rule else ""
            return f"phase {event.phase} is not approved{lacking}"
        wrong = _draft_refusal(phase) or _gate_refusal(view, phase)
        if wrong:
            return wrong
    before = view.predecessor(event.phase)
    if before and before.state is not S.VALIDATED:
        return f"phase {before.number} is {view.status(before.number)}, not validated"
    return None


def _may_check(view: RunView, event: Event) -> str | None:
    assert isinstance(event, ChecksRequested)
    phase = view.phase(event.phase)
    scope = "proposal" if phase.state is S.PROPOSED else "stage"
    if (event.scope, event.tree) != (scope, phase.change_set):
        return f"phase {event.phase} has another tree to check by now"
    if scope == "stage" and phase is not view.last_on_stage():
        return "a later phase stands on the stage"
    known = view.checks.get((event.scope, event.tree), {})
    unknown = [name for name in event.checks if name not in known]
    return f"phase {event.phase} has no check {unknown[0]!r}" if unknown else None


def _may_merge(view: RunView, _event: Event) -> str | None:
    if not view.started.target:
        return "HEAD was detached when the run started, so there is no branch to merge into"
    for phase in view.phases:
        status = view.status(phase.number)
        if status not in {S.VALIDATED, S.EMPTY}:
            return f"phase {phase.number} is {status}, not validated"
    if view.last_on_stage() is None:
        return "no phase has changed anything"
    return None


def _may_approve_merge(view: RunView, event: Event) -> str | None:
    assert isinstance(event, MergeApproved)
    prepared = view.merge.prepared
    if prepared is None or prepared.tree != event.tree:
        return "that is not the tree the merge would make"
    if not view.gate_open("merge", event.tree):
        return "a required check does not pass on the merged tree"
    return _barred(view, event)


def _may_roll_back(view: RunView, event: Event) -> str | None:
    assert isinstance(event, RollbackRequested)
    phases = rolled_back_with(view, event.phase)
    if not phases and view.ending == "merged":
        return f"phase {event.phase} is taken back already, and no later one stands"
    if not phases and not event.close:
        return f"phase {event.phase} was not executed, so there is nothing to take back"
    fixed = [phase.number for phase in phases if not phase.spec.rollbackable]
    if fixed:
        return f"the plan marks phase {fixed[0]} as not rollbackable"
    return None


def _may_undo(view: RunView, _event: Event) -> str | None:
    if view.rollback is None:
        return "there is no rollback to take back"
    for number in view.rollback.phases:
        if view.phase(number).state is not S.ROLLED_BACK:
            return f"phase {number} was proposed again since it was rolled back"
    return None


def _may_override(view: RunView, event: Event) -> str | None:
    assert isinstance(event, Overridden)
    own = event.scope == "merge" or view.phase(event.phase).change_set == event.tree
    closed = view.closed_checks(event.scope, event.tree) if own else ()
    if any(check.check == event.check for check in closed):
        return _barred(view, event)
    return f"no required check {event.check!r} is failed or unknown there"


def _same(phase: PhaseView, change_set: TreeId, attempt: int) -> str | None:
    if phase.change_set != change_set:
        return f"the change set is {phase.change_set[:10] or 'gone'} now, not {change_set[:10]}"
    if phase.attempt != attempt:
        return f"attempt {phase.attempt} has taken the place of attempt {attempt}"
    return None


_CONDITIONS = {
    ProposalRequested: _may_propose,
    BudgetRaised: _may_raise,
    PermissionAnswered: _may_answer,
    Decided: _may_decide_on,
    DecisionUndone: _may_undo_decision,
    FileDecided: _may_decide_on,
    DecisionCleared: _may_decide,
    Rejected: _may_decide,
    SealRequested: _may_seal,
    EditRequested: _may_edit,
    Approved: _may_approve,
    ChecksRequested: _may_check,
    ExecutionRequested: _may_execute,
    MergeRequested: _may_merge,
    Overridden: _may_override,
    MergeApproved: _may_approve_merge,
    RollbackRequested: _may_roll_back,
    UndoRequested: _may_undo,
}


def rolled_back_with(view: RunView, number: int) -> list[PhaseView]:
    """Return the executed phases that a rollback of ``number`` takes back: it and later ones."""
    return [phase for phase in view.phases[number - 1 :] if phase.state in ON_STAGE]
