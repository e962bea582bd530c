"""Lay out a tree as plain files in a folder of ours: the workspace, or the stage.

No ``.git`` goes with it, and nothing the person ignores or keeps secret: only what is tracked.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Mapping

from clubos_tui.changes.manifest import EXECUTABLE, FILE, GITLINK, Entry
from clubos_tui.disk import Found, make_file, parent_of
from clubos_tui.repository.workshop import Workshop


def export(
    workshop: Workshop,
    files: Mapping[str, Entry],
    folder: str,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write ``files`` into ``folder``, which must be new or empty.

    A submodule becomes an empty folder. Raises :class:`OSError` where the disk is full.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    total = len(files)
    for done, (path, entry) in enumerate(files.items(), 1):
        write_entry(workshop, folder, path, entry)
        if done % 500 == 0 or done == total:
            progress(done, total)


def write_entry(workshop: Workshop, folder: str, path: str, entry: Entry) -> None:
    """Write one file, link or submodule folder; nothing may be there yet."""
    with parent_of(folder, path, make=[]) as (fd, name):
        if entry.mode == GITLINK:
            os.mkdir(name, dir_fd=fd)
            return
        permissions = 0o755 if entry.mode == EXECUTABLE else 0o644
        make_file(
            fd, name, Found(entry.mode or FILE, workshop.objects.blob(entry.blob), permissions)
        )


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
