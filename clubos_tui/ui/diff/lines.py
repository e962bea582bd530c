"""A line of a patch as safe text: tabs expanded, and blanks made visible where only they changed.

Also where a line is folded when it is wrapped. Pure; a line is looked at when it is drawn.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from clubos_tui.changes.patch import ADDED, Hunk, Patch
from clubos_tui.ui.diff.pairs import partner
from clubos_tui.ui.text import TAB, cell_width, decode
from clubos_tui.ui.widgets.rows import CONTINUATION, MAX_CELLS, clip

__all__ = ["Line", "beginning", "beyond", "height", "line_of", "pieces", "shown"]

_BLANKS = re.compile(rb"[ \t\r\f\v]+")
_TAIL = re.compile(rb"[ \t]+\r?$")


class Line(NamedTuple):
    """What is shown of a line."""

    text: str
    hidden: int
    """Characters that are not in `text`."""
    blanks: bool
    """Whether spaces and tabs are shown as signs."""
    trailing: int
    """Where blanks at the end of an added line begin; the length of the text without any."""


def shown(patch: Patch, hunk: Hunk, row: int) -> tuple[Line, int]:
    """Return a patch row as it is shown, and the row it is compared with; -1 for none."""
    raw, other = patch.lines[row], partner(patch.kinds, hunk.rows, row)
    compared = beginning(patch.lines[other]) if other >= 0 else None
    line = line_of(beginning(raw), patch.kinds[row], compared)
    if line.hidden:
        line = line._replace(hidden=line.hidden + beyond(raw))
    return line, other


def line_of(raw: bytes, kind: int, other: bytes | None) -> Line:
    """Return a line; ``other`` is the one it is compared with, on the other side."""
    blanks = other is not None and raw != other and _squeezed(raw) == _squeezed(other)
    tail = _TAIL.search(raw) if kind == ADDED and len(raw) < _LONG else None
    if not blanks and not tail:
        text, hidden = clip(raw)
        return Line(text, hidden, False, len(text))
    line = decode(raw)
    first = 0 if blanks or not tail else len(decode(raw[: tail.start()]))
    text, hidden = clip(_shown(line, first))
    trailing = len(text) if blanks else len(clip(line[:first])[0])
    return Line(text, hidden, blanks, trailing)


_LONG = 4_000
_MOST = 4 * MAX_CELLS + 1_000  # bytes: a little more than can be shown of any line


def beginning(line: bytes) -> bytes:
    """Return what can be shown of a patch row, without its sign; the row may be huge."""
    return line[1:_MOST]


def beyond(line: bytes) -> int:
    """Return how many characters of a patch row `beginning` leaves out."""
    rest = line[_MOST:]
    return len(rest) if rest.isascii() else len(rest.translate(None, CONTINUATION))


def _squeezed(raw: bytes) -> bytes:
    return _BLANKS.sub(b"", raw) if len(raw) <= _LONG else raw


def _shown(line: str, first: int) -> str:
    """Return a line with a sign for each blank from `first` on; a tab still reaches its stop."""
    out: list[str] = []
    column = 0
    for at, character in enumerate(line):
        shown = character
        if character == "\t":
            width = TAB - column % TAB
            shown = ("→" if at >= first else " ") + " " * (width - 1)
        elif character == " " and at >= first:
            shown = "·"
        out.append(shown)
        column += len(shown)
    return "".join(out)


@lru_cache(maxsize=512)
def pieces(text: str, width: int) -> tuple[tuple[int, int], ...]:
    """Return the spans of a text folded at `width` cells; a wide character is never cut in two."""
    if text.isascii():
        return tuple((at, at + width) for at in range(0, max(1, len(text)), width))
    out, start, cells = [], 0, 0
    for at, character in enumerate(text):
        size = cell_width(character)
        if cells + size > width and at > start:
            out.append((start, at))
            start, cells = at, 0
        cells += size
    out.append((start, len(text)))
    return tuple(out)


def height(raw: bytes, width: int) -> int:
    """Return how many display rows an (unmarked) line takes at `width` cells."""
    if len(raw) <= width and raw.isascii() and b"\t" not in raw:
        return 1
    return len(pieces(clip(raw)[0], width))
