"""The log on screen: a ring that follows its end until one looks away."""

import unicodedata

from textual.app import App, ComposeResult

from clubos_tui.ui.widgets.log_view import LogLine, LogView


class LogApp(App[None]):
    def __init__(self, limit: int = 100_000) -> None:
        super().__init__()
        self.limit = limit
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield LogView(limit=self.limit)

    def on_log_view_follow_changed(self, event: LogView.FollowChanged) -> None:
        assert event.control is event.view
        self.heard.append(event.following)

    def on_log_view_line_chosen(self, event: LogView.LineChosen) -> None:
        assert event.control is event.view
        self.heard.append(event.line.text)

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return [strip.text.rstrip(" ▁▂▃▄▅▆▇█") for strip in strips]


def lines(*numbers: int, level="info", phase: int = 1) -> list[LogLine]:
    return [LogLine("12:00:01", level, phase, f"line {n}") for n in numbers]


async def added(pilot, batch) -> list[str]:
    pilot.app.view.extend(batch)
    pilot.app.view.focus()
    await pilot.pause()
    return pilot.app.lines()


async def test_a_line_has_time_mark_word_phase_and_text():
    app = LogApp()
    async with app.run_test(size=(60, 7)) as pilot:
        shown = await added(
            pilot,
            [
                LogLine("12:00:01", "debug", 0, "starts"),
                LogLine("12:00:02", "info", 1, "reads"),
                LogLine("12:00:03", "success", 2, "done", "much more"),
                LogLine("12:00:04", "warning", 12, "two\nlines"),
                LogLine("12:00:05", "error", 2, "broken"),
            ],
        )
        assert shown[:5] == [
            " 12:00:01 · debug   --  starts",
            " 12:00:02 • info    P1  reads",
            " 12:00:03 ✔ success P2  done  [+]",
            " 12:00:04 ! warning P12 two␊lines",
            "▌12:00:05 ✘ error   P2  broken",
        ]


async def test_p11_hostile_text_is_shown_and_does_nothing():
    app = LogApp()
    async with app.run_test(size=(100, 8)) as pilot:
        shown = await added(
            pilot,
            [
                LogLine("\x1b[5m", "info", 1, "\x1b]52;c;aGk=\x07\x9b31m"),
                LogLine("12:00", "info", 1, "[@click=app.quit]x[/] [/foo]"),
                LogLine("12:00", "info", 1, "a\u202eb\u2066c\u200bd\ud800\udcff"),
                LogLine("12:00", "info", 1, "z" * 20_000),
            ],
        )
        assert shown[0] == " ␛[5m • info    P1  ␛]52;c;aGk=␇⟨U+009B⟩31m"
        assert shown[1].endswith("[@click=app.quit]x[/] [/foo]")
        assert shown[2].endswith("a⟨U+202E⟩b⟨U+2066⟩c⟨U+200B⟩d⟨U+D800⟩\\xff")
        assert shown[3].endswith("zz… +18,000 more")
        assert not [c for c in "".join(shown) if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]
        await pilot.click(LogView, offset=(25, 1))
        assert app.is_running


async def test_it_follows_until_one_moves_up_and_again_from_the_end():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        assert (await added(pilot, lines(*range(10))))[-1].endswith("line 9")
        await pilot.press("k")
        assert not app.view.following
        shown = await added(pilot, lines(10, 11))
        assert shown[-1].endswith("line 9")
        assert app.view.new_lines == 2
        await pilot.press("end")
        await pilot.pause()
        assert app.lines()[-1].endswith("line 11")
        assert (app.view.following, app.view.new_lines) == (True, 0)
        assert (await added(pilot, lines(12)))[-1].endswith("line 12")
        assert app.heard == [False, True]


async def test_f_stops_and_starts_following_in_place():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        await added(pilot, lines(*range(10)))
        await pilot.press("f")
        assert (await added(pilot, lines(10)))[-1].endswith("line 9")
        await pilot.press("f")
        await pilot.pause()
        assert app.lines()[-1].endswith("line 10")
        assert app.heard == [False, True]


async def test_the_wheel_stops_it_and_the_end_of_the_wheel_starts_it():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        await added(pilot, lines(*range(30)))
        app.view.scroll_to(y=3, animate=False)
        await pilot.pause()
        assert (await added(pilot, lines(30)))[0].endswith("line 3")
        app.view.scroll_to(y=26, animate=False)
        await pilot.pause()
        assert app.view.following
        assert (await added(pilot, lines(31)))[-1].endswith("line 31")
        assert app.heard == [False, True]


