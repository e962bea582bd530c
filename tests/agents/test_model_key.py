"""The key: found before anything is asked, sent to the API, and seen nowhere else."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.model_bench import Bench, ended
from support.model_server import ModelServer, served
from support.scripted_model import ScriptedModel, finish

from clubos_tui import journal
from clubos_tui.agents import base as a
from clubos_tui.errors import AgentFailed
from clubos_tui.repository.git import clean_environment
from clubos_tui.streams import StreamWriter
from clubos_tui.ui.crash import write_report

ODD = "no-prefix-at-all-1234"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, key: None) -> None:
    """A machine on which nobody ever logged in."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    for name in ("ANTHROPIC_CONFIG_DIR", "ANTHROPIC_PROFILE"):
        monkeypatch.delenv(name, raising=False)


async def test_without_a_key_nothing_is_asked(bench: Bench, bare: None) -> None:
    with pytest.raises(AgentFailed, match="there is no key") as caught:
        await bench.agent()
    assert "ANTHROPIC_API_KEY" in caught.value.cure
    assert bench.server.asked == []


async def test_a_profile_that_does_not_exist_is_no_key(
    bench: Bench, bare: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(empty))
    with pytest.raises(AgentFailed, match="there is no key"):
        await bench.agent()
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nobody")
    with pytest.raises(AgentFailed, match="there is no key"):
        await bench.agent()


async def test_an_empty_key_is_none(
    bench: Bench, bare: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", " \n")
    with pytest.raises(AgentFailed, match="there is no key"):
        await bench.agent()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ANTHROPIC_API_KEY", f"{ODD}\n"), ("ANTHROPIC_AUTH_TOKEN", ODD)],
)
async def test_a_key_is_sent_to_the_api_as_it_is(
    bench: Bench, bare: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A line end behind it would be a failed connection, tried again and again."""
    monkeypatch.setenv(name, value)
    bench.script(one=[[finish()]])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    assert bench.server.asked[0].headers["authorization"] == f"bearer {ODD}"


async def test_p12_the_key_is_redacted_whatever_it_looks_like(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", ODD)
    await bench.agent()
    assert journal.redact(f"key {ODD} here".encode()) == b"key [redacted] here"
    writer = StreamWriter(str(tmp_path / "stream.jsonl"))
    writer.write(*a.encode(a.MessageChunk(f"it is {ODD}")), time=0.0)
    writer.close()
    assert ODD not in (tmp_path / "stream.jsonl").read_text()
    try:
        raise RuntimeError(f"with {ODD} in it")
    except RuntimeError as error:
        report = write_report(error, str(tmp_path))
    assert ODD not in Path(report).read_text()


def test_a_child_does_not_get_the_key(key: None) -> None:
    assert "ANTHROPIC_API_KEY" in os.environ
    assert not [name for name in clean_environment() if "API_KEY" in name]


ASK = """
import asyncio, json, logging, sys
from clubos_tui.agents import base as a
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.plan import Action, Model, Phase, Plan

async def main(url, folder):
    plan = Plan("P", phase=(Phase("One", action=(Action("one", "One"),)),))
    agent = ClaudeAgent()
    early = "anthropic" in sys.modules
    await agent.start(a.Workspace(folder, plan, 1, 1, model=Model(base_url=url),
                                  recording=folder + "/r.jsonl"))
    events = [event async for event in agent.prompt(a.Request("one", "Do it."))]
    await agent.aclose()
    loggers = [logging.getLogger(name) for name in ("", "anthropic", "httpx2")]
    handlers = [type(h).__name__ for logger in loggers for h in logger.handlers]
    print(json.dumps({"end": events[-1].reason, "early": early, "handlers": handlers}))

asyncio.run(main(*sys.argv[1:]))
"""


def test_the_sdk_comes_late_and_says_nothing(key: None, tmp_path: Path) -> None:
    """With ANTHROPIC_LOG=debug it would write whole requests over the screen."""
    with served() as server:
        server.answer = ScriptedModel({"one": [[finish()]]})
        done = subprocess.run(
            [sys.executable, "-c", ASK, server.url, str(tmp_path)],
            env={**os.environ, "ANTHROPIC_LOG": "debug"}, capture_output=True, check=True,
        )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["end"] == "end_turn"
    assert found["early"] is False
    assert set(found["handlers"]) <= {"NullHandler"}
    assert done.stderr == b""
    assert isinstance(logging.getLogger("anthropic"), logging.Logger)


def test_the_server_of_these_tests_is_on_this_machine() -> None:
    with served() as server:
        assert isinstance(server, ModelServer)
        assert server.url.startswith("http://127.0.0.1:")
