"""A conversation with an agent: its process in the box, the connection to it, and its session.

The package has no time limits of its own and takes any version of the protocol, so both are looked
after here. Whatever goes wrong is said with the last words of the agent's error output.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from acp import PROTOCOL_VERSION, RequestError, connect_to_agent, schema, text_block
from acp.core import ClientSideConnection
from pydantic import ValidationError

from clubos_tui import __version__
from clubos_tui.agents.acp.client import Client
from clubos_tui.agents.acp.pipes import Pipes
from clubos_tui.agents.acp.words import cut
from clubos_tui.agents.base import AgentEvent, Notice, StopReason, TerminalOutput, TurnEnded
from clubos_tui.agents.tools.files import Files
from clubos_tui.agents.tools.printed import Printed
from clubos_tui.errors import AgentFailed
from clubos_tui.workspace.sandbox.box import INSIDE, Box
from clubos_tui.workspace.sandbox.started import Started
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["Session"]

T = TypeVar("T")

INITIALIZE_SECONDS = 30.0
SESSION_SECONDS = 60.0
CLOSE_SECONDS = 0.5
_ERRORS: Final = 1 << 20  # bytes of error output that are shown
_SAID: Final = 500  # characters of its own words in an error of ours
_TAIL: Final = 2_000  # characters of its end that an error holds
_AUTHENTICATE: Final = -32000
# Of the whole attempt; who gives it a turn looks after the turn's time.
_LIMITS: Final = Limits(seconds=24 * 3600.0, output=1 << 40)
_REASONS: Final[dict[str, StopReason]] = {
    "end_turn": "end_turn",
    "max_tokens": "max_tokens",
    "refusal": "refusal",
}
_WORDS: Final = {
    "max_tokens": "the agent's model reached its limit of tokens in one answer",
    "max_turn_requests": "the agent reached its own limit of requests in one turn",
    "refusal": "the agent refused",
    "cancelled": "the agent says that it was cancelled, but nobody did that",
}


class Session:
    """One conversation, over all actions of an attempt."""

    def __init__(
        self, box: Box, command: str, files: Files, emit: Callable[[AgentEvent], None],
        room: asyncio.Event,
    ) -> None:  # fmt: skip
        """Make one that is not open yet.

        Args:
            box: Where the agent runs.
            command: Its command line.
            files: The workspace.
            emit: Is given what happens.
            room: Set while more can be taken.
        """
        self._box = box
        self._command = command
        self._emit = emit
        self.client = Client(files, emit)
        self._pipes = Pipes(garbage=self._garbage, room=room)
        self._connection: ClientSideConnection | None = None
        self._started: Started | None = None
        self._late: asyncio.Future[Started] | None = None
        self._errors: asyncio.Task[None] | None = None
        self._tail = ""
        self._id = ""
        self._can_close = False
        self._garbled = 0
        self._ended_because = ""

    async def open(self) -> schema.InitializeResponse:
        """Start the agent and agree on a session.

        Raises:
            AgentFailed: It can't be started, speaks another version, or does not answer in time.
        """
        # The package complains to the root logger; with no handler that would write on the screen.
        if not logging.getLogger().handlers:
            logging.getLogger().addHandler(logging.NullHandler())
        await self._start()
        assert self._started
        await self._pipes.open(self._started.process)
        self._errors = asyncio.ensure_future(self._listen_to_errors(self._started))
        self._connection = connect_to_agent(self.client, self._pipes)  # type: ignore[arg-type]
        hello = await self._ask(
            "initialize",
            self._connection.initialize(
                PROTOCOL_VERSION,
                client_capabilities=schema.ClientCapabilities(
                    # Reading is answered but not offered: the same files lie in its box.
                    fs=schema.FileSystemCapabilities(read_text_file=False, write_text_file=True),
                    terminal=False,
                ),
                client_info=schema.Implementation(name="clubos", version=__version__),
            ),
            INITIALIZE_SECONDS,
        )
        if hello.protocol_version != PROTOCOL_VERSION:
            raise self._failed(
                f"it speaks version {hello.protocol_version} of the protocol, and clubos version "
                f"{PROTOCOL_VERSION}",
                "Use a version of the agent that speaks the same.",
            )
        session = await self._ask(
            "session/new",
            self._connection.new_session(cwd=INSIDE, mcp_servers=[]),
            SESSION_SECONDS,
            hello.auth_methods,
        )
        self._id = session.session_id
        capabilities = hello.agent_capabilities
        offers = capabilities.session_capabilities if capabilities else None
        self._can_close = bool(offers and offers.close)
        return hello

    async def _start(self) -> None:
        """Start its process; one that nobody waits for any more is ended when this is closed."""
        starting = asyncio.ensure_future(
            asyncio.to_thread(
                Started, self._box, ["/bin/sh", "-c", self._command], limits=_LIMITS, talks=True
            )
        )
        try:
            await asyncio.wait({starting})
            self._started = starting.result()
        except asyncio.CancelledError:
            self._late = starting
            raise
        except OSError as error:
            name = f": {error.filename}" if error.filename else ""
            raise AgentFailed(
                f"the box could not be built: {error.strerror or error}{name}",
                untouched="Nothing was run.",
                cure="`clubos doctor` says what the sandbox lacks.",
            ) from error

    async def prompt(self, text: str) -> TurnEnded:
        """Give it a prompt, and return how the turn ended; everything else is emitted.

        Raises:
            AgentFailed: It broke.
        """
        assert self._connection
        self.client.turn = True
        try:
            answer = await self._ask(
                "session/prompt", self._connection.prompt(self._id, [text_block(text)]), None
            )
        finally:
            await self.client.end_turn()
        reason = answer.stop_reason
        if reason == "end_turn":
            return TurnEnded("end_turn", f"ended its turn{self._garbage_words()}")
        return TurnEnded(_REASONS.get(reason, "failed"), error=_WORDS.get(reason, reason))

    async def cancel(self) -> None:
        """Ask it to stop; it answers its prompt with *cancelled*, if it can."""
        self.client.withdraw()
        if self._connection and self._id:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._connection.cancel(self._id), CLOSE_SECONDS)

    def end_because(self, why: str) -> None:
        """End it at once; who waits for an answer hears why."""
        self._ended_because = why
        if self._started:
            asyncio.ensure_future(asyncio.to_thread(self._started.end))  # noqa: RUF006 - joined in close

    async def freeze(self) -> bool:
        """Have it stand still, so that what is scanned does not change; tell whether it does."""
        return self._started is not None and await asyncio.to_thread(self._started.freeze)

    async def thaw(self) -> None:
        """Have it go on."""
        if self._started:
            await asyncio.to_thread(self._started.thaw)

    @property
    def ready(self) -> bool:
        """Whether it has a session, to which prompts can be given."""
        return bool(self._id)

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return self._started is not None and self._started.code is None

    async def excess(self) -> str:
        """Return what it takes too much of, in words."""
        return await asyncio.to_thread(self._started.excess) if self._started else ""

    async def close(self) -> None:
        """End the session and every process of it."""
        self.client.withdraw()
        if self._late:  # else it could still write when this is over
            with contextlib.suppress(OSError):
                self._started = await self._late
        if self._can_close and self.runs and self._connection:
            await self.thaw()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._connection.close_session(self._id), CLOSE_SECONDS)
        if self._started:
            await asyncio.to_thread(self._started.end)
        if self._errors:
            self._errors.cancel()
            await asyncio.gather(self._errors, return_exceptions=True)
        if self._connection:
            with contextlib.suppress(Exception):
                await self._connection.close()
        await self._pipes.close()

    # --- faults -------------------------------------------------------------------------------

    async def _ask(
        self, what: str, request: Awaitable[T], seconds: float | None,
        methods: list[Any] | None = None,
    ) -> T:  # fmt: skip
        """Wait for an answer, and say in words what comes instead of it."""
        try:
            return await asyncio.wait_for(request, seconds)
        except TimeoutError:
            raise self._failed(
                f"it did not answer {what} within {seconds:.0f} s",
                "Look at its last words, then propose the phase again.",
            ) from None
        except RequestError as error:
            if error.code == _AUTHENTICATE:
                raise self._failed("it wants to be logged in", _how_to_log_in(methods)) from error
            more = f" ({error.data})" if error.data else ""
            words = cut(f"{error}{more}", _SAID)
            raise self._failed(f"it answered {what} with error {error.code}: {words}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            said = cut(repr(first["input"]), _SAID)
            raise self._failed(
                f"it answered {what} with {said} for {where}, which is not in the protocol",
                "Use another version of the agent.",
            ) from error
        except ConnectionError as error:
            raise await self._gone(what) from error

    async def _gone(self, what: str) -> AgentFailed:
        """Return why there will be no answer any more."""
        if self._ended_because:
            return self._failed(self._ended_because)
        if self._pipes.fault:
            return self._failed(self._pipes.fault)
        code: int | None = None
        if self._started:
            code = await asyncio.to_thread(self._started.end)
        if self._errors:
            await asyncio.wait({self._errors}, timeout=CLOSE_SECONDS)
        return self._failed(f"it ended with exit code {code} instead of answering {what}")

    def _failed(self, why: str, cure: str = "") -> AgentFailed:
        last = self._tail.strip()
        words = f"\nIts last words:\n{last[-_TAIL:]}" if last else ""
        return AgentFailed(
            f"the agent `{self._command}` failed: {why}{self._garbage_words()}{words}",
            untouched="Nothing outside the workspace was written.",
            cure=cure or "Look at the log, then propose the phase again.",
        )

    def _garbage(self, line: bytes) -> None:
        self._garbled += 1
        if self._garbled == 1:
            words = line[:200].decode("utf-8", "backslashreplace").strip()
            self._emit(Notice(f"It printed what is no message of the protocol: {words}", "warning"))

    def _garbage_words(self) -> str:
        count = self._garbled
        if not count:
            return ""
        return f"; {count} {'line was' if count == 1 else 'lines were'} no message of the protocol"

    async def _listen_to_errors(self, started: Started) -> None:
        """Show what it prints as errors, and keep the end of that."""
        assert started.process.stderr
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), started.process.stderr
        )
        printed, shown = Printed(), 0
        try:
            while piece := await reader.read(1 << 16):
                printed.add(piece)
                text = printed.take()
                self._tail = (self._tail + text)[-2 * _TAIL :]
                if shown < _ERRORS:
                    self._emit(TerminalOutput(text))
                shown += len(piece)
        finally:
            transport.close()


def _how_to_log_in(methods: list[Any] | None) -> str:
    ways = "; ".join(
        f"{item.name}{f': {item.description}' if item.description else ''}"
        for item in methods or () if getattr(item, "name", "")
    )  # fmt: skip
    way = f" It offers: {ways}." if ways else ""
    return f"Log in with the agent itself, outside of clubos, then propose the phase again.{way}"
