"""One answer of the model, put together from the events of its stream.

Events are plain JSON values, as the Messages API sends them, so that a recorded stream is read the
same way. Only what came whole counts: a tool's input stays the text that was streamed, and without
``message_stop`` and a stop reason there was no answer. Each fragment is looked at once.

Source of the event order: the Messages API's streaming reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from clubos_tui.agents.base import AgentEvent, MessageChunk, ThoughtChunk, ToolCall
from clubos_tui.agents.claude.money import Tokens
from clubos_tui.codec import Json

__all__ = ["Call", "StreamFault", "Turn"]


class StreamFault(Exception):
    """A stream that can't be trusted any more; nothing of its turn is used.

    ``kind`` is the API's own word where it sent an error (``overloaded_error``), else
    ``malformed_stream``.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, its input as the text that was streamed."""

    id: str
    name: str
    raw: str


@dataclass(slots=True)
class _Block:
    start: Json
    parts: list[str] = field(default_factory=list)
    signature: list[str] = field(default_factory=list)
    citations: list[Any] = field(default_factory=list)
    done: bool = False
    size: int = 0

    @property
    def kind(self) -> str:
        return str(self.start.get("type"))

    @property
    def text(self) -> str:
        return "".join(self.parts)


class Turn:
    """The answer so far."""

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self.stop_reason: str | None = None
        self.stop_details: Json | None = None
        self.tokens = Tokens()
        self.complete = False
        """Whether the stream came to its own end; the stop reason is only then to be believed."""
        self.received = 0
        """Characters that came so far: the API says only at the end what they are in tokens."""
        self._blocks: list[_Block] = []
        self._usage: Json = {}

    @classmethod
    def of(cls, events: Iterable[Json]) -> Turn:
        """Return the answer that a recorded stream makes."""
        turn = cls()
        for event in events:
            for _ in turn.feed(event):
                pass
        return turn

    # --- reading --------------------------------------------------------------------------------

    def feed(self, event: Json) -> Iterator[AgentEvent]:
        """Take an event in and yield what a person may see of it.

        Raises:
            StreamFault: The API sent an error, or the events make no sense.
        """
        if self.complete:
            raise _malformed("an event after message_stop")
        kind = event.get("type")
        try:
            if kind == "content_block_delta":
                yield from self._delta(self._open(event), event["delta"])
            elif kind == "content_block_start":
                yield from self._start(event)
            elif kind == "content_block_stop":
                self._open(event).done = True
            elif kind == "message_start":
                self._begin(event["message"])
            elif kind == "message_delta":
                self._end(event)
            elif kind == "message_stop":
                self._stop()
            elif kind == "error":
                error = event.get("error") or {}
                raise StreamFault(
                    str(error.get("type", "api_error")), str(error.get("message", "no message"))
                )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _malformed(f"{kind} lacks {error}") from None

    def _begin(self, message: Json) -> None:
        if self.id or self._blocks:
            raise _malformed("a second message_start")
        self.id, self.model = str(message["id"]), str(message["model"])
        self._count(message.get("usage"))

    def _open(self, event: Json) -> _Block:
        index = event["index"]
        if not isinstance(index, int) or not 0 <= index < len(self._blocks):
            raise _malformed(f"block {index} was never started")
        block = self._blocks[index]
        if block.done:
            raise _malformed(f"block {index} goes on after its end")
        return block

    def _start(self, event: Json) -> Iterator[AgentEvent]:
        if not self.id or event["index"] != len(self._blocks):
            raise _malformed(f"block {event['index']} comes out of turn")
        block = _Block(dict(event["content_block"]))
        self._blocks.append(block)
        if block.kind == "tool_use":
            yield ToolCall(
                str(block.start["id"]), str(block.start["name"]), "other", "pending"
            )  # fmt: skip
        elif block.kind in _TEXTS and (text := block.start.get(_TEXTS[block.kind])):
            yield self._said(block, str(text))

    def _delta(self, block: _Block, delta: Json) -> Iterator[AgentEvent]:
        kind = delta["type"]
        if kind == "input_json_delta":
            block.parts.append(_text(delta["partial_json"]))
            block.size += len(block.parts[-1])
            self.received += len(block.parts[-1])
        elif kind in ("text_delta", "thinking_delta"):
            text = _text(delta[kind.removesuffix("_delta")])
            if text:
                yield self._said(block, text)
        elif kind == "signature_delta":
            block.signature.append(_text(delta["signature"]))
        elif kind == "citations_delta":
            block.citations.append(delta["citation"])

    def _said(self, block: _Block, text: str) -> AgentEvent:
        block.parts.append(text)
        self.received += len(text)
        return ThoughtChunk(text) if block.kind == "thinking" else MessageChunk(text)

    def _end(self, event: Json) -> None:
        delta = event["delta"]
        self.stop_reason = delta.get("stop_reason") or self.stop_reason
        self.stop_details = delta.get("stop_details") or self.stop_details
        self._count(event.get("usage"))

    def _stop(self) -> None:
        if self.stop_reason is None or not all(block.done for block in self._blocks):
            raise _malformed("message_stop before the message was whole")
        self.complete = True

    def _count(self, usage: Json | None) -> None:
        # What a later event says takes the place of what an earlier one said.
        self._usage |= {key: value for key, value in (usage or {}).items() if value is not None}
        found = self._usage
        long = _number(found.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
        self.tokens = Tokens(
            _number(found, "input_tokens"),
            _number(found, "output_tokens"),
            _number(found, "cache_read_input_tokens"),
            _number(found, "cache_creation_input_tokens") - long,
            long,
        )

    # --- what came ------------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """The tool calls to carry out: none unless the whole answer says that it waits for them."""
        if not self.complete or self.stop_reason != "tool_use":
            return []
        return [
            Call(str(block.start["id"]), str(block.start["name"]), block.text)
            for block in self._blocks
            if block.kind == "tool_use"
        ]

    @property
    def unanswered(self) -> list[str]:
        """The ids of tool calls that the answer holds although it does not wait for them."""
        if self.stop_reason == "tool_use":
            return []
        return [str(block.start["id"]) for block in self._blocks if block.kind == "tool_use"]

    @property
    def writing(self) -> tuple[str, str, int] | None:
        """Id, tool and characters so far of the call that is just being streamed."""
        last = self._blocks[-1] if self._blocks else None
        if last is None or last.done or last.kind != "tool_use":
            return None
        return str(last.start["id"]), str(last.start["name"]), last.size

    @property
    def may_go_on(self) -> bool:
        """Whether an answer that was cut off at its limit can be sent back, to be gone on with."""
        cut_call = any(block.kind == "tool_use" for block in self._blocks)
        cut_thought = any(b.kind == "thinking" and not b.signature for b in self._blocks)
        return bool(self.text.strip()) and not cut_call and not cut_thought

    @property
    def text(self) -> str:
        """The words of the answer, without thoughts."""
        return "".join(block.text for block in self._blocks if block.kind == "text")

    def content(self) -> list[Json]:
        """Return the answer as it is sent back in the next request.

        Thoughts go back unchanged. An input that is no object becomes an empty one: the API takes
        no other, and the call's result says what was wrong with it.
        """
        return [_content(block) for block in self._blocks if block.kind != "text" or block.text]

    def events(self) -> list[Json]:
        """Return the events that came, with their fragments put together."""
        if not self.id:
            return []
        message = {"id": self.id, "model": self.model, "usage": dict(self._usage)}
        out: list[Json] = [{"type": "message_start", "message": message}]
        for index, block in enumerate(self._blocks):
            start = {k: "" if k == _TEXTS.get(block.kind) else v for k, v in block.start.items()}
            out.append(
                {"type": "content_block_start", "index": index, "content_block": start}
            )  # fmt: skip
            out += [
                {"type": "content_block_delta", "index": index, "delta": delta}
                for delta in _deltas(block)
            ]
            if block.done:
                out.append({"type": "content_block_stop", "index": index})
        if self.stop_reason:
            delta = {"stop_reason": self.stop_reason, "stop_details": self.stop_details}
            out.append({"type": "message_delta", "delta": delta, "usage": dict(self._usage)})
        if self.complete:
            out.append({"type": "message_stop"})
        return out


def _deltas(block: _Block) -> Iterator[Json]:
    if block.kind == "tool_use" and block.parts:
        yield {"type": "input_json_delta", "partial_json": block.text}
    elif block.kind in _TEXTS and block.parts:
        yield {"type": f"{block.kind}_delta", _TEXTS[block.kind]: block.text}
    if block.signature:
        yield {"type": "signature_delta", "signature": "".join(block.signature)}
    for citation in block.citations:
        yield {"type": "citations_delta", "citation": citation}


_TEXTS: Final = {"text": "text", "thinking": "thinking"}


def _malformed(message: str) -> StreamFault:
    return StreamFault("malformed_stream", message)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value


def _number(usage: Json, key: str) -> int:
    value = usage.get(key, 0)
    if not isinstance(value, int):
        raise TypeError(f"a number in {key}")
    return value


def _content(block: _Block) -> Json:
    out = dict(block.start)
    if block.kind == "tool_use":
        try:
            read = json.loads(block.text or "{}")
        except (ValueError, RecursionError):
            read = {}
        out["input"] = read if isinstance(read, dict) else {}
    elif block.kind in _TEXTS:
        out[_TEXTS[block.kind]] = block.text
        if block.signature:
            out["signature"] = "".join(block.signature)
        if block.citations:
            out["citations"] = [*(out.get("citations") or []), *block.citations]
    return out
