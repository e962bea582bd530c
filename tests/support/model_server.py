"""A server on loopback that speaks the Messages API's stream: real HTTP, every byte under control.

It answers each request with the next of the replies it was given, and keeps what it was asked. What
a client sends is checked as the real API would: roles, answered tool calls, unchanged thoughts.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Event = dict[str, Any]
End = Literal["clean", "reset", "silence"]


def encoded(events: Iterable[Event]) -> bytes:
    """Return events as server-sent events."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
        for event in events
    )


@dataclass
class Reply:
    """How one request is answered."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream; charset=utf-8"
    seed: int | None = None
    """Cuts the body into pieces of random length; None: it is sent at once."""
    cut: int | None = None
    """So many bytes are sent, then the connection ends as `end` says."""
    end: End = "clean"
    """Of a cut: the chunks end as if that were all; the connection is reset; nothing comes."""
    pause: float = 0.0
    """Seconds between two pieces."""

    @classmethod
    def of(cls, events: Sequence[Event], **options: Any) -> Reply:
        """Answer with a stream of events."""
        return cls(encoded(events), **options)

    @classmethod
    def error(cls, status: int, kind: str, message: str = "no", **options: Any) -> Reply:
        """Answer with an error as the API words it."""
        body = {"type": "error", "error": {"type": kind, "message": message}}
        return cls(json.dumps(body).encode(), status, content_type="application/json", **options)


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


MODELS = Reply(
    json.dumps(
        {"data": [{"type": "model", "id": "claude-opus-5-5", "display_name": "Opus",
                   "created_at": "2026-01-01T00:00:00Z"}],
         "has_more": False, "first_id": None, "last_id": None}
    ).encode(),
    content_type="application/json",
)  # fmt: skip


class ModelServer:
    """Answers requests in turn."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.replies: list[Reply] = []
        self.answer: Callable[[Asked], Reply] | None = None
        """Makes a reply where none is left."""
        self.asked: list[Asked] = []
        self.check = True
        """Whether requests are held to what the API takes, and kept."""
        self.left = asyncio.Event()
        """Set when a client has gone before its answer was whole."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while (asked := await _request(reader)) is not None:
                if asked.path.startswith("/v1/models"):
                    await _answer(MODELS, reader, writer)
                    continue
                self.asked.append(asked)
                problems = faults(asked.body, self.asked[:-1]) if self.check else []
                if not self.check:
                    self.asked.clear()
                if problems:
                    reply = Reply.error(400, "invalid_request_error", "; ".join(problems))
                elif self.replies:
                    reply = self.replies.pop(0)
                elif self.answer:
                    reply = self.answer(asked)
                else:
                    reply = Reply.error(500, "api_error", "the test has no reply left")
                if not await _answer(reply, reader, writer):
                    if reply.end == "silence":
                        self.left.set()
                    return
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def model_server(*replies: Reply) -> AsyncIterator[ModelServer]:
    """Run a server for as long as the block lasts."""
    made: list[ModelServer] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        await made[0].serve(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.append(ModelServer(listening.sockets[0].getsockname()[1]))
    made[0].replies += replies
    try:
        yield made[0]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(head[0].split(" ")[1], headers, json.loads(body or b"{}"))


async def _answer(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send a reply; tell whether the connection may be used again."""
    headers = {
        "content-type": reply.content_type, "transfer-encoding": "chunked",
        "request-id": "req_test", **reply.headers,
    }  # fmt: skip
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    for piece in _pieces(reply):
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        if reply.pause:
            await asyncio.sleep(reply.pause)
    if reply.cut is None or reply.end == "clean":
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
    if reply.end == "silence":
        with suppress(ConnectionError):
            await reader.read()  # until the client goes
        return False
    writer.transport.abort()
    return False


def _pieces(reply: Reply) -> list[bytes]:
    body = reply.body if reply.cut is None else reply.body[: reply.cut]
    if reply.seed is None:
        return [body] if body else []
    choose, out, at = random.Random(reply.seed), [], 0
    while at < len(body):
        size = choose.choice((1, 2, 3, 7, 50, 400))
        out.append(body[at : at + size])
        at += size
    return out


def _begins_with(messages: list[Event], same: list[Event]) -> bool:
    """Tell whether messages go on from earlier ones; the last of those may have paused."""
    *earlier, last = same
    now = messages[len(earlier)]
    paused = last["role"] == now["role"] == "assistant"
    content = now["content"][: len(last["content"])] if paused else now["content"]
    return messages[: len(earlier)] == earlier and content == last["content"]


def faults(body: dict[str, Any], before: Sequence[Asked]) -> list[str]:
    """Return what the API would refuse in a request, and what would spoil its cache."""
    messages = body.get("messages", [])
    out = [f"{key} is missing" for key in ("model", "max_tokens", "messages") if key not in body]
    roles = [message["role"] for message in messages]
    if roles != [("user", "assistant")[at % 2] for at in range(len(roles))]:
        out.append("roles do not alternate, or do not begin with the user")
    open_calls: list[str] = []
    for message in messages:
        content = message["content"] if isinstance(message["content"], list) else []
        results = [item["tool_use_id"] for item in content if item.get("type") == "tool_result"]
        if message["role"] == "user":
            if sorted(results) != sorted(open_calls):
                out.append(f"tool calls {open_calls} are answered by {results}")
            open_calls = []
        uses = [item for item in content if item.get("type") == "tool_use"]
        open_calls += [item["id"] for item in uses]
        out += [
            f"input of {u['id']} is no object" for u in uses if not isinstance(u["input"], dict)
        ]
        if any(item.get("type") == "text" and not item["text"] for item in content):
            out.append("an empty text block")
    marks = json.dumps(body).count('"cache_control"')
    if marks > 4:
        out.append(f"{marks} cache marks; 4 are the most")
    if body.get("tool_choice") or "temperature" in body:
        out.append("a field that this model does not take")
    if before and len(before[-1].body.get("messages", [])) < len(messages):
        same = before[-1].body
        if not _begins_with(messages, same["messages"]):
            out.append("the messages do not begin with those of the request before")
        if [body.get(key) for key in ("system", "tools")] != [
            same.get(key) for key in ("system", "tools")
        ]:
            out.append("system or tools are others than in the request before")
    return out


@contextmanager
def served(*replies: Reply) -> Iterator[ModelServer]:
    """Run a server in a thread, for a client in another process."""
    made: list[ModelServer] = []
    ready, stop = threading.Event(), threading.Event()

    async def main() -> None:
        async with model_server(*replies) as server:
            made.append(server)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        stop.set()
        thread.join(10)
