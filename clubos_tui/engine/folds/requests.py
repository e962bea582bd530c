"""What people ask for, and what becomes of a request that is interrupted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clubos_tui.engine.folds.served import PROPOSING, request
from clubos_tui.engine.state import RunView, Status
from clubos_tui.events import (
    AgentAdmitted,
    BudgetRaised,
    ChecksRequested,
    EditedOutside,
    EditRequested,
    Event,
    ExecutionRequested,
    MergeRequested,
    Paused,
    PermissionAnswered,
    PermissionAsked,
    ProposalRequested,
    Recovered,
    ResumeRequested,
    RollbackRequested,
    RunClosed,
    SealRequested,
    StepFailed,
    UndoRequested,
)
from clubos_tui.spending import raised


def _proposal_requested(view: RunView, event: ProposalRequested) -> None:
    request(view, event)
    view.phase(event.phase).asked = True


def _resume_requested(view: RunView, event: ResumeRequested) -> None:
    request(view, event)
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
    request(view, event)
    view.phase(event.phase).replaced = False


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
    if isinstance(request, PROPOSING):
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
        view.merge.prepare(None)  # the target may have moved again


def _edited_outside(view: RunView, event: EditedOutside) -> None:
    view.phase(event.phase).outside.update(event.paths)


def _recovered(view: RunView, event: Recovered) -> None:
    view.recovered.append(event)


FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
    ProposalRequested: _proposal_requested,
    ResumeRequested: _resume_requested,
    BudgetRaised: _budget_raised,
    AgentAdmitted: _agent_admitted,
    PermissionAsked: _permission_asked,
    PermissionAnswered: _permission_answered,
    SealRequested: _replacement_requested,
    EditRequested: _replacement_requested,
    RunClosed: _closed,
    StepFailed: _step_failed,
    Paused: _paused,
    EditedOutside: _edited_outside,
    Recovered: _recovered,
    ChecksRequested: request,
    ExecutionRequested: request,
    MergeRequested: request,
    RollbackRequested: request,
    UndoRequested: request,
}
