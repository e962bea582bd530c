"""Everything that happens, as one closed union of frozen dataclasses.

The journal is a list of these; state, screen and report are folds of it. A tag names each type
in the stored form. Fields hold what a fold needs and what an auditor asks for: who, what exactly
(ids, not descriptions), when it was shown. Times are UTC in ISO 8601 and added by the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NewType, TypeAlias

from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change, TreeId
from clubos_tui.codec import DecodeError, Json, structure, unstructure
from clubos_tui.plan import Model, Needs
from clubos_tui.spending import Limit, ModelTurn, Unit
from clubos_tui.spending import Scope as SpendingScope

RunId = NewType("RunId", str)
Seq = NewType("Seq", int)
CommitId = NewType("CommitId", str)

Outcome = Literal["passed", "failed", "unknown", "not run"]
Scope = Literal["proposal", "stage", "merge"]
Ending = Literal["merged", "rolled back", "abandoned"]
LeftReason = Literal["changed since", "index changed", "not ours"]


# --- the run -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A person started a journey through ``plan``, which is frozen here."""

    run: RunId
    repository: str
    target: str  # full ref name; empty where HEAD was detached
    base_commit: CommitId
    base_tree: TreeId
    object_format: str
    plan: dict[str, Any]
    plan_sha256: str
    plan_source: str
    by: str
    version: str
    agent: str = ""  # overrides the plan's agent for every phase
    prior_head: str = ""  # hash of the last event of the run before this one
    model: Model = Model()  # overrides the plan's model for every phase


@dataclass(frozen=True, slots=True)
class RunClosed:
    """The run has ended; a merged run can still be rolled back."""

    ending: Ending
    by: str


# --- a person asks or decides ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProposalRequested:
    """A person asked for a dry run of a phase."""

    phase: int
    by: str


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """A person asked to go on with a dry run that is held; what was answered is kept."""

    phase: int
    by: str


@dataclass(frozen=True, slots=True)
class BudgetRaised:
    """A person set a limit anew, in the plan's units; 0 takes it away."""

    scope: SpendingScope
    phase: int  # the one it was asked for; of a limit of the run only where it was asked
    unit: Unit
    most: int
    by: str


@dataclass(frozen=True, slots=True)
class AgentAdmitted:
    """A person said that an agent may have what it needs of this machine, in this run."""

    agent: str
    needs: Needs
    by: str


@dataclass(frozen=True, slots=True)
class PermissionAnswered:
    """A person answered an agent; ``alike`` answers all of this kind in the attempt."""

    phase: int
    attempt: int
    permission: str
    allowed: bool
    by: str
    alike: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """A person decided on files, hunks or lines of a proposal, in one gesture; a draft."""

    phase: int
    change_set: TreeId
    attempt: int
    decisions: tuple[Decision, ...]
    by: str


@dataclass(frozen=True, slots=True)
class DecisionUndone:
    """A person took the last gesture back."""

    phase: int
    change_set: TreeId
    attempt: int
    by: str


@dataclass(frozen=True, slots=True)
class FileDecided:
    """How older versions said :class:`Decided`; read for ever, never written."""

    phase: int
    change_set: TreeId
    attempt: int
    decision: Decision
    by: str


@dataclass(frozen=True, slots=True)
class DecisionCleared:
    """How older versions said that a file is pending again; read for ever, never written."""

    phase: int
    change_set: TreeId
    attempt: int
    path: str
    by: str


@dataclass(frozen=True, slots=True)
class SealRequested:
    """A person asked for the tree of what was not rejected."""

    phase: int
    change_set: TreeId
    attempt: int
    by: str


@dataclass(frozen=True, slots=True)
class EditRequested:
    """A person edited a proposed file; the new content lies in the run's folder, by its SHA-256."""

    phase: int
    change_set: TreeId
    attempt: int
    path: str
    sha256: str
    by: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person had on the screen when deciding, and for how long."""

    files: int
    seconds: int
    where: str  # "dashboard", "command line"
    lines: int = 0  # changed lines of the change set
    seen: int = 0  # of these, how many were on the screen
    hasty: bool = False  # it was too fast to have been read, and the person was told so


@dataclass(frozen=True, slots=True)
class Approved:
    """A yes to exactly (base, change set, attempt); ``digest`` binds it to every byte."""

    phase: int
    base: TreeId
    change_set: TreeId
    attempt: int
    by: str
    how: Literal["person", "plan", "flag"]
    digest: str
    shown: Shown | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A no to a change set, with the reason and the file notes for the agent's next attempt."""

    phase: int
    change_set: TreeId
    attempt: int
    reason: str
    by: str
    notes: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class ExecutionRequested:
    """A person asked to execute an approved phase for real."""

    phase: int
    by: str


