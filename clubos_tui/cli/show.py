"""Commands that only look: ``status``, ``diff``, ``log``. They never move anything."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from clubos_tui.changes.manifest import path_text
from clubos_tui.changes.patch import parse
from clubos_tui.cli.limits import used, used_json
from clubos_tui.cli.logs import LogPrinter
from clubos_tui.cli.opened import phase_of, run_of, session_of
from clubos_tui.cli.output import emit, say
from clubos_tui.codec import Json
from clubos_tui.engine import views
from clubos_tui.engine.approvers import Standing, of_merge, of_phase
from clubos_tui.engine.decide import next_for_person
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import PhaseView, RunView, Status
from clubos_tui.errors import UsageError

WATCH_SECONDS = 0.1


def status(options: Namespace) -> int:
    """Say where the run stands and what comes next."""
    with session_of(options) as session:
        run = session.current()
        if options.json:
            emit(status_json(session, run))
            return 0
        if run is None:
            say(f"{session.repository.root}: no run yet.")
            say("  clubos run   dry run of the first phase; nothing in your repository is touched")
            return 0
        _print_status(run)
    return 0


def _print_status(run: Run) -> None:
    view = run.view
    target = view.started.target.removeprefix("refs/heads/") or "a detached HEAD"
    say(f"{view.plan.name} · run {run.id} · {view.ending or 'open'} · [{view.mode}]")
    say(f"{view.started.repository} · target {target}")
    say()
    for phase in view.phases:
        state = view.status(phase.number)
        counted = str(phase.counts) if phase.manifest else ""
        say(f"  {phase.number}  {phase.spec.name:<24} {state:<12} {counted}")
        if phase.branch:
            say(f"     {phase.branch}")
        for line in filter(None, (_people(view, phase), phase.error, phase.cure)):
            say(f"     {line}")
        if phase.spent.turns:
            say(f"     {used(phase.spent)}")
    if view.failure:
        say(f"\n{view.failure.step} failed: {view.failure.error}")
        for line in filter(None, (view.failure.untouched, view.failure.cure)):
            say(f"  {line}")
    say(f"\nNext: {next_for_person(view).words}")


def _people(view: RunView, phase: PhaseView) -> str:
    """Return whose yes a phase has under the plan's rule, and whose it needs."""
    standing = of_phase(phase)
    if not phase.rule or view.status(phase.number) is Status.STALE:
        return ""
    if phase.state is Status.PROPOSED:
        return f"{standing.words}. {standing.who}".rstrip()
    return standing.words if phase.approval else ""


def status_json(session: Session, run: Run | None) -> Json:
    """Return ``clubos status --json``."""
    if run is None:
        return {"repository": session.repository.root, "run": None}
    view = run.view
    following = next_for_person(view)
    return {
        "repository": session.repository.root,
        "run": run.id,
        "plan": view.plan.name,
        "mode": view.mode,
        "ending": view.ending,
        "target": view.started.target,
        "journal": {"events": run.journal.seq, "head": run.journal.head},
        "next": {"verb": following.verb, "phase": following.phase, "words": following.words},
        "failure": view.failure.error if view.failure else None,
        "merge": view.merge.merged.commit if view.merge.merged else None,
        "merged_tree": _merged_tree(view),
        "phases": [_phase_json(run, phase.number) for phase in view.phases],
    }


def _phase_json(run: Run, number: int) -> Json:
    view, phase = run.view, run.view.phase(number)
    checks = view.checks.get(("stage", phase.change_set)) or view.checks.get(
        ("proposal", phase.change_set), {}
    )
    return {
        "number": number,
        "name": phase.spec.name,
        "status": str(view.status(number)),
        "attempt": phase.attempt,
        "base": phase.base,
        "id": phase.change_set,
        "required_approval": phase.required_approval,
        "approved_by": phase.approval.by if phase.approval else None,
        "approvals": [{"by": one.by, "how": one.how} for one in phase.approvals],
        "needs": needs_json(view, phase),
        "branch": phase.branch or None,
        "commit": phase.commit or None,
        "create": phase.counts.create,
        "modify": phase.counts.modify,
        "delete": phase.counts.delete,
        "error": phase.error or None,
        "used": used_json(phase.spent),
        "checks": {name: check.outcome for name, check in checks.items()},
    }


def needs_json(view: RunView, phase: PhaseView) -> Json | None:
    """Return whose approval a phase waits for; ``None`` where it waits for none."""
    waits = view.status(phase.number) is Status.PROPOSED and phase.required_approval
    return _needs(of_phase(phase)) if waits else None


def _needs(standing: Standing) -> Json:
    not_from = [*standing.yes, *([standing.requester] if standing.rule.not_requester else [])]
    return {
        "people": standing.lacking,
        "named": list(standing.may) if standing.rule.named else None,
        "not": not_from,
    }


def _merged_tree(view: RunView) -> Json | None:
    """Return whose approval a merged tree waits for that differs from what was approved."""
    prepared = view.merge.prepared
    if prepared is None or not prepared.moved or not view.merge_waits:
        return None
    said = [{"by": one.by, "how": one.how} for one in view.merge.approvals]
    return {"id": prepared.tree, "approvals": said, "needs": _needs(of_merge(view))}


def diff(options: Namespace) -> int:
    """Print the pending change set as a git patch, or as one JSON object."""
    with session_of(options) as session:
        run = run_of(session)
        if options.phase is None and run.view.merge_waits and not options.json:
            _print_patch("the merge, which needs its own yes", views.merge_patch(session, run))
            return 0
        number = phase_of(run, options.phase)
        phase = run.view.phase(number)
        if not phase.change_set:
            raise UsageError(
                f"phase {number} has no change set; it is {run.view.status(number)}",
                untouched="Nothing was touched.",
                cure=f"Make a dry run: clubos run --phase {number}",
            )
        text = views.patch(session, run, number)
        if options.json:
            emit(_diff_json(run, number, text))
            return 0
        _print_patch(f"phase {number}: {phase.spec.name} · id {phase.change_set}", text)
    return 0


def _print_patch(title: str, text: bytes) -> None:
    """Print a patch: harmless symbols on a terminal, git's own bytes in a pipe."""
    if sys.stdout.isatty():
        say(f"# {title}")
        say(text.decode("utf-8", "surrogateescape").rstrip("\n"))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text)


def _diff_json(run: Run, number: int, text: bytes) -> Json:
    phase = run.view.phase(number)
    lines: dict[str, tuple[int, int]] = {}
    for file in parse(text).files:
        added, removed = lines.get(path_text(file.path), (0, 0))
        lines[path_text(file.path)] = (added + file.added, removed + file.removed)
    return {
        "phase": number,
        "id": phase.change_set,
        "base": phase.base,
        "attempt": phase.attempt,
        "files": [
            {
                "path": row.path,
                "old_path": row.old_path or None,
                "kind": row.kind,
                "old_blob": row.old_blob or None,
                "new_blob": row.new_blob or None,
                "old_mode": row.old_mode or None,
                "new_mode": row.new_mode or None,
                "lines_added": lines.get(row.path, (0, 0))[0],
                "lines_removed": lines.get(row.path, (0, 0))[1],
                "action": row.action,
            }
            for row in phase.manifest
        ],
    }


def log(options: Namespace) -> int:
    """Print what happened, and with ``--follow`` what happens."""
    with session_of(options) as session:
        run = run_of(session)
        printer = LogPrinter(run, as_json=options.json, after=0)
        printer.print_new()
        while options.follow:
            sys.stdout.flush()
            time.sleep(WATCH_SECONDS)
            printer.print_new()
    return 0
