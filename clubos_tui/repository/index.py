"""The person's index: read it and make the next one, on a copy and in the workshop.

Working on a copy, with the workshop as git dir, runs no hook and no fsmonitor, and keeps every
entry, flag and staged change that is not ours. The next index is always a whole one: an index
that was split or sparse becomes so again when the person's own git writes it.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from clubos_tui.changes.manifest import BlobId, Entry, path_bytes, path_text
from clubos_tui.errors import Failed
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.workshop import Workshop


@dataclass(slots=True)
class Index:
    """Path → entries (more than one where a merge left it unmerged), and the flags on them."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    unmerged: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)  # skip-worktree: no file is expected
    assumed: set[str] = field(default_factory=set)  # assume-unchanged: git does not look


def index_path(repository: Repository) -> str:
    """Return where the index of this work tree lies."""
    return os.path.join(repository.git_dir, "index")


def read_index(repository: Repository, workshop: Workshop, scratch: str) -> Index:
    """Return the index, entries and flags."""
    with _copied(repository, workshop, scratch):
        return _listed(workshop, scratch)


def next_index(
    repository: Repository,
    workshop: Workshop,
    scratch: str,
    puts: Mapping[str, Entry | None],
    before: Index,
    skipped: Collection[str] = (),
) -> str:
    """Write the index with ``puts`` in it to ``scratch`` and return that path.

    A path keeps the flags it had ``before``; those in ``skipped`` get skip-worktree. git drops
    what it does not like here without an error, so the result is read back.
    """
    zero = "0" * (40 if repository.object_format == "sha1" else 64)
    lines = [
        (f"{entry.mode} {entry.blob}\t" if entry else f"0 {zero}\t").encode()
        + path_bytes(path) + b"\0"
        for path, entry in sorted(puts.items(), key=lambda item: item[1] is not None)
    ]  # fmt: skip
    with _copied(repository, workshop, scratch):
        workshop.git.run(
            "update-index", "-z", "--index-info", stdin=b"".join(lines),
            env={"GIT_INDEX_FILE": scratch}, writes=True,
        )  # fmt: skip
    staying = {path for path, entry in puts.items() if entry}
    skip = staying & {*before.skipped, *skipped}
    _flag(workshop, scratch, "--skip-worktree", skip)
    _flag(workshop, scratch, "--assume-unchanged", staying & before.assumed)
    after = _listed(workshop, scratch)
    for path, entry in puts.items():
        if after.entries.get(path, []) != ([entry] if entry else []):
            raise Failed(
                f"git did not take {path!r} into the index",
                untouched="Your index is as it was.",
                cure="Take the path out of the proposal.",
            )
    if not skip <= after.skipped:
        raise Failed(
            "git did not keep the skip-worktree flags of the index",
            untouched="Your index is as it was.",
            cure="Merge the last phase branch with git.",
        )
    return scratch


def _flag(workshop: Workshop, scratch: str, flag: str, paths: Collection[str]) -> None:
    if paths:
        workshop.git.run(
            "update-index", flag, "-z", "--stdin",
            stdin=b"".join(path_bytes(path) + b"\0" for path in sorted(paths)),
            # It asks for a work tree and, for a flag, looks at none of its files.
            env={"GIT_INDEX_FILE": scratch, "GIT_WORK_TREE": workshop.path},
        )  # fmt: skip


@contextmanager
def _copied(repository: Repository, workshop: Workshop, scratch: str) -> Iterator[None]:
    """Hold a copy of the index at ``scratch``, with what a split index shares with others.

    git looks for that part in the git dir it runs in and sets its time: so it gets a copy there.
    """
    source = index_path(repository)
    with suppress(FileNotFoundError):
        os.unlink(scratch)
    with suppress(FileNotFoundError):
        shutil.copyfile(source, scratch)
    shared = [os.path.basename(path) for path in glob.glob(
        os.path.join(glob.escape(repository.git_dir), "sharedindex.*"))]  # fmt: skip
    try:
        for name in shared:
            shutil.copyfile(
                os.path.join(repository.git_dir, name), os.path.join(workshop.path, name)
            )
        yield
    finally:
        for name in shared:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(workshop.path, name))


def _listed(workshop: Workshop, scratch: str) -> Index:
    out = Index()
    listing = workshop.git.run("ls-files", "-s", "-v", "-z", env={"GIT_INDEX_FILE": scratch})
    for row in listing.split(b"\0"):
        if row:
            meta, raw = row.split(b"\t", 1)
            tag, mode, blob, stage = meta.decode().split(" ")
            path = path_text(raw)
            out.entries.setdefault(path, []).append(Entry(mode, BlobId(blob)))
            if stage != "0":
                out.unmerged.add(path)
            if tag in "Ss":
                out.skipped.add(path)
            if tag.islower():
                out.assumed.add(path)
    return out
