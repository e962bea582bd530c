"""Words that come in pieces: a key is redacted however it is cut, and nothing else is held up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.agents.base import MessageChunk, Notice, ThoughtChunk, ToolCall
from clubos_tui.engine.effects.voice import Voice
from clubos_tui.journal import redaction
from clubos_tui.streams import StreamWriter

KEY = "sup3r-s3cret-value-0123"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(redaction, "_known", ())
    redaction.keep_secret(KEY)


def spoken(path, events):
    writer = StreamWriter(str(path))
    voice = Voice(writer)
    for event in events:
        voice.say(event)
    voice.finish()
    writer.close(durable=False)
    return [json.loads(line) for line in path.read_text().splitlines()]


@given(cuts=st.lists(st.integers(0, 60), max_size=12))
def test_p12_a_key_in_pieces_is_redacted(tmp_path_factory, cuts):
    text = f"the key is {KEY}, sup3r-s3cret is none"
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    pieces = [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    rows = spoken(tmp_path_factory.mktemp("s") / "x", [MessageChunk(piece) for piece in pieces])
    said = "".join(row["text"] for row in rows)
    assert said == "the key is [redacted], sup3r-s3cret is none"


def test_p12_no_field_of_what_an_agent_says_holds_a_key(tmp_path):
    call = ToolCall(KEY, f"cat {KEY}", "execute", "completed", f"d/{KEY}", f"x {KEY}")
    assert KEY not in json.dumps(spoken(tmp_path / "x", [call, Notice(KEY, path=KEY)]))


def test_what_was_kept_back_comes_before_what_follows(tmp_path):
    rows = spoken(tmp_path / "x", [MessageChunk("a sup"), ThoughtChunk("b"), MessageChunk("3r")])
    assert [(row["type"], row["text"]) for row in rows] == [
        ("message", "a "), ("message", "sup"), ("thought", "b"), ("message", "3r")
    ]  # fmt: skip
