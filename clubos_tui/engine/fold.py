"""Fold a journal into the state of its run, event by event. Pure.

Two processes that read the same journal hold the same state. Whether an event may come at all is
the table's question (:mod:`clubos_tui.engine.table`); here it has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.permissions import Permissions
from clubos_tui.engine.state import ActionView, PhaseView, RunView, Status
from clubos_tui.events import (
    ActionFinished,
    ActionHeld,
    ActionStarted,
    AgentAdmitted,
    ApplyFinished,
    ApplyStarted,
    Approved,
    AttemptStarted,
    BudgetRaised,
    CheckFinished,
    CheckProved,
    ChecksFinished,
    ChecksRequested,
    CommitId,
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
    Merged,
    MergePrepared,
    MergeRequested,
    Overridden,
    Paused,
    PermissionAnswered,
    PermissionAsked,
    ProposalFailed,
    ProposalRequested,
    Proposed,
    ProposedNothing,
    Recovered,
    Rehearsed,
    Rejected,
    ResumeRequested,
    RollbackRequested,
    RolledBack,
    RunClosed,
    RunStarted,
    Scope,
    Sealed,
    SealRequested,
    StepFailed,
    TurnTaken,
    Undone,
    UndoRequested,
    Unvalidated,
    Validated,
)
from clubos_tui.plan import Plan
from clubos_tui.spending import budget_of, raised

_PROPOSING = (ProposalRequested, ResumeRequested)


def fold(events: Iterable[Event]) -> RunView:
    """Return the state that ``events`` make; the first must be :class:`RunStarted`."""
    view: RunView | None = None
    for event in events:
        view = apply(view, event)
    if view is None:
        raise ValueError("a journal without its first event")
    return view


def apply(view: RunView | None, event: Event) -> RunView:
    """Fold one more event in; changes ``view`` in place and returns it."""
    if isinstance(event, RunStarted):
        plan = Plan.from_json(event.plan)
        phases = [
            PhaseView(number, spec, budget=spec.budget) for number, spec in enumerate(plan.phase, 1)
        ]
        return RunView(event, plan, phases, budget_of(plan))
    if view is None:
        raise ValueError("a journal must start with run.started")
    _FOLDS.get(type(event), _ignore)(view, event)
    return view


def _ignore(_view: RunView, _event: Event) -> None:
    return


def _request(view: RunView, event: Event) -> None:
    if view.merge_waits:  # the person turned to something else
        view.queue.clear()
        view.merge.prepared = view.merge.approved = None
    view.queue.append(event)
    view.failure = view.paused = None


def _proposal_requested(view: RunView, event: ProposalRequested) -> None:
    _request(view, event)
    view.phase(event.phase).asked = True


def _resume_requested(view: RunView, event: ResumeRequested) -> None:
    _request(view, event)
    phase = view.phase(event.phase)
    phase.state, phase.held = Status.PROPOSING, None
    phase.error = phase.cure = ""


def _budget_raised(view: RunView, event: BudgetRaised) -> None:
    if event.scope == "run":
        view.budget = raised(view.budget, event.unit, event.most)
        return
    phase = view.phase(event.phase)
    phase.budget = raised(phase.budget, event.unit, event.most)


def _agent_admitted(view: RunView, event: AgentAdmitted) -> None:
    before = view.admitted.get(event.agent)
    view.admitted[event.agent] = before.plus(event.needs) if before else event.needs


def _permission_asked(view: RunView, event: PermissionAsked) -> None:
    view.phase(event.phase).permissions.ask(event)


def _permission_answered(view: RunView, event: PermissionAnswered) -> None:
    view.phase(event.phase).permissions.answer(event)


def _replacement_requested(view: RunView, event: SealRequested | EditRequested) -> None:
    _request(view, event)
    view.phase(event.phase).replaced = False


def _served(view: RunView, *kinds: type[Event], phase: int | None = None) -> None:
    for at, request in enumerate(view.queue):
        if isinstance(request, kinds) and phase in {None, getattr(request, "phase", None)}:
            del view.queue[at]
            return


def _attempt_started(view: RunView, event: AttemptStarted) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.asked = Status.PROPOSING, False
    phase.attempt, phase.base, phase.seed = event.attempt, event.base, event.seed
    phase.tree, phase.workspace, phase.agent = event.seed, event.workspace, event.agent
    phase.withheld = event.withheld
    # A revision goes on with the conversation that made what it revises.
    phase.earlier = (*phase.earlier, *phase.turns) if event.seed != event.base else ()
    phase.turns, phase.requests, phase.held = (), 0, None
    phase.permissions = Permissions()
    phase.previous = phase.change_set or phase.previous
    phase.actions = [ActionView(action.id, action.name) for action in phase.spec.action]
    phase.change_set, phase.manifest = TreeId(""), ()
    phase.draft, phase.checkout, phase.outside, phase.edited = Draft(), {}, {}, {}
    phase.rehearsed = phase.approval = None
    phase.error = phase.cure = phase.branch = phase.transaction = ""
    phase.commit, phase.staged = CommitId(""), False


def _action_started(view: RunView, event: ActionStarted) -> None:
    phase = view.phase(event.phase)
    phase.permissions.withdraw()
    action = phase.action(event.action)
    action.status, action.stream = "running", event.stream
    action.starts += 1


def _turn_taken(view: RunView, event: TurnTaken) -> None:
    phase = view.phase(event.phase)
    phase.spent, view.spent = phase.spent.plus(event.turn), view.spent.plus(event.turn)
    phase.requests += 1
    phase.model = event.turn.answered_by or phase.model
    if event.turn.outcome == "answered":
        phase.turns = (*phase.turns, event.turn.record_sha256)


def _action_held(view: RunView, event: ActionHeld) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.held = Status.HELD, event
    phase.error, phase.cure, phase.code = event.error, event.cure, event.code
    phase.action(event.action).status = "pending"
    _served(view, *_PROPOSING, phase=event.phase)


def _action_finished(view: RunView, event: ActionFinished) -> None:
    phase = view.phase(event.phase)
    action = phase.action(event.action)
    action.status, action.result, action.error = event.status, event.result, event.error
    action.changes, action.milliseconds = event.changes, event.milliseconds
    action.left_behind, action.left_count = event.left_behind, event.left_count
    phase.tree = event.tree
    phase.permissions.withdraw()


def _proposed(view: RunView, event: Proposed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.change_set = Status.PROPOSED, event.change_set
    phase.rejection, phase.judged = None, Draft()
    phase.manifest, phase.checkout = event.manifest, dict(event.checkout)
    _carry(phase, event.decisions)
    _forget_evidence(view, "proposal", event.change_set)


def _proposed_nothing(view: RunView, event: ProposedNothing) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.change_set = Status.EMPTY, phase.base
    _served(view, *_PROPOSING, phase=event.phase)


def _proposal_failed(view: RunView, event: ProposalFailed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.error, phase.cure = Status.FAILED, event.error, event.cure
    phase.code = event.code
    if event.action:
        action = phase.action(event.action)
        action.status, action.error = "failed", event.error
    _served(view, *_PROPOSING, phase=event.phase)


def _sealed(view: RunView, event: Sealed) -> None:
    _replaced(view, event)
    phase = view.phase(event.phase)
    phase.edited = {path: by for path, by in phase.edited.items() if _changes(phase, path)}


def _edited(view: RunView, event: Edited) -> None:
    _replaced(view, event)
    view.phase(event.phase).edited[event.path] = event.by


def _replaced(view: RunView, event: Sealed | Edited) -> None:
    """Put another change set in the place of the proposed one."""
    phase = view.phase(event.phase)
    phase.before, phase.replaced = event.from_change_set, True
    phase.change_set, phase.manifest, phase.rehearsed = event.change_set, event.manifest, None
    _carry(phase, event.decisions)
    _forget_evidence(view, "proposal", event.change_set)
    if not event.manifest:
        phase.state = Status.EMPTY
        _served(view, SealRequested, EditRequested, phase=event.phase)


def _changes(phase: PhaseView, path: str) -> bool:
    return phase.row(path) is not None


def _carry(phase: PhaseView, decisions: tuple[Decision, ...]) -> None:
    """Begin a draft with what still holds of the one before; that can't be undone."""
    phase.draft = Draft()
    phase.draft.decide(decisions)
    phase.draft.gestures.clear()


