"""Opening, sizes, hostile text, help, search, crash: the dashboard around the run."""

import os
import re
import unicodedata

import pytest
from dashboard_kit import board, make_plan, make_repository

from clubos_tui.ui.actions import ACTIONS
from clubos_tui.ui.app import ClubosApp
from clubos_tui.ui.screens import ask
from clubos_tui.ui.widgets.status_bar import KeyBar
from clubos_tui.ui.widgets.views import DiffPane, FilesPane, LogPane

HOSTILE = "\x1b[31mred\x07\u202egnp.\u200b[@click=app.quit]x[/]"


@pytest.fixture
def place(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path / "home")


# --- opening -----------------------------------------------------------------------------------


async def test_a_folder_that_is_no_repository_says_clubos_init(tmp_path):
    (tmp_path / "empty").mkdir()
    async with board(tmp_path / "empty", None, wait=False) as b:
        await b.says("clubos init")
        assert b.problem is not None
        await b.press("d")
        await b.until(lambda: b.next.said)
        await b.press("q")
        await b.until(lambda: b.app._exit)


async def test_first_paint_does_not_wait_for_the_repository(place, plan):
    from threading import Event

    from clubos_tui.engine.session import Session

    go = Event()

    def slow(path):
        go.wait(20)
        return Session.open(path)

    async with board(place, plan, wait=False, session_factory=slow) as b:
        try:
            await b.says("Opening the repository")
            await b.press("d")
            await b.until(lambda: b.next.said)
            assert "still being opened" in b.next.said[1]
        finally:
            go.set()
        await b.ready()


async def test_a_full_disk_is_a_message_not_a_crash(place, plan, monkeypatch):
    from clubos_tui.journal import FileJournal

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        monkeypatch.setattr(FileJournal, "append", full)
        await b.press("a")
        await b.until(lambda: b.problem is not None)
        assert "No space left on device" in b.problem.what
        assert "Nothing was recorded" in b.problem.untouched
        monkeypatch.undo()


# --- sizes -------------------------------------------------------------------------------------


async def test_80x24_shows_phases_and_one_of_files_diff_and_log(place, plan):
    async with board(place, plan, size=(80, 24)) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.says("+ create  one/a.txt")
        for key, words in (("4", "4 Log"), ("2", "2 Files"), ("3", "3 Diff")):
            await b.press(key)
            await b.until(lambda: b.app.focused is not None)
            await b.says(f"╭─ {words}")
            assert "1 Setup" in b.text()
            assert "[DRY RUN]" in b.text()
            assert "Next: " in b.text()
        lines = b.text().split("\n")
        assert len(lines) == 24
        assert "3 create, 0 modify, 0 delete" in b.text()
        assert re.search(r"proposed +needs approval +2 passed", b.text())


async def test_80x24_approval_keeps_its_buttons_in_sight(place, tmp_path):
    plan = make_plan(
        tmp_path / "home",
        files={1: {"many": {f"d{n:02}/f.txt": "x\n" for n in range(60)}}},
        names=("Many",),
    )
    async with board(place, plan, size=(80, 24)) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("y")
        await b.dialog("Approval")
        await b.says("Reject (r)")
        assert "Approve (y)" in b.text()


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (1, 1)])
async def test_a_terminal_that_is_too_small_gets_one_clear_message(place, plan, size):
    async with board(place, plan, size=(120, 40)) as b:
        await b.pilot.resize_terminal(*size)
        await b.dialog("TooSmall")
        await b.press("d")
        assert b.view is None
        await b.pilot.resize_terminal(80, 24)
        await b.no_dialog()


async def test_it_can_start_too_small(place, plan):
    async with board(place, plan, size=(40, 10)) as b:
        await b.dialog("TooSmall")
        await b.says("enlarge it to 60x16")
        await b.pilot.resize_terminal(100, 30)
        await b.no_dialog()


async def test_zoom_shows_one_pane_and_gives_the_others_back(place, plan):
    async with board(place, plan) as b:
        await b.press("4", "z")
        await b.until(lambda: not b.dashboard.query_one("#diff").display)
        assert "[DRY RUN]" in b.text()
        await b.press("escape")
        await b.until(lambda: b.dashboard.query_one("#diff").display)


# --- hostile text ------------------------------------------------------------------------------


async def test_p11_hostile_names_are_shown_as_symbols_and_do_nothing(place, tmp_path):
    files = {1: {"setup": {"one/\x1b[2J.txt": HOSTILE + "\n", "one/[/b].txt": "x\n"}}}
    plan = make_plan(tmp_path / "home", names=(HOSTILE,), files=files)
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.says("[/b].txt")
        for key in ("2", "3", "4", "question_mark"):
            await b.press(key)
            await b.pilot.pause()
            shown = b.text().replace("\n", "")
            bad = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs"}}
            assert not bad, bad
        await b.press("escape")
        await b.no_dialog()
        assert "␛[31mred" in b.text()
        await b.press("y")
        await b.dialog("Approval")
        await b.says("␛[31mred")


