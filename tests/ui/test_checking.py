"""What the checks pane is given: rows, badges, headline, evidence; pure, from hand-made events."""

from dataclasses import replace

import pytest
from ui.test_store import ATTEMPT, GATE, PROPOSAL, PROPOSED, REHEARSED, ROWS, told

from clubos_tui import __version__
from clubos_tui import events as e
from clubos_tui.checks.guard import TAMPER
from clubos_tui.plan import Action, CheckSpec, Phase, Plan
from clubos_tui.ui import checking, evidence, panes, sheets
from clubos_tui.ui.actions import Situation, next_step
from clubos_tui.ui.situation import check_all_off, check_off
from clubos_tui.ui.widgets.check_rows import lay_out

TREE = "n" * 40
SPECS = (
    CheckSpec("unit tests", "command", command="make test"),
    CheckSpec("kept", "paths", paths=("keep.txt",)),
    CheckSpec("licences", "command", command="reuse lint", if_available=True),
)
PLAN = Plan(
    "P",
    phase=(
        Phase("One", action=(Action("act", "Act"),), check=SPECS),
        Phase("Two", action=(Action("b", "B"),), check=SPECS[1:2]),
    ),
)
START = e.RunStarted(
    run="r", repository="/r", target="refs/heads/main", base_commit="c" * 40, base_tree="t" * 40,
    object_format="sha1", plan=PLAN.to_json(), plan_sha256="", plan_source="test", by="Ada",
    version="0",
)  # fmt: skip
PROPOSING = (START, *PROPOSAL[1:6])


def finished(name, outcome="passed", **more):
    more = {"required": True, "summary": "ok"} | more
    return e.CheckFinished(1, "proposal", TREE, name, outcome, **more)


def begun(*names, phase=1):
    return [e.CheckStarted(phase, "proposal", TREE, name, "/s") for name in names]


def shown(store, number=1, now=0.0):
    return checking.values(store.view, store.plan, number, store.underway, now)


def rows(store, number=1):
    return {row.name: row for row in shown(store, number).rows}


def facts(row):
    return [text for _, text in row.facts]


def hear(store, kind, check, second=50, **more):
    store.check({"type": f"check.{kind}", "check": check, "at": _at(second), **more})


def _at(second):
    return f"2026-01-02T03:04:{second:02}.000Z"


# --- before, and under way ----------------------------------------------------------------------


def test_before_a_run_the_plans_checks_stand_there_with_their_kinds():
    values = checking.values(None, PLAN, 1, None, 0.0)
    assert [(row.name, row.word, row.text, *facts(row)) for row in values.rows[:4]] == [
        ("unit tests", "planned", "a check of kind command", "required"),
        ("kept", "planned", "a check of kind paths", "required"),
        ("licences", "planned", "a check of kind command", "if available"),
        (TAMPER, "planned", "a check of kind tamper", "required"),
    ]
    assert values.rows[4].name == "undo"
    assert values.rows[-1].text == "d makes a dry run, and carries them out."
    assert values.title == "4 planned"


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((START,), "d makes a dry run, and carries them out."),
        ((START, e.ProposalRequested(1, "Ada"), ATTEMPT), "as soon as the agent has finished"),
        (PROPOSING, "about to be carried out"),
        ((START, e.ProposalRequested(1, "Ada"), ATTEMPT, e.ProposedNothing(1, 1)), "nothing to"),
    ],
)  # fmt: skip
def test_what_was_not_carried_out_says_when_it_will_be(events, words):
    assert words in shown(told(*events)).rows[-1].text


def test_a_phase_without_a_check_says_that_no_gate_opens():
    empty = replace(PLAN, phase=(replace(PLAN.phase[0], check=()),))
    values = checking.values(None, empty, 1, None, 0.0)
    assert not values.rows
    assert "no gate opens" in values.empty


def test_a_check_under_way_waits_runs_and_has_ended_before_it_is_recorded():
    store = told(*PROPOSING, *begun("unit tests", "licences"))
    hear(store, "began", "unit tests")
    hear(store, "said", "unit tests", text="case 3 of 9")
    hear(store, "began", "kept")
    hear(store, "ended", "kept", outcome="passed", summary="1 looked at", milliseconds=40)
    values = shown(store, now=store.underway.live["unit tests"].began + 7)
    by = {row.name: row for row in values.rows}
    assert (by["unit tests"].word, by["unit tests"].text) == ("running", "case 3 of 9")
    assert facts(by["unit tests"]) == ["7 s so far", "required"]
    assert (by["kept"].word, by["kept"].text) == ("passed", "1 looked at")
    assert "not recorded yet" in facts(by["kept"])
    assert (by["licences"].word, facts(by["licences"])) == ("waiting", ["if available"])
    assert values.title == f"1 of 4 ended · proposal {TREE[:10]}"
    store = told(finished("kept"), GATE, store=store)
    assert store.underway is None


