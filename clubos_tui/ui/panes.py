"""From the store to what each pane shows. Pure functions; every state has words.

A pane is empty, running, done or in error; in each case it says which, and which key helps.
"""

from __future__ import annotations

from clubos_tui import events as e
from clubos_tui.changes.manifest import Counts
from clubos_tui.engine.approvers import of_phase
from clubos_tui.engine.state import ON_STAGE, PhaseView, RunView, Status
from clubos_tui.plan import Approvers, Plan
from clubos_tui.ui import checking
from clubos_tui.ui.doing import spent_words
from clubos_tui.ui.listing import FileRows, Listing, file_row
from clubos_tui.ui.store import Store
from clubos_tui.ui.values import (
    FileRow,
    FilesValues,
    Mode,
    NoteRow,
    PhaseRow,
    Problem,
    StatusValues,
    Tone,
    count,
)
from clubos_tui.ui.wording import AGAIN, left_behind, recovered

__all__ = ["agent_of", "diff_note", "diff_title", "files", "phases", "problem", "settled", "status"]

S = Status

_MARKS: dict[Status, tuple[str, Tone]] = {
    S.IDLE: ("·", "quiet"),
    S.PROPOSING: ("▶", "busy"),
    S.HELD: ("!", "warn"),
    S.PROPOSED: ("?", "info"),
    S.EMPTY: ("-", "quiet"),
    S.FAILED: ("!", "bad"),
    S.APPROVED: ("✔", "info"),
    S.REJECTED: ("✘", "warn"),
    S.EXECUTING: ("▶", "busy"),
    S.EXECUTED: ("▶", "busy"),
    S.VALIDATED: ("✔", "good"),
    S.UNVALIDATED: ("!", "bad"),
    S.MERGED: ("✔", "good"),
    S.ROLLED_BACK: ("<", "warn"),
    S.STALE: ("!", "warn"),
}

_DOING = {
    e.ProposalRequested: "dry run",
    e.ResumeRequested: "dry run",
    e.SealRequested: "sealing",
    e.EditRequested: "taking an edit in",
    e.ChecksRequested: "checking again",
    e.ExecutionRequested: "executing",
    e.RollbackRequested: "rolling back",
}

# --- phases ------------------------------------------------------------------------------------


def phases(view: RunView | None, plan: Plan | None) -> tuple[PhaseRow, ...]:
    """Return a row for every phase of the run, or of the plan before there is a run."""
    if view is not None:
        return tuple(_phase(view, phase) for phase in view.phases)
    if plan is None:
        return ()
    asks = [_asks(plan.approvers_of(n), s.required_approval) for n, s in enumerate(plan.phase, 1)]
    return tuple(
        PhaseRow(number, spec.name, "idle", "·", "quiet", asks[number - 1], "")
        for number, spec in enumerate(plan.phase, 1)
    )


def _phase(view: RunView, phase: PhaseView) -> PhaseRow:
    state = view.status(phase.number)
    mark, tone = _MARKS[state]
    note = ""
    request = view.queue[0] if view.queue else None
    if request and getattr(request, "phase", None) == phase.number:
        note = _DOING.get(type(request), "")
        mark, tone = "▶", "busy"
        if state is S.PROPOSED and view.reviewable(phase.number) is None:
            note = "checking"
        if state is S.EXECUTED:
            note = "checkpoint"
    elif phase.moved_outside():
        note = "changed outside"
    checks, checks_tone = _checks(view, phase, state)
    approval = _asks(phase.rule, phase.required_approval)
    if phase.approval is None and phase.approvals:
        approval = f"{len(of_phase(phase).yes)} of {phase.rule.count} yes"
    if phase.approval:
        approval = "approved by plan" if phase.approval.how == "plan" else "approved"
    return PhaseRow(
        phase.number, phase.spec.name, state.value, mark, tone, approval, checks, checks_tone, note
    )


def _asks(rule: Approvers, required: bool) -> str:
    if rule.count > 1:
        return f"needs {rule.count} people"
    return "needs approval" if required or rule else "by plan"


