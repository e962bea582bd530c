"""Hunks that make the same change, over patches that git made."""

from dataclasses import replace

import pytest
from changes.test_attention import Counted
from changes.test_patch import FILE, LINK, Repository

from clubos_tui.changes.alike import alike
from clubos_tui.changes.patch import parse


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("git"))


def sides(edits):
    """Return trees from path → (lines before, lines after)."""
    out = []
    for side in (0, 1):
        files = {path: both[side] for path, both in edits.items() if both[side] is not None}
        out.append(
            {path: (FILE, b"".join(b"%b\n" % x for x in lines)) for path, lines in files.items()}
        )
    return out


def groups(patch, at_least=3):
    """Return the groups as paths, and check what holds of every answer."""
    found = alike(patch, at_least)
    order = [hunk.id for file in patch.files for hunk in file.hunks]
    path = {hunk.id: file.path for file in patch.files for hunk in file.hunks}
    for name, ids in found.items():
        assert name in ids
        assert list(ids) == sorted(ids, key=order.index)
        assert all(found[other] is ids for other in ids)
    return sorted(
        [path[name] for name in ids] for ids in {id(x): x for x in found.values()}.values()
    )


def test_an_empty_patch_has_none():
    assert alike(parse(b""), 1) == {}


def test_one_change_in_many_places_is_one_group_whatever_stands_around(repository):
    def body(word, place, seed):
        lines = [b"%d of %d" % (n, seed) for n in range(60)]
        lines[place : place + 1] = [b"call(%b)" % word, b"", b"next(%b)" % word]
        return lines

    places = {b"a.py": 0, b"b.py": 30, b"d/\xff\xe9.py": 59}
    edits = {path: (body(b"old", at, at), body(b"new", at, at)) for path, at in places.items()}
    twice = [b"x"] * 20
    edits[b"c.py"] = (
        [*body(b"old", 5, 5), *twice, *body(b"old", 5, 6)],
        [*body(b"new", 5, 5), *twice, *body(b"new", 5, 6)],
    )
    edits[b"other.py"] = (body(b"old", 9, 9), body(b"newer", 9, 9))
    patch = parse(repository.diff(*sides(edits)))
    assert groups(patch) == [[b"a.py", b"b.py", b"c.py", b"c.py", b"d/\xff\xe9.py"]]
    assert groups(patch, 5) == groups(patch)
    assert groups(patch, 6) == []


AROUND = [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (([b"a"], [b"b"]), ([b"a"], [b"b"]), True),
        (([b"a"], [b"b"]), ([b"a"], [b"b "]), False),
        (([b"a"], [b"b"]), ([b"a"], [b"b\r"]), False),
        (([b"a"], [b"b"]), ([b"b"], [b"a"]), False),
        (([b"a"], [b"b"]), ([], [b"b"]), False),
        (([b"a"], [b"b", b"d"]), ([b"a", b"k"], [b"b", b"k", b"d"]), False),
        (([b"a", b"c"], [b"b", b"d"]), ([b"a", b"k", b"c"], [b"b", b"k", b"d"]), False),
        (([b"a", b"j", b"c"], [b"b", b"j", b"d"]), ([b"a", b"k", b"c"], [b"b", b"k", b"d"]), True),
        (([b"a", b"", b"c"], [b"b", b"", b"d"]), ([b"a", b"k", b"c"], [b"b", b"k", b"d"]), True),
    ],
)
def test_the_change_is_compared_byte_for_byte_and_with_its_gaps(repository, one, other, same):
    edits = {b"x.py": one, b"y.py": other}
    edits = {
        path: ([*AROUND, *old, path], [*AROUND, *new, path]) for path, (old, new) in edits.items()
    }
    found = groups(parse(repository.diff(*sides(edits))), 2)
    assert found == ([[b"x.py", b"y.py"]] if same else [])


def test_a_missing_end_counts_where_the_line_changes_and_not_where_it_stays(repository):
    def pair(path, tail, other=None):
        old, new = b"a\n" + tail, b"b\n" + (tail if other is None else other)
        return {path: (FILE, old)}, {path: (FILE, new)}

    def found(*pairs):
        old, new = ({k: v for pair in pairs for k, v in pair[side].items()} for side in (0, 1))
        return groups(parse(repository.diff(old, new)), 2)

    assert found(pair(b"x", b"end\n"), pair(b"y", b"end")) == [[b"x", b"y"]]
    assert found(pair(b"x", b"c\n", b"d\n"), pair(b"y", b"c\n", b"d")) == []
    assert found(pair(b"x", b"c\n", b"d"), pair(b"y", b"c\n", b"d")) == [[b"x", b"y"]]


@pytest.mark.parametrize(
    ("paths", "same"),
    [
        ((b"a.py", b"d/b.py"), True),
        ((b"a.py", b"b.js"), False),
        ((b"a.py", b"a"), False),
        ((b"Makefile", b"d.py/Makefile"), True),
        ((b"a.\xff", b"b.\xff"), True),
        ((b"a.\xff", b"b.\xfe"), False),
    ],
)
def test_only_files_of_one_ending_are_alike(repository, paths, same):
    edits = {path: ([b"a"], [b"b"]) for path in paths}
    assert groups(parse(repository.diff(*sides(edits))), 2) == ([sorted(paths)] if same else [])


def test_whole_files_and_links_are_no_mechanical_edits_and_renames_are(repository):
    new = {b"%d" % n: (None, [b"same"]) for n in range(4)}
    assert groups(parse(repository.diff(*sides(new)))) == []
    assert groups(parse(repository.diff(*reversed(sides(new))))) == []
    links = [{b"%d" % n: (LINK, to) for n in range(4)} for to in (b"a", b"b")]
    assert groups(parse(repository.diff(*links))) == []

    long = [[b"%d of %d" % (n, k) for n in range(30)] for k in range(3)]
    old = {b"old%d" % k: ([*lines, b"a"], None) for k, lines in enumerate(long)}
    moved = {b"new%d" % k: (None, [*lines, b"b"]) for k, lines in enumerate(long)}
    patch = parse(repository.diff(*sides({**old, **moved})))
    assert {file.kind for file in patch.files} == {"rename"}
    assert groups(patch) == [[b"new0", b"new1", b"new2"]]
    # git finds no rename of a link whose target changes, and may one day.
    linked = [replace(file, old_mode=LINK, new_mode=LINK) for file in patch.files]
    assert groups(replace(patch, files=tuple(linked))) == []


def test_each_row_is_taken_once_however_many_hunks_are_alike(repository):
    old = [b"%d" % (n % 9) for n in range(100_000)]
    new = [b"changed" if n % 9 == 4 else line for n, line in enumerate(old)]
    patch = parse(repository.diff(*sides({b"a": (old, new), b"b": (old, new)})))
    hunks = sum(len(file.hunks) for file in patch.files)
    lines = Counted(patch.lines)
    (ids,) = {id(ids): ids for ids in alike(replace(patch, lines=lines)).values()}.values()
    assert len(ids) == hunks
    assert len(patch.lines) > 100_000
    assert lines.taken == len(patch.lines)
