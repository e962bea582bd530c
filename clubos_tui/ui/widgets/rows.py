"""What a `LineView` draws: rows of styled, safe text, clipped where a line is absurdly long."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from clubos_tui.ui.text import TAB, cell_width, safe

__all__ = ["CONTINUATION", "MAX_CELLS", "Row", "clip", "restyle", "window"]

MAX_CELLS = 2_000
"""Of a longer line only so many cells can be scrolled to; how many characters follow is shown."""

CONTINUATION = bytes(range(0x80, 0xC0))
"""The bytes that no UTF-8 character begins with."""


class Row(NamedTuple):
    """One drawn row: `gutter` stays in place, `body` scrolls sideways; neither holds a line end."""

    gutter: list[Segment]
    body: list[Segment]
    fill: Style
    """How the rest of the row is painted."""
    hidden: int = 0
    """Characters of the line that are not in `body`; their number is shown."""


def clip(line: bytes | str) -> tuple[str, int]:
    """Return `line` as safe text with tabs expanded, at most `MAX_CELLS` wide.

    Returns:
        The text, and the number of characters of the line that are not in it.
    """
    hidden = 0
    if isinstance(line, bytes):
        if len(line) > 4 * MAX_CELLS:
            end = 4 * MAX_CELLS
            while line[end] in CONTINUATION and end > 4 * MAX_CELLS - 3:
                end -= 1
            # A line of two hundred megabytes is copied only where it has to be.
            plain = line.isascii()
            hidden = len(line) - end if plain else len(line[end:].translate(None, CONTINUATION))
            line = line[:end]
        line = line.decode("utf-8", "backslashreplace")
    elif len(line) > MAX_CELLS:
        hidden, line = len(line) - MAX_CELLS, line[:MAX_CELLS]
    text = safe(line.expandtabs(TAB) if "\t" in line else line)
    if cell_width(text) <= MAX_CELLS:
        return text, hidden
    end = MAX_CELLS
    while cell_width(text[:end]) > MAX_CELLS:
        end -= max(1, (cell_width(text[:end]) - MAX_CELLS) // 2)
    return text[:end], hidden + len(text) - end


def restyle(body: list[Segment], spans: Iterable[tuple[int, int]], look: Style) -> list[Segment]:
    """Return `body` with `look` over the characters of each span; spans ascend and are apart."""
    out: list[Segment] = []
    pending = deque(spans)
    at = 0
    for text, style, _ in body:
        done, end = at, at + len(text)
        over = look if style is None else style + look
        while pending and pending[0][0] < end:
            low, high = max(done, pending[0][0]), min(end, pending[0][1])
            out.append(Segment(text[done - at : low - at], style))
            out.append(Segment(text[low - at : high - at], over))
            done = max(done, high)
            if pending[0][1] > end:
                break
            pending.popleft()
        out.append(Segment(text[done - at :], style))
        at = end
    return [segment for segment in out if segment.text]


def window(body: list[Segment], x: int, room: int, fill: Style, edge: Segment | None) -> Strip:
    """Return the `room` cells of `body` from cell `x` on, the last of them taken by `edge`."""
    strip = Strip(body).crop_extend(x, x + room, fill)
    if edge is None:
        return strip
    kept = strip.crop(0, max(0, room - edge.cell_length))
    return Strip([*kept, edge]).crop(0, room)
