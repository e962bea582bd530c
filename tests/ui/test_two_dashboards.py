"""Two dashboards on one run: whoever decides first has decided, and the other is told so."""

import asyncio
import os
import time
from contextlib import asynccontextmanager

import pytest
from dashboard_kit import board, make_plan, make_repository
from support.agents import write
from test_dashboard_live import slow_session

from clubos_tui import events as e
from clubos_tui.agents.base import PermissionRequest, TurnEnded
from clubos_tui.changes.decisions import Decision
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.locks import FileLock
from clubos_tui.ui.screens import ask
from clubos_tui.ui.widgets.views import DiffPane, FilesPane, LogPane


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


@asynccontextmanager
async def two(place, plan, **options):
    """Ada's dashboard, which drives, and Sam's, which watches."""
    async with board(place, plan, **options) as ada:
        await ada.press("n")
        await ada.until(lambda: ada.view is not None)
        async with board(place, plan, who="Sam", **options) as sam:
            await sam.until(lambda: sam.status.driver, "that it watches")
            yield ada, sam


def records(b):
    bridge = b.dashboard.presenter.bridge
    return Run(bridge.run.id, bridge.session.paths).journal.load()


def said(b, kind):
    return [record.event for record in records(b) if isinstance(record.event, kind)]


async def both(boards, key, dialog):
    """Have the same question on both screens."""
    for b in boards:
        await b.press(key)
        await b.dialog(dialog)


async def is_told(b, *words, dialog=None):
    """The question is settled, says by whom, and takes no answer any more."""
    name = type(b.app.screen).__name__
    for text in words:
        await b.says(text)
    before = len(records(b))
    await b.press("y", "a", "r")
    await asyncio.sleep(0.05)
    assert type(b.app.screen).__name__ == name, "it stays until it was read"
    assert len(records(b)) == before, "and nothing is recorded"
    await b.press("escape")
    await b.no_dialog()


@asynccontextmanager
async def blind(b):
    """A screen that has not read on yet: what it answers is late."""
    bridge = b.dashboard.presenter.bridge
    tick, bridge.tick = bridge.tick, lambda: False
    yield
    bridge.tick = tick


async def is_refused(b, words):
    await b.until(lambda: b.problem and words in b.problem.what, words)
    assert b.problem.tone == "warn", "somebody was faster: no error"
    assert "Nothing was" in b.problem.untouched or "not taken" in b.problem.untouched


# --- the same question on two screens -----------------------------------------------------------


async def test_who_approves_first_has_approved_and_the_other_question_says_so(place, plan):
    async with two(place, plan) as (ada, sam):
        await ada.phase(1, "proposed")
        await sam.phase(1, "proposed")
        await both((ada, sam), "y", "Approval")
        await sam.press("y")
        await is_told(ada, "Sam approved phase 1", " ago")
        assert [event.by for event in said(ada, e.Approved)] == ["Sam"]
        assert ada.view.phase(1).state.value == "approved"


async def test_a_reason_half_typed_does_not_reject_what_was_approved_meanwhile(place, plan):
    async with two(place, plan) as (ada, sam):
        await ada.phase(1, "proposed")
        await sam.phase(1, "proposed")
        await both((ada, sam), "y", "Approval")
        await ada.press("r")
        await ada.dialog("Note")
        await ada.press(*"no")
        await sam.press("y")
        await ada.says("Sam approved phase 1")
        await ada.press("enter")
        await ada.press("escape")
        await ada.no_dialog()
        assert not said(ada, e.Rejected)


async def test_a_rejection_settles_the_other_question_too(place, plan):
    async with two(place, plan) as (ada, sam):
        await ada.phase(1, "proposed")
        await sam.phase(1, "proposed")
        await both((ada, sam), "y", "Approval")
        await sam.press("r")
        await sam.dialog("Note")
        await sam.press(*"too much", "enter")
        await is_told(ada, "Sam rejected phase 1: too much")
        assert not said(ada, e.Approved)


@pytest.mark.parametrize("late", ["y", "r"])
async def test_a_late_answer_is_refused_with_the_name_of_who_decided(place, plan, late):
    async with two(place, plan) as (ada, sam):
        await ada.phase(1, "proposed")
        await sam.phase(1, "proposed")
        await both((ada, sam), "y", "Approval")
        async with blind(ada):
            await sam.press("y")
            await sam.phase(1, "approved")
            await ada.press(late)
            if late == "r":
                await ada.dialog("Note")
                await ada.press(*"no", "enter")
            await ada.no_dialog()
        await is_refused(ada, "Sam approved phase 1")
        assert len(said(ada, e.Approved | e.Rejected)) == 1


