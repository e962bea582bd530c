"""What an agent is to the engine, in the words of the Agent Client Protocol.

An agent gets a folder and prompts, and streams events; it returns no files. What it changed is
found by the scan. Exactly one :class:`TurnEnded` ends a prompt, and it comes last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from clubos_tui.changes.decisions import Decision
from clubos_tui.codec import Json, structure, unstructure
from clubos_tui.plan import Model, Needs, Plan
from clubos_tui.spending import Limit, ModelTurn
from clubos_tui.workspace.untracked import AskUntracked

StopReason = Literal["end_turn", "max_tokens", "refusal", "cancelled", "failed", "held"]
ToolKind = Literal[
    "read", "edit", "delete", "move", "search", "execute", "think", "fetch", "switch_mode", "other"
]
ToolStatus = Literal["pending", "in_progress", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder an agent works in; nothing outside it is the agent's business.

    An agent that asks a model keeps each answer in the file ``recording``, from which it goes on
    after a kill: ``turns`` are the records of this attempt, ``earlier`` those of the attempts that
    it revises, each by its SHA-256.
    """

    folder: str
    plan: Plan
    phase: int
    attempt: int
    withheld: tuple[str, ...] = ()
    model: Model = Model()
    recording: str = ""
    turns: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    requests: int = 0  # to a model, in this attempt so far
    needs: Needs = Needs()  # what a person has said that the agent is given
    untracked: AskUntracked = nullcontext  # which paths the scan leaves behind


@dataclass(frozen=True, slots=True)
class Request:
    """One action's prompt, with what a reviewer and the checks said of the attempt before."""

    action: str
    prompt: str
    reason: str = ""
    notes: tuple[Decision, ...] = ()
    failed_checks: tuple[str, ...] = ()
    revises: bool = False  # the workspace holds the proposal that this is said of
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageChunk:
    """Words for the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtChunk:
    """Words from the agent to itself."""

    text: str


@dataclass(frozen=True, slots=True)
class PlanUpdate:
    """What the agent means to do, step by step."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool starts or changes its status; ``id`` ties the updates of a call together."""

    id: str
    title: str
    kind: ToolKind
    status: ToolStatus
    path: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """The agent asks for something that only a person may allow, and waits.

    ``id`` is of what is asked, so that the same, asked again, has the same answer.
    """

    id: str
    title: str
    detail: str
    kind: ToolKind = "other"


@dataclass(frozen=True, slots=True)
class TerminalOutput:
    """What a command printed."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens so far in this prompt; money in millionths of a cent, -1 if unknown.

    ``estimated`` while the API has not said yet what an answer uses.
    """

    input_tokens: int
    output_tokens: int
    microcents: int = -1
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """A model was asked once. It is on disk before the agent is asked for its next event."""

    turn: ModelTurn


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The next request could go beyond a limit; the end of the turn says so in words."""

    limit: Limit


@dataclass(frozen=True, slots=True)
class RetryScheduled:
    """A request failed and is tried again."""

    reason: str
    attempt: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class TurnReset:
    """What was streamed since the last turn is withdrawn."""

    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The program, and not the agent, has something to say."""

    text: str
    level: Literal["debug", "info", "success", "warning", "error"] = "info"
    path: str = ""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The prompt is over; ``error`` says why where it failed.

    *held*: the same prompt, given again, goes on where it stopped.
    """

    reason: StopReason
    summary: str = ""
    error: str = ""
    cure: str = ""


AgentEvent: TypeAlias = (
    MessageChunk | ThoughtChunk | PlanUpdate | ToolCall | PermissionRequest | TerminalOutput
    | Usage | TurnTaken | LimitReached | RetryScheduled | TurnReset | Notice | TurnEnded
)  # fmt: skip

TAGS: dict[type[AgentEvent], str] = {
    MessageChunk: "message",
    ThoughtChunk: "thought",
    PlanUpdate: "plan",
    ToolCall: "tool",
    PermissionRequest: "permission",
    TerminalOutput: "terminal",
    Usage: "usage",
    TurnTaken: "turn.taken",
    LimitReached: "limit",
    RetryScheduled: "retry",
    TurnReset: "reset",
    Notice: "notice",
    TurnEnded: "turn.ended",
}
_TYPES = {tag: cls for cls, tag in TAGS.items()}


def encode(event: AgentEvent) -> tuple[str, Json]:
    """Return the tag and fields that a stream file holds."""
    return TAGS[type(event)], unstructure(event)


def decode(data: Json) -> AgentEvent | None:
    """Return the event of a stream record, or ``None`` for a type that is not an agent's."""
    fields = dict(data)
    cls = _TYPES.get(fields.pop("type", ""))
    fields.pop("at", None)
    return None if cls is None else structure(cls, fields)


class Agent(Protocol):
    """Whatever proposes changes."""

    async def start(self, workspace: Workspace) -> None:
        """Get ready to work in ``workspace``; raises ``AgentFailed`` where that can't be."""

    def prompt(self, request: Request) -> AsyncIterator[AgentEvent]:
        """Carry out one action and stream what happens."""

    async def cancel(self) -> None:
        """Stop the prompt under way; its last event is ``TurnEnded("cancelled")``."""

    async def aclose(self) -> None:
        """Give everything back; may be called twice."""


@runtime_checkable
class Asking(Agent, Protocol):
    """An agent that asks for permissions."""

    def answer(self, permission: str, *, allowed: bool) -> None:
        """Answer a :class:`PermissionRequest` by its id; one that is not open is left alone."""
