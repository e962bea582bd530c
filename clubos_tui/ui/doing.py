"""What an agent is doing this moment, and what it has used that the journal does not have yet.

Pure: events of an agent's stream and of the journal go in, a few words and numbers come out.
"""

from __future__ import annotations

from dataclasses import dataclass

from clubos_tui.agents import base as a
from clubos_tui.engine.state import RunView
from clubos_tui.spending import UNKNOWN, ModelTurn, Spent, dollars

__all__ = ["Doing", "spent_words"]


@dataclass(slots=True)
class Doing:
    """One prompt, as far as it has come."""

    writing: str = ""
    """A tool call that is being streamed: which, and how much of it."""
    wait: float = 0.0
    """Until when nothing is asked, because a request failed; a time of the wall clock."""
    why: str = ""
    tokens: int = 0
    microcents: int = 0
    estimated: bool = False
    _told_tokens: int = 0
    _told_microcents: int = 0

    def hear(self, event: a.AgentEvent, at: float) -> None:
        """Take in an event of the stream that came at a time."""
        if isinstance(event, a.RetryScheduled):
            self.wait, self.why = at + event.milliseconds / 1000, _short(event.reason)
            self.writing = ""
            return
        if isinstance(event, a.Usage):
            self.tokens = event.input_tokens + event.output_tokens
            self.microcents, self.estimated = event.microcents, event.estimated
            return
        self.wait = 0.0
        if isinstance(event, a.ToolCall) and event.status == "in_progress":
            detail = _short(event.detail.partition("\n")[0])
            self.writing = f"{event.title}, {detail}" if detail else event.title
        elif not isinstance(event, a.MessageChunk | a.ThoughtChunk | a.Notice):
            self.writing = ""

    def told(self, turn: ModelTurn) -> None:
        """Take off what the journal has been told of."""
        self._told_tokens += turn.tokens
        self._told_microcents += max(0, turn.microcents)

    def over(self, spent: Spent) -> Spent:
        """Return what was used so far, the request under way included."""
        unknown = UNKNOWN in {self.microcents, spent.cost}
        return Spent(
            spent.tokens + max(0, self.tokens - self._told_tokens),
            spent.microcents + max(0, self.microcents - self._told_microcents),
            unknown,
            spent.turns,
            spent.milliseconds,
        )

    def words(self, now: float) -> str:
        """Return what is being done, if there is anything to say of it."""
        if self.wait > now:
            left = self.wait - now
            clock = f"{left:.0f} s" if left >= 1 else "a moment"
            return f"asks again in {clock}: {self.why}"
        return self.writing


def _short(reason: str) -> str:
    """Return a reason without the request it is about; the log has it whole."""
    reason = reason.partition(" (request ")[0]
    return reason if len(reason) <= _REASON else f"{reason[: _REASON - 1]}…"


def spent_words(view: RunView, number: int, doing: Doing) -> str:
    """Return what a phase has used, and of which limit, for the status line; empty for nothing."""
    phase = view.phase(number)
    under_way = bool(view.queue) and getattr(view.queue[0], "phase", 0) == number
    spent = doing.over(phase.spent) if under_way else phase.spent
    if not spent.tokens and not spent.turns:
        return ""
    about = "~" if under_way and doing.estimated else ""
    cost = dollars(spent.cost)
    text = f"{about}{spent.tokens:,} tokens, {about if cost != 'unknown' else 'cost '}{cost}"
    most = [item.most for item in view.limits(number) if (item.scope, item.unit) == _PHASE_DOLLARS]
    return f"{text} of {dollars(most[0])}" if most else text


_REASON = 40  # characters
_PHASE_DOLLARS = ("phase", "cents")
