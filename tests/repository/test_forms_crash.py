"""A kill in the middle of a merge or rollback where disk and tree hold files in other forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.journey import Journey
from support.kill import Snapshot, in_child
from support.repo import Repo, leftovers

Start = Callable[..., Journey]
CHANGE = agents.all_of(
    agents.write("src/app.txt", "new\nlines\n"),
    agents.write("src/new.txt", "a\n"),
    agents.write("deep/er/new.txt", "outside\n"),
    agents.write("deep/er/only.txt", "outside\n"),
    agents.delete("src/old.txt"),
    agents.chmod("bin/run.sh", 0o644),
)
KILLS = 9


def unusual(repo: Repo) -> None:
    """Line ends converted, no execute bits, a sparse and split index."""
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "core.fileMode", "false")
    repo.git("rm", "-r", "--cached", "--quiet", ".")
    repo.git("reset", "--hard", "--quiet")
    repo.git("sparse-checkout", "set", "--cone", "src", "bin")
    repo.git("update-index", "--split-index")
    repo.write("scratch.txt", "mine\n")


def seen(repo: Repo) -> tuple[object, ...]:
    """Return what must be before or after: target, index with its flags, files."""
    return repo.tree("main"), repo.index(), sorted(manifest.checkout(repo.root).items())


@pytest.mark.parametrize("name", ["merge", "rollback"])
def test_p3_a_kill_leaves_before_or_after(
    repo: Repo, journey: Start, state: Path, tmp_path: Path, name: str
) -> None:
    """SIGKILL at points spread over the operation; the next start makes one of the two of it."""
    unusual(repo)
    run = journey(CHANGE).live()
    if name == "rollback":
        run.merge()
    run.close()
    work = {"merge": lambda item: item.merge(), "rollback": lambda item: item.roll_back(close=True)}
    start = Snapshot(tmp_path / "snapshot", repo.root, state)
    before = seen(repo)
    total = in_child(run, work[name], -1)
    after = seen(repo)
    assert before != after
    assert repo.git("status", "--porcelain") == "?? scratch.txt"
    wrong = []
    for at in sorted({round(step * (total - 1) / KILLS) for step in range(KILLS + 1)}):
        start.restore()
        in_child(run, work[name], at)
        run.open()
        if seen(repo) not in (before, after):
            wrong.append(f"point {at}: between before and after")
        wrong += [f"point {at}: left behind {path}" for path in leftovers(repo, state)]
        run.settle()
        if run.view.ending != {"merge": "merged", "rollback": "rolled back"}[name]:
            work[name](run)
        if seen(repo) != after:
            wrong.append(f"point {at}: going on leads elsewhere")
        run.close()
    assert wrong == []
    repo.fsck()
