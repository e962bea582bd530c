"""The folder beside a checkout or stage where files wait for their exchange.

``<n>.new`` is what write ``n`` brings and, once exchanged, what it replaced; ``<n>.old`` is what it
deletes. The folder is ours, but what is in it after an exchange may be somebody's edit: nothing is
removed whose bytes are not known to be kept elsewhere.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from clubos_tui.apply.record import Intent
from clubos_tui.apply.standing import standing
from clubos_tui.disk import Found, Looks, NotAFile, looks_of, read_at

NO_FILE = Found("", b"")  # a folder, a pipe: never what a tree holds
# Not empty, gone, in use as a mount point, or no folder any more: fine where one should go.
KEEPS_FOLDER = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY, errno.ENOTDIR}


def new_name(number: int) -> bytes:
    """Return the name under which the file of write ``number`` waits for its exchange."""
    return b"%d.new" % number


def old_name(number: int) -> bytes:
    """Return the name under which what write ``number`` deletes waits for the end."""
    return b"%d.old" % number


def held(fd: int, name: bytes) -> Found | None:
    """Return what lies at ``name``; :data:`NO_FILE` for what is neither a file nor a link."""
    try:
        return read_at(fd, name)
    except NotAFile:
        return NO_FILE


class Staging:
    """The open staging folder of one transaction."""

    def __init__(self, intent: Intent) -> None:
        self._intent = intent
        self.fd = -1
        self.fresh: set[int] = set()  # writes whose file was staged just now, by us
        self._known: dict[bytes, Looks] = {}  # what came out as expected, and how it looked then

    def __enter__(self) -> Staging:
        os.makedirs(self._intent.staging, mode=0o700, exist_ok=True)
        self.fd = os.open(self._intent.staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
        self.fd = -1

    def held(self, name: bytes) -> Found | None:
        """Return what waits under ``name``."""
        return held(self.fd, name)

    def is_kept(self, name: bytes, found: Found) -> None:
        """Note that what came out is what the vault holds."""
        if found.looks:
            self._known[name] = found.looks

    def clear(self, *, exchanged: bool) -> None:
        """Remove our staged files; once names were exchanged, only those whose bytes are known."""
        writes = range(len(self._intent.writes))
        ours = {name for number in writes for name in (new_name(number), old_name(number))}
        ours |= {b"index", b"index.lock"}  # the latter from a git that was killed with us
        with suppress(FileNotFoundError):
            with self:
                for name in map(os.fsencode, os.listdir(self.fd)):
                    if name in ours and (not exchanged or self._is_ours(name)):
                        os.unlink(name, dir_fd=self.fd)
            try:
                os.rmdir(self._intent.staging)
            except OSError as error:
                if error.errno not in KEEPS_FOLDER:
                    raise

    def _is_ours(self, name: bytes) -> bool:
        if name.startswith(b"index"):
            return True
        known = self._known.get(name)
        if known:
            status = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
            if looks_of(status) == known:  # else somebody who had it open wrote to it
                return True
        write = self._intent.writes[int(name.split(b".")[0])]
        return standing(self.held(name), write, self._intent.object_format) != "other"