# --- keys --------------------------------------------------------------------------------------


async def test_every_key_is_on_the_help_page_with_why_it_is_off(place, plan):
    async with board(place, plan, size=(120, 200)) as b:
        await b.press("question_mark")
        await b.dialog("Help")
        text = b.text()
        for action in ACTIONS:
            assert action.label in text, action.label
        assert "off: there is no run yet" in text


async def test_every_action_is_in_the_command_palette(place, plan):
    async with board(place, plan) as b:
        titles = {command.title for command in b.app.get_system_commands(b.dashboard)}
        assert {action.label for action in ACTIONS} <= titles


async def test_a_click_on_a_key_is_that_key(place, plan):
    async with board(place, plan) as b:
        bar = b.dashboard.query_one(KeyBar)
        start, _, _ = next(span for span in bar._spans if span[2] == "propose")
        await b.pilot.click(KeyBar, offset=(start + 2, 0))
        await b.phase(1, "proposed")


async def test_n_walks_matches_only_while_a_search_is_on(place, plan):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        diff = b.dashboard.query_one(DiffPane)
        await b.says("one/c.txt")
        await b.press("3", "slash")
        await b.press(*"create", "enter")
        await b.until(lambda: diff._matches and len(diff._matches) == 3)
        row = diff.cursor_row
        await b.press("n")
        await b.until(lambda: diff.cursor_row != row)
        assert b.app.screen is b.dashboard
        await b.press("escape")
        await b.until(lambda: not diff.searching)
        await b.press("n")
        await b.dialog("Approval")


async def test_enter_on_a_phase_filters_the_log_and_esc_gives_it_back(place, plan):
    async with board(place, plan) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        log = b.dashboard.query_one(LogPane)
        everything = log.count_rows()
        await b.press("1", "down", "enter")
        await b.until(lambda: log.count_rows() < everything)
        await b.press("escape")
        await b.until(lambda: log.count_rows() == everything)


async def test_enter_on_a_file_opens_it_in_the_diff(place, plan):
    async with board(place, plan, size=(80, 24)) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("2")
        await b.until(lambda: b.app.focused is b.dashboard.query_one(FilesPane))
        await b.press("down", "enter")
        diff = b.dashboard.query_one(DiffPane)
        await b.until(lambda: b.app.focused is diff and diff.current_path == b"one/b.txt")


async def test_a_screenshot_goes_to_the_state_folder_never_into_the_repository(place, plan):
    before = sorted(os.listdir(place))
    async with board(place, plan) as b:
        await b.press("ctrl+s")
        await b.until(lambda: b.next.said and b.next.said[1].startswith("saved "))
        path = b.next.said[1].removeprefix("saved ")
        assert os.path.exists(path)
        assert not path.startswith(str(place))
    assert sorted(os.listdir(place)) == before


# --- a fault of our own ------------------------------------------------------------------------


async def test_a_crash_prints_no_local_variables_and_writes_a_report(place, plan, capsys):
    key = "sk-" + "secretvalue" * 3

    def broken():
        local = key
        raise RuntimeError(f"broken {len(local)}")

    with pytest.raises(RuntimeError, match="broken"):  # noqa: PT012
        async with board(place, plan) as b:
            b.app.call_later(broken)
            await b.until(lambda: b.app._exception)
    printed = capsys.readouterr()
    shown = printed.out + printed.err
    assert key not in shown
    assert "RuntimeError: broken" in shown
    assert "Report:" in shown
    assert b.app.return_code == 1


def test_no_color_means_an_ansi_theme(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
    assert ClubosApp(".").theme == "ansi-dark"


def test_arming_times_are_as_promised():
    assert ask.ARM_SECONDS == 0.3
    assert ask.AGAIN_SECONDS > 0.66  # the longest common delay before a held key repeats


async def test_a_diff_that_was_read_while_leaving_is_not_shown(place, plan, monkeypatch):
    """Its panes are gone by then, and looking for them would be a crash."""
    async with board(place, plan) as b:
        await b.press("n")
        await b.phase(1, "proposed")
        reviewing = b.dashboard.presenter.reviewing
        await b.until(lambda: reviewing.review, "the diff")
        shown = []
        monkeypatch.setattr(DiffPane, "is_attached", False)
        monkeypatch.setattr(reviewing, "_show_patch", lambda **_: shown.append(1))
        await reviewing._load(1, reviewing._shown)
        monkeypatch.undo()
        assert not shown
