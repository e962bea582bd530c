"""The journal: what the chain proves, what a crash leaves, and who may append when."""

import asyncio
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clubos_tui import disk
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change
from clubos_tui.codec import canonical
from clubos_tui.errors import JournalDamaged
from clubos_tui.events import (
    FileDecided,
    JournalRecovered,
    MergeRequested,
    ProposalRequested,
    Proposed,
    Rejected,
    StepFailed,
    UndoRequested,
)
from clubos_tui.journal import GENESIS, Conflict, FileJournal, files, first_record, parse, redact
from clubos_tui.journal.records import seal

EVENTS = (
    ProposalRequested(1, "Ada"),
    Rejected(1, "t" * 40, 1, "nö \ud800", "Ada", (Decision("a\udcff", "reject", "why"),)),
    MergeRequested("Ada"),
    UndoRequested("Ada"),
)
KEY = "sk-ant-" + "a1B2" * 8


@pytest.fixture
def quick(monkeypatch):
    """Leave the flushing out where a test is about bytes and makes hundreds of files."""
    monkeypatch.setattr(os, "fdatasync", lambda _fd: None)
    monkeypatch.setattr(files, "sync_folder", lambda _path: None)


def written(folder, *events):
    """Return a journal of ``events`` and its bytes."""
    kept = FileJournal(str(folder), clock=lambda: "2026-01-02T03:04:05.678Z")
    for event in events:
        kept.append(event)
    return kept, Path(kept.path).read_bytes()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return written(tmp_path_factory.mktemp("sound"), *EVENTS)[1]


