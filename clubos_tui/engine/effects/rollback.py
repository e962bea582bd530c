"""Take phases back, and take that back.

Before the merge the stage is rewound from its backups. After it a revert commit goes on top of
the branch, and the checkout follows. Either way a path that is not as we last wrote it is left
alone and listed, unless the person chose to have only our part taken out of it (P4); and the
rollback is itself an operation that can be undone.
"""

from __future__ import annotations

from dataclasses import dataclass

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import Purpose, read_record
from clubos_tui.changes.manifest import TreeId
from clubos_tui.disk import exists
from clubos_tui.engine.decide import RollBack, Undo
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.execute import audit_head, on_stage, trailer
from clubos_tui.engine.effects.merge import Proposal, commit_to_target, done_by
from clubos_tui.engine.effects.way import Way, plan_rollback, plan_undo
from clubos_tui.engine.table import rolled_back_with
from clubos_tui.errors import Refused
from clubos_tui.events import ApplyStarted, CommitId, Event, Left, RolledBack, RunClosed, Undone
from clubos_tui.repository import refs


async def roll_back(context: Context, step: RollBack) -> None:
    """Take phases back; with ``close`` the run ends."""
    closing: tuple[Event, ...] = ()
    phases = tuple(phase.number for phase in rolled_back_with(context.view, step.phase))
    if step.close:
        ending = "rolled back" if phases else "abandoned"
        closing = (RunClosed(ending, done_by(context)),)  # type: ignore[arg-type]
    if not phases:
        context.say(*closing)
        return
    did = _done_before_a_crash(context, "rollback")
    if did is None:
        way = await context.in_thread(
            lambda: plan_rollback(context.session, context.run, step.phase, step.take_out)
        )
        did = await _perform(context, way, "rollback", step.phase)
    if context.view.ending == "merged" and step.phase == 1:
        closing = (RunClosed("rolled back", done_by(context)),)
    context.say(
        RolledBack(
            step.phase, phases, did.transaction, did.restored, did.deleted, did.left, did.commit,
            did.verified, did.taken_out,
        ),
        *closing,
    )  # fmt: skip


async def undo(context: Context, _step: Undo) -> None:
    """Take the last rollback back."""
    rollback = context.view.rollback
    assert rollback, "BUG: an undo without a rollback"
    did = _done_before_a_crash(context, "undo")
    if did is None:
        way = await context.in_thread(lambda: plan_undo(context.session, context.run))
        did = await _perform(context, way, "undo", rollback.phases[0])
    context.say(
        Undone(
            rollback.phases, did.transaction, did.restored, did.left, did.commit, did.deleted,
            did.verified,
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Did:
    """What was done."""

    transaction: str
    restored: int
    deleted: int
    left: tuple[Left, ...]
    commit: CommitId = CommitId("")
    verified: int = 0
    taken_out: tuple[str, ...] = ()


async def _perform(context: Context, way: Way, purpose: Purpose, phase: int) -> Did:
    if not way.rows:
        raise Refused(
            "every file it would take back was changed since, so there is nothing to do",
            untouched="Nothing was touched.",
            cure="Look at the files named in the preview.",
        )
    transaction = context.transaction_id(phase, purpose)
    place = "checkout" if way.head else "stage"
    rows = way.rows
    # With what is left alone: after a crash the disk no longer tells it from what was taken back.
    context.say(ApplyStarted(phase, transaction, place, purpose, len(rows), way.left))  # type: ignore[arg-type]
    hooks = Hooks(lambda row: way.content(context.session, row))
    taken_out = tuple(sorted(way.merged))
    if not way.head:
        result = await context.in_thread(
            lambda: on_stage(
                context, transaction, purpose, rows, phase, hooks=hooks,
                folders=way.back.folders,
            ),
            stands=True,
        )  # fmt: skip
        left = _both(way.left, result.left)
        return Did(
            transaction, result.restored, result.deleted, left, verified=result.verified,
            taken_out=taken_out,
        )  # fmt: skip
    proposal = await context.in_thread(lambda: _proposal(context, way, purpose, transaction))
    moved = await context.in_thread(lambda: commit_to_target(context, proposal, hooks), stands=True)
    if moved.result is None:
        restored = sum(row.after is not None for row in way.rows)
        deleted = len(way.rows) - restored
        return Did(transaction, restored, deleted, way.left, moved.commit)
    result = moved.result
    left = _both(way.left, result.left)
    return Did(
        transaction, result.restored, result.deleted, left, moved.commit, result.verified, taken_out
    )


def _both(planned: tuple[Left, ...], met: tuple[Left, ...]) -> tuple[Left, ...]:
    """Return what was left by plan and what was left because it changed in the meantime."""
    return tuple({item.path: item for item in (*planned, *met)}.values())


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
    return Proposal(transaction, purpose, tree, (way.head,), message, way.rows, way.back.folders)


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
    said = _both(started.left, record.last.left)
    return Did(
        started.transaction, restored, len(rows) - restored, said, commit, len(rows),
        getattr(context.view.queue[0], "take_out", ()),
    )  # fmt: skip


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
    rows = workshop.changes(workshop.tree_of(parent), workshop.tree_of(commit))
    restored = sum(row.after is not None for row in rows)
    return Did(started.transaction, restored, len(rows) - restored, started.left, commit)
