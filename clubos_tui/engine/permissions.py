"""What an agent asked in one attempt, and what people answered. Pure.

An answer is to what is asked, and holds for the attempt: an agent that is started again, and asks
the same, is answered the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clubos_tui.events import PermissionAnswered, PermissionAsked

__all__ = ["Permissions"]


@dataclass(slots=True)
class Permissions:
    """The questions that are open, oldest first, and the answers there are."""

    open: dict[str, PermissionAsked] = field(default_factory=dict)
    _answers: dict[str, bool] = field(default_factory=dict)
    _alike: dict[str, bool] = field(default_factory=dict)  # kind -> answer

    def ask(self, event: PermissionAsked) -> None:
        """Take a question in."""
        self.open[event.permission] = event

    def answer(self, event: PermissionAnswered) -> None:
        """Take an answer in; it closes the question, and those alike where it says so."""
        asked = self.open.pop(event.permission, None)
        self._answers[event.permission] = event.allowed
        if asked and event.alike:
            self._alike[asked.kind] = event.allowed
            self.open = {key: item for key, item in self.open.items() if item.kind != asked.kind}

    def answer_to(self, permission: str, kind: str) -> bool | None:
        """Return what was answered; ``None`` where nobody has answered yet."""
        if permission in self._answers:
            return self._answers[permission]
        return self._alike.get(kind)

    def withdraw(self) -> None:
        """Close what is open: who asked is gone."""
        self.open.clear()
