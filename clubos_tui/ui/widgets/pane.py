"""`Pane`: a bordered part of the dashboard; its title carries the key that leads to it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from clubos_tui.ui.text import safe

__all__ = ["Pane"]


class Pane(Vertical):
    """Holds the views of one pane; the border lights up while one of them has the focus."""

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 35%;
        border-title-color: $text-muted;
        border-subtitle-color: $text-muted;
        &:focus-within {
            border: round $primary;
            border-title-color: $text-primary;
            border-title-style: bold;
        }
        &:ansi {
            border: round ansi_default;
            border-title-color: ansi_default;
            border-subtitle-color: ansi_default;
            &:focus-within {
                border: heavy ansi_blue;
                border-title-color: ansi_default;
                border-title-style: bold reverse;
            }
        }
    }
    """

    def __init__(self, name: str, number: int, title: str, *views: Widget) -> None:
        super().__init__(id=name)
        self._number = number
        self._title = title
        self._views = views
        self._below = self._tabs = self._above = self._shown = ""

    def compose(self) -> ComposeResult:
        """Hold what was given."""
        yield from self._views

    def on_mount(self) -> None:
        """Show the plain title."""
        self.set_title("")

    def set_title(self, counts: str) -> None:
        """Show the title with `counts` (any text) behind it."""
        text = f"{self._number} {self._title}"
        if counts:
            text += f" · {safe(counts)}"
        if text != self._above:  # setting it repaints the pane
            self._above = text
            self.border_title = Content(text)

    def set_subtitle(self, text: str) -> None:
        """Show `text` (any text) in the lower border."""
        self._below = text
        self._draw_below()

    def set_tabs(self, text: str) -> None:
        """Show in the lower border which other panes there are, where they are hidden."""
        self._tabs = text
        self._draw_below()

    def _draw_below(self) -> None:
        text = "  ·  ".join(part for part in (safe(self._below), self._tabs) if part)
        if text != self._shown:
            self._shown = text
            self.border_subtitle = Content(text) if text else ""
