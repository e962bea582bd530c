"""The real SDK on a real socket: what its raw stream gives is put together whole, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agents.test_turn import ALL, EDIT, USE, WORDS, stream
from support.model_server import Reply, encoded, model_server

from clubos_tui.agents.claude.turn import StreamFault, Turn
from clubos_tui.agents.tools.specs import specs

if TYPE_CHECKING:
    import anthropic

ASK: list[dict[str, Any]] = [{"role": "user", "content": "Change the file."}]


async def ask(client: anthropic.AsyncAnthropic, messages: list[Any]) -> Turn:
    turn = Turn()
    answer = await client.messages.create(
        model="claude-opus-5-5", max_tokens=1000, messages=messages, stream=True,
        tools=specs(commands=False),  # type: ignore[arg-type]
    )  # fmt: skip
    async for event in answer:
        for _ in turn.feed(event.to_dict()):
            pass
    return turn


@pytest.mark.parametrize("seed", range(8))
async def test_the_sdk_gives_the_same_answer_however_the_bytes_come(client: Any, seed: int) -> None:
    async with model_server(Reply.of(stream(ALL, cuts=(3, 40)), seed=seed)) as server:
        turn = await ask(client(server), ASK)
        assert turn.complete
        assert turn.content() == ALL
        assert [call.name for call in turn.calls] == ["edit_file", "list_files"]
        assert server.asked[0].path == "/v1/messages"


async def test_an_answer_with_its_results_is_accepted_as_the_next_request(client: Any) -> None:
    """Thoughts go back unchanged, each call is answered, the beginning stays as it was."""
    import anthropic

    replies = Reply.of(stream(ALL)), Reply.of(stream([WORDS], "end_turn"))
    async with model_server(*replies) as server:
        speaker = client(server)
        first = await ask(speaker, ASK)
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "done"}
            for call in first.calls
        ]
        answered = [{"role": "assistant", "content": first.content()},
                    {"role": "user", "content": results}]  # fmt: skip
        second = await ask(speaker, [*ASK, *answered])
        assert second.stop_reason == "end_turn"
        assert server.asked[1].body["messages"][1]["content"] == ALL
        with pytest.raises(anthropic.BadRequestError, match="answered"):
            await ask(speaker, [*ASK, answered[0], ASK[0]])


@pytest.mark.parametrize("step", [37, pytest.param(1, marks=pytest.mark.soak)])
async def test_a_stream_cut_at_any_byte_is_never_an_answer(client: Any, step: int) -> None:
    import httpx2

    events = stream([WORDS, USE], cuts=(9,))
    body = encoded(events)
    stop = body.rindex(b"data: ") + len(b'data: {"type": "message_stop"}')
    async with model_server() as server:
        speaker = client(server)
        for cut in range(0, stop, step):
            for end in ("clean", "reset"):
                server.replies = [Reply(body, cut=cut, end=end)]  # type: ignore[arg-type]
                try:
                    turn = await ask(speaker, ASK)
                except (StreamFault, httpx2.HTTPError, ValueError, AssertionError):
                    continue
                assert not turn.complete, (cut, end)
                assert turn.calls == []


async def test_a_tool_input_that_ends_early_stays_what_it_is(client: Any) -> None:
    """The SDK's own reading would make a shorter list of edits of it."""
    events = stream([USE])
    for event in events:
        if event.get("delta", {}).get("partial_json"):
            event["delta"]["partial_json"] = event["delta"]["partial_json"][:-30]
    async with model_server(Reply.of(events)) as server:
        turn = await ask(client(server), ASK)
        assert turn.calls[0].raw.startswith('{"path": "a.py"')
        assert not turn.calls[0].raw.endswith("}")
        assert EDIT["edits"][1]["new"] not in turn.calls[0].raw


async def test_refusals_of_the_api_come_as_what_they_are(client: Any) -> None:
    import anthropic

    kinds = [
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ]
    async with model_server() as server:
        speaker = client(server)
        for status, kind, expected in kinds:
            server.replies = [Reply.error(status, kind, headers={"retry-after": "7"})]
            with pytest.raises(expected) as found:
                await ask(speaker, ASK)
            assert found.value.status_code == status
            assert found.value.response.headers["retry-after"] == "7"
        overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
        server.replies = [Reply.of([*stream(ALL)[:5], overloaded])]
        with pytest.raises((anthropic.APIStatusError, StreamFault)):
            await ask(speaker, ASK)
