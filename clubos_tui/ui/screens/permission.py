"""What an agent asks for: allow it, deny it, or allow all that is like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.widgets import Button

from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.values import Line

__all__ = ["Permission", "PermissionAnswer"]


class PermissionAnswer(NamedTuple):
    """A person's word, and whether it is for everything of that kind in this attempt."""

    allowed: bool
    alike: bool = False


_ANSWERS = {
    "deny": PermissionAnswer(False),
    "allow": PermissionAnswer(True),
    "alike": PermissionAnswer(True, True),
}


class Permission(Ask[PermissionAnswer]):
    """The focus is on deny."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "answer('deny', 'r')", "Deny", show=False),
        Binding("y", "answer('allow', 'y')", "Allow", show=False),
        Binding("a", "answer('alike', 'a')", "Allow all alike", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__(title, lines, opened_by="p")

    def buttons(self) -> Sequence[Button]:
        """Return deny, later, allow, and allow all alike."""
        return (
            Button("Deny (r)", id="deny", variant="warning", compact=True),
            Button("Later (esc)", id="later", compact=True),
            Button("Allow (y)", id="allow", variant="success", compact=True),
            Button("All alike (a)", id="alike", compact=True),
        )

    def safest(self) -> str:
        """Focus deny: the agent goes on, without it."""
        return "#deny"

    def answered(self, answer: str) -> None:
        """Close with the answer."""
        self.finish(_ANSWERS.get(answer))
