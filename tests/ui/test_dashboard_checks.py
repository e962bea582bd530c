"""The checks pane by keyboard, around real runs: live, evidence, again, override, judges, merge."""

import dataclasses
import re

import pytest
from ui.dashboard_kit import board, git, make_plan, make_repository

from clubos_tui.checks.guard import TAMPER
from clubos_tui.plan import CheckSpec
from clubos_tui.ui.widgets.diff_view import DiffView
from clubos_tui.ui.widgets.views import ChecksPane, DiffPane
from clubos_tui.workspace.sandbox.box import program

BOXED = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")

KEPT = CheckSpec("kept", "paths", paths=("keep.txt",))
GONE = CheckSpec("gone", "paths", paths=("nowhere/**",))
LINT = CheckSpec(
    "lint", "command", paths=("src/*.py",), command="! grep -Hn bad src/*.py", at_least=1
)
BAD = {"src/app.py": "import os\nx = 1\nbad = 2\nbad = 3\n"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Let a dialog count keys at once, and believe that all was read."""
    from clubos_tui.ui import review
    from clubos_tui.ui.screens import ask

    monkeypatch.setattr(review, "hasty", lambda *_: False)
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


@pytest.fixture
def place(tmp_path):
    made = make_repository(tmp_path / "repo")
    (made / "tests").mkdir()
    (made / "tests" / "a.txt").write_text("case 1\ncase 2\n")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "--message=tests")
    return made


@pytest.fixture
def make(tmp_path):
    """A plan whose phases have these checks, a tuple a phase."""

    def plan(*checks):
        made = make_plan(tmp_path / "home", names=("Setup", "Schema")[: len(checks)])
        each = zip(made.phase, checks, strict=True)
        return dataclasses.replace(
            made, phase=tuple(dataclasses.replace(phase, check=specs) for phase, specs in each)
        )

    return plan


def scripted(*attempts, action="setup", **others):
    """Open a session whose agent writes these files (None: deletes one), attempt by attempt."""
    from support.agents import ScriptedAgent, all_of, delete, write

    from clubos_tui.engine.session import Session

    left = list(attempts)

    def edit(files):
        return all_of(*(delete(p) if text is None else write(p, text) for p, text in files.items()))

    def act(folder):
        edit(left.pop(0) if len(left) > 1 else left[0])(folder)

    edits = {action: act} | {name: edit(files) for name, files in others.items()}
    agents = {"blueprint": lambda: ScriptedAgent(edits)}
    return {"session_factory": lambda path: Session.open(path, agents)}


async def proposed(b):
    await b.press("d")
    await b.phase(1, "proposed")


async def on(b, name):
    """Put the cursor of the checks on one."""
    await b.press("5")
    pane = b.dashboard.query_one(ChecksPane)
    await b.until(lambda: b.app.focused is pane and pane.count_rows(), "the checks")
    await b.press("g")
    for _ in range(20):
        if pane.name_at == name:
            return
        await b.press("j")
    raise AssertionError(f"no check {name}\n{b.text()}")


def checks(b):
    """The rows of the pane in which each check begins, by its name."""
    pane = b.dashboard.query_one(ChecksPane)
    parts = pane._parts
    names = [row.name for row in pane._values.rows]
    return {
        names[part.check]: " ".join(
            "".join(text for _, text in other.pieces).strip()
            for other in parts
            if other.check == part.check
        )
        for part in parts
        if part.first
    }


# --- the pane ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_checks_stand_there_before_a_run_and_after(place, make, size):
    async with board(place, make((KEPT, GONE)), size=size, **scripted(BAD)) as b:
        await b.press("5")
        await b.says("5 Checks · 3 planned")
        await b.says("a check of kind paths · required")
        await b.says("d makes a dry run")
        await b.press("enter")
        await b.says("there is no evidence yet: d makes a dry run")
        await proposed(b)
        await b.says("gate shut · proposal ")
        tree = b.view.phase(1).change_set
        assert tree[:10] in b.text()
        await b.says("undo proven: ")
        shown = b.text()
        assert re.search(r"✔ passed   kept ", shown)
        assert re.search(r"✘ failed   gone ", shown)
        inside = shown[shown.index("5 Checks") : shown.index("undo proven")]
        assert "…" not in inside, shown
        assert "enter evidence" in shown


async def test_j_and_k_go_from_check_to_check_however_many_rows_they_take(place, make):
    long = dataclasses.replace(GONE, name="a check with quite a long name indeed")
    async with board(place, make((long, KEPT)), size=(80, 24), **scripted(BAD)) as b:
        await proposed(b)
        await b.press("5", "g")
        pane = b.dashboard.query_one(ChecksPane)
        walked = []
        for key in ("j", "j", "j", "k"):
            walked.append(pane.name_at)
            await b.press(key)
        assert walked == [long.name, "kept", TAMPER, "undo"]
        assert pane.name_at == TAMPER
        await b.pilot.resize_terminal(200, 60)
        await b.pilot.pause()
        assert pane.name_at == TAMPER


@BOXED
async def test_checks_are_live_and_what_has_ended_is_not_recorded_yet(place, make):
    slow = CheckSpec(
        "slow", "command", paths=("keep.txt",), command="echo half way there; sleep 3; echo done"
    )
    async with board(place, make((KEPT, slow)), **scripted(BAD)) as b:
        await b.press("d", "5")
        await b.says("half way there")
        await b.until(lambda: "not recorded yet" in checks(b).get("kept", ""), "kept has ended")
        await b.until(lambda: re.search(r"[1-9] s so far", checks(b)["slow"]), "seconds pass")
        assert "▶ running  slow" in b.text()
        assert "2 of 3 ended · proposal" in b.text()
        await b.phase(1, "proposed")
        await b.until(lambda: "not recorded yet" not in str(checks(b)), "all is recorded")
        assert "unproven" in checks(b)["slow"]


async def test_p11_hostile_evidence_does_nothing(place, make):
    name = "src/\x1b[2J\u202e[@click=app.quit]x[/].py"
    hostile = CheckSpec("t\x1b[31m[/b]", "text", paths=("src/**",), pattern="good")
    async with board(place, make((hostile,)), **scripted({name: "bad\n"})) as b:
        await proposed(b)
        await on(b, hostile.name)
        await b.says("t␛[31m[/b]")
        await b.press("enter")
        await b.dialog("Evidence")
        await b.says("src/␛[2J⟨U+202E⟩[@click=app.quit]x[/].py")
        await b.press("escape")
        await b.no_dialog()


# --- the evidence ------------------------------------------------------------------------------


@BOXED
async def test_evidence_leads_to_the_line_and_tells_what_is_new(place, make):
    good = {"src/app.py": "import os\nx = 1\n"}
    async with board(place, make((LINT,)), size=(120, 60), **scripted(BAD, good)) as b:
        await proposed(b)
        await on(b, "lint")
        await b.press("enter")
        await b.dialog("Evidence")
        for words in ("failed: exit code 1", "command       ! grep -Hn bad src/*.py",
                      "src/app.py:4:bad = 3", "this was the first time",
                      "unproven: it was not seen to fail"):  # fmt: skip
            await b.says(words)
        await b.press("J")
        await b.dialog("Choose")
        await b.press("down", "enter")
        diff = b.dashboard.query_one(DiffPane)
        await b.until(lambda: b.app.focused is diff and diff.current_line == 4, "line 4")
        await b.press("y")
        await b.dialog("Approval")
        await b.press("r")
        await b.dialog("Note")
        await b.press(*"no", "enter")
        await b.phase(1, "rejected")
        await proposed(b)
        await on(b, "lint")
        await b.press("enter")
        await b.dialog("Evidence")
        for words in ("passed: ", "failed → passed", "- src/app.py:4:bad = 3"):
            await b.says(words)
        await b.press("escape")
        await b.no_dialog()
        await b.press("J")
        await b.until(lambda: b.next.said)
        assert "names no line of a file" in b.next.said[1]


# --- again -------------------------------------------------------------------------------------


def asked(b):
    """The names of each request for checks, in the journal's order."""
    records = b.dashboard.presenter.bridge.run.journal.load()
    from clubos_tui.events import ChecksRequested

    return [r.event.checks for r in records if isinstance(r.event, ChecksRequested)]


async def test_one_check_or_all_are_carried_out_again(place, make):
    async with board(place, make((KEPT, GONE)), **scripted(BAD)) as b:
        await b.press("K")
        await b.until(lambda: b.next.said)
        assert "there is no run yet" in b.next.said[1]
        await proposed(b)
        await on(b, "gone")
        for keys, names in (("K", ("gone",)), ("ctrl+k", ()), ("1", None), ("K", ())):
            before = len(asked(b))
            await b.press(keys)
            if names is not None:
                await b.until(lambda before=before: len(asked(b)) > before and not b.view.queue)
                assert asked(b)[-1] == names
        await on(b, "undo")
        await b.press("enter")
        await b.dialog("Evidence")
        await b.says("It was applied and rolled back in a scratch folder")
        await b.press("K")
        await b.until(lambda: len(asked(b)) == 4 and not b.view.queue)
        assert asked(b)[-1] == (), "the rehearsal is done with all of them"


async def test_a_key_on_the_evidence_does_it_to_that_check(place, make):
    async with board(place, make((KEPT, GONE)), **scripted(BAD)) as b:
        await proposed(b)
        await on(b, "gone")
        await b.press("enter")
        await b.dialog("Evidence")
        await b.press("K")
        await b.until(lambda: asked(b) == [("gone",)])


async def test_an_override_is_of_the_check_under_the_cursor(place, make):
    other = dataclasses.replace(GONE, name="other")
    async with board(place, make((GONE, other)), **scripted(BAD)) as b:
        await proposed(b)
        await on(b, "other")
        await b.press("o")
        await b.dialog("Override")
        await b.press(*"Ada", "enter", *"known", "enter")
        await b.no_dialog()
        await b.until(lambda: "overridden by Ada: known" in checks(b)["other"])
        assert [over.check for over in b.view.overridden.values()] == ["other"]
        assert "overridden" not in checks(b)["gone"]


# --- what judges a phase -----------------------------------------------------------------------

CASES = CheckSpec(
    "unit tests", "command", evidence="count", pattern=r"^(\d+) cases",
    command="grep -c '^case' tests/a.txt | sed 's/$/ cases/'",
)  # fmt: skip
GROWN = {**BAD, "tests/a.txt": "case 1\ncase 2\ncase 3\n"}


@BOXED
async def test_p7_a_phase_that_changes_its_judges_has_a_review_of_its_own(place, make):
    async with board(place, make((CASES, GONE)), **scripted(GROWN)) as b:
        await proposed(b)
        await b.until(lambda: b.next.step.words.startswith("Phase 1 changes what judges it"))
        await b.until(lambda: b.problem and "changes what judges it" in b.problem.what)
        await on(b, "unit tests")
        await b.until(lambda: "judged with the base's tests" in checks(b)["unit tests"])
        await b.press("n")
        await b.dialog("Judging")
        await b.says("tests/a.txt: modify (a check runs it)")
        await b.press(*"Grace", "f3")
        await b.dialog("Excerpt")
        shown = b.app.screen.query_one(DiffView).patch.files
        assert [file.path for file in shown] == [b"tests/a.txt"]
        await b.says("+ case 3")
        await b.press("escape")
        await b.dialog("Judging")
        await b.press("enter", "enter")
        await b.says("Both a name and a reason are needed")
        assert not b.view.overridden
        await b.press(*"it grew", "enter")
        await b.no_dialog()
        await b.until(lambda: not b.view.queue and b.view.overridden, "the checks again")
        await b.until(lambda: "3 cases passed" in checks(b)["unit tests"])
        assert "base's tests" not in checks(b)["unit tests"]
        assert b.view.phase(1).approval is None
        await b.press("4")
        await b.says("Grace lets phase 1 change what judges it: it grew")
        await b.until(lambda: "A required check of phase 1" in b.next.step.words)


async def test_p7_the_list_of_overrides_does_not_offer_what_judges_a_phase(place, make):
    judges = {"tests/a.txt": "case 1\n"}
    async with board(place, make((GONE,)), **scripted(judges)) as b:
        await proposed(b)
        await on(b, "gone")
        await b.press("o")
        await b.dialog("Override")
        assert b.app.screen._checks == ["gone"]
        await b.press("escape")
        await b.no_dialog()
        await on(b, TAMPER)
        await b.press("o")
        await b.dialog("Judging")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.overridden == {}


# --- approval and merge ------------------------------------------------------------------------


@BOXED
async def test_the_approval_names_what_is_unproven_and_what_was_not_run(place, make):
    absent = CheckSpec(
        "licences", "command", paths=("keep.txt",), command="no-such-tool lint", if_available=True
    )
    plan = make((KEPT, CASES, absent))
    async with board(place, plan, size=(120, 60), **scripted(BAD)) as b:
        await proposed(b)
        await b.press("y")
        await b.dialog("Approval")
        await b.says("Nobody has seen these required checks find a fault in this version")
        await b.says("Was not run: licences")
        await b.says("undo proven: ")


async def test_p7_a_check_that_fails_on_the_merged_tree_is_overridden_not_waved_through(
    place, make
):
    """Phase 2 takes away what phase 1 was checked for; the target did not move."""
    there = CheckSpec("it is there", "paths", paths=("src/app.py",))
    taking = {"src/app.py": None, "two.txt": "2\n"}
    plan = make((there,), (KEPT,))
    async with board(place, plan, live=True, **scripted(BAD, schema=taking)) as b:
        for number in (1, 2):
            await b.press("d")
            await b.phase(number, "proposed")
            await b.press("n")
            await b.dialog("Approval")
            await b.press("y")
            await b.phase(number, "approved")
            await b.press("n")
            await b.dialog("Confirm")
            await b.press("y")
            await b.phase(number, "validated")
            await b.until(lambda: b.next.step.key == "n")
        await b.press("m")
        await b.dialog("Confirm")
        await b.press("y")
        words = "A required check does not pass on the merged tree"
        await b.until(lambda: b.next.step.words == words)
        assert b.next.step.tone == "bad"
        await b.until(lambda: b.problem and "1: it is there: failed" in b.problem.what)
        await on(b, "1: it is there")
        await b.says("gate shut · merge ")
        await b.press("K")
        await b.until(lambda: b.next.said)
        assert "the merged tree is checked once" in b.next.said[1]
        assert not (place / "two.txt").exists()
        await b.press("n")
        await b.dialog("Override")
        await b.says("Override a check of the merged tree")
        await b.press(*"Ada", "enter", *"it moved", "enter")
        await b.until(lambda: b.view.ending == "merged")
        assert (place / "two.txt").exists()
