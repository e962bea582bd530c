"""The way back on the screen: edited files, the interrupted rollback, what recovery did."""

import os
import signal
import threading

import pytest
from dashboard_kit import board
from support import agents
from support.journey import Journey
from textual.widgets import OptionList

from clubos_tui.apply.transaction import Transaction
from clubos_tui.engine.effects.context import Moves
from clubos_tui.ui.screens import ask
from clubos_tui.ui.values import NoteRow
from clubos_tui.ui.widgets.views import FilesPane, LogPane

LINES = [f"line {number}\n" for number in range(1, 13)]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


def text(**changed):
    """Return twelve lines, some of them changed."""
    lines = list(LINES)
    for name, line in changed.items():
        lines[int(name[1:]) - 1] = line + "\n"
    return "".join(lines)


@pytest.fixture
def merged(repo, journey):
    """A merged run that no process drives any more."""
    repo.write("long.txt", text())
    repo.commit("long")
    edit = agents.all_of(
        agents.write("long.txt", text(l3="ours")),
        *(agents.write(f"made/{number}.txt", f"{number}\n") for number in range(4)),
    )
    run = journey(edit).live().merge()
    run.close()
    return repo


@pytest.mark.parametrize("size", SIZES)
async def test_p4_an_edit_can_be_kept_while_our_part_goes(merged, size):
    """The statement shows the three versions; the choice is one key, and cancel does no harm."""
    merged.write("long.txt", text(l3="ours", l10="mine"))
    merged.write("made/0.txt", "0\nmine\n")
    async with board(merged.root, None, size=size) as b:
        await b.press("1", "home", "R")
        await b.dialog("Rollback")
        assert b.app.focused.id == "no"
        await b.says("Edited by you since")
        assert "Cancel (esc)" in b.text()
        assert "Roll back (y)" in b.text()
        seen = b.text()
        for _ in range(20):
            await b.press("down")
            await b.pilot.pause()
            seen += b.text()
        for words in ("long.txt: you have edited it since", "+mine", "our part alone",
                      "2 paths left alone", "the whole file is ours"):  # fmt: skip
            assert words in seen, words
        await b.says("[ ] left alone          long.txt")
        await b.press("space")
        assert b.app.focused is b.app.screen.query_one(OptionList)
        await b.press("space")
        await b.says("[x] only our part goes  long.txt")
        await b.press("y")
        await b.phase(1, "rolled back")
        assert merged.read("long.txt").decode() == text(l10="mine")
        assert merged.read("made/0.txt") == b"0\nmine\n"
        await b.until(
            lambda: b.dashboard.query_one(FilesPane)._values.title == "verified 4 of 4", "verified"
        )
        rows = b.dashboard.query_one(FilesPane)._values.rows
        assert NoteRow("good", "long.txt", "only our part") in rows
        assert NoteRow("warn", "made/0.txt", "left alone", "changed since") in rows


async def test_p4_without_a_choice_the_edited_file_is_left_alone(merged):
    merged.write("long.txt", text(l3="ours", l10="mine"))
    async with board(merged.root, None) as b:
        await b.press("1", "home", "R")
        await b.dialog("Rollback")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.ending == "merged"
        await b.press("R")
        await b.dialog("Rollback")
        await b.press("y")
        await b.phase(1, "rolled back")
        assert merged.read("long.txt").decode() == text(l3="ours", l10="mine")


async def test_p4_a_refused_rollback_names_the_paths_and_the_cure(merged):
    merged.write("long.txt", text(l3="mine"))
    merged.commit("mine")
    async with board(merged.root, None) as b:
        await b.press("1", "home", "R")
        await b.until(lambda: b.problem and "long.txt" in b.problem.what)
        assert "git revert -m 1" in b.problem.cure
        assert "Nothing has changed" in b.problem.untouched


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
@pytest.mark.parametrize("size", SIZES)
async def test_p4_an_interrupted_rollback_goes_back_before_ones_eyes(
    merged, monkeypatch, key, size
):
    """After two of five files a key comes: live it goes back, and says what was compared."""
    reached, go_on = threading.Event(), threading.Event()
    note, seen = Moves.__call__, []

    def moving(self, move):
        note(self, move)
        seen.append(move)
        if len(seen) == 2:
            reached.set()
            go_on.wait(10)

    monkeypatch.setattr(Moves, "__call__", moving)
    async with board(merged.root, None, size=size) as b:
        pane = b.dashboard.query_one(FilesPane)
        await b.press("1", "home", "R")
        await b.dialog("Confirm")
        await b.press("y")
        await b.until(reached.is_set, "two files")
        await b.until(lambda: pane._values.title == "written 2 of 5", "the count")
        await b.press(key)
        stopping = b.dashboard.presenter.bridge._driver._driver.context.stop
        await b.until(stopping.is_set, "the interrupt to be heard")
        go_on.set()
        await b.until(lambda: b.view.paused is not None, "the pause")
        await b.until(lambda: pane._values.title == "as before 5 of 5", "the comparison")
        rows = pane._values.rows
        assert NoteRow("good", "made/0.txt", "as before") in rows
        assert "5 of 5 files as before, compared afresh" in b.problem.untouched
        assert "R" in b.problem.cure
        assert merged.read("long.txt").decode() == text(l3="ours")
        assert merged.git("status", "--porcelain") == ""
        assert b.view.ending == "merged"


def killed_rollback(repo):
    """Roll back in a child that dies after its first file."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            run = Journey.__new__(Journey)
            run.repo, run.edits = repo, {}
            Transaction._announce = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
            run.open()
            run.roll_back(1, close=True)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)


@pytest.mark.parametrize("size", SIZES)
async def test_p3_the_dashboard_says_at_its_start_what_was_recovered(merged, size):
    """Operation, how far it had come, what was done; esc closes it, the log keeps it."""
    killed_rollback(merged)
    async with board(merged.root, None, size=size) as b:
        await b.until(lambda: b.view.ending == "rolled back", "the end")
        await b.until(lambda: b.problem and "was cut short" in b.problem.what, "the banner")
        assert "Rolling back in your checkout" in b.problem.what
        assert "1 of 5 files had been exchanged" in b.problem.what
        assert "5 of 5 files as written, compared afresh" in b.problem.untouched
        await b.press("escape")
        await b.until(lambda: not b.problem or "cut short" not in b.problem.what, "it to close")
        log = b.dashboard.query_one(LogPane)._lines
        (told,) = (line for line in log if "was cut short" in line.text)
        assert "backups/" in told.detail
    async with board(merged.root, None, size=size) as b:
        await b.pilot.pause(0.3)
        assert not b.problem or "cut short" not in b.problem.what
