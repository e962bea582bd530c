"""Checks, the gates that they open, and who opened one in spite of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.approvers import of_merge
from clubos_tui.engine.folds.served import PROPOSING, forget_evidence, served
from clubos_tui.engine.state import RunView, Status
from clubos_tui.events import (
    CheckFinished,
    CheckProved,
    ChecksFinished,
    ChecksRequested,
    EditRequested,
    Event,
    ExecutionRequested,
    MergeApproved,
    MergePrepared,
    Overridden,
    Rehearsed,
    SealRequested,
    Unvalidated,
    Validated,
)

_CHECKPOINTED = frozenset({Status.VALIDATED, Status.UNVALIDATED})


def _check_finished(view: RunView, event: CheckFinished) -> None:
    place = (event.scope, event.tree)
    again = _is_asked_again(view, event.check)
    if again:
        view.overridden.pop((*place, event.check), None)
    elif place in view.gates:
        forget_evidence(view, event.scope, event.tree)
    found = view.checks.setdefault(place, {})
    before = None if again else found.get(event.check)
    key = (event.phase, event.scope, event.check)
    if last := view.latest.get(key):
        view.earlier[key] = last
    view.latest[key] = event
    # Two phases may name a check alike, and a merged tree gets those of all: the worse one counts.
    if before is None or before.outcome == "passed" or not before.required:
        found[event.check] = event


def _is_asked_again(view: RunView, check: str) -> bool:
    """Tell whether a person wants a check again, or all of them."""
    request = view.queue[0] if view.queue else None
    if not isinstance(request, ChecksRequested):
        return False
    return not request.checks or check in request.checks


def _check_proved(view: RunView, event: CheckProved) -> None:
    view.proofs[event.check_sha256] = event


def _rehearsed(view: RunView, event: Rehearsed) -> None:
    view.phase(event.phase).rehearsed = event


def _checks_finished(view: RunView, event: ChecksFinished) -> None:
    view.gates[event.scope, event.tree] = event.open
    served(view, ChecksRequested, phase=event.phase)
    phase = view.phase(event.phase)
    if event.scope == "stage" and phase.state in _CHECKPOINTED and phase.change_set == event.tree:
        # Asked for again: what it comes to now counts, whoever overrode what meanwhile.
        shut = bool(view.closed_checks("stage", event.tree))
        phase.state = Status.UNVALIDATED if shut else Status.VALIDATED
    if event.scope == "proposal":
        served(view, *PROPOSING, SealRequested, EditRequested, phase=event.phase)


def _overridden(view: RunView, event: Overridden) -> None:
    view.overridden[event.scope, event.tree, event.check] = event
    found = view.checks.get((event.scope, event.tree), {})
    if event.check == TAMPER and any(check.from_base for check in found.values()):
        # What was judged as in the base is judged anew; until then there is no evidence.
        view.gates.pop((event.scope, event.tree), None)
    phase = view.phase(event.phase)
    if event.scope == "proposal" and phase.state is Status.PROPOSED:
        phase.approvals = ()  # whoever has said yes so far knew nothing of a failing check
    held_back = phase.state is Status.UNVALIDATED and phase.change_set == event.tree
    if held_back and not view.closed_checks("stage", event.tree):
        phase.state = Status.VALIDATED


def _checkpointed(view: RunView, event: Validated | Unvalidated) -> None:
    passed = isinstance(event, Validated)
    view.phase(event.phase).state = Status.VALIDATED if passed else Status.UNVALIDATED
    served(view, ExecutionRequested, phase=event.phase)


def _merge_prepared(view: RunView, event: MergePrepared) -> None:
    view.merge.prepare(event)
    forget_evidence(view, "merge", event.tree)


def _merge_approved(view: RunView, event: MergeApproved) -> None:
    same = tuple(one for one in view.merge.approvals if one.tree == event.tree)
    view.merge.approvals = (*same, event)
    if not of_merge(view).lacking:
        view.merge.approved = event


FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
    CheckFinished: _check_finished,
    CheckProved: _check_proved,
    Rehearsed: _rehearsed,
    ChecksFinished: _checks_finished,
    Validated: _checkpointed,
    Unvalidated: _checkpointed,
    Overridden: _overridden,
    MergePrepared: _merge_prepared,
    MergeApproved: _merge_approved,
}
