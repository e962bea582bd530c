"""The key, in whatever state it comes: it reaches the API or nobody, and is read by nobody else."""

from __future__ import annotations

import json

# Each key below looks like nothing that a pattern would know, and is used by one test only: what
# was once kept secret stays so in this process.
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.model_bench import QUICK, Bench, ended
from support.model_server import Reply, served
from support.scripted_model import ScriptedModel, call, finish

from clubos_tui import journal
from clubos_tui.agents import base as a
from clubos_tui.agents.claude.asking import Timing
from clubos_tui.config import KEY_VARIABLES
from clubos_tui.errors import AgentFailed, exit_code
from clubos_tui.repository.git import clean_environment
from clubos_tui.streams import StreamWriter
from clubos_tui.ui.crash import write_report

NAMES = ("ANTHROPIC_CONFIG_DIR", "ANTHROPIC_PROFILE", "ANTHROPIC_BASE_URL", *KEY_VARIABLES)


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch, key: None) -> None:
    """Neither a variable nor a profile; the home is an empty one already."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("profiles", [None, "an empty folder", "a folder that is not there"])
async def test_without_a_key_it_ends_before_anything_is_asked(
    bench: Bench,
    no_key: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    profiles: str | None,
) -> None:
    if profiles:
        folder = tmp_path / "profiles"
        monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(folder))
        if "not" not in profiles:
            folder.mkdir()
    with pytest.raises(AgentFailed, match="there is no key") as caught:
        await bench.agent()
    assert "ANTHROPIC_API_KEY" in caught.value.cure
    assert caught.value.untouched == "Nothing was sent."
    assert exit_code(caught.value) == 1
    assert bench.server.asked == []
    assert not os.path.exists(bench.recording)


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"authentication": 5}'])
async def test_a_broken_profile_is_named(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "configs" / "default.json"
    file.parent.mkdir()
    file.write_text(text)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    with pytest.raises(AgentFailed, match=r"default\.json"):
        await bench.agent()


async def test_a_login_that_gives_no_token_is_held_and_not_tried_again(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN_FILE", "/nowhere/token")
    monkeypatch.setenv("ANTHROPIC_FEDERATION_RULE_ID", "rule")
    monkeypatch.setenv("ANTHROPIC_ORGANIZATION_ID", "org")
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "held"
    assert "/nowhere/token" in ended(events).error
    assert not [event for event in events if isinstance(event, a.RetryScheduled)]
    assert bench.server.asked == []


@pytest.mark.parametrize(
    ("variables", "sent"),
    [
        ({"ANTHROPIC_API_KEY": "plain-key-01\n"}, "plain-key-01"),
        ({"ANTHROPIC_API_KEY": " \tplain-key-02\r\n"}, "plain-key-02"),
        ({"ANTHROPIC_AUTH_TOKEN": "plain-token-03\n"}, "plain-token-03"),
        (
            {"ANTHROPIC_API_KEY": "\n", "ANTHROPIC_AUTH_TOKEN": "plain-token-04"},
            "plain-token-04",
        ),
        (
            {"ANTHROPIC_API_KEY": "plain-key-05", "ANTHROPIC_AUTH_TOKEN": "plain-token-05"},
            "plain-key-05",
        ),
    ],
)
async def test_a_key_is_asked_with_as_it_is_meant(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str],
    sent: str,
) -> None:  # fmt: skip
    """One of them, without what an editor or a shell put around it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    bench.script(one=[[finish()]])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    headers = bench.server.asked[0].headers
    known = [value for value in headers.values() if "plain-" in value]
    assert known in ([sent], [f"bearer {sent}"])


async def test_p12_both_keys_are_secret_though_one_is_sent(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "plain-key-10")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "plain-token-10")
    await bench.agent()
    assert journal.redact(b"plain-key-10, plain-token-10") == b"[redacted], [redacted]"


