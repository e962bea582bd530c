"""The checks that are under way, as far as journal and stream tell: announced, at it, ended. Pure.

The journal has what they came to only when all of them have ended, so nothing here is evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clubos_tui import events as e
from clubos_tui.changes.manifest import TreeId
from clubos_tui.codec import Json

__all__ = ["Live", "Underway", "begun"]


@dataclass(slots=True)
class Live:
    """One check that has begun."""

    began: float
    """A time of the wall clock, in seconds."""
    said: str = ""
    spoke: str = ""
    """When it said that, as the stream writes it."""
    outcome: str = ""
    """Once it has ended."""
    milliseconds: int = 0


@dataclass(slots=True)
class Underway:
    """The checks of one tree, in one round."""

    phase: int
    scope: e.Scope
    tree: TreeId
    since: str
    """When it began, as the journal writes it."""
    announced: set[str] = field(default_factory=set)
    """Those that take some time; the others need none, and what still holds is not tried again."""
    live: dict[str, Live] = field(default_factory=dict)

    @property
    def doing(self) -> str:
        """What one of those that run now is at, the one that spoke last before the others."""
        running = [(name, live) for name, live in self.live.items() if not live.outcome]
        name, live = max(running, key=lambda each: each[1].spoke, default=("", None))
        return f"{name}: {live.said}" if live and live.said else name

    def hear(self, record: Json, now: float) -> None:
        """Fold one word of the stream in.

        Args:
            record: The word.
            now: Its time, in seconds.
        """
        if str(record.get("at", "")) < self.since:  # of the round before, which is overwritten
            return
        kind, name = record.get("type"), str(record.get("check", ""))
        if kind == "check.began":
            self.live[name] = Live(now)
        live = self.live.get(name)
        if live is None:
            return
        if kind == "check.said":
            live.said, live.spoke = str(record.get("text", "")), str(record.get("at", ""))
        elif kind == "check.ended":
            live.outcome, live.said = str(record.get("outcome", "")), str(record.get("summary", ""))
            live.milliseconds = int(record.get("milliseconds", 0))


def begun(known: Underway | None, event: e.CheckStarted, at: str) -> Underway:
    """Return the round that a check belongs to: the one under way, or a new one."""
    same = known is not None and (known.phase, known.scope, known.tree) == (
        event.phase, event.scope, event.tree
    )  # fmt: skip
    # Begun twice: the driver had died in the middle, and all is carried out anew.
    if known is None or not same or event.check in known.announced:
        known = Underway(event.phase, event.scope, event.tree, at)
    known.announced.add(event.check)
    return known
