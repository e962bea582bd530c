"""`DiffView`: a whole patch in one scroll, every file with its decision, nothing left out.

The widget knows where the cursor is and what is folded, split, wrapped or unfolded around a hunk.
Where a row stands is `ui/diff/layout.py`, how it looks `ui/diff/drawing.py`, and what is decided
the owner's: keys that decide are not here. Colours come from a thread, after the first paint.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from clubos_tui.changes.attention import Attention
from clubos_tui.changes.decisions import Draft
from clubos_tui.changes.patch import CONTEXT, FilePatch, Hunk, Patch
from clubos_tui.ui.diff.drawing import Drawing
from clubos_tui.ui.diff.highlight import hunk_colours
from clubos_tui.ui.diff.layout import Layout, Options, Place
from clubos_tui.ui.diff.lines import beginning, height
from clubos_tui.ui.diff.looks import CLASSES, LOOKS
from clubos_tui.ui.diff.scene import CHUNK, Scene, Selected
from clubos_tui.ui.text import safe, visible
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import MAX_CELLS, Row, clip

__all__ = ["DiffView"]

_KEPT_CHUNKS = 400
_STEP = 10  # unchanged lines that one key press shows more or less of
_NARROWEST_SPLIT = 60


class DiffView(LineView):
    """Shows a `Patch`. The owner gives patch, decisions and marks; keys only move and fold."""

    headings: ClassVar[bool] = True
    HELP = "The change set: one header a file, then its hunks. Colours only repeat the signs."

    COMPONENT_CLASSES: ClassVar[set[str]] = CLASSES
    DEFAULT_CSS = LOOKS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "hunk(1)", "Next hunk", key_display="]", id="hunk-next"),
        Binding(
            "left_square_bracket", "hunk(-1)", "Last hunk", key_display="[", id="hunk-previous"
        ),
        Binding("right_curly_bracket", "file(1)", "Next file", key_display="}", id="file-next"),
        Binding("left_curly_bracket", "file(-1)", "Last file", key_display="{", id="file-previous"),
        Binding("enter", "fold", "Fold", show=False, id="fold"),
    ]

    class FileChanged(Message):
        """The cursor stands in another file, or in none (`path` is None)."""

        def __init__(self, view: DiffView, path: bytes | None) -> None:
            super().__init__()
            self.view = view
            self.path = path

        @property
        def control(self) -> DiffView:
            """The view that says so."""
            return self.view

    class LinesWanted(Message):
        """Unchanged lines of a file are to be shown; `give_lines` is waited for."""

        def __init__(self, view: DiffView, path: bytes) -> None:
            super().__init__()
            self.view = view
            self.path = path

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own word
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._scene = Scene()
        self._drawing = Drawing(self._scene, self.look)
        self._layout = Layout()
        self._around: dict[str, tuple[int, int]] = {}
        self._path: bytes | None = None
        self._wrap = False
        self._anchor: int | None = None  # the patch row where a range of lines begins
        self._seen = bytearray()
        self._wanted: dict[tuple[int, int, int], None] = {}
        self._colouring = False

    # --- what the owner gives -------------------------------------------------------------------

    def show(
        self,
        patch: Patch,
        *,
        title: str = "",
        reasons: Mapping[bytes, Attention] | None = None,
        alike: Mapping[str, tuple[str, ...]] | None = None,
        fresh: frozenset[str] | None = None,
    ) -> None:
        """Show `patch`; the cursor goes back to the file it was in, if that is still there.

        Args:
            patch: What to show. A patch without files shows the last message of `show_empty`.
            title: A first row above all files (any text).
            reasons: Why a file wants attention, by path.
            alike: By hunk id, the ids of all hunks that make the same change; all but the first
                of them start folded.
            fresh: The hunks that were not there when one looked last.
        """
        old = self._scene
        alike = alike or {}
        self._scene = Scene(
            patch,
            visible(title),
            split=old.split,
            marks=old.marks,
            reasons=reasons or {},
            alike=alike,
            folded_hunks={hunk for hunk, group in alike.items() if group[0] != hunk},
            fresh=fresh,
        )
        self._drawing = Drawing(self._scene, self.look)
        ends = [max(h.old_start + h.old_count, h.new_start + h.new_count) for h in _last(patch)]
        self._drawing.digits = len(str(max(ends, default=1)))
        self._around, self._anchor, self._wanted = {}, None, {}
        self._seen = bytearray(len(patch.lines))
        longest = max(map(len, patch.lines), default=0)
        self._arrange()
        self.rows_changed(widest=min(longest, MAX_CELLS) + 2 * self._drawing.digits + 7)
        if self._path is None or not self.go_to_file(self._path):
            self.go_to(0, top=True)

    def show_empty(self, message: str) -> None:
        """Show `message` (any text) instead of a patch: why there is none, and what helps."""
        self._clear(message)

    def show_loading(self, message: str) -> None:
        """Show what is being waited for (any text) instead of a patch."""
        self._clear(f"… {message}")

    def _clear(self, message: str) -> None:
        self._scene = Scene(split=self._scene.split, marks=self._scene.marks)
        self._drawing = Drawing(self._scene, self.look)
        self._layout, self._anchor = Layout(), None
        self._seen = bytearray()
        self.show_note(message)
        self.go_to(0, top=True)

    def set_draft(self, draft: Draft | None, *, settled: bool = False) -> None:
        """Set what is decided; None where nothing can be, `settled` where all is approved."""
        self._scene.draft, self._scene.settled = draft, settled
        self.repaint_rows()

    def set_marks(self, marks: Mapping[bytes, str]) -> None:
        """Set what to warn of on a path (any text, "changed outside"), shown behind a ``!``."""
        self._scene.marks = dict(marks)
        self.repaint_rows()

    def give_lines(self, path: bytes, lines: list[bytes]) -> None:
        """Give the lines of a file's new side that `LinesWanted` asked for."""
        self._scene.contents[path] = lines
        self._rearrange()

    # --- where we are ---------------------------------------------------------------------------

    @property
    def patch(self) -> Patch:
        """What is shown; without files where nothing is."""
        return self._scene.patch

    @property
    def place(self) -> Place | None:
        """What stands under the cursor."""
        return self._layout.at(self.cursor_row) if self._layout.rows else None

    @property
    def current_file(self) -> FilePatch | None:
        """The file under the cursor; None in the title and where there is no patch."""
        place = self.place
        return self._scene.patch.files[place.file] if place and place.file >= 0 else None

    @property
    def current_path(self) -> bytes | None:
        """The path of the file under the cursor."""
        file = self.current_file
        return file.path if file else None

    @property
    def current_hunk(self) -> Hunk | None:
        """The hunk under the cursor; None in a file header."""
        place = self.place
        if place is None or place.hunk < 0:
            return None
        return self._scene.patch.files[place.file].hunks[place.hunk]

    @property
    def current_line(self) -> int:
        """The line of the proposed file under the cursor, from 1."""
        place, patch = self.place, self._scene.patch
        if place is None or place.file < 0:
            return 1
        file = patch.files[place.file]
        if place.kind == "extra":
            return place.row
        hunk = file.hunks[max(0, place.hunk)] if file.hunks else None
        if hunk is None:
            return 1
        for row in (place.right, place.row):
            if row >= 0:
                # A removed line is where the next one that stays is.
                rows = range(row, hunk.rows.stop)
                return next((patch.new_lines[at] for at in rows if patch.new_lines[at]), 1)
        return max(1, hunk.new_start)

    @property
    def selected(self) -> Selected | None:
        """The range of patch rows that is selected, all in one hunk."""
        return self._scene.selected

    def go_to_file(self, path: bytes) -> bool:
        """Bring the header of a file to the top; False if the patch has no such file."""
        for row, file in zip(self._layout.file_rows, self._scene.patch.files, strict=False):
            if file.path == path:
                self.go_to(row, top=True)
                return True
        return False

    def go_to_hunk(self, hunk: str) -> bool:
        """Bring a hunk to the top, unfolding its file; False if the patch has no such hunk."""
        for f, file in enumerate(self._scene.patch.files):
            for h, one in enumerate(file.hunks):
                if one.id == hunk:
                    if f in self._scene.folded_files:
                        self._scene.folded_files.discard(f)
                        self._rearrange()
                    row = self._layout.hunk_row(f, h)
                    self.go_to(row or 0, top=True, by_user=True)
                    return True
        return False

    def next_pending(self) -> str | None:
        """Return the next hunk from the cursor on, around the end, that is not decided."""
        scene, place = self._scene, self.place
        f, h = (max(0, place.file), place.hunk) if place else (0, -1)
        files = scene.patch.files
        # The file one is in comes first, and last as a whole.
        for step in range(len(files) + 1 if files else 0):
            file = files[(f + step) % len(files)]
            hunks = file.hunks[h + 1 :] if not step else file.hunks
            for hunk in hunks:
                if scene.hunk_standing(file, hunk) in ("pending", "partly"):
                    return hunk.id
        return None

    def cursor_moved(self, *, by_user: bool) -> None:  # noqa: ARG002
        """Tell when the cursor has come into another file; stretch a range of lines."""
        if self._anchor is not None:
            self._stretch()
        path = self.current_path
        if path != self._path:
            self._path = path
            self.post_message(self.FileChanged(self, path))

    def action_hunk(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) hunk."""
        self._jump(self._layout.hunk_rows, step)

    def action_file(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) file."""
        self._jump(self._layout.file_rows, step)

    def _jump(self, rows: Sequence[int], step: int) -> None:
        if step > 0:
            at = bisect_right(rows, self.cursor_row)
        else:
            at = bisect_left(rows, self.cursor_row) - 1
        if 0 <= at < len(rows):
            self.go_to(rows[at], top=True, by_user=True)

    # --- folding, split, wrap, context ----------------------------------------------------------

    def action_fold(self) -> None:
        """Fold or unfold the hunk under the cursor, or in a file's header the file."""
        place, scene = self.place, self._scene
        if place is None or place.file < 0:
            return
        hunk = self.current_hunk
        if hunk is None:
            scene.folded_files ^= {place.file}
        else:
            scene.folded_hunks ^= {hunk.id}
            self.go_to(self._layout.hunk_row(place.file, place.hunk) or 0)
        self._rearrange()

    def fold_all(self) -> None:
        """Fold every file, or unfold them where all are."""
        everything = set(range(len(self._scene.patch.files)))
        folded = self._scene.folded_files
        self._scene.folded_files = set() if folded == everything else everything
        self._rearrange()

    def toggle_split(self) -> bool:
        """Show old and new side by side, or below each other again; tell whether it is split."""
        self._scene.split = not self._scene.split
        self._rearrange()
        return self._scene.split

    def toggle_wrap(self) -> bool:
        """Fold long lines at the edge, or let them run beyond it; tell whether they are."""
        self._wrap = not self._wrap
        self.scroll_to(x=0, animate=False, force=True)
        self._rearrange()
        return self._wrap

    def more_context(self, steps: int) -> bool:
        """Show more (1) or fewer (-1) unchanged lines around the hunk; False where it has none."""
        hunk, file = self.current_hunk, self.current_file
        if hunk is None or file is None or file.new_blob is None or file.binary:
            return False
        above, below = self._around.get(hunk.id, (0, 0))
        lines = max(0, above + steps * _STEP), max(0, below + steps * _STEP)
        self._around[hunk.id] = lines
        if file.path not in self._scene.contents:
            self.post_message(self.LinesWanted(self, file.path))
        else:
            self._rearrange()
        return True

    @property
    def split_now(self) -> bool:
        """Whether old and new stand side by side: asked for, and there is room for it."""
        return self._scene.split and self.size.width >= _NARROWEST_SPLIT

    def _arrange(self) -> None:
        """Lay the patch out anew."""
        scene, digits = self._scene, self._drawing.digits
        # The scroll bar may come and go with the layout; its column is left free.
        width = self.columns - (not self.show_vertical_scrollbar)
        room = 0
        if self._wrap and width > 0:
            room = (width - 1) // 2 - digits - 6 if self.split_now else width - 2 * digits - 7
            room = max(8, room)
        self._drawing.wrap = room
        texts, kinds = scene.patch.lines, scene.patch.kinds

        def heights(left: int, right: int) -> int:
            return max(height(beginning(texts[row]), room) for row in (left, right) if row >= 0)

        lines = {
            f: len(scene.contents[file.path])
            for f, file in enumerate(scene.patch.files)
            if file.path in scene.contents
        } if scene.contents else {}  # fmt: skip
        options = Options(
            title=bool(scene.title and scene.patch.files),
            split=self.split_now,
            folded_files=scene.folded_files,
            folded_hunks=scene.folded_hunks,
            context=self._around,
            lines=lines,
            heights=heights if room and kinds else None,
        )
        self._layout = Layout(scene.patch, options)

    def _rearrange(self) -> None:
        """Lay out anew and leave the cursor on what it stood on, at the same height."""
        place = self.place
        above = self.cursor_row - self.scroll_offset.y
        self._arrange()
        self.rows_changed()
        if place is None:
            return
        row = self._row_of(place)
        self.go_to(row)
        if self.is_attached:
            last = max(0, self.count_rows() - self.size.height)
            self._scroll_rows(max(0, min(row - above, last)))
            self.go_to(row)

    def _row_of(self, place: Place) -> int:
        layout = self._layout
        if place.file < 0:
            return 0
        if place.hunk < 0:
            return layout.file_rows[place.file]
        wanted = place.row if place.row >= 0 else place.right
        row = None
        if place.kind in ("row", "pair"):
            row = layout.row_of(place.file, place.hunk, wanted)
        if row is None:
            row = layout.hunk_row(place.file, place.hunk)
        return layout.file_rows[place.file] if row is None else row

    def on_resize(self, event: events.Resize) -> None:
        """Lay wrapped and split lines out for the new width."""
        if (self._wrap or self._scene.split) and self._layout.rows:
            self._rearrange()
        super().on_resize(event)

    # --- a range of lines -----------------------------------------------------------------------

    def start_range(self) -> bool:
        """Begin a range of lines at the cursor, or end it; False where no line is."""
        place = self.place
        if self._anchor is not None:
            self.end_range()
            return True
        if place is None or place.kind not in ("row", "pair"):
            return False
        self._anchor = place.row if place.row >= 0 else place.right
        self._stretch()
        return True

    def end_range(self) -> None:
        """Forget the range of lines."""
        if self._anchor is not None:
            self._anchor = self._scene.selected = None
            self.repaint_rows()

    def _stretch(self) -> None:
        place, anchor = self.place, self._anchor
        assert anchor is not None
        hunk = self._hunk_of(anchor)
        rows = [anchor]
        if place is not None and place.kind in ("row", "pair"):
            rows += [row for row in (place.row, place.right) if row >= 0]
        elif place is not None:
            rows.append(hunk.rows.stop - 1 if self._beyond(place, hunk) else hunk.rows.start)
        first = max(min(rows), hunk.rows.start)
        last = min(max(rows), hunk.rows.stop - 1)
        now = Selected(first, last)
        if now != self._scene.selected:
            self._scene.selected = now
            self.repaint_rows()

    def _beyond(self, place: Place, hunk: Hunk) -> bool:
        start = self._layout.starts
        at = bisect_right(start, self.cursor_row) - 1
        f, h, _ = self._layout.block_at(start[at])
        here = self._scene.patch.files[f].hunks[h] if h >= 0 else None
        return here is not hunk if place.kind == "hunk" else True

    def _hunk_of(self, row: int) -> Hunk:
        for file in self._scene.patch.files:
            if row in file.rows:
                return next(hunk for hunk in file.hunks if row in hunk.rows)
        raise AssertionError("BUG: a row of no hunk")

    # --- what has been on the screen ------------------------------------------------------------

    @property
    def seen(self) -> tuple[int, int]:
        """How many changed rows have been on the screen, and how many there are."""
        changed = self._scene.patch.kinds.translate(_CHANGED)
        both = int.from_bytes(changed) & int.from_bytes(self._seen)
        return both.bit_count(), sum(changed)

    # --- rows -----------------------------------------------------------------------------------

    def count_rows(self) -> int:
        """Return the number of display rows."""
        return self._layout.rows

    def heading_of(self, row: int) -> int | None:
        """Keep a file's header in sight while one is inside of it."""
        if row >= self._layout.rows:
            return None
        f, h, _ = self._layout.block_at(row)
        return self._layout.file_rows[f] if h >= 0 else None

    def notify_style_update(self) -> None:
        """Forget what was drawn in the colours of the old theme."""
        super().notify_style_update()
        self._drawing.forget_looks()

    def row_key(self, row: int) -> Hashable:
        """Keep strips by display row."""
        return row

    def draw_row(self, row: int) -> Row:
        """Draw a title, a header or a line; of a pair both sides, one after the other."""
        place = self._layout.at(row)
        if place.kind != "pair":
            return self._drawing.draw(place)
        left, right = self._drawing.halves(place)
        between = Segment(" │ ", left.fill)
        return Row([], [*left.gutter, *left.body, between, *right.gutter, *right.body], left.fill)

    def row_segments(self, row: int, x: int, width: int) -> list[Segment]:
        """Draw a row, of a pair both sides in a half each; note that it has been seen."""
        place = self._layout.at(row)
        if place.kind in ("row", "pair"):
            for at in (place.row, place.right):
                if at >= 0:
                    self._seen[at] = 1
            self._want(place)
        if place.kind not in ("pair", "extra") or not self._layout.beside(place.file):
            return self.fitted(self._drawing.draw(place), row, x, width, bar=row == self.cursor_row)
        left, right = self._drawing.halves(place)
        room = (width - 1) // 2
        middle = Segment("│", self.look("diff--number"))
        return [
            *self.fitted(left, row, x, room, bar=row == self.cursor_row),
            middle,
            *self.fitted(right, row, x, width - room - 1, bar=False),
        ]

    def find_rows(self, pattern: re.Pattern[str]) -> Iterator[int]:
        """Search headers as shown and lines as the bytes they are, which is a lot faster.

        What is folded is found at its header.
        """
        patch, layout = self._scene.patch, self._layout
        raw = None
        if pattern.pattern.isascii():
            raw = re.compile(pattern.pattern.encode(), pattern.flags & re.IGNORECASE).search
        for f, file in enumerate(patch.files):
            head, folded = layout.file_rows[f], f in self._scene.folded_files
            found = bool(pattern.search(self.row_text(head)))
            if found:
                yield head
            for h, hunk in enumerate(file.hunks):
                hits = [
                    row
                    for row, line in enumerate(patch.lines[hunk.rows.start : hunk.rows.stop],
                                               hunk.rows.start)
                    if (raw(line, 1) if raw else pattern.search(safe(line), 1))
                ]  # fmt: skip
                if folded:
                    if hits and not found:
                        found = True
                        yield head
                    continue
                start = layout.hunk_row(f, h)
                assert start is not None
                heading = pattern.search(safe(hunk.heading))
                if heading or (hits and hunk.id in self._scene.folded_hunks):
                    yield start
                before = start
                for row in hits:
                    at = layout.row_of(f, h, row)
                    if at is not None and at != before:
                        yield at
                        before = at

    # --- colours --------------------------------------------------------------------------------

    def _want(self, place: Place) -> None:
        """Note that a row was drawn without colours, and have them found."""
        hunk = self._scene.patch.files[place.file].hunks[place.hunk]
        for row in {place.row, place.right}:
            chunk = (row - hunk.rows.start) // CHUNK
            if row >= 0 and (hunk.id, chunk) not in self._scene.colours:
                self._wanted[place.file, place.hunk, chunk] = None
        if self._wanted and not self._colouring and self.is_attached and not self.app.no_color:
            self._colouring = True
            self.call_after_refresh(self._begin_colours)

    def _begin_colours(self) -> None:
        self.run_worker(self._colour(), group="colours")

    async def _colour(self) -> None:
        """Colour what was drawn plain; what is no longer looked at comes last, or never."""
        try:
            while self._wanted:
                scene, wanted = self._scene, list(self._wanted)[-_AT_ONCE:]
                self._wanted.clear()
                found = await asyncio.to_thread(_colours, scene.patch, wanted)
                if len(scene.colours) > _KEPT_CHUNKS:
                    scene.colours.clear()
                scene.colours.update(found)
                if scene is self._scene and any(any(spans) for spans in found.values()):
                    self.repaint_rows()
        finally:
            self._colouring = False


_AT_ONCE = 12
_CHANGED = bytes(1 if code in b"+-" else 0 for code in range(256))


def _colours(
    patch: Patch, wanted: list[tuple[int, int, int]]
) -> dict[tuple[str, int], list[list[tuple[int, int, str]]]]:
    """Return the colours of some chunks; runs in a thread, on values nobody changes."""
    out = {}
    for f, h, chunk in wanted:
        file = patch.files[f]
        hunk = file.hunks[h]
        rows = hunk.rows[chunk * CHUNK : (chunk + 1) * CHUNK]
        texts = [clip(beginning(patch.lines[row]))[0] for row in rows]
        kinds = patch.kinds[rows.start : rows.stop] if rows else b""
        out[hunk.id, chunk] = hunk_colours(safe(file.path), kinds or [CONTEXT][:0], texts)
    return out


def _last(patch: Patch) -> Iterator[Hunk]:
    """Return the last hunk of each file: it has the highest line numbers."""
    return (file.hunks[-1] for file in patch.files if file.hunks)
