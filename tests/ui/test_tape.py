"""A run as a tape: after each event exactly the state that its records fold to, forth and back."""

import json
from pathlib import Path

import pytest
from support import agents
from test_store import ACTION, ATTEMPT, DONE, PROPOSAL, PROPOSED, START

from clubos_tui import events as e
from clubos_tui.agents import base as a
from clubos_tui.changes.decisions import Decision
from clubos_tui.engine.copying import copied
from clubos_tui.engine.fold import apply, fold
from clubos_tui.journal import Record
from clubos_tui.ui import tape as tapes
from clubos_tui.ui.tape import Tape

SECOND = "2026-01-02T03:04:{:02}.{:03}Z"


def at(seconds: float) -> str:
    return SECOND.format(int(seconds), round(seconds % 1 * 1000))


def tape_of(records, moves_of=str) -> Tape:
    tape = Tape(moves_of)
    tape.extend(records)
    return tape


def stand(tape: Tape):
    """All that the screen takes from a tape."""
    store = tape.store
    own = {name: value for name, value in vars(store).items() if name not in {"_new", "_speech"}}
    return copied(own), tape.lines[: tape.count], list(tape.withdrawn), tape.time


@pytest.fixture
def whole(journey):
    """A run with everything in it: two attempts, decisions, a merge, a rollback and its undo."""
    files = (agents.write(f"one/{number}.txt", "x\n") for number in range(3))
    run = journey(agents.all_of(*files), agents.write("two.txt", "y\n"))
    run.propose(1)
    first = run.phase(1)
    run.run.decide_file(1, "one/1.txt", "reject", by="Pat")
    run.run.undo_decision(1, by="Pat")
    run.run.reject(1, first.change_set, first.attempt, reason="no", by="Pat")
    run.live().merge().roll_back(2).undo()
    return run


