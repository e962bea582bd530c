"""Which words are marked: those that differ, and none where that would say nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.ui.diff.words import changed_words

TEXT = st.lists(st.sampled_from(["a", "bb", " ", "  ", "=", "(", ")", "漢", "\u0301"])).map("".join)


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("x = old(1)", "x = new(1)", (["old"], ["new"])),
        ("same", "same", ([], [])),
        ("f(a)", "f(a, b)", ([], [", b"])),
        ("a  b", "a b", (["  "], [" "])),
        (
            "a long line with two three in it",
            "a long line with 2 3 in it",
            (["two three"], ["2 3"]),
        ),
    ],
)
def test_what_is_marked(old, new, marked):
    spans = changed_words(old, new)
    assert spans is not None
    found = tuple(
        [text[a:b] for a, b in side] for text, side in zip((old, new), spans, strict=True)
    )
    assert found == marked


def test_nothing_is_marked_where_everything_differs_or_a_line_is_absurd():
    assert changed_words("alpha beta", "gamma delta") is None
    assert changed_words("x" * 2_000, "x" * 2_000 + "y") is None


@given(TEXT, TEXT)
def test_spans_are_inside_ascending_and_leave_the_same_words(old, new):
    spans = changed_words(old, new)
    if spans is None:
        return
    left = []
    for text, side in zip((old, new), spans, strict=True):
        assert all(0 <= a < b <= len(text) for a, b in side)
        assert all(one[1] < two[0] for one, two in itertools.pairwise(side))
        covered = {at for a, b in side for at in range(a, b)}
        left.append("".join(c for at, c in enumerate(text) if at not in covered).split())
    assert "".join(left[0]) == "".join(left[1])
