"""An answer from its stream: the same for every way to cut it in pieces, and nothing of a part."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.agents.base import MessageChunk, ThoughtChunk, ToolCall
from clubos_tui.agents.claude.money import Tokens
from clubos_tui.agents.claude.turn import Call, StreamFault, Turn

Event = dict[str, Any]

THOUGHT = {"type": "thinking", "thinking": "First look, then do é.", "signature": "c2lnbmF0dXJl"}
HIDDEN = {"type": "redacted_thinking", "data": "AAAA"}
WORDS = {"type": "text", "text": "I read the file and change 日本語 in it."}
EDIT = {"path": "a.py", "edits": [{"old": "x\n", "new": "y\u2028"}, {"old": "1", "new": "2"}]}
USE = {"type": "tool_use", "id": "toolu_1", "name": "edit_file", "input": EDIT}
OTHER = {"type": "tool_use", "id": "toolu_2", "name": "list_files", "input": {}}


def pieces(text: str, cuts: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(edges)] or [""]


def block(index: int, whole: Event, cuts: list[int]) -> list[Event]:
    """Return the events of one block, its text or input cut in pieces."""
    kind, start, deltas = whole["type"], dict(whole), []
    if kind == "tool_use":
        start["input"] = {}
        raw = json.dumps(whole["input"], ensure_ascii=False)
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in pieces(raw, cuts)]
        deltas.insert(0, {"type": "input_json_delta", "partial_json": ""})
    elif kind in ("text", "thinking"):
        start[kind] = ""
        deltas = [{"type": f"{kind}_delta", kind: part} for part in pieces(whole[kind], cuts)]
        if kind == "thinking":
            start["signature"] = ""
            signed = pieces(whole["signature"], cuts)
            deltas += [{"type": "signature_delta", "signature": part} for part in signed]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def stream(
    blocks: list[Event], reason: str | None = "tool_use", cuts: tuple[int, ...] = ()
) -> list[Event]:
    """Return the events of a whole answer."""
    message = {"id": "msg_1", "model": "claude-opus-5-5", "role": "assistant", "content": [],
               "usage": {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 300,
                         "cache_creation_input_tokens": 50,
                         "cache_creation": {"ephemeral_1h_input_tokens": 20}}}  # fmt: skip
    out: list[Event] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, whole in enumerate(blocks):
        out += block(index, whole, list(cuts))
    end = {"stop_reason": reason, "stop_sequence": None}
    return [
        *out,
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 77}},
        {"type": "message_stop"},
    ]


def read(events: list[Event]) -> tuple[Turn, list[object]]:
    turn, seen = Turn(), []
    for event in events:
        seen += turn.feed(event)
    return turn, seen


ALL = [THOUGHT, HIDDEN, WORDS, USE, OTHER]


@given(st.lists(st.integers(0, 200), max_size=30))
def test_an_answer_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    turn, seen = read(stream(ALL, cuts=tuple(cuts)))
    assert turn.complete
    assert turn.content() == ALL
    assert turn.calls == [
        Call("toolu_1", "edit_file", json.dumps(EDIT, ensure_ascii=False)),
        Call("toolu_2", "list_files", "{}"),
    ]
    assert turn.text == WORDS["text"]
    assert "".join(e.text for e in seen if isinstance(e, MessageChunk)) == WORDS["text"]
    assert "".join(e.text for e in seen if isinstance(e, ThoughtChunk)) == THOUGHT["thinking"]
    assert [e.id for e in seen if isinstance(e, ToolCall)] == ["toolu_1", "toolu_2"]
    assert turn.tokens == Tokens(10, 77, 300, 30, 20)
    assert (turn.id, turn.model) == ("msg_1", "claude-opus-5-5")


def test_a_stream_that_ends_early_is_no_answer_wherever_it_ends() -> None:
    events = stream(ALL, cuts=(5, 9))
    for end in range(len(events)):
        turn, _ = read(events[:end])
        assert not turn.complete
        assert turn.calls == []


@pytest.mark.parametrize(
    "reason", ["end_turn", "max_tokens", "pause_turn", "refusal", "stop_sequence", "something_new"]
)
def test_tools_are_called_only_when_the_answer_waits_for_them(reason: str) -> None:
    turn, _ = read(stream(ALL, reason))
    assert turn.complete
    assert turn.stop_reason == reason
    assert turn.calls == []


def test_a_cut_off_input_is_not_taken_for_a_shorter_one() -> None:
    events = stream([USE])
    raw = json.dumps(EDIT)
    for event in events:
        if event.get("delta", {}).get("partial_json"):
            event["delta"]["partial_json"] = raw[:-20]
    turn, _ = read(events)
    assert turn.calls == [Call("toolu_1", "edit_file", raw[:-20])]
    assert turn.content() == [{**USE, "input": {}}]


@pytest.mark.parametrize("raw", ["[1]", "3", "null", '"x"', "{", "[" * 100_000])
def test_what_is_sent_back_is_always_an_object(raw: str) -> None:
    events = stream([USE])
    for event in events:
        if event.get("delta", {}).get("partial_json"):
            event["delta"]["partial_json"] = raw
    assert read(events)[0].content()[0]["input"] == {}


def test_an_error_in_the_stream_has_the_words_of_the_api() -> None:
    events = stream(ALL)[:6]
    error = {"type": "overloaded_error", "message": "Overloaded"}
    with pytest.raises(StreamFault, match="Overloaded") as found:
        read([*events, {"type": "error", "error": error}])
    assert found.value.kind == "overloaded_error"


def test_what_is_not_known_is_let_pass() -> None:
    events = stream([WORDS], "end_turn")
    events.insert(1, {"type": "something_new", "data": 1})
    new = {"type": "new_block", "payload": [1, 2]}
    events[-2:-2] = [
        {"type": "content_block_start", "index": 1, "content_block": new},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "new_delta", "x": 1}},
        {"type": "content_block_stop", "index": 1},
    ]
    turn, _ = read(events)
    assert turn.complete
    assert turn.content() == [WORDS, new]


@given(st.data())
def test_events_out_of_order_are_a_fault_or_a_whole_answer(data: st.DataObject) -> None:
    events = stream([WORDS, USE], cuts=(7,))
    kind = data.draw(st.sampled_from(["drop", "double", "swap", "spoil"]))
    at = data.draw(st.integers(0, len(events) - 2))
    if kind == "drop":
        del events[at]
    elif kind == "double":
        events.insert(at, events[at])
    elif kind == "swap":
        events[at], events[at + 1] = events[at + 1], events[at]
    else:
        spoiled = dict(events[at])
        field = data.draw(st.sampled_from(sorted(spoiled)))
        spoiled[field] = data.draw(st.sampled_from([None, 7, "x", [], {}]))
        events[at] = spoiled
    with suppress(StreamFault):
        turn, _ = read(events)
        turn.content()
        assert len(turn.calls) <= 1


def test_an_empty_text_block_is_not_sent_back() -> None:
    turn, _ = read(stream([{"type": "text", "text": ""}, OTHER]))
    assert turn.content() == [OTHER]


def test_an_input_is_not_read_while_it_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading what there is at each fragment would cost time by the square of its length."""
    events = stream(
        [{**USE, "input": {"content": "x" * 100_000}}], cuts=tuple(range(0, 100_000, 9))
    )

    def never(*_: object) -> None:
        raise AssertionError("read before it is whole")

    with monkeypatch.context() as change:
        change.setattr(json, "loads", never)
        turn, _ = read(events)
    assert len(turn.calls[0].raw) > 100_000
