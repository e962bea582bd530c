"""Take phases back, and take that back.

Before the merge the stage is rewound from its backups. After it a revert commit goes on top of
the branch, and the checkout follows. Either way a path that is not as we last wrote it is left
alone and listed (P4), and the rollback is itself an operation that can be undone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import Purpose, Record, read_record
from clubos_tui.apply.reverse import Reverse, reverse
from clubos_tui.apply.standing import standing
from clubos_tui.changes.manifest import TreeId, Write, changes_between, writes
from clubos_tui.disk import AS_REPLACED, Found, NotAFile, read_path
from clubos_tui.engine.decide import RollBack, Undo
from clubos_tui.engine.effects.context import Context, exists
from clubos_tui.engine.effects.execute import audit_head, on_stage, trailer
from clubos_tui.engine.effects.merge import Proposal, commit_to_target, done_by
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.table import rolled_back_with
from clubos_tui.errors import Failed, Refused
from clubos_tui.events import (
    ApplyStarted,
    CommitId,
    Event,
    Left,
    Merged,
    RolledBack,
    RunClosed,
    Undone,
)
from clubos_tui.journal import Journal
from clubos_tui.repository import refs
from clubos_tui.repository.index import Index


@dataclass(frozen=True, slots=True)
class Way:
    """What a rollback would do: the writes, their sources, and what it would leave alone."""

    phases: tuple[int, ...]
    rows: tuple[Write, ...]
    left: tuple[Left, ...]
    back: Reverse
    head: CommitId = CommitId("")  # of the target branch; empty before the merge


def plan_rollback(session: Session, run: Run, phase: int) -> Way:
    """Find out what taking ``phase`` and the later ones back would do. Reads only."""
    view = run.view
    phases = tuple(item.number for item in rolled_back_with(view, phase))
    merged = view.merge.merged
    if merged is None or view.ending != "merged":
        executed = [_record(session, view.phase(number).transaction) for number in phases]
        back = reverse(executed)
        stage = session.paths.stage(run.id)
        left = _changed_since(stage, back.writes, session.repository.object_format)
        return Way(phases, back.writes, left, back)
    workshop = session.workshop
    before = view.predecessor(phase)
    old = before.change_set if before else view.started.base_tree
    last = view.phases[phases[-1] - 1].change_set
    records = _since_merge(session, run) if phase == 1 else None
    if records:
        back = reverse(records)
    else:
        rows = writes(changes_between(workshop.files(last), workshop.files(old)))
        back = Reverse(rows, {}, _made_folders(session, merged.transaction))
    way = _on_branch(session, run, phases, back)
    named = {row.path for row in back.writes} | {item.path for item in way.left}
    # What a merge left to the person's own file is theirs on disk, and still said.
    kept = [item for record in records or () for item in record.last.left]
    return replace(way, left=(*way.left, *(item for item in kept if item.path not in named)))


def plan_undo(session: Session, run: Run) -> Way:
    """Find out what undoing the last rollback would do. Reads only."""
    rollback = run.view.rollback
    assert rollback
    if not rollback.commit:
        back = reverse([_record(session, rollback.transaction)])
        stage = session.paths.stage(run.id)
        left = _changed_since(stage, back.writes, session.repository.object_format)
        return Way(rollback.phases, back.writes, left, back)
    if exists(session.paths.transaction(rollback.transaction)):
        back = reverse([_record(session, rollback.transaction)])
    else:
        workshop = session.workshop
        tree = workshop.tree_of(rollback.commit)
        _, data = workshop.objects.read(rollback.commit)
        parent = data.split(b"\nparent ", 1)[1].split(b"\n", 1)[0].decode()
        rows = writes(
            changes_between(workshop.files(tree), workshop.files(workshop.tree_of(parent)))
        )
        back = Reverse(rows, {}, ())
    return _on_branch(session, run, rollback.phases, back)


def _on_branch(session: Session, run: Run, phases: tuple[int, ...], back: Reverse) -> Way:
    target = run.view.started.target
    head = refs.read_ref(session.repository, target)
    ours = run.view.rollback.commit if run.view.rollback else ""
    base = ours or (run.view.merge.merged.commit if run.view.merge.merged else "")
    if not head or not refs.is_ancestor(session.repository, base, head):
        raise Refused(
            "the branch no longer holds what was merged; its history was rewritten",
            untouched="Nothing was touched.",
            cure="The phase branches still hold every phase; use them with git.",
        )
    files = session.workshop.files(session.workshop.tree_of(head))
    left = {row.path: Left(row.path, "not ours") for row in back.writes
            if files.get(row.path) != row.before}  # fmt: skip
    if session.checkout.follows(target):
        index = session.checkout.index()
        on_disk = session.checkout.rows(back.writes, index).writes
        changed = _changed_since(session.repository.root, on_disk, session.repository.object_format)
        left = {**{item.path: item for item in changed}, **left}
        left = {**_index_changed(index, back.writes), **left}
    rows = tuple(row for row in back.writes if row.path not in left)
    return Way(phases, rows, tuple(left[path] for path in sorted(left)), back, head)


def _index_changed(index: Index, rows: tuple[Write, ...]) -> dict[str, Left]:
    return {
        row.path: Left(row.path, "index changed")
        for row in rows
        if index.entries.get(row.path, []) != ([row.before] if row.before else [])
    }


def _changed_since(root: str, rows: tuple[Write, ...], object_format: str) -> tuple[Left, ...]:
    left = []
    gone = {row.path for row in rows if row.after is None}
    for row in rows:
        try:
            found = read_path(root, row.path)
        except (NotADirectoryError, NotAFile):
            above = row.path.split("/")
            if any("/".join(above[:depth]) in gone for depth in range(1, len(above))):
                continue  # our own file makes room for this one
            if any(path.startswith(row.path + "/") for path in gone):
                continue
            found = Found("?", b"")
        if standing(found, row, object_format) != "before":
            left.append(Left(row.path, "changed since"))
    return tuple(left)


def _record(session: Session, transaction: str) -> Record:
    record = read_record(session.paths.transaction(transaction))
    if record is None:
        raise Failed(
            f"the record of {transaction} is missing",
            untouched="Nothing was touched.",
            cure="The phase branches still hold every phase; use them with git.",
        )
    return record


def _since_merge(session: Session, run: Run) -> list[Record] | None:
    """Return the records of all that wrote the checkout from the merge on, oldest first.

    ``None`` where one is missing, because another branch was checked out and only the ref moved.
    """
    out: list[Record] = []
    # A journal of its own: this runs beside the loop, which goes on reading the run's.
    for item in Journal(run.journal.folder).load():
        event = item.event
        if isinstance(event, Merged) or (isinstance(event, RolledBack | Undone) and event.commit):
            if not event.transaction or not exists(session.paths.transaction(event.transaction)):
                return None
            out.append(_record(session, event.transaction))
    return out


def _made_folders(session: Session, transaction: str) -> tuple[str, ...]:
    if transaction and exists(session.paths.transaction(transaction)):
        return _record(session, transaction).last.made
    return ()


async def roll_back(context: Context, step: RollBack) -> None:
    """Take phases back; with ``close`` the run ends."""
    closing: tuple[Event, ...] = ()
    phases = rolled_back_with(context.view, step.phase)
    if step.close:
        ending = "rolled back" if phases else "abandoned"
        closing = (RunClosed(ending, done_by(context)),)  # type: ignore[arg-type]
    if not phases:
        context.say(*closing)
        return
    way = await context.in_thread(lambda: plan_rollback(context.session, context.run, step.phase))
    did = await _perform(context, way, "rollback", step.phase)
    if context.view.ending == "merged" and step.phase == 1:
        closing = (RunClosed("rolled back", done_by(context)),)
    context.say(
        RolledBack(
            step.phase, way.phases, did.transaction, did.restored, did.deleted, did.left, did.commit
        ),
        *closing,
    )


async def undo(context: Context, _step: Undo) -> None:
    """Take the last rollback back."""
    way = await context.in_thread(lambda: plan_undo(context.session, context.run))
    did = await _perform(context, way, "undo", way.phases[0])
    context.say(Undone(way.phases, did.transaction, did.restored, did.left, did.commit))


@dataclass(frozen=True, slots=True)
class Did:
    """What was done."""

    transaction: str
    restored: int
    deleted: int
    left: tuple[Left, ...]
    commit: CommitId = CommitId("")


async def _perform(context: Context, way: Way, purpose: Purpose, phase: int) -> Did:
    already = _done_before_a_crash(context, purpose)
    if already:
        return already
    if not way.rows:
        raise Refused(
            "every file it would take back was changed since, so there is nothing to do",
            untouched="Nothing was touched.",
            cure="Look at the files named in the preview.",
        )
    transaction = context.transaction_id(phase, purpose)
    place = "checkout" if way.head else "stage"
    context.say(ApplyStarted(phase, transaction, place, purpose, len(way.rows)))  # type: ignore[arg-type]
    hooks = Hooks(lambda row: _content(context, way.back, row))
    if not way.head:
        result = await context.in_thread(
            lambda: on_stage(
                context, transaction, purpose, way.rows, phase, hooks=hooks,
                removable=way.back.removable,
            ),
            stands=True,
        )  # fmt: skip
        return Did(transaction, result.restored, result.deleted, result.left)
    proposal = await context.in_thread(lambda: _proposal(context, way, purpose, transaction))
    moved = await context.in_thread(lambda: commit_to_target(context, proposal, hooks), stands=True)
    restored = sum(row.after is not None for row in way.rows)
    deleted = len(way.rows) - restored
    left = way.left
    if moved.result:
        restored, deleted = moved.result.restored, moved.result.deleted
        left = (*left, *moved.result.left)
    return Did(transaction, restored, deleted, left, moved.commit)


def _proposal(context: Context, way: Way, purpose: Purpose, transaction: str) -> Proposal:
    workshop = context.session.workshop
    puts = {row.path: row.after for row in way.rows}
    tree: TreeId = workshop.build(workshop.tree_of(way.head), puts, {})
    phases = ", ".join(map(str, way.phases))
    verb = "Revert" if purpose == "rollback" else "Restore"
    trailers = [
        trailer("ClubOS-Run", context.run.id),
        trailer("ClubOS-Change-Set", tree),
        trailer("ClubOS-Transaction", transaction),
        trailer("Requested-by", done_by(context)),
        audit_head(context),
    ]
    message = "\n".join([f"{verb} {context.view.plan.name}: phases {phases}", "", *trailers, ""])
    return Proposal(transaction, purpose, tree, (way.head,), message, way.rows, way.back.removable)


def _content(context: Context, back: Reverse, row: Write) -> Found:
    """Return the bytes to put back: from the vault, else from the tree that held them."""
    if row.path in back.sources:
        return back.content(row)
    assert row.after
    blob = context.session.workshop.objects.blob(row.after.blob)
    return Found(row.after.mode, blob, AS_REPLACED)


def _done_before_a_crash(context: Context, purpose: Purpose) -> Did | None:
    started = context.view.applying
    if started is None or started.purpose != purpose:
        return None
    path = context.session.paths.transaction(started.transaction)
    record = read_record(path) if exists(path) else None
    if record is None:
        return _moved_before_a_crash(context, started)
    if record.last.state != "done":
        return None
    left = {item.path for item in record.last.left}
    rows = [row for row in record.intent.writes if row.path not in left]
    restored = sum(row.after is not None for row in rows)
    commit = CommitId(record.intent.ref.new) if record.intent.ref else CommitId("")
    return Did(started.transaction, restored, len(rows) - restored, record.last.left, commit)


def _moved_before_a_crash(context: Context, started: ApplyStarted) -> Did | None:
    """Find the commit of an operation that moved only the ref; its trailer names it."""
    session, view = context.session, context.view
    commit = refs.find_commit(
        session.repository,
        view.started.target,
        trailer("ClubOS-Transaction", started.transaction),
        since=view.started.base_commit,
    )
    if not commit:
        return None
    workshop = session.workshop
    parent = refs.read_ref(session.repository, f"{commit}^")
    rows = changes_between(
        workshop.files(workshop.tree_of(parent)), workshop.files(workshop.tree_of(commit))
    )
    restored = sum(row.after is not None for row in rows)
    return Did(started.transaction, restored, len(rows) - restored, (), commit)
