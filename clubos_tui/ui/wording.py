"""Events as sentences for the log. Pure: one function for the journal, one for agents.

``sentence`` returns level, phase, text and detail, or ``None`` for an event that needs no line.
"""

from __future__ import annotations

from collections.abc import Sequence

from clubos_tui import events as e
from clubos_tui.agents import base as a
from clubos_tui.changes.decisions import Decision
from clubos_tui.engine.approvers import needed
from clubos_tui.spending import UNKNOWN, ModelTurn, amount, dollars
from clubos_tui.ui.check_words import checked
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Level, count

__all__ = [
    "PURPOSES",
    "agent_line",
    "decided",
    "interrupted",
    "left_behind",
    "phases_text",
    "rolled_back",
    "sentence",
    "short",
    "undone",
]

Line = tuple[Level, int, str, str]

PURPOSES = {
    "execute": "Executing",
    "merge": "Merging",
    "rollback": "Rolling back",
    "undo": "Undoing the rollback of",
}

AGAIN = {"roll back": "R", "undo": "U", "merge": "m"}
"""The key that asks for a step again; for every other one it is the next step's."""

NAMED = 3  # paths of what is left behind, in a line


def short(oid: str) -> str:
    """Return as much of an id as people compare."""
    return oid[:10]


def sentence(event: e.Event) -> Line | None:
    """Return the log's line for an event of the journal."""
    phase = getattr(event, "phase", 0)
    said = _asked(event) or _reported(event) or checked(event) or _ended(event)
    if said is None:
        return None
    level, text, detail = said
    first, _, rest = text.partition("\n")
    return level, phase, first, "\n".join(part for part in (rest, detail) if part)


def left_behind(paths: Sequence[str], number: int) -> str:
    """Return in words what is in no change set because git ignores it; empty for nothing."""
    if not number:
        return ""
    named = ", ".join(safe(path) for path in paths[:NAMED])
    more = f" and {number - NAMED:,} more" if number > NAMED else ""
    return f"left behind, as git ignores them: {named}{more} ({number:,})"


Said = tuple[Level, str, str]


def _asked(event: e.Event) -> Said | None:
    match event:
        case e.RunStarted():
            where = event.target.removeprefix("refs/heads/") or "a detached HEAD"
            return (
                "info",
                f"Run {event.run} started by {event.by} on {where}",
                (f"base {event.base_commit}\nplan {event.plan_source} {event.plan_sha256}"),
            )
        case e.ProposalRequested():
            return "info", f"{event.by} asked for a dry run of phase {event.phase}", ""
        case e.ResumeRequested():
            return "info", f"{event.by} asked to go on with phase {event.phase}", ""
        case e.BudgetRaised():
            which = f"phase {event.phase}" if event.scope == "phase" else "the run"
            return "warning", f"{event.by} set the limit of {which} to {_limit(event)}", ""
        case e.AgentAdmitted():
            return "warning", f"{event.by} gives {event.agent}: {event.needs}", ""
        case e.PermissionAnswered():
            verb = "allowed" if event.allowed else "denied"
            alike = ", and all alike in this attempt" if event.alike else ""
            return "info", f"{event.by} {verb} what the agent asked{alike}", ""
        case e.Decided():
            return "info", f"{event.by} {decided(event.decisions)}", _decisions(event.decisions)
        case e.DecisionUndone():
            return "info", f"{event.by} took the last decision back", ""
        case e.EditRequested():
            return "info", f"{event.by} edited {event.path}", f"SHA-256 {event.sha256}"
        case e.FileDecided():
            verb = "accepted" if event.decision.verdict == "accept" else "rejected"
            note = f": {event.decision.note}" if event.decision.note else ""
            return "info", f"{event.by} {verb} {event.decision.path}{note}", ""
        case e.DecisionCleared():
            return "info", f"{event.by} put {event.path} back to pending", ""
        case e.SealRequested():
            return "info", f"{event.by} asked to seal what is not rejected", ""
        case e.Approved():
            who = "the plan" if event.how == "plan" else event.by
            return (
                "info" if event.lacking else "success",
                f"Approved by {who}{_lacking(event)}: {short(event.change_set)}",
                (
                    f"base {event.base}\nchange set {event.change_set}\nattempt {event.attempt}\n"
                    f"digest {event.digest}"
                ),
            )
        case e.Rejected():
            return "warning", f"Rejected by {event.by}: {event.reason or 'no reason given'}", ""
        case e.ExecutionRequested():
            return "info", f"{event.by} asked to execute phase {event.phase} for real", ""
        case e.MergeRequested():
            return "info", f"{event.by} asked to merge", ""
        case e.MergeApproved():
            said = f"Merged tree {short(event.tree)} approved by {event.by}{_lacking(event)}"
            return "info" if event.lacking else "success", said, ""
        case e.RollbackRequested():
            return "info", f"{event.by} asked to roll back phase {event.phase} and later ones", ""
        case e.UndoRequested():
            return "info", f"{event.by} asked to undo the last rollback", ""
        case e.PauseRequested():
            return "warning", f"{event.by} interrupted the step under way", ""
    return None


