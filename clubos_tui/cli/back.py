"""``rollback``, ``undo``, ``recover``: take things back, with the loss statement first."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from contextlib import suppress

from clubos_tui.cli.drive import Headless
from clubos_tui.cli.endings import Ended, require_yes
from clubos_tui.cli.loss import show, show_recovered
from clubos_tui.cli.opened import phase_of, run_of, session_of
from clubos_tui.cli.output import ask, flag
from clubos_tui.engine import views
from clubos_tui.engine.driver import busy, note_recovered, recover_all
from clubos_tui.engine.leftovers import foreign_lock, sweep
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.views import RollbackPreview
from clubos_tui.errors import Refused, UsageError
from clubos_tui.events import (
    MergeRequested,
    Paused,
    ProposalRequested,
    ResumeRequested,
    SealRequested,
    tag_of,
)
from clubos_tui.locks import FileLock

# What has changed nothing yet, and can simply be dropped.
_UNDECIDED = ProposalRequested | ResumeRequested | SealRequested | MergeRequested


def rollback(options: Namespace) -> int:
    """Take a phase and the later ones back; ``--run`` takes all and ends the run."""
    if options.phase is None and not options.run:
        raise UsageError("say which phase, or --run for all", untouched="Nothing was touched.")
    with session_of(options) as session:
        run = run_of(session)
        number = 1 if options.run else phase_of(run, options.phase)
        take_out = tuple(options.take_out)
        preview = views.rollback_preview(session, run, number, take_out)
        if options.preview:
            return show(preview, as_json=options.json)
        cut_short = bool(preview.refusal and run.view.queue)
        if not cut_short:
            _require_possible(preview, run, whole=options.run)
        headless = _confirmed(options, session, run, preview, "rollback")
        with headless.driving():
            if cut_short:
                _finish(headless)
                again = views.rollback_preview(session, run, number, take_out)
                _require_possible(again, run, whole=options.run)
            run.roll_back(number, by=headless.who, close=options.run, take_out=take_out)
            return _settle(headless)


def undo(options: Namespace) -> int:
    """Take the last rollback back."""
    with session_of(options) as session:
        run = run_of(session)
        preview = views.undo_preview(session, run)
        if options.preview:
            return show(preview, as_json=options.json)
        if preview.refusal:
            raise preview.error or Refused(preview.refusal, untouched="Nothing was touched.")
        headless = _confirmed(options, session, run, preview, "undo")
        with headless.driving():
            run.undo(by=headless.who)
            return _settle(headless)


def recover(options: Namespace) -> int:
    """Finish or undo whatever a crash cut short."""
    with session_of(options) as session:
        lock = FileLock(session.paths.driver_lock, hand_on=True)
        if not lock.acquire():
            raise busy(lock)
        try:
            found = recover_all(session)
            run = session.current()
            if run:
                note_recovered(run, found)
            removed = sweep(session, run)
        finally:
            lock.release()
        show_recovered(found, removed, foreign_lock(session), as_json=options.json)
    return 0


def _require_possible(preview: RollbackPreview, run: Run, *, whole: bool) -> None:
    may_abandon = whole and not preview.phases and not run.view.ending
    if preview.refusal and not may_abandon:
        raise preview.error or Refused(preview.refusal, untouched="Nothing was touched.")


def _finish(headless: Headless) -> None:
    """Bring what a killed command left under way to an end, so that it can be taken back."""
    request, view = headless.run.view.queue[0], headless.run.view
    begun = view.applying is not None
    if isinstance(request, _UNDECIDED) and not begun:
        headless.run.say(Paused(tag_of(request), getattr(request, "phase", 0), headless.who))
        return
    with suppress(Ended):  # a step that fails undoes itself
        asyncio.run(headless.settle())


def _confirmed(
    options: Namespace, session: Session, run: Run, preview: RollbackPreview, verb: str
) -> Headless:
    yes = flag(options, "yes", "AUTO_APPROVE", on="true")
    if not yes:
        show(preview, as_json=False)
        require_yes(ask(f"{verb.capitalize()}?"), verb)
    return Headless(session, run, options, yes=True)


def _settle(headless: Headless) -> int:
    try:
        asyncio.run(headless.settle())
    except Ended as error:
        return headless.end(error)
    return headless.summary()
