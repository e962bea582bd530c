"""Every key once: what it does, when it is off and why. Footer, help and palette come from here.

``off`` derives from :func:`clubos_tui.engine.decide.refusal`; nothing here decides on its own
what a run may do. The engine is imported when first asked, after the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from clubos_tui.ui.values import KeyHint, NextStep

if TYPE_CHECKING:
    from clubos_tui.changes.manifest import Change
    from clubos_tui.engine.state import PhaseView, RunView
    from clubos_tui.events import Event

__all__ = [
    "ACTIONS",
    "BY_ID",
    "Action",
    "Situation",
    "key_hints",
    "key_text",
    "next_action",
    "next_step",
]

GO_LIVE = "this is a dry run: press L to go live"


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

    def key(self, action: Action) -> str:
        """Return an action's first key as it stands on the keyboard; empty where it has none."""
        return key_text(self.keys.get(action.id, action.key).split(",")[0])


Off = Callable[[Situation], str | None]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do."""

    id: str
    key: str
    label: str
    tooltip: str
    group: str
    off: Off
    shown: bool = False
    """Whether the bottom line names it."""


def never(_: Situation) -> str | None:
    """Return no reason: it is always on."""
    return None


def _ready(now: Situation) -> str | None:
    return None if now.ready else now.waiting


def _run(now: Situation) -> str | None:
    return _ready(now) or (None if now.view else "there is no run yet: press d first")


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

    if reason := _ready(now):
        return reason
    if now.view is None or now.view.ending:
        return None if now.phase == 1 else "a new run starts with phase 1: select it"
    return _refused(now, ProposalRequested(now.phase, now.who))


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
    return _ready(now) or (None if now.change else "no file is selected")


def since_off(now: Situation) -> str | None:
    """Return why there is nothing to compare the change set with."""
    if reason := _run(now):
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
        if proposed and _refused(now, no) is None and now.view.reviewable(now.phase) is False:
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


def override_off(now: Situation) -> str | None:
    """Return why there is no check to override."""
    if reason := _run(now):
        return reason
    assert now.view
    return None if _shut(now.view, now.phase) else "no check of this phase keeps a gate shut"


def _shut(view: RunView, number: int) -> bool:
    tree, state = view.phase(number).change_set, view.status(number).value
    if state == "unvalidated":
        return bool(view.closed_checks("stage", tree))
    return state == "proposed" and bool(view.closed_checks("proposal", tree))


def interrupt_off(now: Situation) -> str | None:
    """Return why there is nothing to interrupt."""
    if reason := _run(now):
        return reason
    assert now.view
    return None if now.view.queue else "nothing is running; q quits"


def next_off(now: Situation) -> str | None:
    """Return why there is no next step."""
    if reason := _ready(now):
        return reason
    if now.view is None:
        return None
    from clubos_tui.engine.decide import next_for_person

    verb = next_for_person(now.view).verb
    return "a step is still under way: ctrl+c interrupts it" if verb == "working" else None


ACTIONS: Final[Sequence[Action]] = (
    Action("next", "n", "Next", "Do the next step, with its confirmations", "Steps", next_off,
           shown=True),
    Action("propose", "d", "Dry run", "Have the agent propose the selected phase in a throw-away "
           "copy; nothing in your repository is touched", "Steps", propose_off, shown=True),
    Action("accept", "a", "Accept", "Accept the hunk, or in the files pane the file (a draft)",
           "Review", accept_off, shown=True),
    Action("reject", "r", "Reject", "Reject the hunk at once; in the files pane the file, with an "
           "optional note (a draft)", "Review", accept_off, shown=True),
    Action("accept_file", "A", "Accept file", "Accept the whole file", "Review", accept_off),
    Action("reject_file", "D", "Drop file", "Reject the whole file", "Review", accept_off),
    Action("rest", "M", "More", "Accept or reject a folder, or all that is left", "Review",
           rest_off),
    Action("undo_decision", "u", "Undo decision", "Take the last decision back", "Review",
           undo_decision_off),
    Action("clear", "x", "Pending", "Take the decision on the hunk or file back", "Review",
           clear_off),
    Action("note", "i", "Note", "Write a note on the hunk or file, for the agent's next attempt",
           "Review", accept_off),
    Action("edit", "e", "Edit", "Edit the proposed file in your editor; your edit becomes part of "
           "the proposal, under a new id", "Review", edit_off),
    Action("since", "t", "Since", "Show what changed since you looked, or the whole diff", "Review",
           since_off),
    Action("seal", "s", "Seal", "Leave the rejected files out: build, check and rehearse the rest",
           "Review", seal_off),
    Action("approve", "y", "Approve", "Look at what would be approved; approve or reject it there",
           "Steps", approve_off, shown=True),
    Action("execute", "X", "Execute", "LIVE: write the approved phase to the stage and its branch",
           "Steps", execute_off, shown=True),
    Action("merge", "m", "Merge", "LIVE: merge what is validated into your branch", "Steps",
           merge_off),
    Action("roll_back", "R", "Roll back", "Take the selected phase and every later one back; shows "
           "first what that does", "Take back", roll_back_off, shown=True),
    Action("undo", "U", "Undo rollback", "Undo the last rollback", "Take back", undo_off),
    Action("abandon", "", "Abandon the run", "Take everything back and close the run", "Take back",
           abandon_off),
    Action("override", "o", "Override", "Open a gate in spite of a check, with name and reason",
           "Steps", override_off),
    Action("live", "L", "Live", "Arm or disarm LIVE; execute and merge need it", "Mode", _ready),
    Action("interrupt", "ctrl+c", "Interrupt", "Interrupt the running step; it is undone", "Mode",
           interrupt_off),
    Action("pane('phases')", "1", "Phases", "Go to the phases; enter there filters the log",
           "Panes", never),
    Action("pane('files')", "2", "Files", "Go to the changed files; enter there opens one",
           "Panes", never),
    Action("pane('diff')", "3", "Diff", "Go to the diff: ] [ next and last hunk, } { file",
           "Panes", never),
    Action("pane('log')", "4", "Log", "Go to the log: enter shows the detail of a line", "Panes",
           never),
    Action("zoom", "z", "Zoom", "Show only this pane, or all again", "Panes", never),
    Action("search", "/", "Search", "Search in this pane; then n and N walk, esc ends", "Panes",
           never),
    Action("range", "v", "Lines", "Diff: select lines, to decide on just them; esc ends", "Diff",
           never),
    Action("split", "b", "Side by side", "Diff: old and new side by side, or below each other",
           "Diff", never),
    Action("wrap", "w", "Wrap", "Diff: fold long lines at the edge", "Diff", never),
    Action("more", "plus,equals_sign", "More context", "Diff: ten more unchanged lines around the "
           "hunk", "Diff", never),
    Action("less", "minus", "Less context", "Diff: ten fewer unchanged lines", "Diff", never),
    Action("fold_all", "F", "Fold all", "Diff: fold every file, or unfold; enter folds one",
           "Diff", never),
    Action("copy", "c", "Copy", "Diff: copy the hunk", "Diff", never),
    Action("open", "E", "Open", "Open your own copy of the file at this line in your editor",
           "Diff", file_off),
    Action("jump", "J", "Jump", "Log: go to the file or hunk that a line is about", "Panes",
           never),
    Action("follow", "f", "Follow", "Let the log follow its end, or stop that", "Panes", never),
    Action("levels", "l", "Levels", "Log: all lines, from info, from warning", "Panes", never),
    Action("screenshot", "ctrl+s", "Screenshot", "Save the screen as SVG", "Mode", never),
    Action("help", "?,f1", "Help", "All keys, and why some are off now", "Mode", never,
           shown=True),
    Action("quit", "q,ctrl+q", "Quit", "Leave; asks while a step is running", "Mode", never,
           shown=True),
)  # fmt: skip
"""All actions. An action's id is the name of the screen's ``action_`` method."""

BY_ID: Final = {action.id: action for action in ACTIONS}


def key_text(key: str) -> str:
    """Return keys as they stand on a keyboard."""
    named = {"plus": "+", "equals_sign": "=", "minus": "-", "question_mark": "?", "slash": "/"}
    for name, shown in named.items():
        key = key.replace(name, shown)
    return key


_VERBS = {
    "propose": "propose",
    "approve": "approve",
    "seal": "seal",
    "execute": "execute",
    "override": "override",
    "approve merge": "approve",
    "merge": "merge",
}


def next_action(now: Situation) -> tuple[str, int]:
    """Return the id of the action that is the next step, and the phase it is about (0: none)."""
    if not now.ready:
        return "", 0
    if now.view is None:
        return "propose", 1
    from clubos_tui.engine.decide import next_for_person

    step = next_for_person(now.view)
    if step.verb == "done":
        return ("propose", 1) if now.view.ending else ("abandon", 0)
    action = _VERBS.get(step.verb, "")
    if action == "execute" and now.view.phase(step.phase).moved_outside():
        return "propose", step.phase
    if action in {"execute", "merge"} and not now.live:
        return "live", step.phase
    return action, step.phase


def next_step(now: Situation) -> NextStep:
    """Return the line that names the next step and its key."""
    if not now.ready:
        return NextStep(now.waiting[:1].upper() + now.waiting[1:])
    if now.view is None:
        return NextStep("Dry run of phase 1: see what it would change", "n", "or d")
    from clubos_tui.engine.decide import next_for_person

    step = next_for_person(now.view)
    action, _ = next_action(now)
    if step.verb == "working":
        return NextStep(f"{_working(now.view)} ...", "ctrl+c", "interrupts", "busy")
    if step.verb == "done":
        if now.view.ending:
            return NextStep(step.words, "n", "starts a new run with a dry run", "good")
        return NextStep(step.words, "n", "does that", "info")
    key = now.key(BY_ID[action]) if action else ""
    if action == "live":
        words = f"Go LIVE, to {step.words[:1].lower()}{step.words[1:]}"
        return NextStep(words, "n", "or L", "warn")
    if action == "override":
        unvalidated = now.view.status(step.phase).value == "unvalidated"
        also = "or o; R rolls back" if unvalidated else "or o; d again"
        return NextStep(step.words, "n", also, "warn")
    if step.verb == "execute" and action == "propose":
        words = f"Propose phase {step.phase} again: files changed outside"
        return NextStep(words, "n", "", "warn")
    return NextStep(step.words, "n", f"or {key}" if step.phase in {0, now.phase} else "")


def _working(view: RunView) -> str:
    from clubos_tui import events as e

    request = view.queue[0]
    words = {
        e.ProposalRequested: "Dry run of phase {}",
        e.SealRequested: "Sealing phase {}",
        e.EditRequested: "Taking your edit into phase {}",
        e.ExecutionRequested: "Executing phase {}",
        e.MergeRequested: "Merging",
        e.RollbackRequested: "Rolling back phase {} and later ones",
        e.UndoRequested: "Undoing the last rollback",
    }
    return words.get(type(request), "Working").format(getattr(request, "phase", ""))


def key_hints(now: Situation) -> tuple[KeyHint, ...]:
    """Return the keys of the bottom line; the next step's is always among them."""
    wanted, _ = next_action(now)
    running = interrupt_off(now) is None
    hints = []
    for action in ACTIONS:
        is_next = action.id == wanted
        also = action.id in {"live", "merge", "seal", "undo"} and action.off(now) is None
        if action.shown or is_next or also or (action.id == "interrupt" and running):
            key = now.key(action).replace("ctrl+", "^") or "n"
            on = action.off(now) is None
            hints.append(KeyHint(action.id, key, action.label, on, is_next))
    return tuple(hints)
