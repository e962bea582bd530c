"""Execute, merge, roll back, undo, interrupt and resume, with the real engine."""

import asyncio
import os
from pathlib import Path

import pytest
from dashboard_kit import board, git, make_plan, make_repository

from clubos_tui.agents.base import MessageChunk, ThoughtChunk, TurnEnded
from clubos_tui.ui.screens import ask
from clubos_tui.ui.values import NoteRow
from clubos_tui.ui.widgets.views import FilesPane, LogPane


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


@pytest.fixture
def place(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path / "home")


async def approve(b, number):
    await b.press("n")
    await b.phase(number, "proposed")
    await b.press("n")
    await b.dialog("Approval")
    await b.press("y")
    await b.phase(number, "approved")


async def execute(b, number):
    await b.press("X")
    await b.dialog("Confirm")
    await b.press("y")
    await b.phase(number, "validated")


async def test_the_dashboard_starts_in_dry_run_and_execute_says_how_to_go_live(place, plan):
    async with board(place, plan) as b:
        await approve(b, 1)
        assert b.status.mode == "DRY RUN"
        assert b.next.step.words.startswith("Go LIVE")
        await b.press("X")
        await b.until(lambda: b.next.said)
        assert "press L to go live" in b.next.said[1]
        assert b.view.phase(1).state.value == "approved"


async def test_next_goes_live_first_and_executes_only_after_a_confirmation(place, plan):
    async with board(place, plan) as b:
        await approve(b, 1)
        await b.press("n")
        await b.until(lambda: b.status.mode == "LIVE")
        assert "[LIVE]" in b.text()
        assert b.view.phase(1).state.value == "approved"
        await b.press("n")
        await b.dialog("Confirm")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.phase(1).state.value == "approved"


async def test_the_whole_journey_by_one_key_and_its_confirmations(place, plan):
    async with board(place, plan, live=True) as b:
        for number in (1, 2):
            await approve(b, number)
            await execute(b, number)
            assert b.selected == min(number + 1, 2)
        assert not (place / "one").exists()
        await b.press("n")
        await b.dialog("Confirm")
        assert b.app.focused.id == "no"
        await b.press("y")
        await b.until(lambda: b.view.ending == "merged")
        assert (place / "two" / "b.sql").read_text() == "create table b ();\n"
        assert git(place, "log", "--format=%P", "-1").count(" ") == 1
        await b.says("Merged into main")


async def test_a_merge_onto_a_target_that_moved_needs_its_own_approval(place, tmp_path):
    plan = make_plan(tmp_path / "home", names=("Setup",))
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await execute(b, 1)
        (place / "other.txt").write_text("other\n")
        git(place, "add", "other.txt")
        git(place, "commit", "--quiet", "--message=moved on")
        await b.press("n")
        await b.dialog("Confirm")
        await b.press("y")
        await b.until(lambda: b.next.step.words == "Approve the merged tree")
        await b.press("y")
        await b.dialog("Approval")
        assert b.app.focused.id == "later"
        await b.says("main has moved")
        await b.press("y")
        await b.until(lambda: b.view.ending == "merged")
        assert (place / "one" / "a.txt").exists()
        assert (place / "other.txt").exists()


async def test_a_merge_that_is_refused_stays_in_the_pane_with_its_cure(place, tmp_path):
    plan = make_plan(tmp_path / "home", names=("Setup",))
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await execute(b, 1)
        (place / "one").mkdir()
        (place / "one" / "a.txt").write_text("mine\n")
        await b.press("n")
        await b.dialog("Confirm")
        await b.press("y")
        await b.until(lambda: b.view.failure is not None)
        await b.until(lambda: b.problem and "one/a.txt" in b.problem.what)
        assert "Nothing has changed" in b.problem.untouched
        assert b.problem.cure
        assert (place / "one" / "a.txt").read_text() == "mine\n"


