"""Execute an approved phase: the stage first, then its commit and branch.

The commit's tree is the approved change set and nothing else (P2). Where the branch can't be
made, the stage is taken back, so that a failed phase leaves both as they were.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from clubos_tui.apply.hooks import Hooks, Result
from clubos_tui.apply.record import ANY_FOLDER, Folders, Intent, Purpose, Record, read_record
from clubos_tui.apply.reverse import reverse
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import TreeId, Write, writes
from clubos_tui.disk import exists
from clubos_tui.engine.approvers import of_phase
from clubos_tui.engine.decide import ApplyToStage, ApproveByPlan, PublishBranch
from clubos_tui.engine.effects.context import Context, Moves, time_of
from clubos_tui.engine.effects.rehearse import workshop_content
from clubos_tui.engine.run import approval
from clubos_tui.engine.state import PhaseView, RunView, Status
from clubos_tui.errors import ClubosError, CutShort, Failed
from clubos_tui.events import ApplyFinished, ApplyStarted, CommitId, Executed, RunId
from clubos_tui.repository import refs
from clubos_tui.repository.discover import identity
from clubos_tui.repository.forms import require_room
from clubos_tui.repository.objects import NewObject
from clubos_tui.repository.workshop import CommitSpec
from clubos_tui.workspace.layout import Layout

BRANCH_PREFIX = "autogen/"
_BACK = "-back-"  # in the id of the transaction that takes an execution back


async def approve_by_plan(context: Context, step: ApproveByPlan) -> None:
    """Record that the plan asks for no approval of this phase."""
    phase = context.view.phase(step.phase)
    context.say(approval(phase, context.view, context.view.started.by, "plan"))


async def apply_to_stage(context: Context, step: ApplyToStage) -> None:
    """Write the approved change set into the stage as one transaction."""
    phase = context.view.phase(step.phase)
    done = _already_done(context, phase)
    if done:
        verified = len(done.intent.writes) - len(done.last.left)
        context.say(ApplyFinished(step.phase, done.intent.id, verified, done.last.left))
        return
    transaction = context.transaction_id(step.phase, "execute")
    rows = writes(phase.manifest)
    await context.in_thread(lambda: require_room(context.session.repository, BRANCH_PREFIX))
    await context.in_thread(lambda: ready_stage(context))
    context.say(ApplyStarted(step.phase, transaction, "stage", "execute", len(rows)))
    result = await context.in_thread(
        lambda: on_stage(context, transaction, "execute", rows, step.phase), stands=True
    )
    context.say(ApplyFinished(step.phase, transaction, result.verified, result.left))


def _already_done(context: Context, phase: PhaseView) -> Record | None:
    path = context.session.paths.transaction(phase.transaction) if phase.transaction else ""
    record = read_record(path) if path and exists(path) else None
    return record if record and record.last.state == "done" else None


def ready_stage(context: Context) -> None:
    """Lay out the stage with what was executed so far, unless it is there."""
    stage = context.session.paths.stage(context.run.id)
    if exists(stage):
        return
    part = Layout(f"{stage}.part", context.session.workshop, hide=False)
    _take_over_a_closed_run(context, part)
    part.bring(_tree_on_stage(context.view), context.look)
    part.become(stage)


def _take_over_a_closed_run(context: Context, part: Layout) -> None:
    """Use the stage of a run that is over, unless somebody worked in it."""
    paths = context.session.paths
    for name in sorted(os.listdir(paths.stages) if exists(paths.stages) else ()):
        if exists(part.folder) or not exists(paths.run(name)):
            continue
        try:
            view = context.session.run(RunId(name)).view
        except ClubosError:  # a damaged journal does not say that the run is over
            continue
        if view.ending is None:
            continue
        for tree in trees_of_stage(view):
            if part.take_over(paths.stage(name), tree):
                break


def trees_of_stage(view: RunView) -> list[TreeId]:
    """Return the trees of which the stage of a run that is over holds one."""
    # A rollback before the merge rewinds the stage, one after it does not.
    both = dict.fromkeys((_tree_on_stage(view), view.phases[-1].change_set))
    return [tree for tree in both if tree]


def _tree_on_stage(view: RunView) -> TreeId:
    """Return the tree that a run's stage holds."""
    last = view.last_on_stage()
    for phase in view.phases:
        if phase.state is Status.EXECUTING and phase.staged:
            last = phase
    return last.change_set if last else view.started.base_tree


def on_stage(
    context: Context,
    transaction: str,
    purpose: Purpose,
    rows: tuple[Write, ...],
    phase: int,
    *,
    hooks: Hooks | None = None,
    folders: Folders = ANY_FOLDER,
) -> Result:
    """Run one transaction on the stage; a rollback leaves alone what is not as we wrote it."""
    paths = context.session.paths
    intent = Intent(
        id=transaction,
        place="stage",
        purpose=purpose,
        phase=phase,
        root=paths.stage(context.run.id),
        staging=paths.staging(transaction),
        vault=paths.vault(transaction),
        writes=rows,
        object_format=context.session.repository.object_format,
        folders=folders,
    )
    os.makedirs(os.path.dirname(intent.staging), mode=0o700, exist_ok=True)
    with context.moves(transaction) as moves:
        work = Transaction(
            Record.begin(paths.transaction(transaction), intent),
            watched(hooks or workshop_content(context, rows), moves, context),
        )
        work.prepare(on_mismatch="refuse" if purpose == "execute" else "leave")
        work.commit()
        try:
            work.switch()
        except ClubosError:
            work.abandon()
            raise
        return work.finish()


