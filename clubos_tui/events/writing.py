"""What the driver reports of writes to stage and checkout, of branches, and of what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clubos_tui.changes.manifest import Change, TreeId
from clubos_tui.events.words import CommitId, LeftReason


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