@dataclass(frozen=True, slots=True)
class Overridden:
    """A person opened a gate in spite of a check, by name and with a reason (P7)."""

    phase: int
    tree: TreeId
    check: str
    reason: str
    by: str
    scope: Scope = "proposal"  # evidence gathered elsewhere is another question


@dataclass(frozen=True, slots=True)
class ChecksRequested:
    """A person asked for checks of a tree again, whatever was known; without names for all."""

    phase: int
    scope: Scope
    tree: TreeId
    checks: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class MergeRequested:
    """A person asked to merge what is validated."""

    by: str


@dataclass(frozen=True, slots=True)
class MergeApproved:
    """A yes to a merged tree that differs from the last phase's."""

    tree: TreeId
    by: str
    how: Literal["person", "flag"]


@dataclass(frozen=True, slots=True)
class RollbackRequested:
    """A person asked to take back ``phase`` and every later one; 1 takes the run's all."""

    phase: int
    by: str
    close: bool = False
    take_out: tuple[str, ...] = ()  # edited since: only our part goes, the edit stays


@dataclass(frozen=True, slots=True)
class UndoRequested:
    """A person asked to take the last rollback back."""

    by: str


@dataclass(frozen=True, slots=True)
class PauseRequested:
    """A person interrupted the step under way."""

    by: str


# --- the driver reports ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """The agent gets a workspace; ``seed`` is the tree it starts from (the base, or a rejected
    proposal).
    """

    phase: int
    attempt: int
    base: TreeId
    seed: TreeId
    agent: str
    workspace: str
    withheld: tuple[str, ...] = ()  # tracked files kept from the agent as secrets (P12)


@dataclass(frozen=True, slots=True)
class ActionStarted:
    """An action's prompt goes to the agent; its chatter goes to ``stream``."""

    phase: int
    attempt: int
    action: str
    stream: str


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """A model was asked once; durable before anything that it answered is carried out."""

    phase: int
    attempt: int
    action: str
    turn: ModelTurn


@dataclass(frozen=True, slots=True)
class PermissionAsked:
    """An agent asks for something that only a person may allow, and waits."""

    phase: int
    attempt: int
    action: str
    permission: str  # of what is asked: the same has the same
    kind: str
    title: str  # in the agent's words
    detail: str  # what it hands over with it


@dataclass(frozen=True, slots=True)
class ActionHeld:
    """An action stands still until a person says how to go on; the turns it took are kept."""

    phase: int
    attempt: int
    action: str
    error: str
    cure: str = ""
    limit: Limit | None = None  # the one that is reached
    code: int = 1  # the exit code that goes with it
    permission: str = ""  # the one that is waited for
    refused: tuple[str, ...] = ()  # as of an action that has finished


@dataclass(frozen=True, slots=True)
class ActionFinished:
    """An action ended; ``tree`` and ``changes`` are what the scan found, not what it said."""

    phase: int
    attempt: int
    action: str
    status: Literal["success", "failed"]
    tree: TreeId
    result: str = ""
    error: str = ""
    changes: tuple[Change, ...] = ()
    stream_sha256: str = ""
    milliseconds: int = 0
    refused: tuple[str, ...] = ()  # what its commands printed of what the box refused
    left_behind: tuple[str, ...] = ()  # in the workspace, as git ignores it; a folder ends in "/"
    left_count: int = 0  # of those, named or not


@dataclass(frozen=True, slots=True)
class Proposed:
    """An attempt ended with a change set."""

    phase: int
    attempt: int
    base: TreeId
    change_set: TreeId
    manifest: tuple[Change, ...]
    checkout: dict[str, str] = field(default_factory=dict)  # path -> SHA-256 of what lies there
    decisions: tuple[Decision, ...] = ()  # of the attempt before, on what is still the same


@dataclass(frozen=True, slots=True)
class ProposedNothing:
    """An attempt ended and the workspace is as it was."""

    phase: int
    attempt: int


@dataclass(frozen=True, slots=True)
class ProposalFailed:
    """An attempt ended without a change set."""

    phase: int
    attempt: int
    action: str
    error: str
    cure: str = ""
    code: int = 1  # the exit code that goes with it


@dataclass(frozen=True, slots=True)
class Sealed:
    """The tree of what was not rejected; it takes the proposal's place."""

    phase: int
    attempt: int
    base: TreeId
    from_change_set: TreeId
    change_set: TreeId
    manifest: tuple[Change, ...]
    decisions: tuple[Decision, ...] = ()  # those that hold on it as well


