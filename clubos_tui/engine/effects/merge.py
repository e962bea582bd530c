"""Merge what is validated into the branch the run started from, and bring the checkout along.

``commit_to_target`` is the one way a commit of ours reaches that branch; reverts use it too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from clubos_tui.apply.hooks import Hooks, Result
from clubos_tui.apply.on_disk import Rows
from clubos_tui.apply.record import (
    ANY_FOLDER,
    Folders,
    Intent,
    Purpose,
    Record,
    RefMove,
    read_record,
)
from clubos_tui.changes.manifest import TreeId, Write, writes
from clubos_tui.disk import exists
from clubos_tui.engine.approvers import of_merge
from clubos_tui.engine.decide import Merge, PrepareMerge
from clubos_tui.engine.effects.context import Context, time_of
from clubos_tui.engine.effects.execute import audit_head, objects_of, trailer, watched
from clubos_tui.engine.effects.rehearse import workshop_content
from clubos_tui.errors import Refused, Stale
from clubos_tui.events import (
    ApplyFinished,
    ApplyStarted,
    CommitId,
    Event,
    Merged,
    MergePrepared,
    RunClosed,
)
from clubos_tui.repository import refs
from clubos_tui.repository.discover import identity, require_calm
from clubos_tui.repository.forms import require_not_elsewhere
from clubos_tui.repository.index import index_path
from clubos_tui.repository.workshop import CommitSpec

ALONE = "-alone"  # ends the id of a transaction's record where only the ref moves


async def prepare_merge(context: Context, _step: PrepareMerge) -> None:
    """Find the tree that the merge would make; a new one where the target moved meanwhile."""
    context.say(await context.in_thread(lambda: _prepare(context)))


def _prepare(context: Context) -> MergePrepared:
    view, workshop = context.view, context.session.workshop
    last = view.last_on_stage()
    assert last, "BUG: a merge without a validated phase"
    onto = refs.read_ref(context.session.repository, view.started.target)
    if not onto:
        raise Stale(
            f"branch {view.started.target.removeprefix('refs/heads/')} is gone",
            untouched="Nothing was merged.",
            cure="Make the branch again, or merge the last phase branch yourself.",
        )
    if onto == view.started.base_commit:
        return MergePrepared(onto, last.change_set, moved=False)
    if refs.is_ancestor(context.session.repository, last.commit, onto):
        raise Refused(
            "the target branch already holds the last phase",
            untouched="Nothing was merged.",
            cure="It was merged by someone else; end the run with `clubos rollback --run`.",
        )
    tree = workshop.merge(onto, last.commit)
    manifest = workshop.changes(workshop.tree_of(onto), tree, "merge")
    return MergePrepared(onto, tree, moved=True, manifest=manifest)


async def merge(context: Context, _step: Merge) -> None:
    """Make the merge commit and move branch, files and index to it."""
    view = context.view
    prepared, last = view.merge.prepared, view.last_on_stage()
    assert prepared
    assert last
    target = view.started.target
    done = await context.in_thread(lambda: _merged_before_a_crash(context, last.commit))
    if done:
        context.say(done, RunClosed("merged", done_by(context)))
        return
    transaction = context.transaction_id(0, "merge")
    workshop = context.session.workshop
    old_tree = workshop.tree_of(prepared.onto)
    rows = writes(workshop.changes(old_tree, prepared.tree))
    context.say(ApplyStarted(0, transaction, "checkout", "merge", len(rows)))
    proposal = Proposal(
        transaction,
        "merge",
        prepared.tree,
        (prepared.onto, last.commit),
        _merge_message(context),
        rows,
    )
    moved = await context.in_thread(
        lambda: commit_to_target(context, proposal, workshop_content(context, rows)), stands=True
    )
    finished: tuple[Event, ...] = ()
    if moved.result:
        result = moved.result
        finished = (ApplyFinished(0, transaction, result.verified, result.left),)
    context.say(
        *finished,
        Merged(
            target,
            prepared.onto,
            moved.commit,
            prepared.tree,
            transaction if moved.result else "",
        ),
        RunClosed("merged", done_by(context)),
    )


def _merged_before_a_crash(context: Context, last: CommitId) -> Merged | None:
    """Return the merge that was finished by recovery, or that moved only the ref."""
    started, prepared = context.view.applying, context.view.merge.prepared
    if started is None or started.purpose != "merge" or prepared is None:
        return None
    path = context.session.paths.transaction(started.transaction)
    record = read_record(path) if exists(path) else None
    target = context.view.started.target
    if record and record.intent.ref and record.last.state == "done":
        return Merged(
            target, prepared.onto, CommitId(record.intent.ref.new), prepared.tree,
            started.transaction,
        )  # fmt: skip
    # By its trailer, as the person may have committed on top of it since.
    present = refs.find_commit(
        context.session.repository, target, trailer("ClubOS-Run", context.run.id),
        since=prepared.onto,
    )  # fmt: skip
    if record is None and present not in {"", last}:
        return Merged(target, prepared.onto, present, prepared.tree)
    return None


def done_by(context: Context) -> str:
    """Return who asked for the step under way."""
    queue = context.view.queue
    return str(getattr(queue[0], "by", context.view.started.by)) if queue else ""


def _merge_message(context: Context) -> str:
    view = context.view
    prepared = view.merge.prepared
    assert prepared
    lines = [f"Merge {view.plan.name}: {len(view.phases)} phases", ""]
    for phase in view.phases:
        detail = f"{phase.counts} · {phase.branch}" if phase.branch else "nothing to change"
        lines.append(f"- {phase.number} {phase.spec.name}: {detail}")
    trailers = [
        trailer("ClubOS-Run", context.run.id),
        trailer("ClubOS-Change-Set", prepared.tree),
        trailer("Merged-by", done_by(context)),
        *(trailer("Approved-by", who) for who in of_merge(view).yes),
        audit_head(context),
    ]
    return "\n".join([*lines, "", *trailers, ""])


@dataclass(frozen=True, slots=True)
class Proposal:
    """A commit that is to become the head of the target branch, and the files that go with it."""

    transaction: str
    purpose: Purpose
    tree: TreeId
    parents: tuple[CommitId, ...]  # the first is where the branch must be now
    message: str
    rows: tuple[Write, ...]
    folders: Folders = ANY_FOLDER


@dataclass(frozen=True, slots=True)
class Moved:
    """The commit, and what was done to the checkout; ``None`` where only the ref moved."""

    commit: CommitId
    result: Result | None


def commit_to_target(context: Context, proposal: Proposal, hooks: Hooks) -> Moved:
    """Make the commit, move the target branch, and the checkout if it follows the branch."""
    session = context.session
    target = context.view.started.target
    onto = proposal.parents[0]
    follows = session.checkout.follows(target)
    require_not_elsewhere(session.repository, target)
    rows = Rows(proposal.rows)
    if follows:
        rows = session.checkout.require_free(proposal.rows)
    else:
        require_calm(session.repository)
    commit = session.workshop.commit(
        CommitSpec(
            proposal.tree,
            proposal.parents,
            proposal.message,
            identity(session.repository),
            time_of(proposal.transaction)[1],
        )
    )
    objects = objects_of(context, commit, proposal.tree, session.workshop.tree_of(onto))
    with refs.published(session.repository, objects):
        intent = Intent(
            id=proposal.transaction,
            place="checkout",
            purpose=proposal.purpose,
            phase=0,
            root=session.repository.root,
            staging=session.checkout.staging(proposal.transaction),
            vault=session.paths.vault(proposal.transaction),
            writes=rows.writes,
            index_only=rows.index_only,
            object_format=session.repository.object_format,
            ref=RefMove(target, onto, commit),
            index=index_path(session.repository),
            folders=proposal.folders,
        )
        if not follows:
            alone = replace(intent, id=f"{intent.id}{ALONE}", writes=(), index_only=(), vault="")
            record = Record.begin(session.paths.transaction(alone.id), alone)
            session.checkout.move_alone(record)
            return Moved(commit, None)
        with context.moves(proposal.transaction) as moves:
            record = Record.begin(session.paths.transaction(proposal.transaction), intent)
            result = session.checkout.apply(record, watched(rows.hooks(hooks), moves, context))
        return Moved(commit, result)