@pytest.mark.parametrize("secret", ["plain-key-20", "schlüssel-21", "sk-short-22"])
async def test_p12_a_key_is_redacted_wherever_it_comes_up(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{secret}\n")
    await bench.agent()
    assert secret.encode() not in journal.redact(f"<{secret}> {secret}{secret}".encode())
    writer = StreamWriter(str(tmp_path / "s" / "stream.jsonl"))
    for event in (
        a.MessageChunk(f"said {secret}"),
        a.ThoughtChunk(secret),
        a.ToolCall("1", f"read {secret}", "read", "failed", detail=f"no {secret}"),
        a.TurnEnded("failed", secret, f"error {secret}", f"cure {secret}"),
    ):
        writer.write(*a.encode(event), time=0.0)
    writer.close()
    try:
        raise ValueError(f"it was {secret}") from KeyError(secret)
    except ValueError as error:
        report = write_report(error, str(tmp_path))
    ascii_form = json.dumps(secret)[1:-1]
    for path in (tmp_path / "s" / "stream.jsonl", Path(report)):
        text = path.read_text()
        assert "[redacted]" in text
        assert secret not in text
        assert ascii_form not in text


async def test_p12_a_model_that_finds_the_key_in_a_file_does_not_get_it(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "plain-key-30")
    (bench.folder / "notes.txt").write_text("the key is plain-key-30\n")
    model = bench.script(
        one=[[call("read_file", path="notes.txt"), call("search", pattern="plain")], [finish()]]
    )
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    assert "plain-key-30" not in json.dumps([asked.body for _, asked in model.asked])
    assert b"plain-key-30" not in Path(bench.recording).read_bytes()


async def test_p12_an_api_that_repeats_the_key_in_its_error_tells_nobody(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "plain-key-40")
    bench.script(one=[Reply.error(401, "authentication_error", "bad key plain-key-40")])
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "held"
    assert "plain-key-40" not in journalled(events, tmp_path)


def journalled(events: list[a.AgentEvent], folder: Path) -> str:
    """Return events as a stream file keeps them."""
    path = folder / "journalled.jsonl"
    writer = StreamWriter(str(path))
    for event in events:
        writer.write(*a.encode(event), time=0.0)
    writer.close()
    return path.read_text()


@pytest.mark.parametrize("between", ["\n", "\r\n"])
async def test_p12_a_key_that_no_header_can_hold_is_not_shown(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, between: str
) -> None:
    """As of a key file with two lines. Nothing can be asked with it, so nothing should be tried."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"plain-key-50{between}plain-line-51")
    told = ""
    try:
        agent = await bench.agent(Timing(silence=QUICK.silence, chance=lambda: -1.49))
        told = journalled(await bench.ask(agent), tmp_path)
    except AgentFailed as error:
        told = journal.redact(f"{error.message} {error.cure}".encode()).decode()
    assert "plain-key-50" not in told
    assert "plain-line-51" not in told


# --- when the SDK comes, and what it says -------------------------------------------------------


def modules(code: str, *arguments: str, **variables: str) -> dict[str, Any]:
    """Run a program that ends by printing JSON; what it wrote to stderr is in it too."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env={**os.environ, **variables},
        capture_output=True, check=True, cwd="/",
    )  # fmt: skip
    return {**json.loads(done.stdout.splitlines()[-1]), "stderr": done.stderr.decode()}


HELP = """
import contextlib, io, json, sys
from clubos_tui.__main__ import main
sys.argv = ["clubos", "--help"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main()
print(json.dumps({"there": "clubos_tui.cli.parser" in sys.modules,
                  "sdk": [n for n in ("anthropic", "httpx2") if n in sys.modules]}))
"""
IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({"there": all(n in sys.modules for n in sys.argv[1:]),
                  "sdk": [n for n in ("anthropic", "httpx2") if n in sys.modules]}))
"""


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (HELP, ()),
        (IMPORT, ("clubos_tui.agents.claude.agent",)),
        (IMPORT, ("clubos_tui.ui.app",)),
        (
            IMPORT,
            (
                "clubos_tui.agents.claude.tape",
                "clubos_tui.agents.claude.preview",
                "clubos_tui.cli.explain",
                "clubos_tui.cli.recordings",
                "clubos_tui.cli.doctor",
            ),
        ),
    ],
    ids=["help", "agent", "app", "the rest"],
)
def test_the_sdk_is_not_imported_before_it_is_asked_with(
    key: None, code: str, names: tuple[str, ...]
) -> None:
    """It takes more than a second."""
    found = modules(code, *names)
    assert found["there"]
    assert found["sdk"] == []


TURNS = """
import asyncio, json, logging, sys
from clubos_tui.agents import base as a
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.plan import Action, Model, Phase, Plan

async def main(url, folder):
    actions = (Action("one", "One"), Action("two", "Two"))
    agent = ClaudeAgent()
    await agent.start(a.Workspace(folder, Plan("P", phase=(Phase("One", action=actions),)), 1, 1,
                                  model=Model(base_url=url), recording=folder + "/r.jsonl"))
    ends = []
    for name in ("one", "two"):
        ends.append([event async for event in agent.prompt(a.Request(name, "Do it."))][-1].reason)
    await agent.aclose()
    sdk = logging.getLogger("anthropic")
    logging.getLogger("anthropic._base_client").error("a line of the SDK's")
    logging.getLogger("httpx2").error("and one of its client's")
    streams = [type(h).__name__ for h in sdk.handlers if isinstance(h, logging.StreamHandler)]
    print(json.dumps({"ends": ends, "streams": streams, "handlers": len(sdk.handlers),
                      "root": len(logging.getLogger().handlers), "propagates": sdk.propagate}))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("level", ["debug", "info"])
def test_p12_the_sdk_writes_nothing_to_the_terminal(key: None, tmp_path: Path, level: str) -> None:
    """Whole requests would come over the screen, and into whatever keeps a terminal's output."""
    with served() as server:
        server.answer = ScriptedModel(
            {"one": [[finish()]], "two": [Reply.error(401, "authentication_error")]}
        )
        found = modules(TURNS, server.url, str(tmp_path), ANTHROPIC_LOG=level)
    assert found["ends"] == ["end_turn", "held"]
    assert found["stderr"] == ""
    assert found["streams"] == []
    assert (found["root"], found["propagates"]) == (0, False)
    assert found["handlers"] > 0, "without one, logging's last resort writes to stderr"


async def test_an_empty_key_is_none(
    bench: Bench, no_key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", " \n")
    with pytest.raises(AgentFailed, match="there is no key"):
        await bench.agent()


def test_a_child_does_not_get_the_key(key: None) -> None:
    assert "ANTHROPIC_API_KEY" in os.environ
    assert not [name for name in clean_environment() if "API_KEY" in name]
