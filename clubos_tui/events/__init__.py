"""Everything that happens, as one closed union of frozen dataclasses.

The journal is a list of these; state, screen and report are folds of it. A tag names each type
in the stored form. Fields hold what a fold needs and what an auditor asks for: who, what exactly
(ids, not descriptions), when it was shown. Times are UTC in ISO 8601 and added by the journal.
"""

from __future__ import annotations

from typing import TypeAlias

from clubos_tui.codec import DecodeError, Json, structure, unstructure
from clubos_tui.events.asked import (
    AgentAdmitted,
    Approved,
    BudgetRaised,
    ChecksRequested,
    Decided,
    DecisionCleared,
    DecisionUndone,
    EditRequested,
    ExecutionRequested,
    FileDecided,
    MergeApproved,
    MergeRequested,
    Overridden,
    PauseRequested,
    PermissionAnswered,
    ProposalRequested,
    Rejected,
    ResumeRequested,
    RollbackRequested,
    SealRequested,
    Shown,
    UndoRequested,
)
from clubos_tui.events.checking import (
    CheckFinished,
    CheckProved,
    ChecksFinished,
    CheckStarted,
    Rehearsed,
    Unvalidated,
    Validated,
)
from clubos_tui.events.letting_go import Gone, LetGo
from clubos_tui.events.proposing import (
    ActionFinished,
    ActionHeld,
    ActionStarted,
    AttemptStarted,
    Edited,
    PermissionAsked,
    ProposalFailed,
    Proposed,
    ProposedNothing,
    Sealed,
    TurnTaken,
)
from clubos_tui.events.run import RunClosed, RunStarted, Taken
from clubos_tui.events.words import CommitId, Ending, LeftReason, Outcome, RunId, Scope, Seq
from clubos_tui.events.writing import (
    ApplyFinished,
    ApplyStarted,
    EditedOutside,
    Executed,
    JournalRecovered,
    Left,
    Merged,
    MergePrepared,
    Paused,
    Recovered,
    RolledBack,
    StepFailed,
    Undone,
)

__all__ = [
    "TAGS",
    "TYPES",
    "ActionFinished",
    "ActionHeld",
    "ActionStarted",
    "AgentAdmitted",
    "ApplyFinished",
    "ApplyStarted",
    "Approved",
    "AttemptStarted",
    "BudgetRaised",
    "CheckFinished",
    "CheckProved",
    "CheckStarted",
    "ChecksFinished",
    "ChecksRequested",
    "CommitId",
    "Decided",
    "DecisionCleared",
    "DecisionUndone",
    "EditRequested",
    "Edited",
    "EditedOutside",
    "Ending",
    "Event",
    "Executed",
    "ExecutionRequested",
    "FileDecided",
    "Gone",
    "JournalRecovered",
    "Left",
    "LeftReason",
    "LetGo",
    "MergeApproved",
    "MergePrepared",
    "MergeRequested",
    "Merged",
    "Outcome",
    "Overridden",
    "PauseRequested",
    "Paused",
    "PermissionAnswered",
    "PermissionAsked",
    "ProposalFailed",
    "ProposalRequested",
    "Proposed",
    "ProposedNothing",
    "Recovered",
    "Rehearsed",
    "Rejected",
    "ResumeRequested",
    "RollbackRequested",
    "RolledBack",
    "RunClosed",
    "RunId",
    "RunStarted",
    "Scope",
    "SealRequested",
    "Sealed",
    "Seq",
    "Shown",
    "StepFailed",
    "Taken",
    "TurnTaken",
    "UndoRequested",
    "Undone",
    "Unvalidated",
    "Validated",
    "decode",
    "encode",
    "tag_of",
]

Event: TypeAlias = (
    RunStarted | RunClosed | Taken
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
    | Recovered | JournalRecovered | LetGo
)  # fmt: skip

# The stored tags. Renaming a class is free; renaming a tag breaks every journal there is.
TAGS: dict[type[Event], str] = {
    RunStarted: "run.started",
    RunClosed: "run.closed",
    Taken: "run.taken",
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
    LetGo: "let.go",
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