def test_the_next_line_tells_of_a_check_that_still_runs():
    store = told(*PROPOSING, *begun("unit tests", "licences"))
    hear(store, "began", "unit tests")
    hear(store, "began", "licences")
    hear(store, "said", "unit tests", text="case 3", second=51)
    hear(store, "said", "licences", text="looking", second=52)
    assert "checking: licences: looking" in store.doing.words(0.0)
    hear(store, "ended", "licences", outcome="passed", summary="fine", second=53)
    assert "checking: unit tests: case 3" in store.doing.words(0.0)


def test_what_still_holds_is_not_shown_as_waiting():
    store = told(*PROPOSING, *begun("licences"))
    assert rows(store)["unit tests"].word == "reused"
    assert "nothing it depends on has changed" in rows(store)["unit tests"].text


def test_another_phases_checks_are_not_shown_for_this_one():
    store = told(*PROPOSING, *begun("unit tests"))
    hear(store, "began", "unit tests")
    assert rows(store, 1)["unit tests"].word == "running"
    assert rows(store, 2)["kept"].word == "planned"


def test_a_checkpoint_under_way_takes_the_place_of_what_the_proposal_came_to():
    store = told(*PROPOSING, finished("unit tests"), REHEARSED, GATE)
    stage = e.CheckStarted(1, "stage", TREE, "unit tests", "/s")
    store = told(stage, store=store)
    hear(store, "began", "unit tests")
    values = shown(store)
    assert values.title == f"0 of 3 ended · stage {TREE[:10]}"
    assert [row.name for row in values.rows] == ["unit tests", "kept", "licences"]


def test_the_checks_of_a_merge_are_shown_whichever_phase_is_selected():
    store = told(*PROPOSING, e.CheckStarted(2, "merge", TREE, "1: unit tests", "/s"))
    names = ["1: unit tests", "1: kept", "1: licences", "2: kept"]
    for number in (1, 2):
        assert [row.name for row in shown(store, number).rows] == names


def test_a_check_that_is_asked_for_alone_leaves_the_others_as_they_are():
    known = [finished("unit tests", "failed"), finished("kept"), finished("licences")]
    again = e.ChecksRequested(1, "proposal", TREE, ("unit tests",), "Ada")
    store = told(*PROPOSING, *known, REHEARSED, GATE, again)
    words = {name: row.word for name, row in rows(store).items()}
    assert words["unit tests"] == "waiting"
    assert words["kept"] == "passed"
    store = told(*begun("unit tests"), store=store)
    hear(store, "began", "unit tests")
    assert {name: row.word for name, row in rows(store).items() if name != TAMPER} == {
        "unit tests": "running", "kept": "passed", "licences": "passed"
    }  # fmt: skip
    assert shown(store).title.startswith("0 of 1 ended")


def test_words_of_the_round_before_are_no_news():
    """The stream is written over: until then its reader still finds the old words."""
    store = told(*PROPOSING, *begun("unit tests"))
    hear(store, "began", "unit tests", second=1)
    hear(store, "ended", "unit tests", second=1, outcome="passed", summary="old")
    assert rows(store)["unit tests"].word == "waiting"


def test_a_round_that_died_in_the_middle_begins_anew():
    store = told(*PROPOSING, *begun("unit tests"))
    hear(store, "began", "unit tests")
    store = told(*begun("unit tests"), store=store)
    assert rows(store)["unit tests"].word == "waiting"


# --- recorded -----------------------------------------------------------------------------------


def test_every_badge_is_a_word():
    check = finished(
        "unit tests", summary="12 cases passed", cases=12, at_base=12, reused=True,
        milliseconds=2_150, tool="pytest 8.1", from_base=("tests/a.py", "tests/b.py"),
    )  # fmt: skip
    failed = finished("kept", "failed", summary="it is gone", cases=3)
    over = e.Overridden(1, TREE, "kept", "it moves", "Grace", "proposal")
    absent = finished("licences", "not run", required=False, summary="it is not there")
    by = rows(told(*PROPOSING, check, failed, absent, REHEARSED, GATE, over))
    assert facts(by["unit tests"]) == [
        "unproven", "judged with the base's tests", "required", "at base 12 cases", "reused",
        "2.1 s", "pytest 8.1",
    ]  # fmt: skip
    assert facts(by["kept"])[0] == "overridden by Grace: it moves"
    assert "3 cases" in facts(by["kept"])
    assert (by["kept"].word, by["kept"].tone) == ("failed", "warn")
    assert "if available" in facts(by["licences"])
    assert (by["undo"].word, by["undo"].text) == ("passed", "undo proven: 2 paths identical")


