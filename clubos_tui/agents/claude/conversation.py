"""One conversation with a model: what is sent next, and what was said so far.

Everything in it is sent again with each request, and must stay byte for byte the same: a cache
holds it from the front, and thoughts are taken back only unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from clubos_tui.agents.claude.prompts import SYSTEM
from clubos_tui.agents.claude.recording import Record
from clubos_tui.agents.claude.settings import Settings
from clubos_tui.agents.claude.turn import Turn
from clubos_tui.agents.tools.specs import specs
from clubos_tui.codec import Json, canonical

__all__ = ["Conversation", "result", "words"]

_CACHED: Final = {"type": "ephemeral"}
_NOTHING: Final = {"type": "text", "text": "(no words)"}  # the API takes no empty message


def words(text: str) -> Json:
    """Return a text as a content block."""
    return {"type": "text", "text": _whole(text)}


def result(call: str, text: str, *, failed: bool = False) -> Json:
    """Return what came of a tool call as a content block."""
    out: Json = {"type": "tool_result", "tool_use_id": call, "content": _whole(text)}
    return {**out, "is_error": True} if failed else out


class Conversation:
    """The messages, and in ``pending`` what the next request adds to them."""

    def __init__(self, *, commands: bool = False) -> None:
        """Begin a conversation, with a tool that runs commands or without one."""
        self.messages: list[Json] = []
        self.pending: list[Json] = []
        self._known = 0  # tokens of all that was sent and answered
        self._beginning: Json = {
            "system": [{**words(SYSTEM), "cache_control": _CACHED}],
            "tools": specs(commands=commands),
        }

    @classmethod
    def of(
        cls, records: Iterable[Record], *, commands: bool = False
    ) -> tuple[Conversation, list[Turn]]:
        """Return the conversation that was recorded, and its answers."""
        talk, turns = cls(commands=commands), []
        for record in records:
            talk.pending = list(record.user)
            turns.append(Turn.of(record.events))
            talk.took(turns[-1])
        return talk, turns

    def body(self, settings: Settings, most: int) -> Json:
        """Return the next request.

        Args:
            settings: Which model, and how.
            most: Tokens that it may answer with.
        """
        said: Json = {
            "model": settings.model,
            "max_tokens": most,
            **self._beginning,
            "messages": [*self.messages, *self._new()],
            "cache_control": _CACHED,  # the API moves it along with the end
        }
        if settings.thinking:
            said["thinking"] = {"type": "adaptive", "display": "summarized"}
        if settings.effort != "default":
            said["output_config"] = {"effort": settings.effort}
        return said

    def _new(self) -> list[Json]:
        return [{"role": "user", "content": list(self.pending)}] if self.pending else []

    def took(self, turn: Turn) -> None:
        """Add an answer, and what it answers, for good."""
        content: list[Any] = [_sendable(block) for block in turn.content()] or [_NOTHING]
        if self.pending or not self.messages:
            self.messages += [*self._new(), {"role": "assistant", "content": content}]
        else:  # it had paused, and goes on where it was
            last = self.messages[-1]
            self.messages[-1] = {**last, "content": [*last["content"], *content]}
        self.pending = []
        self._known = turn.tokens.prompt + turn.tokens.output

    def estimate(self) -> int:
        """Return how many tokens the next request has at most; two bytes are a token or less."""
        new: list[Any] = [self.pending]
        if not self._known:
            new += [self._beginning, self.messages]
        return self._known + len(canonical(new)) // 2


def _sendable(value: Any) -> Any:
    """Return JSON values in which every text can be encoded."""
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    if isinstance(value, dict):
        return {_whole(name): _sendable(item) for name, item in value.items()}
    return value


def _whole(text: str) -> str:
    """Return a text without half characters, which would stop the request that carries it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
