"""The person's index: read it and make the next one, on a copy and in the workshop.

Working on a copy, with the workshop as git dir, runs no hook and no fsmonitor, and keeps every
entry, flag and staged change that is not ours.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from clubos_tui.changes.manifest import BlobId, Entry, path_bytes, path_text
from clubos_tui.errors import Failed
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.workshop import Workshop


def index_path(repository: Repository) -> str:
    """Return where the index of this work tree lies."""
    return os.path.join(repository.git_dir, "index")


def read_index(repository: Repository, workshop: Workshop, scratch: str) -> dict[str, list[Entry]]:
    """Return path → entries (more than one where a merge left it unmerged)."""
    _copy(repository, scratch)
    return _entries(workshop, scratch)


def next_index(
    repository: Repository, workshop: Workshop, scratch: str, puts: Mapping[str, Entry | None]
) -> str:
    """Write the index with ``puts`` in it to ``scratch`` and return that path.

    git drops what it does not like here without an error, so the result is read back.
    """
    _copy(repository, scratch)
    zero = "0" * (40 if repository.object_format == "sha1" else 64)
    lines = [
        (f"{entry.mode} {entry.blob}\t" if entry else f"0 {zero}\t").encode()
        + path_bytes(path) + b"\0"
        for path, entry in sorted(puts.items(), key=lambda item: item[1] is not None)
    ]  # fmt: skip
    workshop.git.run(
        "update-index", "-z", "--index-info", stdin=b"".join(lines),
        env={"GIT_INDEX_FILE": scratch}, writes=True,
    )  # fmt: skip
    entries = _entries(workshop, scratch)
    for path, entry in puts.items():
        if entries.get(path, []) != ([entry] if entry else []):
            raise Failed(
                f"git did not take {path!r} into the index",
                untouched="Your index is as it was.",
                cure="Take the path out of the proposal.",
            )
    return scratch


def _copy(repository: Repository, scratch: str) -> None:
    source = index_path(repository)
    if os.path.exists(source):
        shutil.copyfile(source, scratch)
    elif os.path.exists(scratch):
        os.unlink(scratch)


def _entries(workshop: Workshop, scratch: str) -> dict[str, list[Entry]]:
    out: dict[str, list[Entry]] = {}
    listing = workshop.git.run("ls-files", "-s", "-z", env={"GIT_INDEX_FILE": scratch})
    for row in listing.split(b"\0"):
        if row:
            meta, path = row.split(b"\t", 1)
            mode, blob, _stage = meta.decode().split(" ")
            out.setdefault(path_text(path), []).append(Entry(mode, BlobId(blob)))
    return out
