"""See changes as they happen: in the workspace, and from outside in the repository.

A hint and never an authority: whatever decides reads the bytes again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterable

from clubos_tui.changes.manifest import path_text
from clubos_tui.disk import is_aside

STEP_MS, DEBOUNCE_MS = 10, 50
POLL_SECONDS = 1.0


async def watch_folder(folder: str, stop: asyncio.Event) -> AsyncIterator[set[str]]:
    """Yield the paths that changed under ``folder``, relative to it, until ``stop`` is set."""
    async for changed in _watch([folder], stop, recursive=True):
        there = (os.path.relpath(path, folder) for path in changed if not is_aside(path))
        if paths := {path_text(os.fsencode(path)) for path in there}:
            yield paths


async def watch_paths(
    root: str, paths: Collection[str], stop: asyncio.Event
) -> AsyncIterator[set[str]]:
    """Yield those of ``paths`` (relative to ``root``) that may have changed.

    Folders are watched and not files: an editor that saves by renaming would leave us watching a
    file that has no name any more.
    """
    folders = sorted({_nearest_folder(root, path) for path in paths})
    try:
        async for changed in _watch(folders, stop, recursive=False):
            names = {os.path.relpath(path, root) for path in changed}
            yield {
                path
                for path in paths
                if any(path == name or path.startswith(name + "/") for name in names)
            }
    except OSError:  # the system's watches are used up
        async for touched in _poll(root, paths, stop):
            yield touched


async def _watch(
    folders: Iterable[str], stop: asyncio.Event, *, recursive: bool
) -> AsyncIterator[set[str]]:
    from watchfiles import awatch

    async for batch in awatch(
        *folders,
        watch_filter=None,
        step=STEP_MS,
        debounce=DEBOUNCE_MS,
        stop_event=stop,
        recursive=recursive,
        ignore_permission_denied=True,
    ):
        yield {path for _, path in batch}


async def _poll(root: str, paths: Collection[str], stop: asyncio.Event) -> AsyncIterator[set[str]]:
    def look(path: str) -> tuple[int, int, int] | None:
        try:
            status = os.lstat(os.path.join(root, path))
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino

    before = {path: look(path) for path in paths}
    while not stop.is_set():
        await asyncio.sleep(POLL_SECONDS)
        now = {path: look(path) for path in paths}
        touched = {path for path in paths if now[path] != before[path]}
        before = now
        if touched:
            yield touched


def _nearest_folder(root: str, path: str) -> str:
    folder = os.path.dirname(os.path.join(root, path))
    while not os.path.isdir(folder) and len(folder) > len(root):
        folder = os.path.dirname(folder)
    return folder