@pytest.mark.parametrize("every", [1, 7, 10_000])
def test_each_event_forth_and_back_is_the_fold_of_its_records(whole, monkeypatch, every):
    """Whatever is kept on the way; the screen beside the state, too, is the same again."""
    monkeypatch.setattr(tapes, "EVERY", every)
    records = whole.run.journal.load()
    paths = whole.session.paths
    tape = tape_of(records, lambda name: paths.stream(whole.run.id, f"{name}.jsonl"))
    seen = {}
    view = None
    for number, record in enumerate(records, 1):
        view = apply(view, record.event)
        assert tape.go(number)
        assert (tape.at, tape.heard) == (number, 0)
        assert tape.view == view
        seen[number] = stand(tape)
    for number in range(len(records), 0, -1):
        tape.go(number)
        assert stand(tape) == seen[number], number
    for number in (len(records), 2, len(records) // 2, 3, 3):  # and by leaps
        tape.go(number)
        assert stand(tape) == seen[number], number
    assert seen[len(records)][0]["view"] == fold(record.event for record in records)
    assert "doing p1" in [line.text for line in tape.lines]
    assert any("created two.txt" in line.text for line in tape.lines)


def test_the_turning_points_are_those_of_the_run(whole):
    tape = tape_of(whole.run.journal.load())
    kinds = [type(tape.records[number - 1].event) for number in tape.turns]
    assert kinds[:3] == [e.Proposed, e.Rejected, e.Proposed]
    assert kinds[3:6] == [e.Approved, e.Executed, e.Validated]
    assert {e.Merged, e.RolledBack, e.Undone} <= set(kinds)


# --- what was said in between -------------------------------------------------------------------


def spoken(path: Path, *words: tuple[float, str]) -> str:
    """Write a stream; a number is the second at which something was said."""
    lines = []
    for when, text in words:
        tag, data = a.encode(a.MessageChunk(text + "\n"))
        lines.append(json.dumps({"at": at(when), "type": tag, **data}) + "\n")
    path.write_text("".join(lines))
    return str(path)


def recorded(*events: tuple[float, e.Event]) -> list[Record]:
    return [Record(number, at(when), event, "") for number, (when, event) in enumerate(events, 1)]


def said(tape: Tape) -> list[str]:
    return [line.text for line in tape.lines[: tape.count] if line.text in {"one", "two", "three"}]


def action(path: Path, *words: tuple[float, str]) -> list[Record]:
    stream = spoken(path, *words)
    started = e.ActionStarted(1, 1, "act", stream)
    asked = e.PermissionAsked(1, 1, "act", "p", "network", "May I?", "")
    return recorded(
        (0, START), (1, e.ProposalRequested(1, "Ada")), (2, ATTEMPT), (3, started), (5, asked),
        (9, DONE), (9.5, PROPOSED),
    )  # fmt: skip


def test_chatter_is_in_step_with_the_events(tmp_path):
    tape = tape_of(action(tmp_path / "s", (4, "one"), (5, "two"), (6, "three")))
    tape.go(4)
    assert said(tape) == []
    tape.go(5)
    assert said(tape) == ["one", "two"]  # a word comes before the event it led to
    tape.go(6)
    assert said(tape) == ["one", "two", "three"]
    tape.go(4)
    assert said(tape) == []


def test_between_two_events_words_come_one_by_one(tmp_path):
    tape = tape_of(action(tmp_path / "s", (4, "one"), (6, "two"), (7, "three")))
    tape.go(5)
    start = tape.time
    assert tape.upcoming() - start == 1
    tape.advance()
    assert (said(tape), tape.at, tape.heard) == (["one", "two"], 5, 1)
    assert tape.upcoming() - start == 2
    tape.go(5)  # back to the event itself
    assert (said(tape), tape.heard) == (["one"], 0)


def test_words_of_a_later_start_are_not_heard_at_the_first(tmp_path):
    """The file of an action that was started anew holds only what was said then."""
    stream = spoken(tmp_path / "s", (7, "two"))
    started = e.ActionStarted(1, 1, "act", stream)
    records = recorded(
        (0, START), (1, e.ProposalRequested(1, "Ada")), (2, ATTEMPT), (3, started),
        (5, e.Paused("run action", 1, "Ada")), (5.5, e.ProposalRequested(1, "Ada")),
        (6, started), (8, DONE),
    )  # fmt: skip
    tape = tape_of(records)
    tape.go(7)
    assert said(tape) == []
    tape.go(8)
    assert said(tape) == ["two"]


def test_all_of_an_action_is_said_by_its_end_whatever_the_clocks_say(tmp_path):
    tape = tape_of(action(tmp_path / "s", (4, "one"), (30, "two")))
    tape.go(6)
    assert said(tape) == ["one", "two"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\n{\n", b'{"at":"never","type":"x"}\n'])
def test_a_stream_that_is_gone_or_damaged_costs_only_its_words(tmp_path, content):
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    records = recorded(*enumerate((START, *PROPOSAL[1:3])), (5, e.ActionStarted(1, 1, "act", str(
        tmp_path / "s"))), (6, DONE))  # fmt: skip
    tape = tape_of(records)
    assert tape.go(len(records))
    assert tape.view == fold(record.event for record in records)


def test_a_tape_that_grows_goes_on_where_it_stood(tmp_path):
    records = action(tmp_path / "s", (4, "one"))
    tape = tape_of(records[:5])
    assert not tape.go(6)
    assert tape.at == 5
    assert tape.upcoming() is None
    tape.extend(records[5:])
    assert tape.go(6)


def test_a_leap_can_be_made_in_pieces():
    decided = e.Decided(1, "n" * 40, 1, (Decision("x", "accept"),), "Ada")
    records = recorded(*((number % 60, event) for number, event in enumerate(
        (START, *PROPOSAL[1:], *[decided] * 500))))  # fmt: skip
    tape = tape_of(records)
    pieces = 0
    while not tape.go(len(records), deadline=0.0):  # over at once
        pieces += 1
        assert pieces <= len(records)
    assert pieces == len(records) - 1
    assert tape.view == fold(record.event for record in records)


# --- a copy of a state --------------------------------------------------------------------------


def test_what_folding_changes_is_copied_and_what_never_changes_is_shared():
    view = fold((*PROPOSAL, e.Decided(1, "n" * 40, 1, (Decision("x", "reject"),), "Ada")))
    kept, before = copied(view), copied(view)
    assert kept == view
    assert kept.phase(1).manifest is view.phase(1).manifest
    for event in (
        e.DecisionUndone(1, "n" * 40, 1, "Ada"),
        e.Rejected(1, "n" * 40, 1, "no", "Ada"),
        e.ProposalRequested(1, "Ada"),
        ATTEMPT,
        ACTION,
    ):
        view = apply(view, event)
    assert kept == before
    assert kept != view
    assert kept.phase(1).draft.rejecting == {"x"}


def test_what_is_one_thing_twice_stays_one_in_a_copy():
    """A rejected draft is the phase's draft and the judged one."""
    view = fold((*PROPOSAL, e.Rejected(1, "n" * 40, 1, "no", "Ada")))
    kept = copied(view)
    assert kept.phase(1).judged is kept.phase(1).draft
    assert kept.phase(1).draft is not view.phase(1).draft
