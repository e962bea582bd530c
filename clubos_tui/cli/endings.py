"""How a headless command ends where it can't go on: what happened, and what a person can do."""

from __future__ import annotations

from clubos_tui.checks.guard import TAMPER
from clubos_tui.cli.evidence import check_json
from clubos_tui.engine.approvers import of_merge, of_override, of_phase
from clubos_tui.engine.state import RunView
from clubos_tui.errors import ClubosError, GateClosed, NeedsPerson
from clubos_tui.events import ActionHeld, Scope

__all__ = ["Ended", "closed", "held", "merge_needs", "needs_approval", "require_yes"]


class Ended(ClubosError):
    """A step failed; its own exit code goes with it."""

    def __init__(self, message: str, untouched: str, cure: str, code: int) -> None:
        super().__init__(message, untouched=untouched, cure=cure)
        self.code = code


def require_yes(answer: bool | None, verb: str) -> None:
    """Raise :class:`NeedsPerson` unless a person said yes; nobody there is not a yes (P10)."""
    if not answer:
        raise NeedsPerson(
            f"`{verb}` needs a person's yes" if answer is None else "nothing was done",
            untouched="Nothing was touched.",
            cure=f"Say yes on a terminal, or give --yes: clubos {verb} --yes",
        )


def needs_approval(view: RunView, number: int) -> NeedsPerson:
    """Return that a phase needs the yes of a person, or of one more, and whose may be that."""
    phase = view.phase(number)
    standing = of_phase(phase)
    what = f"phase {number} needs approval: {phase.counts}"
    if standing.yes:
        what = f"phase {number} is {standing.words}: {phase.counts}"
    elif standing.rule.count > 1:
        what += f"; {standing.words}"
    look = f"Look: clubos diff {number}; then: clubos approve {number} --id {phase.change_set}"
    return NeedsPerson(
        what,
        untouched="Nothing was executed.",
        cure=standing.who if standing.hopeless else f"{look}. {standing.who}".removesuffix(". "),
    )


def merge_needs(view: RunView, tree: str) -> NeedsPerson:
    """Return that a merged tree needs the yes of a person, or of one more."""
    standing = of_merge(view)
    lacking = f"; {standing.words}" if standing.rule else ""
    look = "Look at it in the dashboard, or: clubos merge --yes"
    return NeedsPerson(
        f"the target moved; the merged tree {tree[:12]} needs its own yes{lacking}",
        untouched="Nothing was merged.",
        cure=f"{look}. {standing.who}".removesuffix(". "),
    )


def held(action: ActionHeld) -> Ended:
    """Return why a phase stands still, and how to go on."""
    cure = f"{action.cure} `clubos run` goes on."
    if action.permission:
        cure = (
            f"Look and answer: clubos answer {action.phase} --id {action.permission} --allow (or "
            "--deny); then `clubos run` goes on."
        )
    if action.limit:
        which = "--run" if action.limit.scope == "run" else action.phase
        cure = f"`clubos limit {which}` shows and raises it; then `clubos run` goes on."
    return Ended(
        f"phase {action.phase} is held: {action.error}",
        "Nothing outside the workspace was written"
        + ("." if action.permission else "; what the model answered is kept."),
        cure,
        action.code,
    )


def closed(view: RunView, number: int, scope: Scope) -> GateClosed:
    """Return why a gate is shut, and what there is to do about it."""
    phase = view.phase(number)
    prepared = view.merge.prepared
    tree = prepared.tree if scope == "merge" and prepared else phase.change_set
    shut = view.closed_checks(scope, tree)
    rows = [f"  {check.check}: {check.outcome}: {check.summary}" for check in shut]
    for check in shut:
        if check.check == TAMPER:
            rows += [f"    {line}" for line in check.evidence]
    if not shut:
        rows = [f"  rollback: {phase.rehearsed.detail if phase.rehearsed else 'not proven'}"]
    what = "the merge" if scope == "merge" else f"phase {number}"
    who = of_override(view, number, scope).who
    first = "Take phases back" if scope == "merge" else "Reject it"
    return GateClosed(
        f"the gate of {what} is shut:\n" + "\n".join(rows),
        evidence=[check_json(check) for check in shut],
        untouched="The target branch and your checkout were not touched.",
        cure=f"{first}, or look at `clubos checks show {number}` and then: "
        f'clubos override {number} --check NAME --reason "…"{who and f". {who}"}',
    )
