"""What an agent says in the protocol, as events. Pure."""

from __future__ import annotations

import hashlib
import json
import os.path
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

__all__ = ["Calls", "cut", "harmless", "inside", "option", "permission"]

_LONGEST: Final = 4_000  # characters of what a call is given, or gives back
_TITLE: Final = 200
_PATHS: Final = 50  # of one call, steps of one plan
_KNOWN: Final = 1_000  # calls of which more than the next update is known
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
    outside: bool = False  # one of the paths is
    given: str = ""  # what it hands over, as people read it
    whole: Mapping[str, str] = field(default_factory=dict)  # digests, also of what is cut off
    runs: bool = False  # it hands over a command
    steady: bool = True  # that is what its kind was told with
    detail: str = ""


class Calls:
    """The tool calls of a session; an update tells only what is new."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def take(self, update: schema.ToolCall | schema.ToolCallUpdate) -> _Call:
        """Take in what is new of a call, and return all that is known of it."""
        call = self._calls.pop(update.tool_call_id, None) or _Call(cut(update.tool_call_id, _TITLE))
        places = [item.path for item in update.locations or ()]
        if places:
            paths = tuple(cut(inside(path) or path, _TITLE) for path in places[:_PATHS])
            outside = len(places) > _PATHS or any(inside(path) is None for path in places)
            call = replace(
                call, paths=paths, outside=outside, whole={**call.whole, "places": _digest(places)}
            )
        if update.raw_input is not None:
            digest = _digest(update.raw_input)
            steady = update.kind is not None or call.whole.get("given", digest) == digest
            runs = isinstance(update.raw_input, dict) and "command" in update.raw_input
            call = replace(
                call, given=_given(update.raw_input), steady=steady, runs=runs,
                whole={**call.whole, "given": digest},
            )  # fmt: skip
        if update.title:
            call = replace(call, whole={**call.whole, "title": _digest(update.title)})
        if update.content:
            said = [item.model_dump(mode="json") for item in update.content]
            call = replace(call, whole={**call.whole, "content": _digest(said)})
        call = replace(
            call,
            title=cut(" ".join((update.title or "").split()), _TITLE) or call.title,
            kind=update.kind or call.kind,
            status=update.status or call.status,
            detail=_content(update.content or ()) or call.detail,
        )
        self._calls[update.tool_call_id] = call
        while len(self._calls) > _KNOWN:
            del self._calls[next(iter(self._calls))]
        return call

    def events(self, update: object) -> Iterable[AgentEvent]:
        """Return what an update is to whoever watches."""
        if isinstance(update, schema.AgentMessageChunk | schema.AgentThoughtChunk):
            text = _text(update.content)
            thought = isinstance(update, schema.AgentThoughtChunk)
            return (ThoughtChunk(text) if thought else MessageChunk(text),) if text else ()
        if isinstance(update, schema.AgentPlanUpdate):
            steps = (
                f"{_MARKS.get(item.status, '')} {cut(item.content, _TITLE)}"
                for item in update.entries[:_PATHS]
            )
            return (PlanUpdate(tuple(steps)),)
        if isinstance(update, schema.ToolCallStart | schema.ToolCallProgress):
            call = self.take(update)
            path = call.paths[0] if call.paths else ""
            detail = call.detail if call.status == "failed" else call.given or call.detail
            if not (update.raw_input or update.content or update.title):
                detail = ""  # it has been told
            return (ToolCall(call.id, call.title or call.kind, call.kind, call.status, path,
                             detail),)  # fmt: skip
        if isinstance(update, schema.UsageUpdate):
            cost = f", {update.cost.amount:.2f} {update.cost.currency}" if update.cost else ""
            words = f"The agent reports {update.used:,} of {update.size:,} tokens{cost}"
            return (Notice(words, "debug"),)
        return ()


def permission(call: _Call) -> PermissionRequest:
    """Return a question as a person sees it; its id is of all that is asked, shown or not."""
    detail = "\n".join(part for part in (call.given, *call.paths) if part) or call.detail
    asked = _digest([call.kind, call.whole])[:16]
    return PermissionRequest(asked, call.title, detail, call.kind)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def harmless(call: _Call) -> bool:
    """Tell whether a call is about files of the workspace alone, as far as it says."""
    return call.kind in _HARMLESS and call.steady and not call.outside and not call.runs


def option(options: Sequence[schema.PermissionOption], *, allowed: bool) -> str | None:
    """Return the option for an answer, by its kind; none that would be kept beyond this once."""
    kind = "allow_once" if allowed else "reject_once"
    return next((item.option_id for item in options if item.kind == kind), None)


def inside(path: str) -> str | None:
    """Return a path of the box within the workspace; ``None`` where it is outside."""
    whole = os.path.normpath(os.path.join(INSIDE, path))
    if whole == INSIDE:
        return "."
    return whole.removeprefix(f"{INSIDE}/") if whole.startswith(f"{INSIDE}/") else None


def cut(text: str, most: int) -> str:
    """Return a text, or its beginning and how much of it is not shown."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… and {len(text) - most:,} more characters"


def _given(given: Any) -> str:
    """Return what a call hands over: a command as a line first, then everything else as JSON."""
    if given in ({}, [], ""):
        return ""
    rest, line = given, ""
    if isinstance(given, dict):
        rest = dict(given)
        words = rest.pop("command", "")
        words = words if isinstance(words, list) else [words]
        if all(isinstance(word, str) for word in words):
            arguments = rest.get("args")
            if isinstance(arguments, list) and all(isinstance(item, str) for item in arguments):
                words = [*words, *rest.pop("args")]
            line = words[0] if len(words) == 1 else shlex.join(words)
        else:
            rest = given
    elif isinstance(given, str):
        rest, line = {}, given
    more = "" if rest in ({}, None) else json.dumps(rest, ensure_ascii=False, indent=1, default=str)
    return cut("\n".join(part for part in (line, more) if part), _LONGEST)


def _content(items: Iterable[object]) -> str:
    parts = []
    for item in items:
        if isinstance(item, schema.ContentToolCallContent):
            parts.append(_text(item.content))
        elif isinstance(item, schema.FileEditToolCallContent):
            parts.append(f"edits {inside(item.path) or item.path}")
    return cut("\n".join(part for part in parts if part), _LONGEST)


def _text(block: object) -> str:
    if isinstance(block, schema.TextContentBlock):
        return block.text
    if isinstance(block, schema.ResourceContentBlock):
        return f"[{block.name}]"
    return f"[{getattr(block, 'type', 'something')}]"
