"""The loss statement of a rollback that met edits: which of them lose only our part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, SelectionList, Static
from textual.widgets.selection_list import Selection

from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line

__all__ = ["Rollback"]


class Rollback(Ask[tuple[str, ...]]):
    """Yes with the paths of which only our part goes; every other edited path is left alone."""

    DEFAULT_CSS = """
    Rollback SelectionList { height: auto; max-height: 6; margin-bottom: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('yes', 'y')", "Yes", show=False),
        Binding("n", "later", "No", show=False),
    ]

    def __init__(
        self, title: str, lines: Sequence[Line], paths: Sequence[str], *, opened_by: str = ""
    ) -> None:
        super().__init__(title, lines, opened_by=opened_by)
        self._paths = tuple(paths)

    def fields(self) -> Sequence[Widget]:
        """Return the list of edited paths that may keep their edit and lose our part."""
        said = "Edited by you since. Chosen (tab, space): only our part goes. Else: left alone."
        rows = [Selection(Content(safe(path)), at) for at, path in enumerate(self._paths)]
        return (
            Static(said, classes="label", markup=False),
            SelectionList[int](*rows, id="take-out", compact=True),
        )

    def buttons(self) -> Sequence[Button]:
        """Return no and yes."""
        return (
            Button("Cancel (esc)", id="no", compact=True),
            Button("Roll back (y)", id="yes", variant="error", compact=True),
        )

    def safest(self) -> str:
        """Focus no."""
        return "#no"

    def answered(self, answer: str) -> None:
        """Close with the choice."""
        chosen = self.query_one("#take-out", SelectionList).selected
        self.finish(tuple(self._paths[at] for at in sorted(chosen)) if answer == "yes" else None)
