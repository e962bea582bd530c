"""P2: what is left when parts of a patch are dropped, held against real git patches."""

import pytest
from changes.test_patch import EXECUTABLE, FILE, LINK, Repository
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clubos_tui.changes.carry import carried
from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.patch import ADDED, REMOVED, parse
from clubos_tui.changes.selection import (
    changed,
    hunk_standing,
    rejected_rows,
    select,
    standing,
    whole_files,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("git"))


LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"", b"x\r", b"\xff"]), max_size=14)
CONTENT = st.tuples(LINES, st.booleans()).map(
    lambda item: b"\n".join(item[0]) + (b"\n" if item[1] and item[0] else b"")
)


def patch_of(repository, old, new):
    sides = [{} if data is None else {b"f": (FILE, data)} for data in (old, new)]
    return parse(repository.diff(*sides))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(CONTENT, CONTENT, st.data())
def test_p2_all_gives_the_proposal_none_the_base_and_some_what_the_rows_say(
    repository, old, new, data
):
    patch = patch_of(repository, old, new)
    if not patch.files or not patch.files[0].hunks:
        return
    (file,) = patch.files
    assert select(old, patch, file, lambda _: True) == new
    assert select(old, patch, file, lambda _: False) == old
    rows = list(changed(patch, file.rows))
    keep = set(data.draw(st.lists(st.sampled_from(rows), unique=True)))
    part = select(old, patch, file, keep.__contains__)
    # Dropping what is not kept from the rest: the two halves together are the whole change.
    gone = [patch.text(row) for row in rows if patch.kinds[row] == REMOVED and row in keep]
    come = [patch.text(row) for row in rows if patch.kinds[row] == ADDED and row in keep]
    count = sorted(_lines(part))
    assert count == sorted([*_minus(_lines(old), gone), *come])


def _lines(data):
    lines = data.split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def _minus(lines, gone):
    left = list(lines)
    for line in gone:
        left.remove(line)
    return left


def test_a_kept_line_that_had_no_end_gets_one_where_others_follow(repository):
    patch = patch_of(repository, b"a\nend", b"a\nEND\nmore\n")
    (file,) = patch.files
    added = [row for row in changed(patch, file.rows) if patch.kinds[row] == ADDED]
    assert select(b"a\nend", patch, file, added.__contains__) == b"a\nend\nEND\nmore\n"
    assert select(b"a\nend", patch, file, lambda row: row not in added) == b"a\n"


def test_links_binaries_and_files_that_became_links_are_whole(repository):
    old = {b"t": (FILE, b"a\n"), b"bin": (FILE, b"\0a"), b"gone": (FILE, b"x\n")}
    new = {b"t": (FILE, b"b\n"), b"bin": (FILE, b"\0b"), b"gone": (LINK, b"t"), b"l": (LINK, b"t"),
           b"x": (EXECUTABLE, b"y\n")}  # fmt: skip
    assert set(whole_files(parse(repository.diff(old, new)))) == {"t", "x"}


def numbered(*changes):
    """Sixty lines, some of them changed."""
    lines = [b"line %d" % number for number in range(60)]
    for at, text in changes:
        lines[at] = text
    return b"\n".join(lines) + b"\n"


def test_standings_of_files_and_hunks(repository):
    patch = patch_of(repository, numbered(), numbered((5, b"five"), (30, b"thirty")))
    (file,) = patch.files
    one, two = file.hunks
    draft = Draft()
    assert standing(patch, file, draft.of("f")) == "pending"
    draft.decide([Decision("f", "accept", hunk=one.id)])
    assert standing(patch, file, draft.of("f")) == "partly"
    draft.decide([Decision("f", "accept", hunk=two.id)])
    assert standing(patch, file, draft.of("f")) == "accepted"
    draft.decide([Decision("f", "reject", hunk=two.id, first=5, last=5)])
    assert hunk_standing(patch, two, draft.of("f")) == "partly"
    assert rejected_rows(patch, draft) == {two.rows.start + 4}
    draft.decide([Decision("f", "reject", hunk=two.id, first=4, last=4)])
    assert hunk_standing(patch, two, draft.of("f")) == "rejected"


def test_accepted_hunks_stay_accepted_where_they_are_the_same(repository):
    old = patch_of(repository, numbered(), numbered((5, b"five"), (30, b"thirty"), (50, b"fifty")))
    one, two, three = old.files[0].hunks
    draft = Draft()
    draft.decide([Decision("f", "accept", "good", one.id), Decision("f", "accept", hunk=two.id)])
    draft.decide([Decision("f", "reject", "no", three.id)])
    new = patch_of(repository, numbered(), numbered((5, b"five"), (30, b"other"), (50, b"fifty")))
    still = carried(old, draft, new)
    assert [(item.verdict, item.hunk, item.note) for item in still] == [("accept", one.id, "good")]
    assert carried(old, Draft(), new) == ()


def test_a_file_that_is_the_same_stays_accepted_as_a_whole(repository):
    old = patch_of(repository, numbered(), numbered((5, b"five")))
    draft = Draft()
    draft.decide([Decision("f", "accept")])
    assert carried(old, draft, old) == (Decision("f", "accept"),)
    later = patch_of(repository, numbered(), numbered((5, b"five"), (40, b"new")))
    (kept,) = carried(old, draft, later)
    assert (kept.hunk, kept.verdict) == (old.files[0].hunks[0].id, "accept")


def test_of_equal_hunks_none_stays_accepted_when_one_has_gone(repository):
    """Nobody can say which of them it was."""
    block = [b"%d" % number for number in range(9)]

    def with_(*places):
        lines = block * 6
        for at in places:
            lines[at] = b"other"
        return b"\n".join(lines) + b"\n"

    base = with_()
    both, one = (patch_of(repository, base, with_(*places)) for places in ((13, 40), (40,)))
    assert {hunk.id.partition(".")[0] for hunk in both.files[0].hunks} == {one.files[0].hunks[0].id}
    draft = Draft()
    draft.decide([Decision("f", "accept", hunk=both.files[0].hunks[0].id)])
    assert carried(both, draft, one) == ()
