"""`CheckList`: the checks of a phase, a row each: what it came to, or is at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from clubos_tui.ui.values import CheckRow, ChecksValues
from clubos_tui.ui.widgets.check_rows import HEAD, Part, lay_out
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import Row

__all__ = ["CheckList"]


class CheckList(LineView):
    """Shows `ChecksValues`; the row under the cursor is the selected check."""

    HELP = "The checks of the phase. Enter shows the evidence; K carries one out again; J jumps."

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "checks--quiet", "checks--info", "checks--good", "checks--warn", "checks--bad",
        "checks--busy",
    }  # fmt: skip

    DEFAULT_CSS = """
    CheckList {
        & > .checks--quiet { color: $text-muted; }
        & > .checks--info { color: $text-primary; }
        & > .checks--good { color: $text-success; }
        & > .checks--warn { color: $text-warning; text-style: bold; }
        & > .checks--bad { color: $text-error; text-style: bold; }
        & > .checks--busy { color: $text-accent; text-style: bold; }
        &:ansi {
            & > .checks--quiet { color: ansi_default; text-style: dim; }
            & > .checks--info { color: ansi_default; }
            & > .checks--good { color: ansi_green; }
            & > .checks--warn { color: ansi_yellow; }
            & > .checks--bad { color: ansi_red; }
            & > .checks--busy { color: ansi_cyan; }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Evidence", show=False, id="check-choose"),
    ]

    class Chosen(Message):
        """Enter was pressed on a check."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._values = ChecksValues()
        self._parts: list[Part] = []
        self._width = 0

    def show(self, values: ChecksValues) -> None:
        """Show other rows; the cursor stays on its check."""
        if values == self._values:
            return
        name = self.name_at
        self._values = values
        self._arrange(name)
        self.show_note(values.empty)

    def _arrange(self, name: str) -> None:
        # The column of the scroll bar stays free: it comes and goes with the rows.
        self._width = self.size.width - 1
        self._parts = lay_out(self._values.rows, self._width)
        self.rows_changed()
        first = {self._values.rows[part.check].name: at for at, part in self._firsts()}
        self._stand_on(first.get(name, 0) if name else 0)

    def _firsts(self) -> Iterator[tuple[int, Part]]:
        return ((at, part) for at, part in enumerate(self._parts) if part.first)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out anew where the width has changed."""
        if self._width != self.size.width - 1:
            self._arrange(self.name_at)
        super().on_resize(event)

    @property
    def name_at(self) -> str:
        """The check under the cursor; empty where there is none."""
        row = self.cursor_row
        known = 0 <= row < len(self._parts)
        return self._values.rows[self._parts[row].check].name if known else ""

    def _stand_on(self, row: int, *, by_user: bool = False) -> None:
        """Put the cursor on a check's first row, and bring all its rows into sight."""
        if not self._parts:
            return
        check = self._parts[row].check
        last = max(at for at, part in enumerate(self._parts) if part.check == check)
        self.go_to(last)
        self.go_to(row, by_user=by_user)

    def action_move(self, rows: int) -> None:
        """Go to the next check, or the one before, however many rows they take."""
        firsts = [at for at, _ in self._firsts()]
        if not firsts:
            super().action_move(rows)
            return
        check = self._parts[self.cursor_row].check + rows
        self._stand_on(firsts[max(0, min(check, len(firsts) - 1))], by_user=True)

    def action_choose(self) -> None:
        """Post the check under the cursor."""
        if self.name_at:
            self.post_message(self.Chosen(self.name_at))

    def count_rows(self) -> int:
        """Return the number of rows that the checks take."""
        return len(self._parts)

    def draw_row(self, row: int) -> Row:
        """Draw mark, outcome and name, what it says and what is known; or how that goes on."""
        fill, part = self.look("line--text"), self._parts[row]
        head = Segment(f"{part.head:{HEAD}}", self.look(f"checks--{part.tone}"))
        body = [
            Segment(text, fill if tone is None else self.look(f"checks--{tone}"))
            for tone, text in part.pieces
        ]
        return Row([head], body, fill)

    def find_rows(self, pattern: re.Pattern[str]) -> Iterator[int]:
        """Search names and all that is said; a check is found as its first row."""
        rows = self._values.rows
        return (at for at, part in self._firsts() if pattern.search(_all_of(rows[part.check])))


def _all_of(row: CheckRow) -> str:
    return " ".join((row.word, row.name, row.text, *(text for _, text in row.facts)))
