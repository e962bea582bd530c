"""The state of a run as a fold of its journal. No clock, no disk, no git.

``fold`` takes events one by one; two processes that read the same journal hold the same state.
Whether an event may come at all is :mod:`clubos_tui.engine.decide`'s table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change, Counts, TreeId, counts
from clubos_tui.events import (
    ActionFinished,
    ActionStarted,
    ApplyFinished,
    ApplyStarted,
    Approved,
    AttemptStarted,
    CheckFinished,
    ChecksFinished,
    CommitId,
    DecisionCleared,
    EditedOutside,
    Ending,
    Event,
    Executed,
    ExecutionRequested,
    FileDecided,
    Left,
    MergeApproved,
    Merged,
    MergePrepared,
    MergeRequested,
    Overridden,
    Paused,
    ProposalFailed,
    ProposalRequested,
    Proposed,
    ProposedNothing,
    Recovered,
    Rehearsed,
    Rejected,
    RollbackRequested,
    RolledBack,
    RunClosed,
    RunStarted,
    Scope,
    Sealed,
    SealRequested,
    StepFailed,
    Undone,
    UndoRequested,
    Unvalidated,
    Validated,
)
from clubos_tui.plan import Phase, Plan


class Status(StrEnum):
    """Where a phase stands, and how it gets there."""

    IDLE = "idle"  # nothing was asked yet
    PROPOSING = "proposing"  # a dry run is under way
    PROPOSED = "proposed"  # a change set waits for its checks or its review
    EMPTY = "empty"  # the agent changed nothing
    FAILED = "failed"  # the agent could not do an action, or a path was refused
    APPROVED = "approved"  # a yes to exactly this tree
    REJECTED = "rejected"  # a no; the next dry run is the next attempt
    EXECUTING = "executing"  # being applied to the stage
    EXECUTED = "executed"  # on stage and branch, checkpoint under way
    VALIDATED = "validated"  # the checkpoint passed
    UNVALIDATED = "unvalidated"  # the checkpoint did not pass
    MERGED = "merged"  # in the target branch
    ROLLED_BACK = "rolled back"  # taken back
    STALE = "stale"  # the tree it was made for is no longer the one before it


ON_STAGE = frozenset({Status.EXECUTED, Status.VALIDATED, Status.UNVALIDATED, Status.MERGED})


@dataclass(slots=True)
class ActionView:
    """One action of the latest attempt."""

    id: str
    name: str
    status: str = "pending"  # pending, running, success, failed
    result: str = ""
    error: str = ""
    stream: str = ""
    changes: tuple[Change, ...] = ()
    milliseconds: int = 0


@dataclass(slots=True)
class PhaseView:
    """One phase; ``state`` is what its own events made it, see :meth:`RunView.status`."""

    number: int
    spec: Phase
    state: Status = Status.IDLE
    asked: bool = False  # a dry run was asked for and has not started
    attempt: int = 0
    base: TreeId = TreeId("")
    seed: TreeId = TreeId("")
    workspace: str = ""
    withheld: tuple[str, ...] = ()
    agent: str = ""
    actions: list[ActionView] = field(default_factory=list)
    tree: TreeId = TreeId("")  # what the workspace held after the last action
    change_set: TreeId = TreeId("")
    manifest: tuple[Change, ...] = ()
    decisions: dict[str, Decision] = field(default_factory=dict)
    checkout: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    rehearsed: Rehearsed | None = None
    approval: Approved | None = None
    rejection: Rejected | None = None
    error: str = ""
    cure: str = ""
    branch: str = ""
    commit: CommitId = CommitId("")
    transaction: str = ""
    staged: bool = False  # its transaction on the stage is done

    @property
    def counts(self) -> Counts:
        """How many files the pending change set creates, modifies and deletes."""
        return counts(self.manifest)

    def action(self, action_id: str) -> ActionView:
        """Return one action of the phase."""
        return next(item for item in self.actions if item.id == action_id)

    def moved_outside(self) -> tuple[str, ...]:
        """Return the touched paths that someone else changed since the proposal."""
        return tuple(
            sorted(path for path, sha in self.outside.items() if self.checkout.get(path, "") != sha)
        )


@dataclass(slots=True)
class MergeView:
    """The merge of a run, once one was asked for."""

    prepared: MergePrepared | None = None
    approved: MergeApproved | None = None
    merged: Merged | None = None


@dataclass(slots=True)
class RunView:
    """A whole run."""

    started: RunStarted
    plan: Plan
    phases: list[PhaseView]
    queue: list[Event] = field(default_factory=list)  # requests not yet fulfilled, oldest first
    checks: dict[tuple[Scope, TreeId], dict[str, CheckFinished]] = field(default_factory=dict)
    gates: dict[tuple[Scope, TreeId], bool] = field(default_factory=dict)
    overridden: dict[tuple[TreeId, str], Overridden] = field(default_factory=dict)
    merge: MergeView = field(default_factory=MergeView)
    ending: Ending | None = None
    before_rollback: dict[int, Status] = field(default_factory=dict)
    ending_before: Ending | None = None
    rollback: RolledBack | None = None  # the last one, while it can be undone
    applying: ApplyStarted | None = None
    applied: dict[str, ApplyFinished] = field(default_factory=dict)
    failure: StepFailed | None = None
    paused: Paused | None = None
    recovered: list[Recovered] = field(default_factory=list)
    left: tuple[Left, ...] = ()

    def phase(self, number: int) -> PhaseView:
        """Return phase ``number``, counted from 1."""
        return self.phases[number - 1]

    def predecessor(self, number: int) -> PhaseView | None:
        """Return the nearest earlier phase that has a tree of its own; empty ones have none."""
        for phase in reversed(self.phases[: number - 1]):
            if self.status(phase.number) is not Status.EMPTY:
                return phase
        return None

    def base_of(self, number: int) -> TreeId | None:
        """Return the tree that phase ``number`` builds on, or ``None`` while there is none."""
        before = self.predecessor(number)
        if before is None:
            return self.started.base_tree
        usable = {
            Status.PROPOSED, Status.APPROVED, Status.EXECUTING, *ON_STAGE,
        }  # fmt: skip
        return before.change_set if self.status(before.number) in usable else None

    def status(self, number: int) -> Status:
        """Return where a phase stands, *stale* where the tree before it has changed."""
        phase = self.phase(number)
        if phase.state in {Status.PROPOSED, Status.APPROVED} and phase.base != self.base_of(number):
            return Status.STALE
        return phase.state

    def gate_open(self, scope: Scope, tree: TreeId) -> bool | None:
        """Tell whether the checks of ``tree`` open their gate; ``None`` while they have not ended.

        A required check that is failed or unknown closes it unless a person overrode that check.
        """
        if (scope, tree) not in self.gates:
            return None
        return not self.closed_checks(scope, tree)

    def closed_checks(self, scope: Scope, tree: TreeId) -> tuple[CheckFinished, ...]:
        """Return the checks that keep the gate of ``tree`` shut."""
        return tuple(
            check
            for check in self.checks.get((scope, tree), {}).values()
            if check.required
            and check.outcome != "passed"
            and (tree, check.check) not in self.overridden
        )

    def reviewable(self, number: int) -> bool | None:
        """Tell whether its gate is open and its rollback proven; ``None`` while checked."""
        phase = self.phase(number)
        gate = self.gate_open("proposal", phase.change_set)
        if gate is None or phase.rehearsed is None:
            return None
        return gate and phase.rehearsed.identical

    def last_on_stage(self) -> PhaseView | None:
        """Return the last executed phase."""
        for phase in reversed(self.phases):
            if phase.state in ON_STAGE:
                return phase
        return None

    @property
    def mode(self) -> str:
        """``LIVE`` from the first execution on, else ``DRY RUN``."""
        live = {Status.EXECUTING, *ON_STAGE}
        return "LIVE" if any(phase.state in live for phase in self.phases) else "DRY RUN"


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
        return RunView(
            event, plan, [PhaseView(number, spec) for number, spec in enumerate(plan.phase, 1)]
        )
    if view is None:
        raise ValueError("a journal must start with run.started")
    _FOLDS.get(type(event), _ignore)(view, event)
    return view


def _ignore(_view: RunView, _event: Event) -> None:
    return


def _request(view: RunView, event: Event) -> None:
    view.queue.append(event)
    view.failure = view.paused = None


def _proposal_requested(view: RunView, event: ProposalRequested) -> None:
    _request(view, event)
    view.phase(event.phase).asked = True


def _served(view: RunView, *kinds: type[Event], phase: int | None = None) -> None:
    for at, request in enumerate(view.queue):
        if isinstance(request, kinds) and phase in {None, getattr(request, "phase", None)}:
            del view.queue[at]
            return


def _attempt_started(view: RunView, event: AttemptStarted) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.asked = Status.PROPOSING, False
    phase.attempt, phase.base, phase.seed = event.attempt, event.base, event.seed
    phase.tree, phase.workspace, phase.agent = event.seed, event.workspace, event.agent
    phase.withheld = event.withheld
    phase.actions = [ActionView(action.id, action.name) for action in phase.spec.action]
    phase.change_set, phase.manifest = TreeId(""), ()
    phase.decisions, phase.checkout, phase.outside = {}, {}, {}
    phase.rehearsed = phase.approval = None
    phase.error = phase.cure = phase.branch = phase.transaction = ""
    phase.commit, phase.staged = CommitId(""), False


def _action_started(view: RunView, event: ActionStarted) -> None:
    action = view.phase(event.phase).action(event.action)
    action.status, action.stream = "running", event.stream


def _action_finished(view: RunView, event: ActionFinished) -> None:
    phase = view.phase(event.phase)
    action = phase.action(event.action)
    action.status, action.result, action.error = event.status, event.result, event.error
    action.changes, action.milliseconds = event.changes, event.milliseconds
    phase.tree = event.tree


def _proposed(view: RunView, event: Proposed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.change_set = Status.PROPOSED, event.change_set
    phase.manifest, phase.checkout = event.manifest, dict(event.checkout)


def _proposed_nothing(view: RunView, event: ProposedNothing) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.change_set = Status.EMPTY, phase.base
    _served(view, ProposalRequested, phase=event.phase)


def _proposal_failed(view: RunView, event: ProposalFailed) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.error, phase.cure = Status.FAILED, event.error, event.cure
    if event.action:
        action = phase.action(event.action)
        action.status, action.error = "failed", event.error
    _served(view, ProposalRequested, phase=event.phase)


def _sealed(view: RunView, event: Sealed) -> None:
    phase = view.phase(event.phase)
    phase.change_set, phase.manifest = event.change_set, event.manifest
    phase.decisions, phase.rehearsed = {}, None
    if not event.manifest:
        phase.state = Status.EMPTY
        _served(view, SealRequested, phase=event.phase)


def _file_decided(view: RunView, event: FileDecided) -> None:
    view.phase(event.phase).decisions[event.decision.path] = event.decision


def _decision_cleared(view: RunView, event: DecisionCleared) -> None:
    view.phase(event.phase).decisions.pop(event.path, None)


def _check_finished(view: RunView, event: CheckFinished) -> None:
    view.checks.setdefault((event.scope, event.tree), {})[event.check] = event


def _rehearsed(view: RunView, event: Rehearsed) -> None:
    view.phase(event.phase).rehearsed = event


def _checks_finished(view: RunView, event: ChecksFinished) -> None:
    view.gates[event.scope, event.tree] = event.open
    if event.scope == "proposal":
        _served(view, ProposalRequested, SealRequested, phase=event.phase)


def _approved(view: RunView, event: Approved) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.approval = Status.APPROVED, event


def _rejected(view: RunView, event: Rejected) -> None:
    phase = view.phase(event.phase)
    phase.state, phase.rejection, phase.approval = Status.REJECTED, event, None


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
    view.gates.pop(("stage", event.change_set), None)  # evidence of an earlier execution
    view.rollback = None  # what is built on a rollback can't be undone beneath it


def _checkpointed(view: RunView, event: Validated | Unvalidated) -> None:
    passed = isinstance(event, Validated)
    view.phase(event.phase).state = Status.VALIDATED if passed else Status.UNVALIDATED
    _served(view, ExecutionRequested, phase=event.phase)


def _overridden(view: RunView, event: Overridden) -> None:
    view.overridden[event.tree, event.check] = event


def _merge_prepared(view: RunView, event: MergePrepared) -> None:
    view.merge.prepared, view.merge.approved = event, None


def _merge_approved(view: RunView, event: MergeApproved) -> None:
    view.merge.approved = event


def _merged(view: RunView, event: Merged) -> None:
    view.merge.merged = event
    for phase in view.phases:
        if phase.state is Status.VALIDATED:
            phase.state = Status.MERGED
    _served(view, MergeRequested)


def _rolled_back(view: RunView, event: RolledBack) -> None:
    view.before_rollback = {number: view.phase(number).state for number in event.phases}
    view.ending_before = view.ending
    for number in event.phases:
        view.phase(number).state = Status.ROLLED_BACK
    view.rollback, view.left = event, event.left
    view.applying = None
    view.merge.prepared = view.merge.approved = None
    _served(view, RollbackRequested)


def _undone(view: RunView, event: Undone) -> None:
    for number, state in view.before_rollback.items():
        view.phase(number).state = state
    view.ending, view.rollback, view.left = view.ending_before, None, event.left
    view.applying = None
    _served(view, UndoRequested)


def _closed(view: RunView, event: RunClosed) -> None:
    view.ending = event.ending


def _step_failed(view: RunView, event: StepFailed) -> None:
    _interrupted(view)
    view.failure = event


def _paused(view: RunView, event: Paused) -> None:
    _interrupted(view)
    view.paused = event


def _interrupted(view: RunView) -> None:
    """Drop the request under way and put its phase back to where it waited."""
    request = view.queue.pop(0) if view.queue else None
    view.applying = None
    if isinstance(request, ProposalRequested):
        phase = view.phase(request.phase)
        phase.asked = False
        if phase.state is Status.PROPOSING:
            phase.state = Status.IDLE
            for action in phase.actions:
                if action.status == "running":
                    action.status = "pending"
    if isinstance(request, ExecutionRequested):
        phase = view.phase(request.phase)
        if phase.state is Status.EXECUTING:
            # The step took its writes to the stage back before it said so.
            phase.state, phase.staged, phase.transaction = Status.APPROVED, False, ""
    if isinstance(request, MergeRequested):
        view.merge.prepared = view.merge.approved = None  # the target may have moved again


def _edited_outside(view: RunView, event: EditedOutside) -> None:
    view.phase(event.phase).outside.update(event.paths)


def _recovered(view: RunView, event: Recovered) -> None:
    view.recovered.append(event)


_FOLDS: dict[type[Event], Callable[[RunView, Any], None]] = {
    ProposalRequested: _proposal_requested,
    SealRequested: _request,
    ExecutionRequested: _request,
    MergeRequested: _request,
    RollbackRequested: _request,
    UndoRequested: _request,
    AttemptStarted: _attempt_started,
    ActionStarted: _action_started,
    ActionFinished: _action_finished,
    Proposed: _proposed,
    ProposedNothing: _proposed_nothing,
    ProposalFailed: _proposal_failed,
    Sealed: _sealed,
    FileDecided: _file_decided,
    DecisionCleared: _decision_cleared,
    CheckFinished: _check_finished,
    Rehearsed: _rehearsed,
    ChecksFinished: _checks_finished,
    Approved: _approved,
    Rejected: _rejected,
    ApplyStarted: _apply_started,
    ApplyFinished: _apply_finished,
    Executed: _executed,
    Validated: _checkpointed,
    Unvalidated: _checkpointed,
    Overridden: _overridden,
    MergePrepared: _merge_prepared,
    MergeApproved: _merge_approved,
    Merged: _merged,
    RolledBack: _rolled_back,
    Undone: _undone,
    RunClosed: _closed,
    StepFailed: _step_failed,
    Paused: _paused,
    EditedOutside: _edited_outside,
    Recovered: _recovered,
}
