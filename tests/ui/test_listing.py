"""How much is left to decide, and the rows of the files pane, whatever was decided and undone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ui.test_diff_view import created, modified

from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.manifest import Change
from clubos_tui.changes.selection import hunk_standing, standing
from clubos_tui.engine.state import PhaseView
from clubos_tui.plan import Phase
from clubos_tui.ui.listing import FileRows
from clubos_tui.ui.review import Review, review
from clubos_tui.ui.values import NoteRow

HUNKS = ("@@ -1 +1 @@\n-a\n+b\n", "@@ -9 +9,2 @@\n-c\n+d\n+e\n")
PATCH = (
    modified("b/two.py", *HUNKS)
    + created("a/new.txt", "x", "y")
    + "diff --git a/migrations/1.sql b/migrations/1.sql\nold mode 100644\nnew mode 100755\n"
).encode()
PATHS = ("a/new.txt", "b/two.py", "migrations/1.sql")


@pytest.fixture(scope="module")
def read() -> Review:
    manifest = tuple(Change(path, "modify", new_blob="1" * 40) for path in PATHS)
    return review("t", manifest, PATCH, (), b"", b"")


def decisions(read: Review) -> st.SearchStrategy[list[Decision]]:
    places = [(path, "", 0) for path in PATHS]
    for path, file in read.parts.items():
        places += [(path, hunk.id, first) for hunk in file.hunks for first in (0, 1)]
    verdicts = st.sampled_from(["accept", "reject", "pending"])
    return st.lists(
        st.builds(
            lambda place, verdict: Decision(place[0], verdict, "", place[1], place[2], place[2]),
            st.sampled_from(places),
            verdicts,
        )
    )


def naive(read: Review, draft: Draft) -> int:
    left = 0
    for file in read.patch.files:
        path = file.path.decode()
        own = draft.of(path)
        if path not in read.parts:
            left += own.verdict == "pending"
            continue
        words = [hunk_standing(read.patch, hunk, own) for hunk in file.hunks]
        left += sum(word in ("pending", "partly") for word in words)
    return left


@given(st.data())
def test_what_is_left_is_counted_right_after_each_decision_and_undo(read, data):
    draft = Draft()
    for decision in data.draw(decisions(read)):
        draft.decide([decision])
        assert read.pending(draft) == naive(read, draft)
    while draft.gestures:
        draft.undo()
        assert read.pending(draft) == naive(read, draft)
    assert read.pending(draft) == 4


def view(read: Review, draft: Draft) -> PhaseView:
    phase = PhaseView(1, Phase("One"), [])
    phase.draft = draft
    return phase


@given(st.data())
def test_each_row_says_how_far_its_file_is_decided_on(read, data):
    draft = Draft()
    draft.decide(data.draw(decisions(read)))
    notes = [NoteRow("info", "a note")] * data.draw(st.integers(0, 2))
    rows = FileRows(notes, read.listing, view(read, draft), settled=False)
    assert list(rows[: len(notes)]) == notes
    assert {path: rows[at].path for path, at in rows.at.items()} == {path: path for path in PATHS}
    assert len(rows) == len(notes) + 3
    pending = 0
    for row in rows[len(notes) :]:
        own = draft.of(row.path)
        file = read.parts.get(row.path)
        word = {"accept": "accepted", "reject": "rejected", "pending": "pending"}[own.verdict]
        assert row.decision == (standing(read.patch, file, own) if file else word)
        pending += row.decision == "pending"
    assert read.listing.pending(draft.files) == pending


def test_the_riskiest_file_comes_first_and_an_approved_one_is_accepted(read):
    rows = FileRows([], read.listing, view(read, Draft()), settled=True)
    assert rows[0].path == "migrations/1.sql"
    assert rows[0].reason
    assert rows[-1].decision == "accepted"
    with pytest.raises(IndexError):
        rows[3]
