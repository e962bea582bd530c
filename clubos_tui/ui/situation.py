"""How things stand when a key is pressed, and for every key why it is off now.

Each reason derives from :func:`clubos_tui.engine.decide.refusal`; nothing here decides on its own
what a run may do. The engine is imported when first asked, after the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clubos_tui.changes.manifest import Change
    from clubos_tui.engine.state import PhaseView, RunView
    from clubos_tui.events import Event, Scope

GO_LIVE = "this is a dry run: press L to go live"
REPLAY = "this is a replay: nothing can be decided here"


@dataclass(frozen=True, slots=True)
class Situation:
    """What an action's ``off`` looks at."""

    ready: bool = False
    """The repository is open."""
    waiting: str = "the repository is still being opened"
    """Why not, where it isn't."""
    view: RunView | None = None
    phase: int = 1
    """The selected phase."""
    change: Change | None = None
    """The selected file, where its phase has one."""
    live: bool = False
    who: str = "you"
    shown: str | None = None
    """The change set whose diff is on the screen; None where nobody looks."""
    at: str = "files"
    """The pane that is used."""
    since: bool = False
    """Whether the diff shows only what changed since one looked last."""
    has_since: bool = False
    """Whether there was something before it."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """The person's own keys, by the action's name."""
    doing: str = ""
    """What the agent does this moment."""
    replays: bool = False
    """Whether what is shown is past."""
    check: str = ""
    """The check under the cursor, where the checks are used; empty for the rehearsal."""


Off = Callable[[Situation], str | None]


def never(_: Situation) -> str | None:
    """Return no reason: it is always on."""
    return None


def open_off(now: Situation) -> str | None:
    """Return why nothing can be looked at yet."""
    return None if now.ready else now.waiting


def ready_off(now: Situation) -> str | None:
    """Return why nothing can be done yet, or not here."""
    return open_off(now) or (REPLAY if now.replays else None)


def _run(now: Situation) -> str | None:
    return ready_off(now) or (None if now.view else "there is no run yet: press d first")


def _refused(now: Situation, event: Event) -> str | None:
    from clubos_tui.engine.decide import refusal

    assert now.view
    return refusal(now.view, event)


def _phase(now: Situation) -> PhaseView:
    assert now.view
    return now.view.phase(now.phase)


def _moved(now: Situation) -> str | None:
    moved = _phase(now).moved_outside()
    if not moved:
        return None
    return f"{moved[0]} was changed outside since it was proposed: press d to propose again"


def propose_off(now: Situation) -> str | None:
    """Return why no dry run may be asked for."""
    from clubos_tui.events import ProposalRequested

    if reason := ready_off(now):
        return reason
    if now.view is None or now.view.ending:
        return None if now.phase == 1 else "a new run starts with phase 1: select it"
    return _refused(now, ProposalRequested(now.phase, now.who))


def resume_off(now: Situation) -> str | None:
    """Return why there is no held dry run to go on with."""
    from clubos_tui.events import ResumeRequested

    return _run(now) or _refused(now, ResumeRequested(now.phase, now.who))


def answer_off(now: Situation) -> str | None:
    """Return why there is nothing to allow or deny."""
    if reason := _run(now):
        return reason
    return None if _phase(now).permissions.open else "the agent asks for nothing"


def limits_off(now: Situation) -> str | None:
    """Return why there are no limits to set."""
    return _run(now)


def accept_off(now: Situation) -> str | None:
    """Return why the selected file, or part of it, can't be accepted or rejected."""
    from clubos_tui.changes.decisions import Decision
    from clubos_tui.events import Decided

    if reason := _run(now):
        return reason
    phase = _phase(now)
    path = now.change.path if now.change else ""
    decided = Decided(
        now.phase, phase.change_set, phase.attempt, (Decision(path, "accept"),), now.who
    )
    if reason := _refused(now, decided):
        return reason
    if now.since and now.at == "diff":
        return "this shows what changed since you looked: press t for the whole diff"
    return None if now.change else "no file is selected"


def rest_off(now: Situation) -> str | None:
    """Return why there is nothing left to decide on."""
    return accept_off(now) or _unread(now)


def clear_off(now: Situation) -> str | None:
    """Return why there is no decision to take back."""
    if reason := accept_off(now):
        return reason
    assert now.change
    own = _phase(now).draft.files
    return None if now.change.path in own else "the file is pending already"


def undo_decision_off(now: Situation) -> str | None:
    """Return why there is no decision to undo."""
    from clubos_tui.events import DecisionUndone

    if reason := _run(now):
        return reason
    phase = _phase(now)
    return _refused(now, DecisionUndone(now.phase, phase.change_set, phase.attempt, now.who))


def edit_off(now: Situation) -> str | None:
    """Return why the proposed file can't be edited."""
    from clubos_tui.events import EditRequested

    if reason := _run(now):
        return reason
    phase = _phase(now)
    path = now.change.path if now.change else ""
    asked = EditRequested(now.phase, phase.change_set, phase.attempt, path, "", now.who)
    return _refused(now, asked) or (None if now.change else "no file is selected")


def file_off(now: Situation) -> str | None:
    """Return why there is no file to open."""
    return open_off(now) or (None if now.change else "no file is selected")


