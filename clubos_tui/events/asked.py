"""What people ask for, decide and approve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import TreeId
from clubos_tui.events.words import Scope
from clubos_tui.plan import Needs
from clubos_tui.spending import Scope as SpendingScope
from clubos_tui.spending import Unit


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
    """One person's yes to exactly (base, change set, attempt); ``digest`` binds every byte."""

    phase: int
    base: TreeId
    change_set: TreeId
    attempt: int
    by: str
    how: Literal["person", "plan", "flag"]
    digest: str
    shown: Shown | None = None
    lacking: int = 0  # people who had to say yes too, after this one; told, never relied on


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
    """One person's yes to a merged tree that differs from the last phase's."""

    tree: TreeId
    by: str
    how: Literal["person", "flag"]
    lacking: int = 0  # people who had to say yes too, after this one; told, never relied on


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
