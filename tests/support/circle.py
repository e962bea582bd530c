"""The whole way of a change through a repository, and what must hold after each step of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support import manifest
from support.journey import Journey, Script
from support.repo import Repo, leftovers

Start = Callable[..., Journey]


@dataclass
class Circle:
    """Dry run, execution, merge and rollback of ``change`` in ``repo``."""

    repo: Repo
    journey: Start
    state: Path
    touched: tuple[str, ...]  # every path the change may touch, and the folders it makes
    after: Callable[[], None] = lambda: None  # looks at the merged checkout

    def run(self, change: Script) -> Journey:
        """Go all the way round and require each promise."""
        repo = self.repo
        status, flags = self._status(), repo.index()
        before = manifest.manifest(repo.root)
        run = self.journey(change, where=repo).propose()
        assert manifest.difference(before, manifest.manifest(repo.root)) == []  # P1
        run.approve().execute()
        assert repo.tree(run.phase().branch) == run.phase().change_set  # P2
        assert self._elsewhere(before) == []
        run.merge()
        assert repo.tree("HEAD") == run.phase().change_set
        assert self._elsewhere(before) == []
        self.after()
        assert self._status() == status
        repo.fsck()
        run.roll_back(1, close=True)
        self._require_as_before(before)
        assert self._status() == status
        assert repo.index() == flags
        repo.fsck()
        assert leftovers(repo, self.state) == []
        return run

    def refused(self, change: Script, *words: str, code: int = 7) -> Journey:
        """Go up to the merge, which must be refused with these words and change nothing."""
        repo = self.repo
        before = manifest.manifest(repo.root)
        run = self.journey(change, where=repo).propose()
        assert manifest.difference(before, manifest.manifest(repo.root)) == []
        run.approve().execute()
        index, files, heads = repo.index(), manifest.checkout(repo.root), repo.branches()
        failure = run.try_merge()
        assert failure is not None
        assert failure.code == code, failure
        for word in words:
            assert word in f"{failure.error} {failure.cure}", failure
        assert failure.untouched
        assert repo.index() == index
        assert repo.branches() == heads
        assert manifest.difference(files, manifest.checkout(repo.root)) == []
        assert leftovers(repo, self.state) == []
        return run

    def _status(self) -> list[str]:
        """Return what git thinks is unfinished: the person's own, and nothing of ours."""
        return sorted(self.repo.git("status", "--porcelain", "-uall").splitlines())

    def _elsewhere(self, before: manifest.Manifest) -> list[str]:
        """Return what differs outside ``.git`` and outside the touched paths."""
        ours = {".", *self.touched}
        now = manifest.manifest(self.repo.root, keep=lambda name: name != ".git")
        then = {name: node for name, node in before.items() if name.split("/")[0] != ".git"}
        parents = {path.rpartition("/")[0] for path in self.touched}
        return [
            line
            for name in sorted(now.keys() | then.keys())
            if name not in ours | parents
            for line in manifest.difference(
                {name: then[name]} if name in then else {},
                {name: now[name]} if name in now else {},
            )
        ]

    def _require_as_before(self, before: manifest.Manifest) -> None:
        then = {name: node for name, node in before.items() if name.split("/")[0] != ".git"}
        now = manifest.checkout(self.repo.root)
        assert manifest.difference(manifest.without_times(then), now) == []
