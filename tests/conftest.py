"""Fixtures for every room: a real repository that no setting of this machine can reach."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.journey import Journey, Script
from support.repo import Repo

from clubos_tui.engine.session import Session
from clubos_tui.workspace.sandbox import landlock

settings.register_profile(
    "clubos",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),  # there a run says the same twice
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("clubos")

# Nobody's own keys or git settings; a test that wants some says where.
os.environ["XDG_CONFIG_HOME"] = str(Path(__file__).parent / "no-such-folder")


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: every second one waits for a screen, a disk or a process."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have each worker begin with its part of what takes longest, so that none is left with it."""
    if not landlock.abi():  # nothing could be installed for these, so they are not skipped
        lacking = [item for item in items if item.get_closest_marker("landlock")]
        items[:] = [item for item in items if not item.get_closest_marker("landlock")]
        config.hook.pytest_deselected(items=lacking)
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    long = [item for item in items if item.get_closest_marker("long")]
    rest = iter([item for item in items if not item.get_closest_marker("long")])
    share = -(-len(items) // workers)
    for worker in range(workers):
        first = long[worker::workers]
        items[worker * share : (worker + 1) * share] = [*first, *islice(rest, share - len(first))]


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test's runs lie at home: they would outlive it, and be gone on with at the same path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLUBOS_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with a git identity; no variable of this machine's reaches git or clubos."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".gitconfig").write_text(
        "[user]\n\tname = Pat\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n"
    )
    for name in list(os.environ):
        if name.startswith(("GIT_", "XDG_", "CLUBOS_")) or name in {
            "DRY_RUN", "PHASE", "AUTO_APPROVE", "NO_COLOR",
        }:  # fmt: skip
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("CLUBOS_STATE_DIR", str(tmp_path / "state"))
    # What is not about the tools of checks does not wait for them: tests/checks/test_real_tools.py.
    monkeypatch.setenv("CLUBOS_TOOLS", str(tmp_path / "no-tools"))
    # Nor for PostgreSQL: tests/checks/test_migrations.py.
    monkeypatch.setenv("CLUBOS_POSTGRESQL_BIN", str(tmp_path / "no-postgresql"))
    return folder


@pytest.fixture
def key(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key that opens nothing, and no settings of the developer's."""
    del home  # comes first: it clears the environment
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-0123456789")
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def state(home: Path, tmp_path: Path) -> Path:
    """Where the state of every repository of the test lies."""
    return tmp_path / "state"


@pytest.fixture
def repo(home: Path, tmp_path: Path) -> Repo:
    """A repository with one commit on ``main``."""
    return Repo.make(tmp_path / "repo")


@pytest.fixture
def session(repo: Repo) -> Iterator[Session]:
    """The repository opened for clubos."""
    opened = Session.open(repo.path)
    yield opened
    opened.close()


@pytest.fixture
def journey(repo: Repo) -> Iterator[Callable[..., Journey]]:
    """Start a run of the given edits, a phase each; closed at the end of the test."""
    made: list[Journey] = []

    def start(*phases: Script, where: Repo | None = None, **fields: object) -> Journey:
        made.append(Journey(where or repo, *phases, **fields))
        return made[-1]

    yield start
    for item in made:
        item.close()