def _reported(event: e.Event) -> Said | None:
    match event:
        case e.AttemptStarted():
            withheld = f", {count(len(event.withheld), 'file')} withheld" if event.withheld else ""
            return (
                "info",
                f"Attempt {event.attempt} by {event.agent}{withheld}",
                (
                    f"workspace {event.workspace}"
                    + "".join(f"\nwithheld {p}" for p in event.withheld)
                ),
            )
        case e.ActionStarted():
            return "info", f"Action {event.action} started", ""
        case e.TurnTaken():
            return _turn(event.turn)
        case e.PermissionAsked():
            return "warning", f"The agent asks: {event.title or event.kind}", event.detail
        case e.ActionHeld():
            detail = "\n".join((event.cure, *_refused(event.refused))).strip()
            return "warning", f"Held: {event.error}", detail
        case e.ActionFinished() if event.status == "failed":
            detail = "\n".join(_refused(event.refused))
            return "error", f"Action {event.action} failed: {event.error}", detail
        case e.ActionFinished():
            files = count(len(event.changes), "changed file")
            left = left_behind(event.left_behind, event.left_count)
            said = f"Action {event.action} done: {files}{left and f'; {left}'}"
            names = [f"left behind {safe(path)}" for path in event.left_behind]
            unnamed = event.left_count - len(names)
            names += [f"left behind {unnamed:,} more"] if names and unnamed > 0 else []
            detail = "\n".join((event.result, *_refused(event.refused), *names)).strip("\n")
            if event.refused:  # it did what it was to do, and went for more
                return "warning", f"{said}, and the box refused what it tried", detail
            return "success", said, detail
        case e.Proposed():
            files = count(len(event.manifest), "file")
            return "success", f"Proposed {short(event.change_set)}: {files}", ""
        case e.ProposedNothing():
            return "info", "The agent changed nothing", ""
        case e.ProposalFailed():
            return "error", f"No proposal: {event.error}", event.cure
        case e.Edited():
            said = f"{event.path} as {event.by} edited it: now {short(event.change_set)}"
            return "success", said, f"it was {event.from_change_set}"
        case e.Sealed():
            return (
                "success",
                f"Sealed {count(len(event.manifest), 'file')} as " + short(event.change_set),
                "",
            )
        case e.ApplyStarted():
            place = "the stage" if event.place == "stage" else "your checkout"
            what = f"writing {count(event.files, 'file')} in {place}"
            which = f" phase {event.phase}" if event.phase else ""
            said = f"{PURPOSES[event.purpose]}{which}: {what}"
            return "info", said, f"transaction {event.transaction}"
        case e.ApplyFinished():
            left = f", {len(event.left)} left alone" if event.left else ""
            return (
                "info",
                f"{count(event.verified, 'file')} compared afresh{left}",
                _left(event.left),
            )
    return None


