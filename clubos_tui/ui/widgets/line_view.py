"""`LineView`: many rows, few on screen; the base of the diff and the log.

Only the rows in sight are drawn, each once: a drawn row is a `Strip` that is kept and handed out
again, so a frame costs the same for a hundred rows and for a million. A subclass gives a number
of rows and draws one (`count_rows`, `draw_row`); the base knows the cursor, keys, the mouse, the
two kinds of scrolling, search, selection, and a message in place of rows.

Every row must be safe text already (`clubos_tui.ui.text`). The widget itself has no border and no
padding (put them on its parent): with them it still works, but each frame costs twice.
"""

import asyncio
import re
import sys
from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from clubos_tui.ui.text import cell_width
from clubos_tui.ui.values import NoteLine
from clubos_tui.ui.widgets.note import CLASSES, LOOKS, Note
from clubos_tui.ui.widgets.rows import Row, restyle, window

__all__ = ["LineView", "Row"]

_KEPT_STRIPS = 4_096
_COLUMN_STEP = 8


class _Sight(NamedTuple):
    """What all lines of a frame have in common; Textual computes each anew when it is asked."""

    x: int
    first: int
    width: int
    rows: int
    selection: Selection | None


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """A scrolling list of rows with a cursor. Rows count from 0."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--text",
        "line--cursor",
        "line--match",
        "line--more",
        "line--message",
        *CLASSES,
    }

    DEFAULT_CSS = (
        LOOKS
        + """
    LineView {
        background: $surface;
        color: $foreground;
        scrollbar-size: 0 1;
        & > .line--cursor { background: $foreground 8%; }
        &:focus > .line--cursor { background: $primary 40%; }
        & > .line--match { background: $warning; color: $background; text-style: bold; }
        & > .line--more { color: $text-warning; text-style: bold; }
        & > .line--message { color: $text-muted; }
        &:ansi {
            background: ansi_default;
            color: ansi_default;
            & > .line--cursor { background: ansi_default; text-style: underline; }
            &:focus > .line--cursor { background: ansi_default; text-style: reverse; }
            & > .line--match { background: ansi_yellow; color: ansi_black; text-style: bold; }
            & > .line--more { color: ansi_yellow; text-style: bold; }
            & > .line--message { color: ansi_default; text-style: dim; }
        }
    }
    """
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False, id="line-down"),
        Binding("k,up", "move(-1)", "Up", show=False, id="line-up"),
        Binding("pagedown,space", "page(1)", "Page down", show=False, id="page-down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="page-up"),
        Binding("g,home", "first", "Top", show=False, id="line-first"),
        Binding("G,end", "last", "End", show=False, id="line-last"),
        Binding("left", "column(-1)", "Left", show=False, id="line-left"),
        Binding("right", "column(1)", "Right", show=False, id="line-right"),
        Binding("n", "match(1)", "Next match", show=False, id="match-next"),
        Binding("N", "match(-1)", "Previous match", show=False, id="match-previous"),
    ]

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own word
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._strips: dict[Hashable, Strip] = {}
        self._looks: dict[str, Style] = {}
        self._cursor = 0
        self._widest = 0
        self._note = Note()
        self._pattern: re.Pattern[str] | None = None
        self._matches: list[int] | None = None
        self._version = 0  # of the rows
        self._own_scroll = False
        self._sight = _Sight(0, 0, 0, 0, None)

    # What a subclass says

    @abstractmethod
    def count_rows(self) -> int:
        """Return how many rows there are."""

    @abstractmethod
    def draw_row(self, row: int) -> Row:
        """Draw a row; called once while its strip is kept."""

    def row_key(self, row: int) -> Hashable:
        """Return what the strip of a row is kept under: the row, unless rows move."""
        return row

    def find_rows(self, pattern: "re.Pattern[str]") -> Iterable[int]:
        """Return the rows that match, ascending; by default each is drawn and looked at."""
        return (row for row in range(self.count_rows()) if pattern.search(self.row_text(row)))

    def cursor_moved(self, *, by_user: bool) -> None:
        """Hear that the cursor stands on another row, or that its row may mean another thing."""

    def wheel_at_end(self) -> None:
        """Hear that the wheel or the scroll bar has reached the end."""

    headings: ClassVar[bool] = False
    """Whether `heading_of` ever says anything."""

    def heading_of(self, row: int) -> int | None:  # noqa: ARG002
        """Return the row that stays on the first line while `row` would be there, if any does."""
        return None

    def row_segments(self, row: int, x: int, width: int) -> list[Segment]:
        """Return a row in exactly `width` cells, scrolled sideways by `x`."""
        return self.fitted(self.draw_row(row), row, x, width, bar=row == self._cursor)

    # Rows

    def row_text(self, row: int) -> str:
        """Return the body of a row as plain text, without its gutter."""
        return "".join(segment.text for segment in self.draw_row(row).body)

    def show_note(self, note: str | Sequence[NoteLine]) -> None:
        """Show `note` (any text, several lines) for as long as there are no rows; it scrolls."""
        self._note = Note(note)
        self.rows_changed()

    def rows_changed(self, *, widest: int | None = None) -> None:
        """Take note of other rows: forget strips and matches, fit the scroll bars and the cursor.

        Args:
            widest: Cells of the widest row, as far as known; it grows when a wider one is drawn.
        """
        if widest is not None:
            self._widest = widest
        self._strips.clear()
        self._matches = None
        self._version += 1
        self._fit()

    def repaint_rows(self) -> None:
        """Draw every row in sight anew: same rows, other looks."""
        self._strips.clear()
        self.refresh()

    def _fit(self) -> None:
        rows = self.count_rows()
        self._cursor = max(0, min(self._cursor, rows - 1))
        self._resize(Size(self._widest, rows) if rows else Size(0, len(self._note_rows())))
        self.refresh()

    def _resize(self, size: Size) -> None:
        if size == self.virtual_size:
            return
        if self.styles.auto_dimensions or not self.is_attached:
            self.virtual_size = size
            return
        # Setting it lays out and paints the whole screen; here only the scroll bars depend on it.
        self.set_reactive(LineView.virtual_size, size)
        self._own_scroll = True
        self._scroll_update(size)
        self._own_scroll = False

    @property
    def columns(self) -> int:
        """How many cells a row has; the scroll bar takes one where it is shown."""
        width: int = self.scrollable_content_region.width
        return width

    # Cursor and scrolling

    @property
    def cursor_row(self) -> int:
        """The row of the cursor; 0 where there are no rows."""
        return self._cursor

    def go_to(self, row: int, *, top: bool = False, by_user: bool = False) -> None:
        """Put the cursor on `row` (or the nearest there is) and bring it into sight.

        Args:
            row: The row.
            top: True scrolls so that it is the uppermost one.
            by_user: True where a key or the mouse asked for it.
        """
        rows, height = self.count_rows(), max(1, self.size.height)
        old, self._cursor = self._cursor, max(0, min(row, rows - 1))
        if not rows:  # what stands there instead has no cursor, and stays where it is
            if top:
                self._scroll_note(-sys.maxsize)
            self.cursor_moved(by_user=by_user)
            return
        first = self.scroll_offset.y
        cover = 0 if self.heading_of(self._cursor) is None else 1
        if top or self._cursor < first + cover:
            first = max(0, self._cursor - cover)
        elif self._cursor >= first + height:
            first = self._cursor - height + 1
        if self.is_attached:
            self._scroll_rows(first)
        if old != self._cursor:
            self.refresh_line(old)
            self.refresh_line(self._cursor)
        self.cursor_moved(by_user=by_user)

    def _scroll_rows(self, first: int) -> None:
        if first != self.scroll_offset.y or first != self.scroll_target_y:
            self._own_scroll = True
            # force: right after a change of size the scroll bars are not up to date.
            self.scroll_to(y=first, animate=False, force=True)
            self._own_scroll = False

    def _note_rows(self) -> Sequence[Sequence[tuple[str, str]]]:
        # The column of the scroll bar stays free, so that a message is not folded anew for it.
        return self._note.rows(self.size.width - 1) if self.size else ()

    def _scroll_note(self, rows: int) -> bool:
        """Scroll what stands in place of rows; tell whether there is nothing else to scroll."""
        if self.count_rows():
            return False
        if self.is_attached:
            last = max(0, len(self._note_rows()) - self.size.height)
            self._scroll_rows(max(0, min(self.scroll_offset.y + rows, last)))
        return True

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Drag the cursor along when the wheel or the scroll bar moves the rows away from it."""
        super().watch_scroll_y(old_value, new_value)
        if self._own_scroll or round(old_value) == round(new_value) or not self.count_rows():
            return
        first, height = round(new_value), max(1, self.size.height)
        self._cursor = max(first, min(self._cursor, first + height - 1, self.count_rows() - 1))
        self.cursor_moved(by_user=True)
        if new_value > old_value and self.is_vertical_scroll_end:
            self.wheel_at_end()

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        if not self._scroll_note(rows):
            self.go_to(self._cursor + rows, by_user=True)

    def action_page(self, pages: int) -> None:
        """Move cursor and view by the height of the view, less one row to hold on to.

        A heading that stays on the first line covers one more; nothing may be paged over unseen.
        """
        step = max(1, self.size.height - 2 if self.headings else self.size.height - 1) * pages
        if self._scroll_note(step):
            return
        last = max(0, self.count_rows() - self.size.height)
        self._scroll_rows(max(0, min(self.scroll_offset.y + step, last)))
        self.go_to(self._cursor + step, by_user=True)

    def action_first(self) -> None:
        """Go to the first row."""
        if not self._scroll_note(-sys.maxsize):
            self.go_to(0, by_user=True)

    def action_last(self) -> None:
        """Go to the last row."""
        if not self._scroll_note(sys.maxsize):
            self.go_to(self.count_rows() - 1, by_user=True)

    def action_column(self, steps: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_offset.x + steps * _COLUMN_STEP, animate=False, force=True)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        row = self.scroll_offset.y + offset.y
        heading = self.heading_of(row) if not offset.y and row < self.count_rows() else None
        if heading is not None:
            self.go_to(heading, top=True, by_user=True)
        elif row < self.count_rows():
            self.go_to(row, by_user=True)

    # Search

    threaded: ClassVar[bool] = False
    """Whether `find_rows` may run in a thread, because what it reads is never changed."""

    @property
    def searching(self) -> bool:
        """Whether there is something that matches are marked of."""
        return self._pattern is not None

    async def search(self, needle: str) -> int:
        """Mark `needle` everywhere and go to the first row with it from the cursor on.

        Lower case finds both cases. A needle that is nowhere ends the search.

        Returns:
            The number of rows that match.
        """
        flags = re.IGNORECASE if needle == needle.lower() else re.NOFLAG
        self._pattern = re.compile(re.escape(needle), flags) if needle else None
        self._matches = None
        found = await self.matches()
        if found:
            self.go_to(found[bisect_left(found, self._cursor) % len(found)], by_user=True)
            self.repaint_rows()
        else:
            self.end_search()
        return len(found)

    def end_search(self) -> None:
        """Mark nothing any more."""
        self._pattern, self._matches = None, None
        self.repaint_rows()

    async def matches(self) -> Sequence[int]:
        """Return the rows that match, ascending; found again after the rows have changed."""
        while self._matches is None:
            pattern, version = self._pattern, self._version
            if pattern is None:
                self._matches = []
            elif self.threaded:
                rows = self.find_rows(pattern)  # of what there is now
                found = await asyncio.to_thread(list, rows)
                if (pattern, version) == (self._pattern, self._version):
                    self._matches = found
            else:
                self._matches = list(self.find_rows(pattern))
        return self._matches

    async def action_match(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) row that matches, around the end."""
        if found := await self.matches():
            after = bisect_right(found, self._cursor)
            at = after if step > 0 else bisect_left(found, self._cursor) - 1
            self.go_to(found[at % len(found)], by_user=True)

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """Hand out the kept strips; Textual's own way wraps each into a new one every frame."""
        if self.styles.gutter.totals != (0, 0):
            return super().render_lines(crop)
        self._look_around()
        strips = [self._strip(y) for y in crop.line_range]
        if filters := self.get_line_filters():
            background = self.background_colors[1]
            for line_filter in filters:
                strips = [strip.apply_filter(line_filter, background) for strip in strips]
        left, right = crop.column_span
        if (left, right) == (0, self._sight.width):
            return strips
        return [strip.crop(left, right) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """Return one line with text offsets: what Textual asks for when the mouse selects."""
        self._look_around()
        row, strip = self._sight.first + y, self._strip(y)
        if row >= self._sight.rows:
            return strip
        gutter = 1 + sum(segment.cell_length for segment in self.draw_row(row).gutter)
        body = strip.crop(gutter).apply_offsets(self.scroll_offset.x, row)
        return Strip.join([strip.crop(0, gutter), body])

    def _look_around(self) -> None:
        x, first = self.scroll_offset
        self._sight = _Sight(x, first, self.columns, self.count_rows(), self.text_selection)

    def _strip(self, y: int) -> Strip:
        x, first, width, rows, _ = self._sight
        row = first + y
        if row >= rows:
            blank = Strip.blank(width, self.look("line--text"))
            return blank if rows else self._note_strip(row, width)
        if not y:
            heading = self.heading_of(row)
            row = row if heading is None else heading
        key = (self.row_key(row), x, width, row == self._cursor)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) >= _KEPT_STRIPS:
                self._strips.clear()
            strip = self._strips[key] = self._lay_out(row, x, width)
        return strip

    def _note_strip(self, row: int, width: int) -> Strip:
        rows = self._note_rows()
        pieces = rows[row] if row < len(rows) else ()
        segments = [Segment(text, self.look(name)) for text, name in pieces]
        return Strip(segments).adjust_cell_length(width, self.look("line--message"))

    def _lay_out(self, row: int, x: int, width: int) -> Strip:
        segments = self.row_segments(row, x, width)
        if row == self._cursor:
            cursor = self.look("line--cursor")
            # Only ground and attributes: the colours that carry meaning stay.
            over = Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse, underline=cursor.underline)
            segments = [Segment(text, (style or over) + over) for text, style, _ in segments]
        cells = sum(cell_width(text) for text, _, _ in segments)
        strip = Strip(segments, cells)
        return strip if cells <= width else strip.crop(0, width)

    def fitted(self, drawn: Row, row: int, x: int, width: int, *, bar: bool) -> list[Segment]:
        """Return a drawn row in `width` cells: cut at the edge, where what follows is announced."""
        body = self._selected(self._marked(drawn.body), row)
        gutter = [Segment("▌" if bar else " ", drawn.fill), *drawn.gutter]
        left = sum(cell_width(text) for text, _, _ in gutter)
        more = f"… +{drawn.hidden:,} more" if drawn.hidden else "…"
        needed = left + sum(cell_width(text) for text, _, _ in body)
        needed += len(more) if drawn.hidden else 0
        beside = self._sight.width - width  # what else stands on the line
        if needed + beside > self._widest:
            self._widest = needed + beside
            self.call_after_refresh(self._fit)
        if needed <= width and not x and not drawn.hidden:
            return [*gutter, *body, Segment(" " * (width - needed), drawn.fill)]
        # What lies beyond the edge is announced at the edge, wherever one has scrolled to.
        beyond = drawn.hidden or needed - x > width
        edge = Segment(more, self.look("line--more")) if beyond else None
        return [*gutter, *window(body, x, max(0, width - left), drawn.fill, edge)]

    def _marked(self, body: list[Segment]) -> list[Segment]:
        if self._pattern is None:
            return body
        text = "".join(segment.text for segment in body)
        spans = [match.span() for match in self._pattern.finditer(text)]
        return restyle(body, spans, self.look("line--match"))

    def _selected(self, body: list[Segment], row: int) -> list[Segment]:
        selection = self._sight.selection
        span = selection.get_span(row) if selection else None
        if span is None:
            return body
        start, end = span
        look = self.screen.get_component_rich_style("screen--selection")
        return restyle(body, [(start, sys.maxsize if end == -1 else end)], look)

    def look(self, name: str) -> Style:
        """Return the style of a component class in the theme at hand."""
        # Textual keeps it too, but only until the next frame.
        style = self._looks.get(name)
        if style is None:
            style = self._looks[name] = self.get_component_rich_style(name)
        return style

    def notify_style_update(self) -> None:
        """Forget what was drawn in the colours of the old theme."""
        super().notify_style_update()
        self._looks.clear()
        self._strips.clear()

    # Selection

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text without gutters, for the clipboard."""
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else self.count_rows() - 1
        lines = []
        for row in range(first, min(last, self.count_rows() - 1) + 1):
            start, end = selection.get_span(row) or (0, 0)
            text = self.row_text(row)
            lines.append(text[start:] if end == -1 else text[start:end])
        return "\n".join(lines), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint the selection."""
        self._strips.clear()
        super().selection_updated(selection)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight when the view gets smaller."""
        event.stop()
        self._strips.clear()
        if not self.count_rows():
            self._fit()  # a message is folded to the width
        self.go_to(self._cursor)