async def test_a_late_seal_or_undo_does_not_take_another_draft(place, plan):
    async with two(place, plan) as (ada, sam):
        await ada.phase(1, "proposed")
        await sam.phase(1, "proposed")
        tree = ada.view.phase(1).change_set
        bridge = sam.dashboard.presenter.bridge
        await bridge.say(
            lambda run: run.decide(1, tree, [Decision("one/a.txt", "reject")], by="Ada")
        )
        await ada.until(lambda: ada.view.phase(1).draft.rejecting)
        async with blind(ada):
            more = [Decision("one/b.txt", "reject")]
            await bridge.say(lambda run: run.decide(1, tree, more, by="Sam"))
            await ada.press("s")
            await is_refused(ada, "Sam rejected one/b.txt")
            await ada.press("u")
            await ada.until(lambda: not ada.dashboard.presenter._busy)
            await is_refused(ada, "Sam rejected one/b.txt")
        assert not said(ada, e.SealRequested | e.DecisionUndone)
        await ada.until(lambda: len(ada.view.phase(1).draft.rejecting) == 2)


async def test_execute_merge_roll_back_and_undo_are_asked_twice_and_done_once(place, tmp_path):
    plan = make_plan(tmp_path / "home", names=("Setup",))
    async with two(place, plan, live=True) as (ada, sam):
        for b in (ada, sam):
            await b.phase(1, "proposed")
        await sam.press("y")
        await sam.dialog("Approval")
        await sam.press("y")
        for b in (ada, sam):
            await b.phase(1, "approved")

        await both((ada, sam), "X", "Confirm")
        await sam.press("y")
        await is_told(ada, "Sam asked to execute phase 1 for real")
        for b in (ada, sam):
            await b.phase(1, "validated")

        await both((ada, sam), "m", "Confirm")
        await ada.press("y")
        await is_told(sam, "Ada asked to merge")
        for b in (ada, sam):
            await b.until(lambda b=b: b.view.ending == "merged")

        await both((ada, sam), "R", "Confirm")
        await sam.press("y")
        await is_told(ada, "Sam asked to roll back phase 1")
        for b in (ada, sam):
            await b.phase(1, "rolled back")

        await both((ada, sam), "U", "Confirm")
        await ada.press("y")
        await is_told(sam, "Ada asked to undo the last rollback")
        await sam.phase(1, "merged")
        for kind in (e.ExecutionRequested, e.MergeRequested, e.RollbackRequested, e.UndoRequested):
            assert len(said(ada, kind)) == 1


async def test_p7_an_override_is_recorded_once(place, tmp_path):
    plan = make_plan(tmp_path / "home", names=("Setup",), at_least=9)
    async with two(place, plan) as (ada, sam):
        for b in (ada, sam):
            await b.phase(1, "proposed")
        await both((ada, sam), "o", "Override")
        await sam.press(*"Sam", "enter", *"fine", "enter")
        await is_told(ada, "Sam overrode files there: fine")
        assert len(said(ada, e.Overridden)) == 1


class AskingAgent:
    """Asks for one thing, and writes its file when it has an answer."""

    async def start(self, workspace):
        self.folder, self.answered = workspace.folder, asyncio.Event()

    async def prompt(self, request):
        yield PermissionRequest("ask-1", "Run the tests", "npm test", "execute")
        await self.answered.wait()
        write("one/a.txt", "a\n")(self.folder)
        yield TurnEnded("end_turn")

    def answer(self, permission, *, allowed):
        self.answered.set()

    async def cancel(self):
        pass

    async def aclose(self):
        pass


async def test_what_an_agent_asks_is_answered_once(place, plan):
    def opened(path):
        return Session.open(path, {"blueprint": AskingAgent})

    async with two(place, plan, session_factory=opened) as (ada, sam):
        for b in (ada, sam):
            await b.until(lambda b=b: b.view.phase(1).permissions.open, "the question")
        await both((ada, sam), "p", "Permission")
        await sam.press("r")
        await is_told(ada, "Sam denied what the agent asked")
        assert [event.allowed for event in said(ada, e.PermissionAnswered)] == [False]
        await ada.phase(1, "proposed")


async def test_a_limit_is_not_set_on_numbers_that_somebody_changed(place, plan):
    async with two(place, plan) as (ada, sam):
        for b in (ada, sam):
            await b.phase(1, "proposed")
        await both((ada, sam), "dollar_sign", "Limits")
        await sam.press("7", "enter")
        await ada.says("Sam set the limit of phase 1 to $7.00")
        await ada.press("enter", "escape")
        await ada.no_dialog()
        assert [event.by for event in said(ada, e.BudgetRaised)] == ["Sam"]


@pytest.fixture
def moved(repo, journey):
    """A merge that waits for a yes to the merged tree, and that no process drives."""
    run = journey(write("made.txt", "1\n")).live()
    repo.write("other.txt", "moved\n")
    repo.commit("the target moves")
    run.run.merge(by="Pat")
    run.go()
    run.close()
    return repo


