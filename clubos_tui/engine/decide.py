"""What happens next: ``decide`` for the driver, ``next_for_person`` for a person. Pure.

No clock, no disk, no git, no screen: the same journal always gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from clubos_tui.changes.manifest import TreeId
from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.approvers import of_merge, of_phase
from clubos_tui.engine.state import PhaseView, RunView, Status
from clubos_tui.engine.table import refusal, rolled_back_with
from clubos_tui.events import (
    ChecksRequested,
    EditRequested,
    ExecutionRequested,
    MergeRequested,
    ProposalRequested,
    ResumeRequested,
    RollbackRequested,
    Scope,
    SealRequested,
    UndoRequested,
)

S = Status

__all__ = ["Next", "Step", "Wait", "decide", "next_for_person", "refusal", "rolled_back_with"]


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Give the agent a workspace."""

    phase: int


@dataclass(frozen=True, slots=True)
class RunAction:
    """Give the agent one action's prompt and scan what it did."""

    phase: int
    action: str


@dataclass(frozen=True, slots=True)
class FinishAttempt:
    """Turn what the workspace holds into a change set."""

    phase: int


@dataclass(frozen=True, slots=True)
class RunChecks:
    """Gather evidence about a tree."""

    phase: int
    scope: Scope
    tree: TreeId
    only: tuple[str, ...] = ()  # of these checks; none: of all
    anew: bool = False  # whatever is known


@dataclass(frozen=True, slots=True)
class Seal:
    """Build the tree of what was not rejected."""

    phase: int


@dataclass(frozen=True, slots=True)
class TakeEdit:
    """Build the tree with a person's edit in it."""

    phase: int
    path: str
    sha256: str
    by: str


@dataclass(frozen=True, slots=True)
class ApproveByPlan:
    """Record the approval that the plan gives in advance."""

    phase: int


@dataclass(frozen=True, slots=True)
class ApplyToStage:
    """Write the approved tree to the stage."""

    phase: int


@dataclass(frozen=True, slots=True)
class PublishBranch:
    """Make the phase's commit and branch."""

    phase: int


@dataclass(frozen=True, slots=True)
class CloseCheckpoint:
    """Say whether the phase is validated."""

    phase: int


@dataclass(frozen=True, slots=True)
class PrepareMerge:
    """Find the tree that a merge would make."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Move the target branch and the checkout."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """Take phases back."""

    phase: int
    close: bool
    take_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo:
    """Take the last rollback back."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before a person says something."""

    why: str


Step: TypeAlias = (
    StartAttempt | RunAction | FinishAttempt | RunChecks | Seal | TakeEdit | ApproveByPlan
    | ApplyToStage | PublishBranch | CloseCheckpoint | PrepareMerge | Merge | RollBack | Undo
)  # fmt: skip


def decide(view: RunView) -> Step | Wait:
    """Return the one next step, or what is waited for."""
    if not view.queue:
        return Wait("the run is " + view.ending if view.ending else "a person's decision")
    request = view.queue[0]
    if isinstance(request, ProposalRequested | ResumeRequested):
        return _proposing(view.phase(request.phase))
    if isinstance(request, SealRequested | EditRequested):
        return _replacing(view.phase(request.phase), request)
    if isinstance(request, ChecksRequested):
        return RunChecks(request.phase, request.scope, request.tree, request.checks, anew=True)
    if isinstance(request, ExecutionRequested):
        return _executing(view, view.phase(request.phase))
    if isinstance(request, MergeRequested):
        return _merging(view)
    if isinstance(request, RollbackRequested):
        return RollBack(request.phase, request.close, request.take_out)
    assert isinstance(request, UndoRequested), f"BUG: {request} asks for nothing"
    return Undo()


def _proposing(phase: PhaseView) -> Step:
    if phase.asked:
        return StartAttempt(phase.number)
    if phase.state is S.PROPOSED:
        return RunChecks(phase.number, "proposal", phase.change_set)
    for action in phase.actions:
        if action.status != "success":
            return RunAction(phase.number, action.id)
    return FinishAttempt(phase.number)


def _replacing(phase: PhaseView, request: SealRequested | EditRequested) -> Step:
    if phase.replaced:
        return RunChecks(phase.number, "proposal", phase.change_set)
    if isinstance(request, EditRequested):
        return TakeEdit(phase.number, request.path, request.sha256, request.by)
    return Seal(phase.number)


def _executing(view: RunView, phase: PhaseView) -> Step:
    if phase.state is S.PROPOSED:
        return ApproveByPlan(phase.number)
    if phase.state in {S.APPROVED, S.EXECUTING}:
        return PublishBranch(phase.number) if phase.staged else ApplyToStage(phase.number)
    if view.gate_open("stage", phase.change_set) is None:
        return RunChecks(phase.number, "stage", phase.change_set)
    return CloseCheckpoint(phase.number)


