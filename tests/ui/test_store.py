"""The store and the panes made of it: pure, from hand-made records."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clubos_tui import events as e
from clubos_tui.agents import base as a
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change
from clubos_tui.engine.fold import apply
from clubos_tui.journal import Record
from clubos_tui.plan import Action, Phase, Plan
from clubos_tui.ui import check_words, panes, wording
from clubos_tui.ui.store import Store
from clubos_tui.ui.values import FileRow, NoteRow

PLAN = Plan(
    "P",
    phase=(
        Phase("One", action=(Action("act", "Act"),)),
        Phase("Two", required_approval=False, action=(Action("b", "B"),)),
    ),
)
START = e.RunStarted(
    run="r", repository="/r", target="refs/heads/main", base_commit="c" * 40, base_tree="t" * 40,
    object_format="sha1", plan=PLAN.to_json(), plan_sha256="", plan_source="test", by="Ada",
    version="0",
)  # fmt: skip
ROWS = tuple(Change(path, "create", new_mode="100644", new_blob="b" * 40) for path in ("x", "y"))
ATTEMPT = e.AttemptStarted(1, 1, "t" * 40, "t" * 40, "blueprint", "/w")
ACTION = e.ActionStarted(1, 1, "act", "/s")
DONE = e.ActionFinished(1, 1, "act", "success", "n" * 40, changes=ROWS)
PROPOSED = e.Proposed(1, 1, "t" * 40, "n" * 40, ROWS, {"x": "", "y": ""})
CHECK = e.CheckFinished(1, "proposal", "n" * 40, "there", "passed", True, "ok")
REHEARSED = e.Rehearsed(1, "n" * 40, True, 2)
GATE = e.ChecksFinished(1, "proposal", "n" * 40, True)
PROPOSAL = (START, e.ProposalRequested(1, "Ada"), ATTEMPT, ACTION, DONE, PROPOSED, CHECK, REHEARSED)


def told(*events, store=None, at=None):
    """A store that has taken these events, a second apart."""
    store = store or Store()
    moment = at or datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for number, event in enumerate(events, 1):
        store.view = apply(store.view, event)
        time = (moment + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
        store.take(Record(number, time, event, ""))
    return store


def say(store, event, phase=1):
    tag, data = a.encode(event)
    store.hear({"type": tag, "at": "2026-01-02T03:04:05Z", **data}, phase=phase)


# --- the log -----------------------------------------------------------------------------------


def test_chunks_of_words_become_whole_lines():
    store = Store()
    for chunk in ("Hel", "lo\nwor", "ld"):
        say(store, a.MessageChunk(chunk))
    say(store, a.ToolCall("1", "write x", "edit", "completed", "x"))
    assert [line.text for line in store.drain()] == ["Hello", "world", "write x"]


def test_a_change_of_voice_ends_a_line():
    store = Store()
    say(store, a.ThoughtChunk("hmm"))
    say(store, a.MessageChunk("done\n"))
    assert [(line.level, line.text) for line in store.drain()] == [
        ("debug", "hmm"),
        ("info", "done"),
    ]


def test_a_paragraph_without_end_is_broken_and_none_of_it_is_lost():
    store, text = Store(), "word " * 1000
    say(store, a.MessageChunk(text))
    say(store, a.Usage(1, 2))
    lines = store.drain()
    assert len(lines) > 10
    assert " ".join(" ".join(line.text for line in lines).split()) == text.strip()


def test_the_log_holds_at_most_its_limit():
    store = Store(limit=10)
    for number in range(50):
        say(store, a.Notice(str(number)))
    assert [line.text for line in store.drain()] == [str(n) for n in range(40, 50)]


def test_a_stream_record_of_another_version_is_skipped_not_fatal():
    store = Store()
    store.hear({"type": "notice", "text": "x", "unknown": 1}, phase=1)
    store.hear({"type": "what.is.this"}, phase=1)
    assert store.drain() == []


@pytest.mark.parametrize("cls", list(e.TAGS), ids=lambda cls: cls.__name__)
def test_every_event_has_words_or_is_left_out_on_purpose(cls):
    source = Path(wording.__file__).read_text() + Path(check_words.__file__).read_text()
    assert f"e.{cls.__name__}(" in source


def test_the_detail_of_an_error_keeps_what_was_left_and_what_to_do():
    store = told(START, e.StepFailed("merge", 0, "in the way:\n  x", "Nothing changed.", "Move x."))
    line = store.drain()[-1]
    assert line.text == "merge failed: in the way:"
    assert line.detail.split("\n") == ["  x", "Nothing changed.", "Move x."]


# --- what is left behind -----------------------------------------------------------------------

LEFT = ("node_modules/", ".env", "a\n\x1b[2J.log", "b.log")


def test_what_is_left_behind_is_told_with_its_count():
    done = replace(DONE, left_behind=LEFT[:2], left_count=2)
    line = told(START, e.ProposalRequested(1, "Ada"), ATTEMPT, ACTION, done).drain()[-1]
    left = "left behind, as git ignores them: node_modules/, .env (2)"
    assert line.text == f"Action act done: 2 changed files; {left}"
    assert line.detail.split("\n") == ["left behind node_modules/", "left behind .env"]


def test_p11_a_name_of_what_is_left_behind_can_do_nothing():
    done = replace(DONE, result="said", left_behind=LEFT, left_count=1_200)
    line = told(START, e.ProposalRequested(1, "Ada"), ATTEMPT, ACTION, done).drain()[-1]
    assert line.text.endswith(".log and 1,197 more (1,200)")
    assert "\x1b" not in line.text + line.detail
    assert line.detail.split("\n")[0] == "said"
    assert line.detail.split("\n")[-1] == "left behind 1,196 more"
    assert len(line.detail.split("\n")) == 6


def test_a_reviewer_sees_what_is_left_behind_above_the_files():
    done = replace(DONE, left_behind=LEFT[:2], left_count=2)
    store = told(START, e.ProposalRequested(1, "Ada"), ATTEMPT, ACTION, done, PROPOSED)
    values = panes.files(store, 1)
    note = "Left behind, as git ignores them: node_modules/, .env (2)"
    assert values.rows[0] == NoteRow("quiet", note)
    assert [row.path for row in values.rows[1:]] == ["x", "y"]
    assert values.rows[values.at["y"]].path == "y"
    assert values.title.startswith("2, ")
    empty = replace(done, changes=())
    store = told(START, e.ProposalRequested(1, "Ada"), ATTEMPT, ACTION, empty,
                 e.ProposedNothing(1, 1))  # fmt: skip
    assert [row.text for row in panes.files(store, 1).rows] == ["The agent changed nothing.", note]


# --- live files and progress -------------------------------------------------------------------


def test_live_files_show_what_is_written_now_last_and_go_when_proposed():
    store = told(START, e.ProposalRequested(1, "Ada"), ATTEMPT, ACTION)
    store.touched(["x", "y"], phase=1)
    store.touched(["x"], phase=1)
    rows = panes.files(store, 1).rows
    assert rows[0] == NoteRow("busy", "Action: Act")
    assert [row.text for row in rows[1:]] == ["y", "x"]
    told(DONE, PROPOSED, store=store)
    assert [row.path for row in panes.files(store, 1).rows] == ["x", "y"]


def moved(path, done, effect="delete", left=False):
    return {"type": "path.moved", "path": path, "effect": effect, "done": done, "total": 2,
            "left": left, "before": "", "after": ""}  # fmt: skip


def compared(path, done, found="after", wanted="after"):
    return {"type": "path.verified", "path": path, "found": found, "wanted": wanted,
            "done": done, "total": 2}  # fmt: skip


def test_p4_only_a_fresh_comparison_makes_a_written_path_good():
    """A path that was written and is then found to be something else is listed, not counted."""
    store = told(*PROPOSAL, GATE, e.RollbackRequested(1, "Ada"))
    told(e.ApplyStarted(1, "t1", "stage", "rollback", 2), store=store)
    store.move(moved("x", 1))
    store.move(moved("y", 2))
    store.move(compared("x", 1))
    store.move(compared("y", 1, found="before"))
    values = panes.files(store, 1)
    assert values.title == "verified 1 of 2"
    assert values.rows[1:] == (
        NoteRow("good", "x", "deleted"),
        NoteRow("warn", "y", "left alone", "changed since"),
    )


def test_an_interrupted_write_is_seen_to_go_back():
    """Path by path, with what the fresh comparison found; it stays until the next request."""
    store = told(*PROPOSAL, GATE, e.RollbackRequested(1, "Ada"))
    told(e.ApplyStarted(1, "t1", "stage", "rollback", 2), store=store)
    store.move(moved("x", 1))
    store.move(moved("x", 0, effect="return"))
    values = panes.files(store, 1)
    assert values.title == "back 1 of 2"
    assert values.rows == (
        NoteRow("warn", "Interrupted: it all goes back"),
        NoteRow("busy", "x", "going back"),
    )
    store.move(compared("x", 1, "before", "before"))
    store.move(compared("y", 2, "before", "before"))
    told(e.Paused("roll back", 1, "Ada", "2 of 2 files as before, compared afresh."), store=store)
    values = panes.files(store, 1)
    assert values.title == "as before 2 of 2"
    assert values.rows[0] == NoteRow("warn", "Interrupted: roll back was undone")
    assert values.rows[1].text.startswith("R ")
    assert values.rows[2:] == (NoteRow("good", "x", "as before"), NoteRow("good", "y", "as before"))
    problem = panes.problem(store, 1)
    assert "2 of 2 files as before" in problem.untouched
    assert "R" in problem.cure


def test_a_rollback_is_shown_path_by_path_and_its_result_stays():
    store = told(*PROPOSAL, GATE, e.RollbackRequested(1, "Ada"))
    told(e.ApplyStarted(1, "t1", "stage", "rollback", 2), store=store)
    store.move(moved("x", 1))
    values = panes.files(store, 1)
    assert values.title == "written 1 of 2"
    assert values.rows[-1] == NoteRow("busy", "x", "deleted")
    store.move(moved("y", 2, left=True))
    store.move(compared("x", 1))
    assert panes.files(store, 1).title == "verified 1 of 2"
    left = (e.Left("y", "changed since"),)
    told(e.ApplyFinished(1, "t1", 1, left), e.RolledBack(1, (1,), "t1", 0, 1, left), store=store)
    rows = panes.files(store, 1).rows
    assert rows == (
        NoteRow("warn", "Rolled back phase 1"),
        NoteRow("warn", "0 restored, 1 deleted, 1 left alone"),
        NoteRow("warn", "y", "left alone", "changed since"),
        NoteRow("good", "x", "deleted"),
        NoteRow("warn", "y", "left alone"),
    )


def test_the_result_goes_when_the_next_thing_is_asked_for():
    store = told(*PROPOSAL, GATE, e.RolledBack(1, (1,), "t1", 0, 2))
    assert store.result
    told(e.ProposalRequested(1, "Ada"), store=store)
    assert store.result == []


def test_elapsed_counts_from_the_request_and_stops_with_its_end():
    store = told(*PROPOSAL)  # the request was the second record of eight, GATE is the ninth
    began = store.since

    def status(now):
        return panes.status(
            store, 1, store.view.phase(1).counts, live=False, agent="", driver="", now=now
        )

    assert status(began + 70).running
    assert status(began + 70).seconds == 70
    told(GATE, store=store, at=datetime(2026, 1, 2, 3, 4, 13, tzinfo=UTC))
    assert not status(began + 999).running
    assert status(began + 999).seconds == 7


# --- panes -------------------------------------------------------------------------------------


def test_before_a_run_the_plan_is_shown_with_who_approves():
    rows = panes.phases(None, PLAN)
    assert [(row.name, row.status, row.approval) for row in rows] == [
        ("One", "idle", "needs approval"),
        ("Two", "idle", "by plan"),
    ]


def test_a_phase_row_counts_its_checks_by_outcome():
    bad = e.CheckFinished(1, "proposal", "n" * 40, "other", "unknown", True, "no tool")
    row = panes.phases(told(*PROPOSAL, bad, GATE).view, None)[0]
    assert (row.status, row.checks, row.checks_tone) == ("proposed", "1 unknown, 1 passed", "bad")


def test_a_file_shows_decision_note_and_an_edit_from_outside():
    decided = e.FileDecided(1, "n" * 40, 1, Decision("x", "reject", "why"), "Ada")
    store = told(*PROPOSAL, GATE, decided, e.EditedOutside(1, {"y": "abc"}))
    values = panes.files(store, 1)
    assert tuple(values.rows) == (
        FileRow("x", "create", "rejected", note="why"),
        FileRow("y", "create", "pending", outside=True),
    )
    assert values.title == "2, 1 pending"
    assert "y" in panes.problem(store, 1).what


def test_what_was_approved_counts_as_accepted():
    yes = e.Approved(1, "t" * 40, "n" * 40, 1, "Ada", "person", "")
    values = panes.files(told(*PROPOSAL, GATE, yes), 1)
    assert {row.decision for row in values.rows} == {"accepted"}


STATES = {
    "idle": (START,),
    "proposing": (START, e.ProposalRequested(1, "Ada"), ATTEMPT),
    "empty": (START, e.ProposalRequested(1, "Ada"), ATTEMPT, e.ProposedNothing(1, 1)),
    "failed": (
        START, e.ProposalRequested(1, "Ada"), ATTEMPT, e.ProposalFailed(1, 1, "act", "no", "cure")
    ),
    "waits for the one before": (START,),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_every_state_without_a_diff_has_words_and_a_key(name):
    number = 2 if name.startswith("waits") else 1
    note = panes.diff_note(told(*STATES[name]).view, number)
    assert note
    assert any(
        f"{key}" in note.split() or f"{key}." in note.split() for key in ("d", "n", "ctrl+c")
    )


def test_a_failure_stays_in_the_pane_until_the_next_request():
    store = told(START, e.ProposalRequested(1, "Ada"), e.StepFailed("x", 1, "disk", "none", "room"))
    problem = panes.problem(store, 1)
    assert (problem.what, problem.untouched, problem.cure) == ("x failed: disk", "none", "room")
    told(e.ProposalRequested(1, "Ada"), store=store)
    assert panes.problem(store, 1) is None


def test_the_mode_is_live_while_a_live_step_runs_also_when_not_armed():
    yes = e.Approved(1, "t" * 40, "n" * 40, 1, "Ada", "person", "")
    store = told(*PROPOSAL, GATE, yes)
    args = {"live": False, "agent": "", "driver": "", "now": 0.0}
    assert panes.status(store, 1, store.view.phase(1).counts, **args).mode == "DRY RUN"
    told(e.ExecutionRequested(1, "Ada"), store=store)
    assert panes.status(store, 1, store.view.phase(1).counts, **args).mode == "LIVE"