def _turn(turn: ModelTurn) -> Said:
    cost = "cost unknown" if turn.microcents == UNKNOWN else dollars(turn.microcents)
    about = "~" if turn.estimated else ""
    used = f"{about}{turn.tokens:,} tokens, {cost}"
    detail = "\n".join(
        (
            f"model {turn.answered_by or turn.model}, stopped for {turn.stop_reason or 'nothing'}",
            f"tokens in {turn.input_tokens:,}, out {turn.output_tokens:,}",
            f"from the cache {turn.cache_read_tokens:,}, into it {turn.cache_write_tokens:,}",
            f"prompt {turn.prompt_sha256}",
            f"record {turn.record_sha256 or 'none'}",
            f"request {turn.request_id or 'unknown'}, {turn.milliseconds:,} ms",
            *turn.tools,
        )
    )
    if turn.outcome == "withdrawn":
        lost = f" ({used})" if turn.tokens else ""
        return "warning", f"Answer {turn.number} withdrawn{lost}: {turn.error}", detail
    calls = f", {count(len(turn.tools), 'call')}" if turn.tools else ""
    return "debug", f"Answer {turn.number}: {used}{calls}", detail


def _lacking(event: e.Approved | e.MergeApproved) -> str:
    return f", {needed(event.lacking, more=True)}" if event.lacking else ""


def _limit(event: e.BudgetRaised) -> str:
    if not event.most:
        return "none"
    scale = {"cents": 1_000_000, "minutes": 60_000}.get(event.unit, 1)
    return amount(event.unit, event.most * scale)


def _ended(event: e.Event) -> Said | None:
    match event:
        case e.Executed():
            return "success", f"Executed on branch {event.branch}", f"commit {event.commit}"
        case e.Validated():
            return "success", f"Phase {event.phase} is validated", ""
        case e.Unvalidated():
            return "error", f"Phase {event.phase} does not pass: {', '.join(event.checks)}", ""
        case e.MergePrepared():
            moved = "; the target moved, so it needs its own approval" if event.moved else ""
            return "info", f"Merge prepared: {short(event.tree)}{moved}", ""
        case e.Merged():
            return (
                "success",
                "Merged into " + event.target.removeprefix("refs/heads/"),
                (f"commit {event.commit}"),
            )
        case e.RolledBack():
            return "success", rolled_back(event), _left(event.left)
        case e.Undone():
            return "success", undone(event), _left(event.left)
        case e.StepFailed():
            return (
                "error",
                f"{event.step} failed: {event.error}",
                "\n".join(part for part in (event.untouched, event.cure) if part),
            )
        case e.Paused():
            return "warning", interrupted(event), _left(event.left)
        case e.EditedOutside():
            return (
                "warning",
                f"{count(len(event.paths), 'file')} changed outside",
                "\n".join(event.paths),
            )
        case e.Recovered():
            held: Level = "warning" if event.direction == "held" else "success"
            kept = f"what it had replaced is kept in {event.backup}" if event.backup else ""
            parts = (event.detail, _left(event.left), kept, event.cure)
            return held, recovered(event), "\n".join(part for part in parts if part)
        case e.Taken():
            return "info", f"worker {event.worker} on {event.host} drives from here on", ""
        case e.JournalRecovered():
            return "warning", f"{event.bytes_cut} bytes of a half-written record were cut off", ""
        case e.LetGo():
            names = "\n".join(f"{gone.name} {gone.sha256}".strip() for gone in event.items)
            return "info", f"{event.by} let {count(len(event.items), 'file')} of this run go", names
        case e.RunClosed():
            return "success", f"The run is {event.ending}", ""
    return None


def decided(decisions: Sequence[Decision]) -> str:
    """Return a gesture in words: "accepted a hunk of a.py", "rejected 12 hunks in 3 files"."""
    if not decisions:
        return "decided nothing"
    one = decisions[0]
    verbs = {"accept": "accepted", "reject": "rejected", "pending": "put back to pending"}
    verb = verbs[one.verdict]
    if len(decisions) > 1:
        parts = count(sum(bool(d.hunk) for d in decisions), "hunk")
        files = count(len({d.path for d in decisions}), "file")
        return f"{verb} {parts} in {files}" if one.hunk else f"{verb} {files}"
    if one.verdict == "pending" and one.note:
        verb = "noted on"
    what = "" if not one.hunk else "lines of " if one.first else "a hunk of "
    place = f":{one.line}" if one.line else ""
    return f"{verb} {what}{one.path}{place}" + (f": {one.note}" if one.note else "")


