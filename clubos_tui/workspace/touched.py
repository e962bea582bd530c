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
        """Begin to watch ``folder`` and all folders in it."""
        self._root = os.fsencode(folder)
        self._names: dict[int, bytes] = {}
        self._whole = True
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = -1
        if sys.platform.startswith("linux"):
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:
            self._whole = not self._watch_below(b"")

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._whole = True

    def take(self) -> set[bytes] | None:
        """Return the paths touched since the last call; a new folder ends in ``/``.

        ``None`` where the kernel can't say: it has no such watch, its queue overflowed, or a folder
        that was watched went away.
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
            # Watched before it is walked: what comes into it meanwhile is seen by one or other.
            self._whole = not self._watch_below(folder + name + b"/") or self._whole
            out.add(folder + name + b"/")
        elif mask & _IS_DIR and mask & _MOVED_FROM:
            self._whole = True  # and with it the names of all below it
        elif name:
            out.add(folder + name)

    def _watch_below(self, start: bytes) -> bool:
        folders = [start]
        while folders:
            folder = folders.pop()
            try:
                if not self._watch(folder):
                    raise OSError
                with os.scandir(os.path.join(self._root, folder)) as found:
                    inner = [item.name for item in found if item.is_dir(follow_symlinks=False)]
            except OSError:
                if os.path.isdir(os.path.join(self._root, folder)):  # else it is gone again
                    return False
            else:
                folders += [folder + name + b"/" for name in inner]
        return True

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
