"""A place for many short trials: one folder in memory, laid out anew from snapshots.

Everything is at the same paths in each trial, because a journal names them, so a run that was
brought to some stage once is there again after a few milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from support import agents
from support.agents import Edit
from support.journey import Journey
from support.kill import Snapshot
from support.repo import Repo

MEMORY = "/dev/shm"
_IDENTITY = "[user]\n\tname = Pat\n\temail = pat@example.org\n[init]\n\tdefaultBranch = main\n"

# What the agent does, phase by phase: path → bytes, or None for a file that goes.
Patch = dict[str, bytes | None]
PHASES: tuple[Patch, ...] = (
    {"src/app.txt": b"agent one\n", "fresh/in/a.txt": b"agent a\n", "deep/er/only.txt": None},
    {"fresh/in/a.txt": b"agent two\n", "b.txt": b"agent b\n", "src/old.txt": None,
     "README.md": b"# Agent\n"},
)  # fmt: skip

TOUCHED = tuple(sorted({path for patch in PHASES for path in patch}))

# How a run comes to the place where a trial begins.
STAGES: dict[str, Callable[[Journey], object]] = {
    "idle": lambda run: None,
    "proposed": lambda run: run.propose(),
    "one": lambda run: run.live(1),
    "validated": lambda run: run.live(),
    "merged": lambda run: run.live().merge(),
    "reverted": lambda run: run.live().merge().roll_back(1, close=True),
}


def edit_of(patch: Patch) -> Edit:
    """Return the agent's edit that makes ``patch``."""
    return agents.all_of(
        *(agents.delete(path) if data is None else agents.write(path, data)
          for path, data in patch.items())
    )  # fmt: skip


class Ground:
    """A repository, its state folder, and a snapshot of both for each stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "repo"
        self.state = folder / "state"
        self.repo = Repo(self.root)
        self._snapshots: dict[str, Snapshot] = {}

    def lay_out(self, stage: str) -> Journey:
        """Return a run at ``stage``, as if it had just come there; nothing of it is open."""
        if stage not in self._snapshots:
            self._bring(stage)
        self._snapshots[stage].restore()
        run = Journey.__new__(Journey)
        run.repo = self.repo
        run.edits = {f"p{number}": edit_of(patch) for number, patch in enumerate(PHASES, 1)}
        return run

    def opened(self, stage: str) -> Journey:
        """Return an open run at ``stage``."""
        run = self.lay_out(stage)
        run.open()
        return run

    def _bring(self, stage: str) -> None:
        for folder in (self.root, self.state):
            shutil.rmtree(folder, ignore_errors=True)
        self.state.mkdir()
        Repo.make(self.root, "--template=")
        self.repo.git("branch", "side")
        run = Journey(self.repo, *(edit_of(patch) for patch in PHASES))
        STAGES[stage](run)
        run.close()
        self._snapshots[stage] = Snapshot(self.folder / "snapshots" / stage, self.root, self.state)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Make a ground with an empty home; this machine's settings and variables reach nothing."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="clubos-faults-", dir=place))
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_", "CLUBOS_"))]:
        del os.environ[name]
    os.environ.update(HOME=str(folder), CLUBOS_STATE_DIR=str(folder / "state"))
    (folder / ".gitconfig").write_text(_IDENTITY)
    try:
        yield Ground(folder)
    finally:
        os.environ.clear()
        os.environ.update(kept)
        shutil.rmtree(folder, ignore_errors=True)
