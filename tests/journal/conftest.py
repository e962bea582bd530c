"""Both stores, and a PostgreSQL that is started once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.postgres import Cluster, cluster

from clubos_tui.checks.servers import binaries
from clubos_tui.events import RunId
from clubos_tui.journal import FileJournals, Journal

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    """A PostgreSQL of our own."""
    if not binaries():
        pytest.skip("needs PostgreSQL's server programs")
    with cluster() as running:
        yield running


@pytest.fixture
def url(server: Cluster) -> str:
    """A database with nothing in it."""
    name = f"clubos_{next(_numbers)}"
    server.ask(f"CREATE DATABASE {name}")
    return server.tcp.replace("/postgres", f"/{name}")


@pytest.fixture(params=["file", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Open a run's journal as another process would: a reading of its own, of one store."""
    if request.param == "file":
        files = FileJournals(str(tmp_path / "runs"), str(tmp_path / "start.lock"))
        yield lambda run="one": files.open(RunId(run))
        return
    from clubos_tui.journal.postgres import PostgresJournals

    where, made = request.getfixturevalue("url"), []

    def open_one(run: str = "one") -> Journal:
        made.append(PostgresJournals(where, "origin"))
        return made[-1].open(RunId(run))

    yield open_one
    for journals in made:
        journals.close()
