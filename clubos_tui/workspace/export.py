"""Lay out a tree as plain files in a folder of ours: the workspace, or the stage.

No ``.git`` goes with it, and nothing the person ignores or keeps secret: only what is tracked.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from clubos_tui.changes.manifest import EXECUTABLE, FILE, GITLINK, Entry, path_bytes
from clubos_tui.disk import Found, make_file, parent_of
from clubos_tui.repository.workshop import Workshop

Wrote = Callable[[str, Entry, os.stat_result], None]
Progress = Callable[[int, int], None]


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
    done, total = 0, len(files)
    contents = _contents(workshop, files)
    for _, paths in groupby(_by_folder(files), key=_folder):
        group = list(paths)
        with parent_of(folder, group[0], make=[]) as (fd, _):
            for path in group:
                _write(fd, path_bytes(path).rpartition(b"/")[2], files[path], contents)
                status = os.stat(path_bytes(path).rpartition(b"/")[2], dir_fd=fd,
                                 follow_symlinks=False)  # fmt: skip
                wrote(path, files[path], status)
                done += 1
                if done % 500 == 0 or done == total:
                    progress(done, total)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _by_folder(files: Mapping[str, Entry]) -> list[str]:
    return sorted(files, key=_folder)


def _contents(workshop: Workshop, files: Mapping[str, Entry]) -> Iterator[tuple[str, bytes]]:
    """Yield the contents in the order in which the files are written."""
    blobs = [files[path].blob for path in _by_folder(files) if files[path].mode != GITLINK]
    return workshop.objects.read_all(blobs)


def _write(fd: int, name: bytes, entry: Entry, contents: Iterator[tuple[str, bytes]]) -> None:
    if entry.mode == GITLINK:
        os.mkdir(name, dir_fd=fd)
        return
    permissions = 0o755 if entry.mode == EXECUTABLE else 0o644
    make_file(fd, name, Found(entry.mode or FILE, next(contents)[1], permissions))


def remove(folder: str) -> None:
    """Remove a folder of ours, also where an agent took its own permissions away."""

    def allow(function: Callable[[str], object], path: str, _error: BaseException) -> None:
        for level in (os.path.dirname(path), path):
            if os.path.isdir(level) and not os.path.islink(level):
                os.chmod(level, stat.S_IRWXU)
        function(path)

    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.exists(folder):
        shutil.rmtree(folder, onerror=lambda function, path, info: allow(function, path, info[1]))
