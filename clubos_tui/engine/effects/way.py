"""Find out what a rollback or its undoing would do. Reads only; the same for preview and deed.

Before the merge, the way back is that of the stage's transactions. After it, the way is a merge
of three trees: the branch as it is now, with what leads from the merged tree to the one before.
So commits of the person's on top keep their lines, and a conflict is refused as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from clubos_tui.apply.record import Folders, Record, read_record
from clubos_tui.apply.reverse import Reverse, reverse
from clubos_tui.apply.standing import standing
from clubos_tui.changes.manifest import TreeId, Write, writes
from clubos_tui.disk import AS_REPLACED, Found, NotAFile, exists, read_path
from clubos_tui.engine.effects.asked import NO_FILE, Asked, ask_about, require_possible
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import Status
from clubos_tui.engine.table import rolled_back_with
from clubos_tui.errors import Failed, InTheWay, Refused
from clubos_tui.events import CommitId, Left, Merged, RolledBack, Undone
from clubos_tui.repository import refs
from clubos_tui.repository.discover import require_calm
from clubos_tui.repository.three_way import merge_trees


@dataclass(frozen=True, slots=True)
class Way:
    """What would be written, where the bytes come from, and what would be left alone."""

    phases: tuple[int, ...]
    rows: tuple[Write, ...]  # as the stage, or branch and index, see them
    back: Reverse
    left: tuple[Left, ...] = ()
    asked: tuple[Asked, ...] = ()
    merged: dict[str, bytes] = field(default_factory=dict)  # edits without our part
    head: CommitId = CommitId("")  # of the target branch; empty before the merge

    def content(self, session: Session, row: Write) -> Found:
        """Return the bytes to put at a path: as merged, from the vault, or from the tree."""
        assert row.after
        assert row.wanted
        if row.path in self.merged:
            return Found(row.wanted.mode, self.merged[row.path], AS_REPLACED)
        if self.back.holds(row):
            return self.back.content(row)
        return Found(row.after.mode, session.workshop.objects.blob(row.after.blob), AS_REPLACED)


def plan_rollback(session: Session, run: Run, phase: int, take_out: tuple[str, ...] = ()) -> Way:
    """Find out what taking ``phase`` and the later ones back would do."""
    view = run.view
    phases = tuple(item.number for item in rolled_back_with(view, phase))
    merged = view.merge.merged
    if merged is None or view.ending != "merged":
        names = [view.phase(number).transaction for number in phases]
        before = view.predecessor(phase)
        old = before.change_set if before else view.started.base_tree
        trees = (view.phase(phases[-1]).change_set, old) if phases else (old, old)
        back = _recorded(session, names, trees)
        return _on_stage(session, run, phases, back, take_out)
    workshop = session.workshop
    records, left = _since_merge(session, run)
    standing_phases = [item.number for item in view.phases if item.state is not Status.ROLLED_BACK]
    before = view.predecessor(phase)
    if phase == 1 and not left and len(standing_phases) == len(view.phases):
        base, old = merged.tree, workshop.tree_of(merged.onto)
    else:
        last = view.phases[-1].change_set
        ours = workshop.files(last)
        base = workshop.build(
            view.phases[phases[-1] - 1].change_set, {path: ours.get(path) for path in left}, {}
        )
        old = before.change_set if before else view.started.base_tree
    back = Reverse((), {}, _folders(session, merged.transaction))
    if phase == 1 and records is not None:
        back = reverse(records)
    return _on_branch(session, run, phases, (base, TreeId(old)), back, take_out)


def plan_undo(session: Session, run: Run) -> Way:
    """Find out what undoing the last rollback would do."""
    rollback = run.view.rollback
    assert rollback
    if not rollback.commit:
        last = run.view.last_on_stage()
        now = last.change_set if last else run.view.started.base_tree
        again = run.view.phase(rollback.phases[-1]).change_set
        back = _recorded(session, [rollback.transaction], (now, again))
        return _on_stage(session, run, rollback.phases, back, ())
    back = Reverse((), {}, Folders(()))
    if exists(session.paths.transaction(rollback.transaction)):
        back = reverse([record_of(session, rollback.transaction)])
    workshop = session.workshop
    parent = refs.read_ref(session.repository, f"{rollback.commit}^")
    trees = workshop.tree_of(rollback.commit), workshop.tree_of(parent)
    return _on_branch(session, run, rollback.phases, trees, back, ())


# --- before the merge ---------------------------------------------------------------------------


def _on_stage(
    session: Session, run: Run, phases: tuple[int, ...], back: Reverse, take_out: tuple[str, ...]
) -> Way:
    way = Way(phases, back.writes, back)
    if session.branches and not exists(session.paths.stage(run.id)):
        return way  # laid out anew before anything is written
    return _around_edits(session, session.paths.stage(run.id), way, way.rows, take_out)


def _recorded(session: Session, transactions: list[str], trees: tuple[TreeId, TreeId]) -> Reverse:
    """Return the way back by records; by trees where another machine wrote and kept them."""
    paths = [session.paths.transaction(name) for name in transactions]
    if session.branches and not all(map(exists, paths)):
        return Reverse(writes(session.workshop.changes(*trees)), {}, Folders(()))
    return reverse([record_of(session, name) for name in transactions])


# --- after the merge ----------------------------------------------------------------------------


def _on_branch(
    session: Session,
    run: Run,
    phases: tuple[int, ...],
    trees: tuple[TreeId, TreeId],
    back: Reverse,
    take_out: tuple[str, ...],
) -> Way:
    """Merge the branch as it is with what leads from the first of ``trees`` to the second."""
    target, workshop = run.view.started.target, session.workshop
    require_calm(session.repository)
    head = _head_on_top(session, run)
    now = workshop.tree_of(head)
    merged = merge_trees(workshop, trees[0], now, trees[1])
    if merged.conflicts:
        raise _conflict(merged.conflicts, run)
    rows = writes(workshop.changes(now, merged.tree))
    way = Way(phases, rows, back, head=head)
    if not session.checkout.follows(target):
        require_possible({}, take_out)
        return way
    shown = session.checkout.require_free(rows).writes
    return _around_edits(session, session.repository.root, way, shown, take_out)


def _head_on_top(session: Session, run: Run) -> CommitId:
    """Return the target's commit; refuse where it no longer holds what was merged."""
    view = run.view
    head = refs.read_ref(session.repository, view.started.target)
    ours = view.rollback.commit if view.rollback else ""
    base = ours or (view.merge.merged.commit if view.merge.merged else "")
    if not head or not refs.is_ancestor(session.repository, base, head):
        raise Refused(
            "the branch no longer holds what was merged; its history was rewritten",
            untouched="Nothing was touched.",
            cure="The phase branches still hold every phase; use them with git.",
        )
    return head