def read(data):
    """Read journal bytes as a fresh process would."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "journal.jsonl").write_bytes(data)
        return list(FileJournal(folder).load())


# --- the chain ----------------------------------------------------------------------------------


def test_what_is_appended_is_read_back(tmp_path):
    kept, data = written(tmp_path, *EVENTS)
    again = FileJournal(str(tmp_path)).load()
    assert [record.event for record in again] == list(EVENTS)
    assert [record.seq for record in again] == [1, 2, 3, 4]
    assert list(again) == list(kept.load())
    assert again[-1].hash == kept.head
    assert json.loads(data.splitlines()[0])["prev"] == GENESIS
    assert first_record(kept.path) == again[0]
    assert os.stat(kept.path).st_mode & 0o777 == 0o600


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_p9_any_flipped_bit_is_found(sound, data):
    """Also one that leaves the meaning alone, and one in a line end."""
    at = data.draw(st.integers(0, len(sound) - 1))
    bent = bytearray(sound)
    bent[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(JournalDamaged) as caught:
        read(bytes(bent))
    line = sound.count(b"\n", 0, at) + 1
    assert any(f"record {number}:" in str(caught.value) for number in (line, line + 1))
    assert caught.value.cure


@pytest.mark.parametrize("at", range(len(EVENTS) - 1))
def test_p9_a_removed_line_is_found(sound, at):
    lines = sound.splitlines(keepends=True)
    with pytest.raises(JournalDamaged, match=f"record {at + 1}: the chain does not hold"):
        read(b"".join(lines[:at] + lines[at + 1 :]))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_p9_moved_repeated_and_inserted_lines_are_found(sound, data):
    lines = sound.splitlines(keepends=True)
    one, other = data.draw(st.permutations(range(len(lines))))[:2]
    moved = list(lines)
    moved[one], moved[other] = moved[other], moved[one]
    repeated = [*lines[: one + 1], lines[one], *lines[one + 1 :]]
    inserted = [*lines[:one], data.draw(st.sampled_from([b"\n", b"{}\n", b"[]\n"])), *lines[one:]]
    for bent in (moved, repeated, inserted):
        with pytest.raises(JournalDamaged):
            read(b"".join(bent))


def test_p9_an_edit_with_a_new_hash_breaks_the_next_line(sound):
    """Who forges one line has to forge all that follow, and those are anchored in git."""
    lines = sound.splitlines(keepends=True)
    forged = seal(2, "2026-01-02T03:04:05.678Z", MergeRequested("Eve"),
                           json.loads(lines[0])["hash"])[0]  # fmt: skip
    with pytest.raises(JournalDamaged, match="record 3: the chain does not hold"):
        read(lines[0] + forged + lines[2])


def test_p9_the_chain_alone_does_not_show_a_cut_off_end(sound):
    """Said plainly, because the module promises it and the anchors in git have to do it."""
    lines = sound.splitlines(keepends=True)
    assert len(read(b"".join(lines[:-1]))) == len(EVENTS) - 1


@pytest.mark.parametrize("at", range(len(EVENTS) + 1))
def test_p9_another_runs_line_is_found(sound, tmp_path, at):
    foreign = written(tmp_path, ProposalRequested(2, "Eve"))[1]
    lines = sound.splitlines(keepends=True)
    if at == 0:
        lines[0] = foreign
    else:
        lines.insert(at, foreign)
    with pytest.raises(JournalDamaged):
        read(b"".join(lines))


def test_an_unknown_event_is_damage_with_a_cure(tmp_path):
    """A journal of a newer version is not half understood."""
    fields = {"seq": 1, "at": "now", "type": "from.the.future", "data": {}, "prev": GENESIS}
    body = canonical(fields)
    digest = hashlib.sha256(body).hexdigest()
    line = body[:-1] + b',"hash":"' + digest.encode() + b'"}\n'
    Path(tmp_path, "journal.jsonl").write_bytes(line)
    with pytest.raises(JournalDamaged, match="another version of clubos") as caught:
        FileJournal(str(tmp_path)).load()
    assert "clubos verify" in caught.value.cure
    with pytest.raises(JournalDamaged):
        parse(line)


@pytest.mark.parametrize("how", ["shorter", "gone"])
def test_a_journal_that_shrinks_while_open_stops_everything(tmp_path, how):
    kept, data = written(tmp_path, *EVENTS)
    if how == "gone":
        os.unlink(kept.path)
    else:
        os.truncate(kept.path, len(data) // 2)
    with pytest.raises(JournalDamaged, match="while it was open"):
        kept.load()
    with pytest.raises(JournalDamaged, match="while it was open"):
        kept.append(MergeRequested("Ada"))
    assert how == "shorter" or not os.path.exists(kept.path)


# --- what a crash leaves ------------------------------------------------------------------------


def test_p3_a_torn_tail_is_cut_at_every_byte_and_the_cut_recorded(tmp_path, quick, sound):
    """Whatever part of the last line reached the disk, the whole lines before it stand."""
    lines = sound.splitlines(keepends=True)
    whole = b"".join(lines[:-1])
    for torn in range(1, len(lines[-1])):
        folder = tmp_path / str(torn)
        folder.mkdir()
        Path(folder, "journal.jsonl").write_bytes(whole + lines[-1][:torn])
        kept = FileJournal(str(folder))
        assert [record.event for record in kept.load()] == list(EVENTS[:-1])
        kept.append(UndoRequested("Ada"))
        again = [record.event for record in FileJournal(str(folder)).load()]
        assert again == [*EVENTS[:-1], JournalRecovered(torn), UndoRequested("Ada")]


def test_p3_what_is_appended_together_is_there_together_or_not_at_all(tmp_path, quick):
    """Torn at any byte: the merge and the end of the run are both recorded, or neither."""
    kept, data = written(tmp_path, EVENTS[0])
    kept.append(*EVENTS[1:])
    whole = Path(kept.path).read_bytes()
    for size in range(len(data), len(whole)):
        Path(kept.path).write_bytes(whole[:size])
        torn = FileJournal(str(tmp_path))
        assert [record.event for record in torn.load()] == [EVENTS[0]]
        torn.append(EVENTS[0], EVENTS[1])
        again = [record.event for record in FileJournal(str(tmp_path)).load()]
        cut = [JournalRecovered(size - len(data))] if size > len(data) else []
        assert again == [EVENTS[0], *cut, EVENTS[0], EVENTS[1]]


def test_an_unreadable_journal_is_not_an_absent_one(tmp_path, sound):
    """Else an open run would look like none, and another one could be started."""
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        first_record(str(tmp_path / "journal.jsonl"))


def test_reading_never_cuts(tmp_path, sound):
    """Somebody may be in the middle of writing that line."""
    path = Path(tmp_path, "journal.jsonl")
    path.write_bytes(sound[:-5])
    FileJournal(str(tmp_path)).load()
    assert path.read_bytes() == sound[:-5]


def test_a_cut_makes_an_expected_number_a_conflict(tmp_path, sound):
    Path(tmp_path, "journal.jsonl").write_bytes(sound[:-5])
    kept = FileJournal(str(tmp_path))
    seen = len(kept.load())
    with pytest.raises(Conflict):
        kept.append(UndoRequested("Ada"), expected=seen)
    assert kept.append(UndoRequested("Ada"), expected=kept.seq).seq == seen + 2


def test_damage_that_no_crash_makes_stops_an_append(tmp_path, sound):
    path = Path(tmp_path, "journal.jsonl")
    bent = sound.replace(b"Ada", b"Eve", 1)
    path.write_bytes(bent)
    with pytest.raises(JournalDamaged):
        FileJournal(str(tmp_path)).append(UndoRequested("Ada"))
    assert path.read_bytes() == bent


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_p3_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch, call):
    kept, before = written(tmp_path, *EVENTS)
    real = getattr(os, call)

    def full(fd, *data):
        if data:
            real(fd, data[0][:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space"):
            kept.append(StepFailed("propose", 1, "full"))
    assert Path(kept.path).read_bytes() == before
    assert kept.seq == len(EVENTS)
    kept.append(StepFailed("propose", 1, "full"))
    assert len(FileJournal(str(tmp_path)).load()) == len(EVENTS) + 1


def test_p3_an_append_returns_after_the_flush(tmp_path, monkeypatch):
    """Whoever acts on an event acts after it is on the disk; a new file's name is flushed too."""
    calls = []
    for name in ("write", "fdatasync", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    kept = FileJournal(str(tmp_path))
    kept.append(EVENTS[0])
    assert calls == ["write", "fdatasync", "fsync"]
    calls.clear()
    kept.append(*EVENTS[1:])
    assert calls == ["write", "fdatasync"]
    assert files.sync_folder is disk.sync_folder
    calls.clear()
    kept.append(MergeRequested("Ada"), durable=False)  # a report on which nobody acts
    assert calls == ["write"]
    kept.append(MergeRequested("Ada"))
    assert calls == ["write", "write", "fdatasync"]


# --- who may append -----------------------------------------------------------------------------


def test_a_wrong_expected_number_is_a_conflict_and_writes_nothing(tmp_path):
    kept, before = written(tmp_path, *EVENTS)
    other = FileJournal(str(tmp_path))
    with pytest.raises(Conflict, match="expected 3, the journal is at 4"):
        other.append(MergeRequested("Ada"), expected=3)
    assert Path(kept.path).read_bytes() == before
    assert other.append(MergeRequested("Ada"), expected=4).seq == 5
    with pytest.raises(Conflict):
        kept.append(MergeRequested("Bob"), expected=4)
    assert [record.seq for record in kept.new(4)] == [5]


WRITER = """
import sys
from clubos_tui.events import ProposalRequested
from clubos_tui.journal import Conflict, FileJournal
kept, who = FileJournal(sys.argv[1]), sys.argv[2]
for number in range(1, 41):
    while True:
        kept.load()
        try:
            kept.append(ProposalRequested(number, who), expected=kept.seq)
        except Conflict:
            continue
        break
"""


def test_two_processes_append_without_loss(tmp_path):
    names = ("Ada", "Bob")
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in names
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    records = FileJournal(str(tmp_path)).load()
    assert [record.seq for record in records] == list(range(1, 81))
    for name in names:
        said = [record.event.phase for record in records if record.event.by == name]
        assert said == list(range(1, 41))


async def test_a_watcher_sees_what_is_there_and_what_comes(tmp_path):
    kept, _ = written(tmp_path, *EVENTS[:2])
    seen = []

    async def watch():
        async for record in FileJournal(str(tmp_path)).watch(1):
            seen.append(record.seq)
            if record.seq == 2:
                kept.append(*EVENTS[2:])
            if record.seq == 4:
                return

    await asyncio.wait_for(watch(), 20)
    assert seen == [2, 3, 4]


# --- redaction ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        KEY, "sk-proj-" + "x" * 24, "AKIA" + "A1" * 8, "ghp_" + "a" * 36, "xoxb-1234567890-abc",
        "-----BEGIN RSA PRIVATE KEY-----\nTUlJRXBB\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nTUlJRXBB",
    ],
)  # fmt: skip
def test_p12_a_key_in_somebodys_words_never_reaches_the_log(tmp_path, secret):
    """Neither the file nor this process's own memory holds it, so both fold to one state."""
    said = f'he said "{secret}" \\ twice'
    kept, data = written(tmp_path, StepFailed("propose", 1, said, cure=f"x={secret}"))
    assert secret.encode() not in data.replace(b"\\n", b"\n")
    assert b"TUlJRXBB" not in data
    assert b"[redacted]" in data
    assert kept.load() == FileJournal(str(tmp_path)).load()
    assert redact(f"x {secret}".encode()) == b"x [redacted]"


@pytest.mark.parametrize(
    "name",
    ["docs/task-management-and-scheduling.md", "sk-translation-of-the-manual.md", KEY, "AKIA" * 5],
)
def test_p2_a_path_is_never_redacted(tmp_path, name):
    """A path that looks like a key is still the path that is written."""
    row = Change(name, "create", new_mode="100644", new_blob="b" * 40, action=name)
    events = (
        Proposed(1, 1, "b", "c", (row,), {name: "d"}),
        FileDecided(1, "c", 1, Decision(name, "reject", f"see {KEY}"), "Ada"),
    )
    written(tmp_path, *events)
    proposed, decided = (record.event for record in FileJournal(str(tmp_path)).load())
    assert proposed == events[0]
    assert (decided.decision.path, decided.decision.note) == (name, "see [redacted]")


@pytest.mark.parametrize("word", ["a task-management-and-scheduling tool", "disk-usage-of-all-x"])
def test_an_innocent_word_is_left_alone(word):
    assert redact(word.encode()) == word.encode()


def test_a_folder_that_can_not_be_made_is_the_systems_error(tmp_path):
    Path(tmp_path, "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        FileJournal(str(tmp_path / "file")).append(EVENTS[0])
    shutil.rmtree(tmp_path)
