"""The Messages API through the SDK: one request, and the plain events of its stream.

The SDK is imported in a thread when a conversation begins, never before. It makes each request
once: trying again is the conversation's, in sight of the person. Events are read as they were
sent, because the SDK's own accumulation parses a growing tool input anew at every fragment, and
completes one that was cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from clubos_tui.agents.claude.settings import Settings
from clubos_tui.agents.claude.turn import StreamFault
from clubos_tui.codec import Json
from clubos_tui.config import KEY_VARIABLES
from clubos_tui.errors import AgentFailed
from clubos_tui.journal import keep_secret

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

__all__ = ["Answer", "Api", "Place", "Source", "key_source"]

_CONNECT, _READ, _WRITE = 10.0, 120.0, 120.0  # seconds; the conversation watches for silence itself
_LOGGERS = ("anthropic", "httpx2", "httpcore2")


@dataclass(frozen=True, slots=True)
class Place:
    """Which request of a run it is."""

    phase: int
    attempt: int
    action: str
    answers: int  # that the attempt has had
    failures: int  # of this request, so far


@dataclass(slots=True)
class Answer:
    """What is known of an answer beside its events."""

    request_id: str = ""


class Source(Protocol):
    """Where answers come from."""

    free: bool
    """Whether asking costs nothing."""

    async def open(self, settings: Settings) -> None:
        """Get ready; raises ``AgentFailed`` where nothing could be asked."""

    def ask(self, body: Json, place: Place, answer: Answer) -> AsyncGenerator[Json, None]:
        """Make one request and yield the events of its stream."""

    async def models(self) -> list[str]:
        """Return the models that may be asked, none where that can't be told."""

    async def aclose(self) -> None:
        """Give the connection back; may be called twice."""


class Api:
    """The API itself."""

    free = False

    def __init__(self) -> None:
        self._client: AsyncAnthropic | None = None

    async def open(self, settings: Settings) -> None:
        """Import the SDK beside the loop and find a key; nothing is sent yet."""
        self._client = await asyncio.to_thread(_client, settings)

    async def ask(self, body: Json, place: Place, answer: Answer) -> AsyncGenerator[Json, None]:  # noqa: ARG002
        """Make one request and yield the events of its stream, without pings."""
        import anthropic

        assert self._client, "BUG: asked before it was opened"
        asking: Any = self._client.messages.with_streaming_response.create(**body, stream=True)
        async with asking as response:
            answer.request_id = response.headers.get("request-id", "")
            kind = response.headers.get("content-type", "nothing")
            if not kind.startswith("text/event-stream"):
                raise StreamFault("not_the_api", f"{_host(self._client)} answered with {kind}")
            events = anthropic.AsyncStream.raw_events(response.http_response)
            async with contextlib.aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    if event.data and event.event != "ping":
                        yield event.json()

    async def models(self) -> list[str]:
        """Return the models that the key may ask, or none where the API does not say so soon."""
        assert self._client, "BUG: asked before it was opened"
        try:
            async with asyncio.timeout(5):
                page = await self._client.models.list(limit=100)
                return [model.id for model in page.data]
        except Exception:  # an error about an error helps nobody
            return []

    async def aclose(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def key_source() -> str:
    """Return where the key comes from, never the key; empty where there is none to be seen."""
    for name in KEY_VARIABLES:
        if os.environ.get(name, "").strip():
            return name
    for name in ("ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR"):
        if os.environ.get(name):
            return f"the profile that {name} names"
    return ""


def _client(settings: Settings) -> AsyncAnthropic:
    """Return a client with a key; blocking, because the SDK takes more than a second to import."""
    with _quiet():
        import anthropic
        import httpx2
    key, token = (os.environ.get(name, "").strip() or None for name in KEY_VARIABLES)
    for name, value in zip(KEY_VARIABLES, (key, token), strict=True):
        for part in (value or "").splitlines():
            keep_secret(part)
        if value and not value.isprintable():
            raise _no_key(f"what {name} holds has a line end in it")
    try:
        client = anthropic.AsyncAnthropic(
            # A line end behind the key would be reported as a failed connection.
            api_key=key, auth_token=None if key else token,
            base_url=settings.base_url or None, max_retries=0,
            timeout=httpx2.Timeout(connect=_CONNECT, read=_READ, write=_WRITE, pool=_CONNECT),
        )  # fmt: skip
    except anthropic.AnthropicError as error:
        raise _no_key(str(error)) from None
    given = (client.api_key or client.auth_token or "").strip()
    if not given and client.credentials is None:
        raise _no_key("neither the environment nor a profile has one")
    return client


def _no_key(why: str) -> AgentFailed:
    return AgentFailed(
        f"there is no key to ask Claude with: {why}",
        untouched="Nothing was sent.",
        cure="Set ANTHROPIC_API_KEY, or log in with the SDK's own profile; or choose another "
        "agent: --agent blueprint.",
    )


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep the SDK from writing requests to the terminal, whatever ANTHROPIC_LOG says."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [logging.NullHandler()], False
        logger.setLevel(logging.CRITICAL)


def _host(client: AsyncAnthropic) -> str:
    return str(client.base_url.host)
