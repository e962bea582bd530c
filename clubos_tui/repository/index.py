"""The person's index: read it and make the next one, on a copy and in the workshop.

Working on a copy, with the workshop as git dir, runs no hook and no fsmonitor, and keeps every
entry, flag and staged change that is not ours. The next index is always a whole one: an index
that was split or sparse becomes so again when the person's own git writes it.
"""

from __future__ import annotations

import glob
import os
import shutil
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from clubos_tui.changes.manifest import BlobId, Entry, path_bytes, path_text
from clubos_tui.errors import Failed
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.workshop import Workshop

ASKED_OFTEN = 64  # one lookup by halving costs as much as this many rows put into a dict


class Index:
    """What an index holds, looked up in git's sorted listing without parsing all of it."""

    def __init__(self, listing: bytes) -> None:
        self._rows = listing.split(b"\0")[:-1]
        self._by_path: dict[bytes, list[bytes]] | None = None
        self._asked = 0
        # Only where a stage other than 0 can be in it is every row looked at.
        self.unmerged: frozenset[str] = frozenset()
        if any(b" %d\t" % stage in listing for stage in (1, 2, 3)):
            self.unmerged = frozenset(path_text(_path(row)) for row in self._rows if _stage(row))

    def entries(self, path: str) -> list[Entry]:
        """Return a path's entries: more than one where a merge left it unmerged."""
        return [Entry(*_entry(row)) for row in self._of(path)]

    def first(self, path: str) -> Entry | None:
        """Return a path's entry, the first where it is unmerged."""
        return next(iter(self.entries(path)), None)

    def below(self, folder: str) -> Iterator[str]:
        """Yield the paths below a folder."""
        prefix = path_bytes(folder) + b"/"
        at = bisect_left(self._rows, prefix, key=_path)
        while at < len(self._rows) and _path(self._rows[at]).startswith(prefix):
            yield path_text(_path(self._rows[at]))
            at += 1

    def skips(self, path: str) -> bool:
        """Tell whether no file is expected at ``path`` (skip-worktree)."""
        return any(row[:1] in b"Ss" for row in self._of(path))

    def assumes(self, path: str) -> bool:
        """Tell whether git does not look at the file (assume-unchanged)."""
        return any(row[:1].islower() for row in self._of(path))

    def _of(self, path: str) -> Sequence[bytes]:
        raw = path_bytes(path)
        self._asked += 1
        if self._by_path is None and self._asked * ASKED_OFTEN > len(self._rows):
            self._by_path = {}
            for row in self._rows:
                self._by_path.setdefault(_path(row), []).append(row)
        if self._by_path is not None:
            return self._by_path.get(raw, ())
        at = bisect_left(self._rows, raw, key=_path)
        end = at
        while end < len(self._rows) and _path(self._rows[end]) == raw:
            end += 1
        return self._rows[at:end]


def _path(row: bytes) -> bytes:
    return row[row.index(b"\t") + 1 :]


def _entry(row: bytes) -> tuple[str, BlobId]:
    _tag, mode, blob, _rest = row.split(b" ", 3)
    return mode.decode(), BlobId(blob.decode())


def _stage(row: bytes) -> bool:
    return row[row.index(b"\t") - 1 : row.index(b"\t")] != b"0"


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
    skip = {path for path in staying if before.skips(path)} | (staying & set(skipped))
    _flag(workshop, scratch, "--skip-worktree", skip)
    _flag(
        workshop, scratch, "--assume-unchanged", {path for path in staying if before.assumes(path)}
    )
    after = _listed(workshop, scratch)
    for path, entry in puts.items():
        if after.entries(path) != ([entry] if entry else []):
            raise Failed(
                f"git did not take {path!r} into the index",
                untouched="Your index is as it was.",
                cure="Take the path out of the proposal.",
            )
    if not all(after.skips(path) for path in skip):
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
    return Index(workshop.git.run("ls-files", "-s", "-v", "-z", env={"GIT_INDEX_FILE": scratch}))