def _decided(view: RunView, event: Decided) -> None:
    view.phase(event.phase).draft.decide(event.decisions)


def _decision_undone(view: RunView, event: DecisionUndone) -> None:
    view.phase(event.phase).draft.undo()


def _file_decided(view: RunView, event: FileDecided) -> None:
    view.phase(event.phase).draft.decide([event.decision])


def _decision_cleared(view: RunView, event: DecisionCleared) -> None:
    view.phase(event.phase).draft.decide([Decision(event.path, "pending")])


def _forget_evidence(view: RunView, scope: Scope, tree: TreeId) -> None:
    """Evidence is about one look at a tree; the next look starts from nothing."""
    view.gates.pop((scope, tree), None)
    view.checks.pop((scope, tree), None)
    for key in [key for key in view.overridden if key[:2] == (scope, tree)]:
        del view.overridden[key]


def _check_finished(view: RunView, event: CheckFinished) -> None:
    place = (event.scope, event.tree)
    again = event.check in _asked_again(view)
    if again:
        view.overridden.pop((*place, event.check), None)
    elif place in view.gates:
        _forget_evidence(view, event.scope, event.tree)
    found = view.checks.setdefault(place, {})
    before = None if again else found.get(event.check)
    key = (event.phase, event.scope, event.check)
    if last := view.latest.get(key):
        view.earlier[key] = last
    view.latest[key] = event
    # Two phases may name a check alike, and a merged tree gets those of all: the worse one counts.
    if before is None or before.outcome == "passed" or not before.required:
        found[event.check] = event


