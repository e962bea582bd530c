"""A range of lines that somebody selects: from where it began to the cursor, within one hunk."""

from __future__ import annotations

from clubos_tui.changes.patch import Hunk, Patch
from clubos_tui.ui.diff.layout import Layout, Place
from clubos_tui.ui.diff.scene import Selected

__all__ = ["line_at", "stretched"]


def line_at(place: Place | None) -> int | None:
    """Return the patch row at a place, of a pair the left one if it is there; None for no line."""
    if place is None or place.kind not in ("row", "pair"):
        return None
    return place.row if place.row >= 0 else place.right


def stretched(layout: Layout, anchor: int, cursor: int) -> Selected:
    """Return the range from the patch row ``anchor`` to the display row ``cursor``.

    Beyond its hunk the cursor takes all that lies on its way.
    """
    assert layout.patch
    f, h, hunk = _hunk_of(layout.patch, anchor)
    place = layout.at(cursor)
    rows = [anchor]
    if place.kind in ("row", "pair") and (place.file, place.hunk) == (f, h):
        rows += [row for row in (place.row, place.right) if row >= 0]
    else:
        start = layout.row_of(f, h, anchor)
        rows.append(hunk.rows.stop - 1 if start is None or cursor > start else hunk.rows.start)
    return Selected(min(rows), max(rows))


def _hunk_of(patch: Patch, row: int) -> tuple[int, int, Hunk]:
    for f, file in enumerate(patch.files):
        if row in file.rows:
            for h, hunk in enumerate(file.hunks):
                if row in hunk.rows:
                    return f, h, hunk
    raise AssertionError("BUG: a row of no hunk")
