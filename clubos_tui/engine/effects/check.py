"""Gather evidence about a tree: every check of the phase, and for a proposal the rehearsal."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import ANY_FOLDER, Folders, Intent, Record
from clubos_tui.apply.reverse import reverse
from clubos_tui.apply.standing import entry_of
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import GITLINK, Change, Entry, Write, writes
from clubos_tui.checks import BOXED, Subject, run
from clubos_tui.checks.base import Verdict
from clubos_tui.disk import AS_REPLACED, Found, Root
from clubos_tui.engine.decide import CloseCheckpoint, RunChecks
from clubos_tui.engine.effects.context import Context
from clubos_tui.errors import ClubosError
from clubos_tui.events import (
    CheckFinished,
    ChecksFinished,
    CheckStarted,
    Event,
    Left,
    Rehearsed,
    Unvalidated,
    Validated,
)
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import ReadAhead
from clubos_tui.workspace.export import export, remove

PROTECTED = "protected paths"


async def run_checks(context: Context, step: RunChecks) -> None:
    """Run every check on the tree; then say whether its gate is open."""
    phase = context.view.phase(step.phase)
    specs = _specs(context, step)
    subject = await context.in_thread(lambda: _subject(context, step))
    events: list[Event] = []
    for spec in specs:
        if found := _known(context, step, spec):
            events.append(found)
            continue
        if spec.kind in BOXED:
            begun = CheckStarted(step.phase, step.scope, step.tree, spec.name)
            context.say(begun, durable=False)
        began = time.monotonic()
        ended = await context.in_thread(lambda spec=spec: run(spec, subject))  # type: ignore[misc]
        events.append(_finished(step, spec, ended, round((time.monotonic() - began) * 1000)))
    if not specs:
        nothing = Verdict("unknown", "the plan has no check for this phase")
        events.append(_finished(step, CheckSpec("checkpoint", "paths"), nothing, 0))
    if step.scope == "proposal":
        rehearsed = await context.in_thread(lambda: rehearse(context, step.phase, phase.manifest))
        events.append(rehearsed)
    open_gate = all(
        event.outcome == "passed" or not event.required
        for event in events
        if isinstance(event, CheckFinished)
    )
    # One durable write for all of it: half a checkpoint is not a checkpoint.
    context.say(*events, ChecksFinished(step.phase, step.scope, step.tree, open_gate))
    if step.scope == "merge":
        await context.in_thread(lambda: remove(subject.folder))


def _known(context: Context, step: RunChecks, spec: CheckSpec) -> CheckFinished | None:
    """Return what a command came to on the proposal, which was a copy of this very tree too."""
    found = context.view.checks.get(("proposal", step.tree), {}).get(spec.name)
    if step.scope != "stage" or spec.kind not in BOXED or found is None:
        return None
    return dataclasses.replace(found, scope="stage") if found.outcome == "passed" else None


def _specs(context: Context, step: RunChecks) -> list[CheckSpec]:
    plan = context.view.plan
    if step.scope == "merge":
        specs = [
            dataclasses.replace(spec, name=f"{number}: {spec.name}")
            for number, phase in enumerate(plan.phase, 1)
            for spec in phase.check
        ]
        protected = plan.protected
    else:
        specs = list(plan.phase[step.phase - 1].check)
        protected = plan.protected_in(step.phase)
    if protected:
        specs.append(CheckSpec(PROTECTED, "protected"))
    return specs


def _subject(context: Context, step: RunChecks) -> Subject:
    view, workshop = context.view, context.session.workshop
    phase = view.phase(step.phase)
    files = workshop.files(step.tree)
    base = workshop.files(phase.base)
    manifest: tuple[Change, ...] = phase.manifest
    hidden: frozenset[str] = frozenset()
    protected = view.plan.protected_in(step.phase)
    if step.scope == "stage":
        folder = context.session.paths.stage(context.run.id)
    elif step.scope == "proposal":
        context.workspace.bring(step.tree, context.look)
        folder, hidden = context.workspace.folder, frozenset(context.workspace.hidden)
    else:
        folder = os.path.join(context.session.paths.scratch, f"merge-{context.run.id}")
        remove(folder)
        export(workshop, files, folder)
        base = workshop.files(view.started.base_tree)
        manifest = workshop.changes(view.started.base_tree, step.tree)
        protected = view.plan.protected
    return Subject(
        folder, files, base, manifest, protected, hidden, workshop.object_format,
        copy=lambda: context.bench(step.tree), stop=context.stop,
    )  # fmt: skip


def _finished(step: RunChecks, spec: CheckSpec, ended: Verdict, milliseconds: int) -> CheckFinished:
    return CheckFinished(
        phase=step.phase,
        scope=step.scope,
        tree=step.tree,
        check=spec.name,
        outcome="not run" if ended.outcome == "unknown" and spec.if_available else ended.outcome,
        required=not spec.if_available,
        summary=ended.summary,
        evidence=ended.evidence,
        tool=ended.tool,
        cases=ended.cases,
        milliseconds=milliseconds,
    )


def rehearse(context: Context, number: int, manifest: tuple[Change, ...]) -> Rehearsed:
    """Apply the change set in a scratch folder, roll it back, and compare with before.

    Only the touched paths are laid out, by the very code that will write the stage.
    """
    began = time.monotonic()
    paths, workshop = context.session.paths, context.session.workshop
    phase = context.view.phase(number)
    name = f"rehearsal-{context.run.id}-{number}"
    scratch = os.path.join(paths.scratch, name)
    folder = os.path.join(scratch, "tree")
    rows = writes(manifest)
    before = {row.path: row.before for row in rows if row.before}
    remove(scratch)
    detail = ""
    try:
        os.makedirs(folder)
        export(workshop, before, folder)
        applied, left = _rehearse_one(
            scratch, "apply", rows, workshop.object_format, workshop_content(context, rows)
        )
        back = reverse([applied])
        if left:
            detail = "the applied files differ from the approved ones"
        _rehearse_one(
            scratch, "back", back.writes, workshop.object_format, Hooks(back.content),
            back.folders,
        )  # fmt: skip
        if not detail and _held(folder, rows, workshop.object_format) != before:
            detail = "the files differ after the rollback"
    except (ClubosError, OSError) as error:
        detail = str(error)
    finally:
        remove(scratch)
    return Rehearsed(
        number,
        phase.change_set,
        not detail,
        len(rows),
        detail,
        round((time.monotonic() - began) * 1000),
    )


def _rehearse_one(
    scratch: str,
    name: str,
    rows: tuple[Write, ...],
    object_format: str,
    hooks: Hooks,
    folders: Folders = ANY_FOLDER,
) -> tuple[Record, tuple[Left, ...]]:
    """Run a transaction; return its record and what it found to be other than it wrote."""
    intent = Intent(
        id=name,
        place="stage",
        purpose="execute" if name == "apply" else "rollback",
        phase=0,
        root=os.path.join(scratch, "tree"),
        staging=os.path.join(scratch, f"staging-{name}"),
        vault=os.path.join(scratch, f"vault-{name}"),
        writes=rows,
        object_format=object_format,
        folders=folders,
    )
    transaction = Transaction(
        Record.begin(os.path.join(scratch, f"{name}.jsonl"), intent, durable=False), hooks
    )
    transaction.prepare(on_mismatch="refuse")
    transaction.commit()
    transaction.switch()
    return transaction.record, transaction.finish().left


def _held(folder: str, rows: tuple[Write, ...], object_format: str) -> Mapping[str, Entry]:
    held = {}
    with Root(folder, keep=True) as root:
        for row in rows:
            try:
                entry = entry_of(root.read(row.path), object_format)
            except OSError:  # a folder or a file stands where the other was: nothing of ours
                continue
            if entry:
                held[row.path] = entry
    return held


def workshop_content(context: Context, rows: tuple[Write, ...]) -> Hooks:
    """Return hooks that take contents from the approved tree's blobs."""
    blobs = [row.after.blob for row in rows if row.after and row.after.mode != GITLINK]
    ahead = ReadAhead(context.session.workshop.objects, blobs)

    def content(write: Write) -> Found:
        assert write.after
        return Found(write.after.mode, ahead.blob(write.after.blob), AS_REPLACED)

    return Hooks(content, cancelled=context.stop.is_set)


async def close_checkpoint(context: Context, step: CloseCheckpoint) -> None:
    """Say whether the phase is validated."""
    phase = context.view.phase(step.phase)
    closed = context.view.closed_checks("stage", phase.change_set)
    if closed:
        names = tuple(check.check for check in closed)
        context.say(Unvalidated(step.phase, phase.change_set, names))
    else:
        context.say(Validated(step.phase, phase.change_set))
