"""What every store of a journal holds to: one suite for the file and for PostgreSQL."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading

import pytest

from clubos_tui.changes.decisions import Decision
from clubos_tui.events import (
    Event,
    FileDecided,
    MergeRequested,
    PauseRequested,
    ProposalRequested,
    Rejected,
    StepFailed,
    UndoRequested,
)
from clubos_tui.journal import GENESIS, Conflict, parse

EVENTS: tuple[Event, ...] = (
    ProposalRequested(1, "Ada"),
    Rejected(1, "t" * 40, 1, "nö \ud800\0", "Ada", (Decision("a\udcff", "reject", "why"),)),
    MergeRequested("Ada"),
    UndoRequested("Ada"),
)


def test_p9_what_is_appended_is_read_by_everybody_else(opened):
    kept = opened()
    for event in EVENTS[:2]:
        kept.append(event)
    kept.append(*EVENTS[2:])
    again = opened()
    assert [record.event for record in again.load()] == list(EVENTS)
    assert [record.seq for record in again.load()] == [1, 2, 3, 4]
    assert [record.rest for record in again.load()] == [0, 0, 1, 0]
    assert again.head == kept.head == again.anchor.split(":")[1]
    assert list(kept.load()) == list(again.load())


def test_p9_every_store_keeps_the_very_lines_of_the_file(opened, tmp_path):
    """So that an export is verified without knowing where it was kept."""
    kept = opened()
    kept._clock = lambda: "2026-01-02T03:04:05.678Z"
    kept.append(*EVENTS)
    lines = kept.raw().splitlines()
    assert json.loads(lines[0])["prev"] == GENESIS
    records, head = parse(kept.raw())
    assert head == kept.head
    assert [record.event for record in records] == list(EVENTS)
    from clubos_tui.journal import FileJournal

    file = FileJournal(str(tmp_path / "file"), clock=lambda: "2026-01-02T03:04:05.678Z")
    file.append(*EVENTS)
    assert file.raw() == kept.raw()


def test_who_comes_second_is_told_and_nothing_is_written(opened):
    one, other = opened(), opened()
    one.append(EVENTS[0], expected=0)
    with pytest.raises(Conflict):
        other.append(EVENTS[2], expected=0)
    assert [record.event for record in opened().load()] == [EVENTS[0]]
    assert other.load()[-1].event == EVENTS[0]
    assert other.append(EVENTS[2], expected=1).seq == 2
    with pytest.raises(Conflict):
        one.append(EVENTS[3], expected=1)
    assert one.append(EVENTS[3]).seq == 3  # without an expected number it comes after


def test_appends_from_everywhere_lose_nothing(opened):
    opened().append(EVENTS[0])
    journals = [opened() for _ in range(4)]

    def work(number: int) -> None:
        for step in range(15):
            while True:
                journal = journals[number]
                journal.load()
                try:
                    journal.append(PauseRequested(f"{number}-{step}"), expected=journal.seq)
                except Conflict:
                    continue
                break

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    said = [record.event.by for record in opened().load()[1:]]
    assert len(said) == 60
    for number in range(4):
        mine = [by for by in said if by.startswith(f"{number}-")]
        assert mine == [f"{number}-{step}" for step in range(15)]


async def test_a_watcher_sees_what_is_there_and_what_comes(opened):
    kept, watched = opened(), opened()
    kept.append(*EVENTS[:2])
    seen = []

    async def watch() -> None:
        async for record in watched.watch(1):
            seen.append(record.seq)
            if record.seq == 2:
                await asyncio.to_thread(kept.append, *EVENTS[2:])
            if record.seq == 4:
                return

    await asyncio.wait_for(watch(), 20)
    assert seen == [2, 3, 4]


def test_another_reading_shares_nothing(opened):
    kept = opened()
    kept.append(*EVENTS)
    again = kept.again()
    assert again.seq == 0
    assert list(again.load()) == list(kept.load())
    again.append(MergeRequested("Bob"))
    assert kept.seq == 4


def test_runs_are_apart(opened):
    opened("one").append(EVENTS[0])
    opened("two").append(EVENTS[2])
    assert [record.event for record in opened("one").load()] == [EVENTS[0]]
    assert [record.event for record in opened("two").load()] == [EVENTS[2]]


def test_p12_no_store_holds_a_key(opened):
    key = "sk-ant-" + "a1B2" * 8
    kept = opened()
    kept.append(
        StepFailed("propose", 1, f'he said\n{key} "twice"'),
        FileDecided(1, "c", 1, Decision(key, "reject", key), "Ada"),
    )
    failed, decided = (record.event for record in opened().load())
    assert failed.error == 'he said\n[redacted] "twice"'
    assert (decided.decision.path, decided.decision.note) == (key, "[redacted]")
    assert [record.event for record in kept.load()] == [failed, decided]


def test_what_a_person_edited_is_found_everywhere_or_it_is_not_that(opened):
    opened().append(EVENTS[0])
    data = b"\0any bytes\n" * 100
    sha = hashlib.sha256(data).hexdigest()
    opened().save_edit(sha, data)
    opened().save_edit(sha, data)
    assert opened().saved_edit(sha) == data
    assert opened().saved_edit("0" * 64) is None
    opened().save_edit("1" * 64, data)
    assert opened().saved_edit("1" * 64) is None
