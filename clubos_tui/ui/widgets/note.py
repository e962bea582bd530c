"""What stands in a view in place of rows: a message, or a page of marks, names and texts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from clubos_tui.ui.text import cell_width, visible
from clubos_tui.ui.values import TONE_MARKS, NoteLine

__all__ = ["CLASSES", "LOOKS", "Note"]

_ROOM = 30  # cells that a text needs beside its name; with fewer it stands below
Piece = tuple[str, str]
"""A text and the component class it is painted as."""

CLASSES = {f"note--{tone}" for tone in ("heading", *TONE_MARKS)}

LOOKS = """
LineView {
    & > .note--heading { text-style: bold; }
    & > .note--quiet { color: $text-muted; }
    & > .note--info { color: $text-primary; }
    & > .note--good { color: $text-success; }
    & > .note--warn { color: $text-warning; }
    & > .note--bad { color: $text-error; text-style: bold; }
    & > .note--busy { color: $text-accent; text-style: bold; }
    &:ansi {
        & > .note--heading { color: ansi_default; text-style: bold; }
        & > .note--quiet { color: ansi_default; text-style: dim; }
        & > .note--info { color: ansi_blue; }
        & > .note--good { color: ansi_green; }
        & > .note--warn { color: ansi_yellow; }
        & > .note--bad { color: ansi_red; text-style: bold; }
        & > .note--busy { color: ansi_default; text-style: bold; }
    }
}
"""


class Note:
    """A message, folded once for each width that it is shown in."""

    def __init__(self, message: str | Sequence[NoteLine] = "") -> None:
        if isinstance(message, str):
            message = [NoteLine(text) for text in message.split("\n")] if message else []
        self._lines = message
        self._width = -1
        self._rows: list[list[Piece]] = []

    def rows(self, width: int) -> list[list[Piece]]:
        """Return the rows in a width, the first one empty; no row is wider."""
        if width != self._width:
            self._width = width
            self._rows = [[], *self._folded(max(1, width - 2))] if self._lines else []
        return self._rows

    def _folded(self, room: int) -> Iterator[list[Piece]]:
        named = [line for line in self._lines if line.name]
        labels = max((cell_width(visible(line.label)) + 2 for line in named), default=0)
        names = max((cell_width(visible(line.name)) + 2 for line in named), default=0)
        for line in self._lines:
            if line.name:
                yield from _columns(line, labels, names, room)
            else:
                look = "note--heading" if line.label else "line--message"
                for text in _wrap(line.label or line.text, room) or [""]:
                    yield [(f" {text}", look)]


def _columns(line: NoteLine, labels: int, names: int, room: int) -> Iterator[list[Piece]]:
    """Yield the rows of one thing: group, mark and name, and a text folded beside or below them."""
    mark = TONE_MARKS[line.tone]
    head: list[Piece] = [
        (" " + _padded(line.label, labels), "note--heading"), (f"{mark} ", f"note--{line.tone}"),
    ]  # fmt: skip
    left = labels + 2
    beside = room - left - names >= _ROOM
    if beside:
        texts = _wrap(line.text, room - left - names) or [""]
        yield [*head, (_padded(line.name, names), "line--text"), (texts[0], "line--message")]
        left, texts = left + names, texts[1:]
    else:
        texts = _wrap(line.text, max(1, room - left))
        # A name that is wider than the view is rare, and better folded than cut.
        first, *rest = _wrap(line.name, max(1, room - left))
        yield [*head, (first, "line--text")]
        yield from ([(" " * (left + 1) + part, "line--text")] for part in rest)
    yield from ([(" " * (left + 1) + text, "line--message")] for text in texts)


def _padded(text: str, width: int) -> str:
    text = visible(text)
    return text + " " * max(0, width - cell_width(text))


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(visible(text), width, break_on_hyphens=False)
