"""What lies around the paths that a change set touches, for the rehearsal of its rollback."""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from clubos_tui.changes.manifest import Entry, Write
from clubos_tui.repository.trees import Tree

__all__ = ["Survey", "around", "differing", "stand_in", "survey"]

Survey = dict[str, tuple[int, str]]
"""By path: mode and permissions, and what a link points to or the SHA-256 of what a file holds."""

_MOST: Final = 5_000  # tracked files, and as many stand-ins, in all folders together
_NAMED: Final = 3  # paths of a difference


def around(rows: Sequence[Write], base: Tree) -> dict[str, Entry]:
    """Return the tracked files that lie in the same folders as the touched ones."""
    out: dict[str, Entry] = {}
    for folder in _folders(rows):
        out |= base.directly(folder)
        if len(out) > _MOST:
            break
    return dict(list(out.items())[:_MOST])


def stand_in(checkout: str, folder: str, rows: Sequence[Write], base: Tree) -> None:
    """Put something of ours where the person has what is not tracked, under the same names.

    Args:
        checkout: The person's folder, which is only listed: nothing in it is opened.
        folder: The scratch folder.
        rows: What is touched; nothing stands in for that.
        base: What is tracked.
    """
    taken = {path for row in rows for path in _and_above(row.path)}
    made = 0
    for place in _folders(rows):
        real = os.path.join(os.path.realpath(checkout), place).rstrip("/")
        if os.path.realpath(real) != real or not os.path.isdir(real):
            continue
        known = {*base.directly(place), *base.folders(place), *taken}
        with os.scandir(real) as found:
            for item in found:
                path = posixpath.join(place, item.name)
                if path not in known and item.name != ".git" and made < _MOST:
                    made += _stand_in(item, os.path.join(folder, path))


def _stand_in(item: os.DirEntry[str], place: str) -> int:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    permissions = stat.S_IMODE(item.stat(follow_symlinks=False).st_mode)
    if os.path.lexists(place):
        return 0
    if item.is_symlink():
        os.symlink(os.readlink(item.path), place)
    elif item.is_dir(follow_symlinks=False):
        os.mkdir(place)
        os.chmod(place, permissions | stat.S_IRWXU)
    elif item.is_file(follow_symlinks=False):
        with open(place, "wb") as file:
            file.write(hashlib.sha256(os.fsencode(place)).digest())
        os.chmod(place, permissions | stat.S_IRUSR)
    return 1


def survey(folder: str, touched: Collection[str]) -> Survey:
    """Look at everything in a folder.

    Args:
        folder: Which.
        touched: Paths of which only the mode is noted: their bytes are compared with the blobs.
    """
    out: Survey = {}
    for path, status in _walk(folder):
        held = ""
        if stat.S_ISLNK(status.st_mode):
            held = os.readlink(os.path.join(folder, path))
        elif stat.S_ISREG(status.st_mode) and path not in touched:
            with open(os.path.join(folder, path), "rb") as file:
                held = hashlib.file_digest(file, "sha256").hexdigest()
        out[path] = status.st_mode, held
    return out


def _walk(top: str) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(top, folder)) as found:
                items = [(item, item.stat(follow_symlinks=False)) for item in found]
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # its files are compared with the blobs
                continue
            raise
        for item, status in items:
            path = posixpath.join(folder, item.name)
            yield path, status
            if stat.S_ISDIR(status.st_mode):
                waiting.append(path)


def differing(before: Survey, after: Survey) -> list[str]:
    """Return the first paths that are not the same in both, and how many more there are."""
    paths = sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )
    more = len(paths) - _NAMED
    return [*paths[:_NAMED], f"and {more} more"] if more > 0 else paths


def _folders(rows: Sequence[Write]) -> list[str]:
    return sorted({posixpath.dirname(row.path) for row in rows})


def _and_above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = posixpath.dirname(path)