def _decisions(decisions: Sequence[Decision]) -> str:
    if len(decisions) < 2:
        return ""
    return "\n".join(f"{d.verdict} {d.path} {d.hunk}".rstrip() for d in decisions[:200])


def phases_text(phases: tuple[int, ...]) -> str:
    """Return "phase 2", "phases 2 to 4"."""
    if len(phases) == 1:
        return f"phase {phases[0]}"
    return f"phases {min(phases)} to {max(phases)}" if phases else "nothing"


def rolled_back(event: e.RolledBack) -> str:
    """Return the result of a rollback in one sentence."""
    left = f", {len(event.left)} left alone" if event.left else ""
    parts = f", {count(len(event.taken_out), 'edit')} kept" if event.taken_out else ""
    return (
        f"Rolled back {phases_text(event.phases)}: {event.restored} restored, "
        f"{event.deleted} deleted{parts}{left}{_compared(event.verified)}"
    )


def operation(event: e.Recovered) -> str:
    """Return which operation it was: "Merging in your checkout"."""
    word = PURPOSES.get(event.purpose, "An operation")
    phase = f" phase {event.phase}" if event.phase else ""
    place = {"stage": " in the stage", "checkout": " in your checkout"}.get(event.place, "")
    return f"{word}{phase}{place}"


def recovered(event: e.Recovered) -> str:
    """Return what recovery found and did in one sentence."""
    found = f" ({event.found})" if event.found else ""
    return f"{operation(event)} was cut short{found}; it was {event.direction}"


def interrupted(event: e.Paused) -> str:
    """Return what an interrupt came to in one sentence."""
    said = f"Interrupted by {event.by}: {event.step} was undone"
    return f"{said}. {event.detail}" if event.detail else said


def undone(event: e.Undone) -> str:
    """Return the result of an undo in one sentence."""
    left = f", {len(event.left)} left alone" if event.left else ""
    deleted = f", {event.deleted} deleted" if event.deleted else ""
    return (
        f"Undid the rollback of {phases_text(event.phases)}: {event.restored} restored"
        f"{deleted}{left}{_compared(event.verified)}"
    )


def _compared(verified: int) -> str:
    return f", {verified} compared afresh" if verified else ""


def _refused(lines: tuple[str, ...]) -> list[str]:
    return [f"refused: {line}" for line in lines]


def _left(left: tuple[e.Left, ...]) -> str:
    return "\n".join(f"left alone: {item.path} ({item.reason})" for item in left)


def agent_line(event: a.AgentEvent) -> tuple[Level, str, str] | None:
    """Return level, text and detail for an agent's event; chunks of words are not for here."""
    match event:
        case a.PlanUpdate():
            return "debug", f"plan: {count(len(event.steps), 'step')}", "\n".join(event.steps)
        case a.ToolCall(status="pending" | "in_progress"):
            return None
        case a.ToolCall(status="failed"):
            return "error", f"{event.title}: {event.detail or 'failed'}", ""
        case a.ToolCall():
            return "info", event.title, event.detail
        case a.PermissionRequest():
            return "debug", f"asks for permission: {event.title}", event.detail
        case a.TurnTaken():
            return _turn(event.turn)
        case a.RetryScheduled():
            wait = f"in {event.milliseconds / 1000:.0f} s"
            return "warning", f"try {event.attempt} {wait}: {event.reason}", ""
        case a.TurnReset():
            return "debug", f"withdrew what it said: {event.reason}", ""
        case a.Notice():
            where = f"{event.path}: " if event.path else ""
            return event.level, f"{where}{event.text}", ""
        case a.TurnEnded() if event.error:
            return "error", event.error, event.cure
        case a.TurnEnded() if event.summary:
            return "info", event.summary, ""
    return None
