"""What diff and log have in common, on rows that are only numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp

from clubos_tui.ui.text import cell_width, safe
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import MAX_CELLS, Row, clip, restyle


class Numbers(LineView):
    rows = 100

    def count_rows(self) -> int:
        return self.rows

    def draw_row(self, row: int) -> Row:
        style = self.look("line--text")
        return Row([Segment("# ", style)], [Segment(f"row {row}", style)], style)


class NumbersApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Numbers()

    async def on_mount(self) -> None:
        self.view.rows_changed()
        self.view.focus()

    @property
    def view(self) -> Numbers:
        return self.query_one(Numbers)

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return [strip.text.rstrip(" ▁▂▃▄▅▆▇█") for strip in strips]


async def test_a_click_moves_the_cursor():
    app = NumbersApp()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.click(Numbers, offset=(20, 5))
        assert app.view.cursor_row == 5
        app.view.rows = 3
        app.view.rows_changed()
        await pilot.pause()
        assert app.view.cursor_row == 2
        await pilot.click(Numbers, offset=(20, 6))
        assert app.view.cursor_row == 2


async def test_the_wheel_takes_the_cursor_along():
    app = NumbersApp()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        for _ in range(3):
            await pilot._post_mouse_events([MouseScrollDown], Numbers, offset=(5, 5), button=0)
        await pilot.pause()
        first = app.view.scroll_offset.y
        assert first > 0
        assert app.view.cursor_row == first
        await pilot.press("G")
        await pilot._post_mouse_events([MouseScrollUp], Numbers, offset=(5, 5), button=0)
        await pilot.pause()
        assert app.view.cursor_row == app.view.scroll_offset.y + 9
        assert app.lines()[-1] == f"▌# row {app.view.cursor_row}"


async def test_fewer_rows_and_a_smaller_window_keep_the_cursor_in_sight():
    app = NumbersApp()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.press("G")
        await pilot.resize_terminal(20, 4)
        await pilot.pause()
        assert app.lines()[-1] == "▌# row 99"
        app.view.rows = 50
        app.view.rows_changed()
        await pilot.pause()
        assert app.lines()[-1] == "▌# row 49"
        app.view.rows = 0
        app.view.rows_changed()
        app.view.show_note("none")
        await pilot.pause()
        assert app.lines()[1] == " none"
        assert app.view.cursor_row == 0


async def test_the_cursor_is_painted_by_focus_and_signed_always():
    app = NumbersApp()
    async with app.run_test(size=(30, 10)) as pilot:
        await pilot.pause()
        strong = [segment.style for segment in app.view.render_line(0)]
        assert app.lines()[0] == "▌# row 0"
        app.set_focus(None)
        await pilot.pause()
        assert app.lines()[0] == "▌# row 0"
        assert [segment.style for segment in app.view.render_line(0)] != strong


async def test_a_border_on_the_widget_still_paints_and_clicks_right():
    app = NumbersApp()
    async with app.run_test(size=(30, 10)) as pilot:
        app.view.styles.border = ("solid", "red")
        await pilot.pause()
        assert "│▌# row 0" in app.lines()[1]
        await pilot.click(Numbers, offset=(20, 3))
        assert app.view.cursor_row == 2


async def test_only_the_documented_keys_are_bound():
    app = NumbersApp()
    async with app.run_test():
        keys = set(app.view._bindings.key_to_bindings)
        assert keys == {
            *("j", "down", "k", "up", "pagedown", "space", "pageup", "g", "home", "G", "end"),
            *("left", "right", "n", "N"),
        }
        bindings = [b for found in app.view._bindings.key_to_bindings.values() for b in found]
        assert all(binding.id for binding in bindings)


@given(st.one_of(st.text(), st.binary()), st.integers(0, 4_000))
def test_a_clipped_line_is_safe_and_counts_what_it_leaves_out(part, times):
    line = part * times
    text, hidden = clip(line)
    assert cell_width(text) <= MAX_CELLS
    assert safe(text) == text
    if not hidden:
        shown = line.decode("utf-8", "backslashreplace") if isinstance(line, bytes) else line
        assert text == safe(shown.expandtabs(4))


@pytest.mark.parametrize(("line", "hidden"), [("a" * 9_000, 7_000), ("é" * 9_000, 7_000)])
def test_text_and_its_bytes_are_clipped_alike(line, hidden):
    assert clip(line) == clip(line.encode()) == (line[:MAX_CELLS], hidden)


@given(
    st.lists(st.text("ab", max_size=4), max_size=4),
    st.lists(st.integers(0, 16), max_size=6, unique=True).map(sorted),
)
def test_restyle_changes_looks_and_never_text(parts, cuts):
    look, body = Style(bold=True), [Segment(part, Style(italic=True)) for part in parts]
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    out = restyle(body, spans, look)
    flat = [bool(s.style and s.style.bold) for s in out for _ in s.text]
    assert "".join(s.text for s in out) == "".join(parts)
    assert flat == [any(a <= at < b for a, b in spans) for at in range(len(flat))]
