"""Gather evidence about a tree: every check of the phase, and for a proposal the rehearsal."""

from __future__ import annotations

import os

from clubos_tui.changes.manifest import Change, TreeId
from clubos_tui.checks import Subject
from clubos_tui.checks.guard import guard_of
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.decide import CloseCheckpoint, RunChecks
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.gather import Gathering
from clubos_tui.engine.effects.rehearse import rehearse
from clubos_tui.engine.state import RunView
from clubos_tui.events import CheckFinished, ChecksFinished, Event, Unvalidated, Validated
from clubos_tui.workspace.export import export, remove

__all__ = ["close_checkpoint", "run_checks"]


async def run_checks(context: Context, step: RunChecks) -> None:
    """Run the checks that were asked for on a tree, and say whether its gate is open."""
    specs = specs_of(context.view.plan, step.phase, step.scope)
    specs = [spec for spec in specs if not step.only or spec.name in step.only]
    subject = await context.in_thread(lambda: _subject(context, step))
    gathering = Gathering(context, step, subject)
    known, rest = await context.in_thread(lambda: gathering.known(specs))
    if begun := gathering.begun(rest):
        context.say(*begun, durable=False)
    found = known | await context.in_thread(lambda: gathering.gather(rest))
    # In the plan's order, whichever ended first.
    events: list[Event] = [found[spec.name] for spec in specs]
    events += [] if events else [gathering.nothing()]
    if step.scope == "proposal" and not step.only:
        phase = context.view.phase(step.phase)
        events.append(
            await context.in_thread(lambda: rehearse(context, step.phase, phase.manifest))
        )
    shut = _shut(context.view, step, found)
    events.append(ChecksFinished(step.phase, step.scope, step.tree, not shut and bool(found)))
    # One durable write for all of it: half a checkpoint is not a checkpoint.
    context.say(*events)
    if _is_laid_out(context.view, step):
        await context.in_thread(lambda: remove(subject.folder))


def _shut(view: RunView, step: RunChecks, found: dict[str, CheckFinished]) -> tuple[str, ...]:
    """Return the checks that keep the gate shut, those that were not asked for again included."""
    others = view.closed_checks(step.scope, step.tree) if step.only else ()
    return (
        *(check.check for check in others if check.check not in found),
        *(name for name, check in found.items() if check.required and check.outcome != "passed"),
    )


def _is_laid_out(view: RunView, step: RunChecks) -> bool:
    """Tell whether a merged tree lies in a folder of its own; else it is the stage's."""
    prepared = view.merge.prepared
    return step.scope == "merge" and prepared is not None and prepared.moved


def _subject(context: Context, step: RunChecks) -> Subject:
    view, workshop = context.view, context.session.workshop
    phase = view.phase(step.phase)
    files = workshop.files(step.tree)
    base: TreeId = phase.base
    manifest: tuple[Change, ...] = phase.manifest
    hidden: frozenset[str] = frozenset()
    protected = view.plan.protected_in(step.phase)
    folder = context.session.paths.stage(context.run.id)
    if step.scope == "proposal":
        context.workspace.bring(step.tree, context.look)
        folder, hidden = context.workspace.folder, frozenset(context.workspace.hidden)
    elif step.scope == "merge":
        if _is_laid_out(view, step):
            folder = os.path.join(context.session.paths.scratch, f"merge-{context.run.id}")
            remove(folder)
            export(workshop, files, folder)
        base = view.started.base_tree
        manifest = workshop.changes(base, step.tree)
        protected = view.plan.protected
    return Subject(
        folder, files, workshop.files(base), manifest, protected, guard_of(view.plan), hidden,
        context.session.repository.root, workshop.object_format,
        before=lambda path: workshop.content(base, path),
        copy=lambda: context.bench(step.tree), stop=context.stop,
    )  # fmt: skip


async def close_checkpoint(context: Context, step: CloseCheckpoint) -> None:
    """Say whether the phase is validated."""
    phase = context.view.phase(step.phase)
    closed = context.view.closed_checks("stage", phase.change_set)
    if closed:
        names = tuple(check.check for check in closed)
        context.say(Unvalidated(step.phase, phase.change_set, names))
    else:
        context.say(Validated(step.phase, phase.change_set))
