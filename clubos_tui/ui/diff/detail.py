"""What a line gets after its first, plain paint: its colours and the words that have changed.

Both are found in a thread, for a chunk of rows at a time, from values that nobody changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from clubos_tui.changes.patch import REMOVED, Patch
from clubos_tui.ui.diff.highlight import hunk_colours
from clubos_tui.ui.diff.lines import Line, beginning, shown
from clubos_tui.ui.diff.scene import CHUNK, Chunk, Detail, Span
from clubos_tui.ui.diff.words import changed_words
from clubos_tui.ui.text import safe
from clubos_tui.ui.widgets.rows import clip

__all__ = ["Wanted", "details"]


class Wanted(NamedTuple):
    """A chunk of a hunk, by the numbers of its file, of the hunk in it and of itself."""

    file: int
    hunk: int
    chunk: int


def details(patch: Patch, wanted: Iterable[Wanted], *, coloured: bool) -> dict[Chunk, list[Detail]]:
    """Return what is to be added to the rows of some chunks, without colours where none show."""
    out = {}
    for f, h, chunk in wanted:
        file = patch.files[f]
        hunk = file.hunks[h]
        rows = hunk.rows[chunk * CHUNK : (chunk + 1) * CHUNK]
        lines = {row: shown(patch, hunk, row) for row in rows}
        kinds = patch.kinds[rows.start : rows.stop]
        colours: list[list[Span]] = [[] for _ in rows]
        if coloured:
            texts = [clip(beginning(patch.lines[row]))[0] for row in rows]
            colours = hunk_colours(safe(file.path), kinds, texts)
        time.sleep(0)  # the screen may want to go on
        for _, other in list(lines.values()):
            if other >= 0 and other not in lines:  # in the next chunk, or the one before
                lines[other] = shown(patch, hunk, other)
        out[hunk.id, chunk] = [
            # With its blanks made visible, a line is no longer the text that was coloured.
            Detail([] if lines[row][0].blanks else spans, _words(patch, lines, row))
            for row, spans in zip(rows, colours, strict=True)
        ]
    return out


def _words(patch: Patch, lines: Mapping[int, tuple[Line, int]], row: int) -> list[tuple[int, int]]:
    line, other = lines[row]
    if other < 0:
        return []
    twin = lines[other][0].text
    if patch.kinds[row] == REMOVED:
        changed = changed_words(line.text, twin)
        return changed[0] if changed else []
    changed = changed_words(twin, line.text)
    return changed[1] if changed else []