def _checks(view: RunView, phase: PhaseView, state: Status) -> tuple[str, Tone]:
    if not phase.change_set or state in {S.ROLLED_BACK, S.PROPOSING}:
        return "", "quiet"
    found = view.checks.get(("stage", phase.change_set)) if state in ON_STAGE else None
    found = found or view.checks.get(("proposal", phase.change_set), {})
    if not found:
        return "", "quiet"
    shut = any(c.required and c.outcome != "passed" for c in found.values())
    return checking.tally(found), "bad" if shut else "good"


# --- files -------------------------------------------------------------------------------------


def files(store: Store, number: int, listing: Listing | None = None) -> FilesValues:
    """Return the files pane for phase ``number``; ``listing`` is of its change set."""
    view = store.view
    if view is None:
        return FilesValues(empty="No changes yet: press d.")
    if store.progress:
        return _writing(store)
    phase = view.phase(number)
    state = view.status(number)
    notes: list[FileRow | NoteRow] = []
    if store.result and (not store.result_phases or number in store.result_phases):
        notes = [*store.result, *store.moved]
    if state is S.PROPOSING:
        return _proposing(store, phase)
    if store.moved and notes:
        return FilesValues(tuple(notes), store.moved_title)
    notes += _left_behind(phase, state)
    listing = listing or Listing(phase.manifest)
    rows = FileRows(notes, listing, phase, settled=settled(view, number))
    title = f"{len(listing.changes):,}" if listing.changes else ""
    if title and state is S.PROPOSED:
        title += f", {listing.pending(phase.draft.files):,} pending"
        title += ", by risk" if listing.by_risk else ""
    return FilesValues(rows, title, _no_files(state), rows.at)


def _left_behind(phase: PhaseView, state: Status) -> list[NoteRow]:
    """Return what the agent made and the change set does not hold, for whoever reviews it."""
    left = left_behind(*phase.left_behind)
    if not left or state not in {S.PROPOSED, S.APPROVED, S.EMPTY}:
        return []
    note = NoteRow("quiet", left[0].upper() + left[1:])
    return [NoteRow("quiet", _no_files(state)), note] if state is S.EMPTY else [note]


def settled(view: RunView, number: int) -> bool:
    """Tell whether all that is left of a change set has been approved, and still is."""
    approved = {S.APPROVED, S.EXECUTING, *ON_STAGE}
    return view.phase(number).approval is not None and view.status(number) in approved


def _proposing(store: Store, phase: PhaseView) -> FilesValues:
    done: dict[str, FileRow] = {}
    for action in phase.actions:
        for row in action.changes:
            done[row.path] = file_row(row)
    running = [action.name for action in phase.actions if action.status == "running"]
    rows: list[FileRow | NoteRow] = list(done.values())
    rows += [NoteRow("busy", path, "writing") for path in store.live if path not in done]
    what = f"Action: {running[0]}" if running else "Getting the workspace ready"
    title = f"{count(len(rows), 'file')} so far"
    return FilesValues((NoteRow("busy", what), *rows), title)


def _writing(store: Store) -> FilesValues:
    progress = store.progress
    assert progress
    place = "your checkout" if progress.place == "checkout" else "the stage"
    words = {
        "merge": f"Merging into {place}",
        "rollback": f"Rolling back in {place}",
        "undo": f"Putting back in {place}",
    }
    head = NoteRow(
        "busy", words.get(progress.purpose, f"Writing phase {progress.phase} to {place}")
    )
    if progress.returning:
        head = NoteRow("warn", "Interrupted: it all goes back")
    return FilesValues((head, *progress.rows.values()), progress.title)


def _no_files(state: Status) -> str:
    return {
        S.IDLE: "No changes yet: press d.",
        S.EMPTY: "The agent changed nothing.",
        S.FAILED: "No change set: the dry run failed.",
        S.HELD: "No change set yet: the dry run is held.",
        S.ROLLED_BACK: "Taken back.",
    }.get(state, "No changed file.")