def _asked_again(view: RunView) -> tuple[str, ...]:
    """Return the checks that a person wants again; none where it is all of them."""
    request = view.queue[0] if view.queue else None
    return request.checks if isinstance(request, ChecksRequested) else ()


def _check_proved(view: RunView, event: CheckProved) -> None:
    view.proofs[event.check_sha256] = event


def _rehearsed(view: RunView, event: Rehearsed) -> None:
    view.phase(event.phase).rehearsed = event


def _checks_finished(view: RunView, event: ChecksFinished) -> None:
    view.gates[event.scope, event.tree] = event.open
    _served(view, ChecksRequested, phase=event.phase)
    if event.scope == "proposal":
        _served(view, *_PROPOSING, SealRequested, EditRequested, phase=event.phase)


def _approved(view: RunView, event: Approved) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.approval = Status.APPROVED, event


def _rejected(view: RunView, event: Rejected) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.rejection, phase.approval = Status.REJECTED, event, None
    phase.before, phase.judged = event.change_set, phase.draft


def _apply_started(view: RunView, event: ApplyStarted) -> None:
    view.applying = event
    if event.purpose == "execute":
        phase = view.phase(event.phase)
        phase.state, phase.transaction, phase.staged = Status.EXECUTING, event.transaction, False


def _apply_finished(view: RunView, event: ApplyFinished) -> None:
    view.applied[event.transaction] = event
    if view.applying and view.applying.transaction == event.transaction:
        if view.applying.purpose == "execute":
            view.phase(event.phase).staged = True
        view.applying = None