async def test_the_ring_cuts_off_the_oldest_and_says_how_many():
    app = LogApp(limit=100)
    async with app.run_test(size=(70, 5)) as pilot:
        await added(pilot, lines(*range(110)))
        assert app.view.count_rows() == 110
        assert (await added(pilot, lines(110)))[-1].endswith("line 110")
        assert app.view.count_rows() == 101
        await pilot.press("g")
        await pilot.pause()
        assert app.lines()[0] == "▌… 11 older lines are not kept here: clubos log shows them"
        assert app.lines()[1].endswith("line 11")


async def test_a_cut_moves_neither_the_view_nor_the_cursor():
    app = LogApp(limit=100)
    async with app.run_test(size=(60, 5)) as pilot:
        await added(pilot, lines(*range(100)))
        app.view.go_to(60, top=True, by_user=True)
        await pilot.press("j")
        await pilot.pause()
        before = app.lines()
        assert before[1] == "▌12:00:01 • info    P1  line 61"
        for batch in ((100, 140), (140, 155)):
            assert await added(pilot, lines(*range(*batch))) == before
        assert app.view.new_lines == 55
        assert (await added(pilot, lines(*range(155, 400))))[0].startswith("▌… 300 older")


async def test_filters_by_phase_and_level():
    app = LogApp(limit=20)
    async with app.run_test(size=(60, 12)) as pilot:
        await added(pilot, lines(1, phase=1) + lines(2, phase=2, level="error") + lines(3, phase=2))
        app.view.filter(phase=2)
        await pilot.pause()
        assert [line[-6:] for line in app.lines()[:3]] == ["line 2", "line 3", ""]
        app.view.filter(level="warning")
        assert app.view.count_rows() == 1
        await added(pilot, lines(4) + lines(5, level="error"))
        assert [line[-6:] for line in app.lines()[:3]] == ["line 2", "line 5", ""]
        assert await app.view.search("line 5") == 1
        await added(pilot, lines(*range(6, 30)))  # cuts off all that the filter lets through
        assert app.view.count_rows() == 1
        app.view.filter()
        await pilot.pause()
        assert app.view.count_rows() == 21
        assert app.lines()[-1].endswith("line 29")


async def test_a_filter_keeps_the_line_one_was_on():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        batch = [line for n in range(40) for line in lines(n, phase=n % 2)]
        await added(pilot, batch)
        app.view.go_to(21, by_user=True)
        app.view.filter(phase=1)
        assert app.view.draw_row(app.view.cursor_row).body[0].text == "line 21"
        app.view.filter(phase=0)
        assert app.view.draw_row(app.view.cursor_row).body[0].text == "line 22"


async def test_search_finds_lines_that_came_later():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        await added(pilot, lines(1, 2, 3))
        assert await app.view.search("line 2") == 1
        assert app.view.cursor_row == 1
        await added(pilot, lines(20, 21))
        assert list(await app.view.matches()) == [1, 3, 4]
        await pilot.press("n")
        assert app.view.cursor_row == 3
        await pilot.press("N", "N")
        assert app.view.cursor_row == 4


async def test_enter_chooses_a_line():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.press("enter")
        await added(pilot, lines(1, 2))
        await pilot.press("enter")
        await pilot.pause()
        assert app.heard == ["line 2"]


async def test_a_message_stands_in_for_no_lines():
    app = LogApp()
    async with app.run_test(size=(60, 5)) as pilot:
        app.view.show_empty("Nothing has happened yet.")
        await pilot.pause()
        assert app.lines()[1] == " Nothing has happened yet."
        assert (await added(pilot, lines(1)))[0].endswith("line 1")
        app.view.clear()
        await pilot.pause()
        assert app.lines()[1] == " Nothing has happened yet."


async def test_lines_may_come_before_it_is_on_screen():
    app = LogApp()
    view = LogView()
    view.extend(lines(*range(50)))
    async with app.run_test(size=(60, 5)) as pilot:
        await app.view.remove()
        await app.mount(view)
        await pilot.pause()
        assert app.lines()[-1].endswith("line 49")
        assert view.following


async def test_nothing_is_formatted_that_is_not_drawn():
    drawn: list[int] = []

    class Counting(LogView):
        def draw_row(self, row):
            drawn.append(row)
            return super().draw_row(row)

    class CountingApp(LogApp):
        def compose(self):
            yield Counting()

    app = CountingApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        for start in range(0, 200_000, 20_000):
            app.view.extend(lines(*range(start, start + 20_000)))
        await pilot.pause()
        assert app.lines()[-1].endswith("line 199999")
        assert len(drawn) <= 30
