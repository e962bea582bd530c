"""What stands beside what: every row once, in order, and the same for words as for the split."""

from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.changes.patch import ADDED, CONTEXT, NO_NEWLINE, REMOVED
from clubos_tui.ui.diff.pairs import height, partner, side_by_side

BLOCKS = st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4))


@st.composite
def hunks(draw):
    """Rows as git writes them: context, removed, added; without an end only the last."""
    kinds = bytearray()
    for context, removed, added in draw(st.lists(BLOCKS, max_size=5)):
        kinds += bytes([CONTEXT] * (context + bool(kinds)) + [REMOVED] * removed + [ADDED] * added)
    if kinds and draw(st.booleans()):
        kinds.append(NO_NEWLINE)
    return bytes([ADDED]) * 3 + bytes(kinds), range(3, 3 + len(kinds))


@given(hunks())
def test_every_row_stands_once_and_in_order(hunk):
    kinds, rows = hunk
    pairs = side_by_side(kinds, rows)
    assert height(kinds, rows) == len(pairs)
    for side, own in ((0, REMOVED), (1, ADDED)):
        shown = [pair[side] for pair in pairs if pair[side] >= 0]
        assert shown == sorted(shown)
        assert {row for row in rows if kinds[row] in (own, CONTEXT)} <= set(shown)
    assert {row for pair in pairs for row in pair if row >= 0} == set(rows)


@given(hunks())
def test_partners_are_the_two_of_a_pair(hunk):
    kinds, rows = hunk
    if NO_NEWLINE in kinds[3:]:
        return
    for left, right in side_by_side(kinds, rows):
        if left >= 0 and kinds[left] == REMOVED:
            assert partner(kinds, rows, left) == right
        if right >= 0 and kinds[right] == ADDED:
            assert partner(kinds, rows, right) == left


def test_a_line_without_end_has_a_partner_too():
    kinds = b"-\\+"
    assert partner(kinds, range(3), 0) == 2
    assert partner(kinds, range(3), 2) == 0
    assert side_by_side(kinds, range(3)) == [(0, 2), (1, -1)]
