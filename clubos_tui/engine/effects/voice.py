"""Write what an agent says to its stream, so that no key stands there, not even in pieces.

Models speak in pieces of a few characters, and a key that comes in two of them is in neither. So
what may be the beginning of a known one is kept back until it is clear that it is none.
"""

from __future__ import annotations

import time

from clubos_tui.agents.base import (
    AgentEvent,
    MessageChunk,
    TerminalOutput,
    ThoughtChunk,
    encode,
)
from clubos_tui.journal import redact_all, unfinished
from clubos_tui.streams import StreamWriter

__all__ = ["Voice"]


class Voice:
    """One agent's, in one action."""

    def __init__(self, writer: StreamWriter) -> None:
        self._writer = writer
        self._kind: type[MessageChunk | ThoughtChunk | TerminalOutput] | None = None
        self._held = ""

    def say(self, event: AgentEvent) -> None:
        """Write an event, or as much of it as is clear."""
        if not isinstance(event, MessageChunk | ThoughtChunk | TerminalOutput):
            self.finish()
            self._write(event)
            return
        if self._kind is not type(event):
            self.finish()
        self._kind = type(event)
        text = self._held + event.text
        at = len(text) - unfinished(text)
        self._held = text[at:]
        if at:
            self._write(self._kind(text[:at]))

    def finish(self) -> None:
        """Write what was kept back: nothing follows that could make a key of it."""
        kind, held = self._kind, self._held
        self._kind, self._held = None, ""
        if kind and held:
            self._write(kind(held))

    def _write(self, event: AgentEvent) -> None:
        tag, data = encode(event)
        self._writer.write(tag, redact_all(data), time=time.monotonic())
