"""A model's commands: in the box, seen as they run, and told by what they did to the files."""

from __future__ import annotations

import asyncio
import subprocess
import time

import pytest
from support.model_bench import Bench, ended, of
from support.model_server import Reply
from support.scripted_model import call, finish

from clubos_tui.agents import base as a
from clubos_tui.agents.tools import files
from clubos_tui.agents.tools.commands import Effect
from clubos_tui.engine.session import Session
from clubos_tui.repository.ignored import IgnoreRules
from clubos_tui.workspace.layout import Layout
from clubos_tui.workspace.sandbox.box import program
from clubos_tui.workspace.sandbox.probe import Holds

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
COMMAND = "echo hello; echo new > new.txt; echo more >> old.txt; rm gone.txt; exit 3"


def processes() -> str:
    """Return the command lines of all processes of this machine."""
    return subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout


def test_an_effect_is_what_differs() -> None:
    effect = Effect.between({"a": (1,), "b": (1,), "c": (1,)}, {"b": (2,), "c": (1,), "d": (1,)})
    assert str(effect) == "created 1: d; changed 1: b; deleted 1: a"
    assert str(Effect.between({"a": (1,)}, {"a": (1,)})) == "no file changed"
    many = Effect(tuple(f"f{number}" for number in range(25)))
    assert str(many).endswith("f19 and 5 more")


def test_an_effect_says_what_is_left_behind() -> None:
    after = {"node_modules/": (1,), "a.log": (2,), "b": (1,), "old.log": (1,)}
    effect = Effect.between(
        {"a.log": (1,), "old.log": (1,)}, after, {"node_modules/", "a.log", "old.log"}
    )
    assert str(effect) == (
        "created 2: b, node_modules/; changed 1: a.log; git ignores 2 of these, so they are left "
        "behind and in no change set: a.log, node_modules/"
    )


