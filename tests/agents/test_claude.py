"""The conversation with a model, held to a real server on a real socket."""

from __future__ import annotations

from support.model_bench import PLAN, Bench, ended, of
from support.model_server import Reply
from support.scripted_model import call, finish, say, stream, think

from clubos_tui.agents import base as a
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.agents.claude.asking import Timing
from clubos_tui.plan import Model


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


async def test_usage_counts_one_prompt_and_the_next_anew(bench: Bench) -> None:
    """1,000 tokens in at $4 and 200 out at $20 a million: 0.8 cents a request."""
    bench.script(one=[[call("list_files")], [finish()]], two=[[finish()]])
    agent = await bench.agent()
    first = of(await bench.ask(agent), a.Usage)[-1]
    assert (first.input_tokens, first.output_tokens, first.microcents) == (2000, 400, 1_600_000)
    second = of(await bench.ask(agent, "two"), a.Usage)[-1]
    assert (second.input_tokens, second.output_tokens, second.microcents) == (1000, 200, 800_000)
    assert not second.estimated


async def test_an_answer_shows_what_it_writes_while_it_comes(bench: Bench) -> None:
    long = call("write_file", path="a.txt", content="word " * 400)
    bench.script(one=[Reply.of(stream([long]), seed=3, pause=0.01), [finish()]])
    events = await bench.ask(await bench.agent())
    seen = [c.detail for c in of(events, a.ToolCall) if c.status == "in_progress"]
    assert len(seen) > 3
    assert all(detail.endswith("characters so far") for detail in seen)
    live = [u for u in of(events, a.Usage) if u.estimated]
    assert live[-2].output_tokens > live[0].output_tokens


async def test_a_server_that_is_not_there_is_named(bench: Bench) -> None:
    agent = ClaudeAgent(timing=Timing(chance=lambda: -1.49))
    bench.agents.append(agent)
    await agent.start(
        a.Workspace(str(bench.folder), PLAN, 1, 1, model=Model(base_url="http://127.0.0.1:9"),
                    recording=bench.recording)
    )  # fmt: skip
    events = await bench.ask(agent)
    assert ended(events).reason == "held"
    assert "the connection failed" in ended(events).error
    assert "connect" in ended(events).error.casefold()
