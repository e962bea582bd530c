"""Draws one display row of a patch: headers, lines, pairs of lines, parts of wrapped lines.

A sign, a mark or a word carries everything; colours only repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style

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
from clubos_tui.ui.diff.layout import Place
from clubos_tui.ui.diff.lines import Line, beginning, beyond, line_of, pieces
from clubos_tui.ui.diff.pairs import partner
from clubos_tui.ui.diff.scene import Scene
from clubos_tui.ui.diff.words import changed_words
from clubos_tui.ui.text import safe, visible
from clubos_tui.ui.values import KINDS, count
from clubos_tui.ui.widgets.rows import Row, clip, restyle

__all__ = ["DECISIONS", "Drawing"]

DECISIONS: Final[Mapping[str, str]] = {
    "pending": "·",
    "accepted": "✔",
    "rejected": "✘",
    "partly": "±",
}
"""How far something is decided on, and the mark of each."""

Look = Callable[[str], Style]


class Drawing:
    """Draws a scene in the looks of a widget."""

    def __init__(self, scene: Scene, look: Look) -> None:
        self.scene = scene
        self.look = look
        self.digits = 1
        self._beyond: dict[int, int] = {}
        self.wrap = 0
        """Cells of a wrapped line; 0: lines are not wrapped."""

    def draw(self, place: Place) -> Row:
        """Draw what stands at a place; of a pair the unified form of its left or right row."""
        patch = self.scene.patch
        if place.kind == "title":
            return self._title(patch)
        file = patch.files[place.file]
        if place.kind == "file":
            return self.file(file, folded=place.file in self.scene.folded_files)
        hunk = file.hunks[place.hunk]
        if place.kind == "hunk":
            return self._hunk(file, hunk)
        if place.kind == "extra":
            return self._extra(file, place)
        return self._line(file, hunk, place.row, place.part)

    def halves(self, place: Place) -> tuple[Row, Row]:
        """Draw the two sides of a pair, or of an unchanged line."""
        file = self.scene.patch.files[place.file]
        if place.kind == "extra":
            row = self._extra(file, place)
            old, new = f"{place.right:>{self.digits}} ", f"{place.row:>{self.digits}} "
            look = row.fill + Style(color=self.look("diff--number").color)
            sides = [
                [Segment(" ", row.fill), Segment(f"{number}  ", look)] for number in (old, new)
            ]
            return row._replace(gutter=sides[0]), row._replace(gutter=sides[1])
        hunk = file.hunks[place.hunk]
        return (
            self._half(file, hunk, place.row, place.part, old=True),
            self._half(file, hunk, place.right, place.part, old=False),
        )

    # --- headers --------------------------------------------------------------------------------

    def _title(self, patch: Patch) -> Row:
        style = self.look("diff--title")
        files = count(len(patch.files), "file")
        text = f"{self.scene.title}  {files}, +{patch.added:,} -{patch.removed:,}"
        return Row([], [Segment(text, style)], style)

    def file(self, file: FilePatch, *, folded: bool) -> Row:
        """Draw the header of a file."""
        scene = self.scene
        style, quiet = self.look("diff--file"), self.look("diff--pending")
        word = scene.file_standing(file)
        gutter = []
        if word:
            gutter = [Segment(f"{DECISIONS[word]} {word:<8} ", self.look(f"diff--{word}"))]
        warn = self.look("diff--outside")
        body = [Segment("▸ " if folded else "▾ ", style)] if file.hunks else [Segment("  ", style)]
        if folded and file.hunks:
            lines = count(file.added + file.removed, "changed line")
            body.append(Segment(f"… {lines} folded  ", warn))
        if mark := scene.marks.get(file.path):
            body.append(Segment(f"! {safe(mark)}  ", warn))
        name, hidden = clip(file.path)
        if file.old_path is not None:
            name = f"{safe(file.old_path)} -> {name}"
        body.append(Segment(f"{KINDS[file.kind]} {file.kind}  {name}", style))
        body += [Segment(f"  {detail}", quiet) for detail in _details(scene.patch, file)]
        reason = scene.reasons.get(file.path)
        if reason and reason.reason:
            body.append(Segment(f"  ! {safe(reason.reason)}", warn))
        if note := scene.note(file, None):
            body.append(Segment(f"  note: {safe(note)}", warn))
        return Row(gutter, body, style, hidden)

    def _hunk(self, file: FilePatch, hunk: Hunk) -> Row:
        scene = self.scene
        style, warn = self.look("diff--hunk"), self.look("diff--hunk-warn")
        word = scene.hunk_standing(file, hunk)
        gutter = []
        if word:
            gutter = [Segment(f"{DECISIONS[word]} {word:<8} ", self.look(f"diff--hunk-{word}"))]
        heading, hidden = clip(hunk.heading)
        place = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
        body = []
        if hunk.id in scene.folded_hunks:  # in front, where nothing can push it off the edge
            kinds = scene.patch.kinds[hunk.rows.start : hunk.rows.stop]
            folded = f"▸ +{kinds.count(ADDED):,} -{kinds.count(REMOVED):,} folded  "
            body.append(Segment(folded, warn))
        body.append(Segment(f"{place} {heading}".rstrip(), style))
        if scene.fresh is not None and hunk.id in scene.fresh:
            body.append(Segment("  new since you looked", warn))
        if group := scene.alike.get(hunk.id):
            if group[0] == hunk.id:
                said = f"  = {len(group)} alike: deciding here decides them all"
            else:
                said = f"  = the same change, {len(group)} in all"
            body.append(Segment(said, warn))
        if note := scene.note(file, hunk):
            body.append(Segment(f"  note: {safe(note)}", warn))
        return Row(gutter, body, style, hidden)

    # --- lines ----------------------------------------------------------------------------------

    def _extra(self, file: FilePatch, place: Place) -> Row:
        style, width = self.look("diff--extra"), self.digits
        lines = self.scene.contents.get(file.path, ())
        raw = lines[place.row - 1] if place.row <= len(lines) else b""
        text, hidden = clip(raw)
        number = style + Style(color=self.look("diff--number").color)
        gutter = [
            Segment("  ", style),
            Segment(f"{place.right:>{width}} {place.row:>{width}} ", number),
            Segment("  ", style),
        ]
        return Row(gutter, [Segment(text, style)], style, hidden)

    def _line(self, file: FilePatch, hunk: Hunk, row: int, part: int) -> Row:
        patch, width = self.scene.patch, self.digits
        style, sign, number = self._looks(patch.kinds[row])
        old, new = patch.old_lines[row] or "", patch.new_lines[row] or ""
        line = self._text(hunk, row)
        if part:
            old = new = ""
        gutter = [
            self._mark(file, hunk, row, style),
            Segment(f"{old:>{width}} {new:>{width}} ", number),
            Segment(f"{chr(patch.kinds[row])} " if not part else "↪ ", sign),
        ]
        body, last = self._body(hunk, row, line, style, part)
        return Row(gutter, body, style, line.hidden if last else 0)

    def _half(self, file: FilePatch, hunk: Hunk, row: int, part: int, *, old: bool) -> Row:
        patch, width = self.scene.patch, self.digits
        if row < 0:
            empty = self.look("diff--nothing")
            return Row([Segment(" " * (width + 4), empty)], [], empty)
        style, sign, number = self._looks(patch.kinds[row])
        line = self._text(hunk, row)
        first, _ = self._span(line, part)
        if first < 0:
            return Row([Segment(" " * (width + 4), style)], [], style)
        numbers = patch.old_lines if old else patch.new_lines
        shown = "" if part else numbers[row] or ""
        gutter = [
            self._mark(file, hunk, row, style),
            Segment(f"{shown:>{width}} ", number),
            Segment(f"{chr(patch.kinds[row])} " if not part else "↪ ", sign),
        ]
        body, last = self._body(hunk, row, line, style, part)
        return Row(gutter, body, style, line.hidden if last else 0)

    def _looks(self, kind: int) -> tuple[Style, Style, Style]:
        style = self.look(_LOOKS.get(kind, "diff--context"))
        sign = self.look(_SIGNS[kind]) if kind in _SIGNS else style
        return style, sign, style + Style(color=self.look("diff--number").color)

    def _ink(self, name: str) -> Style:
        """Return a look without its ground, which says whether a line is added or removed."""
        look = self.look(name)
        return Style(color=look.color, bold=look.bold, italic=look.italic, dim=look.dim)

    def _mark(self, file: FilePatch, hunk: Hunk, row: int, style: Style) -> Segment:
        selected = self.scene.selected
        if selected and selected.first <= row <= selected.last:
            return Segment("┃ ", self.look("diff--selected"))
        if self.scene.patch.kinds[row] not in (ADDED, REMOVED):
            return Segment("  ", style)
        word = self.scene.row_standing(file, hunk, row)
        if word in ("accepted", "rejected"):
            return Segment(f"{DECISIONS[word]} ", style + self._ink(f"diff--row-{word}"))
        return Segment("  ", style)

    def _text(self, hunk: Hunk, row: int) -> Line:
        patch = self.scene.patch
        lines, other = patch.lines, partner(patch.kinds, hunk.rows, row)
        line = line_of(
            beginning(lines[row]),
            patch.kinds[row],
            beginning(lines[other]) if other >= 0 else None,
        )
        if not line.hidden:
            return line
        if row not in self._beyond:
            self._beyond[row] = beyond(lines[row])
        return line._replace(hidden=line.hidden + self._beyond[row])

    def _span(self, line: Line, part: int) -> tuple[int, int]:
        if not self.wrap:
            return (0, len(line.text)) if not part else (-1, -1)
        parts = pieces(line.text, self.wrap)
        return parts[part] if part < len(parts) else (-1, -1)

    def _body(
        self, hunk: Hunk, row: int, line: Line, style: Style, part: int
    ) -> tuple[list[Segment], bool]:
        """Return the segments of a line, or of a part of it, and whether it is the last part."""
        patch = self.scene.patch
        body = [Segment(line.text, style)]
        if not line.blanks:  # made visible, the text is no longer the one that was coloured
            for start, end, group in self.scene.spans(hunk, row):
                body = _over(body, start, end, self._ink(f"diff--syntax-{group}"))
        other = partner(patch.kinds, hunk.rows, row)
        if other >= 0:
            spans = _words(line, self._text(hunk, other))
            body = restyle(body, spans, self.look(_WORDS[patch.kinds[row]]))
        elif line.trailing < len(line.text):
            tail = [(line.trailing, len(line.text))]
            body = restyle(body, tail, self.look(_WORDS[ADDED]))
        if not self.wrap:
            return body, True
        start, end = self._span(line, part)
        return _cut(body, start, end), end >= len(line.text)


def _words(line: Line, other: Line) -> list[tuple[int, int]]:
    changed = changed_words(line.text, other.text)
    return changed[0] if changed else []


def _over(body: list[Segment], start: int, end: int, look: Style) -> list[Segment]:
    """Return `body` with one more colour; spans come in order, so only the last segment is cut."""
    tail = body.pop()
    at = start - sum(len(segment.text) for segment in body)
    size = end - start
    if at < 0 or at + size > len(tail.text):
        return [*body, tail]
    style = (tail.style or Style()) + look
    pieces_of = [
        Segment(tail.text[:at], tail.style),
        Segment(tail.text[at : at + size], style),
        Segment(tail.text[at + size :], tail.style),
    ]
    return [*body, *(piece for piece in pieces_of[:2] if piece.text), pieces_of[2]]


def _cut(body: list[Segment], start: int, end: int) -> list[Segment]:
    out, at = [], 0
    for text, style, _ in body:
        low, high = max(start - at, 0), min(end - at, len(text))
        if low < high:
            out.append(Segment(text[low:high], style))
        at += len(text)
    return out


_LOOKS = {ADDED: "diff--added", REMOVED: "diff--removed", NO_NEWLINE: "diff--note"}
_SIGNS = {ADDED: "diff--sign-added", REMOVED: "diff--sign-removed"}
_WORDS = {ADDED: "diff--word-added", REMOVED: "diff--word-removed", CONTEXT: "diff--context"}


def _details(patch: Patch, file: FilePatch) -> Iterator[str]:
    """Say what the lines below a file header don't show: modes, targets, sizes, ids, counts."""
    modes = (file.old_mode, file.new_mode)
    if file.kind in ("symlink", "binary") and file.old_mode is None:
        yield "new"
    if None not in modes and file.old_mode != file.new_mode:
        yield f"mode {file.old_mode} -> {file.new_mode}"
    elif file.old_mode is None and file.new_mode not in (None, "100644", SYMLINK):
        yield f"mode {file.new_mode}"
    if SYMLINK in modes and file.hunks:
        yield ("was a link to " if file.kind == "delete" else "-> ") + clip(patch.target(file))[0]
    if file.similarity is not None:
        yield f"{file.similarity}% the same"
    if file.binary:
        yield from _binary(file)
    elif file.hunks:
        yield f"+{file.added:,} -{file.removed:,}"
    elif file.kind in ("create", "delete"):
        yield "empty file"


def _binary(file: FilePatch) -> Iterator[str]:
    assert file.binary
    old, new = file.binary.old_size, file.binary.new_size
    sizes = [f"{size:,}" for size in (old, new) if size is not None]
    if file.old_blob is None or file.new_blob is None:
        # The side that doesn't exist counts as 0 bytes in a binary patch.
        sizes = sizes[-1:] if file.old_blob is None else sizes[:1]
    ending = visible(file.path.rpartition(b".")[2].decode("utf-8", "backslashreplace").lower())
    what = f"{_IMAGES[ending]} image, " if ending in _IMAGES else "binary, "
    what = what if ending in _IMAGES or file.kind != "binary" else ""
    yield f"{what}{' -> '.join(sizes)} bytes" if sizes else f"{what}size not given"
    blobs = [blob[:12] for blob in (file.old_blob, file.new_blob) if blob]
    yield "blob " + " -> ".join(blobs)


_IMAGES = {
    "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "webp": "WebP", "ico": "icon",
    "bmp": "bitmap", "avif": "AVIF", "tiff": "TIFF",
}  # fmt: skip