@needs_box
async def test_a_model_hears_what_git_ignores_of_what_its_command_made(
    bench: Bench, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a command installed is not walked again for the next one."""
    bench.folder.rmdir()
    rules = IgnoreRules(session.repository, session.paths.scratch)
    layout = Layout(str(bench.folder), session.workshop, hide=True, ignore=rules)
    layout.bring(session.workshop.trees.empty)
    (bench.folder / ".gitignore").write_text("node_modules/\n.env\n")
    bench.untracked = layout.untracked
    walked: list[bytes] = []
    inner = files._entries
    monkeypatch.setattr(files, "_entries", lambda at: walked.append(at) or inner(at))
    install = "mkdir -p node_modules/x; touch node_modules/x/y .env; echo 1 > a"
    model = bench.script(
        one=[
            [call("run_command", command=install)], [call("run_command", command="echo 2 > a")],
            [call("write_file", path=".env", content="K=1\n")],
            [call("write_file", path="node_modules/z", content="1")],
            [call("write_file", path="b", content="1")], [finish()],
        ]
    )  # fmt: skip
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn"
    told = [r.body["messages"][-1]["content"][0]["content"] for _, r in model.asked[1:]]
    assert told[0] == (
        "exit code 0; created 3: .env, a, node_modules/; git ignores 2 of these, so they are left "
        "behind and in no change set: .env, node_modules/"
    )
    assert told[1] == "exit code 0; changed 1: a"
    assert "read" in told[2]
    assert told[3].startswith("created node_modules/z; git ignores it, so it is left behind")
    assert told[4] == "created b"
    assert not [at for at in walked if b"node_modules" in at]
    layout.close()


@needs_box
async def test_a_command_is_told_by_what_it_did(bench: Bench) -> None:
    (bench.folder / "old.txt").write_text("old\n")
    (bench.folder / "gone.txt").write_text("gone\n")
    model = bench.script(one=[[call("run_command", command=COMMAND)], [finish()]])
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn"
    told = model.asked[1][1].body["messages"][-1]["content"][0]["content"]
    outcome = "exit code 3; created 1: new.txt; changed 1: old.txt; deleted 1: gone.txt"
    assert told == f"{outcome}\nhello"
    done = [c for c in of(events, a.ToolCall) if c.status == "completed"]
    assert (done[0].title, done[0].detail) == (f"run {COMMAND}", outcome)
    assert "".join(t.text for t in of(events, a.TerminalOutput)) == "hello\n"
    assert "run_command" in {tool["name"] for tool in model.asked[0][1].body["tools"]}


@needs_box
async def test_what_a_command_prints_is_seen_while_it_runs(bench: Bench) -> None:
    bench.script(one=[[call("run_command", command="echo first; sleep 0.6; printf 'l\\303'; "
                            "sleep 0.3; printf '\\266st'")], [finish()]])  # fmt: skip
    seen: list[tuple[float, str]] = []
    async for event in (await bench.agent()).prompt(a.Request("one", "Do it.")):
        if isinstance(event, a.TerminalOutput):
            seen.append((time.monotonic(), event.text))
    assert seen[0][1] == "first\n"
    assert seen[-1][0] - seen[0][0] > 0.3
    assert "".join(text for _, text in seen) == "first\nlöst", "a character is never cut in two"


@needs_box
async def test_a_command_that_takes_too_long_is_ended(bench: Bench) -> None:
    command = call("run_command", command="sleep 30", timeout_seconds=1)
    model = bench.script(one=[[command], [finish()]])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    told = model.asked[1][1].body["messages"][-1]["content"][0]["content"]
    assert "ended because it took longer than 1 s" in told


@needs_box
async def test_a_cancel_ends_a_command_and_all_that_it_started(bench: Bench) -> None:
    bench.script(one=[[call("run_command", command="echo up; sleep 7654321 & sleep 7654321")]])
    agent = await bench.agent()
    events: list[a.AgentEvent] = []
    up = asyncio.Event()

    async def listen() -> None:
        async for event in agent.prompt(a.Request("one", "Do it.")):
            events.append(event)
            if isinstance(event, a.TerminalOutput):
                up.set()

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(20):
        await up.wait()
    began = time.monotonic()
    await agent.cancel()
    await listening
    assert time.monotonic() - began < 1
    assert ended(events).reason == "cancelled"
    await agent.aclose()
    assert "7654321" not in processes()


@needs_box
async def test_a_command_is_run_again_after_a_kill(bench: Bench) -> None:
    """The workspace is as it was when the action began; what was answered is not asked again."""
    command = call("run_command", command="echo once >> log.txt")
    bench.script(one=[[command], Reply.error(401, "authentication_error"), [finish("logged")]])
    await bench.ask(await bench.agent())
    (bench.folder / "log.txt").unlink()
    assert ended(await bench.ask(await bench.agent())).summary == "logged"
    assert (bench.folder / "log.txt").read_text() == "once\n"


async def test_p8_without_a_box_that_holds_there_are_no_commands(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool is not even named; a model that calls it all the same is told why not."""
    monkeypatch.setattr(
        "clubos_tui.agents.claude.agent.probe", lambda: Holds(False, "no bwrap", "install it")
    )
    model = bench.script(one=[[call("run_command", command="touch ran.txt")], [finish()]])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    assert "run_command" not in {tool["name"] for tool in model.asked[0][1].body["tools"]}
    told = model.asked[1][1].body["messages"][-1]["content"][0]
    assert told["is_error"] is True
    assert "no sandbox" in told["content"]
    assert not (bench.folder / "ran.txt").exists()


@needs_box
async def test_a_command_starts_in_a_folder_of_the_workspace(bench: Bench) -> None:
    (bench.folder / "deep").mkdir()
    outside = call("run_command", command="touch here.txt", folder="../..")
    inside = call("run_command", command="touch here.txt; pwd", folder="deep")
    model = bench.script(one=[[outside], [inside], [finish()]])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    assert model.asked[1][1].body["messages"][-1]["content"][0]["is_error"] is True
    told = model.asked[2][1].body["messages"][-1]["content"][0]["content"]
    assert told.endswith("/workspace/deep")
    assert (bench.folder / "deep" / "here.txt").exists()
