"""What a person is asked rests on how things stood; somebody else may be faster. Pure.

Any number of dashboards and commands decide on one run, and the first decision wins. A question
stands as long as what it rests on is what it was when it was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from clubos_tui import events as e
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.decide import refusal, rolled_back_with
from clubos_tui.engine.state import RunView
from clubos_tui.journal import Record
from clubos_tui.plan import Needs
from clubos_tui.ui import sheets, wording

__all__ = [
    "Question", "admission", "ago", "approval", "draft", "ending", "execution", "limits",
    "merge", "merge_approval", "override", "permission", "proposal", "rollback", "settled_by",
    "told", "undo",
]  # fmt: skip

RestsOn = Callable[[RunView], object]


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a phase (0: about the run), and what it rests on."""

    phase: int
    run: e.RunId
    stood: object
    rests_on: RestsOn

    def stands(self, view: RunView) -> bool:
        """Tell whether it is still that question."""
        return view.started.run == self.run and self.rests_on(view) == self.stood


def _asked(view: RunView, number: int, rests_on: RestsOn) -> Question:
    return Question(number, view.started.run, rests_on(view), rests_on)


# --- what each rests on --------------------------------------------------------------------------


def proposal(view: RunView, number: int) -> Question:
    """Ask for a dry run, or to go on with one: not over what somebody has decided meanwhile."""
    return _asked(view, number, lambda view: _state(view, number))


def admission(view: RunView, number: int, agent: str, needs: Needs) -> Question:
    """Ask whether an agent may have what it needs."""
    return _asked(view, number, lambda view: (view.admits(agent, needs), bool(view.ending)))


def approval(view: RunView, number: int) -> Question:
    """Ask for a yes or no to what is pending."""

    def rests_on(view: RunView) -> object:
        phase = view.phase(number)
        yes = e.Approved(
            number, phase.base, phase.change_set, phase.attempt, view.started.by, "person", ""
        )
        return _state(view, number), phase.base, refusal(view, yes)

    return _asked(view, number, rests_on)


def draft(view: RunView, number: int) -> Question:
    """Ask for something that rests on every decision made so far."""

    def rests_on(view: RunView) -> object:
        return _state(view, number), view.phase(number).draft.revision

    return _asked(view, number, rests_on)


def execution(view: RunView, number: int) -> Question:
    """Ask whether to execute."""

    def rests_on(view: RunView) -> object:
        return _state(view, number), refusal(view, e.ExecutionRequested(number, ""))

    return _asked(view, number, rests_on)


def override(view: RunView, number: int) -> Question:
    """Ask for a gate to be opened in spite of a check."""

    def rests_on(view: RunView) -> object:
        return [(check.check, check.tree, check.outcome) for check in sheets.closed(view, number)]

    return _asked(view, number, rests_on)


def permission(view: RunView, number: int, wanted: str) -> Question:
    """Ask what the agent may do."""

    def rests_on(view: RunView) -> object:
        phase = view.phase(number)
        return phase.attempt, wanted in phase.permissions.open

    return _asked(view, number, rests_on)


def limits(view: RunView, number: int) -> Question:
    """Ask for limits, of which the present ones are shown."""

    def rests_on(view: RunView) -> object:
        phase = view.phase(number)
        return phase.budget, view.budget, phase.held

    return _asked(view, number, rests_on)


def merge(view: RunView) -> Question:
    """Ask whether to merge."""

    def rests_on(view: RunView) -> object:
        trees = [phase.change_set for phase in view.phases]
        return trees, refusal(view, e.MergeRequested(""))

    return _asked(view, 0, rests_on)


def merge_approval(view: RunView) -> Question:
    """Ask for a yes to the merged tree."""

    def rests_on(view: RunView) -> object:
        prepared: TreeId | None = view.merge.prepared.tree if view.merge.prepared else None
        return prepared, view.merge_waits, view.merge.approved

    return _asked(view, 0, rests_on)


def rollback(view: RunView, number: int, *, close: bool = False) -> Question:
    """Ask whether to take phases back; exactly those that were shown."""

    def rests_on(view: RunView) -> object:
        back = [(phase.number, phase.change_set) for phase in rolled_back_with(view, number)]
        return back, view.ending, refusal(view, e.RollbackRequested(number, "", close))

    return _asked(view, 0 if close else number, rests_on)


def undo(view: RunView) -> Question:
    """Ask whether to undo the last rollback."""
    return _asked(
        view, 0, lambda view: (view.rollback, refusal(view, e.UndoRequested("")))
    )  # fmt: skip


def ending(view: RunView) -> Question:
    """Ask whether another run may take the place of one that has ended."""
    return _asked(view, 0, lambda view: view.ending)


def _state(view: RunView, number: int) -> object:
    phase = view.phase(number)
    return view.status(number), phase.change_set, phase.attempt


# --- who was faster ------------------------------------------------------------------------------


def settled_by(records: Sequence[Record], number: int) -> Record | None:
    """Return the last word of a person among `records`, on that phase where there is one."""
    words = [record for record in records if getattr(record.event, "by", "")]
    on_it = [record for record in words if _is_about(record.event, number)]
    found = on_it or words
    return found[-1] if found else None


def _is_about(event: e.Event, number: int) -> bool:
    about = 0 if isinstance(event, e.RollbackRequested) else getattr(event, "phase", 0)
    return not number or about in {0, number}


def told(event: e.Event) -> str:
    """Return a decision in words that begin with who made it."""
    match event:
        case e.Approved():
            by = "the plan" if event.how == "plan" else event.by
            return f"{by} approved phase {event.phase}"
        case e.Rejected():
            why = f": {event.reason}" if event.reason else ""
            return f"{event.by} rejected phase {event.phase}{why}"
        case e.MergeApproved():
            return f"{event.by} approved the merged tree"
        case e.RunStarted():
            return f"{event.by} started another run"
    line = wording.sentence(event)
    return line[2] if line else f"{getattr(event, 'by', 'somebody')} was faster"


def ago(at: str, now: float) -> str:
    """Return how long a time of the journal is past.

    Args:
        at: As the journal writes it.
        now: In seconds since the epoch.
    """
    try:
        seconds = int(max(0.0, now - datetime.fromisoformat(at).timestamp()))
    except ValueError:
        return "at some time"
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60:,} min ago" if seconds < 3600 else f"{seconds // 3600:,} h ago"
