"""`SearchBox`: one line that takes the place of the next step while a person types."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

__all__ = ["SearchBox"]


class SearchBox(Input):
    """A field that is there only while it is used."""

    DEFAULT_CSS = """
    SearchBox { display: none; height: 1; border: none; padding: 0 1; }
    SearchBox:focus { border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
    ]

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, compact=True)

    def open(self, hint: str) -> None:
        """Appear, empty."""
        self.value, self.placeholder = "", hint
        self.display = True
        self.screen.query_one("#next").display = False
        self.focus()

    def close(self) -> None:
        """Give the line back."""
        self.display = False
        self.screen.query_one("#next").display = True

    def action_leave(self) -> None:
        """Give the search up."""
        self.close()
        self.post_message(self.Left())
