"""Repositories are found and opened whatever their folders are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.repo import Repo

from clubos_tui.engine.session import Session
from clubos_tui.repository.discover import discover


@pytest.mark.parametrize(
    "name", ["two\nlines", '"quoted"', "#hash", " space ", "end\n", "back\\slash"]
)
def test_any_folder_name_is_found_and_its_objects_are_borrowed(
    home: Path, tmp_path: Path, name: str
) -> None:
    """git lists paths line by line in two places, and a folder's name may hold a line end."""
    repo = Repo.make(tmp_path / name)
    found = discover(str(repo.root / "src"))
    assert found.root == str(repo.root.resolve())
    session = Session.open(repo.path)
    try:
        tree = session.workshop.tree_of(repo.git("rev-parse", "HEAD"))
        assert set(session.workshop.files(tree)) == set(repo.git("ls-files").splitlines())
    finally:
        session.close()
