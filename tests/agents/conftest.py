"""The real SDK, pointed at a server of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.model_bench import Bench
from support.model_server import ModelServer, model_server

if TYPE_CHECKING:
    import anthropic


@pytest.fixture
async def client() -> AsyncIterator[Callable[[ModelServer], anthropic.AsyncAnthropic]]:
    """Make clients that ask a server once and never by themselves again."""
    import anthropic  # it takes longer to import than most tests take
    import httpx2

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
