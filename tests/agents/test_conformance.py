"""What every agent owes the engine, whoever is behind it."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from support.model_server import Reply, model_server
from support.scripted_model import call, finish, say, stream

from clubos_tui.agents import KNOWN, require
from clubos_tui.agents.base import Request, ToolCall, TurnEnded, Workspace, decode, encode
from clubos_tui.errors import UsageError, exit_code
from clubos_tui.plan import Action, Model, Phase, Plan

FILES = {"a.txt": b"a", "deep/b.txt": b"b\0", "deep/c.txt": b"c"}


@asynccontextmanager
async def blueprint(tmp_path):
    """Yield the blueprint agent; its action `write` makes :data:`FILES`."""
    home = tmp_path / "beside"
    for path, data in FILES.items():
        place = home / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    yield require("blueprint")(), plan(str(home)), Model()


@asynccontextmanager
async def claude(_tmp_path):
    """Yield Claude, with a model that writes :data:`FILES` one by one."""

    def answer(asked):
        last = asked.body["messages"][-1]["content"]
        asked_anew = any(block["type"] == "text" for block in last)
        done = written[:] if not asked_anew else []
        written[:] = [*done, list(FILES)[len(done)]] if len(done) < len(FILES) else []
        if not written:
            return Reply.of(stream([finish()]))
        path = written[-1]
        return Reply.of(stream([say("so"), call("write_file", path=path,
                                                content=FILES[path].decode())]))  # fmt: skip

    written = []
    async with model_server() as server:
        server.answer = answer
        yield require("claude")(), plan(""), Model(base_url=server.url)


def plan(home):
    """Return a plan of one action."""
    return Plan("P", phase=(Phase("One", action=(Action("write", "Write", "", "files"),)),),
                home=home)  # fmt: skip


# Who joins adds a function here that makes its agent write FILES for the action `write`.
AGENTS = {"blueprint": blueprint, "claude": claude}


@pytest.fixture(params=AGENTS)
async def agent(request, tmp_path, key):
    (tmp_path / "beside").mkdir()
    folder = tmp_path / "workspace"
    folder.mkdir()
    async with AGENTS[request.param](tmp_path) as (made, of_plan, model):
        recording = str(tmp_path.parent / f"{tmp_path.name}-run" / "recording.jsonl")
        await made.start(Workspace(str(folder), of_plan, 1, 1, model=model, recording=recording))
        made.folder = folder
        yield made
        await made.aclose()
        await made.aclose()


async def turn(agent, action="write"):
    return [event async for event in agent.prompt(Request(action, "Write the files"))]


def files_of(folder):
    return {
        os.path.relpath(os.path.join(top, name), folder)
        for top, _, names in os.walk(folder)
        for name in names
    }


def test_every_known_agent_is_held_to_this():
    assert set(AGENTS) == set(KNOWN)


async def test_a_turn_ends_exactly_once_and_last(agent):
    events = await turn(agent)
    assert [event for event in events if isinstance(event, TurnEnded)] == [events[-1]]
    assert events[-1].reason == "end_turn"
    assert not events[-1].error


async def test_it_writes_its_files_and_nothing_outside(agent, tmp_path):
    before = files_of(tmp_path / "beside")
    await turn(agent)
    assert files_of(agent.folder) == set(FILES)
    for path, data in FILES.items():
        assert (agent.folder / path).read_bytes() == data
    assert files_of(tmp_path / "beside") == before
    assert sorted(os.listdir(tmp_path)) == ["beside", "home", "workspace"]


async def test_tool_calls_begin_and_end_in_order(agent):
    """Whoever watches knows of every call whether it is still under way."""
    open_calls, seen = [], []
    for event in await turn(agent):
        if not isinstance(event, ToolCall):
            continue
        if event.status in {"pending", "in_progress"}:
            if event.id not in open_calls:
                assert event.id not in seen, "an id names one call"
                open_calls.append(event.id)
                seen.append(event.id)
        else:
            open_calls.remove(event.id)
    assert seen
    assert not open_calls


async def test_every_event_survives_its_stream(agent):
    for event in await turn(agent):
        tag, data = encode(event)
        assert decode({"at": "now", "type": tag, **data}) == event


async def test_a_second_turn_is_a_turn_of_its_own(agent):
    await turn(agent)
    events = await turn(agent)
    assert events[-1].reason == "end_turn"
    assert files_of(agent.folder) == set(FILES)


async def test_a_cancelled_turn_says_so_and_ends(agent):
    events = []
    async with asyncio.timeout(30):
        async for event in agent.prompt(Request("write", "Write")):
            events.append(event)
            if isinstance(event, ToolCall) and event.status == "completed":
                await agent.cancel()
    assert events[-1] == TurnEnded("cancelled")
    assert len(files_of(agent.folder)) < len(FILES)
    assert (await turn(agent))[-1].reason == "end_turn", "the next turn is not cancelled"


async def test_cancelling_nothing_is_harmless(agent):
    await agent.cancel()
    await turn(agent)
    await agent.cancel()


def test_an_unknown_agent_is_named_with_those_there_are():
    with pytest.raises(UsageError, match="Did you mean 'blueprint'") as caught:
        require("bluprint")
    assert "blueprint" in caught.value.cure
    assert exit_code(caught.value) == 2
