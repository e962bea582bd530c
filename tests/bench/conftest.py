"""Repositories that are generated once for all measurements, and a place to print tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from bench import repos
from bench.table import Table
from support.repo import Repo

Land = Callable[[str, int], Repo]


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    """Return a repository by name and size, the same one whenever it is asked for."""
    made: dict[tuple[str, int], Repo] = {}

    def of(name: str, total: int) -> Repo:
        if (name, total) not in made:
            root = tmp_path_factory.mktemp(f"{name}-{total}") / "repo"
            made[name, total] = repos.make(root, total)
        return made[name, total]

    return of


@pytest.fixture
def table(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[Table]:
    """A table that is printed at the end."""
    made = Table(request.node.name.removeprefix("test_").replace("_", " "))
    yield made
    with capsys.disabled():
        print(made)
