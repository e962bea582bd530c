"""What a test writes ends with the run of the tests, whoever runs them and how often."""

from pathlib import Path

import pytest
from support.repo import Repo

from clubos_tui.engine.paths import StatePaths
from clubos_tui.repository.discover import discover


def test_no_run_is_left_for_the_next_repository_at_the_same_path(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Pytest gives a path again; at home an earlier run would lie there, and be gone on with."""
    Repo(tmp_path).git("init", "--quiet")
    state = Path(StatePaths.of(discover(str(tmp_path))).root)
    assert state.is_relative_to(tmp_path_factory.getbasetemp())
