"""Lay out a tree as plain files in a folder of ours: the workspace, or the stage.

No ``.git`` goes with it, and nothing the person ignores or keeps secret: only what is tracked.
"""

from __future__ import annotations

import itertools
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping

from clubos_tui.changes.manifest import EXECUTABLE, FILE, GITLINK, Entry, path_bytes
from clubos_tui.disk import Found, make_file, parent_of
from clubos_tui.repository.workshop import Workshop

Wrote = Callable[[str, Entry, os.stat_result], None]
Progress = Callable[[int, int], None]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def export(
    workshop: Workshop,
    files: Mapping[str, Entry],
    folder: str,
    *,
    progress: Progress = lambda _done, _total: None,
    wrote: Wrote = lambda _path, _entry, _status: None,
) -> None:
    """Write ``files`` into ``folder``, where nothing may be at their places.

    A submodule becomes an empty folder. Raises :class:`OSError` where the disk is full.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    paths = sorted(files, key=_folder)
    done, total = 0, len(paths)
    blobs = [files[path].blob for path in paths if files[path].mode != GITLINK]
    contents = workshop.objects.read_all(blobs)  # in the order in which they are written
    for _, group in itertools.groupby(paths, key=_folder):
        some = list(group)
        with parent_of(folder, some[0], make=[]) as (fd, _):
            for path in some:
                entry = files[path]
                name = path_bytes(path).rpartition(b"/")[2]
                wrote(path, entry, _write(fd, name, entry, contents))
                done += 1
                if done % 500 == 0 or done == total:
                    progress(done, total)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _write(
    fd: int, name: bytes, entry: Entry, contents: Iterator[tuple[str, bytes]]
) -> os.stat_result:
    if entry.mode == GITLINK:
        os.mkdir(name, dir_fd=fd)
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    permissions = 0o755 if entry.mode == EXECUTABLE else 0o644
    return make_file(fd, name, Found(entry.mode or FILE, next(contents)[1], permissions))


def remove(folder: str) -> None:
    """Remove a folder of ours, also where an agent took its own permissions away.

    However deep it goes: a folder in it is moved to its top before anybody looks inside. Nothing
    is reached through a link.
    """
    if os.path.islink(folder):
        os.unlink(folder)
    if not os.path.isdir(folder):
        return
    os.chmod(folder, stat.S_IRWXU)
    top = os.open(folder, _FOLDER)
    try:
        names = (f"{secrets.token_hex(8)}-{number}" for number in itertools.count())
        waiting = _empty(top, top, names)
        while waiting:
            name = waiting.pop()
            fd = os.open(name, _FOLDER, dir_fd=top)
            try:
                waiting += _empty(fd, top, names)
            finally:
                os.close(fd)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(folder)


def _empty(fd: int, top: int, names: Iterator[str]) -> list[str]:
    """Unlink what is in an open folder; return the folders, moved to ``top`` under new names."""
    moved = []
    with os.scandir(fd) as found:
        items = list(found)
    for item in items:
        if not item.is_dir(follow_symlinks=False):
            os.unlink(item.name, dir_fd=fd)
            continue
        if ~item.stat(follow_symlinks=False).st_mode & stat.S_IRWXU:
            os.chmod(item.name, stat.S_IRWXU, dir_fd=fd)
        moved.append(next(names))
        os.rename(item.name, moved[-1], src_dir_fd=fd, dst_dir_fd=top)
    return moved
