"""Any command line as an agent: it runs in the box, with the action in ``$PROMPT``.

What it says is shown as it comes and believed in nothing; its proposal is what the scan finds.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace

from clubos_tui.agents.base import (
    AgentEvent,
    Notice,
    Request,
    TerminalOutput,
    ToolCall,
    TurnEnded,
    Workspace,
)
from clubos_tui.agents.needs import NETWORK, box_for
from clubos_tui.agents.task import task
from clubos_tui.agents.tools.printed import Printed
from clubos_tui.errors import AgentFailed
from clubos_tui.workspace.sandbox.probe import probe
from clubos_tui.workspace.sandbox.running import Ended, run
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["ShellAgent", "most_seconds", "require_sandbox"]

MOST_SECONDS = 3600.0
"""For one action, where no limit of the plan says less."""
_BEAT = 0.05  # seconds between two looks at what it prints
_LONGEST = 100_000  # bytes of the prompt; the kernel takes little more in one variable
_WORDS = 400  # characters of the end of its output that an error holds


class ShellAgent:
    """Runs one command line for each action."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._stop = threading.Event()
        self._work: asyncio.Future[Ended] | None = None

    async def start(self, workspace: Workspace) -> None:
        """Find out whether the box holds; without one that does, nothing is run (P8)."""
        await require_sandbox()
        self._workspace = workspace
        self._box = box_for(workspace.folder, self._command, workspace.needs)

    async def cancel(self) -> None:
        """End the command with all that it has started."""
        self._stop.set()

    async def aclose(self) -> None:
        """Wait until nothing of it is left that could write."""
        self._stop.set()
        if self._work is not None:
            await asyncio.wait({self._work}, timeout=10)

    async def prompt(self, request: Request) -> AsyncGenerator[AgentEvent, None]:
        """Run the command line once, and stream what it prints."""
        said = task(self._workspace, request, reviewed=False)
        if len(said.encode("utf-8", "surrogateescape")) > _LONGEST:
            yield TurnEnded("failed", error="the prompt is too long for a command line's variable",
                            cure="Shorten the action, or the notes.")  # fmt: skip
            return
        if self._box.network:
            yield Notice(NETWORK, "warning")
        self._stop.clear()
        printed = Printed()
        box = self._box
        box = replace(box, variables={**box.variables, "PROMPT": said})
        yield ToolCall(request.action, self._command, "execute", "in_progress")
        self._work = asyncio.ensure_future(
            asyncio.to_thread(
                run, box, ["/bin/sh", "-c", self._command], output=printed.add,
                stop=self._stop, limits=Limits(seconds=most_seconds(request)),
            )
        )  # fmt: skip
        tail = ""
        done = False
        while not done:
            done = bool((await asyncio.wait({self._work}, timeout=_BEAT))[0])
            if text := printed.take(end=done):
                tail = (tail + text)[-_WORDS:]
                yield TerminalOutput(text)
        for event in _end(request.action, self._command, self._work.result(), tail):
            yield event


async def require_sandbox() -> None:
    """Raise :class:`AgentFailed` unless the box has been seen to hold."""
    holds = await asyncio.to_thread(probe)
    if not holds.ok:
        raise AgentFailed(
            f"an agent that runs commands needs a sandbox: {holds.why}",
            untouched="Nothing was run.",
            cure=holds.cure,
        )


def _end(action: str, command: str, ended: Ended, tail: str) -> list[AgentEvent]:
    """Return what a command's end is to whoever watches."""
    if ended.why == "cancelled":
        return [ToolCall(action, command, "execute", "failed", detail="cancelled"),
                TurnEnded("cancelled")]  # fmt: skip
    if ended.why or ended.code:
        why = ended.why or f"exit code {ended.code}"
        last = tail.strip().rpartition("\n")[2]
        words = f": {last}" if last else ""
        return [
            ToolCall(action, command, "execute", "failed", detail=why),
            TurnEnded("failed", error=f"the command failed: {why}{words}",
                      cure="Look at the log for what it printed, then propose the phase again."),
        ]  # fmt: skip
    return [ToolCall(action, command, "execute", "completed"),
            TurnEnded("end_turn", f"ended after {ended.seconds:.0f} s")]  # fmt: skip


def most_seconds(request: Request) -> float:
    """Return how long a command may take: a limit in minutes is one for each action."""
    left = [item.left / 1000 for item in request.limits if item.unit == "minutes"]
    return min([MOST_SECONDS, *left])
