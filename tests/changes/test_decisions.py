"""Decisions are a draft over the rows; sealing keeps all that was not rejected."""

from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.changes.decisions import Decision, kept, pending, rejected
from clubos_tui.changes.manifest import Change

ROWS = tuple(Change(path, "create", new_mode="100644", new_blob="1" * 40) for path in "abcd")
DRAFTS = st.dictionaries(
    st.sampled_from("abcdz"), st.sampled_from(["accept", "reject"]), max_size=5
).map(lambda draft: {path: Decision(path, verdict) for path, verdict in draft.items()})


@given(DRAFTS)
def test_a_draft_splits_the_rows_without_loss(draft):
    """Each row stays or goes, whatever else the draft names."""
    stay, go = kept(ROWS, draft), rejected(ROWS, draft)
    assert sorted((*stay, *go), key=lambda row: row.path) == list(ROWS)
    assert not set(stay) & set(go)


def test_what_nobody_decided_on_stays_and_is_counted_as_pending():
    draft = {"a": Decision("a", "accept"), "b": Decision("b", "reject", "why")}
    assert [row.path for row in pending(ROWS, draft)] == ["c", "d"]
    assert [row.path for row in kept(ROWS, draft)] == ["a", "c", "d"]
    assert [row.path for row in rejected(ROWS, draft)] == ["b"]


def test_an_empty_draft_keeps_everything():
    assert kept(ROWS, {}) == pending(ROWS, {}) == ROWS
    assert rejected(ROWS, {}) == ()


def test_a_draft_of_rejections_keeps_nothing():
    draft = {row.path: Decision(row.path, "reject") for row in ROWS}
    assert kept(ROWS, draft) == ()


def test_a_rename_is_decided_on_by_its_new_name():
    row = Change("new", "rename", "100644", "100644", "1" * 40, "1" * 40, "old")
    assert rejected([row], {"old": Decision("old", "reject")}) == ()
    assert rejected([row], {"new": Decision("new", "reject")}) == (row,)