# --- diff --------------------------------------------------------------------------------------


def diff_note(view: RunView, number: int) -> str:
    """Return why phase ``number`` has no diff to show, and what helps; empty where it has one."""
    phase, state = view.phase(number), view.status(number)
    name = f"Phase {number}, {phase.spec.name}"
    if state is S.PROPOSING and phase.permissions.open:
        asked = next(iter(phase.permissions.open.values()))
        return (
            f"{name}: the agent asks for something, and waits.\n\n{asked.title or asked.kind}\n\n"
            "Press n to look at it, and to allow or deny it. ctrl+c interrupts the agent."
        )
    if state is S.PROPOSING:
        return (
            f"{name}: the agent is working in a throw-away copy.\n\n"
            "The diff comes when it has finished. The log (4) and the files (2) show it live.\n"
            "ctrl+c interrupts it."
        )
    if state is S.EMPTY:
        return f"{name}: the agent changed nothing.\n\nThat is fine; n goes on. d tries again."
    if state is S.FAILED:
        cure = f"\n\n{phase.cure}" if phase.cure else ""
        return (
            f"{name}: the dry run failed.\n\n{phase.error}{cure}\n\n"
            "Your repository was not touched. Press d to try again."
        )
    if state is S.HELD:
        why = f"\n\n{phase.error}" if phase.error else ""
        cure = f"\n\n{phase.cure}" if phase.cure else ""
        kept = f", with {count(len(phase.turns), 'answer')} kept" if phase.turns else ""
        keys = (
            "Press n to answer it and go on, d to begin anew."
            if phase.permissions.open
            else "Press n to go on where it stopped, $ for the limits, d to begin anew."
        )
        return (
            f"{name}: the dry run stands still{kept}.{why}{cure}\n\n{keys}\n"
            "Your repository was not touched."
        )
    if phase.change_set and phase.manifest:
        return ""
    before = view.predecessor(number)
    if view.base_of(number) is None and before is not None:
        return (
            f"{name}: not tried yet.\n\nIt builds on phase {before.number}, which is "
            f"{view.status(before.number)}. Start there: select it and press d."
        )
    if view.queue:
        return f"{name}: not tried yet.\n\nAnother step is under way."
    about = f"\n\n{phase.spec.description}" if phase.spec.description else ""
    return (
        f"{name}: not tried yet.{about}\n\nPress d to see what it would change.\n"
        "Nothing in your repository is touched by that."
    )


def diff_title(view: RunView, number: int) -> str:
    """Return the first row of the diff: whose change set this is."""
    phase = view.phase(number)
    return f"Phase {number}, attempt {phase.attempt}, change set {phase.change_set[:10]}"


