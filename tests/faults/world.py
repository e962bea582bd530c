"""A person's repository as a dict, a run beside it, and what must hold after every step.

The model is what the person believes: path → bytes. The person's own steps change it; of what
the run does only a merge, and taking one back, may change it, and only to the approved bytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from support import vaults
from support.journey import WHO, Journey
from support.repo import leftovers

from clubos_tui.apply.record import unfinished
from clubos_tui.engine.audit import verify
from clubos_tui.engine.state import Status
from clubos_tui.errors import ClubosError
from clubos_tui.events import ApplyFinished, RolledBack, Undone
from faults.fork import in_child
from faults.ground import PHASES, TOUCHED, Ground, Patch

Files = dict[str, bytes]
Ask = Callable[[Journey], object]

OWN = ("own.txt", "notes/mine.txt", "debug.log", "fresh")  # the last where a folder must go
PATHS = (*TOUCHED, *OWN)


@dataclass(frozen=True)
class Shot:
    """All of the person's that an operation could harm."""

    files: Files
    index: dict[str, str]
    head: str
    branches: dict[str, str]


class World:
    """One person, one repository, one run."""

    def __init__(self, ground: Ground, stage: str) -> None:
        self.run: Journey = ground.lay_out(stage)
        self.repo, self.state = ground.repo, ground.state
        self.run.open()
        self.files = files_in(self.repo.root)
        self.base = self._committed(self.run.view.started.base_commit)
        self.injected = self.before = self.after = 0
        self._commits = 0

    def close(self) -> None:
        """Give the locks back, and have git look at all objects."""
        self.run.close()
        self.repo.fsck()

    # --- the person -----------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> None:
        """Save a file, where neither a file nor a folder of theirs stands in the way."""
        with contextlib.suppress(NotADirectoryError, IsADirectoryError, FileExistsError):
            self.repo.write(path, data)
            self.files[path] = data

    def delete(self, path: str) -> None:
        """Remove a file."""
        if self.files.pop(path, None) is not None:
            (self.repo.root / path).unlink()

    def stage(self, path: str) -> None:
        """Stage a path as it is now; git may find nothing to stage."""
        self.repo.ask("add", "--force", "--", path)

    def commit(self, path: str) -> None:
        """Commit a path, and what else is staged."""
        self._commits += 1
        self.stage(path)
        self.repo.ask("commit", "-q", "--no-verify", "-m", f"mine {self._commits}")

    def switch(self, branch: str) -> None:
        """Change the branch; git refuses where that would lose an edit."""
        self.repo.ask("switch", "-q", branch)
        self.files = files_in(self.repo.root)

    # --- the run --------------------------------------------------------------------------------

    def dry_run(self, number: int, at: int, again: int) -> None:
        """Propose a phase."""
        self._operate(lambda run: run.run.propose(number, by=WHO), at, again)

    def execute(self, number: int, at: int, again: int) -> None:
        """Approve a phase, if there is something to approve, and execute it on the stage."""

        def ask(run: Journey) -> None:
            if run.phase(number).state is Status.PROPOSED:
                run.approve(number)
            run.run.execute(number, by=WHO)

        self._operate(ask, at, again)

    def merge(self, at: int, again: int) -> None:
        """Merge, and approve the merged tree where the target had moved."""

        def ask(run: Journey) -> None:
            if not run.view.queue:
                run.run.merge(by=WHO)
            run.settle()
            prepared = run.view.merge.prepared
            if run.view.merge_waits and prepared:
                run.run.approve_merge(prepared.tree, by=WHO)

        self._operate(ask, at, again, becomes={1, 2})

    def roll_back(self, number: int, at: int, again: int, *, close: bool = False) -> None:
        """Take a phase, or the run, back."""
        becomes = {phase for phase in self.merged() if phase < number}
        ask: Ask = lambda run: run.run.roll_back(number, by=WHO, close=close)  # noqa: E731
        self._operate(ask, at, again, becomes=becomes)

    def undo(self, at: int, again: int) -> None:
        """Take the last rollback back."""
        rollback = self.run.view.rollback
        back = set(rollback.phases) if rollback and rollback.commit else set()
        self._operate(lambda run: run.run.undo(by=WHO), at, again, becomes=self.merged() | back)

    def start(self) -> None:
        """Start the next run where this one has ended."""
        plan, view = self.run.view.plan, self.run.view
        head = self.repo.git("symbolic-ref", "HEAD")
        if view.ending:
            self.run.session.start(plan, "test", by=WHO)
            self.run.reopen()
            self.base = self._committed(head)

    def merged(self) -> set[int]:
        """Return the phases that are on the target branch."""
        on = self.run.view.ending == "merged" or self.run.view.merge.merged is not None
        return {item.number for item in self.run.view.phases if on and item.state is Status.MERGED}

    def _operate(self, ask: Ask, at: int, again: int, *, becomes: set[int] | None = None) -> None:
        """Do it in a child killed at point ``at``, recover in one killed at ``again``; judge."""

        def work(run: Journey) -> None:
            with contextlib.suppress(ClubosError):  # what may not be asked now is refused
                ask(run)
            run.settle()

        before, was = self.shot(), self.merged()
        change = _change(self.value(was), self.value(was if becomes is None else becomes))
        failure = self.run.view.failure
        self.run.close()
        ended = in_child(self.run, work, at)
        assert not ended.error, ended.error
        if ended.killed:
            self.injected += 1
            self.injected += in_child(self.run, lambda _: None, again).killed
        self.run.open()  # recovers
        assert unfinished(self.run.session.paths.transactions) == []
        recovered = self.run.view.recovered[-1:] if self.run.view.queue else []
        said = {item.path for found in recovered for item in found.left}
        self._judge(before, change, said if recovered else self._said_left())
        self.run.settle()  # what was asked for goes on
        self.files = before.files
        moved = self._judge(before, change, self._said_left())
        self.after += moved
        self.before += not moved
        assert not moved or self.run.view.failure in (None, failure), self.run.view.failure
        self._judge_stage()
        assert leftovers(self.repo, self.state) == []
        assert verify(self.run.session, self.run.run).broken == ()

    # --- what must hold -------------------------------------------------------------------------

    def value(self, phases: Iterable[int]) -> Patch:
        """Return what each touched path holds when just these phases are there."""
        out: Patch = {path: self.base.get(path) for path in TOUCHED}
        for number in sorted(phases):
            out.update(PHASES[number - 1])
        return out

    def shot(self) -> Shot:
        """Look at files, index and branches."""
        rows = (row.split("\t", 1) for row in self.repo.index().split("\0") if row)
        branches = {name: commit for name, commit in self.repo.branches().items()
                    if not name.startswith("autogen/")}  # fmt: skip
        head = self.repo.git("symbolic-ref", "HEAD")
        return Shot(files_in(self.repo.root), {path: entry for entry, path in rows}, head, branches)

    def _committed(self, commit: str) -> Files:
        names = self.repo.git("ls-tree", "-r", "--name-only", commit).split("\n")
        return {name: self.repo.ask("show", f"{commit}:{name}").stdout for name in names}

    def _judge(self, before: Shot, change: Patch, left: set[str]) -> bool:
        """Require before or after, with nothing between; tell whether it is after."""
        now = self.shot()
        assert self.files == before.files, "the model is not what was on disk"
        if now.branches == before.branches:
            assert now == before, _difference(before, now)
            return False
        moved = {name for name in now.branches if now.branches[name] != before.branches.get(name)}
        assert moved == {"main"}
        assert now.head == before.head
        rows = self._judge_commit(before.branches["main"], now.branches["main"], change)
        expected, index = dict(before.files), dict(before.index)
        if now.head == "refs/heads/main":
            for path in rows - left:
                _put(expected, path, change[path])
                entry = self.repo.git("ls-tree", "main", "--", path).partition("\t")[0].split(" ")
                index.pop(path, None)
                if change[path] is not None:
                    index[path] = f"H {entry[0]} {entry[2]} 0"
            old = self._committed(before.branches["main"])
            undone = {path for path in change if now.files.get(path) != change[path]}
            untold = {path for path in undone if old.get(path) != change[path]} - left
            assert self.run.view.queue or not untold, f"left alone and not said: {untold}"
        assert (now.files, now.index) == (expected, index), _difference(
            Shot(expected, index, now.head, now.branches), now
        )
        self.files = expected
        self._displaced_is_kept(before)
        return True

    def _judge_commit(self, old: str, new: str, change: Patch) -> set[str]:
        """Require one commit on top of the person's, with nothing in it but approved bytes."""
        assert self.repo.git("rev-parse", f"{new}^1") == old, "a commit of the person's is lost"
        rows = set(self.repo.git("diff", "--name-only", "--no-renames", old, new).split("\n"))
        assert rows <= change.keys(), rows - change.keys()
        files = self._committed(new)
        for path in rows:
            assert files.get(path) == change[path], path
        return rows

    def _judge_stage(self) -> None:
        """The stage holds what the validated phases make of the base, to the byte."""
        phases = {item.number for item in self.run.view.phases if item.state is Status.VALIDATED}
        if phases and not self.run.view.ending:
            stage = files_in(self.run.stage)
            value = self.value(phases)
            assert {path: stage.get(path) for path in TOUCHED} == value

    def _said_left(self) -> set[str]:
        """Return what the last statement of success says it left alone."""
        for record in reversed(self.run.run.journal.load()):
            if isinstance(record.event, ApplyFinished | RolledBack | Undone):
                return {item.path for item in record.event.left}
        return set()

    def _displaced_is_kept(self, before: Shot) -> None:
        backups = vaults.everything(self.state.glob("*/backups/*"))
        for path, data in before.files.items():
            if self.files.get(path) != data and data not in backups:
                blob = self.repo.git("hash-object", "--stdin", stdin=data)
                assert self.repo.ask("cat-file", "-e", blob).returncode == 0, f"{path} is lost"


def files_in(root: str | os.PathLike[str]) -> Files:
    """Return path → bytes of every file under a folder; what is in ``.git`` is not looked at."""
    out = {}
    for top, folders, names in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                out[os.path.relpath(os.path.join(top, name), root)] = file.read()
    return out


def _change(old: Patch, new: Patch) -> Patch:
    return {path: new[path] for path in new if old[path] != new[path]}


def _put(files: Files, path: str, data: bytes | None) -> None:
    files.pop(path, None)
    if data is not None:
        files[path] = data


def _difference(wanted: Shot, now: Shot) -> list[str]:
    lines = []
    for what in ("files", "index", "branches"):
        old, new = getattr(wanted, what), getattr(now, what)
        lines += [
            f"{what}: {name!r}: {old.get(name)!r} -> {new.get(name)!r}"
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
    return [*lines, f"{wanted.head} -> {now.head}"]  # fmt: skip
