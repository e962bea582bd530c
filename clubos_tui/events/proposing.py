"""What the driver reports of attempts, and what they propose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change, TreeId
from clubos_tui.spending import Limit, ModelTurn


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
