"""`LogView`: the last lines of a run's action log, following its end until one looks away.

Lines lie in a list that is cut back when it is a tenth too long, so that adding stays cheap; a
line is formatted when it is drawn and at no other time. What is cut off or filtered out is only
out of sight: the journal and the streams hold everything, and the view says how much.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message

from clubos_tui.ui.text import safe
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import Row, clip

__all__ = ["LEVELS", "Level", "LogLine", "LogView"]

Level = Literal["debug", "info", "success", "warning", "error"]

LEVELS: Final[dict[Level, str]] = {
    "debug": "·",
    "info": "•",
    "success": "✔",
    "warning": "!",
    "error": "✘",
}
"""The levels from the least to the most, and the mark of each."""

_STRUCK = Style(strike=True, dim=True)
_RANK = {level: rank for rank, level in enumerate(LEVELS)}


@dataclass(slots=True)
class LogLine:
    """One line of the log. Every text may be hostile; it is made safe when it is drawn."""

    time: str
    """As it is to be shown, "12:03:59"."""
    level: Level
    phase: int
    """Number of the phase, from 1; 0 for what belongs to none."""
    text: str
    detail: str | None = None
    """More of it, for whoever answers `LogView.LineChosen`; the line shows that there is more."""
    path: str = ""
    """The file it is about, and in it the hunk; who wants to can go there."""
    hunk: str = ""
    turn: int = 0
    """Numbers what an agent said, turn by turn; 0 for what can't be withdrawn."""
    withdrawn: bool = False