@dataclass(frozen=True, slots=True)
class Edited:
    """The tree with a person's edit in it; it takes the proposal's place."""

    phase: int
    attempt: int
    base: TreeId
    from_change_set: TreeId
    change_set: TreeId
    manifest: tuple[Change, ...]
    path: str
    by: str
    decisions: tuple[Decision, ...] = ()  # those that hold on it as well


@dataclass(frozen=True, slots=True)
class CheckStarted:
    """A check that takes some time was begun; what it comes to is told with all others."""

    phase: int
    scope: Scope
    tree: TreeId
    check: str
    stream: str = ""  # its words, and those of all checks that run with it


@dataclass(frozen=True, slots=True)
class CheckFinished:
    """One check gave its evidence about one tree."""

    phase: int
    scope: Scope
    tree: TreeId
    check: str
    outcome: Outcome
    required: bool
    summary: str
    evidence: tuple[str, ...] = ()
    tool: str = ""
    cases: int = 0
    milliseconds: int = 0
    inputs_sha256: str = ""  # of the check and of all that it depends on; empty: not known
    reused: bool = False  # nothing of that had changed, so it is the evidence of before
    proved: str = ""  # the version of clubos that saw it fail on a seeded fault in this tree
    base: TreeId = TreeId("")
    at_base: int = -1  # cases that it has on that base; -1: not counted
    from_base: tuple[str, ...] = ()  # paths that were judged as they are in the base


@dataclass(frozen=True, slots=True)
class CheckProved:
    """A check was tried on a seeded fault, which it must find; a passed one else proves nothing."""

    phase: int
    check: str
    check_sha256: str  # of the check as the plan has it
    version: str  # of clubos
    caught: bool
    detail: str  # the fault
    by: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The change set was applied and rolled back in a scratch folder, and compared."""

    phase: int
    change_set: TreeId
    identical: bool
    files: int
    detail: str = ""
    milliseconds: int = 0
    paths: int = 0  # compared before and after: files, links, folders, and what is not tracked


@dataclass(frozen=True, slots=True)
class ChecksFinished:
    """All checks of a tree have ended; ``open`` tells whether the gate is."""

    phase: int
    scope: Scope
    tree: TreeId
    open: bool


@dataclass(frozen=True, slots=True)
class Left:
    """A path an operation left alone, and why."""

    path: str
    reason: LeftReason


@dataclass(frozen=True, slots=True)
class ApplyStarted:
    """A transaction is about to write: the intent, durable before the first byte."""

    phase: int
    transaction: str
    place: Literal["stage", "checkout"]
    purpose: Literal["execute", "merge", "rollback", "undo"]
    files: int
    left: tuple[Left, ...] = ()  # what it will not touch, because others changed it before


@dataclass(frozen=True, slots=True)
class ApplyFinished:
    """A transaction ended; ``verified`` paths were compared afresh after it."""

    phase: int
    transaction: str
    verified: int
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True)
class Executed:
    """The approved tree is on the stage and on the phase's branch."""

    phase: int
    change_set: TreeId
    branch: str
    commit: CommitId
    transaction: str


@dataclass(frozen=True, slots=True)
class Validated:
    """The checkpoint passed on the stage."""

    phase: int
    tree: TreeId


@dataclass(frozen=True, slots=True)
class Unvalidated:
    """The checkpoint did not pass on the stage."""

    phase: int
    tree: TreeId
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergePrepared:
    """The tree a merge would make; equal to the last phase's where the target did not move."""

    onto: CommitId
    tree: TreeId
    moved: bool
    manifest: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """The target ref moved to the merge commit, and the checkout with it."""

    target: str
    onto: CommitId
    commit: CommitId
    tree: TreeId
    transaction: str = ""  # empty where the person has another branch checked out


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Phases from ``phase`` on were taken back; ``commit`` is the revert after a merge."""

    phase: int
    phases: tuple[int, ...]
    transaction: str
    restored: int
    deleted: int
    left: tuple[Left, ...] = ()
    commit: CommitId = CommitId("")
    verified: int = 0  # paths that were compared afresh; none where only the ref moved
    taken_out: tuple[str, ...] = ()  # only our part went, the person's edit stayed


@dataclass(frozen=True, slots=True)
class Undone:
    """The last rollback was taken back."""

    phases: tuple[int, ...]
    transaction: str
    restored: int
    left: tuple[Left, ...] = ()
    commit: CommitId = CommitId("")
    deleted: int = 0
    verified: int = 0  # paths that were compared afresh; none where only the ref moved


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step could not be done; it left things as they were, and waits for a person."""

    step: str
    phase: int
    error: str
    untouched: str = ""
    cure: str = ""
    code: int = 1  # the exit code that goes with it


