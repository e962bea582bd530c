"""The same work done by git alone, as fast as git does it: what ours is measured against."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.repos import Files, as_commit, write_all
from support.repo import Repo


class Import:
    """One ``git fast-import`` of changed files on top of HEAD, in a quarantine of its own."""

    def __init__(self, repo: Repo, folder: Path, files: Files) -> None:
        """Make the quarantine and the stream; neither is part of what is measured."""
        self.folder = folder
        for part in ("objects/info", "objects/pack", "refs/heads"):
            (folder / part).mkdir(parents=True)
        (folder / "config").write_text("[core]\n\tbare = true\n\trepositoryformatversion = 0\n")
        (folder / "objects/info/alternates").write_text(f"{repo.root}/.git/objects\n")
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
        with self._stream.open("wb") as stream:
            stream.writelines(as_commit(files, onto=repo.head))

    @property
    def _stream(self) -> Path:
        return self.folder / "stream"

    def run(self) -> None:
        """Make blobs, trees and commit, and flush the pack."""
        with self._stream.open("rb") as stream:
            subprocess.run(
                ["git", "-c", "core.compression=1", "-c", "fastimport.unpackLimit=0",
                 "fast-import", "--quiet", "--done"],
                cwd=self.folder, stdin=stream, check=True,
            )  # fmt: skip

    def tree(self) -> str:
        """Return the tree it made, and remove the quarantine."""
        tree = Repo(self.folder).git("rev-parse", "main^{tree}")
        shutil.rmtree(self.folder)
        return tree


def in_place(repo: Repo, files: Files) -> None:
    """Write into the checkout, add all, commit: no isolation, no backup, no flush."""
    write_all(repo.root, files)
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "-m", "unsafe")


def by_worktree(repo: Repo, place: Path, files: Files) -> None:
    """Isolation as git offers it: a linked work tree, a commit there, a fast-forward, removal."""
    branch = place.name
    repo.git("worktree", "add", "--quiet", "-b", branch, str(place))
    in_place(Repo(place), files)
    repo.git("merge", "--quiet", "--ff-only", branch)
    repo.git("worktree", "remove", str(place))


def take_back(repo: Repo, paths: list[str]) -> None:
    """Put the files of the commit before into checkout and index."""
    repo.git(
        "checkout", "--quiet", "--pathspec-from-file=-", "HEAD~1",
        stdin="".join(f"{path}\n" for path in paths).encode(),
    )  # fmt: skip


def start_switch(repo: Repo, commit: str) -> subprocess.Popen[bytes]:
    """Begin to bring index and checkout from HEAD to ``commit``."""
    return subprocess.Popen(
        ["git", "read-tree", "-m", "-u", "HEAD", commit],
        cwd=repo.root, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def undo_switch(repo: Repo) -> None:
    """Bring everything back to HEAD, whatever a killed git left."""
    lock = repo.root / ".git/index.lock"
    if lock.exists():
        os.unlink(lock)
    repo.git("reset", "--quiet", "--hard")


class Empty:
    """A work tree of a repository with nothing in it yet."""

    def __init__(self, repo: Repo, folder: Path) -> None:
        self.folder = folder
        repo.git("clone", "--quiet", "--shared", "--no-checkout", str(repo.root), str(folder))

    def check_out(self) -> None:
        """Write all files and the index."""
        Repo(self.folder).git("checkout", "--quiet", "main")
