"""``advance``: load the journal, decide, perform one idempotent step, append its events.

Nothing else moves a run. A step that fails appends why; the run then waits for a person. One
whose transaction was past its commit does not fail: it is finished here, or by the next start.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from typing import Any

from clubos_tui.apply.record import ENDED, read_record, unfinished
from clubos_tui.apply.recover import recover
from clubos_tui.disk import exists
from clubos_tui.engine import decide as steps
from clubos_tui.engine.decide import Wait, decide
from clubos_tui.engine.effects import check, execute, merge, propose, replace, rollback
from clubos_tui.engine.effects.context import Context
from clubos_tui.errors import ClubosError, CutShort, Failed, exit_code
from clubos_tui.events import Recovered, StepFailed

_EFFECTS: dict[type, Callable[[Context, Any], Awaitable[None]]] = {
    steps.StartAttempt: propose.start_attempt,
    steps.RunAction: propose.run_action,
    steps.FinishAttempt: propose.finish_attempt,
    steps.Seal: replace.seal,
    steps.TakeEdit: replace.take_edit,
    steps.RunChecks: check.run_checks,
    steps.CloseCheckpoint: check.close_checkpoint,
    steps.ApproveByPlan: execute.approve_by_plan,
    steps.ApplyToStage: execute.apply_to_stage,
    steps.PublishBranch: execute.publish_branch,
    steps.PrepareMerge: merge.prepare_merge,
    steps.Merge: merge.merge,
    steps.RollBack: rollback.roll_back,
    steps.Undo: rollback.undo,
}


async def advance(context: Context) -> Wait | None:
    """Perform the next step; return what is waited for where there is none."""
    context.run.refresh()
    step = decide(context.view)
    if isinstance(step, Wait):
        return step
    was_done = _is_done(context)
    try:
        await _EFFECTS[type(step)](context, step)
    except CutShort:
        raise
    except (ClubosError, OSError) as error:
        failure = _translated(error) if isinstance(error, OSError) else error
        if was_done:  # a second time nothing is left to do but to record it
            raise _cut_short(failure) from error
        await _settle(context)
        if not _is_done(context):
            _failed(context, step, failure)
    return None


async def _settle(context: Context) -> None:
    """Finish or undo what the error left open, by the rules for what a crash leaves."""
    session = context.session

    def work() -> list[Recovered]:
        open_ones = unfinished(session.paths.transactions)
        found = [(record, recover(record, session.checkout)) for record in open_ones]
        # One that is still open is settled, and told of, by the next start.
        return [item for record, item in found if record.last.state in ENDED]

    try:
        found = await context.in_thread(work, stands=True)
    except (ClubosError, OSError) as error:
        raise _cut_short(error) from error
    for item in found:
        context.say(item)


def _is_done(context: Context) -> bool:
    """Tell whether the transaction under way has been carried out, recorded or not."""
    applying = context.view.applying
    if applying is None:
        return False
    names = (applying.transaction, f"{applying.transaction}{merge.ALONE}")
    paths = [context.session.paths.transaction(name) for name in names]
    records = [read_record(path) for path in paths if exists(path)]
    return any(record is not None and record.last.state == "done" for record in records)


def _cut_short(error: ClubosError | OSError) -> CutShort:
    return CutShort(
        f"the step was cut short: {error}",
        untouched="What it replaces is in the backups.",
        cure="Mend what the message says, then start clubos again: it finishes or undoes the step.",
    )


def name_of(step: steps.Step) -> str:
    """Return a step's name for people and logs: ``ApplyToStage`` is ``apply to stage``."""
    name = type(step).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


def _failed(context: Context, step: steps.Step, error: ClubosError) -> None:
    context.say(
        StepFailed(
            name_of(step),
            getattr(step, "phase", 0),
            error.message,
            error.untouched,
            error.cure,
            exit_code(error),
        )
    )


def _translated(error: OSError) -> Failed:
    what = error.strerror or str(error)
    name = f" ({error.filename!s})" if error.filename else ""
    cure = {
        errno.ENOSPC: "Free some space, then ask for the step again.",
        errno.EDQUOT: "Your disk quota is used up; free some space, then ask again.",
        errno.EACCES: "Give yourself write access there, then ask again.",
        errno.EROFS: "The file system is read-only; make it writable, then ask again.",
    }.get(error.errno or 0, "Mend what the message says, then ask for the step again.")
    return Failed(f"{what}{name}", untouched="The step was undone.", cure=cure)
