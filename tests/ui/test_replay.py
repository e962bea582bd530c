"""A replay on the screen: each event as it was, nothing decided, nothing touched."""

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dashboard_kit import Board
from support import agents
from support.journey import WHO
from textual.widgets import Input

from clubos_tui.engine.driver import Driver
from clubos_tui.engine.fold import fold
from clubos_tui.engine.session import Session
from clubos_tui.errors import Refused
from clubos_tui.journal import Record
from clubos_tui.ui import replaying
from clubos_tui.ui.actions import ACTIONS, BY_ID, REPLAY
from clubos_tui.ui.app import ClubosApp
from clubos_tui.ui.keymap import keymap_path
from clubos_tui.ui.screens.help import key_page
from clubos_tui.ui.situation import REPLAY as WHY
from clubos_tui.ui.values import Position
from clubos_tui.ui.widgets.phase_list import PhaseList
from clubos_tui.ui.widgets.replay_bar import ReplayBar
from clubos_tui.ui.widgets.views import DiffPane, FilesPane, LogPane

DECIDING = {"Steps", "Review", "Take back"}


@pytest.fixture
def run(journey):
    """A run of one phase, merged and rolled back, that nobody drives any more."""
    files = (agents.write(f"one/{name}.txt", f"{name}\n") for name in "abc")
    made = journey(agents.all_of(*files)).live().merge().roll_back(1)
    made.close()
    return made


class Screen(Board):
    """A replay, with what a person sees and does."""

    @property
    def replay(self) -> replaying.Replay:
        return self.dashboard.presenter.bridge

    @property
    def at(self) -> int:
        return self.replay.seen

    async def stands(self, at: int) -> None:
        await self.until(lambda: self.at == at and self.replay._target is None, f"event {at}")


@asynccontextmanager
async def playing(repo, run_id, *, size=(120, 40)):
    app = ClubosApp(repo.path, replay=run_id)
    async with app.run_test(size=size) as pilot:
        shown = Screen(app, pilot)
        await shown.ready()
        yield shown


