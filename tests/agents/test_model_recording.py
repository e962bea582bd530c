"""The recording: gone on with after a kill, and replayed as an agent."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_bench import PLAN, QUICK, Bench, ended, of
from support.model_server import Reply, encoded
from support.scripted_model import call, finish, say, stream, think

from clubos_tui.agents import base as a
from clubos_tui.agents import require
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.agents.claude.recording import Record, Recording, read_records
from clubos_tui.agents.claude.tape import Tape
from clubos_tui.agents.claude.turn import Turn
from clubos_tui.errors import AgentFailed
from clubos_tui.spending import ModelTurn

WHOLE = stream([think("hm"), say("I write."), call("write_file", path="a.txt", content="ä\n")])


def record(number: int = 1, outcome: Any = "answered") -> Record:
    turn = ModelTurn(number, outcome, "m", "p", microcents=3)
    return Record(1, 1, "one", turn, ({"type": "text", "text": "ü"},), ({"x": 1.5},))


def test_a_record_is_found_by_what_it_is(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "deep" / "r.jsonl"))
    names = [recording.add(record(number)) for number in (1, 2, 3)]
    assert [item.turn.number for item in recording.find([names[2], names[0]])] == [3, 1]
    assert recording.missing(["0" * 64, *names]) == ["0" * 64]
    assert os.stat(recording.path).st_mode & 0o777 == 0o600


def test_a_torn_end_costs_only_itself(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "r.jsonl"))
    first = recording.add(record(1))
    with open(recording.path, "ab") as file:
        file.write(b'{"phase": 1, "att')
    second = recording.add(record(2))
    assert [item.turn.number for item in recording.find([first, second])] == [1, 2]
    assert [item.turn.number for item in read_records(recording.path)] == [1, 2]


def test_what_was_changed_is_not_found(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "r.jsonl"))
    names = [recording.add(record(number)) for number in (1, 2)]
    text = Path(recording.path).read_text().replace('"number":2', '"number":7')
    Path(recording.path).write_text(text)
    assert [item.turn.number for item in recording.find(names)] == [1]
    assert recording.missing(names) == names[1:]


def test_answers_that_nobody_was_told_of(tmp_path: Path) -> None:
    recording = Recording(str(tmp_path / "r.jsonl"))
    recording.add(record(1))
    recording.add(record(2, "withdrawn"))
    third = recording.add(record(3))
    recording.add(replace(record(4), attempt=2))
    assert [(name, item.turn.number) for name, item in recording.after(1, 1, 1)] == [(third, 3)]
    assert recording.after(1, 1, 3) == []
    assert Recording(str(tmp_path / "none")).after(1, 1, 0) == []


@given(cut=st.integers(0, len(WHOLE)), piece=st.integers(1, 50))
def test_a_stream_survives_being_put_together(cut: int, piece: int) -> None:
    """What is recorded of it gives the same answer, also of one that broke off."""
    events = stream(
        [think("hm"), say("I wrïte."), call("write_file", path="a", content="x" * 99)], piece=piece
    )[:cut]
    turn = Turn.of(events)
    again = Turn.of(turn.events())
    assert again.events() == turn.events()
    assert again.content() == turn.content()
    assert (again.complete, again.stop_reason, again.tokens) == (
        turn.complete, turn.stop_reason, turn.tokens,
    )  # fmt: skip
    assert [c.raw for c in again.calls] == [c.raw for c in turn.calls]


async def test_an_answer_that_only_the_recording_has_is_not_asked_again(bench: Bench) -> None:
    write = call("write_file", path="a.txt", content="a\n")
    model = bench.script(one=[[write], Reply.error(401, "authentication_error"), [finish("ok")]])
    await bench.ask(await bench.agent())
    bench.turns.clear()  # the journal was not told of any of it
    (bench.folder / "a.txt").unlink()
    events = await bench.ask(await bench.agent())
    assert ended(events).summary == "ok"
    assert len(model.asked) == 3
    told = of(events, a.TurnTaken)
    assert [t.turn.number for t in told] == [1, 2]
    assert (bench.folder / "a.txt").read_text() == "a\n", "what it called is carried out anew"
    assert "1 answer is kept" in of(events, a.Notice)[0].text


async def test_a_recording_that_was_changed_is_not_gone_on_with(bench: Bench) -> None:
    bench.script(one=[[say("so"), call("list_files")], Reply.error(401, "authentication_error")])
    await bench.ask(await bench.agent())
    path = Path(bench.recording)
    path.write_bytes(path.read_bytes().replace(b'"so"', b'"no"'))
    with pytest.raises(AgentFailed, match="does not hold what the journal says") as caught:
        await bench.agent()
    assert "begins a new conversation" in caught.value.cure


# --- replay -------------------------------------------------------------------------------------


async def replayed(bench: Bench, file: str, *actions: str) -> list[list[a.AgentEvent]]:
    """Replay a recording in a workspace of its own; return what came of each action."""
    folder = bench.folder.parent / "again"
    folder.mkdir(exist_ok=True)
    agent = ClaudeAgent(Tape(file), timing=QUICK)
    bench.agents.append(agent)
    await agent.start(
        a.Workspace(str(folder), PLAN, 1, 1, recording=str(folder.parent / "again.jsonl"))
    )
    return [
        [event async for event in agent.prompt(a.Request(action, "Do it."))] for action in actions
    ]


def told(events: list[a.AgentEvent]) -> list[tuple[Any, ...]]:
    """Return what a person was told, whatever it cost and however it was cut."""
    words = "".join(e.text for e in events if isinstance(e, a.MessageChunk | a.ThoughtChunk))
    calls = [(e.title, e.status) for e in of(events, a.ToolCall) if e.status != "in_progress"]
    turns = [(e.turn.outcome, e.turn.error, e.turn.tools) for e in of(events, a.TurnTaken)]
    return [(words,), *calls, *turns, *((e.reason, e.summary) for e in of(events, a.TurnEnded))]


async def test_a_replay_does_all_of_it_again_for_nothing(bench: Bench) -> None:
    body = encoded(WHOLE)
    bench.script(
        one=[Reply(body, cut=len(body) - 200, end="reset"), Reply.of(WHOLE),
             [call("read_file", path="nowhere")], [finish("one", notes_for_reviewer=["n"])]],
        two=[Reply.of(stream([say("half")], "max_tokens")), [say("and half")]],
    )  # fmt: skip
    agent = await bench.agent()
    first = [await bench.ask(agent), await bench.ask(agent, "two")]
    asked = len(bench.server.asked)
    again = await replayed(bench, bench.recording, "one", "two")
    for before, now in zip(first, again, strict=True):
        assert [item[0] for item in told(now)][1:] == [item[0] for item in told(before)][1:]
        assert told(now)[0] == told(before)[0]
    assert (bench.folder.parent / "again" / "a.txt").read_bytes() == "ä\n".encode()
    assert len(bench.server.asked) == asked
    turns = [t.turn for events in again for t in of(events, a.TurnTaken)]
    assert {turn.microcents for turn in turns} == {0}
    assert len(of(again[0], a.TurnReset)) == 1


async def test_a_recording_that_ends_early_says_so(bench: Bench) -> None:
    bench.script(one=[[call("list_files")], [finish()]])
    await bench.ask(await bench.agent())
    short = Path(bench.recording).with_name("short.jsonl")
    short.write_bytes(Path(bench.recording).read_bytes().splitlines(keepends=True)[0])
    end = ended((await replayed(bench, str(short), "one"))[0])
    assert end.reason == "held"
    assert "the recording holds no request 2 for one" in end.error


@pytest.mark.parametrize("text", [None, "", "not JSON\n", '{"a": 1}\n'])
async def test_what_is_no_recording_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "r.jsonl"
    if text is not None:
        file.write_text(text)
    agent = require(f"replay:{file}")()
    with pytest.raises(AgentFailed, match="recording") as caught:
        await agent.start(a.Workspace(str(tmp_path), PLAN, 1, 1))
    assert "clubos recording" in caught.value.cure


async def test_what_was_read_in_an_earlier_action_may_be_replaced_after_a_kill(
    bench: Bench,
) -> None:
    """A file that was not read can't be replaced; one that was read before the kill was read."""
    (bench.folder / "a.txt").write_text("old\n")
    write = call("write_file", path="a.txt", content="new\n")
    bench.script(
        one=[[call("read_file", path="a.txt")], [finish()]],
        two=[[write], Reply.error(401, "authentication_error"), [finish("replaced")]],
    )
    agent = await bench.agent()
    await bench.ask(agent)
    assert ended(await bench.ask(agent, "two")).reason == "held"
    assert (bench.folder / "a.txt").read_text() == "new\n"
    (bench.folder / "a.txt").write_text("old\n")  # as the engine lays it out again
    assert ended(await bench.ask(await bench.agent(), "two")).summary == "replaced"
    assert (bench.folder / "a.txt").read_text() == "new\n"


async def test_an_attempt_goes_on_with_the_model_it_began_with(bench: Bench) -> None:
    model = bench.script(one=[[call("list_files")], Reply.error(402, "billing_error"), [finish()]])
    await bench.ask(await bench.agent())
    events = await bench.ask(await bench.agent(name="claude-sonnet-5-5"))
    assert ended(events).reason == "end_turn"
    assert {asked.body["model"] for _, asked in model.asked} == {"claude-opus-5-5"}
    assert "goes on with claude-opus-5-5" in of(events, a.Notice)[0].text


async def test_a_finish_is_the_last_of_an_answers_calls(bench: Bench) -> None:
    both = [finish("done"), call("write_file", path="a.txt", content="a\n")]
    bench.script(one=[both])
    assert ended(await bench.ask(await bench.agent())).summary == "done"
    assert (bench.folder / "a.txt").exists()
