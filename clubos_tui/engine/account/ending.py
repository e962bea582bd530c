"""What is about the whole run: its merge, what was taken back, allowed, used, and went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clubos_tui import events as e
from clubos_tui.engine.account.blocks import Block, Heading, Rows, Words
from clubos_tui.engine.account.evidence import Evidence
from clubos_tui.engine.account.wording import branch, left_alone, limit, manifest, many, spent
from clubos_tui.engine.approvers import needed
from clubos_tui.engine.state import RunView
from clubos_tui.journal import Record
from clubos_tui.spending import Spent

_MERGE_CHECKS = e.CheckFinished | e.ChecksFinished | e.Overridden | e.ChecksRequested
_OF_THE_END = e.RollbackRequested | e.RolledBack


def is_of_the_end(event: e.Event) -> bool:
    """Tell whether an event that names a phase is about the whole run all the same."""
    if isinstance(event, _MERGE_CHECKS):
        return event.scope == "merge"
    if isinstance(event, e.ApplyStarted):
        return event.purpose != "execute"
    return isinstance(event, _OF_THE_END)


def ending(records: Sequence[Record]) -> Iterator[Block]:
    """Yield the merge, and whatever was taken back, in the order of events."""
    out: list[Block] = []
    evidence = Evidence()
    written: set[str] = set()  # transactions of the whole run
    for record in records:
        event = record.event
        if isinstance(event, e.ApplyStarted) and event.purpose != "execute":
            written.add(event.transaction)
        if is_of_the_end(event):
            out += evidence.tell(record)
        if not isinstance(event, e.ApplyFinished) or event.transaction in written:
            out += _told(record)
    if out:
        yield Heading(2, "Merged, and taken back")
        yield from out


def _told(record: Record) -> Iterator[Block]:
    event = record.event
    match event:
        case e.MergeRequested():
            yield Words(f"{record.at}: {event.by} asked to merge.")
        case e.MergePrepared():
            how = "as the last phase left it"
            if event.moved:
                how = "merged with what came to the branch meanwhile, which needs its own approval"
            yield Words(
                f"{record.at}: the tree to merge is {event.tree}, {how}; onto {event.onto}."
            )
            if event.manifest:
                yield from manifest(event.manifest, event.tree)
        case e.MergeApproved():
            lacking = f"; {needed(event.lacking, more=True)}" if event.lacking else ""
            yield Words(f"{record.at}: {event.by} approved the merged tree {event.tree}{lacking}.")
        case e.ApplyStarted() if event.purpose != "execute":
            yield Words(
                f"{record.at}: {event.purpose}, transaction {event.transaction}: "
                f"{many(event.files, 'file')} to write in the {event.place}."
                f"{left_alone(event.left)}"
            )
        case e.ApplyFinished():
            yield Words(
                f"{record.at}: {many(event.verified, 'path')} compared afresh after it."
                f"{left_alone(event.left)}"
            )
        case e.Merged():
            yield Words(
                f"{record.at}: merged into {branch(event.target)} as {event.commit}, onto "
                f"{event.onto}. {_kept(event.transaction)}"
            )
        case e.RollbackRequested():
            end = " and to end the run" if event.close else ""
            out = f"; only our part of {', '.join(event.take_out)}" if event.take_out else ""
            yield Words(
                f"{record.at}: {event.by} asked to take back phase {event.phase} and all after "
                f"it{end}{out}."
            )
        case e.RolledBack():
            yield Words(f"{record.at}: {_rolled_back(event)}")
        case e.UndoRequested():
            yield Words(f"{record.at}: {event.by} asked to undo the rollback.")
        case e.Undone():
            commit = f" as {event.commit}" if event.commit else ""
            told = f"{many(event.restored, 'file')} restored, {event.deleted:,} deleted"
            yield Words(
                f"{record.at}: the rollback was undone{commit}: {told}, {event.verified:,} "
                f"compared afresh.{left_alone(event.left)} "
                f"{_kept(event.transaction if event.verified else '')}"
            )
        case e.RunClosed():
            yield Words(f"{record.at}: {event.by} ended the run: {event.ending}.")
        case _:
            pass


def _rolled_back(event: e.RolledBack) -> str:
    what = ", ".join(map(str, event.phases))
    commit = f", as commit {event.commit}" if event.commit else ""
    told = f"{many(event.restored, 'file')} restored, {event.deleted:,} deleted"
    taken = f" Of {', '.join(event.taken_out)} only our part went." if event.taken_out else ""
    return (
        f"phases {what} were rolled back: {told}, {event.verified:,} compared "
        f"afresh{commit}.{taken}{left_alone(event.left)} "
        f"{_kept(event.transaction if event.verified else '')}"
    )


def _kept(transaction: str) -> str:
    if not transaction:
        return "Only the branch moved, no file was written."
    return f"What it replaced is kept as backups/{transaction}."


def allowed(records: Sequence[Record]) -> Iterator[Block]:
    """Yield what people allowed beyond the plan: agents, limits, checks, what agents asked."""
    asked: dict[str, str] = {}
    rows: list[tuple[str, ...]] = []
    for record in records:
        event = record.event
        match event:
            case e.AgentAdmitted():
                rows.append((record.at, event.by, f"the agent {event.agent}", str(event.needs)))
            case e.BudgetRaised():
                whose = "the run" if event.scope == "run" else f"phase {event.phase}"
                rows.append((record.at, event.by, f"the limit of {whose}", limit(event)))
            case e.Overridden():
                what = f"phase {event.phase} in spite of {event.check}"
                rows.append((record.at, event.by, what, event.reason))
            case e.PermissionAsked():
                asked[event.permission] = event.title or event.kind
            case e.PermissionAnswered() if event.allowed:
                what = f"what the agent asked in phase {event.phase}"
                rows.append((record.at, event.by, what, asked.get(event.permission, "")))
            case _:
                pass
    if rows:
        yield Heading(2, "Allowed by people")
        yield Rows(("when", "by", "what", "how far, or why"), tuple(rows))


def usage(view: RunView) -> Iterator[Block]:
    """Yield what a model was asked, and the limits it had to keep; nothing where none was."""
    if view.spent == Spent():
        return
    yield Heading(2, "Used")
    rows = [
        (f"phase {phase.number}", *spent(phase.spent)) for phase in view.phases if phase.spent.turns
    ]
    yield Rows(
        ("", "requests", "tokens", "cost", "seconds"), (*rows, ("the run", *spent(view.spent)))
    )
    for number in range(1, len(view.phases) + 1):
        for item in view.limits(number):
            if item.scope == "phase" or number == 1:
                where = f"Phase {number}" if item.scope == "phase" else "The run"
                yield Words(f"{where} had {item}.")


def mishaps(records: Sequence[Record]) -> Iterator[Block]:
    """Yield what failed, was interrupted or was recovered."""
    found = [row for record in records for row in _mishap(record)]
    if found:
        yield Heading(2, "What went wrong")
        yield Rows(("when", "what", "what was left", "what to do"), tuple(found))


def _mishap(record: Record) -> Iterator[tuple[str, ...]]:
    event = record.event
    if isinstance(event, e.StepFailed):
        yield record.at, f"{event.step} failed: {event.error}", event.untouched, event.cure
    elif isinstance(event, e.Paused):
        said = f"{event.step} was interrupted by {event.by}"
        yield record.at, said, f"{event.detail}{left_alone(event.left)}", ""
    elif isinstance(event, e.Recovered):
        backup = f" Backup: {event.backup}." if event.backup else ""
        what = f"{event.purpose or 'a transaction'} {event.transaction}"
        said = f"a crash was recovered: {what} {event.direction}"
        yield record.at, said, f"{event.detail}{backup}{left_alone(event.left)}", event.cure
    elif isinstance(event, e.JournalRecovered):
        said = f"half a line of the journal, {event.bytes_cut} bytes, was cut off after a crash"
        yield record.at, said, "", ""


def let_go(records: Sequence[Record]) -> Iterator[Block]:
    """Yield what is no longer beside the journal."""
    rows = [
        (record.at, record.event.by, gone.name, gone.sha256)
        for record in records
        if isinstance(record.event, e.LetGo)
        for gone in record.event.items
    ]
    if rows:
        yield Heading(2, "Let go since")
        yield Rows(("when", "by", "what", "SHA-256"), tuple(rows))
