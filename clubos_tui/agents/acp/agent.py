"""An agent that speaks the protocol, as the engine knows agents.

Its process lives as long as the attempt, so that one conversation goes through all actions of a
phase. Between two actions it stands still: what is scanned then does not change.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from clubos_tui.agents.base import AgentEvent, Notice, Request, TurnEnded, Workspace
from clubos_tui.agents.needs import NETWORK, box_for
from clubos_tui.agents.shell import most_seconds, require_sandbox
from clubos_tui.agents.task import task
from clubos_tui.agents.tools.files import Files
from clubos_tui.errors import AgentFailed

if TYPE_CHECKING:
    from clubos_tui.agents.acp.session import Session

__all__ = ["AcpAgent"]

_NAME = 100  # characters of its name and version
_AHEAD = 2_000  # events that may wait to be written down before the agent has to
_BEAT = 0.2  # seconds between two looks at what it takes
QUIET_SECONDS = 60.0
"""After so long without a word, the person is told."""
GONE_SECONDS = 2.0
"""How long it may be gone before its turn is ended."""
GRACE_SECONDS = 0.7
"""How long it has to end its turn by itself when it is cancelled."""


class AcpAgent:
    """Any program that speaks the Agent Client Protocol on its standard streams."""

    def __init__(self, command: str, title: str = "") -> None:
        self._command = command
        self._title = title or command
        self._session: Session | None = None
        self._turn: asyncio.Task[TurnEnded] | None = None
        self._events: asyncio.Queue[AgentEvent | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._heard = 0.0
        self._cancelled = False
        self._reviewed = False

    async def start(self, workspace: Workspace) -> None:
        """Find out whether the box holds; without one that does, nothing is run (P8)."""
        await require_sandbox()
        await asyncio.to_thread(importlib.import_module, "clubos_tui.agents.acp.session")
        self._workspace = workspace
        self._box = box_for(workspace.folder, self._command, workspace.needs)
        self._files = Files(workspace.folder, workspace.withheld)

    async def prompt(self, request: Request) -> AsyncGenerator[AgentEvent, None]:
        """Give it one action's prompt, and stream what it says and does."""
        self._cancelled = False
        self._events = asyncio.Queue()
        self._room.set()
        self._hear()
        turn = self._turn = asyncio.ensure_future(self._take_turn(request))
        turn.add_done_callback(lambda _: self._events.put_nowait(None))
        watch = asyncio.ensure_future(self._watch(turn, most_seconds(request)))
        try:
            while (event := await self._events.get()) is not None:
                if self._events.qsize() < _AHEAD:
                    self._room.set()
                yield event
            yield self._ended(turn)
        finally:
            watch.cancel()
            turn.cancel()
            await asyncio.gather(watch, turn, return_exceptions=True)
            if self._cancelled or turn.cancelled() or turn.exception():
                await self._end()

    async def cancel(self) -> None:
        """Have the turn end; an agent that does not is ended."""
        self._cancelled = True
        turn, session = self._turn, self._session
        if turn is None or turn.done():
            return
        if session is None or not session.ready:
            turn.cancel()  # it is still being started
            return
        await session.cancel()
        asyncio.get_running_loop().call_later(GRACE_SECONDS, turn.cancel)

    def answer(self, permission: str, *, allowed: bool) -> None:
        """Answer what it asked for; what is not open is left alone."""
        if self._session:
            self._session.client.answer(permission, allowed=allowed)

    async def aclose(self) -> None:
        """End it with all that it has started."""
        if self._turn and not self._turn.done():
            self._turn.cancel()
            await asyncio.gather(self._turn, return_exceptions=True)
        await self._end()

    async def _end(self) -> None:
        session, self._session, self._reviewed = self._session, None, False
        if session:
            await session.close()

    def _emit(self, event: AgentEvent) -> None:
        self._hear()
        self._events.put_nowait(event)
        if self._events.qsize() >= _AHEAD:
            self._room.clear()

    def _hear(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    async def _take_turn(self, request: Request) -> TurnEnded:
        session = await self._opened()
        said = task(self._workspace, request, reviewed=self._reviewed)
        self._reviewed = True
        ended = await session.prompt(said)
        if not await session.freeze():
            self._emit(Notice(f"{self._title} can't be held still, so it is ended", "warning"))
            await self._end()
        return ended

    async def _opened(self) -> Session:
        """Return the conversation, begun anew where its agent is gone."""
        from clubos_tui.agents.acp.session import Session
        from clubos_tui.agents.acp.words import cut

        if self._session and self._session.runs:
            await self._session.thaw()
            return self._session
        await self._end()
        self._emit(Notice(f"Starting {self._title} in the box"))
        if self._box.network:
            self._emit(Notice(NETWORK, "warning"))
        session = self._session = Session(
            self._box, self._command, self._files, self._emit, self._room
        )
        hello = await session.open()
        if info := hello.agent_info:
            name = cut(f"{info.title or info.name} {info.version}", _NAME)
            self._emit(Notice(f"{name} answers"))
        return session

    async def _watch(self, turn: asyncio.Task[TurnEnded], seconds: float) -> None:
        """End a turn that takes too much or too long; tell where nothing is heard."""
        clock = asyncio.get_running_loop().time
        began, told, gone = clock(), 0.0, 0
        while not turn.done():
            await asyncio.sleep(_BEAT)
            session = self._session
            if session is None:
                continue
            why = await session.excess()
            if session.client.waits:
                began += _BEAT  # a person's time is not the agent's
            gone = 0 if session.runs else gone + 1
            if gone * _BEAT > GONE_SECONDS:  # else its pipes tell, and its last words with them
                why = why or "it ended in the middle of its turn"
            if clock() - began > seconds:
                why = why or f"it took longer than {seconds:.0f} s"
            if why:
                session.end_because(why)
                return
            if session.client.waits:
                self._hear()
            elif clock() - self._heard > QUIET_SECONDS and told < self._heard:
                told = clock()
                words = f"Nothing was heard of {self._title} for {QUIET_SECONDS:.0f} s"
                self._events.put_nowait(Notice(f"{words}; ctrl+c interrupts it", "warning"))

    def _ended(self, turn: asyncio.Task[TurnEnded]) -> TurnEnded:
        """Return how a turn that is over ended."""
        if self._cancelled or turn.cancelled():
            return TurnEnded("cancelled")
        failed = turn.exception()
        if isinstance(failed, AgentFailed):
            return TurnEnded("failed", error=failed.message, cure=failed.cure)
        if failed:
            raise failed
        return turn.result()
