"""Finds a text in a laid-out patch: headers as they are shown, lines as the bytes they are.

What is folded is found at its header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rich.style import Style

from clubos_tui.changes.patch import FilePatch
from clubos_tui.ui.diff.headers import Headers
from clubos_tui.ui.diff.layout import Layout
from clubos_tui.ui.diff.scene import Scene
from clubos_tui.ui.text import safe

__all__ = ["find"]

_HUGE = 1 << 20  # bytes of a line; a regular expression takes seconds for a hundred times as many
_SLICE = 1 << 22
_NO_LOOK = Style()


def find(layout: Layout, pattern: re.Pattern[str], scene: Scene) -> Iterator[int]:
    """Return the display rows in which a pattern is found, ascending.

    Args:
        layout: Where everything stands.
        pattern: An escaped text, in any case or in its own.
        scene: What headers say beside the patch.
    """
    patch, headers = layout.patch, Headers(scene, lambda _: _NO_LOOK)
    if patch is None:
        return
    matches, folded_hunks = _matcher(pattern), layout.options.folded_hunks
    for f, file in enumerate(patch.files):
        head, folded = layout.file_rows[f], f in layout.options.folded_files
        found = bool(pattern.search(_header(headers, file, folded=folded)))
        if found:
            yield head
        for h, hunk in enumerate(file.hunks):
            hits = [row for row in hunk.rows if matches(patch.lines[row])]
            if not folded:
                at_header = pattern.search(safe(hunk.heading)) or (hunk.id in folded_hunks and hits)
                yield from _rows(layout, f, h, hits, at_header=bool(at_header))
            elif hits and not found:
                found = True
                yield head


def _header(headers: Headers, file: FilePatch, *, folded: bool) -> str:
    return "".join(segment.text for segment in headers.file(file, folded=folded).body)


def _rows(layout: Layout, f: int, h: int, hits: list[int], *, at_header: bool) -> Iterator[int]:
    before = layout.hunk_row(f, h)
    assert before is not None
    if at_header:
        yield before
    for hit in hits:
        row = layout.row_of(f, h, hit)
        if row is not None and row != before:
            yield row
            before = row


def _matcher(pattern: re.Pattern[str]) -> Callable[[bytes], bool]:
    """Return what tells whether a patch row holds the text after its sign."""
    any_case = bool(pattern.flags & re.IGNORECASE)
    needle = re.sub(r"\\(.)", r"\1", pattern.pattern).encode("utf-8", "surrogateescape")
    raw = None
    if needle.isascii():
        raw = re.compile(re.escape(needle), re.IGNORECASE if any_case else re.NOFLAG).search

    def matches(line: bytes) -> bool:
        if len(line) > _HUGE:
            return _in_huge(line, needle, any_case=any_case)
        return bool(raw(line, 1) if raw else pattern.search(safe(line), 1))

    return matches


def _in_huge(line: bytes, needle: bytes, *, any_case: bool) -> bool:
    """Look slice by slice; beyond ASCII a letter is found in the case it was typed in."""
    if not any_case:
        return line.find(needle, 1) >= 0
    needle = needle.lower()
    return any(
        needle in line[at : at + _SLICE + len(needle)].lower()
        for at in range(1, len(line), _SLICE)
    )  # fmt: skip
