"""Searching a patch: the same rows, whatever the length of a line and whichever way is taken."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui.test_diff_view import created, modified, patch

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
