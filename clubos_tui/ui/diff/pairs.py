"""Which removed row stands beside which added row: for the split view and for changed words.

A run of removed rows followed by a run of added rows is paired in order. The row that says that a
line has no end belongs to the row before it, and stands on that row's side.
"""

from __future__ import annotations

import re
from itertools import zip_longest

from clubos_tui.changes.patch import ADDED, CONTEXT, NO_NEWLINE, REMOVED

__all__ = ["height", "partner", "side_by_side"]

_NEAR = 200  # rows of a run; pairing a longer one by position says nothing
_RUN = re.compile(rb"([-\\]*)([+\\]*)", re.DOTALL)

Kinds = bytes | bytearray


def side_by_side(kinds: Kinds, rows: range) -> list[tuple[int, int]]:
    """Return the display rows of a hunk: left and right patch row, -1 where a side is empty."""
    out: list[tuple[int, int]] = []
    left: list[int] = []
    right: list[int] = []
    last = CONTEXT
    for row in rows:
        kind = kinds[row]
        if kind == CONTEXT or (kind == REMOVED and right):
            out += zip_longest(left, right, fillvalue=-1)
            left, right = [], []
        if kind == NO_NEWLINE:
            if last == CONTEXT:
                out.append((row, row))
            else:
                (left if last == REMOVED else right).append(row)
            continue
        if kind == CONTEXT:
            out.append((row, row))
        else:
            (left if kind == REMOVED else right).append(row)
        last = kind
    out += zip_longest(left, right, fillvalue=-1)
    return out


def height(kinds: Kinds, rows: range) -> int:
    """Return how many display rows `side_by_side` gives, without making them."""
    part = bytes(kinds[rows.start : rows.stop])
    if b"\\" in part:  # at most two rows of a file
        return len(side_by_side(kinds, rows))
    longer = sum(max(len(old), len(new)) for old, new in _RUN.findall(part))
    return part.count(b" ") + longer


def partner(kinds: Kinds, rows: range, row: int) -> int:
    """Return the row that a changed row is compared with, word by word; -1 for none."""
    kind = kinds[row]
    if kind not in (ADDED, REMOVED):
        return -1
    start = row
    while start > rows.start and row - start < _NEAR and kinds[start - 1] == kind:
        start -= 1
    if kind == REMOVED:
        other = row
        while other < rows.stop and other - row < _NEAR and kinds[other] in (REMOVED, NO_NEWLINE):
            other += 1
        twin = other + row - start
        good = twin < rows.stop and all(kinds[at] == ADDED for at in range(other, twin + 1))
        return twin if good and twin - other < _NEAR else -1
    end = start
    if end > rows.start and kinds[end - 1] == NO_NEWLINE:
        end -= 1
    first = end
    while first > rows.start and end - first < _NEAR and kinds[first - 1] == REMOVED:
        first -= 1
    twin = first + row - start
    return twin if twin < end else -1
