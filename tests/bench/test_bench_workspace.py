"""A workspace that is ready for an agent, against ``git checkout`` into an empty folder."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from bench import raw
from bench.conftest import Land
from bench.repos import LARGE, SMALL, fresh, spread, write_all
from bench.table import Costs, Table

from clubos_tui.engine.session import Session
from clubos_tui.repository.workshop import Workshop
from clubos_tui.workspace.known import SETTLED_NS
from clubos_tui.workspace.layout import Layout

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("home")]

ROUNDS = 3
CHANGED = 100


def changed(workspace: Layout, workshop: Workshop, base: str, total: int) -> str:
    """Let an agent change some files, and return the tree that the scan finds."""
    workspace.hand_over()
    write_all(workspace.folder, fresh(spread(total, CHANGED)))
    found = workspace.scan()
    assert len(found.puts) == CHANGED
    tree = workshop.build(base, found.puts, found.blobs)
    workspace.settle(tree)
    return tree


@pytest.mark.parametrize("total", [SMALL, LARGE])
def test_a_workspace_against_git_checkout(
    land: Land, total: int, tmp_path: Path, table: Table
) -> None:
    """The first one, and the next: by the same process, by another, and after a kill."""
    repo = land("ours", total)
    session = Session.open(repo.path)
    base = repo.tree("HEAD")
    git, first, same, other, killed = (Costs() for _ in range(5))
    for turn in range(ROUNDS):
        bare = raw.Empty(repo, tmp_path / f"git-{turn}")
        git.add(bare.check_out)
        assert len(os.listdir(bare.folder)) == len(os.listdir(repo.root))
        folder = str(tmp_path / f"ours-{turn}")
        os.sync()  # as much is left to be written by the one as by the other
        workspace = Layout(folder, session.workshop, hide=True)
        first.add(lambda workspace=workspace: workspace.bring(base))
        time.sleep(SETTLED_NS / 1e9)  # as an agent takes longer than that
        changed(workspace, session.workshop, base, total)
        same.add(lambda workspace=workspace: workspace.bring(base))
        changed(workspace, session.workshop, base, total)
        workspace.close()

        def begin(folder: str = folder) -> None:
            again = Layout(folder, session.workshop, hide=True)
            again.bring(base)
            assert again.holds == base

        other.add(begin)
        write_all(folder, fresh(spread(total, CHANGED)))
        os.unlink(f"{folder}.holds")
        killed.add(begin)
    session.close()
    # Only now: a disk that has just lost very many files looks long for a free place for each new.
    for turn in range(ROUNDS):
        shutil.rmtree(tmp_path / f"git-{turn}")
        shutil.rmtree(tmp_path / f"ours-{turn}")
    table.compare(f"{total:,} files", 1.5, git, first)
    table.compare("the next phase's", 0.1, git, same)
    table.compare("the same in another process", 0.1, git, other)
    table.compare("the same after a kill", 0.1, git, killed)