async def test_p4_rollback_shows_its_loss_statement_then_every_file_and_stays(place, plan):
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await execute(b, 1)
        await b.press("1", "home", "R")
        await b.dialog("Confirm")
        await b.says("3 files deleted")
        assert b.app.focused.id == "no"
        await b.press("y")
        await b.phase(1, "rolled back")
        await b.until(lambda: b.dashboard.query_one(FilesPane)._values.title == "verified 3 of 3")
        rows = b.dashboard.query_one(FilesPane)._values.rows
        assert rows[:2] == (
            NoteRow("good", "Rolled back phase 1"),
            NoteRow("good", "0 restored, 3 deleted"),
        )
        assert rows[2:] == tuple(NoteRow("good", f"one/{name}.txt", "deleted") for name in "abc")
        assert "U to undo" in b.problem.cure


async def test_p4_what_a_rollback_leaves_alone_is_listed_with_the_reason(place, plan):
    async with board(place, plan, live=True, size=(160, 40)) as b:
        await approve(b, 1)
        await execute(b, 1)
        await b.press("n")
        await b.phase(2, "proposed")
        await b.press("n")
        await b.dialog("Approval")
        await b.press("y")
        await b.phase(2, "approved")
        await execute(b, 2)
        await b.press("n")
        await b.dialog("Confirm")
        await b.press("y")
        await b.until(lambda: b.view.ending == "merged")
        (place / "one" / "a.txt").write_text("edited since\n")
        await b.press("1", "home", "R")
        await b.dialog("Confirm")
        await b.says("1 path left alone")
        await b.press("y")
        await b.phase(1, "rolled back")
        assert (place / "one" / "a.txt").read_text() == "edited since\n"
        await b.says("left alone one/a.txt (changed since)")


async def test_undo_puts_the_rollback_back(place, plan):
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await execute(b, 1)
        await b.press("1", "home", "R")
        await b.dialog("Confirm")
        await b.press("y")
        await b.phase(1, "rolled back")
        await b.press("U")
        await b.dialog("Confirm")
        await b.press("y")
        await b.phase(1, "validated")


async def test_rollback_is_allowed_in_dry_run(place, plan):
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await execute(b, 1)
        await b.press("L")
        await b.until(lambda: b.status.mode == "DRY RUN")
        await b.press("1", "home", "R")
        await b.dialog("Confirm")


async def test_a_phase_that_cant_be_rolled_back_needs_its_name_typed(place, tmp_path):
    plan = make_plan(tmp_path / "home", rollbackable=False)
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await b.press("X")
        await b.dialog("TypedConfirm")
        await b.says("NOT rollbackable")
        await b.press(*"setup", "enter")
        await b.says("That is not the name")
        assert b.view.phase(1).state.value == "approved"
        await b.press(*["backspace"] * 5, *"Setup", "enter")
        await b.phase(1, "validated")


async def test_resume_lands_on_the_same_screen_with_the_log_rebuilt(place, plan):
    async with board(place, plan, live=True, size=(160, 40)) as b:
        await approve(b, 1)
        await execute(b, 1)
        await b.press("n")
        await b.phase(2, "proposed")
        await b.until(lambda: "Review and approve phase 2" in b.next.step.words)
        before = [line.text for line in b.dashboard.query_one(LogPane)._lines]
    async with board(place, plan) as b:
        assert b.selected == 2
        assert "Review and approve phase 2" in b.next.step.words
        assert b.status.mode == "DRY RUN"  # arming LIVE is never remembered
        await b.says("two/a.sql")
        after = [line.text for line in b.dashboard.query_one(LogPane)._lines]
        assert [t for t in after if "on disk" not in t] == [t for t in before if "on disk" not in t]


async def test_a_rollback_result_is_still_there_after_a_restart(place, plan):
    async with board(place, plan, live=True) as b:
        await approve(b, 1)
        await execute(b, 1)
        await b.press("1", "home", "R")
        await b.dialog("Confirm")
        await b.press("y")
        await b.phase(1, "rolled back")
    async with board(place, plan) as b:
        await b.says("Rolled back phase 1: 0 restored, 3 deleted")
        await b.says("deleted one/a.txt")


async def test_a_second_window_watches_and_says_so(place, plan):
    async with board(place, plan) as first:
        await first.press("d")
        await first.phase(1, "proposed")
        async with board(place, plan) as second:
            await second.until(lambda: second.status.driver, "watching")
            assert f"process {os.getpid()} drives" in second.status.driver
            await second.press("d")  # it may ask all the same; the other one does it
            await second.until(lambda: second.view.phase(1).attempt == 2)


