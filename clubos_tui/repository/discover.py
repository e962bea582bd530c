"""Find the repository a person stands in, and say what form it has.

GitPython finds it; git itself confirms, because only git applies ``safe.directory``. Nothing
here runs a program the repository names.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from clubos_tui.errors import NotARepository, RepositoryState
from clubos_tui.repository.git import Git, clean_environment

_OPERATIONS = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a repository's parts lie; all paths absolute and resolved."""

    root: str
    git_dir: str
    common_dir: str
    object_format: str = "sha1"

    @property
    def git(self) -> Git:
        """The runner for the person's own git dir."""
        return Git(self.git_dir)

    @property
    def name(self) -> str:
        """The folder's name, for people."""
        return os.path.basename(self.root) or "repository"


def discover(path: str) -> Repository:
    """Return the repository around ``path``.

    Raises :class:`NotARepository` where there is none, :class:`RepositoryState` for a bare one or
    one that git refuses to open for this user.
    """
    start = _found_by_gitpython(path) or path
    facts, said = _rev_parse(start, "--is-bare-repository", "--show-object-format")
    if facts is None:
        raise _not_found(path, said)
    bare, object_format = facts.split("\n")
    if bare == "true":
        raise RepositoryState(
            f"{path} is a bare repository: it has no files to show or change",
            untouched="Nothing was touched.",
            cure="Clone it and run clubos in the clone.",
        )
    # One path a call: a folder's name may hold a line end.
    top, _ = _rev_parse(start, "--show-toplevel")
    git_dir, _ = _rev_parse(start, "--absolute-git-dir")
    common_dir, _ = _rev_parse(start, "--path-format=absolute", "--git-common-dir")
    if top is None or git_dir is None or common_dir is None:
        raise NotARepository(
            f"{path} lies inside a git dir, not in a work tree", cure="Run clubos in the work tree."
        )
    return Repository(
        root=os.path.realpath(top),
        git_dir=os.path.realpath(git_dir),
        common_dir=os.path.realpath(common_dir),
        object_format=object_format,
    )


def _rev_parse(start: str, *what: str) -> tuple[str | None, str]:
    """Ask git from inside a folder; return its answer, or ``None`` and what it said."""
    done = subprocess.run(
        ["git", "-C", start, "rev-parse", *what],
        capture_output=True,
        env=clean_environment(),
        check=False,
    )
    if done.returncode:
        return None, done.stderr.decode("utf-8", "replace").strip()
    return os.fsdecode(done.stdout).removesuffix("\n"), ""


def _found_by_gitpython(path: str) -> str | None:
    import git as gitpython

    try:
        with gitpython.Repo(path, search_parent_directories=True) as repo:
            return str(repo.working_dir) if not repo.bare else str(repo.git_dir)
    except (gitpython.GitError, OSError, ValueError):
        return None  # forms it does not know (SHA-256, reftable): git decides alone


def _not_found(path: str, said: str) -> NotARepository | RepositoryState:
    if "dubious ownership" in said:
        return RepositoryState(
            f"git refuses to open {path}, because it belongs to another user",
            untouched="Nothing was touched.",
            cure=f"If you trust it: git config --global --add safe.directory {path}",
        )
    return NotARepository(
        f"{path} is not in a git repository",
        untouched="Nothing was touched.",
        cure="Run `clubos init` to make one, with an empty first commit to come back to.",
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What HEAD says: ``ref`` is empty where it is detached, ``commit`` where it is unborn."""

    ref: str
    commit: str

    @property
    def branch(self) -> str:
        """The short branch name, or the short commit where HEAD is detached."""
        return self.ref.removeprefix("refs/heads/") if self.ref else self.commit[:10]


def read_head(repository: Repository) -> Head:
    """Read HEAD without running anything of the repository's."""
    code, ref = repository.git.ask("symbolic-ref", "-q", "HEAD")
    symbolic = ref.decode().strip() if code == 0 else ""
    code, commit = repository.git.ask("rev-parse", "-q", "--verify", "HEAD^{commit}")
    return Head(symbolic, commit.decode().strip() if code == 0 else "")


def require_commit(repository: Repository) -> Head:
    """Return HEAD; raises :class:`NotARepository` where it has no commit yet."""
    head = read_head(repository)
    if not head.commit:
        raise NotARepository(
            f"{repository.root} has no commit yet, so there is nothing to come back to",
            untouched="Nothing was touched.",
            cure="Run `clubos init`: it makes an empty first commit and leaves your files alone.",
        )
    return head


def operation_under_way(repository: Repository) -> str | None:
    """Name the merge, rebase or the like that the person has not finished."""
    for name, what in _OPERATIONS.items():
        if os.path.exists(os.path.join(repository.git_dir, name)):
            return what
    return None


def require_calm(repository: Repository) -> None:
    """Raise :class:`RepositoryState` in the middle of a merge, rebase or the like."""
    what = operation_under_way(repository)
    if what:
        raise RepositoryState(
            f"{repository.root} is in the middle of {what}",
            untouched="Nothing was touched.",
            cure=f"Finish or abort {what} with git, then try again.",
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """A name and an address, as a commit holds them."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def identity(repository: Repository) -> Identity:
    """Return who the person is to git, or the login name where git was not told."""
    import getpass

    def ask(key: str) -> str:
        code, value = repository.git.ask("config", "--get", key)
        return value.decode("utf-8", "replace").strip() if code == 0 else ""

    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = "unknown"
    # A line break or angle bracket would end the header of a commit early.
    clean = str.maketrans("", "", "\n\r<>\0")
    name = (ask("user.name") or login).translate(clean)
    return Identity(name, (ask("user.email") or f"{login}@localhost").translate(clean))