def since_off(now: Situation) -> str | None:
    """Return why there is nothing to compare the change set with."""
    if reason := open_off(now) if now.replays else _run(now):
        return reason
    return None if now.has_since else "this is the first of it that you see"


def _unread(now: Situation) -> str | None:
    """Return why what is on the screen is not what would be decided on."""
    if now.shown is None or now.shown == _phase(now).change_set:
        return None
    return "the diff of this very change set is still being read"


def seal_off(now: Situation) -> str | None:
    """Return why what is left can't be sealed."""
    from clubos_tui.events import SealRequested

    if reason := _run(now):
        return reason
    phase = _phase(now)
    return _refused(now, SealRequested(now.phase, phase.change_set, phase.attempt, now.who))


def approve_off(now: Situation) -> str | None:
    """Return why the pending change set, or the merged tree, can't be approved or rejected."""
    from clubos_tui.engine.approvers import whose
    from clubos_tui.events import Approved, Rejected

    if reason := _run(now):
        return reason
    assert now.view
    if _merge_waits(now.view):
        return None
    phase = _phase(now)
    if reason := _unread(now):
        return reason
    shown = Approved(now.phase, phase.base, phase.change_set, phase.attempt, now.who, "person", "")
    if reason := _refused(now, shown) or _moved(now):
        no = Rejected(now.phase, phase.change_set, phase.attempt, "", now.who)
        proposed = now.view.status(now.phase).value == "proposed"
        barred = whose(now.view, shown)
        shut = now.view.reviewable(now.phase) is False or (barred and barred[1] == reason)
        if proposed and _refused(now, no) is None and shut:
            return None  # the modal shows what keeps it shut; it can still be rejected
        return reason
    return None


def _merge_waits(view: RunView) -> bool:
    from clubos_tui.engine.decide import next_for_person

    return next_for_person(view).verb == "approve merge"


def execute_off(now: Situation) -> str | None:
    """Return why the phase can't be executed."""
    from clubos_tui.events import ExecutionRequested

    if reason := _run(now):
        return reason
    if reason := _refused(now, ExecutionRequested(now.phase, now.who)) or _moved(now):
        return reason
    return None if now.live else GO_LIVE


def merge_off(now: Situation) -> str | None:
    """Return why the run can't be merged."""
    from clubos_tui.events import MergeRequested

    if reason := _run(now):
        return reason
    return _refused(now, MergeRequested(now.who)) or (None if now.live else GO_LIVE)


def roll_back_off(now: Situation) -> str | None:
    """Return why there is nothing to take back. Live or not does not matter."""
    from clubos_tui.events import RollbackRequested

    return _run(now) or _refused(now, RollbackRequested(now.phase, now.who))


def abandon_off(now: Situation) -> str | None:
    """Return why the run can't be ended."""
    from clubos_tui.events import RollbackRequested

    return _run(now) or _refused(now, RollbackRequested(1, now.who, close=True))


def undo_off(now: Situation) -> str | None:
    """Return why there is no rollback to take back."""
    from clubos_tui.events import UndoRequested

    return _run(now) or _refused(now, UndoRequested(now.who))


def check_off(now: Situation) -> str | None:
    """Return why the check under the cursor, or without one all, can't be carried out again."""
    return _check_off(now, (now.check,) if now.check else ())


def check_all_off(now: Situation) -> str | None:
    """Return why the checks of the phase can't be carried out again."""
    return _check_off(now, ())


def _check_off(now: Situation, only: tuple[str, ...]) -> str | None:
    from clubos_tui.events import ChecksRequested

    if reason := _run(now):
        return reason
    assert now.view
    if now.view.merge_waits:
        return "the merged tree is checked once: o overrides a check, R takes a phase back"
    phase = _phase(now)
    scope: Scope = "proposal" if phase.state.value == "proposed" else "stage"
    return _refused(now, ChecksRequested(now.phase, scope, phase.change_set, only, now.who))


def override_off(now: Situation) -> str | None:
    """Return why there is no check to override."""
    if reason := _run(now):
        return reason
    assert now.view
    return None if _shut(now.view, now.phase) else "no check of this phase keeps a gate shut"


def _shut(view: RunView, number: int) -> bool:
    if view.merge_waits and (prepared := view.merge.prepared):
        return bool(view.closed_checks("merge", prepared.tree))
    tree, state = view.phase(number).change_set, view.status(number).value
    if state == "unvalidated":
        return bool(view.closed_checks("stage", tree))
    return state == "proposed" and bool(view.closed_checks("proposal", tree))


def interrupt_off(now: Situation) -> str | None:
    """Return why there is nothing to interrupt."""
    if now.replays:
        return "nothing runs in a replay; q quits"
    if reason := _run(now):
        return reason
    assert now.view
    return None if now.view.queue else "nothing is running; q quits"


def next_off(now: Situation) -> str | None:
    """Return why there is no next step."""
    if reason := ready_off(now):
        return reason
    if now.view is None:
        return None
    from clubos_tui.engine.decide import next_for_person

    verb = next_for_person(now.view).verb
    return "a step is still under way: ctrl+c interrupts it" if verb == "working" else None
