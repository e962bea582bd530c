"""`PhaseList`: the phases of the plan, one of them selected. One row each, or two where narrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from clubos_tui.ui.text import cell_cut, cell_width, safe
from clubos_tui.ui.values import PhaseRow, Tone

__all__ = ["TONES", "PhaseList"]

TONES: dict[Tone, str] = {
    "quiet": "$foreground 65%",
    "info": "$text-primary",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "busy": "bold $text-accent",
}
"""How each tone is painted; the words beside it say the same."""

_ONE_ROW = 64  # cells from which a phase fits on one row


class PhaseList(OptionList):
    """Shows `PhaseRow` values. The highlighted row is the selected phase."""

    HELP = "The phases of the plan. The selected one is what keys act on."

    DEFAULT_CSS = """
    PhaseList {
        border: none;
        padding: 0;
        height: 1fr;
        background: $surface;
        scrollbar-size: 0 1;
        &:focus { border: none; }
        & > .option-list--option { padding: 0 1; }
        & > .option-list--option-highlighted {
            background: $foreground 10%; color: $foreground; text-style: bold;
        }
        &:focus > .option-list--option-highlighted {
            background: $primary 35%; color: $foreground; text-style: bold;
        }
        &:ansi {
            background: ansi_default;
            & > .option-list--option-highlighted { background: ansi_default; text-style: bold; }
            &:focus > .option-list--option-highlighted {
                background: ansi_default; text-style: reverse;
            }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]

    class Selected(Message):
        """Another phase was selected."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Entered(Message):
        """Enter was pressed on a phase."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, markup=False, compact=True)
        self._rows: tuple[PhaseRow, ...] = ()
        self._drawn = 0
        self._told: int | None = None

    @property
    def number(self) -> int:
        """The selected phase, from 1."""
        return (self.highlighted or 0) + 1

    def show(self, rows: Sequence[PhaseRow]) -> None:
        """Show `rows`; the selected phase stays selected."""
        old, self._rows = self._rows, tuple(rows)
        if len(old) != len(self._rows):
            self._rebuild()
            return
        columns = [(row.name, _state(row), row.approval) for row in self._rows]
        everything = columns != [(row.name, _state(row), row.approval) for row in old]
        for index, row in enumerate(self._rows):
            if everything or row != old[index]:
                self.replace_option_prompt_at_index(index, self._draw(row))

    def select(self, number: int) -> None:
        """Select a phase."""
        if 1 <= number <= len(self._rows):
            self._told = number
            self.highlighted = number - 1

    def _rebuild(self) -> None:
        at = self.highlighted
        self._drawn = self.size.width
        self.set_options(Option(self._draw(row), id=str(row.number)) for row in self._rows)
        if self._rows:
            self.highlighted = min(at or 0, len(self._rows) - 1)

    def _draw(self, row: PhaseRow) -> Content:
        width = max(20, self.size.width - 2)
        state = _state(row)
        tone, quiet = TONES[row.tone], "$foreground 65%"
        head = f"{row.mark} {row.number} "
        if width >= _ONE_ROW:
            rows = self._rows
            wide = min(26, max(cell_width(safe(each.name)) for each in rows))
            state_wide = max(12, *(len(_state(each)) for each in rows))
            asks_wide = max(len(each.approval) for each in rows)
            room = max(0, width - wide - state_wide - asks_wide - 8)
            return Content.assemble(
                (head, tone),
                _pad(safe(row.name), wide),
                ("  " + _pad(state, state_wide), tone),
                ("  " + _pad(row.approval, asks_wide), quiet),
                (cell_cut(f"  {row.checks}", room), TONES[row.checks_tone]),
            )
        name = cell_cut(safe(row.name), width - cell_width(head))
        room = width - 4 - cell_width(state)
        tail = row.checks or row.approval
        rest = [f" · {tail}"] if room > cell_width(tail) + 3 else []
        if row.checks and room > cell_width(row.checks) + cell_width(row.approval) + 6:
            rest.append(f" · {row.approval}")
        tail_tone = TONES[row.checks_tone] if row.checks else quiet
        parts: list[str | tuple[str, str]] = [(head, tone), name, "\n    ", (state, tone)]
        if rest:
            parts.append((rest[0], tail_tone))
        if len(rest) > 1:
            parts.append((rest[1], quiet))
        return Content.assemble(*parts)

    def on_resize(self, event: events.Resize) -> None:
        """Draw anew where the width has changed."""
        if event.size.width != self._drawn and self._rows:
            self._rebuild()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell that another phase is selected."""
        event.stop()
        if self.number != self._told:
            self._told = self.number
            self.post_message(self.Selected(self.number))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell that enter was pressed."""
        event.stop()
        self.post_message(self.Entered(event.option_index + 1))


def _state(row: PhaseRow) -> str:
    return f"{row.status}, {row.note}" if row.note else row.status


def _pad(text: str, width: int) -> str:
    cut = cell_cut(text, width)
    return cut + " " * (width - cell_width(cut))