@dataclass(frozen=True, slots=True)
class Paused:
    """The step under way was interrupted and undone; ``detail`` is what a fresh comparison says."""

    step: str
    phase: int
    by: str
    detail: str = ""
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, slots=True)
class EditedOutside:
    """Files of the repository that a proposal touches were changed by someone else."""

    phase: int
    paths: dict[str, str]  # path -> SHA-256 of what lies there now; empty where nothing does


@dataclass(frozen=True, slots=True)
class Recovered:
    """An operation that a crash cut short was finished, undone, or held for a person."""

    transaction: str
    direction: Literal["finished", "undone", "held"]
    detail: str  # what was done, and what a fresh comparison says
    left: tuple[Left, ...] = ()
    purpose: str = ""
    phase: int = 0
    place: str = ""
    found: str = ""  # how far it had come
    backup: str = ""  # the file that holds what it had replaced
    cure: str = ""


@dataclass(frozen=True, slots=True)
class JournalRecovered:
    """A half-written last line was cut off after a crash."""

    bytes_cut: int


Event: TypeAlias = (
    RunStarted | RunClosed
    | ProposalRequested | ResumeRequested | BudgetRaised | AgentAdmitted | PermissionAnswered
    | Decided | DecisionUndone | FileDecided | DecisionCleared | SealRequested
    | EditRequested | Approved | Rejected
    | ExecutionRequested | Overridden | ChecksRequested | MergeRequested | MergeApproved
    | RollbackRequested | UndoRequested | PauseRequested
    | AttemptStarted | ActionStarted | TurnTaken | PermissionAsked | ActionHeld | ActionFinished
    | Proposed | ProposedNothing | ProposalFailed | Sealed | Edited | CheckStarted | CheckFinished
    | CheckProved | Rehearsed
    | ChecksFinished | ApplyStarted | ApplyFinished | Executed | Validated | Unvalidated
    | MergePrepared | Merged | RolledBack | Undone | StepFailed | Paused | EditedOutside
    | Recovered | JournalRecovered
)  # fmt: skip

# The stored tags. Renaming a class is free; renaming a tag breaks every journal there is.
TAGS: dict[type[Event], str] = {
    RunStarted: "run.started",
    RunClosed: "run.closed",
    ProposalRequested: "proposal.requested",
    ResumeRequested: "resume.requested",
    BudgetRaised: "budget.raised",
    AgentAdmitted: "agent.admitted",
    PermissionAnswered: "permission.answered",
    Decided: "decided",
    DecisionUndone: "decision.undone",
    FileDecided: "file.decided",
    DecisionCleared: "decision.cleared",
    SealRequested: "seal.requested",
    EditRequested: "edit.requested",
    Approved: "approved",
    Rejected: "rejected",
    ExecutionRequested: "execution.requested",
    Overridden: "overridden",
    ChecksRequested: "checks.requested",
    MergeRequested: "merge.requested",
    MergeApproved: "merge.approved",
    RollbackRequested: "rollback.requested",
    UndoRequested: "undo.requested",
    PauseRequested: "pause.requested",
    AttemptStarted: "attempt.started",
    ActionStarted: "action.started",
    TurnTaken: "turn.taken",
    PermissionAsked: "permission.asked",
    ActionHeld: "action.held",
    ActionFinished: "action.finished",
    Proposed: "proposed",
    ProposedNothing: "proposed.nothing",
    ProposalFailed: "proposal.failed",
    Sealed: "sealed",
    Edited: "edited",
    CheckStarted: "check.started",
    CheckFinished: "check.finished",
    CheckProved: "check.proved",
    Rehearsed: "rehearsed",
    ChecksFinished: "checks.finished",
    ApplyStarted: "apply.started",
    ApplyFinished: "apply.finished",
    Executed: "executed",
    Validated: "validated",
    Unvalidated: "unvalidated",
    MergePrepared: "merge.prepared",
    Merged: "merged",
    RolledBack: "rolled.back",
    Undone: "undone",
    StepFailed: "step.failed",
    Paused: "paused",
    EditedOutside: "edited.outside",
    Recovered: "recovered",
    JournalRecovered: "journal.recovered",
}
TYPES: dict[str, type[Event]] = {tag: cls for cls, tag in TAGS.items()}


def encode(event: Event) -> tuple[str, Json]:
    """Return the tag and the fields of ``event`` as JSON values."""
    return TAGS[type(event)], unstructure(event)


def tag_of(event: Event) -> str:
    """Return the event's tag in words: ``merge requested``."""
    return TAGS[type(event)].replace(".", " ")


def decode(tag: str, data: Json) -> Event:
    """Return the event; raises :class:`~clubos_tui.codec.DecodeError` for one we do not know."""
    cls = TYPES.get(tag)
    if cls is None:
        raise DecodeError(f"unknown event {tag!r}; it was written by another version of clubos")
    return structure(cls, data)
