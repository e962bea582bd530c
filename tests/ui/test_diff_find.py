"""Searching a patch: the same rows, whatever the length of a line and whichever way is taken."""

import asyncio
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui.test_diff_view import DiffApp, created, modified, patch

from clubos_tui.ui.diff import find as finding
from clubos_tui.ui.diff.find import find
from clubos_tui.ui.diff.layout import Layout, Options
from clubos_tui.ui.diff.scene import Scene

TEXT = st.text("aAb-é ", max_size=30)


def rows(lines: list[str], needle: str, *, any_case: bool) -> list[int]:
    read = patch(created("f.txt", *lines))
    pattern = re.compile(re.escape(needle), re.IGNORECASE if any_case else re.NOFLAG)
    return list(find(Layout(read), pattern, Scene(read)))


@given(
    st.lists(TEXT, min_size=1, max_size=5), st.text("aAb-", min_size=1, max_size=4), st.booleans()
)
def test_a_huge_line_is_searched_in_slices_with_the_same_result(lines, needle, any_case):
    with pytest.MonkeyPatch.context() as change:
        whole = rows(lines, needle, any_case=any_case)
        change.setattr(finding, "_HUGE", 2)
        change.setattr(finding, "_SLICE", 3)
        assert rows(lines, needle, any_case=any_case) == whole


def test_what_is_folded_is_found_at_its_header_once():
    read = patch(modified("a.py", "@@ -1 +1 @@\n-old\n+new\n", "@@ -9 +9 @@\n-x\n+new\n"))
    hunk = read.files[0].hunks[0].id
    pattern = re.compile("new")
    assert list(find(Layout(read), pattern, Scene(read))) == [3, 6]
    folded = Layout(read, Options(folded_hunks={hunk}))
    assert list(find(folded, pattern, Scene(read))) == [1, 4]
    closed = Layout(read, Options(folded_files={0}))
    assert list(find(closed, pattern, Scene(read))) == [0]


def test_no_patch_has_no_matches():
    assert list(find(Layout(), re.compile("x"), Scene())) == []


async def test_a_diff_that_changes_while_it_is_searched_is_searched_anew(monkeypatch):
    """The thread reads what there was; folded, or replaced by another patch, rows are others."""
    app, begun, go_on = DiffApp(), threading.Event(), threading.Event()
    matcher = finding._matcher

    def slow(pattern):
        begun.set()
        go_on.wait(10)
        return matcher(pattern)

    monkeypatch.setattr(finding, "_matcher", slow)
    lines = [f"line {number}" for number in range(50)]
    async with app.run_test(size=(80, 24)) as pilot:
        app.view.show(patch(created("one.txt", *lines) + created("two.txt", "needle")))
        await pilot.pause()
        search = asyncio.create_task(app.view.search("needle"))
        while not begun.is_set():
            await pilot.pause(0.01)
        app.view.fold_all()
        app.view.show(patch(created("three.txt", "x", "needle", "needle")), title="other")
        go_on.set()
        assert await search == 2
        assert app.view.cursor_row == 4
        app.view.go_to(1)
        app.view.action_fold()
        begun.clear()
        go_on.clear()
        search = asyncio.create_task(app.view.search("x"))
        while not begun.is_set():
            await pilot.pause(0.01)
        app.view.action_fold()
        go_on.set()
        assert await search == 2  # the line, and the file's name
        await app.view.action_match(1)
        assert app.view.cursor_row == 3
