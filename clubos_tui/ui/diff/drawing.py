"""Draws one display row of a patch: lines, pairs of lines, parts of wrapped lines.

A sign, a mark or a word carries everything; colours only repeat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style

from clubos_tui.changes.patch import ADDED, NO_NEWLINE, REMOVED, FilePatch, Hunk
from clubos_tui.ui.diff.headers import DECISIONS, Headers, Look
from clubos_tui.ui.diff.layout import Place
from clubos_tui.ui.diff.lines import Line, pieces, shown
from clubos_tui.ui.diff.scene import Scene, Span
from clubos_tui.ui.widgets.rows import Row, clip, restyle

__all__ = ["Drawing"]

_KEPT = 1_000


class _Looks(NamedTuple):
    """How a line of one kind looks."""

    text: Style
    sign: Style
    number: Style
    accepted: Style
    rejected: Style


class Drawing:
    """Draws a scene in the looks of a widget."""

    def __init__(self, scene: Scene, look: Look) -> None:
        self.scene = scene
        self.look = look
        self.headers = Headers(scene, look)
        self.digits = 1
        self.wrap = 0
        """Cells of a wrapped line; 0: lines are not wrapped."""
        self._lines: dict[int, Line] = {}
        self._looks: dict[int, _Looks] = {}
        self._inks: dict[tuple[int, str], Style] = {}

    def forget_looks(self) -> None:
        """Ask for every look anew: the theme is another one."""
        self._looks.clear()
        self._inks.clear()

    def draw(self, place: Place) -> Row:
        """Draw what stands at a place; of a pair the unified form of its left or right row."""
        patch = self.scene.patch
        if place.kind == "title":
            return self.headers.title(patch)
        file = patch.files[place.file]
        if place.kind == "file":
            return self.headers.file(file, folded=place.file in self.scene.folded_files)
        hunk = file.hunks[place.hunk]
        if place.kind == "hunk":
            return self.headers.hunk(file, hunk)
        if place.kind == "extra":
            return self._extra(file, place)
        row, width = place.row, self.digits
        old, new = patch.old_lines[row] or "", patch.new_lines[row] or ""
        if place.part:
            old = new = ""
        return self._line(file, hunk, row, place.part, f"{old:>{width}} {new:>{width}} ")

    def halves(self, place: Place) -> tuple[Row, Row]:
        """Draw the two sides of a pair, or of an unchanged line."""
        patch = self.scene.patch
        file = patch.files[place.file]
        if place.kind == "extra":
            row = self._extra(file, place)
            number = self._looks_of(0).number
            sides = [
                [Segment(" ", row.fill), Segment(f"{line:>{self.digits}}   ", number)]
                for line in (place.right, place.row)
            ]
            return row._replace(gutter=sides[0]), row._replace(gutter=sides[1])
        hunk = file.hunks[place.hunk]
        return (
            self._half(file, hunk, place.row, place.part, patch.old_lines),
            self._half(file, hunk, place.right, place.part, patch.new_lines),
        )

    def _half(
        self, file: FilePatch, hunk: Hunk, row: int, part: int, numbers: Sequence[int]
    ) -> Row:
        blank = Segment(" " * (self.digits + 4), self.look("diff--nothing"))
        if row < 0:
            return Row([blank], [], self.look("diff--nothing"))
        if self._part(self._shown(hunk, row), part)[0] < 0:  # the other side is longer
            style = self._looks_of(self.scene.patch.kinds[row]).text
            return Row([Segment(blank.text, style)], [], style)
        number = "" if part else numbers[row] or ""
        return self._line(file, hunk, row, part, f"{number:>{self.digits}} ")

    # --- a line ---------------------------------------------------------------------------------

    def _extra(self, file: FilePatch, place: Place) -> Row:
        style, width = self.look("diff--extra"), self.digits
        lines = self.scene.contents.get(file.path, ())
        raw = lines[place.row - 1] if place.row <= len(lines) else b""
        text, hidden = clip(raw)
        gutter = [
            Segment("  ", style),
            Segment(f"{place.right:>{width}} {place.row:>{width}} ", self._looks_of(0).number),
            Segment("  ", style),
        ]
        return Row(gutter, [Segment(text, style)], style, hidden)

    def _line(self, file: FilePatch, hunk: Hunk, row: int, part: int, numbers: str) -> Row:
        kind = self.scene.patch.kinds[row]
        looks = self._looks_of(kind)
        line = self._shown(hunk, row)
        gutter = [
            self._mark(file, hunk, row, looks),
            Segment(numbers, looks.number),
            Segment("↪ " if part else f"{chr(kind)} ", looks.sign),
        ]
        body = self._body(hunk, row, line)
        start, end = self._part(line, part)
        last = end >= len(line.text)
        if self.wrap:
            body = _cut(body, start, end)
        return Row(gutter, body, looks.text, line.hidden if last else 0)

    def _mark(self, file: FilePatch, hunk: Hunk, row: int, looks: _Looks) -> Segment:
        scene = self.scene
        if scene.selected and scene.selected.first <= row <= scene.selected.last:
            return Segment("┃ ", self.look("diff--selected"))
        if scene.patch.kinds[row] in (ADDED, REMOVED):
            word = scene.row_standing(file, hunk, row)
            if word == "accepted":
                return Segment(f"{DECISIONS[word]} ", looks.accepted)
            if word == "rejected":
                return Segment(f"{DECISIONS[word]} ", looks.rejected)
        return Segment("  ", looks.text)

    def _shown(self, hunk: Hunk, row: int) -> Line:
        line = self._lines.get(row)
        if line is None:
            if len(self._lines) >= _KEPT:
                self._lines.clear()
            line = self._lines[row] = shown(self.scene.patch, hunk, row)[0]
        return line

    def _part(self, line: Line, part: int) -> tuple[int, int]:
        """Return the span of a part of a wrapped line; -1 where the line is shorter."""
        if not self.wrap:
            return (0, len(line.text)) if not part else (-1, -1)
        parts = pieces(line.text, self.wrap)
        return parts[part] if part < len(parts) else (-1, -1)

    def _body(self, hunk: Hunk, row: int, line: Line) -> list[Segment]:
        kind, detail = self.scene.patch.kinds[row], self.scene.detail(hunk, row)
        body = self._coloured(kind, line.text, detail.colours)
        marked = detail.words
        if not marked and line.trailing < len(line.text):
            marked = [(line.trailing, len(line.text))]
        return restyle(body, marked, self.look(_WORDS[kind])) if marked else body

    def _coloured(self, kind: int, text: str, spans: list[Span]) -> list[Segment]:
        """Return a text in its colours; the spans ascend and are apart."""
        plain = self._looks_of(kind).text
        body, at = [], 0
        for start, end, group in spans:
            if at <= start < end <= len(text):
                if at < start:
                    body.append(Segment(text[at:start], plain))
                body.append(Segment(text[start:end], self._ink(kind, f"diff--syntax-{group}")))
                at = end
        if at < len(text) or not body:
            body.append(Segment(text[at:], plain))
        return body

    # --- looks ----------------------------------------------------------------------------------

    def _looks_of(self, kind: int) -> _Looks:
        """Return the looks of a kind of line; 0: one that was asked for around a hunk."""
        looks = self._looks.get(kind)
        if looks is None:
            text = self.look(_LOOKS.get(kind, "diff--context"))
            looks = self._looks[kind] = _Looks(
                text,
                self.look(_SIGNS[kind]) if kind in _SIGNS else text,
                text + Style(color=self.look("diff--number").color),
                text + _ink(self.look("diff--row-accepted")),
                text + _ink(self.look("diff--row-rejected")),
            )
        return looks

    def _ink(self, kind: int, name: str) -> Style:
        style = self._inks.get((kind, name))
        if style is None:
            style = self._inks[kind, name] = self._looks_of(kind).text + _ink(self.look(name))
        return style


def _ink(look: Style) -> Style:
    """Return a look without its ground, which says whether a line is added or removed."""
    return Style(color=look.color, bold=look.bold, italic=look.italic, dim=look.dim)


def _cut(body: list[Segment], start: int, end: int) -> list[Segment]:
    out, at = [], 0
    for text, style, _ in body:
        low, high = max(start - at, 0), min(end - at, len(text))
        if low < high:
            out.append(Segment(text[low:high], style))
        at += len(text)
    return out


_LOOKS = {
    0: "diff--extra", ADDED: "diff--added", REMOVED: "diff--removed", NO_NEWLINE: "diff--note",
}  # fmt: skip
_SIGNS = {ADDED: "diff--sign-added", REMOVED: "diff--sign-removed"}
_WORDS = {ADDED: "diff--word-added", REMOVED: "diff--word-removed"}