def _merging(view: RunView) -> Step | Wait:
    prepared = view.merge.prepared
    if prepared is None:
        return PrepareMerge()
    gate = view.gate_open("merge", prepared.tree)
    if gate is None:
        return RunChecks(len(view.phases), "merge", prepared.tree)
    if not gate:
        return Wait("a required check does not pass on the merged tree")
    if prepared.moved and view.merge.approved is None:
        standing = of_merge(view)
        lacking = f": {standing.words}" if standing.rule else ""
        words = "the merged tree differs from what was approved and needs its own approval"
        return Wait(f"{words}{lacking}")
    return Merge()


# --- a person's next step ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Next:
    """What a person may do next: ``verb`` names the key, ``words`` say it on the screen."""

    # answer, propose, resume, raise, approve, seal, execute, override, approve merge, merge, done,
    # working
    verb: str
    phase: int
    words: str


def next_for_person(view: RunView) -> Next:
    """Return the one step that takes the run forward."""
    for phase in view.phases:
        if view.status(phase.number) is S.STALE:  # nothing waits for that answer any more
            continue
        for asked in phase.permissions.open.values():
            return Next("answer", phase.number, f"The agent asks: {asked.title or asked.kind}")
    if view.queue:
        if isinstance(decide(view), Wait):
            shut = view.merge.prepared and not view.gate_open("merge", view.merge.prepared.tree)
            words = "A required check does not pass on the merged tree"
            return Next("approve merge", 0, words if shut else _merge_words(view))
        return Next("working", 0, "Working")
    if view.ending:
        return Next("done", 0, f"The run is {view.ending}.")
    for phase in view.phases:
        step = _next_in(view, phase)
        if step:
            return step
    if view.last_on_stage() is None:
        return Next("done", 0, "No phase changes anything; the run can be abandoned.")
    return Next("merge", 0, f"Merge into {view.started.target.removeprefix('refs/heads/')}")


def _merge_words(view: RunView) -> str:
    standing = of_merge(view)
    return "Approve the merged tree" + (f": {standing.words}" if standing.rule else "")


def _approving(phase: PhaseView) -> Next:
    """Return the step of whoever may still approve, and what has come so far."""
    number, standing = phase.number, of_phase(phase)
    if standing.hopeless:
        words = "nobody is left who may approve it"
        return Next("propose", number, f"Have another person propose phase {number} again: {words}")
    if standing.yes:
        return Next("approve", number, f"Phase {number} is {standing.words}")
    lacking = f": {standing.words}" if standing.rule.count > 1 else ""
    return Next("approve", number, f"Review and approve phase {number}{lacking}")


def _next_in(view: RunView, phase: PhaseView) -> Next | None:
    number, status = phase.number, view.status(phase.number)
    if status in {S.VALIDATED, S.EMPTY, S.MERGED}:
        return None
    if status is S.PROPOSED:
        if phase.moved_outside():
            return Next("propose", number, f"Propose phase {number} again: files changed outside")
        reviewable = view.reviewable(number)
        if reviewable is None:
            return Next("propose", number, f"Propose phase {number} again: its checks did not end")
        if not reviewable:
            closed = view.closed_checks("proposal", phase.change_set)
            if any(check.check == TAMPER for check in closed):
                words = f"Phase {number} changes what judges it: allow just that or not"
                return Next("override", number, words)
            if closed:
                return Next("override", number, f"A required check of phase {number} does not pass")
            return Next("propose", number, f"Propose phase {number} again: no way back was proven")
        if phase.draft.rejecting:
            return Next("seal", number, f"Seal what is left of phase {number}")
        if phase.required_approval:
            return _approving(phase)
        return Next("execute", number, f"Execute phase {number} (approved by the plan)")
    if status is S.APPROVED:
        return Next("execute", number, f"Execute phase {number}")
    if status is S.HELD:
        if phase.held and phase.held.limit:
            return Next("raise", number, f"Phase {number} has reached a limit: raise it")
        return Next("resume", number, f"Go on with phase {number} where it stopped")
    if status is S.EXECUTED:
        return Next("execute", number, f"Repeat the checkpoint of phase {number}")
    if status is S.UNVALIDATED:
        return Next("override", number, f"The checkpoint of phase {number} does not pass")
    words = {S.IDLE: "Dry run of", S.REJECTED: "Next attempt at"}.get(status, "Propose again:")
    return Next("propose", number, f"{words} phase {number}")
