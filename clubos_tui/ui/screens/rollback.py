"""The loss statement of a rollback that met edits: which of them lose only our part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, OptionList, Static

from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line

__all__ = ["Rollback"]


class Rollback(Ask[tuple[str, ...]]):
    """Yes with the paths of which only our part goes; every other edited path is left alone."""

    DEFAULT_CSS = """
    Rollback OptionList { height: auto; max-height: 5; padding: 0; border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('yes', 'y')", "Yes", show=False),
        Binding("n", "later", "No", show=False),
        Binding("space", "choose", "Choose", show=False),
    ]

    def __init__(
        self, title: str, lines: Sequence[Line], paths: Sequence[str], *, opened_by: str = ""
    ) -> None:
        super().__init__(title, lines, opened_by=opened_by)
        self._paths = tuple(paths)
        self._chosen: set[int] = set()

    def fields(self) -> Sequence[Widget]:
        """Return the list of edited paths that may keep their edit and lose our part."""
        said = "Edited by you since; space goes there and changes what happens:"
        options = [self._prompt(at) for at in range(len(self._paths))]
        return (
            Static(said, classes="label", markup=False),
            OptionList(*options, id="take-out", markup=False, compact=True),
        )

    def _prompt(self, at: int) -> Content:
        mark, word = ("[x]", "only our part goes") if at in self._chosen else ("[ ]", "left alone")
        return Content(f"{mark} {word:<18}  {safe(self._paths[at])}")

    def action_choose(self) -> None:
        """Go to the list; there, change what happens to the path under the cursor."""
        listed = self.query_one("#take-out", OptionList)
        if not listed.has_focus:
            listed.focus()
        elif listed.highlighted is not None:
            self._chosen ^= {listed.highlighted}
            listed.replace_option_prompt_at_index(
                listed.highlighted, self._prompt(listed.highlighted)
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take enter or a click on a path as space."""
        event.stop()
        self.action_choose()

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
        chosen = tuple(self._paths[at] for at in sorted(self._chosen))
        self.finish(chosen if answer == "yes" else None)
