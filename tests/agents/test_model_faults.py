"""Each row of the table of faults: what is tried again, what is withdrawn, what waits for a person.

Nothing of an answer that broke off is ever done, and nothing of it is sent back.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from support.model_bench import QUICK, Bench, ended, of
from support.model_server import Reply, encoded
from support.scripted_model import call, finish, say, stream, think

from clubos_tui.agents import base as a
from clubos_tui.agents.claude.asking import HIGHEST, Timing
from clubos_tui.agents.claude.failures import ATTEMPTS

WRITE = call("write_file", path="a.txt", content="all of it\n")
WHOLE = stream([say("I write now."), WRITE])
DONE = [finish("done")]


def error(status: int, kind: str, **options: Any) -> Reply:
    return Reply.error(status, kind, f"the {kind}", **options)


@pytest.mark.parametrize(
    ("status", "kind", "cure"),
    [
        (400, "invalid_request_error", "report it"),
        (401, "authentication_error", "ANTHROPIC_API_KEY"),
        (402, "billing_error", "billing"),
        (403, "permission_error", "ANTHROPIC_API_KEY"),
        (404, "not_found_error", "claude-opus-5-5"),
        (413, "request_too_large", "smaller"),
    ],
)
async def test_what_asking_again_cannot_mend_is_asked_once(
    bench: Bench, status: int, kind: str, cure: str
) -> None:
    model = bench.script(one=[error(status, kind)])
    events = await bench.ask(await bench.agent())
    end = ended(events)
    assert end.reason == "held"
    assert end.error == f"the {kind} (request req_test)"
    assert cure in end.cure
    assert len(model.asked) == 1
    assert [t.turn.outcome for t in of(events, a.TurnTaken)] == ["withdrawn"]
    assert of(events, a.TurnTaken)[0].turn.microcents == 0
    assert not of(events, a.RetryScheduled)


async def test_a_rate_limit_is_waited_out_in_sight(bench: Bench) -> None:
    wait = {"retry-after": "1"}
    bench.script(one=[error(429, "rate_limit_error"),
                      error(429, "rate_limit_error", headers=wait), DONE])  # fmt: skip
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn"
    tries = of(events, a.RetryScheduled)
    assert [item.attempt for item in tries] == [2, 3]
    assert tries[1].milliseconds >= 1000
    assert tries[0].milliseconds < 1000


async def test_a_long_wait_is_a_persons_decision(bench: Bench) -> None:
    model = bench.script(one=[error(429, "rate_limit_error", headers={"retry-after": "400"})])
    end = ended(await bench.ask(await bench.agent()))
    assert end.reason == "held"
    assert "Wait 7 minutes" in end.cure
    assert len(model.asked) == 1


async def test_a_spend_limit_is_not_waited_for(bench: Bench) -> None:
    body = (b'{"type":"error","error":{"type":"rate_limit_error","message":"spent",'
            b'"error_code":"monthly_spend_limit_reached"}}')  # fmt: skip
    model = bench.script(one=[Reply(body, 429, content_type="application/json")])
    assert ended(await bench.ask(await bench.agent())).reason == "held"
    assert len(model.asked) == 1


OVERLOADED = [
    *WHOLE[:-6],
    {"type": "error", "error": {"type": "overloaded_error", "message": "too much"}},
]
PINGS = Reply(encoded([*WHOLE[:5], *({"type": "ping"} for _ in range(400))]), seed=1, pause=0.01)
BROKEN: dict[str, Reply] = {
    "500": error(500, "api_error"),
    "529": error(529, "overloaded_error"),
    "504": error(504, "timeout_error"),
    "an error event": Reply.of(OVERLOADED),
    "a reset": Reply(encoded(WHOLE), cut=len(encoded(WHOLE)) - 300, end="reset"),
    "a clean end": Reply.of(WHOLE[:-1]),
    "no word": Reply(b"", cut=0, end="silence"),
    "silence": Reply(encoded(WHOLE), cut=600, end="silence"),
    "pings only": PINGS,
    "no JSON": Reply(encoded(WHOLE[:5]) + b'event: content_block_delta\ndata: {"type":\n\n'),
    "nothing": Reply(b""),
    "a hang-up": Reply(b"", cut=0, end="reset"),
    "events out of order": Reply.of([WHOLE[0], *WHOLE[3:]]),
    "tools awaited and none called": Reply.of(stream([say("so")], "tool_use")),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_breaks_off_is_withdrawn_and_asked_again(bench: Bench, name: str) -> None:
    model = bench.script(one=[BROKEN[name], Reply.of(WHOLE), DONE])
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn"
    assert (bench.folder / "a.txt").read_text() == "all of it\n"
    turns = of(events, a.TurnTaken)
    assert [t.turn.outcome for t in turns] == ["withdrawn", "answered", "answered"]
    assert turns[0].turn.error
    assert len(of(events, a.RetryScheduled)) == 1
    first, again = (asked.body["messages"] for _, asked in model.asked[:2])
    assert first == again, "nothing of what broke off is sent back"
    said = ""
    for event in events:  # as a screen does it
        if isinstance(event, a.TurnReset):
            said = ""
        elif isinstance(event, a.MessageChunk):
            said += event.text
    assert said == "I write now."
    assert len(of(events, a.TurnReset)) <= 1
    calls = [c for c in of(events, a.ToolCall) if c.status in {"completed", "failed"}]
    assert [c.title for c in calls] == ["write a.txt", "finish"]


async def test_it_gives_up_after_so_many_tries_and_can_go_on(bench: Bench) -> None:
    model = bench.script(one=[error(529, "overloaded_error")] * (ATTEMPTS + 1))
    agent = await bench.agent(Timing(silence=1, chance=lambda: -1.5))  # half the waits, for us
    events = await bench.ask(agent)
    end = ended(events)
    assert end.reason == "held"
    assert "tried several times" in end.cure
    assert len(model.asked) == ATTEMPTS + 1
    model.script["one"] = [DONE]
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"


async def test_what_is_not_the_api_is_named(bench: Bench) -> None:
    page = Reply(b"<html>Log in to the network</html>", content_type="text/html")
    model = bench.script(one=[page])
    end = ended(await bench.ask(await bench.agent()))
    assert end.reason == "held"
    assert "text/html" in end.error
    assert "captive portal" in end.cure
    assert len(model.asked) == 1


@pytest.mark.parametrize("step", [53, pytest.param(1, marks=pytest.mark.soak)])
async def test_a_cut_at_any_byte_writes_nothing_before_the_whole_came(
    bench: Bench, step: int
) -> None:
    body = encoded(WHOLE)
    place = bench.folder / "a.txt"
    stop = body.rindex(b"data: ") + len(b'data: {"type": "message_stop"}')
    timing = Timing(silence=5, chance=lambda: -1.49)
    for cut in range(0, stop, step):
        place.unlink(missing_ok=True)
        bench.turns.clear()
        bench.attempt += 1
        bench.script(one=[Reply(body, cut=cut, end="reset"), Reply.of(WHOLE), DONE])
        agent = await bench.agent(timing)
        answered = False
        async for event in agent.prompt(a.Request("one", "Do it.")):
            answered = answered or (
                isinstance(event, a.TurnTaken) and event.turn.outcome == "answered"
            )
            assert answered or not place.exists(), cut
        assert place.read_text() == "all of it\n"


@pytest.mark.parametrize(
    "raw",
    ['{"path": "a.txt", "content": "half', '["a.txt"]', '{"path": "a.txt"}', "",
     '{"path": "a.txt", "content": "x", "mode": 7}', '{"path": "a.txt", "content": 5}'],
)  # fmt: skip
async def test_a_call_that_makes_no_sense_is_answered_and_not_done(bench: Bench, raw: str) -> None:
    bad = {**call("write_file"), "raw": raw or " "}
    model = bench.script(one=[Reply.of(stream([bad], "tool_use")), DONE])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    assert list(bench.folder.iterdir()) == []
    sent = model.asked[1][1].body["messages"]
    assert isinstance(sent[-2]["content"][-1]["input"], dict)
    assert sent[-1]["content"][0]["is_error"] is True


async def test_three_calls_in_a_row_that_make_no_sense_are_held(bench: Bench) -> None:
    model = bench.script(one=[[call("no_such_tool")], [call("read_file")], [call("search")]])
    end = ended(await bench.ask(await bench.agent()))
    assert end.reason == "held"
    assert "3 tool calls in a row" in end.error
    model.script["one"] = [DONE]
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn", "going on gives it another chance"


async def test_a_call_cut_off_at_the_limit_is_asked_for_with_more_room(bench: Bench) -> None:
    cut = Reply.of(stream([say("I write"), {**WRITE, "raw": '{"path": "a.txt", "con'}],
                          "max_tokens"))  # fmt: skip
    model = bench.script(one=[cut, Reply.of(WHOLE), DONE])
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn"
    small, large = (asked.body for _, asked in model.asked[:2])
    assert small["messages"] == large["messages"]
    assert large["max_tokens"] == 2 * small["max_tokens"]
    assert len(of(events, a.TurnReset)) == 1


async def test_an_answer_that_is_always_too_long_is_held(bench: Bench) -> None:
    cut = Reply.of(stream([{**WRITE, "raw": '{"path": "a'}], "max_tokens"))
    model = bench.script(one=[cut] * 9)
    end = ended(await bench.ask(await bench.agent()))
    assert end.reason == "held"
    assert f"{HIGHEST:,}" in end.error
    assert [asked.body["max_tokens"] for _, asked in model.asked] == [32_000, 64_000, 128_000]


async def test_words_cut_off_at_the_limit_are_gone_on_with(bench: Bench) -> None:
    model = bench.script(one=[Reply.of(stream([say("I think that")], "max_tokens")), DONE])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    sent = model.asked[1][1].body["messages"]
    assert sent[1] == {"role": "assistant", "content": [{"type": "text", "text": "I think that"}]}
    assert "cut off" in sent[2]["content"][0]["text"]


async def test_a_pause_is_gone_on_with_in_the_same_message(bench: Bench) -> None:
    model = bench.script(one=[Reply.of(stream([say("one moment")], "pause_turn")),
                              [say("and on"), WRITE], DONE])  # fmt: skip
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    paused, last = model.asked[1][1].body["messages"], model.asked[2][1].body["messages"]
    assert [message["role"] for message in paused] == ["user", "assistant"]
    assert [message["role"] for message in last] == ["user", "assistant", "user"]
    assert [block["type"] for block in last[1]["content"]] == ["text", "text", "tool_use"]


@pytest.mark.parametrize(
    ("stop", "reason", "words"),
    [
        ("refusal", "refusal", "cyber"),
        ("model_context_window_exceeded", "failed", "outgrown"),
        ("bored", "failed", "bored"),
    ],
)
async def test_an_end_that_is_no_answer_is_said_and_used_for_nothing(
    bench: Bench, stop: str, reason: str, words: str
) -> None:
    details = {"category": "cyber", "explanation": "it looks like an attack"}
    reply = Reply.of(stream([say("well"), WRITE], stop, details=details))
    bench.script(one=[reply])
    events = await bench.ask(await bench.agent())
    end = ended(events)
    assert end.reason == reason
    assert words in end.error
    assert end.cure
    assert len(of(events, a.TurnReset)) == 1
    assert not (bench.folder / "a.txt").exists()
    taken = of(events, a.TurnTaken)[0].turn
    assert (taken.outcome, taken.stop_reason, taken.estimated) == ("withdrawn", stop, False)
    assert taken.microcents > 0, "it is paid for all the same"


async def test_calls_of_an_answer_that_does_not_wait_for_them_are_not_done(bench: Bench) -> None:
    bench.script(one=[Reply.of(stream([say("so"), WRITE], "end_turn"))], two=[DONE])
    agent = await bench.agent()
    assert ended(await bench.ask(agent)).summary == "so"
    assert not (bench.folder / "a.txt").exists()
    assert ended(await bench.ask(agent, "two")).reason == "end_turn"


async def test_a_finish_beside_a_call_that_failed_is_sent_back(bench: Bench) -> None:
    both = [call("read_file", path="nowhere.txt"), finish("all is well")]
    model = bench.script(one=[both, [finish("it is not there")]])
    end = ended(await bench.ask(await bench.agent()))
    assert end.summary == "it is not there"
    results = model.asked[1][1].body["messages"][-1]["content"]
    assert [item["is_error"] for item in results] == [True, True]


@pytest.mark.parametrize("seed", range(4))
async def test_the_bytes_may_come_in_any_pieces(bench: Bench, seed: int) -> None:
    text = "Grüße, 世界 🌍\r\n\ttab\u2028end\n"
    script = [[think("ö"), say(text), call("write_file", path="ü.txt", content=text)], DONE]
    bench.script(one=[Reply.of(stream(blocks, piece=3), seed=seed) for blocks in script])
    events = await bench.ask(await bench.agent())
    assert ended(events).reason == "end_turn"
    assert (bench.folder / "ü.txt").read_bytes().decode() == text
    assert "".join(c.text for c in of(events, a.MessageChunk)) == text


async def test_half_a_character_stops_nothing(bench: Bench) -> None:
    half = {**call("write_file"), "raw": '{"path": "a.txt", "content": "\\ud800"}'}
    model = bench.script(one=[Reply.of(stream([half], "tool_use")), DONE])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    assert model.asked[1][1].body["messages"][-1]["content"][0]["is_error"] is True


# --- cancelling ---------------------------------------------------------------------------------

WORDS = Reply(encoded(stream([say("word " * 200)])), cut=2_000, end="silence")
MOMENTS = {
    "before the first byte": [Reply(b"", cut=0, end="silence")],
    "among words": [WORDS],
    "in a wait": [error(429, "rate_limit_error", headers={"retry-after": "60"})],
    "in a tool": [[call("search", pattern="x")]],
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_cancel_is_heard_within_a_tenth_of_a_second(
    bench: Bench, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best of three, because a machine may be busy; what it ends with must always hold."""
    from clubos_tui.agents.tools.toolbox import Toolbox

    inside, times = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def slow(self: Toolbox, name: str, raw: str) -> Any:
        loop.call_soon_threadsafe(inside.set)
        time.sleep(0.5)
        return original(self, name, raw)

    original = Toolbox.carry_out
    if moment == "in a tool":
        monkeypatch.setattr(Toolbox, "carry_out", slow)
    for _ in range(3):
        bench.turns.clear()
        bench.attempt += 1
        bench.script(one=list(MOMENTS[moment]))
        agent = await bench.agent(Timing(silence=30, beat=0.01))
        events: list[a.AgentEvent] = []

        async def listen() -> None:
            async for event in agent.prompt(a.Request("one", "Do it.")):  # noqa: B023
                events.append(event)  # noqa: B023

        listening = asyncio.create_task(listen())
        if moment == "in a tool":
            await inside.wait()
            inside.clear()
        else:
            await asyncio.sleep(0.2)
        began = time.monotonic()
        await agent.cancel()
        await listening
        times.append(time.monotonic() - began)
        assert ended(events).reason == "cancelled"
        if moment == "among words":
            taken = of(events, a.TurnTaken)[0].turn
            assert (taken.outcome, taken.estimated) == ("withdrawn", True)
            assert taken.output_tokens > 50
            assert events[-2] == a.TurnReset("cancelled")
            async with asyncio.timeout(5):
                await bench.server.left.wait()
            bench.server.left.clear()
    assert min(times) < 0.1, times


async def test_after_a_cancel_the_conversation_is_still_one_the_api_takes(bench: Bench) -> None:
    bench.script(one=[[call("list_files"), call("list_files")], WORDS], two=[DONE])
    agent = await bench.agent(QUICK)
    asking = asyncio.create_task(bench.ask(agent))
    while len(bench.server.asked) < 2:  # noqa: ASYNC110 - a server sets no event of ours
        await asyncio.sleep(0.005)
    await agent.cancel()
    assert ended(await asking).reason == "cancelled"
    assert ended(await bench.ask(agent, "two")).reason == "end_turn"
