"""What was refused to an agent, found in what its commands print: for the log, and for the journal.

Every agent's output goes by here, whatever kind of agent it is.
"""

from __future__ import annotations

from clubos_tui.agents.base import AgentEvent, Notice, TerminalOutput, ToolCall, TurnEnded
from clubos_tui.agents.tools.refusals import MOST, Refusals, told

__all__ = ["Denials"]


class Denials:
    """The refusals of one action, command by command."""

    def __init__(self) -> None:
        self._before: list[str] = []  # of the commands that have ended
        self._command = Refusals()

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of all commands so far, at most as many as are kept of one."""
        self._command.end()
        found = (*self._before, *self._command.lines)
        more = len(found) - MOST
        if more <= 1:  # the count of one command stands at the end already
            return found
        return (*found[:MOST], f"and {more:,} more")

    def hear(self, event: AgentEvent) -> Notice | None:
        """Take an event, and return what the log says before it, if anything."""
        if isinstance(event, TerminalOutput):
            self._command.add(event.text)
            return None
        if isinstance(event, ToolCall) and event.status in {"pending", "in_progress"}:
            return None
        if not isinstance(event, ToolCall | TurnEnded):
            return None
        self._command.end()
        ended, self._command = self._command, Refusals()
        self._before += ended.lines
        return Notice(told(ended.lines, ended.count), "warning") if ended.count else None