def test_a_check_that_was_seen_to_find_a_fault_is_not_unproven():
    check = finished("unit tests", proved=__version__)
    by = rows(told(*PROPOSING, check, finished("kept"), REHEARSED, GATE))
    assert "unproven" not in facts(by["unit tests"])
    assert "unproven" in facts(by["kept"])


def test_an_undo_that_differs_says_what():
    differs = e.Rehearsed(1, TREE, False, 2, "x: mode 100755 -> 100644")
    store = told(*PROPOSING, finished("kept"), differs, GATE)
    row = rows(store)["undo"]
    assert (row.word, row.tone) == ("failed", "bad")
    assert row.text == "undo not proven: x: mode 100755 -> 100644"
    assert shown(store).title.startswith("gate open, undo not proven")


def test_the_headline_says_which_gate_of_which_tree():
    good = told(*PROPOSING, finished("kept"), REHEARSED, GATE)
    assert shown(good).title == f"gate open · proposal {TREE[:10]} · 1 passed"
    bad = told(*PROPOSING, finished("kept", "unknown"), finished("unit tests"), REHEARSED, GATE)
    assert shown(bad).title == f"gate shut · proposal {TREE[:10]} · 1 unknown, 1 passed"
    yes = e.Approved(1, "t" * 40, TREE, 1, "Ada", "person", "")
    applied = e.ApplyStarted(1, "x", "stage", "execute", 1)
    executed = e.Executed(1, TREE, "autogen/phase-1", "c" * 40, "x")
    staged = (e.ExecutionRequested(1, "Ada"), applied, executed)
    stage = replace(finished("kept", "failed"), scope="stage")
    store = told(*PROPOSING, finished("kept"), REHEARSED, GATE, yes, *staged, stage,
                 e.ChecksFinished(1, "stage", TREE, False))  # fmt: skip
    assert shown(store).title == f"gate shut · stage {TREE[:10]} · 1 failed"


@pytest.mark.parametrize("width", [40, 76, 118, 198])
def test_nothing_of_a_row_is_cut_and_no_row_is_wider_than_the_view(width):
    check = finished(
        "the whole of the tests from end to end", "failed", summary="3 of 12 cases failed " * 3,
        tool="pytest 8.1", at_base=12, milliseconds=61_000,
    )  # fmt: skip
    values = shown(told(*PROPOSING, check, finished("kept"), REHEARSED, GATE))
    parts = lay_out(values.rows, width)
    lines = [f"{part.head:11}" + "".join(text for _, text in part.pieces) for part in parts]
    assert all(len(line) <= width - 1 for line in lines), lines
    text = " ".join(" ".join(lines).replace("·", " ").split())
    if width == 40:
        assert "… enter shows the rest" in text
        return
    assert " ".join(check.summary.split()) in text
    for row in values.rows:
        for fact in facts(row):
            assert fact in text


# --- the evidence -------------------------------------------------------------------------------

RAN = ("$ make test", "src/app.py:2: E1 wrong", "elsewhere.py:3: E1 wrong", "x:1:4: no name")


def test_the_evidence_is_whole_and_says_what_is_new():
    first = finished(
        "unit tests", "passed", summary="9 cases passed", cases=9, evidence=("$ make test", "gone")
    )
    now = finished(
        "unit tests", "failed", summary="1 of 8 cases failed", cases=8, evidence=RAN, at_base=9,
        tool="make 4.3", milliseconds=1_234, inputs_sha256="d" * 64, from_base=("tests/a.py",),
    )  # fmt: skip
    store = told(*PROPOSING, first, GATE, now, REHEARSED, GATE)
    lines = evidence.evidence(store.view, 1, "unit tests")
    text = [text for _, text in lines]
    for wanted in (
        "failed: 1 of 8 cases failed", "tool          make 4.3", "command       make test",
        "cases         8 (the base has 9)", "seconds       1.23",
        f"tree          {TREE} (proposal)",
        "the gate      needs it", f"depends on    {'d' * 64} (SHA-256 of all of it)",
        "src/app.py:2: E1 wrong", "tests/a.py", "passed → failed", "9 → 8 cases",
        "it said: 9 cases passed", "- gone", "+ src/app.py:2: E1 wrong",
    ):  # fmt: skip
        assert wanted in text
    assert ("bad", "+ x:1:4: no name") in lines
    assert ("good", "- gone") in lines


