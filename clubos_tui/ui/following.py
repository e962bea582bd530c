"""Which streams are under way: the journal's events open them and close them."""

from __future__ import annotations

import contextlib
import copy
import os
from collections import deque
from collections.abc import Callable, Iterator

from clubos_tui import events as e
from clubos_tui.codec import Json
from clubos_tui.streams import StreamReader

__all__ = ["CHUNK", "Stream", "Streams"]

CHUNK = 1 << 14  # bytes of a stream between two looks at the clock
TAIL = 4 << 20  # bytes of an old action's stream that a screen still shows


class Stream(StreamReader):
    """Reads one stream; of an action's that is very long already, only the end."""

    def __init__(self, path: str, phase: int = 0) -> None:
        super().__init__(path)
        self.phase = phase
        self.ahead: deque[Json] = deque()  # read, and not taken yet
        if not phase:
            return
        with contextlib.suppress(OSError), open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > TAIL:
                file.seek(size - TAIL)
                file.readline()
                self._offset = file.tell()

    def peek(self) -> str | None:
        """Return the time of the next record; ``None`` where there is none yet."""
        if not self.ahead:
            self.ahead.extend(self.read(CHUNK))
        return str(self.ahead[0].get("at", "")) if self.ahead else None

    def take(self) -> Json:
        """Return the record that :meth:`peek` saw."""
        return self.ahead.popleft()

    def copy(self) -> Stream:
        """Return a reader that stands where this one does."""
        other = copy.copy(self)
        other.ahead = self.ahead.copy()
        return other


class Streams:
    """An action's words, the paths of a transaction, and what checks say on their way."""

    def __init__(self, moves_of: Callable[[str], str]) -> None:
        """Begin with none; ``moves_of`` returns the file of a transaction's stream."""
        self.chatter: Stream | None = None
        self.moves: Stream | None = None
        self.checks: Stream | None = None
        self._moves_of = moves_of

    def follow(self, event: e.Event) -> None:
        """Open and close what an event says."""
        match event:
            case e.ActionStarted():
                # Begun anew where it was withdrawn: the reader sees that for itself.
                if self.chatter is None or self.chatter.path != event.stream:
                    self.chatter = Stream(event.stream, event.phase)
            case e.ActionFinished() | e.AttemptStarted() | e.Proposed() | e.ProposalFailed():
                self.chatter = None
            case e.CheckStarted() if event.stream:
                if self.checks is None or self.checks.path != event.stream:
                    self.checks = Stream(event.stream)
            case e.ChecksFinished():
                self.checks = None
            case e.ApplyStarted():
                self.moves = Stream(self._moves_of(event.transaction))
            case e.ApplyFinished() | e.RolledBack() | e.Undone() | e.StepFailed() | e.Paused():
                self.moves = self.checks = None
            case _:
                pass

    def __iter__(self) -> Iterator[Stream]:
        """Yield those that are under way."""
        yield from filter(None, (self.chatter, self.moves, self.checks))

    def copy(self) -> Streams:
        """Return streams that stand where these do."""
        other = copy.copy(self)
        other.chatter = self.chatter and self.chatter.copy()
        other.moves = self.moves and self.moves.copy()
        other.checks = self.checks and self.checks.copy()
        return other
