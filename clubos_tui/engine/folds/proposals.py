"""Attempts, what they propose, and what a person decides on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.approvers import of_phase
from clubos_tui.engine.folds.served import PROPOSING, forget_evidence, served
from clubos_tui.engine.permissions import Permissions
from clubos_tui.engine.state import ActionView, PhaseView, RunView, Status
from clubos_tui.events import (
    ActionFinished,
    ActionHeld,
    ActionStarted,
    Approved,
    AttemptStarted,
    CommitId,
    Decided,
    DecisionCleared,
    DecisionUndone,
    Edited,
    EditRequested,
    Event,
    FileDecided,
    ProposalFailed,
    ProposalRequested,
    Proposed,
    ProposedNothing,
    Rejected,
    Sealed,
    SealRequested,
    TurnTaken,
)


def _attempt_started(view: RunView, event: AttemptStarted) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.asked = Status.PROPOSING, False
    phase.attempt, phase.base, phase.seed = event.attempt, event.base, event.seed
    request = view.queue[0] if view.queue else None
    phase.requested_by = (request if isinstance(request, ProposalRequested) else view.started).by
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
    phase.approvals = ()
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
    served(view, *PROPOSING, phase=event.phase)


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
    forget_evidence(view, "proposal", event.change_set)


def _proposed_nothing(view: RunView, event: ProposedNothing) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.change_set = Status.EMPTY, phase.base
    served(view, *PROPOSING, phase=event.phase)


def _proposal_failed(view: RunView, event: ProposalFailed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.error, phase.cure = Status.FAILED, event.error, event.cure
    phase.code = event.code
    if event.action:
        action = phase.action(event.action)
        action.status, action.error = "failed", event.error
    served(view, *PROPOSING, phase=event.phase)


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
    phase.approvals = ()
    _carry(phase, event.decisions)
    forget_evidence(view, "proposal", event.change_set)
    if not event.manifest:
        phase.state = Status.EMPTY
        served(view, SealRequested, EditRequested, phase=event.phase)


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


def _approved(view: RunView, event: Approved) -> None:
    phase = view.phase(event.phase)
    bound = (event.base, event.change_set, event.attempt)
    same = [x for x in phase.approvals if (x.base, x.change_set, x.attempt) == bound]
    phase.approvals = (*same, event)
    if not of_phase(phase).lacking:
        phase.state, phase.approval = Status.APPROVED, event


def _rejected(view: RunView, event: Rejected) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.rejection = Status.REJECTED, event
    phase.approvals, phase.approval = (), None
    phase.before, phase.judged = event.change_set, phase.draft


FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
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
    Approved: _approved,
    Rejected: _rejected,
}
