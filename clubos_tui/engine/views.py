"""What screens and commands may look at. Reads only, and never moves a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clubos_tui.changes.manifest import GITLINK
from clubos_tui.engine.effects.asked import Asked
from clubos_tui.engine.effects.propose import fingerprints as _fingerprints
from clubos_tui.engine.effects.way import Way, plan_rollback, plan_undo
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.table import refusal
from clubos_tui.errors import ClubosError
from clubos_tui.events import Event, Left, RollbackRequested, UndoRequested


def patch(session: Session, run: Run, phase: int) -> bytes:
    """Return a phase's change set as a git patch; empty where it has none."""
    view = run.view.phase(phase)
    if not view.change_set or view.change_set == view.base:
        return b""
    if session.branches:
        session.branches.require(view.base, view.change_set, view.before)
    return session.workshop.patch(view.base, view.change_set)


def patches_before(session: Session, run: Run, phase: int) -> tuple[bytes, bytes]:
    """Return the change set that this one took the place of, and what changed since, as patches.

    Both are empty where there was none.
    """
    view = run.view.phase(phase)
    if not view.before or not view.change_set or view.before == view.change_set:
        return b"", b""
    if session.branches:
        session.branches.require(view.base, view.change_set, view.before)
    workshop = session.workshop
    return workshop.patch(view.base, view.before), workshop.patch(view.before, view.change_set)


def content(session: Session, run: Run, phase: int, path: str) -> bytes | None:
    """Return a file as phase ``phase`` proposes it; ``None`` where it has no such file."""
    view = run.view.phase(phase)
    entry = session.workshop.files(view.change_set).get(path) if view.change_set else None
    if entry is None or entry.mode == GITLINK:
        return None
    return session.workshop.objects.blob(entry.blob)


def merge_patch(session: Session, run: Run) -> bytes:
    """Return what a prepared merge would change on the target branch."""
    prepared = run.view.merge.prepared
    if prepared is None:
        return b""
    if session.branches:
        session.branches.require(prepared.tree)
    return session.workshop.patch(session.workshop.tree_of(prepared.onto), prepared.tree)


def fingerprints(session: Session, paths: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of what lies at each path of the checkout; ``""`` where nothing does."""
    return dict.fromkeys(paths, "") | _fingerprints(session.repository.root, list(paths))


@dataclass(frozen=True, slots=True)
class RollbackPreview:
    """The loss statement: what a rollback would restore, delete, and leave alone.

    ``asked`` are the paths we wrote and the person has edited since. They are left alone, and
    among ``left``, but for those in ``taken_out``: there only our part goes.
    """

    phases: tuple[int, ...] = ()
    restore: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    asked: tuple[Asked, ...] = ()
    taken_out: tuple[str, ...] = ()
    refusal: str = ""
    error: ClubosError | None = None  # what stands behind the refusal, where it is more than that


def rollback_preview(
    session: Session, run: Run, phase: int, take_out: Sequence[str] = ()
) -> RollbackPreview:
    """Return what taking ``phase`` and the later ones back would do."""
    request = RollbackRequested(phase, "", close=True)
    chosen = tuple(take_out)
    return _preview(run, request, lambda: plan_rollback(session, run, phase, chosen))


def undo_preview(session: Session, run: Run) -> RollbackPreview:
    """Return what undoing the last rollback would do."""
    return _preview(run, UndoRequested(""), lambda: plan_undo(session, run))


def _preview(run: Run, request: Event, plan: Callable[[], Way]) -> RollbackPreview:
    reason = refusal(run.view, request)
    if reason:
        return RollbackPreview(refusal=reason)
    try:
        way = plan()
    except ClubosError as error:
        return RollbackPreview(refusal=error.message, error=error)
    rows = [row for row in way.rows if row.path not in way.merged]
    return RollbackPreview(
        way.phases,
        tuple(row.path for row in rows if row.after),
        tuple(row.path for row in rows if row.after is None),
        way.left,
        way.asked,
        tuple(sorted(way.merged)),
    )
