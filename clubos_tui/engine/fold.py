"""Fold a journal into the state of its run, event by event. Pure.

Two processes that read the same journal hold the same state. Whether an event may come at all is
the table's question (:mod:`clubos_tui.engine.table`); here it has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from clubos_tui.engine.folds import evidence, proposals, requests, writing
from clubos_tui.engine.state import PhaseView, RunView
from clubos_tui.events import Event, RunStarted
from clubos_tui.plan import Plan
from clubos_tui.spending import budget_of

_FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
    **requests.FOLDS,
    **proposals.FOLDS,
    **evidence.FOLDS,
    **writing.FOLDS,
}


def fold(events: Iterable[Event]) -> RunView:
    """Return the state that ``events`` make; the first must be :class:`RunStarted`."""
    view: RunView | None = None
    for event in events:
        view = apply(view, event)
    if view is None:
        raise ValueError("a journal without its first event")
    return view


def apply(view: RunView | None, event: Event) -> RunView:
    """Fold one more event in; changes ``view`` in place and returns it."""
    if isinstance(event, RunStarted):
        plan = Plan.from_json(event.plan)
        phases = [
            PhaseView(number, spec, budget=spec.budget, rule=plan.approvers_of(number))
            for number, spec in enumerate(plan.phase, 1)
        ]
        return RunView(event, plan, phases, budget_of(plan))
    if view is None:
        raise ValueError("a journal must start with run.started")
    _FOLDS.get(type(event), _ignore)(view, event)
    return view


def _ignore(_view: RunView, _event: Event) -> None:
    return
