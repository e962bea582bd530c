"""Manifests: rows, counts and writes, as pure values."""

import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.changes.manifest import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Change,
    Counts,
    Entry,
    Write,
    change,
    changes,
    counts,
    digest,
    is_binary,
    kind_of,
    pair_renames,
    path_bytes,
    path_text,
    writes,
)


def changes_between(base, tree, action=""):
    """Return the rows of what differs between two trees, given as files by path."""
    paths = [path for path in base.keys() | tree.keys() if base.get(path) != tree.get(path)]
    paths.sort(key=path_bytes)
    return changes([(path, base.get(path), tree.get(path)) for path in paths], action)


MODES = st.sampled_from([FILE, EXECUTABLE, SYMLINK, GITLINK])
ENTRIES = st.builds(Entry, MODES, st.sampled_from(["1" * 40, "2" * 40, "3" * 40]))
PATHS = st.one_of(st.sampled_from(string.ascii_lowercase), st.binary(min_size=1).map(path_text))
TREES = st.dictionaries(PATHS, ENTRIES, max_size=8)


def apply_writes(base, rows):
    """The tree that ``rows`` make of ``base``: what every writer has to agree with."""
    tree = dict(base)
    for row in rows:
        tree.pop(row.path, None)
    tree.update({row.path: row.after for row in rows if row.after})
    return tree


@given(st.binary())
def test_p2_a_name_of_any_bytes_comes_back(name):
    assert path_bytes(path_text(name)) == name
    assert path_text(name) == os.fsdecode(name)


@given(TREES, TREES)
def test_p2_a_manifest_makes_the_tree_it_was_made_from(base, tree):
    """What is written are exactly the rows, and the rows are exactly the difference."""
    rows = changes_between(base, tree, "act")
    assert apply_writes(base, writes(rows)) == tree
    assert {row.path for row in rows} == {p for p in base | tree if base.get(p) != tree.get(p)}
    assert all(row.action == "act" for row in rows)
    assert [row.path for row in rows] == sorted((row.path for row in rows), key=path_bytes)


@given(TREES, TREES)
def test_p4_reversed_writes_bring_the_base_back(base, tree):
    forth = writes(changes_between(base, tree))
    assert apply_writes(tree, [row.reversed() for row in forth]) == base


@given(TREES, TREES)
def test_every_row_counts_once(base, tree):
    rows = changes_between(base, tree)
    tally = counts(rows)
    assert tally.total == len(rows)
    assert tally.create == len(tree.keys() - base.keys())
    assert tally.delete == len(base.keys() - tree.keys())


def test_counts_are_said_in_words():
    assert str(Counts(1, 2, 3)) == "1 to create, 2 to modify, 3 to delete"


OLD, NEW = Entry(FILE, "1" * 40), Entry(FILE, "2" * 40)
LINK = Entry(SYMLINK, "3" * 40)


@pytest.mark.parametrize(
    ("before", "after", "data", "kind"),
    [
        (None, NEW, b"x", "create"),
        (OLD, NEW, b"x", "modify"),
        (OLD, None, b"", "delete"),
        (LINK, None, b"", "delete"),
        (OLD, Entry(EXECUTABLE, OLD.blob), b"x", "mode"),
        (OLD, Entry(EXECUTABLE, NEW.blob), b"x", "modify"),
        (None, LINK, b"x", "symlink"),
        (OLD, LINK, b"x", "symlink"),
        (LINK, NEW, b"x\0", "symlink"),
        (None, NEW, b"x\0", "binary"),
        (OLD, NEW, b"x\0", "binary"),
    ],
)
def test_a_change_is_named_by_what_a_reader_has_to_know_first(before, after, data, kind):
    assert kind_of(before, after, new=data) == kind


def test_binary_is_what_git_takes_for_binary():
    assert is_binary(b"a" * 7999 + b"\0")
    assert not is_binary(b"a" * 8000 + b"\0")
    assert kind_of(OLD, NEW, old=b"\0", new=b"text") == "binary"


def test_a_rename_is_one_row_and_two_writes():
    base = {"old": OLD, "stay": OLD}
    tree = {"new": Entry(EXECUTABLE, OLD.blob), "stay": OLD}
    rows = pair_renames(changes_between(base, tree, "act"), {"new": "old"})
    assert rows == (
        Change("new", "rename", FILE, EXECUTABLE, OLD.blob, OLD.blob, "old", "act"),
    )  # fmt: skip
    assert rows[0].effect == "modify"
    assert writes(rows) == (Write("new", None, tree["new"]), Write("old", OLD, None))
    assert apply_writes(base, writes(rows)) == tree


def test_a_pair_whose_halves_are_not_both_there_is_no_rename():
    rows = changes_between({"a": OLD}, {"b": OLD})
    for pairs in ({"b": "none"}, {"none": "a"}, {}):
        assert pair_renames(rows, pairs) == rows


@given(TREES, TREES, st.randoms())
def test_p2_pairing_renames_never_changes_what_is_written(base, tree, random):
    rows = changes_between(base, tree)
    gone = [row.path for row in rows if row.effect == "delete"]
    made = [row.path for row in rows if row.effect == "create"]
    random.shuffle(gone)
    paired = pair_renames(rows, dict(zip(made, gone, strict=False)))
    assert apply_writes(base, writes(paired)) == tree


def test_a_file_in_the_place_of_a_folder_is_written_both_ways():
    base = {"x/a": OLD, "x/b": OLD}
    tree = {"x": NEW}
    forth = writes(changes_between(base, tree))
    assert apply_writes(base, forth) == tree
    assert apply_writes(tree, [row.reversed() for row in forth]) == base


@given(st.builds(change, PATHS, ENTRIES, ENTRIES, st.just("modify"), PATHS), PATHS)
def test_p2_a_digest_changes_with_every_field(row, other):
    """An approval's SHA-256 is made of these, so nothing may hide from it."""
    assert len(digest(row)) == 64
    bent = Change(row.path + "x", row.kind, row.old_mode, row.new_mode, row.old_blob, row.new_blob)
    assert digest(bent) != digest(row)
    moved = change(row.path, row.before, Entry(EXECUTABLE, "9" * 40), row.kind, row.action)
    assert digest(moved) != digest(row)
    assert (digest(other) == digest(row.path)) == (other == row.path)
