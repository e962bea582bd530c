"""What a frame costs, counted in rows laid out and not in seconds: it never grows with the text.

The counts hold on any machine; how long it takes is measured in `tests/bench`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from bench.patches import make_patch
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from clubos_tui.changes.patch import parse
from clubos_tui.ui.widgets.detailing import Detailing
from clubos_tui.ui.widgets.diff_view import DiffView
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.log_view import LogLine, LogView

SIZE = 120, 40
SCREENFUL = SIZE[1]


class OneWidget(App[None]):
    def __init__(self, view: LineView) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        yield self.view


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Count how often each row is laid out. Details come later and draw once more: without them."""
    monkeypatch.setattr(Detailing, "drawn", lambda *_: None)
    rows: Counter[int] = Counter()
    for view in (DiffView, LogView):

        def counted(
            self: LineView, row: int, x: int, width: int,
            before: Callable[..., object] = view.row_segments,
        ) -> object:  # fmt: skip
            rows[row] += 1
            return before(self, row, x, width)

        monkeypatch.setattr(view, "row_segments", counted)
    return rows


async def shown(pilot: Pilot[None], view: DiffView, changed: int) -> None:
    view.show(parse(make_patch(changed).patch.encode()), title="phase 1")
    view.focus()
    await pilot.pause()


async def test_a_first_frame_draws_a_screenful_of_any_patch(drawn: Counter[int]) -> None:
    counts = []
    for changed in (1_000, 50_000):
        view = DiffView()
        async with OneWidget(view).run_test(size=SIZE) as pilot:
            drawn.clear()
            await shown(pilot, view, changed)
            assert view.count_rows() > changed
            counts.append(drawn.total())
    assert counts[0] == counts[1]
    assert SCREENFUL <= counts[0] <= 2 * SCREENFUL  # once more where the scroll bar takes a column


async def test_a_line_further_draws_one_new_row_and_a_page_one_page(drawn: Counter[int]) -> None:
    view = DiffView()
    async with OneWidget(view).run_test(size=SIZE) as pilot:
        await shown(pilot, view, 50_000)
        view.go_to(SCREENFUL + 2)  # the cursor is on the last line of the screen
        await pilot.pause()
        for _ in range(3):
            before = set(drawn)
            drawn.clear()
            await pilot.press("j")
            await pilot.pause()
            assert set(drawn) - before == {view.cursor_row}
            assert drawn.total() <= 3  # and the row the cursor left
            drawn.update(before)
        before = set(drawn)
        drawn.clear()
        await pilot.press("pagedown")
        await pilot.pause()
        assert 0 < len(set(drawn) - before) <= SCREENFUL
        assert drawn.total() <= SCREENFUL + 2


async def test_ten_thousand_lines_of_log_draw_a_screenful(drawn: Counter[int]) -> None:
    view = LogView()
    async with OneWidget(view).run_test(size=SIZE) as pilot:
        view.focus()
        await pilot.pause()
        drawn.clear()
        view.extend(LogLine("12:00:00", "info", 1, f"line {at}") for at in range(10_000))
        assert not drawn, "nothing is drawn before the frame"
        await pilot.pause()
        assert view.count_rows() == 10_000
        assert SCREENFUL <= drawn.total() <= 2 * SCREENFUL
        drawn.clear()
        await pilot.press("k")  # looks up: what comes now is out of sight
        await pilot.pause()
        drawn.clear()
        view.extend(LogLine("12:00:01", "info", 1, f"line {at}") for at in range(10_000))
        await pilot.pause()
        assert drawn.total() <= 1
