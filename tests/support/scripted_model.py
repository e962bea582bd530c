"""A model that follows a script: what it answers depends on the action that it was asked for.

Answers have the form that the API gives them. A script is a list of answers for each action; an
answer is a list of content blocks, or a whole reply for what goes wrong.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from support.model_server import Asked, Reply

Block = dict[str, Any]
Answer = Sequence[Block] | Reply
_numbers = itertools.count(1)


def say(text: str) -> Block:
    """Return words."""
    return {"type": "text", "text": text}


def think(text: str) -> Block:
    """Return a signed thought."""
    return {"type": "thinking", "thinking": text, "signature": f"sig-{next(_numbers)}"}


def call(tool: str, **given: Any) -> Block:
    """Return a tool call."""
    return {"type": "tool_use", "id": f"toolu_{next(_numbers):06d}", "name": tool, "input": given}


def finish(summary: str = "done", **more: Any) -> Block:
    """Return the call that ends an action."""
    return call("finish", summary=summary, **more)


def stream(
    blocks: Iterable[Block],
    stop: str = "",
    *,
    piece: int = 40,
    usage: Mapping[str, Any] | None = None,
    model: str = "claude-opus-5-5",
    details: Mapping[str, Any] | None = None,
) -> list[Block]:
    """Return the events of an answer's stream, its words cut into pieces of so many characters."""
    blocks = list(blocks)
    used = {"input_tokens": 1000, "output_tokens": 1, "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0, **(usage or {})}  # fmt: skip
    message = {
        "id": f"msg_{next(_numbers):06d}", "type": "message", "role": "assistant", "model": model,
        "content": [], "stop_reason": None, "stop_sequence": None, "usage": used,
    }  # fmt: skip
    out: list[Block] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        start, deltas = _parts(block, piece)
        out.append({"type": "content_block_start", "index": index, "content_block": start})
        out += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        out.append({"type": "content_block_stop", "index": index})
    uses = any(block["type"] == "tool_use" for block in blocks)
    delta = {"stop_reason": stop or ("tool_use" if uses else "end_turn"), "stop_sequence": None}
    if details:
        delta["stop_details"] = dict(details)
    final = {"output_tokens": 200, **{k: v for k, v in (usage or {}).items() if v is not None}}
    out.append({"type": "message_delta", "delta": delta, "usage": final})
    out.append({"type": "message_stop"})
    return out


def _parts(block: Block, piece: int) -> tuple[Block, list[Block]]:
    def cut(text: str) -> list[str]:
        return [text[at : at + piece] for at in range(0, len(text), piece)]

    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}, [
                {"type": "text_delta", "text": part} for part in cut(block["text"])
            ]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": p} for p in cut(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case _:
            raw = block.get("raw") or json.dumps(block["input"])
            deltas = [
                {"type": "input_json_delta", "partial_json": part} for part in ["", *cut(raw)]
            ]
            start = {k: v for k, v in block.items() if k != "raw"}
            return {**start, "input": {}}, deltas


class ScriptedModel:
    """Answers each request with the next answer of the action that it is about."""

    def __init__(self, script: Mapping[str, Sequence[Answer]], **options: Any) -> None:
        self.script = {action: list(answers) for action, answers in script.items()}
        self.options = options
        self.asked: list[tuple[str, Asked]] = []

    def __call__(self, asked: Asked) -> Reply:
        """Answer one request."""
        action = action_of(asked)
        self.asked.append((action, asked))
        answers = self.script.get(action, [])
        if not answers:
            return Reply.error(500, "api_error", f"the script has nothing left for {action}")
        answer = answers.pop(0)
        if isinstance(answer, Reply):
            return answer
        return Reply.of(stream(answer), **self.options)


def action_of(asked: Asked) -> str:
    """Return the action of the last prompt in a request."""
    found = ""
    for message in asked.body["messages"]:
        for block in message["content"]:
            if block["type"] == "text" and message["role"] == "user":
                named = re.search(r"^Action \d+ of \d+: (\S+)$", block["text"], re.MULTILINE)
                found = named[1] if named else found
    return found
