"""Words that come in chunks, put together to lines of the log; a turn's can be withdrawn."""

from __future__ import annotations

from collections.abc import Callable

from clubos_tui.ui.values import Level, LogEntry

__all__ = ["Speech"]

_AT_MOST = 400  # of a paragraph without a line end, before a line is made of it


class Speech:
    """What agents say, phase by phase."""

    def __init__(self, emit: Callable[[LogEntry], None]) -> None:
        self._emit = emit
        self._open: dict[int, tuple[str, Level, str]] = {}  # by phase: time, voice, words
        self._turn = 1
        self._withdrawn: list[int] = []

    def chunk(self, phase: int, time: str, level: Level, text: str) -> None:
        """Take a chunk; a change of voice ends a line."""
        began, voice, before = self._open.pop(phase, (time, level, ""))
        if voice != level:
            self._line(began, voice, phase, before)
            began, before = time, ""
        *lines, rest = (before + text).split("\n")
        for line in lines:
            self._line(began, level, phase, line)
            began = time
        while len(rest) > _AT_MOST:
            cut = rest.rfind(" ", 0, _AT_MOST) + 1 or _AT_MOST
            self._line(began, level, phase, rest[:cut])
            began, rest = time, rest[cut:]
        if rest:
            self._open[phase] = (began, level, rest)

    def finish(self, phase: int, time: str) -> None:
        """End the line under way."""
        if phase in self._open:
            began, level, text = self._open.pop(phase)
            self._line(began or time, level, phase, text)

    def end_turn(self) -> None:
        """Let what was said stand; what comes now is another turn."""
        self._turn += 1

    def withdraw(self) -> None:
        """Take back what was said in this turn."""
        self._withdrawn.append(self._turn)
        self._turn += 1

    def go_on_from(self, other: Speech) -> None:
        """Stand where another does."""
        self._open, self._turn = dict(other._open), other._turn
        self._withdrawn = list(other._withdrawn)

    def drain(self) -> list[int]:
        """Return the turns that were withdrawn since the last call."""
        turns, self._withdrawn = self._withdrawn, []
        return turns

    def _line(self, time: str, level: Level, phase: int, text: str) -> None:
        if text.strip():
            self._emit(LogEntry(time, level, phase, text.rstrip(), turn=self._turn))