class LogView(LineView):
    """Shows the last `limit` lines. Follows the end while the cursor is on the last line."""

    HELP = "The action log. It follows the end; moving up stops that, End starts it again."

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--time",
        "log--debug",
        "log--info",
        "log--success",
        "log--warning",
        "log--error",
    }

    DEFAULT_CSS = """
    LogView {
        & > .log--time { color: $text-muted; }
        & > .log--debug { color: $text-muted; }
        & > .log--success { color: $text-success; }
        & > .log--warning { color: $text-warning; }
        & > .log--error { color: $text-error; text-style: bold; }
        &:ansi {
            & > .log--time { color: ansi_default; text-style: dim; }
            & > .log--debug { color: ansi_default; text-style: dim; }
            & > .log--success { color: ansi_green; }
            & > .log--warning { color: ansi_yellow; }
            & > .log--error { color: ansi_red; text-style: bold; }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", id="log-follow"),
        Binding("enter", "choose", "Detail", show=False, id="log-choose"),
    ]

    class FollowChanged(Message):
        """The view has begun or stopped to follow the end."""

        def __init__(self, view: "LogView", following: bool) -> None:
            super().__init__()
            self.view = view
            self.following = following

        @property
        def control(self) -> "LogView":
            """The view that says so."""
            return self.view

    class LineChosen(Message):
        """Enter was pressed on a line."""

        def __init__(self, view: "LogView", line: LogLine) -> None:
            super().__init__()
            self.view = view
            self.line = line

        @property
        def control(self) -> "LogView":
            """The view that says so."""
            return self.view

    def __init__(
        self,
        *,
        limit: int = 100_000,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own word
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        """Make an empty log.

        Args:
            limit: Lines that are kept at least; up to a tenth more are, so that cutting is rare.
            name: As in every widget.
            id: As in every widget.
            classes: As in every widget.
            disabled: As in every widget.
        """
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._limit = max(1, limit)
        self._lines: list[LogLine] = []
        self._dropped = 0  # the number of the first line kept; line numbers never change
        self._shown: list[int] | None = None  # numbers of the lines let through; None: all of them
        self._phase: int | None = None
        self._level = 0
        self._following = True
        self._new = 0

    # What the owner gives

    def extend(self, lines: Iterable[LogLine]) -> None:
        """Add a batch of lines at the end: one call a frame, however many there are."""
        first = self._dropped + len(self._lines)
        before = self.count_rows()
        self._lines.extend(lines)
        if self._shown is not None:
            self._shown.extend(self._passing(first))
        added = self.count_rows() - before
        if not self._following:
            self._new += added
        cut = self._trim()
        self._matches = None
        if cut:
            # Rows have moved up, yet the same lines stay in sight and under the cursor.
            self._cursor = max(0, self._cursor - cut)
        if added or cut:
            self._fit()
        if self._following:
            self.go_to(self.count_rows() - 1)
        elif cut:
            self._scroll_rows(max(0, self.scroll_offset.y - cut))

    def withdraw(self, turns: Collection[int]) -> None:
        """Strike out what was said in these turns, the last ones there were."""
        first = min(turns, default=0)
        for line in reversed(self._lines):
            if 0 < line.turn < first:
                break
            line.withdrawn = line.withdrawn or line.turn in turns
        self.refresh()

    def clear(self) -> None:
        """Forget all lines and follow again."""
        self._lines.clear()
        self._dropped = self._new = 0
        self._shown = None if self._shown is None else []
        self.rows_changed(widest=0)
        self._follow(following=True)

    def filter(self, phase: int | None = None, level: Level | None = None) -> None:
        """Show only lines of a phase, and of a level or more; None lets all through.

        The cursor stays on its line, or goes to the next one that is let through.
        """
        number = self._number(self.cursor_row)
        self._phase, self._level = phase, _RANK[level] if level else 0
        everything = phase is None and not self._level
        self._shown = None if everything else list(self._passing(self._dropped))
        self.rows_changed()
        self.go_to(self.count_rows() - 1 if self._following else self._row(number))

    def show_empty(self, message: str) -> None:
        """Show `message` (any text) while there are no lines."""
        self.show_note(message)

    def _passing(self, first: int) -> Iterator[int]:
        phase, level = self._phase, self._level
        for number, line in enumerate(self._lines[first - self._dropped :], first):
            if (phase is None or line.phase == phase) and _RANK[line.level] >= level:
                yield number

    def _trim(self) -> int:
        """Cut off the oldest lines when a tenth too many are there; return how many rows went."""
        if len(self._lines) <= self._limit + self._limit // 10:
            return 0
        before = self.count_rows()
        cut = len(self._lines) - self._limit
        del self._lines[:cut]
        self._dropped += cut
        if self._shown is not None:
            del self._shown[: bisect_left(self._shown, self._dropped)]
        return before - self.count_rows()

    # Following

    @property
    def following(self) -> bool:
        """Whether the view stays at the end as lines come."""
        return self._following

    @property
    def new_lines(self) -> int:
        """Rows that came since the view stopped to follow: "12 new"."""
        return self._new

    def action_follow(self) -> None:
        """Stop following, or go to the end and follow."""
        self._follow(following=not self._following)
        if self._following:
            self.go_to(self.count_rows() - 1)

    def action_last(self) -> None:
        """Go to the end and follow."""
        self._follow(following=True)
        self.go_to(self.count_rows() - 1)

    def cursor_moved(self, *, by_user: bool) -> None:
        """Follow as long as the person is at the end."""
        if by_user:
            self._follow(following=self.cursor_row >= self.count_rows() - 1)

    def wheel_at_end(self) -> None:
        """Go on following when the wheel or the scroll bar reaches the end."""
        self.action_last()

    def _follow(self, *, following: bool) -> None:
        if following:
            self._new = 0
        if following != self._following:
            self._following = following
            self.post_message(self.FollowChanged(self, following))

    def action_choose(self) -> None:
        """Post the line under the cursor."""
        line = self._line(self.cursor_row)
        if line is not None:
            self.post_message(self.LineChosen(self, line))

    @property
    def current_line(self) -> LogLine | None:
        """The line under the cursor."""
        return self._line(self.cursor_row)

    # Rows: a first one for what was cut off, then a row for each line let through

    def count_rows(self) -> int:
        """Return the number of lines let through, and one more if older ones were cut off."""
        lines = self._lines if self._shown is None else self._shown
        return len(lines) + bool(self._dropped)

    def _number(self, row: int) -> int:
        """Return the number of the line of a row; below every line for the row of the older."""
        at = row - bool(self._dropped)
        if at < 0:
            return -1
        if self._shown is None:
            return self._dropped + at
        return self._shown[at] if at < len(self._shown) else self._dropped + len(self._lines)

    def _row(self, number: int) -> int:
        head = bool(self._dropped)
        if self._shown is None:
            return number - self._dropped + head
        return bisect_left(self._shown, number) + head

    def _line(self, row: int) -> LogLine | None:
        at = self._number(row) - self._dropped
        return self._lines[at] if 0 <= at < len(self._lines) else None

    def row_key(self, row: int) -> Hashable:
        """Keep strips by line, so that they outlive a cut."""
        number = self._number(row)
        if number < 0:
            return ("older", self._dropped)
        line = self._line(row)
        return ("withdrawn", number) if line is not None and line.withdrawn else number

    def draw_row(self, row: int) -> Row:
        """Draw time, mark, level, phase and text."""
        fill = self.look("line--text")
        line = self._line(row)
        if line is None:
            text = f"… {self._dropped:,} older lines are not kept here: clubos log shows them"
            return Row([], [Segment(text, self.look("log--time"))], fill)
        look = self.look(f"log--{line.level}")
        phase = f"P{line.phase}" if line.phase else "--"
        text, hidden = clip(line.text)
        gutter = [
            Segment(f"{safe(line.time)} ", self.look("log--time")),
            Segment(f"{LEVELS[line.level]} {line.level:<7} ", look),
            Segment(f"{phase:<3} ", self.look("log--time")),
        ]
        body = [Segment(text, look)]
        if line.withdrawn:
            body = [Segment("(withdrawn) ", self.look("log--time")), Segment(text, look + _STRUCK)]
        if line.detail:
            body.append(Segment("  [+]", self.look("log--time")))
        return Row(gutter, body, fill, hidden)

    def find_rows(self, pattern: "re.Pattern[str]") -> Iterator[int]:
        """Search the texts as they are, without drawing them."""
        head, search, lines = bool(self._dropped), pattern.search, self._lines
        if self._shown is None:
            yield from (row for row, line in enumerate(lines, head) if search(line.text))
            return
        for row, number in enumerate(self._shown, head):
            if search(lines[number - self._dropped].text):
                yield row
