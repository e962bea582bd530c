"""What is left of a file when only some of a patch's rows are kept. Pure.

A dropped row that was added is gone; a dropped row that was removed stays as it was. Keeping every
row gives the proposed file byte for byte, keeping none the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Final, Literal

from clubos_tui.changes.decisions import Draft, FileDraft, Verdict
from clubos_tui.changes.manifest import path_text
from clubos_tui.changes.patch import (
    ADDED,
    CONTEXT,
    NO_NEWLINE,
    REMOVED,
    SYMLINK,
    FilePatch,
    Hunk,
    Patch,
)

__all__ = [
    "STANDINGS",
    "Standing",
    "changed",
    "dividable",
    "hunk_standing",
    "rejected_rows",
    "select",
    "standing",
    "whole_files",
]


Standing = Literal["pending", "accepted", "rejected", "partly"]

STANDINGS: Final[Mapping[Verdict, Standing]] = {
    "accept": "accepted",
    "reject": "rejected",
    "pending": "pending",
}
"""How far something is decided on that has one verdict."""


def dividable(file: FilePatch) -> bool:
    """Tell whether parts of a file can be decided on: it is text on each side it has."""
    return bool(file.hunks) and SYMLINK not in (file.old_mode, file.new_mode) and not file.binary


def whole_files(patch: Patch) -> Mapping[str, FilePatch]:
    """Return the dividable files by path; a path that is two files (a file became a link) is not.

    A path that is not here is decided on as a whole.
    """
    found: dict[str, FilePatch] = {}
    twice = set()
    for file in patch.files:
        path = path_text(file.path)
        if path in found or not dividable(file):
            twice.add(path)
        found[path] = file
    return {path: file for path, file in found.items() if path not in twice}


def changed(patch: Patch, rows: range) -> Iterator[int]:
    """Yield the rows that are added or removed."""
    return (row for row in rows if patch.kinds[row] in (ADDED, REMOVED))


def hunk_standing(patch: Patch, hunk: Hunk, draft: FileDraft) -> Standing:
    """Return how far a hunk is decided on: accepted, rejected, pending or partly."""
    if hunk.id not in draft.lines:
        return STANDINGS[draft.of(hunk.id)]
    rows = changed(patch, hunk.rows)
    found = {draft.of(hunk.id, row - hunk.rows.start + 1) for row in rows}
    return STANDINGS[found.pop()] if len(found) == 1 else "partly"


def standing(patch: Patch, file: FilePatch, draft: FileDraft) -> Standing:
    """Return how far a file is decided on: accepted, rejected, pending or partly."""
    if not draft.divided or not file.hunks:
        return STANDINGS[draft.verdict]
    found = {hunk_standing(patch, hunk, draft) for hunk in file.hunks}
    return found.pop() if len(found) == 1 else "partly"


def rejected_rows(patch: Patch, draft: Draft) -> set[int]:
    """Return the changed rows that sealing would drop."""
    out: set[int] = set()
    files = whole_files(patch)
    for path in draft.rejecting:
        file, own = files.get(path), draft.of(path)
        if file is None:
            dropped = [item for item in patch.files if path_text(item.path) == path]
            for item in dropped if own.dropped else ():
                out.update(changed(patch, item.rows))
            continue
        for hunk in file.hunks:
            for row in changed(patch, hunk.rows):
                if own.of(hunk.id, row - hunk.rows.start + 1) == "reject":
                    out.add(row)
    return out


def select(base: bytes, patch: Patch, file: FilePatch, keep: Callable[[int], bool]) -> bytes:
    """Return the file with only the kept rows of its patch applied to ``base``.

    Of removed lines and the added ones that stand beside them, each old line that stays comes in
    front of the new line at its side.

    Args:
        base: The content on the old side; empty for a file that is new.
        patch: The patch ``file`` is part of.
        file: A file whose hunks are lines of ``base``.
        keep: Tells of a changed row's number whether it is kept.
    """
    lines = base.split(b"\n")
    ended = not lines[-1]  # the last line has its end
    if ended:
        lines.pop()
    out: list[bytes] = []
    at = 0
    for hunk in file.hunks:
        first = hunk.old_start - 1 if hunk.old_count else hunk.old_start
        out += lines[at:first]
        at = first + hunk.old_count
        rows = list(_staying(patch, hunk.rows, keep))
        out += map(patch.text, rows)
        if at == len(lines):
            ended = not rows or not _bare(patch, hunk.rows, rows[-1])
    out += lines[at:]
    return b"\n".join(out) + (b"\n" if ended else b"") if out else b""


def _bare(patch: Patch, rows: range, row: int) -> bool:
    """Tell whether the line of a row has no end."""
    return row + 1 in rows and patch.kinds[row + 1] == NO_NEWLINE


def _staying(patch: Patch, rows: range, keep: Callable[[int], bool]) -> Iterator[int]:
    """Yield the rows whose lines are in the file afterwards, in their order there."""
    old: list[int] = []
    new: list[int] = []
    for row in rows:
        kind = patch.kinds[row]
        if kind == CONTEXT or (kind == REMOVED and new):
            yield from _beside(old, new, keep)
            old, new = [], []
        if kind == CONTEXT:
            yield row
        elif kind != NO_NEWLINE:
            (old if kind == REMOVED else new).append(row)
    yield from _beside(old, new, keep)


def _beside(old: list[int], new: list[int], keep: Callable[[int], bool]) -> Iterator[int]:
    for was, now in zip_longest(old, new):
        if was is not None and not keep(was):
            yield was
        if now is not None and keep(now):
            yield now
