"""Decisions are a draft over files, hunks and lines; sealing keeps all that was not rejected."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.changes.decisions import NOTHING, Decision, Draft, kept, pending, rejected
from clubos_tui.changes.manifest import Change

ROWS = tuple(Change(path, "create", new_mode="100644", new_blob="1" * 40) for path in "abcd")
VERDICTS = st.sampled_from(["accept", "reject", "pending"])
SPANS = st.tuples(st.integers(1, 9), st.integers(1, 9)).map(sorted)


@st.composite
def decisions(draw, paths="abcdz"):
    path, verdict, hunk = draw(st.sampled_from(paths)), draw(VERDICTS), draw(st.sampled_from("gh"))
    match draw(st.sampled_from(["file", "hunk", "lines"])):
        case "file":
            return Decision(path, verdict)
        case "hunk":
            return Decision(path, verdict, hunk=hunk)
        case _:
            first, last = draw(SPANS)
            return Decision(path, verdict, hunk=hunk, first=first, last=last)


def draft_of(*gestures):
    draft = Draft()
    for gesture in gestures:
        draft.decide(gesture)
    return draft


def oracle(gestures):
    """What each row of each hunk of each file should say: the last word that covers it."""
    rows = {}
    for one in gestures:
        for path in "abcdz":
            for hunk in "gh":
                for row in range(1, 10):
                    covers = (
                        one.path == path
                        and one.hunk in ("", hunk)
                        and (not one.first or one.first <= row <= one.last)
                    )
                    if covers:
                        rows[path, hunk, row] = one.verdict
    return rows


@given(st.lists(decisions(), max_size=12))
def test_the_last_word_on_a_row_counts(gestures):
    draft = draft_of(*([one] for one in gestures))
    said = oracle(gestures)
    for path in "abcdz":
        for hunk in "gh":
            for row in range(1, 10):
                assert draft.of(path).of(hunk, row) == said.get((path, hunk, row), "pending")
    for path in "abcdz":
        for parts in draft.of(path).lines.values():
            spans = [(part.first, part.last) for part in parts]
            assert spans == sorted(spans)
            assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
    assert draft.rejecting == {path for path, own in draft.files.items() if own.rejects}


@given(st.lists(st.lists(decisions(), max_size=4), max_size=6))
def test_each_gesture_is_taken_back_by_one_undo(gestures):
    draft, states = Draft(), []
    for gesture in gestures:
        states.append((dict(draft.files), set(draft.rejecting)))
        draft.decide(gesture)
    for files, rejecting in reversed(states):
        draft.undo()
        assert (draft.files, draft.rejecting) == (files, rejecting)
    draft.undo()
    assert draft.gestures == []


@given(st.lists(decisions(), max_size=6))
def test_a_draft_splits_the_rows_without_loss(gestures):
    """Each row stays or goes, whatever else the draft names."""
    draft = draft_of(gestures)
    stay, go = kept(ROWS, draft), rejected(ROWS, draft)
    assert sorted((*stay, *go), key=lambda row: row.path) == list(ROWS)
    assert not set(stay) & set(go)


def test_what_nobody_decided_on_stays_and_is_counted_as_pending():
    draft = draft_of([Decision("a", "accept"), Decision("b", "reject", "why")])
    assert [row.path for row in pending(ROWS, draft)] == ["c", "d"]
    assert [row.path for row in kept(ROWS, draft)] == ["a", "c", "d"]
    assert [row.path for row in rejected(ROWS, draft)] == ["b"]
    assert draft.notes() == (Decision("b", "reject", "why"),)


def test_a_rejected_file_with_an_accepted_hunk_stays():
    draft = draft_of([Decision("a", "reject")], [Decision("a", "accept", hunk="h")])
    assert rejected(ROWS, draft) == ()
    assert draft.of("a").of("other") == "reject"
    draft.decide([Decision("a", "reject", hunk="h")])
    assert [row.path for row in rejected(ROWS, draft)] == ["a"]


def test_a_note_alone_decides_nothing_and_is_kept():
    draft = draft_of([Decision("a", "pending", "why so?", hunk="h", line=3)])
    assert draft.of("a").of("h") == "pending"
    assert [note.note for note in draft.notes()] == ["why so?"]
    assert not draft.rejecting


def test_back_to_pending_leaves_nothing_behind():
    draft = draft_of([Decision("a", "accept")], [Decision("a", "pending")])
    assert draft.files == {}
    draft = draft_of([Decision("a", "accept", hunk="h")], [Decision("a", "pending", hunk="h")])
    assert draft.files == {}
    assert draft.of("a") is NOTHING


def test_a_rename_is_decided_on_by_its_new_name():
    row = Change("new", "rename", "100644", "100644", "1" * 40, "1" * 40, "old")
    assert rejected([row], draft_of([Decision("old", "reject")])) == ()
    assert rejected([row], draft_of([Decision("new", "reject")])) == (row,)
