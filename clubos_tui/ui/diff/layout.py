"""Where each line of a patch stands on the screen: a pure map from display rows to places.

A patch is laid out as blocks: a title, then for each file a header and its hunks. A hunk's block
is its header, the unchanged lines somebody asked to see above it, its rows, and those below. Only
the blocks' first rows are listed; a display row is found by bisection. In the split view a display
row is a pair of patch rows; wrapped, a long line takes several display rows.

Nothing is left out silently: what is folded is a header that says how many rows it hides.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal, NamedTuple

from clubos_tui.changes.patch import FilePatch, Hunk, Patch
from clubos_tui.ui.diff.pairs import height as split_height
from clubos_tui.ui.diff.pairs import side_by_side

__all__ = ["Extra", "Layout", "Options", "Place", "extras"]

Kind = Literal["title", "file", "hunk", "extra", "row", "pair"]


class Place(NamedTuple):
    """What a display row shows."""

    kind: Kind
    file: int = -1
    hunk: int = -1
    row: int = -1
    """Patch row; of a pair the left one (-1: none); of an extra line its number on the new side."""
    right: int = -1
    """Of a pair the right patch row; of an extra line its number on the old side."""
    part: int = 0
    """Which part of a wrapped line."""


@dataclass(frozen=True, slots=True)
class Extra:
    """Unchanged lines beside a hunk: new-side line numbers from `start` on, and what to add to
    such a number for the old side.
    """

    start: int
    count: int
    shift: int


@dataclass(frozen=True, slots=True)
class Options:
    """How a patch is laid out."""

    title: bool = False
    split: bool = False
    folded_files: Collection[int] = ()
    folded_hunks: Collection[str] = ()
    context: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By hunk id: how many more unchanged lines are wanted above and below."""
    lines: Mapping[int, int] = field(default_factory=dict)
    """How many lines a file has on its new side, by the file's number, where known."""
    heights: Callable[[int, int], int] | None = None
    """Wrapped: display rows of a pair of patch rows (equal ones in the unified view); None: 1."""