def watched(hooks: Hooks, moves: Moves, context: Context) -> Hooks:
    """Return ``hooks`` that also tell whoever watches, and stop when asked."""
    return Hooks(
        hooks.content,
        moved=moves,
        verified=moves.verified,
        step=hooks.step,
        cancelled=context.stop.is_set,
    )


async def publish_branch(context: Context, step: PublishBranch) -> None:
    """Make the phase's commit and branch; on failure take the stage back."""
    phase = context.view.phase(step.phase)
    with _settled_by_the_next_start():
        taken_back = _was_taken_back(context, phase)
    if taken_back:
        raise Failed(
            "the phase's branch could not be made, and its stage was taken back",
            untouched="The stage is as it was before, and no branch was moved.",
            cure="Execute the phase again.",
        )
    try:
        branch, commit = await context.in_thread(lambda: _publish(context, phase), stands=True)
    except (ClubosError, OSError):
        with _settled_by_the_next_start():
            await context.in_thread(lambda: _take_back(context, phase))
        raise
    context.say(Executed(step.phase, phase.change_set, branch, commit, phase.transaction))


@contextmanager
def _settled_by_the_next_start() -> Iterator[None]:
    """Call nothing failed while the stage may hold the phase: the step is taken up again."""
    try:
        yield
    except (ClubosError, OSError) as error:
        raise CutShort(
            f"the phase has no branch yet, and its stage could not be taken back: {error}",
            untouched="No branch was made; the approved files are on the stage.",
            cure="Mend what the message says, then start clubos again: it goes on from there.",
        ) from error


def _publish(context: Context, phase: PhaseView) -> tuple[str, CommitId]:
    session, view = context.session, context.view
    name = f"{BRANCH_PREFIX}phase-{phase.number}-{time_of(phase.transaction)[0]}"
    for again in itertools.count(1):  # two executions may fall into the same second
        branch = name if again == 1 else f"{name}-{again}"
        present = refs.read_ref(session.repository, f"refs/heads/{branch}")
        if not present:
            break
        if trailer("ClubOS-Transaction", phase.transaction) in _message(context, present):
            return branch, present  # made before a crash
    before = view.predecessor(phase.number)
    parent = before.commit if before else view.started.base_commit
    spec = CommitSpec(
        phase.change_set,
        (parent,),
        _phase_message(context, phase),
        identity(session.repository),
        time_of(phase.transaction)[1],
    )
    commit = session.workshop.commit(spec)
    with refs.published(
        session.repository, objects_of(context, commit, phase.change_set, phase.base)
    ):
        refs.create_branch(session.repository, branch, commit)
    return branch, commit


def objects_of(context: Context, commit: CommitId, tree: TreeId, base: TreeId) -> list[NewObject]:
    """Return what the person's store needs so that a ref may hold ``commit``.

    That is its own objects, and those of earlier phases where the person deleted a branch and
    git has thrown its commits away since.
    """
    session = context.session
    lost = [
        (phase.commit, phase.change_set, phase.base)
        for phase in context.view.phases
        if phase.commit and not refs.read_ref(session.repository, phase.commit)
    ]
    out: list[NewObject] = []
    for item, its_tree, its_base in [*lost, (commit, tree, base)]:
        out += session.workshop.new_objects(its_tree, its_base)
        out.append(NewObject("commit", item, session.workshop.objects.read(item)[1]))
    return out


def _phase_message(context: Context, phase: PhaseView) -> str:
    approved = phase.approval
    assert approved, "BUG: an executed phase without an approval"
    by_plan = " (by plan)" if approved.how == "plan" else ""
    lines = [f"Phase {phase.number}: {phase.spec.name}", ""]
    if phase.spec.description:
        lines += [phase.spec.description, ""]
    lines += [f"- {action.name}" for action in phase.spec.action]
    trailers = [
        trailer("ClubOS-Run", context.run.id),
        trailer("ClubOS-Phase", str(phase.number)),
        trailer("ClubOS-Change-Set", phase.change_set),
        trailer("ClubOS-Transaction", phase.transaction),
        *(trailer("Approved-by", f"{who}{by_plan}") for who in of_phase(phase).yes),
        trailer("Assisted-by", phase.agent),
        audit_head(context),
    ]
    return "\n".join([*lines, "", *trailers, ""])


def trailer(key: str, value: str) -> str:
    """Return one trailer line; a value can't start another line."""
    return f"{key}: {' '.join(value.split())}"


def audit_head(context: Context) -> str:
    """Return the trailer that anchors the journal's head in git (P9)."""
    return trailer("Audit-Head", context.run.journal.anchor)


def _message(context: Context, commit: str) -> str:
    _, data = context.session.workshop.objects.read(commit)
    return data.split(b"\n\n", 1)[-1].decode("utf-8", "replace")


def _was_taken_back(context: Context, phase: PhaseView) -> bool:
    """Tell whether a crash fell between taking the stage back and saying so."""
    folder = context.session.paths.transactions
    records = [
        read_record(os.path.join(folder, name))
        for name in (os.listdir(folder) if exists(folder) else ())
        if name.startswith(f"{phase.transaction}{_BACK}")
    ]
    return any(record is not None and record.last.state == "done" for record in records)


def _take_back(context: Context, phase: PhaseView) -> None:
    record = read_record(context.session.paths.transaction(phase.transaction))
    if record is None and context.session.branches:
        return  # another machine's stage, which is gone with it
    assert record, "BUG: a staged phase without its record"
    back = reverse([record])
    on_stage(
        context,
        f"{phase.transaction}{_BACK}{secrets.token_hex(3)}",  # so that a crash does not hide it
        "rollback",
        back.writes,
        phase.number,
        hooks=Hooks(back.content),
        folders=back.folders,
    )
