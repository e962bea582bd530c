"""Where one is in a patch, and where one goes from there."""

from __future__ import annotations

from clubos_tui.changes.patch import Patch
from clubos_tui.ui.diff.layout import Layout, Place
from clubos_tui.ui.diff.ranges import line_at
from clubos_tui.ui.diff.scene import Scene

__all__ = ["file_line", "next_pending", "place_of_line", "row_of"]


def file_line(patch: Patch, place: Place | None) -> int:
    """Return the line of the proposed file at a place, from 1.

    A removed line is where the next one that stays is.
    """
    if place is None or place.file < 0:
        return 1
    if place.kind == "extra":
        return place.row
    file = patch.files[place.file]
    if not file.hunks:
        return 1
    hunk = file.hunks[max(0, place.hunk)]
    for row in (place.right, place.row):
        if row >= 0:
            rows = range(row, hunk.rows.stop)
            return next((patch.new_lines[at] for at in rows if patch.new_lines[at]), 1)
    return max(1, hunk.new_start)


def place_of_line(patch: Patch, path: bytes, line: int) -> Place | None:
    """Return where a line of a proposed file, from 1, is in its patch; ``None`` where it isn't."""
    for f, file in enumerate(patch.files):
        for h, hunk in enumerate(file.hunks if file.path == path else ()):
            for row in hunk.rows:
                if patch.new_lines[row] == line:
                    return Place("row", f, h, row, row)
    return None


def next_pending(scene: Scene, place: Place | None) -> tuple[int, int] | None:
    """Return the numbers of the next file and hunk that is not decided on, around the end."""
    f, h = (max(0, place.file), place.hunk) if place else (0, -1)
    files = scene.patch.files
    # The file one is in comes first, and last as a whole.
    for step in range(len(files) + 1 if files else 0):
        number = (f + step) % len(files)
        file = files[number]
        for at in range(0 if step else h + 1, len(file.hunks)):
            if scene.hunk_standing(file, file.hunks[at]) in ("pending", "partly"):
                return number, at
    return None


def row_of(layout: Layout, place: Place) -> int:
    """Return where a place of an earlier layout is now; what is folded is at its header."""
    if place.file < 0:
        return 0
    if place.hunk < 0:
        return layout.file_rows[place.file]
    line = line_at(place)
    row = None if line is None else layout.row_of(place.file, place.hunk, line)
    if row is None:
        row = layout.hunk_row(place.file, place.hunk)
    return layout.file_rows[place.file] if row is None else row
