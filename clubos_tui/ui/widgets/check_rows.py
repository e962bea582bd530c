"""How checks are laid out in a width: a check is a row, and goes on below where it does not fit."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from clubos_tui.ui.text import cell_cut, cell_width, safe
from clubos_tui.ui.values import TONE_MARKS, CheckRow, Tone

__all__ = ["HEAD", "Part", "lay_out"]

HEAD = 11
"""Cells of mark and outcome, in front of every name."""
_WORD = 8  # cells of the widest outcome
_NAME = 0.4  # of the width, at most; a longer name pushes what it says to the right
_MOST = 4  # rows of one check; the evidence has it whole
_LEAST = 20  # cells
_INDENT = 2  # cells, of a row that goes on
Piece = tuple[Tone | None, str]
"""A text and its tone; without one it is plain."""


class Part(NamedTuple):
    """One row on the screen."""

    check: int
    """The number of the check it belongs to."""
    first: bool
    head: str
    """Mark and outcome; blank where the row goes on from the one above."""
    tone: Tone
    pieces: tuple[Piece, ...]


def lay_out(rows: Sequence[CheckRow], width: int) -> list[Part]:
    """Return the rows of checks, safe text all of it, in `width` cells."""
    room = max(_LEAST, width - HEAD - 1)
    longest = max((cell_width(safe(row.name)) for row in rows), default=0)
    names = min(longest, max(12, int(room * _NAME)))
    return [part for at, row in enumerate(rows) for part in _parts(at, row, names, room)]


def _parts(at: int, row: CheckRow, names: int, room: int) -> Iterator[Part]:
    head = f"{TONE_MARKS[row.tone]} {row.word:<{_WORD}} "
    if not row.name:
        for number, text in enumerate(textwrap.wrap(safe(row.text), room)):
            yield Part(at, not number, f"{'':{HEAD}}", row.tone, ((row.tone, text),))
        return
    name = cell_cut(safe(row.name), room)
    begun = name + " " * max(0, names - cell_width(name))
    lines = [*_filled(begun, _words(row, room - _INDENT), room)]
    if len(lines) > _MOST:
        lines = [*lines[: _MOST - 1], [("warn", "  … enter shows the rest")]]
    for number, pieces in enumerate(lines):
        yield Part(at, not number, "" if number else head, row.tone, tuple(pieces))


def _words(row: CheckRow, most: int) -> Iterator[tuple[Tone | None, str, str]]:
    """Yield what is never broken, at most so wide, each with its tone and what stands before it."""
    loud = row.tone if row.tone in {"bad", "warn"} else None
    for number, word in enumerate(_folded(safe(row.text), most, 1)):
        yield loud, word, " " if number else "  "
    before = " · " if row.text else "  "
    for tone, fact in row.facts:
        for number, word in enumerate(_folded(safe(fact), most, most)):
            yield tone, word, " " if number else before
        before = " · "


def _folded(text: str, most: int, wanted: int) -> list[str]:
    """Return a text in pieces: of one word, or as wide as `wanted`; a long word is broken."""
    if wanted > 1:
        return textwrap.wrap(text, wanted, break_on_hyphens=False)
    return [part for word in text.split() for part in textwrap.wrap(word, most)]


def _filled(
    begun: str, words: Iterable[tuple[Tone | None, str, str]], room: int
) -> Iterator[list[Piece]]:
    """Yield the pieces of each row."""
    line: list[Piece] = [(None, begun)]
    used = cell_width(begun)
    for tone, word, before in words:
        text = before + word
        if used + cell_width(text) > room:
            yield line
            line, used, text = [], 0, " " * _INDENT + word
        if line and line[-1][0] == tone:
            line[-1] = (tone, line[-1][1] + text)
        else:
            line.append((tone, text))
        used += cell_width(text)
    yield line
