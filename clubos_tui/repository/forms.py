"""What is unusual about a repository, by name: what works, what is refused and what to do.

The functions that refuse are asked before anything is done; :func:`unusual` is the list that
``clubos doctor`` shows.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from clubos_tui.errors import ClubosError, Refused, RepositoryState
from clubos_tui.repository.discover import Repository, operation_under_way, read_head
from clubos_tui.repository.index import index_path
from clubos_tui.repository.refs import read_ref
from clubos_tui.repository.rules import drivers, line_ends
from clubos_tui.repository.settings import Settings, read_settings
from clubos_tui.repository.workshop import Workshop


def require_whole(repository: Repository, workshop: Workshop, commit: str) -> None:
    """Raise :class:`RepositoryState` where a partial clone lacks files of ``commit``.

    git would fetch them one by one in the middle of things; the workshop knows no remote.
    """
    if not _is_partial(read_settings(repository.git)):
        return
    said = workshop.git.run("rev-list", "--objects", "--missing=print", "--no-walk", commit)
    missing = sum(line.startswith(b"?") for line in said.splitlines())
    if missing:
        raise RepositoryState(
            f"{repository.root} is a partial clone, and {missing} files or folders of its last "
            "commit were never fetched",
            untouched="Nothing was touched, and nothing was fetched.",
            cure="Fetch them with `git fetch --refetch --no-filter`, then try again.",
        )


def require_room(repository: Repository, prefix: str) -> None:
    """Raise :class:`Refused` where no branch that begins with ``prefix`` can be made."""
    for path in ("objects", "objects/pack", "refs", "refs/heads"):
        folder = os.path.join(repository.common_dir, path)
        if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK):
            raise Refused(
                f"{folder} is read-only, so no phase branch can be made",
                untouched="Nothing was executed; no file was written.",
                cure="Make it writable, then execute again.",
            )
    name = prefix.rstrip("/")
    if read_ref(repository, f"refs/heads/{name}"):
        raise Refused(
            f"there is a branch named {name}, so git can make none under {name}/",
            untouched="Nothing was executed; no file was written.",
            cure=f"Rename it with `git branch -m {name} NEW-NAME`, then execute again.",
        )


def require_not_elsewhere(repository: Repository, ref: str) -> None:
    """Refuse where another work tree has the branch checked out, or is about to move it."""
    common = repository.common_dir
    linked = os.path.join(common, "worktrees")
    names = os.listdir(linked) if os.path.isdir(linked) else []
    for folder in (common, *(os.path.join(linked, name) for name in names)):
        if os.path.realpath(folder) == repository.git_dir:
            continue
        if ref in {_said(os.path.join(folder, name)) for name in _HEADS}:
            branch = ref.removeprefix("refs/heads/")
            raise RepositoryState(
                f"another work tree has {branch} checked out, or is rebasing it",
                untouched="Nothing was touched.",
                cure="Run clubos in that work tree; `git worktree list` says where it is.",
            )


# A rebase detaches HEAD and remembers the branch that it moves at its end.
_HEADS = ("HEAD", "rebase-merge/head-name", "rebase-apply/head-name")


def _said(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip().removeprefix("ref: ")
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Form:
    """One thing that is not as in most repositories; ``stops`` says what clubos refuses for it."""

    name: str
    means: str
    stops: bool = False


def unusual(repository: Repository) -> list[Form]:
    """Name what is unusual about a repository. Reads only, with three questions to git."""
    settings = read_settings(repository.git)
    return [
        *_head(repository),
        *_layout(repository, settings),
        *_contents(repository, settings),
        *_index(repository, settings),
        *_programs(repository, settings),
    ]


def _head(repository: Repository) -> Iterator[Form]:
    head = read_head(repository)
    if not head.commit:
        yield Form("no commit yet", "`clubos init` makes an empty first one", stops=True)
    elif not head.ref:
        yield Form("detached HEAD", "phases can be executed; a merge needs a branch")
    under_way = operation_under_way(repository)
    if under_way:
        yield Form(f"in the middle of {under_way}", "finish or abort it first", stops=True)
    if read_ref(repository, "refs/heads/autogen"):
        yield Form("a branch named autogen", "rename it: phase branches go there", stops=True)


def _layout(repository: Repository, settings: Settings) -> Iterator[Form]:
    if repository.git_dir != repository.common_dir:
        yield Form("linked work tree", "works; runs are shared with the other work trees")
    elif repository.git_dir != os.path.join(repository.root, ".git"):
        yield Form("git dir elsewhere", f"works; it is {repository.git_dir}")
    if os.stat(repository.root).st_dev != os.stat(repository.git_dir).st_dev:
        yield Form("git dir on another file system", "a merge is left to git", stops=True)
    if repository.object_format != "sha1":
        yield Form(f"{repository.object_format} ids", "works")
    for path, form in (
        ("shallow", Form("shallow clone", "works; history ends where the clone does")),
        ("objects/info/alternates", Form("borrowed objects", "works")),
        ("info/grafts", Form("grafts", "ignored: history is read as it was committed")),
        ("refs/replace", Form("replaced objects", "ignored: objects are read by their id")),
    ):
        if os.path.exists(os.path.join(repository.common_dir, path)):
            yield form
    if _is_partial(settings):
        yield Form("partial clone", "works where every file of the last commit was fetched")
    if os.path.lexists(os.path.join(repository.root, ".gitmodules")):
        yield Form("submodules", "shown as empty folders; a change of one is refused")


def _contents(repository: Repository, settings: Settings) -> Iterator[Form]:
    ends = line_ends(settings)
    if ends != "false":
        yield Form(f"core.autocrlf={ends}", "works; files get the line ends git would write")
    if any(os.path.exists(path) for path in (
        os.path.join(repository.root, ".gitattributes"),
        os.path.join(repository.common_dir, "info", "attributes"),
    )):  # fmt: skip
        yield Form("attributes", "conversions that git itself makes work")
    for name in sorted(drivers(settings)):
        yield Form(f"filter {name}", "never run; a change of a file it converts is refused")
    for key, means in (
        ("core.filemode", "works; execute bits come from the tree"),
        ("core.symlinks", "works; links are files that name their target"),
    ):
        if not settings.flag(key, default=True):
            yield Form(f"{key}=false", means)
    if settings.flag("core.ignorecase"):
        yield Form("core.ignorecase=true", "works; names that differ in case alone are refused")


def _index(repository: Repository, settings: Settings) -> Iterator[Form]:
    path = index_path(repository)
    if os.path.exists(f"{path}.lock"):
        yield Form("index.lock", "another git is at work, or one was killed", stops=True)
    if settings.flag("core.sparsecheckout"):
        yield Form("sparse checkout", "works; files outside it change in the index alone")
    version = _index_version(path)
    if version > 3:
        yield Form(f"index version {version}", "works")
    if any(name.startswith("sharedindex.") for name in os.listdir(repository.git_dir)):
        yield Form("split index", "works; it is whole after a merge")
    if settings.flag("index.sparse"):
        yield Form("sparse index", "works; it is whole after a merge")


def _programs(repository: Repository, settings: Settings) -> Iterator[Form]:
    if settings.get("core.hookspath") or _has_hooks(repository):
        yield Form("hooks", "never run by clubos")
    if settings.get("core.fsmonitor") not in {"", "false"}:
        yield Form("core.fsmonitor", "never run by clubos")
    if settings.flag("commit.gpgsign"):
        yield Form("commit.gpgSign", "the commits clubos makes carry no signature")


def _is_partial(settings: Settings) -> bool:
    return bool(settings.get("extensions.partialclone") or settings.under("remote", "promisor"))


def _has_hooks(repository: Repository) -> bool:
    try:
        names = os.listdir(os.path.join(repository.common_dir, "hooks"))
    except OSError:
        return False
    return any(not name.endswith(".sample") for name in names)


def _index_version(path: str) -> int:
    """Return the version of an index, the second word of ``gitformat-index(5)``."""
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError:
        return 0
    return int(struct.unpack(">4sI", head)[1]) if len(head) == 8 else 0


def describe(error: ClubosError) -> Form:
    """Return a refusal to open the repository as a row of the list."""
    return Form(error.message, error.cure, stops=True)
