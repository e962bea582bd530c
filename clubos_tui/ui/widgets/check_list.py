"""`CheckList`: the checks of a phase, a row each: what it came to, or is at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message

from clubos_tui.ui.text import cell_cut, cell_width, safe
from clubos_tui.ui.values import TONE_MARKS, CheckRow, ChecksValues
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import Row, clip

__all__ = ["CheckList"]

_WORD = 8  # cells of the widest outcome
_NAME = 0.4  # of the width, at most


class CheckList(LineView):
    """Shows `ChecksValues`; the row under the cursor is the selected check."""

    HELP = "The checks of the phase. Enter shows the evidence; K carries one out again."

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

    def show(self, values: ChecksValues) -> None:
        """Show other rows; the cursor stays on its check."""
        if values == self._values:
            return
        name = self.name_at
        self._values = values
        self.show_note(values.empty)
        at = next((at for at, row in enumerate(values.rows) if row.name == name), None)
        if at is not None:
            self.go_to(at)

    @property
    def _names(self) -> int:
        """The cells of the column of names."""
        longest = max(cell_width(safe(row.name)) for row in self._values.rows)
        return min(longest, max(12, int(self.columns * _NAME)))

    @property
    def name_at(self) -> str:
        """The check under the cursor; empty where there is none."""
        row = self.cursor_row
        return self._values.rows[row].name if 0 <= row < len(self._values.rows) else ""

    def action_choose(self) -> None:
        """Post the check under the cursor."""
        if self.name_at:
            self.post_message(self.Chosen(self.name_at))

    def count_rows(self) -> int:
        """Return the number of checks."""
        return len(self._values.rows)

    def draw_row(self, row: int) -> Row:
        """Draw mark, outcome, name, what it says, and the rest where there is room."""
        fill = self.look("line--text")
        value = self._values.rows[row]
        look, quiet = self.look(f"checks--{value.tone}"), self.look("checks--quiet")
        mark = Segment(f"{TONE_MARKS[value.tone]} {value.word:<{_WORD}} ", look)
        if not value.name:
            return Row([Segment("  ", look)], [Segment(safe(value.text), quiet)], fill)
        text, hidden = clip(value.text)
        name = cell_cut(safe(value.name), self._names)
        body = [Segment(name + " " * (self._names - cell_width(name)), fill)]
        if text:
            body.append(Segment(f"  {text}", look if value.tone in {"bad", "warn"} else fill))
        if value.aside:
            body.append(Segment(f"  · {safe(value.aside)}", quiet))
        return Row([mark], body, fill, hidden)

    def find_rows(self, pattern: re.Pattern[str]) -> Iterator[int]:
        """Search names and what they say."""
        return (at for at, row in enumerate(self._values.rows) if pattern.search(_all_of(row)))


def _all_of(row: CheckRow) -> str:
    return f"{row.word} {row.name} {row.text} {row.aside}"