def _conflict(paths: tuple[str, ...], run: Run) -> InTheWay:
    error = InTheWay(paths, "commits made since change the same lines of these files")
    merged, rollback = run.view.merge.merged, run.view.rollback
    revert = f"git revert -m 1 {merged.commit}" if merged else ""
    if rollback and rollback.commit:
        revert = f"git revert {rollback.commit}"
    error.cure = f"Put those lines back as they were and commit, or do it by hand: {revert}"
    return error


def _since_merge(session: Session, run: Run) -> tuple[list[Record] | None, set[str]]:
    """Return the records of all that wrote the checkout from the merge on, oldest first.

    ``None`` where one is missing, because another branch was checked out and only the ref moved.
    With it go the paths that rollbacks still in force have left alone: they are ours as yet.
    """
    records: list[Record] | None = []
    left: list[tuple[Left, ...]] = []
    # A journal of its own: this runs beside the loop, which goes on reading the run's.
    for item in run.journal.again().load():
        event = item.event
        if not isinstance(event, Merged) and not (
            isinstance(event, RolledBack | Undone) and event.commit
        ):
            continue
        if isinstance(event, RolledBack):
            left.append(event.left)
        elif isinstance(event, Undone):
            left.pop()
        if not event.transaction or not exists(session.paths.transaction(event.transaction)):
            records = None
        elif records is not None:
            records.append(record_of(session, event.transaction))
    return records, {item.path for items in left for item in items}


def _folders(session: Session, transaction: str) -> Folders:
    if not transaction or not exists(session.paths.transaction(transaction)):
        return Folders(())
    last = record_of(session, transaction).last
    return Folders(last.made, last.modes)


def record_of(session: Session, transaction: str) -> Record:
    """Return a transaction's record; without it there is no way back."""
    record = read_record(session.paths.transaction(transaction))
    if record is None:
        raise Failed(
            f"the record of {transaction} is missing",
            untouched="Nothing was touched.",
            cure="The phase branches still hold every phase; use them with git.",
        )
    return record


# --- what was edited since ----------------------------------------------------------------------


def _around_edits(
    session: Session, root: str, way: Way, shown: tuple[Write, ...], take_out: tuple[str, ...]
) -> Way:
    """Leave out what is not as we last wrote it, but for the paths chosen in ``take_out``.

    ``shown`` are the rows that have a file, in the form it has there.
    """
    form = session.repository.object_format
    left: dict[str, Left] = {}
    asked: dict[str, Asked] = {}
    forms: dict[str, Write] = {}
    ours = {row.path: row for row in way.back.writes}
    gone = {row.path for row in way.rows if row.after is None}
    for row in shown:
        found = _look(root, row.path, gone)
        written = ours.get(row.path)
        if written and _is_same(written, row) and standing(found, written, form) == "before":
            forms[row.path] = written  # to the very form that lay there
            continue
        if standing(found, row, form) == "before":
            continue
        left[row.path] = Left(row.path, "changed since")
        item = ask_about(session, row, found, lambda row: way.content(session, row))
        if item:
            asked[row.path] = item
    require_possible(asked, take_out)
    for path in take_out:
        del left[path]
        taken = asked[path].write
        forms[path] = Write(path, None, None, taken.before, taken.after)
    return replace(
        way,
        rows=tuple(_in_form(row, forms) for row in way.rows if row.path not in left),
        left=tuple(left[path] for path in sorted(left)),
        asked=tuple(asked[path] for path in sorted(asked)),
        merged={path: asked[path].merged for path in take_out},
    )


def _is_same(one: Write, other: Write) -> bool:
    return (one.before, one.after) == (other.before, other.after)


def _in_form(row: Write, forms: dict[str, Write]) -> Write:
    """Return ``row`` with what lies on disk before and after it, where that is known."""
    form = forms.get(row.path)
    if form is None:
        return row
    return replace(row, disk_before=form.expected, disk_after=form.wanted)


def _look(root: str, path: str, gone: set[str]) -> Found | None:
    """Return what lies at a path; nothing where only files that go away stand in its place."""
    try:
        return read_path(root, path)
    except (NotADirectoryError, NotAFile):
        parts = path.split("/")
        if any("/".join(parts[:depth]) in gone for depth in range(1, len(parts))):
            return None
        return None if any(other.startswith(path + "/") for other in gone) else NO_FILE
