"""What an agent may ask of us: permissions, and files of the workspace.

Of itself none of this is a boundary, since an agent can write to its disk without asking; the box
and the scan are. It is answered the way that holds for all: by kind, for this once, and within the
workspace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from acp import RequestError, schema

from clubos_tui.agents.acp.words import Calls, cut, harmless, inside, option, permission
from clubos_tui.agents.base import AgentEvent, Notice
from clubos_tui.agents.tools.files import Denied, Files

__all__ = ["Client"]

_OPEN = 20  # questions at once
_PATH = 200  # characters of one that is refused
_LARGEST = 4 << 20  # bytes of a file that is read for it


class Client:
    """Our side of a session; the package calls its methods by name."""

    def __init__(self, files: Files, emit: Callable[[AgentEvent], None]) -> None:
        """Make one.

        Args:
            files: The workspace.
            emit: Is given what happens.
        """
        self._files = files
        self._emit = emit
        self._calls = Calls()
        self._open: dict[str, list[asyncio.Future[bool | None]]] = {}
        self._busy = asyncio.Lock()
        self.turn = False
        """Whether it has a turn; outside of one it is given nothing."""

    @property
    def waits(self) -> bool:
        """Whether the agent waits for an answer."""
        return bool(self._open)

    def answer(self, question: str, *, allowed: bool) -> None:
        """Answer a question; one that is not open is left alone."""
        for future in self._open.pop(question, ()):
            if not future.done():
                future.set_result(allowed)

    def withdraw(self) -> None:
        """Answer every open question with *cancelled*, as the protocol wants it."""
        for futures in self._open.values():
            for future in futures:
                if not future.done():
                    future.set_result(None)
        self._open.clear()

    async def session_update(self, session_id: str, update: object, **_: Any) -> None:  # noqa: ARG002
        """Hand on what the agent says."""
        for event in self._calls.events(update) if self.turn else ():
            self._emit(event)

    async def request_permission(
        self,
        session_id: str,  # noqa: ARG002
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **_: Any,
    ) -> schema.RequestPermissionResponse:
        """Allow what the box holds anyway; put everything else to a person."""
        call = self._calls.take(tool_call)
        allowed: bool | None = True if self.turn else None
        if self.turn and not harmless(call):
            allowed = await self._ask(call)
        chosen = None if allowed is None else option(options, allowed=allowed)
        if chosen is None:
            if allowed is not None:
                self._emit(
                    Notice("It offers no answer for this once; its call is cancelled", "warning")
                )
            return schema.RequestPermissionResponse(
                outcome=schema.DeniedOutcome(outcome="cancelled")
            )
        return schema.RequestPermissionResponse(
            outcome=schema.AllowedOutcome(outcome="selected", option_id=chosen)
        )

    async def _ask(self, call: Any) -> bool | None:
        question = permission(call)
        if len(self._open) >= _OPEN and question.id not in self._open:
            self._emit(Notice(f"It asks for more than {_OPEN} things at once", "warning"))
            return None
        answered: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._open.setdefault(question.id, []).append(answered)
        self._emit(question)
        return await answered

    async def write_text_file(
        self,
        session_id: str,  # noqa: ARG002
        path: str,
        content: str,
        **_: Any,
    ) -> schema.WriteTextFileResponse:
        """Write a file of the workspace."""
        try:
            data = content.encode()
        except UnicodeEncodeError:
            raise self._refused(path, "its text holds half a character") from None
        place = self._place(path)
        async with self._busy:  # one at a time, and none when the turn is over
            if not self.turn:
                raise self._refused(path, "its turn has ended")
            try:
                await asyncio.to_thread(self._files.write, place, data)
            except Denied as denied:
                raise self._refused(path, str(denied)) from None
        self._emit(Notice(f"Wrote {len(data):,} bytes", "debug", inside(path) or ""))
        return schema.WriteTextFileResponse()

    async def read_text_file(
        self,
        session_id: str,  # noqa: ARG002
        path: str,
        line: int | None = None,
        limit: int | None = None,
        **_: Any,
    ) -> schema.ReadTextFileResponse:
        """Read a file of the workspace; one that is not there is empty.

        An agent in wide use takes any error for a fault of the connection and can't create a file.
        """
        place = self._place(path)
        async with self._busy:
            try:
                text = await asyncio.to_thread(self._read, place)
            except Denied as denied:
                raise self._refused(path, str(denied)) from None
        if line is not None or limit is not None:
            first = max(0, (line or 1) - 1)
            lines = text.splitlines(keepends=True)[first:]
            text = "".join(lines if limit is None else lines[:limit])
        return schema.ReadTextFileResponse(content=text)

    def _read(self, place: str) -> str:
        if self._files.size(place) > _LARGEST:
            raise Denied(f"it is larger than {_LARGEST >> 20} MiB")
        if self._files.peek(place) is None:
            return ""
        return self._files.read(place).data.decode("utf-8", "replace")

    def _place(self, path: str) -> str:
        place = inside(path) if path.startswith("/") else None
        if place is None:
            raise self._refused(path, "it is outside the workspace")
        return place

    def _refused(self, path: str, why: str) -> RequestError:
        shown = cut(path, _PATH)
        self._emit(Notice(f"Refused {shown}: {why}", "warning"))
        return RequestError.invalid_params({"details": f"{shown}: {why}"})

    async def end_turn(self) -> None:
        """Give it nothing more; comes back when nothing of ours writes any more."""
        self.turn = False
        self.withdraw()
        async with self._busy:
            return
