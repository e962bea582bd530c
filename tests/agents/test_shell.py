"""A command line as an agent: held in the box, believed in nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.cli import clubos, inside
from support.repo import Repo

from clubos_tui.agents import base as a
from clubos_tui.agents import require
from clubos_tui.agents.shell import ShellAgent
from clubos_tui.changes.decisions import Decision
from clubos_tui.errors import AgentFailed, UsageError
from clubos_tui.plan import Action, Needs, Phase, Plan
from clubos_tui.spending import Limit
from clubos_tui.workspace.sandbox.box import program
from clubos_tui.workspace.sandbox.probe import Holds

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")


class Shell:
    """Agents in one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "workspace"
        self.folder.mkdir()
        self.agents: list[ShellAgent] = []

    async def agent(self, command: str, *, network: bool = False) -> ShellAgent:
        made = require(f"shell:{command}")()
        assert isinstance(made, ShellAgent)
        self.agents.append(made)
        phase = Phase("One", "The first.", action=(Action("one", "One"),))
        plan, needs = Plan("P", phase=(phase,)), Needs(network=network)
        await made.start(a.Workspace(str(self.folder), plan, 1, 1, needs=needs))
        return made

    async def ask(self, command: str, **more: object) -> list[a.AgentEvent]:
        agent = await self.agent(command)
        request = a.Request("one", "Do it.", **more)  # type: ignore[arg-type]
        return [event async for event in agent.prompt(request)]


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    made = Shell(tmp_path)
    yield made
    for agent in made.agents:
        await agent.aclose()
        await agent.aclose()


def printed(events: list[a.AgentEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, a.TerminalOutput))


@needs_box
async def test_it_runs_in_the_workspace_and_says_what_it_printed(shell: Shell) -> None:
    events = await shell.ask("echo working; echo oops >&2; echo in > a.txt")
    assert events[-1] == a.TurnEnded("end_turn", "ended after 0 s")
    assert printed(events) == "working\noops\n"
    assert (shell.folder / "a.txt").read_text() == "in\n"
    calls = [event.status for event in events if isinstance(event, a.ToolCall)]
    assert calls == ["in_progress", "completed"]


@needs_box
async def test_it_is_asked_in_a_variable_with_what_the_reviewer_said(shell: Shell) -> None:
    events = await shell.ask(
        'printf %s "$PROMPT"', reason="too long", revises=True,
        notes=(Decision("a.py", "reject", "split it", line=7),), failed_checks=("tests: 2 failed",),
    )  # fmt: skip
    said = printed(events)
    for words in ("Phase 1 of 1: One: The first.", "Do it.", "too long",
                  "a.py:7: reject: split it", "tests: 2 failed"):  # fmt: skip
        assert words in said


@needs_box
async def test_a_command_that_fails_is_a_failed_action_with_its_last_words(shell: Shell) -> None:
    end = (await shell.ask("echo first; echo no such model; exit 3"))[-1]
    assert isinstance(end, a.TurnEnded)
    assert end.reason == "failed"
    assert end.error == "the command failed: exit code 3: no such model"
    assert end.cure


@needs_box
async def test_a_limit_in_minutes_ends_it(shell: Shell) -> None:
    limits = (Limit("phase", "minutes", 60_000, 59_000),)
    began = time.monotonic()
    end = (await shell.ask("sleep 30", limits=limits))[-1]
    assert time.monotonic() - began < 10
    assert isinstance(end, a.TurnEnded)
    assert "longer than 1 s" in end.error


@needs_box
async def test_a_cancel_ends_it_and_it_can_be_asked_again(shell: Shell) -> None:
    agent = await shell.agent("echo up; test -e again || sleep 60")
    events: list[a.AgentEvent] = []
    async with asyncio.timeout(20):
        async for event in agent.prompt(a.Request("one", "Do it.")):
            events.append(event)
            if isinstance(event, a.TerminalOutput):
                await agent.cancel()
    assert events[-1] == a.TurnEnded("cancelled")
    (shell.folder / "again").touch()
    again = [event async for event in agent.prompt(a.Request("one", "Do it."))]
    assert again[-1] == a.TurnEnded("end_turn", "ended after 0 s")


@needs_box
async def test_p8_the_network_is_given_after_a_yes_and_is_said(shell: Shell) -> None:
    look = "grep -c : /proc/net/dev"
    without = await shell.ask(look)
    assert printed(without) == "1\n"
    agent = await shell.agent(look, network=True)
    events = [event async for event in agent.prompt(a.Request("one", "Do it."))]
    assert int(printed(events)) >= 1
    notices = [event.text for event in events if isinstance(event, a.Notice)]
    assert notices == ["This agent has the network in its box"]


async def test_p8_without_a_box_that_holds_nothing_is_run(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "clubos_tui.agents.shell.probe", lambda: Holds(False, "no bwrap", "Install it.")
    )
    with pytest.raises(AgentFailed, match="needs a sandbox: no bwrap") as caught:
        await shell.agent("touch ran.txt")
    assert caught.value.cure == "Install it."
    assert list(shell.folder.iterdir()) == []


def test_an_empty_command_line_is_no_agent() -> None:
    with pytest.raises(UsageError, match="there is no agent"):
        require("shell: ")


PLAN = """\
name = "Shell"
agent = { shell = 'mkdir -p made && echo "$PROMPT" | tail -1 > "made/$(ls made | wc -l).txt"' }
[[phase]]
name = "First"
[[phase.action]]
id = "one"
name = "Write one"
prompt = "the first"
[[phase.check]]
name = "there"
kind = "paths"
paths = ["made/0.txt"]
[[phase]]
name = "Second"
[[phase.action]]
id = "two"
name = "Write two"
prompt = "the second"
[[phase.check]]
name = "both there"
kind = "paths"
paths = ["made/*.txt"]
at_least = 2
"""


@needs_box
def test_a_plan_runs_with_it_from_dry_run_to_merge_and_back(repo: Repo, tmp_path: Path) -> None:
    """P1 and P2 with an agent that runs commands: nothing before the yes, exactly that after."""
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    before = repo.tree("HEAD")
    said = inside(repo, "run", "--plan", str(file), "--all")
    assert said.code == 0, said.err
    assert not (repo.root / "made").exists()
    assert "the first" in inside(repo, "diff", "1").out
    done = clubos(repo, "run", "--all", "--live", "--yes")
    assert done.code == 0, done.err
    assert repo.read("made/0.txt") == b"the first\n"
    assert repo.read("made/1.txt") == b"the second\n"
    assert inside(repo, "verify").code == 0
    assert inside(repo, "rollback", "--run", "--yes").code == 0
    assert repo.tree("HEAD") == before
    assert not (repo.root / "made").exists()


@needs_box
def test_p8_an_agent_that_goes_for_the_repository_finds_none(repo: Repo, tmp_path: Path) -> None:
    """The attempt is in the journal: the command line, and that it failed."""
    file = tmp_path / "plan.toml"
    attack = f"git -C {repo.path} reset --hard && rm -rf {repo.path}"
    file.write_text(PLAN.replace("mkdir -p made", f"{attack}; mkdir -p made"))
    repo.write("README.md", "changed and not committed\n")
    before = repo.read("README.md")
    assert inside(repo, "run", "--plan", str(file)).code == 0
    assert repo.read("README.md") == before
    assert attack in inside(repo, "log", "--json").out.replace('\\"', '"')
