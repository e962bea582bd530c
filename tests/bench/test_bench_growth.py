"""How the state folder grows, run after run, against the bytes that were changed."""

from __future__ import annotations

import os
import random
import statistics
from collections import Counter
from pathlib import Path

import pytest
from bench.conftest import Land
from bench.repos import LARGE, edit_of, fresh, path_of
from bench.table import Costs, Table
from support.journey import Journey
from support.repo import Repo

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("home")]

RUNS = 200 if os.environ.get("CLUBOS_BENCH_LONG") else 10
PHASES = 5
FILES = 20


def sizes(folder: Path) -> Counter[str]:
    """Return the bytes below each part of a repository's state folder."""
    out: Counter[str] = Counter()
    for top, _, names in os.walk(folder):
        part = Path(top).relative_to(folder).parts[1:2]  # the first is the repository's folder
        for name in names:
            out[part[0] if part else "."] += os.lstat(os.path.join(top, name)).st_size
    return out


class Grown:
    """Runs of phases over one repository, and what they changed."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.changed = 0
        self.phases, self.merges = Costs(), Costs()
        self._choose = random.Random(3)

    def pass_one(self) -> None:
        """Go through a run, to the merge."""
        numbers = self._choose.sample(range(LARGE), PHASES * FILES)
        paths = [path_of(number) for number in numbers]
        old = {path: self.repo.read(path) for path in paths}
        new = fresh(paths)
        run = Journey(self.repo, *(
            edit_of({path: new[path] for path in part})
            for part in (paths[at : at + FILES] for at in range(0, len(paths), FILES))
        ))  # fmt: skip
        for number in range(1, PHASES + 1):
            self.phases.add(
                lambda run=run, number=number: run.propose(number).approve(number).execute(number)
            )
        self.merges.add(run.merge)
        run.close()
        assert all(self.repo.read(path) == data for path, data in new.items())
        self.changed += sum(map(len, old.values())) + sum(map(len, new.values()))


def packs(state: Path) -> int:
    """Return how many packs the workshop holds."""
    return len(list(state.glob("*/workshop.git/objects/pack/*.pack")))


def test_the_state_folder_grows_with_what_was_changed(
    land: Land, state: Path, table: Table
) -> None:
    """After the first run (it lays out workspace and stage): bytes, packs, milliseconds."""
    grown = Grown(land("ours", LARGE))
    grown.pass_one()
    first = before = sizes(state)
    grown.changed, grown.phases, grown.merges = 0, Costs(), Costs()
    steady: list[float] = []
    most = 0
    for _ in range(RUNS):
        changed = grown.changed
        grown.pass_one()
        now = sizes(state)
        steady.append((now.total() - before.total()) / (grown.changed - changed))
        before, most = now, max(most, packs(state))
    added = Counter(before)
    added.subtract(first)
    assert added.total() > 0
    ratio = added.total() / grown.changed
    table.note(
        f"{RUNS} runs of {PHASES} phases of {FILES} files", "≤ 1.1",
        f"{ratio:.3f}: {added.total():,} bytes", f"{grown.changed:,} bytes changed",
    )  # fmt: skip
    table.note("a single run, median", "", f"{statistics.median(steady):.3f}")
    for part, size in sorted(added.items()):
        table.note(f"  {part}", "", f"{size:,}")
    tenth = max(1, len(grown.phases.all) // 10)
    early, late = Costs(grown.phases.all[:tenth]), Costs(grown.phases.all[-tenth:])
    table.note("a phase", "", f"{grown.phases.median} ms")
    table.note("a merge", "", f"{grown.merges.median} ms")
    table.compare("the last phases / the first", None, early, late)
    table.note("packs in the workshop", "", f"{packs(state)}, at most {most}")