class Layout:
    """The blocks of a patch under some options."""

    def __init__(self, patch: Patch | None = None, options: Options | None = None) -> None:
        self.patch = patch
        self.options = options = options or Options()
        self.starts = array("q")
        self._file = array("i")
        self._hunk = array("i")
        self.file_rows = array("q")
        """The display row of each file's header."""
        self.hunk_rows = array("q")
        """The display row of each visible hunk's header, ascending."""
        self._inner: dict[int, list[int]] = {}
        self._pairs: dict[int, list[tuple[int, int]]] = {}
        self._extras: dict[tuple[int, int], tuple[Extra, Extra]] = {}
        self.rows = self._lay_out(patch) if patch and patch.files else 0

    def _lay_out(self, patch: Patch) -> int:
        # A loop over all there is, with as little in it as can be.
        options, row = self.options, 0
        starts, files, hunks = self.starts, self._file, self._hunk
        if options.title:
            starts.append(row)
            files.append(-1)
            hunks.append(-1)
            row += 1
        folded_files, folded_hunks = options.folded_files, options.folded_hunks
        plain = options.heights is None and not options.split and not options.context
        for f, file in enumerate(patch.files):
            self.file_rows.append(row)
            starts.append(row)
            files.append(f)
            hunks.append(-1)
            row += 1
            if f in folded_files:
                continue
            if options.context:
                self._find_extras(f, file)
            for h, hunk in enumerate(file.hunks):
                self.hunk_rows.append(row)
                starts.append(row)
                files.append(f)
                hunks.append(h)
                row += 1
                if hunk.id not in folded_hunks:
                    row += len(hunk.rows) if plain else self._height(f, h, hunk)
        return row

    def _find_extras(self, f: int, file: FilePatch) -> None:
        total = self.options.lines.get(f)
        if total is None:
            return
        for h, pair in enumerate(extras(file, self.options.context, total)):
            if pair[0].count or pair[1].count:
                self._extras[f, h] = pair

    def beside(self, f: int) -> bool:
        """Whether a file's sides stand beside each other: asked for, and it has both."""
        assert self.patch
        file = self.patch.files[f]
        return self.options.split and bool(file.added and file.removed)

    def _height(self, f: int, h: int, hunk: Hunk) -> int:
        assert self.patch
        above, below = self._extras.get((f, h), _NONE)
        more = above.count + below.count
        heights, kinds, rows = self.options.heights, self.patch.kinds, hunk.rows
        if heights is not None:
            if not self.beside(f):
                return more + sum(heights(row, row) for row in rows)
            return more + sum(heights(*pair) for pair in side_by_side(kinds, rows))
        return more + (split_height(kinds, rows) if self.beside(f) else len(rows))

    # --- from a display row to a place ----------------------------------------------------------

    def block_at(self, row: int) -> tuple[int, int, int]:
        """Return file and hunk (-1: none) of a display row, and the first row of its block."""
        block = bisect_right(self.starts, row) - 1
        return self._file[block], self._hunk[block], self.starts[block]

    def at(self, row: int) -> Place:
        """Return what a display row shows."""
        f, h, start = self.block_at(row)
        if f < 0:
            return Place("title")
        if h < 0:
            return Place("file", f)
        if row == start:
            return Place("hunk", f, h)
        assert self.patch
        at, hunk = row - start - 1, self.patch.files[f].hunks[h]
        above, below = self._extras.get((f, h), _NONE)
        if at < above.count:
            line = above.start + at
            return Place("extra", f, h, line, line + above.shift)
        at -= above.count
        beside = self.beside(f)
        index, part = self._unwrap(start, hunk, at, beside=beside)
        length = len(self._pairs_of(start, hunk)) if beside else len(hunk.rows)
        if index >= length:
            line = below.start + index - length
            return Place("extra", f, h, line, line + below.shift)
        if beside:
            left, right = self._pairs_of(start, hunk)[index]
            return Place("pair", f, h, left, right, part)
        patch_row = hunk.rows.start + index
        return Place("row", f, h, patch_row, patch_row, part)

    def _pairs_of(self, start: int, hunk: Hunk) -> list[tuple[int, int]]:
        pairs = self._pairs.get(start)
        if pairs is None:
            assert self.patch
            if len(self._pairs) > _KEPT:
                self._pairs.clear()
            pairs = self._pairs[start] = side_by_side(self.patch.kinds, hunk.rows)
        return pairs

    def _ends(self, start: int, hunk: Hunk, *, beside: bool) -> list[int]:
        """Return for each line of a wrapped hunk where its display rows end."""
        ends = self._inner.get(start)
        if ends is None:
            heights = self.options.heights
            assert heights
            if len(self._inner) > _KEPT:
                self._inner.clear()
            rows = zip(hunk.rows, hunk.rows, strict=True)
            pairs = self._pairs_of(start, hunk) if beside else rows
            ends = self._inner[start] = list(accumulate(heights(*pair) for pair in pairs))
        return ends

    def _unwrap(self, start: int, hunk: Hunk, at: int, *, beside: bool) -> tuple[int, int]:
        if self.options.heights is None:
            return at, 0
        ends = self._ends(start, hunk, beside=beside)
        if not ends or at >= ends[-1]:
            return len(ends) + at - (ends[-1] if ends else 0), 0
        index = bisect_right(ends, at)
        return index, at - (ends[index - 1] if index else 0)

    # --- from a place to a display row ----------------------------------------------------------

    def hunk_row(self, f: int, h: int) -> int | None:
        """Return the display row of a hunk's header; None where its file is folded."""
        if f in self.options.folded_files:
            return None
        return self.starts[bisect_left(self.starts, self.file_rows[f]) + 1 + h]

    def row_of(self, f: int, h: int, patch_row: int) -> int | None:
        """Return the first display row of a patch row; None where it is folded away."""
        start = self.hunk_row(f, h)
        assert self.patch
        hunk = self.patch.files[f].hunks[h]
        if start is None or hunk.id in self.options.folded_hunks:
            return None
        index = patch_row - hunk.rows.start
        if self.beside(f):
            pairs = self._pairs_of(start, hunk)
            index = next(at for at, pair in enumerate(pairs) if patch_row in pair)
        if self.options.heights is not None:
            index = self._ends(start, hunk, beside=self.beside(f))[index - 1] if index else 0
        return start + 1 + self._extras.get((f, h), _NONE)[0].count + index


_NONE = (Extra(0, 0, 0), Extra(0, 0, 0))
_KEPT = 64


def extras(
    file: FilePatch, wanted: Mapping[str, tuple[int, int]], total: int
) -> list[tuple[Extra, Extra]]:
    """Return the unchanged lines to show above and below each hunk of a file.

    Args:
        file: The file.
        wanted: By hunk id, how many lines above and below.
        total: How many lines the new side has; none is shown twice, and none beyond its end.
    """
    out: list[tuple[Extra, Extra]] = []
    done = 0  # new-side lines shown so far
    hunks = file.hunks
    for h, hunk in enumerate(hunks):
        above, below = wanted.get(hunk.id, (0, 0))
        first = hunk.new_start + (not hunk.new_count)
        last = first + hunk.new_count - 1
        count = max(0, min(above, first - 1 - done))
        old_first = hunk.old_start + (not hunk.old_count)
        upper = Extra(first - count, count, old_first - first)
        limit = total
        if h + 1 < len(hunks):
            limit = hunks[h + 1].new_start + (not hunks[h + 1].new_count) - 1
        count = max(0, min(below, limit - last))
        shift = old_first + hunk.old_count - (last + 1)
        lower = Extra(last + 1, count, shift)
        done = last + count
        out.append((upper, lower))
    return out
