"""Streams: chatter in groups, read while it grows, vouched for by one SHA-256."""

import hashlib
import os
from pathlib import Path

import pytest

from clubos_tui.streams import UNREADABLE, StreamReader, StreamWriter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "streams" / "1-1-a.jsonl"


def writer(path):
    return StreamWriter(str(path), clock=lambda: "now")


def test_a_group_is_written_when_it_is_full_or_old(path):
    """Thousands of events a second cost a write per group, and nobody waits for the last one."""
    stream = writer(path)
    for number in range(StreamWriter.GROUP - 1):
        stream.write("message", {"text": str(number)}, time=0.0)
    assert path.read_bytes() == b""
    stream.write("message", {"text": "full"}, time=0.0)
    assert path.read_bytes().count(b"\n") == StreamWriter.GROUP
    stream.write("message", {"text": "young"}, time=1.0)
    stream.write("message", {"text": "old"}, time=1.0 + StreamWriter.SECONDS)
    assert path.read_bytes().count(b"\n") == StreamWriter.GROUP + 2
    stream.close()


def test_p9_the_sha256_is_that_of_the_file(path):
    stream = writer(path)
    stream.write("message", {"text": "ä"}, time=0.0)
    digest = stream.close()
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stream.close() == digest
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_closing_flushes_to_the_disk(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    stream = writer(path)
    stream.write("message", {"text": "x"}, time=0.0)
    stream.close()
    assert len(synced) == 1


def test_short_writes_lose_nothing(path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    stream = writer(path)
    stream.write("message", {"text": "long enough"}, time=0.0)
    stream.close()
    assert StreamReader(str(path)).read()[0]["text"] == "long enough"


def test_p12_a_key_in_chatter_never_reaches_the_file(path):
    stream = writer(path)
    key = "ghp_" + "a" * 36
    stream.write("tool", {"title": f"use {key}", "path": "docs/task-" + "a" * 30}, time=0.0)
    stream.write("plan", {"steps": [f"first {key}"]}, time=0.0)
    stream.close()
    assert key.encode() not in path.read_bytes()
    tool, plan = StreamReader(str(path)).read()
    assert (tool["title"], tool["path"]) == ("use [redacted]", "docs/task-" + "a" * 30)
    assert plan["steps"] == ["first [redacted]"]


def test_a_reader_gets_each_event_once_and_no_half_line(path):
    reader = StreamReader(str(path))
    assert reader.read() == []
    path.parent.mkdir()
    with path.open("ab", buffering=0) as file:
        file.write(b'{"a":1}\n{"b"')
        assert reader.read() == [{"a": 1}]
        assert reader.read() == []
        file.write(b":2}\n")
        assert reader.read() == [{"b": 2}]
    assert reader.read() == []


def test_a_reader_takes_a_long_stream_in_batches(path):
    stream = writer(path)
    for number in range(50):
        stream.write("message", {"text": str(number)}, time=0.0)
    stream.write("message", {"text": "x" * 5000}, time=0.0)
    stream.close()
    reader, seen = StreamReader(str(path)), []
    while batch := reader.read(200):
        seen.append(batch)
    assert len(seen) > 5
    texts = [event["text"] for batch in seen for event in batch]
    assert texts == [*map(str, range(50)), "x" * 5000]


@pytest.mark.parametrize("again", [b'{"new":1}\n', b'{"new":"and longer than before"}\n{"c":3}\n'])
def test_a_reader_begins_anew_with_a_stream_that_was_started_anew(path, again):
    """A repeated action withdraws what it said before, be its new stream shorter or longer."""
    path.parent.mkdir()
    path.write_bytes(b'{"old":1}\n{"old":2}\n')
    reader = StreamReader(str(path))
    reader.read()
    path.write_bytes(again)
    assert reader.read() == StreamReader(str(path)).read()


@pytest.mark.parametrize("damage", [b"no json\n", b"[1]\n", b"\xff\xfe\n", b"\n"])
def test_a_damaged_line_costs_its_words_and_no_others(path, damage):
    """It is shown as left out, once, and what comes before and after it is still read."""
    path.parent.mkdir()
    path.write_bytes(b'{"a":1}\n')
    reader = StreamReader(str(path))
    assert reader.read() == [{"a": 1}]
    with path.open("ab") as file:
        file.write(damage + b'{"b":2}\n')
    assert reader.read() == [UNREADABLE, {"b": 2}]
    assert StreamReader(str(path)).read() == [{"a": 1}, UNREADABLE, {"b": 2}]
    assert reader.read() == []


def test_a_writer_starts_its_file_anew(path):
    writer(path).close()
    first = writer(path)
    first.write("message", {"text": "withdrawn"}, time=0.0)
    first.close()
    second = writer(path)
    second.write("message", {"text": "kept"}, time=0.0)
    second.close()
    assert [event["text"] for event in StreamReader(str(path)).read()] == ["kept"]
    assert Path(path).stat().st_size < 100
