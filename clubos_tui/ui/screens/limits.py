"""Set a limit of a phase or of the run anew, with what was used in sight."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from textual.widget import Widget
from textual.widgets import Button, Input, Select

from clubos_tui.spending import UNITS, Limit, Scope, Unit
from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.values import Line

__all__ = ["LimitAnswer", "Limits"]

_SCOPES: tuple[Scope, ...] = ("phase", "run")
_CHOICES: tuple[tuple[Scope, Unit], ...] = tuple(
    (scope, unit) for unit in UNITS for scope in _SCOPES
)
_WORDS = {"cents": "dollars", "tokens": "tokens", "turns": "requests", "minutes": "minutes"}
_SMALLEST = {"cents": 100_000_000, "tokens": 1, "turns": 1, "minutes": 60_000}


class LimitAnswer(NamedTuple):
    """Which limit, and what it is to be, in the plan's units."""

    scope: Scope
    unit: Unit
    most: int


class Limits(Ask[LimitAnswer]):
    """Shows what there is; a limit that is reached is offered doubled."""

    def __init__(self, title: str, lines: Sequence[Line], reached: Limit | None) -> None:
        super().__init__(title, lines, opened_by="dollar_sign")
        self._reached = reached

    def fields(self) -> Sequence[Widget]:
        """Return which limit, and its new value."""
        at, value = 0, ""
        if self._reached:
            at = _CHOICES.index((self._reached.scope, self._reached.unit))
            doubled = Decimal(self._reached.most * 2) / _SMALLEST[self._reached.unit]
            value = f"{doubled.normalize():f}"
        shown = [
            (f"{_WORDS[unit]} of {'this phase' if scope == 'phase' else 'the run'}", number)
            for number, (scope, unit) in enumerate(_CHOICES)
        ]
        return (
            Select(shown, value=at, allow_blank=False, id="which", compact=True),
            Input(value=value, placeholder="At most; 0 for no limit", id="most"),
        )

    def buttons(self) -> Sequence[Button]:
        """Return back and set."""
        words = "Set and go on" if self._reached else "Set"
        return (
            Button("Back (esc)", id="no", compact=True),
            Button(f"{words} (enter)", id="yes", variant="primary", compact=True),
        )

    def safest(self) -> str:
        """Focus the value."""
        return "#most"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take enter in the field as set."""
        event.stop()
        self.action_answer("yes", "enter")

    def answered(self, answer: str) -> None:
        """Close with the limit, if it is one."""
        if answer == "no":
            self.finish(None)
            return
        at = self.query_one("#which", Select).value
        scope, unit = _CHOICES[at if isinstance(at, int) else 0]
        text = self.query_one("#most", Input).value.strip().lstrip("$").replace(",", "")
        try:
            most = int(Decimal(text) * (100 if unit == "cents" else 1))
        except (InvalidOperation, ValueError, OverflowError):
            most = -1
        if most < 0:
            self.wrong("A number is needed; 0 takes the limit away.")
        else:
            self.finish(LimitAnswer(scope, unit, most))
