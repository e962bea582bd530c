"""Which paths of a folder were touched since it was last looked at, as the kernel saw it.

Unlike the hints of :mod:`.watch` this must not miss anything, so it reads the kernel's queue
itself: the queue is complete when the writing call has returned, and says when it overflowed
(``inotify(7)``). It does not see a program that goes on writing to a mapping it made before, or
through a hard link from outside. A proposal then misses that change; a check that reads such a
file finds other bytes than the tree's, and does not pass.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Collection
from contextlib import suppress

_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_OVERFLOW, _IGNORED, _IS_DIR = 0x4000, 0x8000, 0x40000000
_ONLY_DIR, _DONT_FOLLOW = 0x1000000, 0x2000000
_MASK = (
    _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
    | _DELETE_SELF | _MOVE_SELF | _ONLY_DIR | _DONT_FOLLOW
)  # fmt: skip


class Touched:
    """Collects touched paths; ``None`` answers mean: look at everything."""

    def __init__(self, folder: str) -> None:
        """Get ready to watch folders in ``folder``; none is watched yet."""
        self._root = os.fsencode(folder)
        self._names: dict[int, bytes] = {}
        self._whole = False
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = -1
        if sys.platform.startswith("linux"):
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._whole = True

    def take(self) -> set[bytes] | None:
        """Return the paths touched since the last call; a new folder ends in ``/``.

        A new folder is not watched yet, so that nobody walks one that is left behind. ``None``
        where the kernel can't say: it has no such watch, its queue overflowed, or a folder that
        was watched went away.
        """
        if self._fd < 0:
            return None
        out: set[bytes] = set()
        while data := self._read():
            at = 0
            while at < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size
                name = data[at : at + length].rstrip(b"\0")
                at += length
                self._note(out, watch, mask, name)
        return None if self._whole else out

    def _note(self, out: set[bytes], watch: int, mask: int, name: bytes) -> None:
        folder = self._names.get(watch)
        if mask & _IGNORED:
            self._names.pop(watch, None)
        elif folder is None or mask & (_OVERFLOW | _MOVE_SELF):
            self._whole = True
        elif mask & _IS_DIR and mask & (_CREATE | _MOVED_TO):
            out.add(folder + name + b"/")
        elif mask & _IS_DIR and mask & _MOVED_FROM:
            self._whole = True  # and with it the names of all below it
        elif name:
            out.add(folder + name)

    def watch_below(self, start: bytes, left: Collection[bytes] = ()) -> None:
        """Watch a folder and all folders in it but those that are ``left`` behind."""
        folders = [start]
        while folders:
            folder = folders.pop()
            self.watch(folder)
            with (
                suppress(OSError),  # gone again, or else the look that follows says why
                os.scandir(os.path.join(self._root, folder)) as found,
            ):
                inner = [item.name for item in found if item.is_dir(follow_symlinks=False)]
                new = (folder + name + b"/" for name in inner)
                folders += [folder for folder in new if folder not in left]

    def watch(self, folder: bytes) -> None:
        """Watch a folder. Call this before it is looked at, so that nothing falls in between."""
        if self._fd < 0 or self._watch(folder):
            return
        self._whole = self._whole or os.path.isdir(os.path.join(self._root, folder))

    def _watch(self, folder: bytes) -> bool:
        path = os.path.join(self._root, folder).rstrip(b"/")  # with it a link would be followed
        watch = self._libc.inotify_add_watch(self._fd, path, ctypes.c_uint32(_MASK))
        # A folder that is watched already was reached by another name: through a link above it.
        return watch >= 0 and self._names.setdefault(watch, folder) == folder

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return b""
