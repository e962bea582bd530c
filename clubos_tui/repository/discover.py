"""Find the repository a person stands in, and say what form it has.

GitPython finds it; git itself confirms, because only git applies ``safe.directory``. Nothing
here runs a program the repository names.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from dataclasses import dataclass

from clubos_tui.disk import exists
from clubos_tui.errors import NotARepository, RepositoryState
from clubos_tui.repository.git import Git, clean_environment
from clubos_tui.repository.settings import read_settings

# In this order: a rebase may hold a cherry-pick, and `git am` a rebase's folder.
_OPERATIONS = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply/applying": "a git am",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer": "a cherry-pick or revert of several commits",
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
    one that git refuses to open for this user or does not know the form of.
    """
    start = _found_by_gitpython(path) or path
    answers, said = _rev_parse(
        start,
        "--is-bare-repository", "--show-object-format", "--absolute-git-dir",
        "--path-format=absolute --git-common-dir", "--show-toplevel",
    )  # fmt: skip
    if not answers:
        raise _not_found(path, said)
    if answers[0] == "true":
        raise RepositoryState(
            f"{path} is a bare repository: it has no files to show or change",
            untouched="Nothing was touched.",
            cure="Clone it and run clubos in the clone.",
        )
    if len(answers) < 5:
        raise NotARepository(
            f"{path} lies inside a git dir, or its work tree is elsewhere (core.worktree)",
            untouched="Nothing was touched.",
            cure="Run clubos in the work tree.",
        )
    _, object_format, git_dir, common_dir, top = answers
    repository = Repository(
        root=os.path.realpath(top),
        git_dir=os.path.realpath(git_dir),
        common_dir=os.path.realpath(common_dir),
        object_format=object_format,
    )
    _require_own_work_tree(repository)
    return repository


def discover_commits(path: str) -> Repository:
    """Return the repository around ``path`` for who reads nothing but its commits.

    It may be bare, a mirror, without a commit on HEAD, or its files may lie anywhere. Raises as
    :func:`discover` does.
    """
    start = _found_by_gitpython(path) or path
    answers, said = _rev_parse(
        start, "--show-object-format", "--absolute-git-dir",
        "--path-format=absolute --git-common-dir",
    )  # fmt: skip
    if len(answers) < 3:
        raise _not_found(path, said)
    object_format, git_dir, common_dir = answers
    git_dir = os.path.realpath(git_dir)
    return Repository(git_dir, git_dir, os.path.realpath(common_dir), object_format)


def _require_own_work_tree(repository: Repository) -> None:
    """Refuse a work tree that does not know its git dir: ``core.worktree`` may name any folder."""
    place = os.path.join(repository.root, ".git")
    named = place
    if os.path.isfile(place):
        with open(place, "rb") as file:
            target = os.fsdecode(file.read().removeprefix(b"gitdir: ").rstrip(b"\r\n"))
        named = os.path.join(repository.root, target)
    if os.path.realpath(named) != repository.git_dir:
        raise RepositoryState(
            f"core.worktree of {repository.git_dir} names {repository.root}, "
            "which is not that repository's own folder",
            untouched="Nothing was touched.",
            cure="Take the setting out, or add a linked work tree with `git worktree add`.",
        )


def _rev_parse(start: str, *questions: str) -> tuple[list[str], str]:
    """Ask git from inside a folder; return the answers up to the first refusal, and what it said.

    A folder's name may hold a line end, so answers are told apart by a word that git repeats.
    """
    word = f"--clubos-{secrets.token_hex(8)}"
    what = [part for question in questions for part in (*question.split(" "), word)]
    done = subprocess.run(
        ["git", "-C", start, "rev-parse", *what],
        capture_output=True,
        env=clean_environment(),
        check=False,
    )
    *answers, _rest = os.fsdecode(done.stdout).split(f"{word}\n")
    return [answer[:-1] for answer in answers], done.stderr.decode("utf-8", "replace").strip()


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
    if said and "not a git repository" not in said and "cannot change to" not in said:
        return RepositoryState(
            f"git does not open {path}: {' '.join(said.removeprefix('fatal: ').split())}",
            untouched="Nothing was touched.",
            cure="Use a git that knows this form of repository, or mend its configuration.",
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


def checked_out(repository: Repository) -> str:
    """Return the ref that HEAD names, empty where it is detached."""
    code, ref = repository.git.ask("symbolic-ref", "-q", "HEAD")
    return os.fsdecode(ref).removesuffix("\n") if code == 0 else ""


def read_head(repository: Repository) -> Head:
    """Read HEAD without running anything of the repository's."""
    symbolic = checked_out(repository)
    code, commit = repository.git.ask("rev-parse", "-q", "--verify", "HEAD^{commit}")
    return Head(symbolic, commit.decode().strip() if code == 0 else "")


def require_commit(repository: Repository) -> Head:
    """Return HEAD; raises :class:`NotARepository` where it has no commit yet."""
    head = read_head(repository)
    if not head.commit:
        where = f"branch {head.branch} of {repository.root}" if head.ref else repository.root
        raise NotARepository(
            f"{where} has no commit yet, so there is nothing to come back to",
            untouched="Nothing was touched.",
            cure="Run `clubos init`: it makes an empty first commit and leaves your files alone.",
        )
    return head


def operation_under_way(repository: Repository) -> str | None:
    """Name the merge, rebase or the like that the person has not finished."""
    for name, what in _OPERATIONS.items():
        if exists(os.path.join(repository.git_dir, name)):
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

    settings = read_settings(repository.git)
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = "unknown"
    # A line break or angle bracket would end the header of a commit early.
    clean = str.maketrans("", "", "\n\r<>\0")
    name = (settings.get("user.name").strip() or login).translate(clean)
    email = (settings.get("user.email").strip() or f"{login}@localhost").translate(clean)
    return Identity(name, email)
