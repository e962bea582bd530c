"""What a run is at, or waits for, in the few words of a title. Pure; no text of an agent's."""

from __future__ import annotations

from clubos_tui import events as e
from clubos_tui.engine.decide import Next, next_for_person
from clubos_tui.engine.state import RunView, Status
from clubos_tui.ui.values import Moment

__all__ = ["moment"]

_AT = {
    e.ProposalRequested: "phase {} proposing",
    e.ResumeRequested: "phase {} proposing",
    e.SealRequested: "phase {} sealing",
    e.EditRequested: "phase {} taking an edit in",
    e.ChecksRequested: "phase {} checking",
    e.ExecutionRequested: "phase {} executing",
    e.MergeRequested: "merging",
    e.RollbackRequested: "phase {} rolling back",
    e.UndoRequested: "undoing the rollback",
}

_WANTED = {
    "answer": "answer the agent in phase {}",
    "propose": "propose phase {}",
    "resume": "go on with phase {}",
    "raise": "raise a limit of phase {}",
    "approve": "approve phase {}",
    "seal": "seal phase {}",
    "execute": "execute phase {}",
    "override": "look at the checks of phase {}",
    "approve merge": "approve the merged tree",
    "merge": "merge",
}


def moment(view: RunView | None, work: int, *, stopped: bool = False) -> Moment:
    """Return what the run is at or waits for; nothing drives it where that has `stopped`."""
    if view is None:
        return Moment(work=work)
    if stopped:
        return Moment("the driver stopped", work=work)
    step = next_for_person(view)
    if step.verb == "working":
        return Moment(_working(view), True, work)
    return Moment(_wanted(view, step), work=work)


def _wanted(view: RunView, step: Next) -> str:
    if view.failure:
        return f"{view.failure.step} failed"
    if step.verb == "done":
        return f"the run is {view.ending}" if view.ending else "nothing to merge"
    if step.verb == "propose" and view.status(step.phase) is Status.FAILED:
        return f"phase {step.phase} failed"
    prepared = view.merge.prepared if step.verb == "approve merge" else None
    if prepared and view.closed_checks("merge", prepared.tree):
        return "look at the checks of the merged tree"
    return _WANTED[step.verb].format(step.phase)


def _working(view: RunView) -> str:
    request = view.queue[0]
    number = getattr(request, "phase", 0)
    state = view.phase(number).state if number else None
    if state is Status.PROPOSED and not isinstance(request, e.SealRequested | e.EditRequested):
        return f"phase {number} checking"
    return _AT[type(request)].format(number)
