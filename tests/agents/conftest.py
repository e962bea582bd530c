"""The real SDK, pointed at a server of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anthropic
import httpx2
import pytest
from support.model_bench import Bench
from support.model_server import ModelServer, model_server


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


@pytest.fixture
async def bench(tmp_path: Path, key: None) -> AsyncIterator[Bench]:
    async with model_server() as server:
        made = Bench(server, tmp_path)
        yield made
        await made.close()
