"""The state of a run, as :mod:`clubos_tui.engine.fold` makes it from the journal.

Values and questions about them; no clock, no disk, no git. What is stale or whether a gate is
open is derived each time it is asked and stored nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from clubos_tui import __version__
from clubos_tui.changes.decisions import Draft
from clubos_tui.changes.manifest import Change, Counts, TreeId, counts, digest
from clubos_tui.engine.permissions import Permissions
from clubos_tui.events import (
    ActionHeld,
    ApplyFinished,
    ApplyStarted,
    Approved,
    CheckFinished,
    CheckProved,
    CommitId,
    Ending,
    Event,
    Left,
    MergeApproved,
    Merged,
    MergePrepared,
    MergeRequested,
    Overridden,
    Paused,
    Recovered,
    Rehearsed,
    Rejected,
    RolledBack,
    RunStarted,
    Scope,
    StepFailed,
)
from clubos_tui.plan import Approvers, Budget, CheckSpec, Needs, Phase, Plan
from clubos_tui.spending import Limit, Spent, limits


class Status(StrEnum):
    """Where a phase stands, and how it gets there."""

    IDLE = "idle"  # nothing was asked yet
    PROPOSING = "proposing"  # a dry run is under way
    HELD = "held"  # an action stands still; what a model answered is kept
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


CheckKey: TypeAlias = tuple[int, Scope, str]
"""Phase, scope and name of a check, whatever tree it was about."""
ON_STAGE = frozenset({Status.EXECUTED, Status.VALIDATED, Status.UNVALIDATED, Status.MERGED})
_RESTS_ON_BASE = frozenset({Status.HELD, Status.PROPOSED, Status.APPROVED, Status.EMPTY})
_HAS_TREE = frozenset({Status.PROPOSED, Status.APPROVED, Status.EXECUTING, *ON_STAGE})


@dataclass(slots=True)
class ActionView:
    """One action of the latest attempt."""

    id: str
    name: str
    status: str = "pending"  # pending, running, success, failed
    result: str = ""
    error: str = ""
    stream: str = ""
    starts: int = 0  # how often its prompt was given in this attempt
    changes: tuple[Change, ...] = ()
    milliseconds: int = 0
    left_behind: tuple[str, ...] = ()  # in the workspace then, as git ignores it
    left_count: int = 0


@dataclass(slots=True)
class PhaseView:
    """One phase; ``state`` is what its own events made it, see :meth:`RunView.status`."""

    number: int
    spec: Phase
    state: Status = Status.IDLE
    asked: bool = False  # a dry run was asked for and has not started
    attempt: int = 0
    requested_by: str = ""  # who asked for this attempt
    base: TreeId = TreeId("")
    seed: TreeId = TreeId("")
    workspace: str = ""
    withheld: tuple[str, ...] = ()
    agent: str = ""
    actions: list[ActionView] = field(default_factory=list)
    tree: TreeId = TreeId("")  # what the workspace held after the last action
    previous: TreeId = TreeId("")  # what the attempt before this one proposed
    budget: Budget = Budget()  # the plan's, as people have raised it since
    spent: Spent = Spent()  # over all attempts
    requests: int = 0  # to a model, in this attempt
    model: str = ""  # that answered last
    turns: tuple[str, ...] = ()  # the records of what was answered in this attempt
    earlier: tuple[str, ...] = ()  # the same of the attempts that it revises
    held: ActionHeld | None = None
    permissions: Permissions = field(default_factory=Permissions)  # of this attempt
    change_set: TreeId = TreeId("")
    manifest: tuple[Change, ...] = ()
    draft: Draft = field(default_factory=Draft)
    edited: dict[str, str] = field(default_factory=dict)  # path -> who edited the proposal there
    before: TreeId = TreeId("")  # the change set that this one took the place of
    judged: Draft = field(default_factory=Draft)  # the draft on it when it was rejected
    replaced: bool = False  # the seal or edit that was asked for is done
    checkout: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    rehearsed: Rehearsed | None = None
    rule: Approvers = Approvers()  # who has to approve it
    approvals: tuple[Approved, ...] = ()  # of what is pending, a person each
    approval: Approved | None = None  # the one with which it was approved
    rejection: Rejected | None = None
    error: str = ""
    cure: str = ""
    code: int = 0  # the exit code of that error
    branch: str = ""
    commit: CommitId = CommitId("")
    transaction: str = ""
    staged: bool = False  # its transaction on the stage is done
    _rows: tuple[tuple[Change, ...], dict[str, Change]] = field(
        default=((), {}), init=False, compare=False, repr=False
    )

    def row(self, path: str) -> Change | None:
        """Return the row of a path in the pending change set, which may have very many."""
        if self._rows[0] is not self.manifest:
            self._rows = self.manifest, {row.path: row for row in self.manifest}
        return self._rows[1].get(path)

    @property
    def required_approval(self) -> bool:
        """Whether a person has to approve it; a rule about people is one for people."""
        return self.spec.required_approval or bool(self.rule)

    @property
    def counts(self) -> Counts:
        """How many files the pending change set creates, modifies and deletes."""
        return counts(self.manifest)

    @property
    def left_behind(self) -> tuple[tuple[str, ...], int]:
        """What the last action that went well left out of the change set, and how much it is."""
        done = [action for action in self.actions if action.status == "success"]
        return (done[-1].left_behind, done[-1].left_count) if done else ((), 0)

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
    approvals: tuple[MergeApproved, ...] = ()  # of the merged tree, a person each
    approved: MergeApproved | None = None  # the one with which it was approved
    merged: Merged | None = None

    def prepare(self, prepared: MergePrepared | None) -> None:
        """Begin anew with a merged tree, or with none; nobody has approved it."""
        self.prepared, self.approvals, self.approved = prepared, (), None


@dataclass(slots=True)
class RunView:
    """A whole run."""

    started: RunStarted
    plan: Plan
    phases: list[PhaseView]
    budget: Budget = Budget()  # of the run
    spent: Spent = Spent()
    admitted: dict[str, Needs] = field(default_factory=dict)  # agent -> what it may be given
    queue: list[Event] = field(default_factory=list)  # requests not yet fulfilled, oldest first
    checks: dict[tuple[Scope, TreeId], dict[str, CheckFinished]] = field(default_factory=dict)
    gates: dict[tuple[Scope, TreeId], bool] = field(default_factory=dict)
    latest: dict[CheckKey, CheckFinished] = field(default_factory=dict)
    earlier: dict[CheckKey, CheckFinished] = field(default_factory=dict)  # the time before that
    proofs: dict[str, CheckProved] = field(default_factory=dict)  # by the digest of the check
    overridden: dict[tuple[Scope, TreeId, str], Overridden] = field(default_factory=dict)
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
    worker: str = ""  # that drives a shared run, or did last

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
        return self._standing(number)[1]

    def status(self, number: int) -> Status:
        """Return where a phase stands, *stale* where the tree before it has changed."""
        return self._standing(number)[0]

    def _standing(self, number: int) -> tuple[Status, TreeId | None]:
        """Walk from the first phase on: what each builds on follows from those before it."""
        status, base = Status.IDLE, None
        tree: TreeId | None = self.started.base_tree
        for phase in self.phases[:number]:
            status, base = phase.state, tree
            if status in _RESTS_ON_BASE and phase.base != base:
                status = Status.STALE
            if status is not Status.EMPTY:
                tree = phase.change_set if status in _HAS_TREE else None
        return status, base

    def gate_open(self, scope: Scope, tree: TreeId) -> bool | None:
        """Tell whether the checks of ``tree`` open their gate; ``None`` while they have not ended.

        A required check that is failed or unknown closes it unless a person overrode that check;
        no evidence at all closes it too.
        """
        if (scope, tree) not in self.gates:
            return None
        return bool(self.checks.get((scope, tree))) and not self.closed_checks(scope, tree)

    def closed_checks(self, scope: Scope, tree: TreeId) -> tuple[CheckFinished, ...]:
        """Return the checks that keep the gate of ``tree`` shut."""
        return tuple(
            check
            for check in self.checks.get((scope, tree), {}).values()
            if check.required
            and check.outcome != "passed"
            and (scope, tree, check.check) not in self.overridden
        )

    def is_proved(self, number: int, spec: CheckSpec) -> bool:
        """Tell whether a check was seen to fail on a seeded fault, in this version."""
        proof = self.proofs.get(digest(spec))
        if proof is not None and proof.version == __version__:
            return proof.caught
        return any(
            found.proved == __version__
            for (phase, _, name), found in self.latest.items()
            if (phase, name) == (number, spec.name)
        )

    def agent_of(self, number: int) -> str:
        """Return who carries a phase out."""
        return self.started.agent or self.plan.agent_of(number)

    def admits(self, agent: str, needs: Needs) -> bool:
        """Tell whether a person has said that an agent may have all of that."""
        return self.admitted.get(agent, Needs()).covers(needs)

    def limits(self, number: int) -> tuple[Limit, ...]:
        """Return what a phase's next request to a model must keep, its own and the run's."""
        phase = self.phase(number)
        return limits(phase.budget, phase.spent, self.budget, self.spent)

    def reviewable(self, number: int) -> bool | None:
        """Tell whether its gate is open and its rollback proven; ``None`` while checked."""
        phase = self.phase(number)
        gate = self.gate_open("proposal", phase.change_set)
        if gate is None or phase.rehearsed is None:
            return None
        return gate and phase.rehearsed.identical

    @property
    def merge_waits(self) -> bool:
        """Whether the merge under way stands still until a person decides on the merged tree."""
        prepared = self.merge.prepared
        if prepared is None or not self.queue or not isinstance(self.queue[0], MergeRequested):
            return False
        gate = self.gate_open("merge", prepared.tree)
        return gate is False or (gate is True and prepared.moved and self.merge.approved is None)

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
