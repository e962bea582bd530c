"""What the driver reports of checks, gates and rehearsals."""

from __future__ import annotations

from dataclasses import dataclass

from clubos_tui.changes.manifest import TreeId
from clubos_tui.events.words import Outcome, Scope


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
