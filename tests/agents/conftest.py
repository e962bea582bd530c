"""The real SDK, pointed at a server of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anthropic
import httpx2
import pytest
from support.model_server import ModelServer


@pytest.fixture
async def client() -> AsyncIterator[Callable[[ModelServer], anthropic.AsyncAnthropic]]:
    """Make clients that ask a server once and never by themselves again."""
    made: list[anthropic.AsyncAnthropic] = []

    def of(server: ModelServer) -> anthropic.AsyncAnthropic:
        http = httpx2.AsyncClient(trust_env=False, timeout=5)
        made.append(
            anthropic.AsyncAnthropic(
                api_key="test", base_url=server.url, max_retries=0, http_client=http
            )
        )
        return made[-1]

    yield of
    for item in made:
        await item.close()
