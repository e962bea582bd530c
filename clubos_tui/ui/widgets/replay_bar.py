"""The line of a replay: which event of how many, when that was, and how far through the run."""

from __future__ import annotations

from bisect import bisect_left

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from clubos_tui.ui.text import cell_width, safe
from clubos_tui.ui.values import Position, clock

__all__ = ["ReplayBar"]

_LEAST = 8  # cells of the bar
_WIDE = 100
_SIGNS = {(True, False): "━", (True, True): "┿", (False, False): "─", (False, True): "┼"}


class ReplayBar(Widget):
    """One line; a click on its bar goes there."""

    position: reactive[Position] = reactive(Position())

    class Sought(Message):
        """A place on the bar was clicked."""

        def __init__(self, event: int) -> None:
            super().__init__()
            self.event = event

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._bar = range(0)  # the columns that it takes

    def render(self) -> Content:
        """Draw the facts that fit, and the bar in what is left."""
        here, width = self.position, self.size.width
        if not here.of:
            return Content("")
        state = "▶ playing" if here.playing else "· paused "
        facts = [
            f"event {here.at:,} of {here.of:,}",
            here.time,
            f"{clock(here.seconds)} of {clock(here.total)}",
            f"x{here.speed}",
        ]
        if width >= _WIDE:
            facts[1:1] = [safe(here.event), here.mode]
        text = f" {state}  {' │ '.join(facts)}  "
        first = cell_width(text)
        self._bar = range(first, max(first, width - 1))
        tone = "bold $text-success" if here.playing else "bold $text-primary"
        if self.app.native_ansi_color:
            tone = "bold"
        parts: list[str | tuple[str, str]] = [(text[: len(state) + 1], tone)]
        parts.append(text[len(state) + 1 :])
        if len(self._bar) >= _LEAST:
            parts += [(cell, tone if done else "$foreground 45%") for cell, done in self._cells()]
        return Content.assemble(*parts)

    def _cells(self) -> list[tuple[str, bool]]:
        """Return the done part of the bar and the rest, in pieces; a turning point is a tick.

        Where nearly every cell would have one, none has.
        """
        here, cells = self.position, len(self._bar)
        done = round(cells * here.at / here.of)
        turns = here.turns if len(here.turns) <= cells else ()
        out: list[tuple[str, bool]] = []
        for cell in range(cells):
            first, last = (self._event_at(at) for at in (cell, cell + 1))
            at = bisect_left(turns, first)
            turn = at < len(turns) and turns[at] < max(last, first + 1)
            sign = _SIGNS[cell < done, turn]
            if out and out[-1][1] == (cell < done):
                out[-1] = (out[-1][0] + sign, cell < done)
            else:
                out.append((sign, cell < done))
        return out

    def _event_at(self, cell: int) -> int:
        """Return the first event that a cell of the bar stands for."""
        return min(1 + cell * self.position.of // max(1, len(self._bar)), self.position.of + 1)

    def on_click(self, event: events.Click) -> None:
        """Tell which event was clicked at."""
        if len(self._bar) >= _LEAST and event.x in self._bar:
            self.post_message(self.Sought(self._event_at(event.x - self._bar.start)))
