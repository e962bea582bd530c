"""Small dialogs: yes or no, a typed name, a note, an override."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line

__all__ = ["Confirm", "Note", "Override", "OverrideAnswer", "TypedConfirm"]


class Confirm(Ask[bool]):
    """Yes or no; no has the focus unless yes does no harm."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('yes', 'y')", "Yes", show=False),
        Binding("n", "later", "No", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        yes: str,
        no: str = "Cancel",
        harmless: bool = False,
        opened_by: str = "",
    ) -> None:
        super().__init__(title, lines, opened_by=opened_by)
        self._yes, self._no, self._harmless = yes, no, harmless

    def buttons(self) -> Sequence[Button]:
        """Return no and yes."""
        style = "primary" if self._harmless else "error"
        return (
            Button(f"{self._no} (esc)", id="no", compact=True),
            Button(f"{self._yes} (y)", id="yes", variant=style, compact=True),  # type: ignore[arg-type]
        )

    def safest(self) -> str:
        """Focus no, or yes where it does no harm."""
        return "#yes" if self._harmless else "#no"

    def answered(self, answer: str) -> None:
        """Close with the answer."""
        self.finish(answer == "yes")


class TypedConfirm(Ask[bool]):
    """Yes only to who types the name of what can't be taken back."""

    def __init__(self, title: str, lines: Sequence[Line], *, name: str, yes: str) -> None:
        super().__init__(title, lines)
        self._wanted, self._yes = name, yes

    def fields(self) -> Sequence[Widget]:
        """Return the field for the name."""
        return (
            Static(f"Type {safe(self._wanted)} to go on:", classes="label", markup=False),
            Input(id="typed"),
        )

    def buttons(self) -> Sequence[Button]:
        """Return no and yes."""
        return (
            Button("Cancel (esc)", id="no", compact=True),
            Button(f"{self._yes} (enter)", id="yes", variant="error", compact=True),
        )

    def safest(self) -> str:
        """Focus the field: typing the name is the safeguard."""
        return "#typed"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take enter in the field as yes."""
        event.stop()
        self.action_answer("yes", "enter")

    def answered(self, answer: str) -> None:
        """Close, if the name is right."""
        if answer == "no":
            self.finish(False)
        elif self.query_one("#typed", Input).value == self._wanted:
            self.finish(True)
        else:
            self.wrong("That is not the name; nothing was done.")


class Note(Ask[str]):
    """A line of text, perhaps required. Esc gives none, and nothing happens."""

    def __init__(
        self, title: str, lines: Sequence[Line], *, hint: str, yes: str, required: bool = False
    ) -> None:
        super().__init__(title, lines)
        self._hint, self._yes, self._required = hint, yes, required

    def fields(self) -> Sequence[Widget]:
        """Return the field."""
        return (Input(placeholder=self._hint, id="note"),)

    def buttons(self) -> Sequence[Button]:
        """Return back and go."""
        return (
            Button("Back (esc)", id="no", compact=True),
            Button(f"{self._yes} (enter)", id="yes", variant="primary", compact=True),
        )

    def safest(self) -> str:
        """Focus the field."""
        return "#note"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take enter in the field as go."""
        event.stop()
        self.action_answer("yes", "enter")

    def answered(self, answer: str) -> None:
        """Close with the text, if there is one where one is needed."""
        text = self.query_one("#note", Input).value.strip()
        if answer == "no":
            self.finish(None)
        elif self._required and not text:
            self.wrong("A reason is needed.")
        else:
            self.finish(text)


class OverrideAnswer(NamedTuple):
    """Which check, by whom, and why."""

    check: str
    name: str
    reason: str


class Override(Ask[OverrideAnswer]):
    """Opens a gate in spite of a check; name and reason are typed, never filled in."""

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        checks: Sequence[str],
        who: str,
        *,
        first: int = 0,
    ) -> None:
        super().__init__(title, lines, opened_by="o")
        self._checks, self._who, self._first = checks, who, first

    def fields(self) -> Sequence[Widget]:
        """Return check, name and reason."""
        shown = [(safe(check), at) for at, check in enumerate(self._checks)]
        return (
            Select(shown, value=self._first, allow_blank=False, id="check", compact=True),
            Input(placeholder=f"Your name, as in {safe(self._who)}", id="name"),
            Input(placeholder="Why this check may be overridden", id="reason"),
        )

    def buttons(self) -> Sequence[Button]:
        """Return back and override."""
        return (
            Button("Back (esc)", id="no", compact=True),
            Button("Override", id="yes", variant="error", compact=True),
        )

    def safest(self) -> str:
        """Focus the name."""
        return "#name"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; from the last one, override."""
        event.stop()
        if event.input.id == "name":
            self.query_one("#reason").focus()
        else:
            self.action_answer("yes", "enter")

    def answered(self, answer: str) -> None:
        """Close with the answer, if it is whole."""
        name = self.query_one("#name", Input).value.strip()
        reason = self.query_one("#reason", Input).value.strip()
        at = self.query_one("#check", Select).value
        if answer == "no":
            self.finish(None)
        elif not name or not reason:
            self.wrong("Both a name and a reason are needed.")
        elif isinstance(at, int):
            self.finish(OverrideAnswer(self._checks[at], name, reason))