async def test_the_merged_tree_is_approved_once(moved):
    repo = moved
    async with board(repo.root, None) as ada, board(repo.root, None, who="Sam") as sam:
        for b in (ada, sam):
            await b.says("Approve the merged tree")
        await both((ada, sam), "n", "Approval")
        await sam.press("y")
        await is_told(ada, "Sam approved the merged tree")
        await ada.until(lambda: ada.view.ending == "merged")
        assert [event.by for event in said(ada, e.MergeApproved)] == ["Sam"]


async def test_all_that_is_left_is_not_decided_over_a_decision_just_made(place, plan):
    async with two(place, plan) as (ada, sam):
        for b in (ada, sam):
            await b.phase(1, "proposed")
            await b.until(lambda b=b: b.dashboard.query_one(DiffPane).patch.files, "the diff")
            await b.press("2")
        await ada.press("M")
        await ada.dialog("Choose")
        await sam.press("D")
        await ada.says("Sam rejected one/a.txt")
        await ada.press("enter", "escape")
        await ada.no_dialog()
        assert [event.by for event in said(ada, e.Decided)] == ["Sam"]


# --- what the other sees ------------------------------------------------------------------------


async def test_a_draft_made_in_one_is_seen_in_the_other_which_stays_where_it_is(place, plan):
    async with two(place, plan) as (ada, sam):
        for b in (ada, sam):
            await b.phase(1, "proposed")
            await b.until(lambda b=b: b.dashboard.query_one(DiffPane).patch.files, "the diff")
            await b.press("3")
        diff = sam.dashboard.query_one(DiffPane)
        await sam.press("}", "]")
        here, path = diff.cursor_row, diff.current_path
        assert path == b"one/b.txt"
        await ada.press("r", "a")
        await sam.until(lambda: len(sam.view.phase(1).draft.files) == 2, "two decisions")
        await sam.says("Ada rejected one/a.txt")
        await sam.says("1 left to decide")
        assert (diff.cursor_row, diff.current_path) == (here, path)
        assert diff.has_focus
        assert sam.dashboard.query_one(FilesPane).path == "one/b.txt"
        await sam.press("r")  # and what it decides is about that
        await ada.says("Sam rejected a hunk of one/b.txt")


async def test_a_watching_dashboard_says_who_drives_and_takes_over_when_that_goes(place, plan):
    async with board(place, plan, who="Sam", wait=False, size=(80, 24)) as sam:
        async with board(place, plan, session_factory=slow_session) as ada:
            await ada.press("n")
            await ada.hears("I am at it.")
            await sam.until(lambda: sam.view is not None, "a run that another one started")
            await sam.says(f"process {os.getpid()} drives; decisions count")
            await sam.press("4")
            await sam.hears("I am at it.")
            await ada.press("q")
            await ada.dialog("Confirm")
            await ada.press("y")
            await ada.until(lambda: ada.app._exit, "the end")
        began = time.monotonic()
        await sam.until(lambda: not sam.status.driver, "that nobody else drives")
        assert time.monotonic() - began < 20
        took_over = f"process {os.getpid()} has gone: this dashboard drives now"
        await sam.until(lambda: sam.next.said, "that it says so")
        assert sam.next.said == ("info", took_over)
        await sam.phase(1, "proposed")  # it begins that action again and ends it
        assert [event.by for event in said(sam, e.ProposalRequested)] == ["Ada"]
        assert not said(sam, e.Paused), "withdrawn, not given up"
        lines = [line.text for line in sam.dashboard.query_one(LogPane)._lines]
        assert took_over in lines
        assert lines.count("Wrote 3 files.") == 1


async def test_a_driver_on_another_machine_is_named_with_it(place, plan, monkeypatch):
    async with board(place, plan) as ada:
        await ada.press("n")
        await ada.phase(1, "proposed")
        lock = FileLock(ada.dashboard.presenter.bridge.session.paths.driver_lock)
        fd = os.open(lock.path, os.O_RDWR)
        os.ftruncate(fd, 0)
        os.pwrite(fd, b'{"pid": 4242, "host": "box\\u001b[31m"}', 0)
        os.close(fd)
        async with board(place, plan, who="Sam") as sam:
            await sam.says("process 4242 on box␛[31m drives; decisions count")


async def test_a_run_that_another_one_starts_is_followed(place, plan):
    async with board(place, plan) as ada, board(place, plan, who="Sam") as sam:
        assert sam.view is None
        await ada.press("n")
        await ada.phase(1, "proposed")
        await sam.phase(1, "proposed")
        await sam.says("one/a.txt")
        first = sam.view.started.run
        await ada.app.run_action("screen.do('abandon')")
        await ada.dialog("Confirm")
        await ada.press("y")
        for b in (ada, sam):
            await b.until(lambda b=b: b.view.ending)
        await both((ada, sam), "n", "Confirm")  # a new run?
        await ada.press("y")
        await is_told(sam, "Ada started")
        await sam.until(lambda: sam.view.started.run != first)
        await sam.phase(1, "proposed")
        assert len(sam.dashboard.presenter.bridge.session.runs()) == 2