def test_the_command_of_a_check_that_was_tried_twice_is_named_once():
    tried = ("the first time: 1 case failed", "$ make test", "$ a line of the tool")
    store = told(*PROPOSING, finished("unit tests", evidence=tried), REHEARSED, GATE)
    lines = [text for _, text in evidence.evidence(store.view, 1, "unit tests")]
    assert "command       make test" in lines
    assert "$ make test" not in lines
    assert {"the first time: 1 case failed", "$ a line of the tool"} <= set(lines)


def test_the_first_time_and_the_same_again_say_so():
    one = told(*PROPOSING, finished("kept"), REHEARSED, GATE)
    assert ("quiet", "this was the first time") in evidence.evidence(one.view, 1, "kept")
    two = told(finished("kept"), store=one)
    assert ("quiet", "nothing is different") in evidence.evidence(two.view, 1, "kept")


def test_a_check_that_runs_shows_its_words_beside_what_is_recorded():
    store = told(*PROPOSING, *begun("unit tests"))
    hear(store, "began", "unit tests")
    hear(store, "said", "unit tests", text="half way")
    lines = evidence.evidence(store.view, 1, "unit tests", store.underway)
    assert lines[0] == ("busy", "running now: half way")
    assert ("quiet", "command       make test") in lines


def test_evidence_leads_to_lines_of_changed_files_only():
    """`x` is in the change set; the others are not."""
    check = finished("unit tests", "failed", evidence=(*RAN, "./x:7: again", "x:1:9: same line"))
    store = told(*PROPOSING, check, REHEARSED, GATE)
    assert [(s.path, s.line) for s in evidence.spots(store.view, 1, "unit tests")] == [
        ("x", 1), ("x", 7)
    ]  # fmt: skip
    assert {row.path for row in ROWS} == {"x", "y"}


# --- what a person is told ----------------------------------------------------------------------

GUARD = finished(
    TAMPER, "failed", summary="1 changed paths", evidence=("tests/a: modify (a test)",)
)


def test_a_phase_that_changes_its_judges_is_told_of_in_these_words():
    store = told(*PROPOSING, finished("kept"), GUARD, REHEARSED, GATE)
    said = next_step(Situation(ready=True, view=store.view))
    assert said.words == "Phase 1 changes what judges it: allow just that or not"
    assert (said.key, said.tone) == ("n", "bad")
    problem = panes.problem(store, 1)
    assert problem.what == "This phase changes what judges it: tests/a: modify (a test)"
    assert "just that" in problem.cure
    over = e.Overridden(1, TREE, TAMPER, "it grew", "Grace", "proposal")
    store = told(over, store=store)
    texts = [line.text for line in store.drain()]
    assert "Phase 1 changes what judges it: 1 changed paths" in texts
    assert "Grace lets phase 1 change what judges it: it grew" in texts


def test_an_approval_names_what_the_evidence_does_not_show():
    absent = finished("licences", "not run", required=False, summary="it is not there")
    proven = e.Rehearsed(1, TREE, True, 2, paths=4_213)
    store = told(*PROPOSING, finished("unit tests"), finished("kept"), absent, proven, GATE)
    lines = sheets.approval(store.view, 1, "Ada")
    said = "Nobody has seen these required checks find a fault in this version: unit tests, kept"
    assert ("warn", said) in lines
    assert ("warn", "Was not run: licences (it is not there)") in lines
    assert ("good", "undo proven: 4,213 paths identical") in lines


def test_a_check_can_be_asked_for_again_where_it_was_carried_out():
    idle = Situation(ready=True, view=told(START).view)
    assert check_off(idle) == "phase 1 is idle"
    store = told(*PROPOSING, finished("kept"), REHEARSED, GATE)
    now = Situation(ready=True, view=store.view, check="kept")
    assert check_off(now) is None
    assert check_off(replace(now, check="other")) == "phase 1 has no check 'other'"
    assert check_all_off(replace(now, check="other")) is None
    assert "no run yet" in check_off(Situation(ready=True))


def test_a_proposal_that_moved_on_is_not_judged_by_old_evidence():
    moved = replace(PROPOSED, change_set="m" * 40)
    store = told(*PROPOSING, finished("kept"), REHEARSED, GATE, moved)
    assert rows(store)["kept"].word == "planned"
