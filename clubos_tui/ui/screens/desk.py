"""What the dashboard offers to those who act on a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from textual.screen import Screen

from clubos_tui.changes.decisions import Decision, Verdict
from clubos_tui.ui.actions import Situation
from clubos_tui.ui.bridge import Bridge
from clubos_tui.ui.review import Review
from clubos_tui.ui.values import Tone

__all__ = ["Desk"]

T = TypeVar("T")


class Desk(Protocol):
    """The dashboard, seen from a request."""

    bridge: Bridge
    review: Review | None

    def situation(self) -> Situation:
        """Return what is selected and how things stand."""

    async def ask(self, dialog: Screen[T]) -> T | None:
        """Show a dialog and wait for its answer."""

    def select_phase(self, number: int) -> None:
        """Select a phase."""

    def meant(self, verdict: Verdict, note: str | None = None) -> Sequence[Decision]:
        """Return the decisions that a verdict on what is under the cursor comes to.

        Without a note, one that is there stays.
        """

    def under_cursor(self) -> tuple[str, Verdict, str]:
        """Return what is under the cursor in words, the verdict on it, and its note."""

    def go_on_from(self, decisions: Sequence[Decision]) -> None:
        """Go to what is to be decided next."""

    def seen(self) -> tuple[int, int]:
        """Return how many changed lines have been on the screen, and how many there are."""

    def edited(self, path: str, line: int, data: bytes) -> bytes | None:
        """Let the person edit a file; return it, or ``None`` where nothing was changed."""

    @property
    def line(self) -> int:
        """The line of the selected file under the cursor."""

    def say(self, tone: Tone, text: str) -> None:
        """Show a short sentence."""

    def set_live(self, live: bool) -> None:
        """Arm or disarm LIVE."""
