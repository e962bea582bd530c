"""What was written to the stage and the checkout, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clubos_tui.engine.folds.served import forget_evidence, served
from clubos_tui.engine.state import RunView, Status
from clubos_tui.events import (
    ApplyFinished,
    ApplyStarted,
    Event,
    Executed,
    Merged,
    MergeRequested,
    RollbackRequested,
    RolledBack,
    Taken,
    Undone,
    UndoRequested,
)


def _apply_started(view: RunView, event: ApplyStarted) -> None:
    view.applying = event
    if event.purpose == "execute":
        phase = view.phase(event.phase)
        phase.state, phase.transaction, phase.staged = Status.EXECUTING, event.transaction, False


def _apply_finished(view: RunView, event: ApplyFinished) -> None:
    view.applied[event.transaction] = event
    if view.applying and view.applying.transaction == event.transaction:
        if view.applying.purpose == "execute":
            view.phase(event.phase).staged = True
        view.applying = None


def _executed(view: RunView, event: Executed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.branch, phase.commit = Status.EXECUTED, event.branch, event.commit
    phase.transaction = event.transaction
    forget_evidence(view, "stage", event.change_set)
    view.rollback = None  # what is built on a rollback can't be undone beneath it


def _merged(view: RunView, event: Merged) -> None:
    view.merge.merged, view.ending = event, "merged"
    for phase in view.phases:
        if phase.state is Status.VALIDATED:
            phase.state = Status.MERGED
    served(view, MergeRequested)


def _rolled_back(view: RunView, event: RolledBack) -> None:
    view.before_rollback = {number: view.phase(number).state for number in event.phases}
    view.ending_before = view.ending
    request = view.queue[0] if view.queue else None
    closes = isinstance(request, RollbackRequested) and request.close
    if closes or (view.ending == "merged" and event.phase == 1):
        view.ending = "rolled back"
    for number in event.phases:
        view.phase(number).state = Status.ROLLED_BACK
    view.rollback, view.left = event, event.left
    view.applying = None
    view.merge.prepare(None)
    served(view, RollbackRequested)


def _undone(view: RunView, event: Undone) -> None:
    for number, state in view.before_rollback.items():
        view.phase(number).state = state
    view.ending, view.rollback, view.left = view.ending_before, None, event.left
    view.applying = None
    served(view, UndoRequested)


def _taken(view: RunView, event: Taken) -> None:
    view.worker = event.worker
    view.applying = None  # on a machine that is no longer heard: its stage is not ours


FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
    ApplyStarted: _apply_started,
    ApplyFinished: _apply_finished,
    Executed: _executed,
    Merged: _merged,
    RolledBack: _rolled_back,
    Undone: _undone,
    Taken: _taken,
}
