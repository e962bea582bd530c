"""A real repository in a folder of its own, asked and changed by plain git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from clubos_tui.repository.git import clean_environment


class Repo:
    """A repository at ``root``; everything it says comes from git or the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def make(cls, root: Path, *options: str) -> Repo:
        """Make one with a first commit of a few files."""
        root.mkdir(parents=True)
        repo = cls(root)
        repo.git("init", "--quiet", "--initial-branch=main", *options)
        repo.write("README.md", "# Club\n")
        repo.write("src/app.txt", "one\ntwo\nthree\n")
        repo.write("src/old.txt", "old\n")
        repo.write("bin/run.sh", "#!/bin/sh\n", 0o755)
        repo.write("deep/er/only.txt", "alone\n")
        repo.write(".gitignore", "*.log\nbuild/\n")
        repo.commit("first")
        return repo

    @property
    def path(self) -> str:
        """The root as text."""
        return str(self.root)

    def ask(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run git here and return what it did, whatever that is."""
        env = clean_environment()
        return subprocess.run(
            ["git", *arguments], cwd=self.root, env=env, input=stdin, capture_output=True,
            check=False,
        )  # fmt: skip

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git here, require success and return its output without the last line end."""
        done = self.ask(*arguments, stdin=stdin)
        assert done.returncode == 0, (arguments, done.stderr.decode("utf-8", "replace"))
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, path: str | bytes, data: str | bytes, mode: int | None = None) -> Path:
        """Write a file of the person's."""
        place = self.root / os.fsdecode(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            place.chmod(mode)
        return place

    def read(self, path: str | bytes) -> bytes:
        """Return a file's bytes."""
        return (self.root / os.fsdecode(path)).read_bytes()

    def commit(self, message: str) -> str:
        """Add everything, commit, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        """The commit that HEAD is."""
        return self.git("rev-parse", "HEAD")

    def tree(self, what: str) -> str:
        """Return the tree of a commit or branch."""
        return self.git("rev-parse", f"{what}^{{tree}}")

    def branches(self) -> dict[str, str]:
        """Return branch → commit."""
        listing = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        return dict(line.split(" ") for line in listing.splitlines())

    def index(self) -> str:
        """Return every index entry with its flags."""
        return self.git("ls-files", "-s", "-t", "-v", "-z")

    def fsck(self) -> None:
        """Require that git finds nothing wrong."""
        done = self.ask("fsck", "--strict", "--full", "--no-dangling")
        assert done.returncode == 0, done.stderr.decode()
        assert not done.stdout.strip(), done.stdout.decode()

    def mess(self) -> None:
        """Leave unfinished work: staged, staged and edited, edited, untracked, ignored, empty."""
        self.write("notes/staged.txt", "staged\n")
        self.write("notes/half.txt", "half staged\n")
        self.git("add", "notes")
        self.write("notes/half.txt", "half staged, half not\n")
        self.write("README.md", "# Club\nmy unfinished words\n", 0o600)
        self.write("scratch/untracked.txt", "mine\n")
        self.write("debug.log", "ignored\n")
        self.write("build/out.bin", b"\0ignored\xff")
        (self.root / "empty/inner").mkdir(parents=True)


def leftovers(repo: Repo, state: Path) -> list[str]:
    """Return what an operation must not leave behind: locks, staged files, kept packs."""
    out = []
    for top, folders, names in os.walk(repo.root / ".git"):
        out += [os.path.join(top, name) for name in names if name.endswith((".lock", ".keep"))]
        out += [os.path.join(top, name) for name in names if name.startswith("tmp_")]
        out += [os.path.join(top, name) for name in folders if name == "clubos"]
    for folder in state.glob("*/staging/*"):
        out.append(str(folder))
    return out