def _executed(view: RunView, event: Executed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.branch, phase.commit = Status.EXECUTED, event.branch, event.commit
    phase.transaction = event.transaction
    _forget_evidence(view, "stage", event.change_set)
    view.rollback = None  # what is built on a rollback can't be undone beneath it


def _checkpointed(view: RunView, event: Validated | Unvalidated) -> None:
    passed = isinstance(event, Validated)
    view.phase(event.phase).state = Status.VALIDATED if passed else Status.UNVALIDATED
    _served(view, ExecutionRequested, phase=event.phase)


def _overridden(view: RunView, event: Overridden) -> None:
    view.overridden[event.scope, event.tree, event.check] = event
    phase = view.phase(event.phase)
    held_back = phase.state is Status.UNVALIDATED and phase.change_set == event.tree
    if held_back and not view.closed_checks("stage", event.tree):
        phase.state = Status.VALIDATED


def _merge_prepared(view: RunView, event: MergePrepared) -> None:
    view.merge.prepared, view.merge.approved = event, None
    _forget_evidence(view, "merge", event.tree)


def _merge_approved(view: RunView, event: MergeApproved) -> None:
    view.merge.approved = event


def _merged(view: RunView, event: Merged) -> None:
    view.merge.merged, view.ending = event, "merged"
    for phase in view.phases:
        if phase.state is Status.VALIDATED:
            phase.state = Status.MERGED
    _served(view, MergeRequested)


def _rolled_back(view: RunView, event: RolledBack) -> None:
    view.before_rollback = {number: view.phase(number).state for number in event.phases}
    view.ending_before = view.ending
    request = view.queue[0] if view.queue else None
    closes = isinstance(request, RollbackRequested) and request.close
    if closes or (view.ending == "merged" and event.phase == 1):
        view.ending = "rolled back"
    for number in event.phases:
        view.phase(number).state = Status.ROLLED_BACK
    view.rollback, view.left = event, event.left
    view.applying = None
    view.merge.prepared = view.merge.approved = None
    _served(view, RollbackRequested)


def _undone(view: RunView, event: Undone) -> None:
    for number, state in view.before_rollback.items():
        view.phase(number).state = state
    view.ending, view.rollback, view.left = view.ending_before, None, event.left
    view.applying = None
    _served(view, UndoRequested)


def _closed(view: RunView, event: RunClosed) -> None:
    view.ending = event.ending
    view.queue.clear()
    for phase in view.phases:
        phase.permissions.withdraw()


def _step_failed(view: RunView, event: StepFailed) -> None:
    _interrupted(view)
    view.failure = event


def _paused(view: RunView, event: Paused) -> None:
    _interrupted(view)
    view.paused = event


def _interrupted(view: RunView) -> None:
    """Drop the request under way and put its phase back to where it waited."""
    request = view.queue.pop(0) if view.queue else None
    view.applying = None
    if isinstance(request, _PROPOSING):
        phase = view.phase(request.phase)
        phase.asked = False
        phase.permissions.withdraw()
        if phase.state is Status.PROPOSING:
            phase.state = Status.HELD if phase.turns else Status.IDLE
            for action in phase.actions:
                if action.status == "running":
                    action.status = "pending"
    if isinstance(request, ExecutionRequested):
        phase = view.phase(request.phase)
        if phase.state is Status.EXECUTING:
            # The step took its writes to the stage back before it said so.
            phase.state, phase.staged, phase.transaction = Status.APPROVED, False, ""
    if isinstance(request, MergeRequested):
        view.merge.prepared = view.merge.approved = None  # the target may have moved again


def _edited_outside(view: RunView, event: EditedOutside) -> None:
    view.phase(event.phase).outside.update(event.paths)


def _recovered(view: RunView, event: Recovered) -> None:
    view.recovered.append(event)


_FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
    ProposalRequested: _proposal_requested,
    ResumeRequested: _resume_requested,
    BudgetRaised: _budget_raised,
    AgentAdmitted: _agent_admitted,
    PermissionAsked: _permission_asked,
    PermissionAnswered: _permission_answered,
    SealRequested: _replacement_requested,
    EditRequested: _replacement_requested,
    ChecksRequested: _request,
    ExecutionRequested: _request,
    MergeRequested: _request,
    RollbackRequested: _request,
    UndoRequested: _request,
    AttemptStarted: _attempt_started,
    ActionStarted: _action_started,
    TurnTaken: _turn_taken,
    ActionHeld: _action_held,
    ActionFinished: _action_finished,
    Proposed: _proposed,
    ProposedNothing: _proposed_nothing,
    ProposalFailed: _proposal_failed,
    Sealed: _sealed,
    Edited: _edited,
    Decided: _decided,
    DecisionUndone: _decision_undone,
    FileDecided: _file_decided,
    DecisionCleared: _decision_cleared,
    CheckFinished: _check_finished,
    CheckProved: _check_proved,
    Rehearsed: _rehearsed,
    ChecksFinished: _checks_finished,
    Approved: _approved,
    Rejected: _rejected,
    ApplyStarted: _apply_started,
    ApplyFinished: _apply_finished,
    Executed: _executed,
    Validated: _checkpointed,
    Unvalidated: _checkpointed,
    Overridden: _overridden,
    MergePrepared: _merge_prepared,
    MergeApproved: _merge_approved,
    Merged: _merged,
    RolledBack: _rolled_back,
    Undone: _undone,
    RunClosed: _closed,
    StepFailed: _step_failed,
    Paused: _paused,
    EditedOutside: _edited_outside,
    Recovered: _recovered,
}
