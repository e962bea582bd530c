"""An action as an agent is asked for it. Pure, and the same for the same plan."""

from __future__ import annotations

from collections.abc import Iterator

from clubos_tui.agents.base import Request, Workspace
from clubos_tui.changes.decisions import Decision

__all__ = ["task"]


def task(workspace: Workspace, request: Request, *, reviewed: bool) -> str:
    """Return an action in words, with its phase and what was said of the attempt before.

    Args:
        workspace: Plan, phase and what is withheld.
        request: The action, and what was said of the attempt before.
        reviewed: Whether the review was given with an earlier action of this attempt.
    """
    return "\n".join(_lines(workspace, request, reviewed))


def _lines(workspace: Workspace, request: Request, reviewed: bool) -> Iterator[str]:
    plan, number = workspace.plan, workspace.phase
    phase = plan.phase[number - 1]
    actions = [action.id for action in phase.action]
    about = f": {phase.description}" if phase.description else ""
    yield f"Plan: {plan.name}. {plan.description}".rstrip()
    yield f"Phase {number} of {len(plan.phase)}: {phase.name}{about}"
    yield f"Action {actions.index(request.action) + 1} of {len(actions)}: {request.action}"
    if protected := plan.protected_in(number):
        yield f"Not to be changed in this phase: {', '.join(protected)}"
    if workspace.withheld:
        yield (
            f"{len(workspace.withheld)} files of the repository are withheld from this copy, "
            "because their names say that they hold secrets."
        )
    if not reviewed and (request.reason or request.notes or request.failed_checks):
        yield ""
        yield from _review(request)
    yield ""
    yield request.prompt


def _review(request: Request) -> Iterator[str]:
    if not request.revises:
        yield "An earlier proposal, which is not in this copy, did not pass these checks:"
        yield from (f"- {line}" for line in request.failed_checks)
        return
    yield "Your last proposal for this phase was sent back; the copy holds it as it was."
    if request.reason:
        yield f"The reviewer's reason: {request.reason}"
    for note in request.notes:
        yield f"- {_place(note)}: {note.verdict}" + (f": {note.note}" if note.note else "")
    if request.failed_checks:
        yield "Checks that it did not pass:"
        yield from (f"- {line}" for line in request.failed_checks)
    yield "Mend that, and keep what nobody objected to."


def _place(note: Decision) -> str:
    return f"{note.path}:{note.line}" if note.line else note.path
