"""The safe engine against git alone, which promises nothing: the same files, in turn, one run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bench import raw
from bench.conftest import Land
from bench.repos import LARGE, SMALL, Files, edit_of, fresh, spread, write_all
from bench.table import Costs, Table
from support.journey import Journey
from support.repo import Repo

from clubos_tui.engine.session import Session
from clubos_tui.workspace.layout import Layout

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("home")]

ROUNDS = 5
COUNTS = {SMALL: (1, 10, 100, 1_000), LARGE: (1, 10, 100, 1_000, 10_000)}


def rounds_of(count: int) -> int:
    """Return how often to measure: the largest takes its time."""
    return 3 if count >= 10_000 else ROUNDS


@pytest.mark.parametrize("total", COUNTS)
def test_the_tree_of_a_dry_run_against_one_fast_import(
    land: Land, total: int, tmp_path: Path, table: Table
) -> None:
    """From changed files in the workspace to a durable tree: look, hash, pack, flush."""
    repo = land("ours", total)
    session = Session.open(repo.path)
    workspace = Layout(session.paths.workspace, session.workshop, hide=True)
    base = repo.tree("HEAD")
    workspace.bring(base)
    workspace.hand_over()
    workspace.settle(session.workshop.build(base, workspace.scan().puts, {}))

    def measure() -> None:
        found = workspace.scan()
        workspace.settle(session.workshop.build(base, found.puts, found.blobs))

    for count in COUNTS[total]:
        git, ours = Costs(), Costs()
        for turn in range(rounds_of(count)):
            files = fresh(spread(total, count))
            stream = raw.Import(repo, tmp_path / f"{count}-{turn}", files)
            git.add(stream.run)
            workspace.bring(base)
            workspace.hand_over()
            write_all(workspace.folder, files)
            ours.add(measure)
            assert workspace.holds == stream.tree()
        table.compare(f"{count:,} of {total:,} files", 1.3, git, ours)
    workspace.close()
    session.close()


class Phases:
    """A run whose phases change this and that many files, after a first one that changes one."""

    def __init__(self, repo: Repo, total: int, counts: list[int]) -> None:
        self.repo = repo
        self.files = [fresh(spread(total, count)) for count in counts]
        self.run = Journey(repo, edit_of(fresh(spread(total, 1))), *map(edit_of, self.files))
        self.run.live(1)  # with it goes the first export
        self._next = 2

    def pass_one(self, proposing: Costs, whole: Costs) -> None:
        """Go through the next phase."""
        number, self._next = self._next, self._next + 1
        proposing.add(lambda: self.run.propose(number))
        done = Costs()
        done.add(lambda: self.run.approve(number).execute(number))
        whole.add_sum(proposing.last, done.last)
        phase = self.run.phase(number)
        assert self.repo.tree(phase.branch) == phase.change_set
        assert len(phase.manifest) == len(self.files[number - 2])


def test_a_phase_in_a_large_repository(land: Land, tmp_path: Path, table: Table) -> None:
    """Whole steps of a run, events, checks and rehearsal included, against size and against git."""
    plan = [count for count in COUNTS[LARGE] for _ in range(rounds_of(count))]
    runs = {
        total: Phases(
            land("ours", total), total, [count for count in plan if count in COUNTS[total]]
        )
        for total in COUNTS
    }
    git, proposing, whole = (
        {(total, count): Costs() for total in COUNTS for count in COUNTS[total]} for _ in range(3)
    )
    for turn, count in enumerate(plan):
        for total, counts in COUNTS.items():
            if count in counts:
                what = total, count
                files = fresh(spread(total, count))
                stream = raw.Import(land("ours", total), tmp_path / f"{total}-{turn}", files)
                git[what].add(stream.run)
                stream.tree()
                runs[total].pass_one(proposing[what], whole[what])
    for what in git:
        label = f"propose {what[1]:,} of {what[0]:,} / import"
        table.compare(label, None, git[what], proposing[what])
    for count in COUNTS[SMALL]:
        small, large, target = (SMALL, count), (LARGE, count), 1.5 if count in {1, 100} else None
        label = f"{count:,} in {LARGE:,} / in {SMALL:,}"
        table.compare(f"propose {label}", target, proposing[small], proposing[large])
        table.compare(f"whole phase {label}", target, whole[small], whole[large])
    for item in runs.values():
        item.run.close()


def merged_phase(repo: Repo, total: int, files: Files) -> tuple[Costs, Journey]:
    """Go through a run of two phases, and measure the second one with the merge."""
    run = Journey(repo, edit_of(fresh(spread(total, 1))), edit_of(files)).live(1)
    ours = Costs()
    ours.add(lambda: run.propose(2).approve(2).execute(2).merge())
    assert all(repo.read(path) == data for path, data in files.items())
    assert not repo.git("status", "--porcelain")
    return ours, run


@pytest.mark.parametrize("total", COUNTS)
def test_a_merged_phase_against_unsafe_git(land: Land, total: int, table: Table) -> None:
    """Propose, approve, execute and merge, against write, add and commit in the checkout."""
    repo, bare = land("ours", total), land("git", total)
    merged_phase(repo, total, fresh(spread(total, 1)))[1].close()  # the first export
    for count in (1, 10, 100, 1_000):
        git, ours = Costs(), Costs()
        for _ in range(ROUNDS):
            files = fresh(spread(total, count))
            git.add(lambda files=files: raw.in_place(bare, files))
            assert not bare.git("status", "--porcelain")
            cost, run = merged_phase(repo, total, files)
            run.close()
            ours.add_sum(cost.last)
        target = 4 if count < 1_000 else 2.5
        table.compare(f"{count:,} of {total:,} / in place", target, git, ours)


def test_a_merged_phase_against_a_linked_work_tree(
    land: Land, tmp_path: Path, table: Table
) -> None:
    """The same against the isolation that git itself offers, in the large repository."""
    repo, bare = land("ours", LARGE), land("git", LARGE)
    merged_phase(repo, LARGE, fresh(spread(LARGE, 1)))[1].close()
    for count in (1, 100, 1_000):
        git, ours = Costs(), Costs()
        for turn in range(2):
            files, place = fresh(spread(LARGE, count)), tmp_path / f"tree-{count}-{turn}"
            git.add(lambda files=files, place=place: raw.by_worktree(bare, place, files))
            assert not os.path.exists(place)
            assert not bare.git("status", "--porcelain")
            cost, run = merged_phase(repo, LARGE, files)
            run.close()
            ours.add_sum(cost.last)
        table.compare(f"{count:,} of {LARGE:,} / work tree", 0.2, git, ours)


@pytest.mark.parametrize("total", COUNTS)
def test_rolling_a_merge_back_against_git_checkout(land: Land, total: int, table: Table) -> None:
    """Take a merge back, revert commit and all, against putting as many files back with git."""
    repo, bare = land("ours", total), land("git", total)
    for count in (100, 1_000):
        git, ours = Costs(), Costs()
        for _ in range(ROUNDS):
            files = fresh(spread(total, count))
            before = {path: bare.read(path) for path in files}
            raw.in_place(bare, files)
            git.add(lambda files=files: raw.take_back(bare, list(files)))
            assert all(bare.read(path) == data for path, data in before.items())
            bare.git("commit", "--quiet", "-m", "taken back")
            tree = repo.tree("HEAD")
            _, run = merged_phase(repo, total, files)
            ours.add(lambda run=run: run.roll_back(1, close=True))
            run.close()
            assert repo.tree("HEAD") == tree
            assert not repo.git("status", "--porcelain")
        table.compare(f"{count:,} of {total:,}", 2, git, ours)
