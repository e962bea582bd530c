"""The pipes of an agent as messages: one JSON object a line, in both directions."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from typing import Any, Final

__all__ = ["LONGEST", "Pipes"]

_AT_ONCE: Final = 64  # requests that wait for an answer
LONGEST: Final = 32 << 20
"""Bytes of one message."""


class Pipes:
    """What the package calls a transport."""

    def __init__(self, *, garbage: Callable[[bytes], None], room: asyncio.Event) -> None:
        """Make one that is not open yet.

        Args:
            garbage: Is given each line that is no message.
            room: Set while who takes the messages can take more.
        """
        self._garbage = garbage
        self._room = room
        self._reader = asyncio.StreamReader(limit=1 << 20)
        self._writer: asyncio.StreamWriter | None = None
        self._transports: list[asyncio.BaseTransport] = []
        self._unanswered = 0
        self._answered = asyncio.Event()
        self.fault = ""
        """Why no more is read, where that is the agent's fault."""
        self.heard = 0
        """Bytes so far."""

    async def open(self, process: subprocess.Popen[bytes]) -> None:
        """Take the pipes of a process over."""
        loop = asyncio.get_running_loop()
        assert process.stdin
        assert process.stdout
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), process.stdout
        )
        writing, flow = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), process.stdin
        )
        self._writer = asyncio.StreamWriter(writing, flow, None, loop)
        self._transports = [reading, writing]

    async def send(self, message: dict[str, Any]) -> None:
        """Write a message; raises :class:`ConnectionError` where nobody reads any more."""
        assert self._writer
        # Half a character has no UTF-8, so what is not ASCII is escaped.
        self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        await self._writer.drain()
        if "method" not in message:
            self._unanswered -= 1
            self._answered.set()

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message; ``None`` at the end."""
        while True:
            await self._room.wait()
            line = await self._line()
            if not line:
                return None
            if not line.strip():
                continue
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict) and _is_sound(message):
                if "method" in message and "id" in message:
                    await self._wait_for_answers()
                return message
            self._garbage(line)

    async def _wait_for_answers(self) -> None:
        """Take no more requests than can be answered: each one is held until its answer is read."""
        self._unanswered += 1
        while self._unanswered > _AT_ONCE:
            self._answered.clear()
            await self._answered.wait()

    async def _line(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            try:
                piece = await self._reader.readuntil(b"\n")
                whole = True
            except asyncio.LimitOverrunError as error:
                piece = await self._reader.readexactly(error.consumed)
                whole = False
            except asyncio.IncompleteReadError as error:  # it ended; half a line is no message
                piece, whole = b"", True
                self._garbage(error.partial) if error.partial else None
                pieces.clear()
            size += len(piece)
            self.heard += len(piece)
            if size > LONGEST:
                self.fault = f"it sent a message of more than {LONGEST >> 20} MiB"
                return b""
            pieces.append(piece)
            if whole:
                return b"".join(pieces)

    async def close(self) -> None:
        """Give the pipes back."""
        for transport in self._transports:
            transport.close()
        self._transports = []


def _is_sound(message: dict[str, Any]) -> bool:
    """Tell whether a message has the form of one; the package takes that for granted."""
    error = message.get("error")
    return (
        isinstance(message.get("id"), int | str | None)
        and isinstance(message.get("method", ""), str)
        and (
            error is None
            or (
                isinstance(error, dict)
                and isinstance(error.get("code", 0), int)
                and isinstance(error.get("message", ""), str)
            )
        )
    )