async def test_a_disk_that_fails_at_the_start_is_said(place, plan, monkeypatch):
    def full(_self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("clubos_tui.engine.driver.recover_all", full)
    async with board(place, plan) as b:
        await b.press("d")
        await b.says("The driver stopped: No space left on device")


async def test_a_failed_dry_run_stays_in_the_pane_with_its_cure(place, tmp_path):
    plan = make_plan(tmp_path / "home")
    (place / "one").mkdir()
    (place / "one" / "a.txt").write_text("there already\n")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=in the way")
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "failed")
        await b.says("already there with other content")
        await b.says("Press d to try again")
        await b.says("Your repository was not touched")


class SlowAgent:
    """Writes a line and then works until it is stopped."""

    async def start(self, workspace):
        self.folder = workspace.folder

    async def prompt(self, request):
        yield MessageChunk("I am at it.\n")
        for turn in range(36_000):  # a stream is written in groups: what comes next pushes it on
            await asyncio.sleep(0.1)
            Path(self.folder, "draft.txt").write_text(f"half {turn}\n")
            yield ThoughtChunk("hm\n")
        yield TurnEnded("end_turn")

    async def cancel(self):
        pass

    async def aclose(self):
        pass


def slow_session(path):
    from clubos_tui.engine.session import Session

    return Session.open(path, agents={"blueprint": SlowAgent})


async def test_what_the_agent_writes_is_live_and_ctrl_c_undoes_the_step(place, plan):
    async with board(place, plan, session_factory=slow_session) as b:
        await b.press("d")
        await b.hears("I am at it.")
        await b.says("writing draft.txt")
        assert b.status.running
        assert "ctrl+c" in b.text()
        await b.press("ctrl+c")
        await b.until(lambda: b.view.paused and not b.view.queue)
        await b.until(lambda: b.problem is not None)
        assert "interrupted by Ada" in b.problem.what
        assert b.next.step.key == "n"
        await b.press("n")
        await b.until(lambda: b.view.phase(1).state.value == "proposing")


async def test_quitting_while_a_step_runs_asks_and_the_step_goes_on_next_time(place, plan):
    async with board(place, plan, session_factory=slow_session) as b:
        await b.press("d")
        await b.hears("I am at it.")
        await b.press("q")
        await b.dialog("Confirm")
        assert b.app.focused.id == "no"
        await b.press("escape")
        await b.no_dialog()
        assert not b.app._exit
        await b.press("q")
        await b.dialog("Confirm")
        await b.press("y")
        await b.until(lambda: b.app._exit, "the end")
    async with board(place, plan) as b:  # now with the agent that ends
        await b.phase(1, "proposed")


async def test_quitting_while_nothing_runs_asks_nothing(place, plan):
    async with board(place, plan) as b:
        await b.press("q")
        await b.until(lambda: b.app._exit, "the end")
        assert b.app.return_code in {None, 0}


async def test_ctrl_c_with_nothing_running_says_how_to_quit(place, plan):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("ctrl+c")
        await b.until(lambda: b.next.said)
        assert "q quits" in b.next.said[1]
        assert not b.app._exit


async def test_what_is_written_down_while_the_screen_reads_is_shown_all_the_same(place, plan):
    from clubos_tui.changes.decisions import Decision
    from clubos_tui.engine.run import Run

    async with board(place, plan) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        bridge = b.dashboard.presenter.bridge
        eve = Run(bridge.run.id, bridge.session.paths)
        tree = b.view.phase(1).change_set
        refresh, left = bridge.run.refresh, [Decision("one/b.txt", "reject", "not this one")]

        def meanwhile():
            read = refresh()
            while left:  # between the view that was read and the records that are shown
                eve.decide(1, tree, [left.pop()], by="Eve")
            return read

        bridge.run.refresh = meanwhile
        await b.until(lambda: not left)
        await b.says("Eve rejected one/b.txt")
        await b.says("rejected one/b.txt")
        await b.until(lambda: "✘ + rejected one/b.txt" in b.text())
