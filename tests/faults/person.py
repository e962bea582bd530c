"""A person works in the repository, in a process of their own, while an operation runs.

They edit, save by renaming, remove, stage, commit and switch branches at random; the operation is
slowed down so that the two meet. Afterwards nothing of theirs is lost, and nothing is mixed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.kill import Points
from support.repo import Repo, leftovers

from faults.fork import fork
from faults.ground import TOUCHED, Ground, ground
from faults.outcome import Outcome
from faults.races import ON_CHECKOUT, OPERATIONS, cases, race, require_told, require_unmixed
from faults.world import Files, files_in


class Person:
    """Works at random until told to end; writes down each thing that was really done."""

    def __init__(self, repo: Repo, seed: int, note: Path, *, switches: bool) -> None:
        self.repo, self.note, self.switches = repo, note, switches
        self.chosen = random.Random(seed)
        self.number = 0
        self.last: dict[str, str | None] = {}  # what a path holds since this person's last word
        self.commits: list[str] = []

    def work(self, until: Callable[[], bool]) -> None:
        """Do one thing after the other, then write the notes."""
        while not until():
            self.chosen.choice([self.save, self.save, self.rename, self.remove, self.stage,
                                self.commit, self.switch])()  # fmt: skip
            time.sleep(self.chosen.random() * 0.004)
        self.note.write_text(json.dumps({"last": self.last, "commits": self.commits}))

    def path(self) -> str:
        """Choose a path; where branches are switched, only what is nobody else's."""
        own = [f"own/{number}.txt" for number in range(3)]
        return self.chosen.choice(own if self.switches else [*own, *TOUCHED])

    def words(self) -> str:
        """Return bytes that nobody else writes."""
        self.number += 1
        return f"mine {os.getpid()} {self.number}\n"

    def save(self) -> None:
        """Write in place."""
        path, words = self.path(), self.words()
        with contextlib.suppress(OSError):
            self.repo.write(path, words)
            self.last[path] = words

    def rename(self) -> None:
        """Save as editors do: beside it, then over it."""
        path, words = self.path(), self.words()
        with contextlib.suppress(OSError):
            part = self.repo.write(f"{path}.part{self.number}", words)
            os.replace(part, self.repo.root / path)
            self.last[path] = words

    def remove(self) -> None:
        """Remove a file of their own; one of ours may come back by the operation."""
        path = f"own/{self.chosen.randrange(3)}.txt"
        with contextlib.suppress(OSError):
            (self.repo.root / path).unlink()
            self.last[path] = None

    def stage(self) -> None:
        """Stage something; git says no where it finds a lock."""
        self.repo.ask("add", "--all", "--", self.path())

    def commit(self) -> None:
        """Commit what is staged."""
        if self.repo.ask("commit", "-q", "--no-verify", "-m", "mine").returncode == 0:
            self.commits.append(self.repo.head)

    def switch(self) -> None:
        """Change the branch, unless that would lose an edit, as git finds."""
        if self.switches:
            self.repo.ask("switch", "-q", self.chosen.choice(["main", "side"]))
            self.last.clear()  # from here on git is the one who writes


class Slow(Points):
    """Waits a moment at each point of an operation."""

    def __init__(self, chosen: random.Random) -> None:
        super().__init__()
        self.chosen = chosen

    def __call__(self, name: str) -> None:
        time.sleep(self.chosen.random() * 0.003)


def side_by_side(place: Ground, operation: str, seed: int) -> Outcome:
    """Run an operation beside a person; afterwards nothing of theirs is lost, nothing mixed."""
    stage, work = OPERATIONS[operation]
    run = place.lay_out(stage)
    chosen = random.Random(seed)
    switches = chosen.random() < 0.3
    end, note = place.folder / "end", place.folder / "note"
    for path in (end, note):
        path.unlink(missing_ok=True)
    person = Person(place.repo, seed, note, switches=switches)
    old = place.repo.git("rev-parse", "main")

    def operate() -> None:
        Slow(chosen).install()
        time.sleep(chosen.random() * 0.02)
        run.open()
        work(run)
        run.close()

    worker = fork(lambda: person.work(end.exists))
    status = os.waitpid(fork(operate), 0)[1]
    end.touch()
    other = os.waitpid(worker, 0)[1]
    case = f"{operation} beside a person, seed {seed}"
    assert (status, other) == (0, 0), f"{case}: a process failed"
    said = json.loads(note.read_text())
    run.open()
    files = files_in(place.root)
    _require_theirs(place, said, files, case)
    assert leftovers(place.repo, place.state) == [], case
    require_told(run, case)
    require_unmixed(place, {*said["last"], *_changed_by(place, said["commits"])}, case)
    place.repo.fsck()
    moved = f"ClubOS-Run: {run.run.id}" in place.repo.git("log", f"{old}..main")
    run.close()
    return Outcome(1, before=int(not moved), after=int(moved))


def _require_theirs(place: Ground, said: dict[str, Any], files: Files, case: str) -> None:
    for path, words in said["last"].items():
        wanted = None if words is None else words.encode()
        assert files.get(path) == wanted, f"{case}: {path} holds {files.get(path)!r}"
    kept = set(place.repo.git("rev-list", "main", "side").split())
    assert kept >= set(said["commits"]), f"{case}: a commit is on no branch"


def _changed_by(place: Ground, commits: list[str]) -> set[str]:
    out: set[str] = set()
    for commit in commits:
        out |= set(place.repo.git("diff", "--name-only", f"{commit}^", commit).split("\n"))
    return out


def campaign(seed: int, budget: int) -> Outcome:
    """Run ``budget`` trials, half of them barriers; a failure is named with what repeats it."""
    total, chosen = Outcome(), random.Random(seed)
    with ground() as place:
        every = cases(place)
        chosen.shuffle(every)
        for number in range(budget):
            try:
                if number % 2 and number // 2 < len(every):
                    total.add(race(place, *every[number // 2]))
                else:
                    operation = chosen.choice(ON_CHECKOUT)
                    total.add(side_by_side(place, operation, seed * 100_000 + number))
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                total.injected += 1
                total.failed.append(f"person: {error}")
    return total
