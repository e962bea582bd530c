"""The approval: everything that is bound by a yes, with the focus on Reject."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.widgets import Button

from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.styles import sheet
from clubos_tui.ui.values import Line

__all__ = ["Approval", "ApprovalAnswer"]

ApprovalAnswer = Literal["approve", "reject"]


class Approval(Ask[ApprovalAnswer]):
    """Approve, reject, or decide later.

    A gate that is shut offers no approval, and nor does a rule that wants another person's.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = [sheet("dialog"), sheet("approval")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,a", "approve", "Approve", show=False),
        Binding("r", "answer('reject', 'r')", "Reject", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        shut: str = "",
        barred: str = "",
        reject: bool = True,
        opened_by: str = "y",
    ) -> None:
        super().__init__(title, lines, opened_by=opened_by)
        self._shut, self._reject = shut or barred, reject
        self._why = f"It can't be approved: {shut}" if shut else f"You can't approve it: {barred}"

    def buttons(self) -> Sequence[Button]:
        """Return reject, later and, where the gate is open, approve."""
        first = Button("Reject (r)", id="reject", variant="warning", compact=True)
        first.disabled = not self._reject
        yes = Button("Approve (y)", id="approve", variant="success", compact=True)
        yes.disabled = bool(self._shut)
        return first, Button("Later (esc)", id="later", compact=True), yes

    def safest(self) -> str:
        """Focus reject: enter on it asks for a reason before anything happens."""
        return "#reject" if self._reject else "#later"

    def on_mount(self) -> None:
        """Say what keeps the gate shut, or why it is for another person to approve."""
        super().on_mount()
        if self._shut:
            self.wrong(self._why)

    def action_approve(self) -> None:
        """Approve with y or a; either counts as the same key."""
        self.action_answer("approve", "y")

    def answered(self, answer: str) -> None:
        """Close with the answer."""
        if answer == "reject" and self._reject:
            self.finish("reject")
        elif answer == "approve" and not self._shut:
            self.finish("approve")
        elif answer == "later":
            self.finish(None)
