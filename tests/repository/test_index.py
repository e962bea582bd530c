"""An index is looked up as git lists it, whatever lies in it."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.repo import Repo

from clubos_tui.changes.manifest import BlobId, Entry
from clubos_tui.engine.session import Session
from clubos_tui.repository.index import Index

BLOB = BlobId("1" * 40)
PATHS = st.lists(st.sampled_from(["a", "a b", "a.c", "é", "b", " 1\tx"]), min_size=1, max_size=3)
ROWS = st.dictionaries(
    PATHS.map("/".join), st.tuples(st.sampled_from("HSh"), st.integers(0, 3)), max_size=8
)


def listing(rows: dict[str, tuple[str, int]]) -> bytes:
    """Return rows as ``ls-files -s -v -z`` prints them."""
    lines = [f"{tag} 100644 {BLOB} {stage}\t{path}".encode() for path, (tag, stage) in rows.items()]
    return b"".join(
        line + b"\0" for line in sorted(lines, key=lambda line: line.split(b"\t", 1)[1])
    )


@given(ROWS)
def test_every_row_is_found_with_its_flags(rows: dict[str, tuple[str, int]]) -> None:
    index = Index(listing(rows))
    assert index.unmerged == {path for path, (_, stage) in rows.items() if stage}
    for path in [*rows, "zz", "a/a/a/a", ""]:
        there = path in rows
        assert index.entries(path) == ([Entry("100644", BLOB)] if there else [])
        assert index.skips(path) == (there and rows[path][0] == "S")
        assert index.assumes(path) == (there and rows[path][0] == "h")
        assert set(index.below(path)) == {other for other in rows if other.startswith(f"{path}/")}


def test_a_real_index_is_read_once_as_long_as_it_is_the_same(repo: Repo, session) -> None:
    first = session.checkout.index()
    assert session.checkout.index() is first
    repo.write("src/app.txt", "staged\n")
    repo.git("add", "src/app.txt")
    now = session.checkout.index().first("src/app.txt")
    assert now
    assert now != first.first("src/app.txt")
    assert now.blob == repo.git("rev-parse", ":src/app.txt")


def test_p4_two_who_read_the_index_at_once_do_not_disturb_each_other(
    repo: Repo, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview in another process takes its copy away while git reads ours."""
    other = Session.open(repo.path)
    copyfile = shutil.copyfile
    turns = iter([True])

    def late(source: str, target: str) -> None:
        """Let the other one begin when our copy is there and git has not read it."""
        copyfile(source, target)
        if next(turns, False):
            with monkeypatch.context() as patch:
                patch.setattr(shutil, "copyfile", lambda *_: None)  # it has come no further
                other.checkout.index()

    monkeypatch.setattr(shutil, "copyfile", late)
    assert session.checkout.index().first("src/app.txt")
    other.close()
    assert os.listdir(session.paths.scratch) == []
