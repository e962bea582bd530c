"""Every key once: what it does, when it is off and why. Footer, help and palette come from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clubos_tui.ui import situation as off
from clubos_tui.ui.situation import Off, Situation
from clubos_tui.ui.values import KeyHint, NextStep

if TYPE_CHECKING:
    from clubos_tui.engine.state import RunView

__all__ = [
    "ACTIONS",
    "BY_ID",
    "REPLAY",
    "Action",
    "Situation",
    "key_hints",
    "key_of",
    "key_text",
    "next_action",
    "next_step",
]


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


ACTIONS: Final[Sequence[Action]] = (
    Action("next", "n", "Next", "Do the next step, with its confirmations", "Steps", off.next_off,
           shown=True),
    Action("propose", "d", "Dry run", "Have the agent propose the selected phase in a throw-away "
           "copy; nothing in your repository is touched", "Steps", off.propose_off, shown=True),
    Action("resume", "C", "Go on", "Go on with a dry run that is held; what the model answered is "
           "kept", "Steps", off.resume_off),
    Action("answer", "p", "Permit", "Allow or deny what the agent asks for", "Steps",
           off.answer_off),
    Action("limits", "dollar_sign", "Limits", "What a model has used in this phase and run; set a "
           "limit anew", "Steps", off.limits_off),
    Action("accept", "a", "Accept", "Accept the hunk, or in the files pane the file (a draft)",
           "Review", off.accept_off, shown=True),
    Action("reject", "r", "Reject", "Reject the hunk at once; in the files pane the file, with an "
           "optional note (a draft)", "Review", off.accept_off, shown=True),
    Action("accept_file", "A", "Accept file", "Accept the whole file", "Review", off.accept_off),
    Action("reject_file", "D", "Drop file", "Reject the whole file", "Review", off.accept_off),
    Action("rest", "M", "More", "Accept or reject a folder, or all that is left", "Review",
           off.rest_off),
    Action("undo_decision", "u", "Undo decision", "Take the last decision back", "Review",
           off.undo_decision_off),
    Action("clear", "x", "Pending", "Take the decision on the hunk or file back", "Review",
           off.clear_off),
    Action("note", "i", "Note", "Write a note on the hunk or file, for the agent's next attempt",
           "Review", off.accept_off),
    Action("edit", "e", "Edit", "Edit the proposed file in your editor; your edit becomes part of "
           "the proposal, under a new id", "Review", off.edit_off),
    Action("since", "t", "Since", "Show what changed since you looked, or the whole diff", "Review",
           off.since_off),
    Action("seal", "s", "Seal", "Leave the rejected files out: build, check and rehearse the rest",
           "Review", off.seal_off),
    Action("approve", "y", "Approve", "Look at what would be approved; approve or reject it there",
           "Steps", off.approve_off, shown=True),
    Action("execute", "X", "Execute", "LIVE: write the approved phase to the stage and its branch",
           "Steps", off.execute_off, shown=True),
    Action("merge", "m", "Merge", "LIVE: merge what is validated into your branch", "Steps",
           off.merge_off),
    Action("roll_back", "R", "Roll back", "Take the selected phase and every later one back; shows "
           "first what that does", "Take back", off.roll_back_off, shown=True),
    Action("undo", "U", "Undo rollback", "Undo the last rollback", "Take back", off.undo_off),
    Action("abandon", "", "Abandon the run", "Take everything back and close the run", "Take back",
           off.abandon_off),
    Action("override", "o", "Override", "Open a gate in spite of a check, with name and reason; "
           "what a phase changes of its judges has a review of its own", "Steps",
           off.override_off),
    Action("check", "K", "Check again", "Carry the checks of the phase out again; in the checks "
           "pane the one under the cursor", "Steps", off.check_off),
    Action("check_all", "ctrl+k", "Check all again", "Carry all checks of the phase out again, and "
           "rehearse its rollback", "Steps", off.check_all_off),
    Action("live", "L", "Live", "Arm or disarm LIVE; execute and merge need it", "Mode",
           off.ready_off),
    Action("interrupt", "ctrl+c", "Interrupt", "Interrupt the running step; it is undone", "Mode",
           off.interrupt_off),
    Action("pane('phases')", "1", "Phases", "Go to the phases; enter there filters the log",
           "Panes", off.never),
    Action("pane('files')", "2", "Files", "Go to the changed files; enter there opens one",
           "Panes", off.never),
    Action("pane('diff')", "3", "Diff", "Go to the diff: ] [ next and last hunk, } { file",
           "Panes", off.never),
    Action("pane('log')", "4", "Log", "Go to the log: enter shows the detail of a line", "Panes",
           off.never),
    Action("pane('checks')", "5", "Checks", "Go to the checks, in the place of the log: enter "
           "shows the evidence", "Panes", off.never),
    Action("zoom", "z", "Zoom", "Show only this pane, or all again", "Panes", off.never),
    Action("search", "/", "Search", "Search in this pane; then n and N walk, esc ends", "Panes",
           off.never),
    Action("range", "v", "Lines", "Diff: select lines, to decide on just them; esc ends", "Diff",
           off.never),
    Action("split", "b", "Side by side", "Diff: old and new side by side, or below each other",
           "Diff", off.never),
    Action("wrap", "w", "Wrap", "Diff: fold long lines at the edge", "Diff", off.never),
    Action("more", "plus,equals_sign", "More context", "Diff: ten more unchanged lines around the "
           "hunk", "Diff", off.never),
    Action("less", "minus", "Less context", "Diff: ten fewer unchanged lines", "Diff", off.never),
    Action("fold_all", "F", "Fold all", "Diff: fold every file, or unfold; enter folds one",
           "Diff", off.never),
    Action("copy", "c", "Copy", "Diff: copy the hunk", "Diff", off.never),
    Action("open", "E", "Open", "Open your own copy of the file at this line in your editor",
           "Diff", off.file_off),
    Action("jump", "J", "Jump", "Log and checks: go to the file, hunk or line that a line of the "
           "log, or the evidence of a check, is about", "Panes", off.never),
    Action("follow", "f", "Follow", "Let the log follow its end, or stop that", "Panes", off.never),
    Action("levels", "l", "Levels", "Log: all lines, from info, from warning", "Panes", off.never),
    Action("screenshot", "ctrl+s", "Screenshot", "Save the screen as SVG", "Mode", off.never),
    Action("help", "?,f1", "Help", "All keys, and why some are off now", "Mode", off.never,
           shown=True),
    Action("quit", "q,ctrl+q", "Quit", "Leave; asks while a step is running", "Mode", off.never,
           shown=True),
)  # fmt: skip
"""All actions. An action's id is the name of the screen's ``action_`` method."""

REPLAY: Final[Sequence[Action]] = (
    Action("play", "space", "Play", "Play at the run's own pace, or pause; a gap of more than 2 s "
           "is cut to that", "Replay", off.open_off, shown=True),
    Action("forth", "full_stop", "Forth", "One event forth", "Replay", off.open_off, shown=True),
    Action("back", "comma", "Back", "One event back", "Replay", off.open_off, shown=True),
    Action("next_turn", "greater_than_sign", "Next turn", "To the next turning point: proposed, "
           "approved, executed, validated, merged, rolled back, failed, ...", "Replay",
           off.open_off, shown=True),
    Action("last_turn", "less_than_sign", "Turn before", "To the turning point before", "Replay",
           off.open_off, shown=True),
    Action("faster", "right_parenthesis", "Faster", "Play twice as fast", "Replay", off.open_off,
           shown=True),
    Action("slower", "left_parenthesis", "Slower", "Play half as fast", "Replay", off.open_off),
    Action("begin", "home", "Begin", "To the first event; g goes to the first row of a pane",
           "Replay", off.open_off, shown=True),
    Action("newest", "end", "End", "To the newest event; G goes to the last row of a pane",
           "Replay", off.open_off, shown=True),
)  # fmt: skip
"""What a replay has beside them."""

BY_ID: Final = {action.id: action for action in (*ACTIONS, *REPLAY)}


def key_text(key: str) -> str:
    """Return keys as they stand on a keyboard."""
    named = {
        "plus": "+",
        "equals_sign": "=",
        "minus": "-",
        "question_mark": "?",
        "slash": "/",
        "dollar_sign": "$",
        "full_stop": ".",
        "comma": ",",
        "greater_than_sign": ">",
        "less_than_sign": "<",
        "right_parenthesis": ")",
        "left_parenthesis": "(",
    }
    for name, shown in named.items():
        key = key.replace(name, shown)
    return key


def key_of(action: Action, now: Situation) -> str:
    """Return an action's first key as it stands on the keyboard; empty where it has none."""
    return key_text(now.keys.get(action.id, action.key).split(",")[0])


