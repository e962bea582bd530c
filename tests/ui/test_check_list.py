"""How the checks look, held against stored screens, and how the list of them is walked.

After a change that is meant, ``GOLDENS=write pytest tests/ui/test_check_list.py`` stores them anew.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from ui.test_goldens import stored

from clubos_tui.ui.values import CheckRow, ChecksValues
from clubos_tui.ui.widgets.check_list import CheckList

NEED = ("quiet", "required")
ROWS = (
    CheckRow("structure", "good", "passed", "files: 9 looked at, none wrong", (
        NEED, ("quiet", "0.0 s"), ("quiet", "clubos"))),
    CheckRow("unit tests", "good", "passed", "12 cases passed", (
        ("warn", "unproven"), ("warn", "judged with the base's tests"), NEED,
        ("quiet", "at base 12 cases"), ("quiet", "2.1 s"), ("quiet", "pytest 8.1"))),
    CheckRow("every service from end to end", "bad", "failed", "3 of 40 cases failed", (
        NEED, ("quiet", "61.0 s"), ("quiet", "vitest 3.2"))),
    CheckRow("kept", "warn", "failed", "it is gone", (
        ("warn", "overridden by Grace: it moves to another folder"), NEED, ("quiet", "0.0 s"))),
    CheckRow("licences", "warn", "not run", "it is not there (exit code 127)", (
        ("quiet", "if available"), ("quiet", "0.1 s"))),
    CheckRow("schema", "busy", "running", "applying 0007_members.sql", (
        ("busy", "7 s so far"), NEED)),
    CheckRow("no secrets", "quiet", "waiting", "", (NEED,)),
    CheckRow("检查\x1b[2J", "bad", "unknown", "\u202eit printed [@click=app.quit]x[/]", (NEED,)),
    CheckRow("undo", "good", "passed", "undo proven: 4,213 paths identical", (NEED,)),
    CheckRow("", "info", "", "d makes a dry run, and carries them out."),
)  # fmt: skip


class ListApp(App[None]):
    """The list and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        yield CheckList()

    @property
    def view(self) -> CheckList:
        return self.query_one(CheckList)

    def on_check_list_chosen(self, event: CheckList.Chosen) -> None:
        self.chosen.append(event.name)

    def lines(self) -> str:
        strips = self.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


@asynccontextmanager
async def sample(size: tuple[int, int], theme: str = "") -> AsyncIterator[ListApp]:
    app = ListApp()
    async with app.run_test(size=size) as pilot:
        app.theme = theme or app.theme
        app.view.show(ChecksValues(ROWS))
        app.view.focus()
        await pilot.pause()
        yield app


@pytest.mark.parametrize("size", [(76, 24), (116, 30), (196, 20)], ids=lambda size: f"{size[0]}")
async def test_the_checks_look_as_stored(size):
    async with sample(size) as app:
        shown = app.lines()
    assert "…" not in shown
    assert shown == stored(f"checks-{size[0]}.txt", shown)


async def test_sixteen_colours_and_none_say_all_that_many_say(monkeypatch):
    screens = []
    for theme, no_color in (("textual-dark", ""), ("ansi-dark", ""), ("ansi-dark", "1")):
        monkeypatch.setenv("NO_COLOR", no_color)
        async with sample((100, 30), theme) as app:
            screens.append(app.lines())
            strips = [app.view.render_line(y) for y in range(20)]
        styles = {style for strip in strips for _, style, _ in strip if style}
        colours = {color for style in styles for color in (style.color, style.bgcolor) if color}
        if theme == "ansi-dark":
            assert all(color.triplet is None for color in colours)
        else:
            assert len(colours) > 5
    assert screens[0] == screens[1] == screens[2]


async def test_the_cursor_goes_check_by_check_with_all_its_rows_in_sight():
    async with sample((60, 5)) as app:
        view = app.view
        walked = []
        for _ in ROWS:
            walked.append(view.name_at)
            mine = [
                at for at, part in enumerate(view._parts) if ROWS[part.check].name == walked[-1]
            ]
            first = view.scroll_offset.y
            assert first <= mine[0] <= mine[-1] < first + 5
            view.action_move(1)
        assert walked == [row.name for row in ROWS]
        view.action_move(-1)
        assert view.name_at == "undo"


async def test_the_cursor_stays_on_its_check_when_others_come_and_go():
    async with sample((60, 8)) as app:
        view = app.view
        for _ in range(3):
            view.action_move(1)
        assert view.name_at == "kept"
        view.show(ChecksValues(ROWS[2:]))
        assert view.name_at == "kept"
        view.show(ChecksValues(ROWS[5:]))
        assert view.name_at == "schema", "its check is gone"
        view.action_choose()
        await app.workers.wait_for_complete()
    assert app.chosen == ["schema"]


async def test_a_list_without_rows_says_why_and_enter_does_nothing():
    async with sample((60, 5)) as app:
        app.view.show(ChecksValues((), "none", "The plan has no check for this phase."))
        app.view.action_choose()
        await app.animator.wait_until_complete()
        assert app.chosen == []


async def test_search_finds_words_that_stand_on_a_later_row():
    async with sample((60, 24)) as app:
        assert await app.view.search("another folder") == 1
        assert app.view.name_at == "kept"
        assert await app.view.search("required") == 8
