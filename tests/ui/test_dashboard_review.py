"""Dry run, review and approval at the keyboard, with the real engine."""

import pytest
from dashboard_kit import board, git, make_plan, make_repository

from clubos_tui.ui.screens import ask
from clubos_tui.ui.widgets.views import DiffPane, FilesPane


@pytest.fixture
def place(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def quick(monkeypatch):
    """Tests that are not about type-ahead need not wait for it."""
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path / "home")


async def test_before_a_run_every_pane_says_which_key_helps(place, plan):
    async with board(place, plan) as b:
        text = b.text()
        assert "Press n or d to see what phase 1 would change" in text
        assert "Nothing in your repository is touched" in text
        assert "No changes yet: press d." in text
        assert "[DRY RUN]" in text
        assert b.next.step.key == "n"


async def test_p1_a_dry_run_from_the_keyboard_touches_nothing(place, plan):
    before = git(place, "status", "--porcelain"), git(place, "for-each-ref")
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.says("one/a.txt")
        assert b.status.create == 3
        assert b.status.pending == 3
    assert before == (git(place, "status", "--porcelain"), git(place, "for-each-ref"))


async def test_accept_and_reject_go_on_to_the_next_pending_file(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        files = b.dashboard.query_one(FilesPane)
        await b.until(lambda: files.path == "one/a.txt")
        await b.press("a")
        await b.until(lambda: files.path == "one/b.txt")
        await b.press("r")
        await b.dialog("Note")
        await b.press(*"no", "enter")
        await b.no_dialog()
        await b.until(lambda: files.path == "one/c.txt")
        decisions = b.view.phase(1).draft.files
        assert {p: (d.whole.verdict, d.whole.note) for p, d in decisions.items()} == {
            "one/a.txt": ("accept", ""),
            "one/b.txt": ("reject", "no"),
        }
        assert b.status.pending == 1


async def test_a_decision_can_be_taken_back(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        files = b.dashboard.query_one(FilesPane)
        await b.until(lambda: files.path == "one/a.txt")
        await b.press("a")
        await b.until(lambda: b.view.phase(1).draft.files)
        await b.press("2", "up", "x")
        await b.until(lambda: not b.view.phase(1).draft.files)
        await b.press("u")
        await b.until(lambda: b.view.phase(1).draft.files)
        await b.press("u")
        await b.until(lambda: not b.view.phase(1).draft.files)
        await b.press("u")
        await b.says("no decision to undo")


async def test_esc_in_the_note_rejects_nothing(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("r")
        await b.dialog("Note")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.phase(1).draft.files == {}


async def test_sealing_leaves_the_rejected_file_out(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("r")
        await b.dialog("Note")
        await b.press("enter")
        await b.no_dialog()
        await b.until(lambda: "Seal" in b.next.step.words)
        whole = b.view.phase(1).change_set
        await b.press("s")
        await b.until(lambda: b.view.phase(1).change_set != whole and not b.view.queue)
        assert [row.path for row in b.view.phase(1).manifest] == ["one/b.txt", "one/c.txt"]


async def test_file_list_and_diff_stay_on_the_same_file(place, plan):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        files, diff = b.dashboard.query_one(FilesPane), b.dashboard.query_one(DiffPane)
        await b.until(lambda: diff.current_path == b"one/a.txt")
        await b.press("2", "down")
        await b.until(lambda: diff.current_path == b"one/b.txt")
        await b.press("3", "right_curly_bracket")
        await b.until(lambda: files.path == "one/c.txt")


# --- the approval ------------------------------------------------------------------------------


async def test_approval_has_the_focus_on_reject_and_shows_what_it_binds(place, plan):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y")
        await b.dialog("Approval")
        assert b.app.focused.id == "reject"
        phase = b.view.phase(1)
        for words in (phase.change_set, phase.base, "Ada", "files there: passed", "identical"):
            assert words in b.text()


@pytest.fixture
def clock(monkeypatch):
    """The dialogs' clock, moved by the test: what is tested is a time."""
    hands = [100.0]
    monkeypatch.setattr(ask, "monotonic", lambda: hands[0])
    return hands


async def test_type_ahead_does_not_approve(place, plan, clock):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y", "y", "y", "a")
        await b.dialog("Approval")
        for key in ("y", "a", "r", "enter"):
            clock[0] += ask.ARM_SECONDS / 5
            await b.press(key)
        assert b.view.phase(1).approval is None
        assert type(b.app.screen).__name__ == "Approval"


async def test_a_key_that_is_held_down_does_not_approve(place, plan, clock):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y")
        await b.dialog("Approval")
        clock[0] += 0.66  # the longest common delay before a keyboard repeats
        for _ in range(12):
            await b.press("y")
            clock[0] += 0.04
        assert type(b.app.screen).__name__ == "Approval"
        assert b.view.phase(1).approval is None


async def test_an_armed_approval_approves_exactly_what_was_shown(place, plan, clock):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y")
        await b.dialog("Approval")
        clock[0] += ask.AGAIN_SECONDS
        await b.press("y")
        await b.phase(1, "approved")
        approval = b.view.phase(1).approval
        assert (approval.by, approval.how) == ("Ada", "person")
        assert approval.change_set == b.view.phase(1).change_set
        assert approval.shown.where == "dashboard"
        assert approval.shown.files == 3


async def test_esc_means_later_and_decides_nothing(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y")
        await b.dialog("Approval")
        await b.press("escape")
        await b.no_dialog()
        phase = b.view.phase(1)
        assert (phase.approval, phase.rejection) == (None, None)
        assert "approve" in b.next.step.words


async def test_rejecting_asks_for_a_reason_and_keeps_it_on_the_screen(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y")
        await b.dialog("Approval")
        await b.press("enter")  # the focus is on Reject
        await b.dialog("Note")
        await b.press("enter")  # a reason is required
        await b.says("A reason is needed")
        await b.press(*"wrong", "enter")
        await b.phase(1, "rejected")
        await b.until(lambda: b.problem and "wrong" in b.problem.what)
        assert "next attempt" in b.problem.cure


async def test_p7_a_gate_that_is_shut_offers_no_approval_but_an_override(place, tmp_path, quick):
    plan = make_plan(tmp_path / "home", at_least=99)
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.until(lambda: b.problem is not None)
        assert "files there" in b.problem.what
        await b.press("y")
        await b.dialog("Approval")
        assert b.app.screen.query_one("#approve").disabled
        await b.press("y")
        assert type(b.app.screen).__name__ == "Approval"
        await b.press("escape")
        await b.no_dialog()
        await b.press("o")
        await b.dialog("Override")
        await b.press("enter", "enter")
        await b.says("Both a name and a reason are needed")
        await b.press("escape")
        await b.no_dialog()
        assert b.view.overridden == {}
        await b.press("o")
        await b.dialog("Override")
        await b.press(*"Ada", "enter", *"known", "enter")
        await b.no_dialog()
        await b.until(lambda: b.view.reviewable(1))
        (said,) = b.view.overridden.values()
        assert (said.check, said.by, said.reason) == ("files there", "Ada", "known")


async def test_p2_an_edit_from_outside_is_marked_and_stops_the_approval(place, plan, quick):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        (place / "one").mkdir()
        (place / "one" / "a.txt").write_text("mine\n")
        await b.until(lambda: b.view.phase(1).moved_outside() == ("one/a.txt",))
        await b.says("changed outside")
        await b.press("y")
        await b.until(lambda: b.next.said is not None)
        assert "changed outside" in b.next.said[1]
        assert "press d" in b.next.said[1]
        await b.no_dialog()