_VERBS = {
    "answer": "answer",
    "propose": "propose",
    "resume": "resume",
    "raise": "limits",
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
    doing = f": {now.doing}" if now.doing else " ..."
    if now.replays:
        words = f"{_working(now.view)}{doing}" if step.verb == "working" else step.words
        return NextStep(words, "", "(as it was then)", "quiet")
    if step.verb == "working":
        return NextStep(f"{_working(now.view)}{doing}", "ctrl+c", "interrupts", "busy")
    if step.verb == "done":
        if now.view.ending:
            return NextStep(step.words, "n", "starts a new run with a dry run", "good")
        return NextStep(step.words, "n", "does that", "info")
    key = key_of(BY_ID[action], now) if action else ""
    if action == "live":
        words = f"Go LIVE, to {step.words[:1].lower()}{step.words[1:]}"
        return NextStep(words, "n", "or L", "warn")
    if action == "override" and step.words.startswith("Phase"):
        return NextStep(step.words, "n", "or o", "bad")
    if step.verb == "approve merge" and off.override_off(now) is None:
        return NextStep(step.words, "n", "or o; R rolls back", "bad")
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
        e.ResumeRequested: "Dry run of phase {}",
        e.SealRequested: "Sealing phase {}",
        e.EditRequested: "Taking your edit into phase {}",
        e.ChecksRequested: "Checking phase {} again",
        e.ExecutionRequested: "Executing phase {}",
        e.MergeRequested: "Merging",
        e.RollbackRequested: "Rolling back phase {} and later ones",
        e.UndoRequested: "Undoing the last rollback",
    }
    return words.get(type(request), "Working").format(getattr(request, "phase", ""))


def key_hints(now: Situation) -> tuple[KeyHint, ...]:
    """Return the keys of the bottom line; the next step's is always among them."""
    if now.replays:
        actions = [action for action in (*REPLAY, BY_ID["help"], BY_ID["quit"]) if action.shown]
        return tuple(
            KeyHint(action.id, key_of(action, now), action.label, action.off(now) is None)
            for action in actions
        )
    wanted, _ = next_action(now)
    running = off.interrupt_off(now) is None
    hints = []
    for action in ACTIONS:
        is_next = action.id == wanted
        also = action.id in {"live", "merge", "seal", "undo", "answer"} and action.off(now) is None
        if action.shown or is_next or also or (action.id == "interrupt" and running):
            key = key_of(action, now).replace("ctrl+", "^") or "n"
            on = action.off(now) is None
            hints.append(KeyHint(action.id, key, action.label, on, is_next))
    return tuple(hints)
