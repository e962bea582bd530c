"""The conversation with a model, held to a real server on a real socket."""

from __future__ import annotations

from support.model_bench import Bench, ended, of
from support.scripted_model import call, finish, say, think

from clubos_tui.agents import base as a


async def test_an_action_is_carried_out_in_the_workspace(bench: Bench) -> None:
    bench.script(
        one=[
            [think("look first"), call("list_files")],
            [say("I write it."), call("write_file", path="src/a.txt", content="hello\n")],
            [finish("wrote a.txt", notes_for_reviewer=["look at a.txt"], open_questions=["why?"])],
        ]
    )
    events = await bench.ask(await bench.agent())
    end = ended(events)
    assert (end.reason, end.error) == ("end_turn", "")
    assert end.summary == "wrote a.txt\nLook at: look at a.txt\nOpen: why?"
    assert (bench.folder / "src/a.txt").read_text() == "hello\n"
    calls = [(c.title, c.status) for c in of(events, a.ToolCall) if c.status != "pending"]
    done = [pair for pair in calls if pair[1] == "completed"]
    assert done == [("list the workspace", "completed"), ("write src/a.txt", "completed"),
                    ("finish", "completed")]  # fmt: skip
    assert "look first" in "".join(c.text for c in of(events, a.ThoughtChunk))
    assert [t.turn.number for t in of(events, a.TurnTaken)] == [1, 2, 3]
    assert all(t.turn.outcome == "answered" for t in of(events, a.TurnTaken))


async def test_what_is_sent_keeps_its_beginning_and_answers_every_call(bench: Bench) -> None:
    """The server refuses what the API would refuse: it found nothing to refuse."""
    model = bench.script(
        one=[[think("t"), call("list_files"), call("search", pattern="x")], [finish()]],
        two=[[say("nothing to do")]],
    )
    agent = await bench.agent(effort="high")
    assert ended(await bench.ask(agent)).reason == "end_turn"
    events = await bench.ask(agent, "two")
    assert ended(events).summary == "nothing to do"
    body = model.asked[-1][1].body
    assert [m["role"] for m in body["messages"]] == ["user", "assistant"] * 2 + ["user"]
    last = body["messages"][-1]["content"]
    assert [block["type"] for block in last] == ["tool_result", "text"]
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "high"}
    assert body["cache_control"] == {"type": "ephemeral"}
    assert "stream" in body
    assert model.asked[-1][1].headers["authorization"] == "bearer sk-test-0123456789"
