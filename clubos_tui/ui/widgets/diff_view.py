"""`DiffView`: a whole patch in one scroll, every file with its decision, nothing left out.

The widget knows where the cursor is and what is folded, split, wrapped or unfolded around a hunk.
Where a row stands is `ui/diff/layout.py`, how it looks `ui/diff/drawing.py`, and what is decided
the owner's: keys that decide are not here. Colours and changed words come after the first paint.
"""

from __future__ import annotations

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
from clubos_tui.changes.patch import FilePatch, Hunk, Patch
from clubos_tui.ui.diff.drawing import Drawing
from clubos_tui.ui.diff.find import find
from clubos_tui.ui.diff.layout import Layout, Options, Place
from clubos_tui.ui.diff.lines import beginning, height
from clubos_tui.ui.diff.looks import CLASSES, LOOKS
from clubos_tui.ui.diff.ranges import line_at, stretched
from clubos_tui.ui.diff.scene import Scene, Selected
from clubos_tui.ui.diff.seen import Seen
from clubos_tui.ui.diff.walk import file_line, next_pending, place_of_line, row_of
from clubos_tui.ui.text import visible
from clubos_tui.ui.values import NoteLine
from clubos_tui.ui.widgets.detailing import Detailing
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import MAX_CELLS, Row

__all__ = ["DiffView"]

_STEP = 10  # unchanged lines that one key press shows more or less of
_NARROWEST_SPLIT = 60


class DiffView(LineView):
    """Shows a `Patch`. The owner gives patch, decisions and marks; keys only move and fold."""

    headings: ClassVar[bool] = True
    threaded: ClassVar[bool] = True
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
        self.seen = Seen(self._scene.patch)
        self._detailing = Detailing(self, self.repaint_rows)

    # --- what the owner gives -------------------------------------------------------------------

    def show(
        self,
        patch: Patch,
        *,
        title: str = "",
        reasons: Mapping[bytes, Attention] | None = None,
        alike: Mapping[str, tuple[str, ...]] | None = None,
        fresh: frozenset[str] | None = None,
        seen: Seen | None = None,
    ) -> None:
        """Show `patch`; the cursor goes back to the file it was in, if that is still there.

        Args:
            patch: What to show. A patch without files shows the last message of `show_empty`.
            title: A first row above all files (any text).
            reasons: Why a file wants attention, by path.
            alike: By hunk id, the ids of all hunks that make the same change; all but the first
                of them start folded.
            fresh: The hunks that were not there when one looked last.
            seen: What has been on the screen of this very patch before.
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
        self._around, self._anchor = {}, None
        self.seen = seen or Seen(patch)
        self._detailing.attend(self._scene)
        longest = max(map(len, patch.lines), default=0)
        self._arrange()
        self.rows_changed(widest=min(longest, MAX_CELLS) + 2 * self._drawing.digits + 7)
        if self._path is None or not self.go_to_file(self._path):
            self.go_to(0, top=True)

    def show_empty(self, message: str | Sequence[NoteLine]) -> None:
        """Show `message` (any text) instead of a patch: why there is none, and what helps."""
        self._clear(message)

    def show_loading(self, message: str) -> None:
        """Show what is being waited for (any text) instead of a patch."""
        self._clear(f"… {message}")

    def _clear(self, message: str | Sequence[NoteLine]) -> None:
        self._scene = Scene(split=self._scene.split, marks=self._scene.marks)
        self._drawing = Drawing(self._scene, self.look)
        self._layout, self._anchor = Layout(), None
        self.seen = Seen(self._scene.patch)
        self._detailing.attend(self._scene)
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
        return file_line(self._scene.patch, self.place)

    @property
    def selected(self) -> Selected | None:
        """The range of patch rows that is selected, all in one hunk."""
        return self._scene.selected

    def go_to_file(self, path: bytes) -> bool:
        """Bring the header of a file to the top; False if the patch has no such file."""
        number = self._scene.number_of(path)
        if number is None:
            return False
        self.go_to(self._layout.file_rows[number], top=True)
        return True

    def go_to_hunk(self, hunk: str) -> bool:
        """Bring a hunk to the top, unfolding its file; False if the patch has no such hunk."""
        for f, file in enumerate(self._scene.patch.files):
            for h, one in enumerate(file.hunks):
                if one.id == hunk:
                    self._go_to_hunk(f, h)
                    return True
        return False

    def go_to_line(self, path: bytes, line: int) -> bool:
        """Put the cursor on a line of the new side; False where no hunk of the patch shows it."""
        place = place_of_line(self._scene.patch, path, line)
        if place is None:
            return False
        self._scene.folded_hunks.discard(self._scene.patch.files[place.file].hunks[place.hunk].id)
        self._scene.folded_files.discard(place.file)
        self._rearrange()
        self.go_to(row_of(self._layout, place), by_user=True)
        return True

    def _go_to_hunk(self, f: int, h: int) -> None:
        if f in self._scene.folded_files:
            self._scene.folded_files.discard(f)
            self._rearrange()
        self.go_to(self._layout.hunk_row(f, h) or 0, top=True, by_user=True)

    def go_to_pending(self) -> bool:
        """Go to the next hunk that is not decided on, around the end; False where there is none."""
        found = next_pending(self._scene, self.place)
        if found is not None:
            self._go_to_hunk(*found)
        return found is not None

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
            folded_files=frozenset(scene.folded_files),
            folded_hunks=frozenset(scene.folded_hunks),
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
        row = row_of(self._layout, place)
        self.go_to(row)
        if self.is_attached:
            last = max(0, self.count_rows() - self.size.height)
            self._scroll_rows(max(0, min(row - above, last)))
            self.go_to(row)

    def on_resize(self, event: events.Resize) -> None:
        """Lay wrapped and split lines out for the new width."""
        if (self._wrap or self._scene.split) and self._layout.rows:
            self._rearrange()
        super().on_resize(event)

    # --- a range of lines -----------------------------------------------------------------------

    def start_range(self) -> bool:
        """Begin a range of lines at the cursor, or end it; False where no line is."""
        if self._anchor is not None:
            self.end_range()
            return True
        self._anchor = line_at(self.place)
        if self._anchor is None:
            return False
        self._stretch()
        return True

    def end_range(self) -> None:
        """Forget the range of lines."""
        if self._anchor is not None:
            self._anchor = self._scene.selected = None
            self.repaint_rows()

    def _stretch(self) -> None:
        assert self._anchor is not None
        now = stretched(self._layout, self._anchor, self.cursor_row)
        if now != self._scene.selected:
            self._scene.selected = now
            self.repaint_rows()

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
            self.seen.note(place)
            hunk = self._scene.patch.files[place.file].hunks[place.hunk]
            self._detailing.drawn(place, hunk)
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
        """Search headers and lines, what is folded too."""
        return find(self._layout, pattern, self._scene)


def _last(patch: Patch) -> Iterator[Hunk]:
    """Return the last hunk of each file: it has the highest line numbers."""
    return (file.hunks[-1] for file in patch.files if file.hunks)
