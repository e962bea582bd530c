"""What the dashboard offers to those who act on a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from textual.screen import Screen

from clubos_tui.ui.actions import Situation
from clubos_tui.ui.bridge import Bridge
from clubos_tui.ui.values import Tone

if TYPE_CHECKING:
    from clubos_tui.ui.editing import Editing
    from clubos_tui.ui.question import Question
    from clubos_tui.ui.reviewing import Reviewing

__all__ = ["Desk"]

T = TypeVar("T")


class Desk(Protocol):
    """The dashboard, seen from a request."""

    bridge: Bridge
    editing: Editing
    reviewing: Reviewing

    def situation(self) -> Situation:
        """Return what is selected and how things stand."""

    async def ask(self, dialog: Screen[T], question: Question | None = None) -> T | None:
        """Show a dialog and wait for its answer; a question that is settled takes none."""

    def select_phase(self, number: int) -> None:
        """Select a phase."""

    def state_folder(self) -> str:
        """Return where files for the person go: never into the repository."""

    def say(self, tone: Tone, text: str) -> None:
        """Show a short sentence."""

    def set_live(self, live: bool) -> None:
        """Arm or disarm LIVE."""
