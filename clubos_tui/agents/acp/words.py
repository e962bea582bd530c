"""What an agent says in the protocol, as events. Pure."""

from __future__ import annotations

import hashlib
import json
import os.path
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from acp import schema

from clubos_tui.agents.base import (
    AgentEvent,
    MessageChunk,
    Notice,
    PermissionRequest,
    PlanUpdate,
    ThoughtChunk,
    ToolCall,
    ToolKind,
    ToolStatus,
)
from clubos_tui.workspace.sandbox.box import INSIDE

__all__ = ["Calls", "harmless", "inside", "option", "permission"]

_LONGEST: Final = 4_000  # characters of what a call is given, or gives back
_MARKS: Final = {"pending": "[ ]", "in_progress": "[>]", "completed": "[x]"}
_HARMLESS: Final = frozenset({"read", "edit", "delete", "move", "search", "think"})
"""Kinds of calls that are about files: the box holds them, and the review shows them."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A tool call as far as it has been told."""

    id: str
    title: str = ""
    kind: ToolKind = "other"
    status: ToolStatus = "pending"
    paths: tuple[str, ...] = ()
    given: Any = None
    detail: str = ""


class Calls:
    """The tool calls of a session; an update tells only what is new."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def take(self, update: schema.ToolCall | schema.ToolCallUpdate) -> _Call:
        """Take in what is new of a call, and return all that is known of it."""
        call = self._calls.get(update.tool_call_id, _Call(update.tool_call_id))
        paths = tuple(inside(item.path) or item.path for item in update.locations or ())
        call = replace(
            call,
            title=update.title or call.title,
            kind=update.kind or call.kind,
            status=update.status or call.status,
            paths=paths or call.paths,
            given=call.given if update.raw_input is None else update.raw_input,
            detail=_content(update.content or ()) or call.detail,
        )
        self._calls[call.id] = call
        return call

    def events(self, update: object) -> Iterable[AgentEvent]:
        """Return what an update is to whoever watches."""
        if isinstance(update, schema.AgentMessageChunk | schema.AgentThoughtChunk):
            text = _text(update.content)
            thought = isinstance(update, schema.AgentThoughtChunk)
            return (ThoughtChunk(text) if thought else MessageChunk(text),) if text else ()
        if isinstance(update, schema.AgentPlanUpdate):
            steps = (f"{_MARKS.get(item.status, '')} {item.content}" for item in update.entries)
            return (PlanUpdate(tuple(steps)),)
        if isinstance(update, schema.ToolCallStart | schema.ToolCallProgress):
            call = self.take(update)
            detail = _command(call.given) if call.status != "failed" else call.detail
            path = call.paths[0] if call.paths else ""
            return (ToolCall(call.id, call.title or call.kind, call.kind, call.status, path,
                             detail or call.detail),)  # fmt: skip
        if isinstance(update, schema.UsageUpdate):
            cost = f", {update.cost.amount:.2f} {update.cost.currency}" if update.cost else ""
            words = f"The agent reports {update.used:,} of {update.size:,} tokens{cost}"
            return (Notice(words, "debug"),)
        return ()


def permission(call: _Call) -> PermissionRequest:
    """Return a question as a person sees it; its id is of what is asked."""
    detail = "\n".join(part for part in (_command(call.given), *call.paths) if part) or call.detail
    of = hashlib.sha256(json.dumps([call.kind, call.title, detail]).encode()).hexdigest()
    return PermissionRequest(of[:16], call.title, detail, call.kind)


def harmless(call: _Call) -> bool:
    """Tell whether a call is about files of the workspace alone, as far as it says."""
    return call.kind in _HARMLESS and not any(path.startswith("/") for path in call.paths)


def option(options: Sequence[schema.PermissionOption], *, allowed: bool) -> str | None:
    """Return the option for an answer, by its kind; none that would be kept beyond this once."""
    kind = "allow_once" if allowed else "reject_once"
    return next((item.option_id for item in options if item.kind == kind), None)


def inside(path: str) -> str | None:
    """Return a path of the box within the workspace; ``None`` where it is outside."""
    whole = os.path.normpath(os.path.join(INSIDE, path))
    return whole.removeprefix(f"{INSIDE}/") if whole.startswith(f"{INSIDE}/") else None


def _command(given: Any) -> str:
    """Return what a call is given: a command as a line, all else as JSON."""
    if given is None or given == {}:
        return ""
    command = given.get("command") if isinstance(given, dict) else given
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        command = " ".join(command)
    if isinstance(command, str):
        return command[:_LONGEST]
    return json.dumps(given, ensure_ascii=False, indent=1)[:_LONGEST]


def _content(items: Iterable[object]) -> str:
    parts = []
    for item in items:
        if isinstance(item, schema.ContentToolCallContent):
            parts.append(_text(item.content))
        elif isinstance(item, schema.FileEditToolCallContent):
            parts.append(f"edits {inside(item.path) or item.path}")
    return "\n".join(part for part in parts if part)[:_LONGEST]


def _text(block: object) -> str:
    if isinstance(block, schema.TextContentBlock):
        return block.text
    if isinstance(block, schema.ResourceContentBlock):
        return f"[{block.name}]"
    return f"[{getattr(block, 'type', 'something')}]"
