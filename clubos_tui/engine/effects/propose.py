"""A dry run: lay out a workspace, let the agent act in it, find what it changed.

Nothing here writes outside the state folder (P1).
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import replace

from clubos_tui.agents import require
from clubos_tui.agents.base import Notice, encode
from clubos_tui.agents.needs import needs_of
from clubos_tui.apply.on_disk import refuse_foreign
from clubos_tui.changes.manifest import (
    Change,
    Entry,
    TreeId,
    change,
    kind_of,
    path_bytes,
    writes,
)
from clubos_tui.changes.paths import collision, fold
from clubos_tui.disk import NotAFile, Root
from clubos_tui.engine.decide import FinishAttempt, RunAction, StartAttempt
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.converse import Ended, converse
from clubos_tui.engine.effects.denials import Denials
from clubos_tui.engine.effects.manifests import between, contents
from clubos_tui.engine.effects.replace import carry
from clubos_tui.engine.state import PhaseView, RunView
from clubos_tui.errors import AgentFailed, HostilePath, InTheWay, NeedsPerson, Refused, exit_code
from clubos_tui.events import (
    ActionFinished,
    ActionHeld,
    ActionStarted,
    AttemptStarted,
    ProposalFailed,
    Proposed,
    ProposedNothing,
)
from clubos_tui.streams import StreamWriter
from clubos_tui.workspace.scan import Scan

# What an agent can make of its own files: without permissions, and deeper than a path can say.
_UNREADABLE = frozenset({errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP})
_SHOWN = 200  # characters of a path that no error has to be longer for
NAMED = 100  # paths of what is left behind that an event names; all of them are counted


async def start_attempt(context: Context, step: StartAttempt) -> None:
    """Choose the base and lay out the workspace."""
    view, phase = context.view, context.view.phase(step.phase)
    base = view.base_of(step.phase)
    if base is None:
        raise Refused(
            f"phase {step.phase} has nothing to build on any more",
            untouched="Nothing was written.",
            cure="Propose the phase before it first.",
        )
    attempt = phase.attempt + 1
    rejection = phase.rejection
    # The rejection stands until a proposal answers it, however often an attempt is interrupted.
    seed = rejection.change_set if rejection and phase.base == base else base
    name = view.agent_of(step.phase)
    require(name, context.session.agents)
    _require_admitted(view, name, step.phase)
    await context.end_agents()  # first: they have the same folder
    workspace = context.workspace
    await context.in_thread(context.session.workshop.fold_packs)
    await context.in_thread(lambda: workspace.bring(seed, context.look))
    context.say(
        AttemptStarted(
            step.phase, attempt, base, seed, name, workspace.folder, workspace.hidden
        )
    )  # fmt: skip


def _require_admitted(view: RunView, agent: str, phase: int) -> None:
    """Give an agent nothing of this machine that a person has not said yes to."""
    needs = needs_of(agent, view.plan, phase)
    if not view.admits(agent, needs):
        raise NeedsPerson(
            f"the agent {agent} needs {needs}, and nobody has said yes to that in this run",
            untouched="It was not started.",
            cure="Say yes in the dashboard, or with: clubos run --admit",
        )


async def run_action(context: Context, step: RunAction) -> None:
    """Give one prompt to the agent, stream what it says, scan what it did."""
    phase = context.view.phase(step.phase)
    workspace = context.workspace
    # What a crash cut short is mended here: half of an action is not evidence of anything.
    # What the actions before it left behind stays: their installed packages are not to be missed.
    await context.in_thread(lambda: workspace.bring(phase.tree, context.look, keep=True))
    workspace.hand_over()
    starts = phase.action(step.action).starts
    # What a model has said stays; what is said anew goes to a stream of its own.
    again = f"-{starts + 1}" if starts and phase.turns else ""
    name = f"{step.phase}-{phase.attempt}-{step.action}{again}.jsonl"
    path = context.session.paths.stream(context.run.id, name)
    context.say(ActionStarted(step.phase, phase.attempt, step.action, path), durable=False)
    began = time.monotonic()
    writer, refused = StreamWriter(path), Denials()
    try:
        ended = await converse(context, phase, step.action, writer, refused)
        if ended.turn.reason == "end_turn":
            tree, changes = await context.in_thread(lambda: _measure(context, phase, step.action))
        elif ended.permission or (ended.turn.reason == "held" and (ended.limit or phase.turns)):
            await context.end_agents()
            context.say(replace(_held(phase, step.action, ended), refused=refused.lines))
            return
        else:
            turn = ended.turn
            raise AgentFailed(
                turn.error or f"the agent stopped: {turn.reason}",
                untouched="Nothing outside the workspace was written.",
                cure=turn.cure or f"Look at the log, then propose phase {step.phase} again.",
            )
    except asyncio.CancelledError:
        await context.end_agents()  # what it has in mind is no longer what is in the workspace
        raise
    except (AgentFailed, HostilePath) as error:
        failed = Notice(error.message, "error")
        writer.write(*encode(failed), time=time.monotonic())
        context.say(
            ActionFinished(
                step.phase, phase.attempt, step.action, "failed", phase.tree,
                error=error.message, stream_sha256=writer.close(),
                milliseconds=_since(began), refused=refused.lines,
            ),
            ProposalFailed(
                step.phase, phase.attempt, step.action, error.message, error.cure, exit_code(error)
            ),
        )  # fmt: skip
        await context.end_agents()
        return
    finally:
        stream_sha256 = writer.close()
    context.say(
        ActionFinished(
            step.phase, phase.attempt, step.action, "success", tree, result=ended.turn.summary,
            changes=changes, stream_sha256=stream_sha256, milliseconds=_since(began),
            refused=refused.lines,
            left_behind=workspace.left[:NAMED], left_count=len(workspace.left),
        )
    )  # fmt: skip


def _held(phase: PhaseView, action: str, ended: Ended) -> ActionHeld:
    turn, limit = ended.turn, ended.limit
    if asked := ended.permission:
        return ActionHeld(
            phase.number, phase.attempt, action, f"the agent asks: {asked.title or asked.kind}",
            "Answer it, then go on: the action begins anew, and hears your answer.",
            code=exit_code(NeedsPerson("")), permission=asked.id,
        )  # fmt: skip
    code = exit_code(NeedsPerson("")) if limit else 1
    return ActionHeld(
        phase.number, phase.attempt, action, turn.error, turn.cure, limit, code
    )  # fmt: skip


def _measure(
    context: Context, phase: PhaseView, action_id: str
) -> tuple[TreeId, tuple[Change, ...]]:
    workshop, workspace = context.session.workshop, context.workspace
    try:
        found = workspace.scan(context.look)
    except OSError as error:
        if error.errno not in _UNREADABLE or not isinstance(error.filename, str | bytes):
            raise
        path = os.path.relpath(os.fsdecode(error.filename), workspace.folder)
        short = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
        raise HostilePath(short, f"it can't be read: {os.strerror(error.errno)}") from error
    tree = phase.tree
    rows: list[Change] = []
    if found.puts:
        tree = workshop.build(phase.tree, found.puts, found.blobs)
        rows = _rows(context, workshop.files(phase.tree), found, action_id)
    workspace.settle(tree)
    return tree, tuple(rows)


def _rows(
    context: Context, before: Mapping[str, Entry], found: Scan, action_id: str
) -> list[Change]:
    rows = []
    paths = sorted(found.puts, key=path_bytes)
    replaced = [before.get(path) if found.puts[path] else None for path in paths]
    for path, old in zip(paths, contents(context, replaced), strict=True):
        was, now = before.get(path), found.puts[path]
        new = found.blobs[now.blob] if now else b""
        rows.append(change(path, was, now, kind_of(was, now, old=old, new=new), action_id))
    return rows


async def finish_attempt(context: Context, step: FinishAttempt) -> None:
    """Turn the actions' changes into the phase's manifest, or say that there are none."""
    phase = context.view.phase(step.phase)
    await context.end_agents()
    last = {row.path: row for action in phase.actions for row in action.changes}
    manifest = await context.in_thread(lambda: between(context, phase.base, phase.tree, last))
    if not manifest:
        context.say(ProposedNothing(step.phase, phase.attempt))
        return
    clash = _collision(context, phase, manifest)
    if clash:
        context.say(ProposalFailed(step.phase, phase.attempt, "", clash, "Rename one of them.", 7))
        return
    foreign = await context.in_thread(lambda: _foreign(context, phase, manifest))
    if foreign:
        cure = "Tell the agent to leave them alone, and change them with git."
        context.say(ProposalFailed(step.phase, phase.attempt, "", foreign, cure, 7))
        return
    paths = [row.path for row in manifest] + [row.old_path for row in manifest if row.old_path]
    checkout = await context.in_thread(lambda: fingerprints(context.session.repository.root, paths))
    still = await context.in_thread(
        lambda: carry(context, phase.base, phase.before, phase.judged, phase.tree)
    )
    context.say(
        Proposed(step.phase, phase.attempt, phase.base, phase.tree, manifest, checkout, still)
    )


def _foreign(context: Context, phase: PhaseView, manifest: tuple[Change, ...]) -> str | None:
    """Say which files only another program may write: those of a filter, a submodule."""
    session = context.session
    base = session.workshop.files(phase.base)
    scratch = session.paths.scratch
    try:
        refuse_foreign(session.repository, session.workshop, writes(manifest), base.get, scratch)
    except InTheWay as error:
        return error.message
    return None


def _collision(context: Context, phase: PhaseView, manifest: tuple[Change, ...]) -> str | None:
    new = {row.path for row in manifest if row.before is None or row.old_path}
    near = set(context.session.workshop.files(phase.tree).alike(new, fold))
    clash = collision([*sorted(near - new), *sorted(new)])
    if clash and new.intersection(clash):
        return f"{clash[0]!r} and {clash[1]!r} are one file on a case-insensitive disk"
    return None


def fingerprints(root: str, paths: list[str]) -> dict[str, str]:
    """Return the SHA-256 of what lies at each path of the checkout now; reads only."""
    out = {}
    with Root(root, keep=True) as opened:
        for path in paths:
            try:
                found = opened.read(path)
            except (NotADirectoryError, NotAFile):
                out[path] = "not a file"
                continue
            if found:
                content = found.mode.encode() + b"\0" + found.data
                out[path] = hashlib.sha256(content).hexdigest()
    return out


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
