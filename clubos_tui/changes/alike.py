"""Hunks that make the same change in many places, so that they can be decided on together.

What is compared is the change alone: its rows with their signs, and where lines stay between them.
The text around it, the path and the line numbers may differ; the kind of file may not.
"""

from __future__ import annotations

import posixpath

from clubos_tui.changes.patch import CONTEXT, NO_NEWLINE, SYMLINK, FilePatch, Hunk, Patch

__all__ = ["alike"]

_STAYS = b" "  # in place of lines between changes; no changed row is this
_Change = tuple[bytes, bytes]


def alike(patch: Patch, at_least: int = 3) -> dict[str, tuple[str, ...]]:
    """Find the hunks that make the same change as others.

    Args:
        patch: The change set. Only files that are modified or renamed count: a whole new or
            deleted file is no mechanical edit, and neither is a link's target.
        at_least: How many hunks make a group.

    Returns:
        By the id of each hunk in a group: the ids of that group, itself too, in patch order.
    """
    groups: dict[_Change, list[str]] = {}
    for file in patch.files:
        if file.kind in {"modify", "rename"} and SYMLINK not in (file.old_mode, file.new_mode):
            ending = _ending(file)
            for hunk in file.hunks:
                groups.setdefault((ending, _change(patch, hunk)), []).append(hunk.id)
    out: dict[str, tuple[str, ...]] = {}
    for ids in groups.values():
        if len(ids) >= at_least:
            out.update(dict.fromkeys(ids, tuple(ids)))
    return out


def _ending(file: FilePatch) -> bytes:
    return posixpath.splitext(file.path)[1]


def _change(patch: Patch, hunk: Hunk) -> bytes:
    """Return what two alike hunks have in common, byte for byte."""
    start, stop = hunk.rows.start, hunk.rows.stop
    rows: list[bytes] = []
    stays = False
    for kind, line in zip(patch.kinds[start:stop], patch.lines[start:stop], strict=True):
        if kind == CONTEXT:
            stays = True
        elif kind != NO_NEWLINE or not stays:  # of a line that stays, its missing end stays too
            if stays and rows:
                rows.append(_STAYS)
            rows.append(line)
            stays = False
    return b"\n".join(rows)
