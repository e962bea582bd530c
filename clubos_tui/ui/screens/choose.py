"""One of several, by arrow keys and enter."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, OptionList

from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line

__all__ = ["Choose"]


class Choose(Ask[int]):
    """Answers with the number of the chosen line; Esc chooses none."""

    def __init__(self, title: str, lines: Sequence[Line], choices: Sequence[str]) -> None:
        super().__init__(title, lines)
        self._choices = choices
        self._chosen: int | None = None

    def fields(self) -> Sequence[Widget]:
        """Return the list."""
        return (OptionList(*(Content(safe(text)) for text in self._choices), id="choices"),)

    def buttons(self) -> Sequence[Button]:
        """Return the way back."""
        return (Button("Back (esc)", id="no", compact=True),)

    def safest(self) -> str:
        """Focus the list: esc leaves it, and u takes a choice back."""
        return "#choices"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take enter on a line."""
        event.stop()
        self._chosen = event.option_index
        self.action_answer("chosen", "enter")

    def answered(self, answer: str) -> None:
        """Leave."""
        self.finish(None if answer == "no" else self._chosen)
