"""``approve``, ``reject``, ``override``: a person's decisions, on exactly one id."""

from __future__ import annotations

from argparse import Namespace

from clubos_tui.changes.manifest import TreeId
from clubos_tui.cli.opened import phase_of, run_of, session_of, who_of
from clubos_tui.cli.output import emit, say
from clubos_tui.cli.show import needs_json
from clubos_tui.engine import views
from clubos_tui.engine.approvers import of_phase
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import Status
from clubos_tui.errors import UsageError
from clubos_tui.events import Shown


def approve(options: Namespace) -> int:
    """Say yes to the change set with that id."""
    with session_of(options) as session:
        run = run_of(session)
        number = phase_of(run, options.phase)
        change_set = _whole(run, number, options.id)
        note_outside(session, run, number)
        phase = run.view.phase(number)
        shown = Shown(len(phase.manifest), 0, "command line")
        run.approve(number, change_set, phase.attempt, by=who_of(options, session), shown=shown)
        _said(options, run, number, _approved(run, number, change_set))
    return 0


def reject(options: Namespace) -> int:
    """Say no to the change set with that id."""
    with session_of(options) as session:
        run = run_of(session)
        number = phase_of(run, options.phase)
        change_set = _whole(run, number, options.id)
        attempt = run.view.phase(number).attempt
        by = who_of(options, session)
        run.reject(number, change_set, attempt, reason=options.reason, by=by)
        _said(options, run, number, f"Phase {number} is rejected; `clubos run` proposes it again")
    return 0


def override(options: Namespace) -> int:
    """Open a gate in spite of one check, by name and with a reason."""
    with session_of(options) as session:
        run = run_of(session)
        number = phase_of(run, options.phase)
        phase = run.view.phase(number)
        prepared = run.view.merge.prepared
        found = run.view.closed_checks("proposal", phase.change_set)
        found += run.view.closed_checks("stage", phase.change_set)
        if run.view.merge_waits and prepared:
            found = run.view.closed_checks("merge", prepared.tree)
        closed = [check.check for check in found]
        if options.check not in closed:
            raise UsageError(
                f"{options.check!r} keeps no gate of phase {number} shut",
                untouched="Nothing was recorded.",
                cure=f"Those that do: {', '.join(closed) or 'none'}",
            )
        by = who_of(options, session)
        run.override(number, options.check, reason=options.reason, by=by)
        _said(options, run, number, f"{options.check!r} of phase {number} is overridden")
    return 0


def note_outside(session: Session, run: Run, number: int) -> None:
    """Read the touched files of the checkout again, so that a decision is on what is there now."""
    paths = list(run.view.phase(number).checkout) + [
        path for row in run.view.phase(number).manifest for path in (row.path, row.old_path) if path
    ]
    run.note_outside(number, views.fingerprints(session, sorted(set(paths))))


def _whole(run: Run, number: int, given: str) -> TreeId:
    """Return the full id; an id is never guessed from a short one that fits another tree."""
    present = run.view.phase(number).change_set
    return present if len(given) >= 7 and present.startswith(given) else TreeId(given)


def _approved(run: Run, number: int, change_set: TreeId) -> str:
    """Return what a yes came to: the phase is approved, or who else has to say it."""
    phase = run.view.phase(number)
    standing = of_phase(phase)
    if phase.state is Status.PROPOSED:
        return f"Phase {number} is {standing.words}. {standing.who}".rstrip()
    others = f" by {', '.join(standing.yes)}" if standing.rule else ""
    return f"Phase {number} is approved{others}: {change_set}"


def _said(options: Namespace, run: Run, number: int, text: str) -> None:
    if options.json:
        needs = needs_json(run.view, run.view.phase(number))
        status = str(run.view.status(number))
        emit({"phase": number, "status": status, "run": run.id, "needs": needs})
    else:
        say(text)