def problem(store: Store, number: int) -> Problem | None:
    """Return what went wrong last and still stands, for the pane it concerns."""
    view = store.view
    if view is None:
        return None
    if store.recovered:
        return _recovered(store.recovered)
    if view.failure:
        failure = view.failure
        return Problem(f"{failure.step} failed: {failure.error}", failure.untouched, failure.cure)
    if view.paused:
        paused = view.paused
        what = f"{paused.step} was interrupted by {paused.by}."
        again = AGAIN.get(paused.step, "n")
        said = f"It was undone. {paused.detail}".strip()
        if paused.phase and view.status(paused.phase) is S.HELD:
            kept = count(len(view.phase(paused.phase).turns), "answer")
            return Problem(what, f"{kept} of the model kept.", "Press n to go on there.", "warn")
        return Problem(what, said, f"Press {again} to do it again.", "warn")
    prepared = view.merge.prepared if view.merge_waits else None
    if prepared and (closed := view.closed_checks("merge", prepared.tree)):
        what = "A required check does not pass on the merged tree"
        return checking.shut(closed, what, "or R to roll a phase back.")
    phase, state = view.phase(number), view.status(number)
    if state is S.UNVALIDATED:
        closed = view.closed_checks("stage", phase.change_set)
        return checking.shut(closed, "The checkpoint does not pass", "or R to roll it back.")
    if state is S.PROPOSED and view.reviewable(number) is False:
        if phase.rehearsed and not phase.rehearsed.identical:
            return Problem(
                f"Its rollback could not be proven: {phase.rehearsed.detail}",
                "Nothing was applied.",
                "Press d to have it proposed again.",
            )
        closed = view.closed_checks("proposal", phase.change_set)
        return checking.shut(closed, "A required check does not pass", "or d to propose again.")
    if state is S.STALE:
        return Problem(
            "This proposal is stale: what it was built on has changed.",
            "Nothing was applied.",
            "Press d to have it proposed again.",
            "warn",
        )
    if state in {S.PROPOSED, S.APPROVED} and (moved := phase.moved_outside()):
        return Problem(
            f"Changed outside since it was proposed: {', '.join(moved)}",
            "Nothing of yours was touched.",
            "Put the files back, or press d to have it proposed again.",
            "warn",
        )
    if state is S.ROLLED_BACK:
        undo = "Press U to undo it, or d" if view.rollback else "Press d"
        told = store.result_text if number in store.result_phases else ""
        what = told or f"Phase {number} was rolled back."
        return Problem(what, "", f"{undo} to have it proposed again.", "warn")
    if state is S.REJECTED and phase.rejection:
        why = phase.rejection.reason or "no reason given"
        cure = "Press d for the next attempt; the agent gets the reason and the notes."
        return Problem(f"Rejected: {why}", "", cure, "warn")
    return None


def _recovered(items: list[e.Recovered]) -> Problem:
    """Return what a crash had cut short, and what was done; paths and backups are in the log."""
    held = any(item.direction == "held" for item in items)
    said = []
    for item in items:
        left = f"; {count(len(item.left), 'path')} left alone" if item.left else ""
        said.append(f"{item.detail}{left}.")
    where = "The log (4, then enter) names the paths and the backup"
    cure = "`clubos recover` says what to do; esc closes this." if held else "esc closes this."
    what = "\n".join(recovered(item) for item in items)
    return Problem(what, "\n".join(said), f"{where}. {cure}", "warn")


# --- status ------------------------------------------------------------------------------------


def agent_of(view: RunView | None, plan: Plan | None, number: int, override: str) -> str:
    """Return who carries out phase ``number``."""
    if view is not None:
        phase = view.phase(number)
        name = phase.agent or view.started.agent or view.plan.agent_of(number)
        return f"{name}: {phase.model}" if phase.model else _short(name)
    if plan is not None:
        return _short(override or plan.agent_of(min(number, len(plan.phase))))
    return _short(override)


def _short(agent: str) -> str:
    """Return an agent's name without the command line or the file that comes with it."""
    kind, colon, _ = agent.partition(":")
    return kind if colon else agent


def status(
    store: Store,
    number: int,
    counts: Counts,
    *,
    live: bool,
    agent: str,
    driver: str,
    now: float,
) -> StatusValues:
    """Return the status line for the selected phase, whose files were counted."""
    view = store.view
    if view is None:
        return StatusValues(mode="LIVE" if live else "DRY RUN", agent=agent, driver=driver)
    phase = view.phase(number)
    running = bool(view.queue)
    began, ended = store.since, now if running else store.ended
    pending = 0
    if view.status(number) is S.PROPOSED:
        pending = counts.total - len(phase.draft.files)
    writes = running and isinstance(view.queue[0], e.ExecutionRequested | e.MergeRequested)
    mode: Mode = "LIVE" if live or writes else "DRY RUN"
    return StatusValues(
        mode=mode,
        agent=agent,
        running=running,
        seconds=round(max(0.0, ended - began)) if began else None,
        create=counts.create,
        modify=counts.modify,
        delete=counts.delete,
        pending=pending,
        driver=driver,
        spent=spent_words(view, number, store.doing),
    )