def touched(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder, with its times and bytes."""
    out = {}
    for top, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(top, name)
            found = os.lstat(path)
            data = Path(path).read_bytes() if os.path.isfile(path) else b""
            out[path] = (found.st_mode, found.st_mtime_ns, found.st_ino, data)
    return out


async def test_each_step_shows_the_fold_of_what_had_happened_and_back_the_same(run):
    records = run.run.journal.load()
    async with playing(run.repo, run.run.id) as b:
        assert b.at == 1
        for number in range(2, 9):
            await b.press("full_stop")
            await b.stands(number)
            assert b.view == fold(record.event for record in records[:number])
        rows = b.dashboard.query_one(LogPane).count_rows()
        for number in range(7, 3, -1):
            await b.press("comma")
            await b.stands(number)
            assert b.view == fold(record.event for record in records[:number])
        await b.until(lambda: b.dashboard.query_one(LogPane).count_rows() < rows)
        await b.press("end")
        await b.stands(len(records))
        assert b.view == fold(record.event for record in records)
        await b.says(f"event {len(records)} of {len(records)}")
        await b.press("home")
        await b.stands(1)
        assert b.dashboard.query_one(LogPane).count_rows() == 1
        await b.press("comma")
        await b.says("this is the first event")


async def test_the_panes_show_what_was_pending_then(run):
    """The diff of the attempt, the paths of the rollback as they went, the phases."""
    async with playing(run.repo, run.run.id) as b:
        await b.press("greater_than_sign")
        await b.until(lambda: type(b.replay._tape.records[b.at - 1].event).__name__ == "Proposed")
        await b.says("one/b.txt")
        await b.until(lambda: b.dashboard.query_one(DiffPane).patch.files)
        assert [row.status for row in b.dashboard.query_one(PhaseList)._rows] == ["proposed"]
        await b.press("end")
        await b.says("Rolled back phase 1")
        rows = b.dashboard.query_one(FilesPane)._values.rows
        assert [row.word for row in rows if row.word] == ["deleted"] * 3
        await b.press("less_than_sign", "less_than_sign")
        await b.until(lambda: b.view.ending == "merged")
        await b.until(lambda: [row.status for row in b.dashboard.query_one(PhaseList)._rows]
                      == ["merged"])  # fmt: skip


async def test_nothing_in_repository_and_journal_changes_and_no_lock_is_taken(run, state):
    run.repo.mess()
    (folder,) = state.iterdir()
    before, runs = touched(run.repo.root), touched(folder / "runs")
    locks = set(folder.rglob("*.lock"))
    async with playing(run.repo, run.run.id) as b:
        for keys in ("end", "comma", "less_than_sign", "space", "right_parenthesis", "n", "home"):
            await b.press(keys)
            await b.pilot.pause(0.05)
        other = Session.open(run.repo.path)
        driver = Driver(other, other.current())
        driver.require()  # refused where anybody holds the lock
        driver.release()
        other.close()
    assert touched(run.repo.root) == before
    assert touched(folder / "runs") == runs
    assert set(folder.rglob("*.lock")) == locks


async def test_keys_that_decide_are_off_and_say_why(run):
    async with playing(run.repo, run.run.id) as b:
        for key in ("n", "y", "a", "r", "R", "L", "d", "X", "m", "U", "s", "e"):
            await b.press(key)
            await b.until(
                lambda key=key: b.next.said and b.next.said[1].startswith(f"{key} is off")
            )
            assert WHY in b.next.said[1]
        now = b.dashboard.situation()
        for action in ACTIONS:
            if action.group in DECIDING and action.id != "since":
                assert action.off(now) == WHY, action.id
        assert BY_ID["interrupt"].off(now)
        seq = run.run.journal.load()[-1].seq
        for refused in (
            b.replay.say(lambda run: run.pause(by="x")),
            b.replay.start_run(),
            b.replay.note_outside(1, {"a": "b"}),
            b.replay.rollback_preview(1),
        ):
            with pytest.raises(Refused, match="replay"):
                await refused
        with pytest.raises(Refused, match="replay"):
            b.replay.run.propose(1, by="x")
        assert run.run.journal.load()[-1].seq == seq


def test_the_keys_of_a_replay_are_nobody_elses():
    taken = {key for action in ACTIONS for key in action.key.split(",")}
    own = [action.key for action in REPLAY]
    assert len(set(own)) == len(own)
    assert not taken & set(own)
    assert {action.id for action in REPLAY}.isdisjoint(action.id for action in ACTIONS)


async def test_help_and_palette_name_them_and_a_person_may_choose_others(
    run, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Path(keymap_path()).parent.mkdir(parents=True)
    Path(keymap_path()).write_text('[keys]\nforth = "h"\nback = ","\n')
    async with playing(run.repo, run.run.id) as b:
        assert not b.app.keymap.problems
        now = b.dashboard.situation()
        said = key_page(now, 100).plain
        assert "h           Forth. One event forth" in said
        assert "<           Turn before" in said
        assert "Turn before" not in key_page(replace(now, replays=False), 100).plain
        named = {command.title for command in b.app.get_system_commands(b.dashboard)}
        assert {"Play", "Next turn", "Approve"} <= named
        await b.press("h")
        await b.stands(2)
        await b.press("comma")
        await b.stands(1)


async def test_it_plays_at_the_runs_own_pace_with_long_gaps_cut(run):
    async with playing(run.repo, run.run.id) as b:
        replay = b.replay
        b.dashboard.presenter._tick = lambda: None
        later(replay._tape.records, 3600.0)
        replay.play()
        replay._play(replaying.LONGEST / 2)
        assert replay.seen == 1
        assert replay.position().seconds == 1800  # the clock runs through the gap
        replay._play(replaying.LONGEST / 2)
        assert replay.seen >= 2
        assert not replay.position().playing  # all that came after it was earlier, so at once
        replay.play()
        assert replay._go()
        replay.set_speed(1)
        replay._play(replaying.LONGEST / 4)
        assert replay.seen == 1
        replay._play(replaying.LONGEST / 4)
        assert replay.seen >= 2
        assert replay.set_speed(99) == replaying.SPEEDS[-1]
        assert replay.set_speed(-99) == 1


def later(records, seconds):
    """Have the second event so many seconds after the first."""
    moment = datetime.fromisoformat(records[0].at) + timedelta(seconds=seconds)
    at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    second = records[1]
    records[1] = Record(second.seq, at, second.event, second.hash, second.rest)


async def test_playing_ends_at_the_end_and_begins_anew_there(run):
    last = len(run.run.journal.load())
    async with playing(run.repo, run.run.id) as b:
        later(b.replay._tape.records, 3600.0)
        for _ in replaying.SPEEDS:
            await b.press("right_parenthesis")
        await b.press("space")
        await b.until(lambda: b.at == last and not b.replay.position().playing, "the end")
        for _ in replaying.SPEEDS:
            await b.press("left_parenthesis")
        await b.press("space")
        await b.stands(1)
        assert b.replay.position().playing


@pytest.fixture
def going(journey):
    """An open run, with a proposal that waits for a person."""
    return journey(agents.write("a.txt", "a\n")).propose(1)


async def test_an_open_run_that_moves_makes_the_tape_longer(going):
    known = len(going.run.journal.load())
    async with playing(going.repo, going.run.id) as b:
        await b.says(f"event 1 of {known}")
        await asyncio.to_thread(going.approve, 1)
        await b.says(f"event 1 of {known + 1}")
        await b.press("end")
        await b.stands(known + 1)
        assert b.view.status(1).value == "approved"
        going.run.execute(1, by=WHO)  # where one is already, nothing comes by itself
        await b.says(f"event {known + 1} of {known + 2}")
        await b.press("space")
        await b.stands(known + 2)
        assert b.replay.position().playing


async def test_where_the_trees_are_gone_the_diff_says_so(run, state):
    (folder,) = state.iterdir()
    shutil.rmtree(folder / "workshop.git")
    for branch in run.repo.branches():  # the person's repository has had them since
        if branch != "main":
            run.repo.git("branch", "-D", branch)
    run.repo.git("reset", "--hard", run.view.started.base_commit)
    run.repo.git("reflog", "expire", "--expire=now", "--all")
    run.repo.git("gc", "--prune=now", "--quiet")
    async with playing(run.repo, run.run.id) as b:
        await b.press("greater_than_sign")
        await b.says("The trees of this moment")
        await b.says("one/b.txt")  # the journal knows the files
        await b.press("end")
        await b.stands(len(run.run.journal.load()))


async def test_a_field_keeps_its_keys(run):
    async with playing(run.repo, run.run.id) as b:
        await b.press("4", "slash", "a", "space", "full_stop", "home", "b")
        assert b.app.focused.value == "ba ."
        assert isinstance(b.app.focused, Input)
        assert b.at == 1
        await b.press("escape", "full_stop")
        await b.stands(2)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_line_tells_where_it_stands_and_a_click_on_its_bar_goes_there(run, size):
    last = len(run.run.journal.load())
    async with playing(run.repo, run.run.id, size=size) as b:
        await b.says(f"event 1 of {last}")
        bar = b.dashboard.query_one(ReplayBar)
        assert len(bar._bar) >= 8
        assert b.status.mode == "REPLAY"
        assert "[REPLAY]" in b.text()
        assert "press" not in b.text().splitlines()[-2]
        await b.pilot.click(ReplayBar, offset=(bar._bar[len(bar._bar) // 2], 0))
        await b.until(lambda: abs(b.at - last / 2) <= last / len(bar._bar) + 1, "the middle")
        await b.press("end")
        await b.stands(last)
        await b.until(lambda: "─" not in b.text().splitlines()[0])


def test_every_event_has_a_place_on_the_bar():
    bar = ReplayBar()
    for cells, of in ((8, 3), (20, 21), (30, 10_000)):
        bar._bar = range(cells)
        bar.set_reactive(ReplayBar.position, Position(at=of, of=of, turns=(1, of)))
        drawn = "".join(text for text, _ in bar._cells())
        assert len(drawn) == cells
        assert drawn.count("┿") + drawn.count("┼") >= 2 - (of == 1)
        assert {bar._event_at(cell) for cell in range(cells)} <= set(range(1, of + 1))


async def test_a_damaged_journal_is_said_as_everywhere(run):
    path = Path(run.run.journal.path)
    path.write_bytes(path.read_bytes().replace(b'"one/a.txt"', b'"one/z.txt"', 1))
    app = ClubosApp(run.repo.path, replay=run.run.id)
    async with app.run_test(size=(120, 40)) as pilot:
        b = Screen(app, pilot)
        await b.until(lambda: b.dashboard.presenter and b.dashboard.presenter.bridge.failure)
        await b.says("Nothing was read beyond it and nothing was done.")
        await b.press("full_stop", "space", "n")
        await b.says("is off")
