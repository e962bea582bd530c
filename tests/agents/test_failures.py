"""Each way a request can fail, made by a real server and told by the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from agents.test_model_stream import ASK, ask
from agents.test_turn import WORDS, stream
from hypothesis import given
from hypothesis import strategies as st
from support.model_server import Reply, model_server

from clubos_tui.agents.claude.failures import (
    ATTEMPTS,
    LONGEST_WAIT,
    Failure,
    delay,
    failure_of,
)

ANSWER = stream([WORDS], "end_turn")
LIMIT = b'"error_code": "org_spend_limit_reached", "message"'
IN_STREAM = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
ODD = b"event: message_start\ndata: {not json\n\n"
CASES: list[tuple[str, Reply, str, bool]] = [
    ("400", Reply.error(400, "invalid_request_error"), "invalid_request_error", False),
    ("401", Reply.error(401, "authentication_error"), "authentication_error", False),
    ("402", Reply.error(402, "billing_error"), "billing_error", False),
    ("403", Reply.error(403, "permission_error"), "permission_error", False),
    ("404", Reply.error(404, "not_found_error"), "not_found_error", False),
    ("413", Reply.error(413, "request_too_large"), "request_too_large", False),
    ("429", Reply.error(429, "rate_limit_error"), "rate_limit_error", True),
    ("500", Reply.error(500, "api_error"), "api_error", True),
    ("504", Reply.error(504, "timeout_error"), "timeout_error", True),
    ("529", Reply.error(529, "overloaded_error"), "overloaded_error", True),
    ("502 of a proxy", Reply(b"<html>", 502, content_type="text/html"), "api_error", True),
    ("418", Reply(b"teapot", 418, content_type="text/plain"), "invalid_request_error", False),
    ("an error event", Reply.of([*ANSWER[:4], IN_STREAM]), "overloaded_error", True),
    ("a reset", Reply.of(ANSWER, cut=300, end="reset"), "connection", True),
    ("a reset at once", Reply.of(ANSWER, cut=0, end="reset"), "connection", True),
    ("no JSON", Reply(ODD), "connection", True),
    ("out of order", Reply.of(ANSWER[2:]), "malformed_stream", True),
]


@pytest.mark.parametrize(
    ("reply", "kind", "passing"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_each_failure_is_told_by_its_name(
    client: Any,
    reply: Reply,
    kind: str,
    passing: bool,
) -> None:
    async with model_server(reply) as server:
        with pytest.raises(Exception) as found:
            await ask(client(server), ASK)
    failure = failure_of(found.value)
    assert failure, repr(found.value)
    assert (failure.kind, failure.passing) == (kind, passing)
    assert failure.message
    assert failure.cure
    if reply.status != 200:
        assert failure.request_id == "req_test"
        assert "req_test" in str(failure)


async def test_nobody_there_is_a_connection_that_failed(client: Any) -> None:
    async with model_server() as server:
        pass  # its port is free again
    with pytest.raises(Exception) as found:
        await ask(client(server), ASK)
    failure = failure_of(found.value)
    assert failure
    assert failure.kind == "connection"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-1", None), ("nan", None), ("inf", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
async def test_the_time_the_api_asks_for_is_kept(
    client: Any,
    value: str,
    seconds: float | None,
) -> None:
    reply = Reply.error(429, "rate_limit_error", headers={"retry-after": value})
    async with model_server(reply) as server:
        with pytest.raises(Exception) as found:
            await ask(client(server), ASK)
    failure = failure_of(found.value)
    assert failure
    assert failure.after == seconds


async def test_a_spend_limit_is_not_waited_for(client: Any) -> None:
    reply = Reply.error(429, "rate_limit_error")
    reply.body = reply.body.replace(
        b'"message"', b'"error_code": "org_spend_limit_reached", "message"'
    )
    async with model_server(reply) as server:
        with pytest.raises(Exception) as found:
            await ask(client(server), ASK)
    failure = failure_of(found.value)
    assert failure
    assert (failure.kind, failure.passing) == ("billing_error", False)


def test_a_fault_of_ours_is_not_taken_for_the_networks() -> None:
    assert failure_of(ZeroDivisionError()) is None
    assert failure_of(KeyError("x")) is None
    assert failure_of(TimeoutError())


@given(st.integers(1, 20), st.floats(0, 1), st.none() | st.floats(0, 10_000))
def test_waits_grow_are_bounded_and_never_shorter_than_asked_for(
    attempt: int, chance: float, after: float | None
) -> None:
    failure = Failure("overloaded_error", "busy", "", passing=True, after=after)
    wait = delay(failure, attempt, chance=lambda: chance)
    if attempt > ATTEMPTS or (after or 0) > LONGEST_WAIT:
        assert wait is None
        return
    assert wait is not None
    assert wait >= (after or 0)
    assert wait <= max(45.0, after or 0)
    assert delay(Failure("x", "", "", passing=False), attempt) is None
