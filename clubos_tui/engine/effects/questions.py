"""What an agent asks for, on its way to a person and back."""

from __future__ import annotations

import asyncio

from clubos_tui.agents.base import Agent, Asking, PermissionRequest
from clubos_tui.engine.effects.context import Context
from clubos_tui.events import PermissionAsked

__all__ = ["Questions"]

_POLL = 0.05  # seconds between two looks for an answer


class Questions:
    """Those of one prompt."""

    def __init__(self, context: Context, agent: Agent, phase: int, action: str) -> None:
        self._context = context
        self._agent = agent
        self._phase = phase
        self._action = action
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self.unanswered: PermissionRequest | None = None

    async def put(self, request: PermissionRequest) -> None:
        """Answer as a person did; else ask, or stop the agent where nobody is there (P10)."""
        phase = self._context.view.phase(self._phase)
        known = phase.permissions.answer_to(request.id, request.kind)
        if known is not None:
            self._answer(request, allowed=known)
            return
        if request.id in self._waiting:
            return  # the same question, and one answer for both
        self._context.say(
            PermissionAsked(
                self._phase, phase.attempt, self._action, request.id, request.kind, request.title,
                request.detail,
            )
        )  # fmt: skip
        if self._context.attended:
            self._waiting[request.id] = asyncio.ensure_future(self._wait(request))
        else:
            self.unanswered = request
            await self._agent.cancel()

    async def _wait(self, request: PermissionRequest) -> None:
        permissions = self._context.view.phase(self._phase).permissions
        while (allowed := permissions.answer_to(request.id, request.kind)) is None:
            await asyncio.sleep(_POLL)
            self._context.run.refresh()
        self._answer(request, allowed=allowed)

    def _answer(self, request: PermissionRequest, *, allowed: bool) -> None:
        self._waiting.pop(request.id, None)
        if isinstance(self._agent, Asking):
            self._agent.answer(request.id, allowed=allowed)

    def close(self) -> None:
        """Wait for nobody any more."""
        for task in self._waiting.values():
            task.cancel()
