"""Files reached without following a link, and moved without losing what was there.

A path is walked from an open folder with ``O_NOFOLLOW`` at every step, so a folder that becomes a
symbolic link in between leads to an error and not out of the tree.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache

from clubos_tui.changes.manifest import EXECUTABLE, FILE, SYMLINK, path_bytes

_NOREPLACE, _EXCHANGE = 1, 2


def _umask() -> int:
    """Return the process's umask; there is no way to ask but to set it, so it is done once."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


UMASK = _umask()  # at import, before any thread could make a file in between
AS_REPLACED = -1  # permissions: those of the file that is replaced, else the umask's


Looks = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a path: git's mode, the bytes (a link's target), the permission bits."""

    mode: str
    data: bytes
    permissions: int = 0o644
    looks: Looks | None = field(default=None, compare=False, repr=False)


class NotAFile(OSError):
    """Something stands there that is neither a file nor a symbolic link."""


def exists(path: str | bytes) -> bool:
    """Tell whether anything is at ``path``; :class:`OSError` where that can't be told.

    ``os.path.exists`` says *no* then, and a *no* decides here what may be written.
    """
    return _status(path) is not None


def is_folder(path: str | bytes) -> bool:
    """Tell whether a folder is at ``path``, and no link to one; raises as :func:`exists`."""
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _status(path: str | bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def sync_folder(path: str) -> None:
    """Make a folder's names durable."""
    _sync(path, os.O_DIRECTORY)


def sync_file(path: str) -> None:
    """Make a file's bytes durable, whoever wrote them."""
    _sync(path, os.O_NOFOLLOW)


def _sync(path: str, flags: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def aside() -> bytes:
    """Return a name for a file that is put in place by a rename."""
    return f".{secrets.token_hex(8)}.part".encode()


def is_aside(path: str) -> bool:
    """Tell whether a path is of that kind, and gone in a moment."""
    return _ASIDE.search(path) is not None


_ASIDE = re.compile(r"(^|/)\.[0-9a-f]{16}\.part$")


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Root:
    """An open folder; all below is reached from it, step by step, and never through a link.

    With ``keep`` the folder that was reached last stays open for the next file in it. That is for
    passes that only read: whoever writes walks anew, so that a folder that was moved away in the
    meantime gets nothing.
    """

    def __init__(
        self, path: str, *, keep: bool = False, modes: Mapping[str, int] | None = None
    ) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._keep = keep
        self._modes = modes or {}  # permissions for folders that are made
        self._near: tuple[bytes, int] | None = None

    def __enter__(self) -> Root:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every descriptor."""
        self._forget()
        os.close(self._fd)

    @contextmanager
    def parent(self, path: str, *, make: list[str] | None = None) -> Iterator[tuple[int, bytes]]:
        """Open the folder that holds ``path``; yield its descriptor and the last component.

        With ``make``, missing folders are made and their paths added to it. Raises
        :class:`NotADirectoryError` where a component is a file or a symbolic link (the kernel says
        ``ELOOP`` or ``ENOTDIR``), :class:`FileNotFoundError` where one is missing.
        """
        folder, _, name = path_bytes(path).rpartition(b"/")
        fd = self._walk(folder, path, make)
        try:
            yield fd, name
        finally:
            if fd != self._fd:
                os.close(fd)

    def read(self, path: str) -> Found | None:
        """Return what lies at ``path``, or ``None``; raises as :meth:`parent` and ``read_at``."""
        folder, _, name = path_bytes(path).rpartition(b"/")
        try:
            if self._near is None or self._near[0] != folder or not self._keep:
                self._forget()
                self._near = folder, self._walk(folder, path, None)
            return read_at(self._near[1], name)
        except FileNotFoundError:
            return None

    def _walk(self, folders: bytes, path: str, make: list[str] | None) -> int:
        fd = self._fd
        try:
            for depth, folder in enumerate(folders.split(b"/") if folders else ()):
                new = make is not None and _make_folder(fd, folder)
                inner = _open_folder(fd, folder, path)
                if new and make is not None:
                    make.append("/".join(path.split("/")[: depth + 1]))
                    if make[-1] in self._modes:
                        os.fchmod(inner, self._modes[make[-1]])
                if fd != self._fd:
                    os.close(fd)
                fd = inner
        except BaseException:
            if fd != self._fd:
                os.close(fd)
            raise
        return fd

    def _forget(self) -> None:
        if self._near and self._near[1] != self._fd:
            os.close(self._near[1])
        self._near = None


def _make_folder(fd: int, name: bytes) -> bool:
    try:
        os.mkdir(name, 0o777, dir_fd=fd)
    except FileExistsError:
        return False
    return True


def _open_folder(fd: int, name: bytes, path: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise NotADirectoryError(
                errno.ENOTDIR, "a parent is a file or a symbolic link", path
            ) from error
        raise


@contextmanager
def parent_of(
    root: str, path: str, *, make: list[str] | None = None
) -> Iterator[tuple[int, bytes]]:
    """Open the folder that holds ``path``, as :meth:`Root.parent` does."""
    with Root(root) as opened, opened.parent(path, make=make) as found:
        yield found


def read_at(fd: int, name: bytes) -> Found | None:
    """Return what lies at ``name`` in an open folder, or ``None``."""
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return Found(SYMLINK, os.readlink(name, dir_fd=fd), 0o777)
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile(errno.EISDIR, "neither a file nor a symbolic link", name)
    # O_NONBLOCK: should a pipe take the file's place now, opening it must not wait for ever.
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    try:
        status = os.fstat(file)
        data = _read_all(file, status.st_size)
    finally:
        os.close(file)
    mode = EXECUTABLE if status.st_mode & 0o100 else FILE
    return Found(mode, data, stat.S_IMODE(status.st_mode), looks_of(status))


def _read_all(fd: int, size: int) -> bytes:
    first = os.read(fd, size + 1)
    if len(first) == size:  # one byte more was asked for, so that is all there is
        return first
    parts = [first]
    while parts[-1]:
        parts.append(os.read(fd, 1 << 20))
    return b"".join(parts)


def looks_of(status: os.stat_result) -> Looks:
    """Return what tells, without reading it, that a file was written to since."""
    return (
        status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode,
    )  # fmt: skip


def read_path(root: str, path: str) -> Found | None:
    """Return what lies at ``path`` under ``root``, or ``None``; never through a link."""
    try:
        with Root(root) as opened:
            return opened.read(path)
    except FileNotFoundError:
        return None


def make_file(fd: int, name: bytes, found: Found) -> os.stat_result:
    """Make a new file or link and return how it looks; :class:`FileExistsError` for another's."""
    if found.mode == SYMLINK:
        os.symlink(found.data, name, dir_fd=fd)
        return os.stat(name, dir_fd=fd, follow_symlinks=False)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    # Its permissions from the start: a crash must not leave all the bytes under the wrong ones.
    file = os.open(name, flags, found.permissions & 0o777, dir_fd=fd)
    try:
        write_all(file, found.data)
        status = os.fstat(file)
        if stat.S_IMODE(status.st_mode) != found.permissions:
            os.fchmod(file, found.permissions)
            status = os.fstat(file)
        return status
    finally:
        os.close(file)


def copy_attributes(root: str, path: str, fd: int, name: bytes) -> None:
    """Give a new file the extended attributes (access lists, labels) of the one it will replace.

    Where the system or its file system has none, or allows none, the file goes without.
    """
    if not hasattr(os, "listxattr"):
        return
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError), parent_of(root, path) as (parent, last):
        source = os.open(last, os.O_RDONLY | flags, dir_fd=parent)
        try:
            kept = os.listxattr(source)
            if kept:
                target = os.open(name, os.O_RDONLY | flags, dir_fd=fd)
                try:
                    for key in kept:
                        with suppress(OSError):
                            os.setxattr(target, key, os.getxattr(source, key))
                finally:
                    os.close(target)
        finally:
            os.close(source)


def permissions_for(mode: str, before: Found | None, umask: int) -> int:
    """Return the permission bits for a file of git mode ``mode``.

    Git knows only the execute bit; the others are kept from the file that is replaced.
    """
    bits = before.permissions if before and before.mode != SYMLINK else 0o666 & ~umask
    if mode == EXECUTABLE:
        return bits | ((bits & 0o444) >> 2)
    return bits & ~0o111


def move_new(from_fd: int, source: bytes, to_fd: int, target: bytes) -> None:
    """Move to a free name; :class:`FileExistsError` where it is not free."""
    if not _rename(from_fd, source, to_fd, target, _NOREPLACE):
        # No such call here: a second name for the same file fails where one exists.
        os.link(source, target, src_dir_fd=from_fd, dst_dir_fd=to_fd, follow_symlinks=False)
        os.unlink(source, dir_fd=from_fd)


def exchange(from_fd: int, source: bytes, to_fd: int, target: bytes) -> None:
    """Swap two names, so that what was at ``target`` is never without a name."""
    if not _rename(from_fd, source, to_fd, target, _EXCHANGE):
        aside = source + b".aside"
        os.link(target, aside, src_dir_fd=to_fd, dst_dir_fd=from_fd, follow_symlinks=False)
        os.rename(source, target, src_dir_fd=from_fd, dst_dir_fd=to_fd)
        os.rename(aside, source, src_dir_fd=from_fd, dst_dir_fd=from_fd)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _rename(from_fd: int, source: bytes, to_fd: int, target: bytes, flags: int) -> bool:
    """Call ``renameat2(2)``; return ``False`` where the system or its file system lacks it."""
    if not sys.platform.startswith("linux"):
        return False
    if _libc().renameat2(from_fd, source, to_fd, target, flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in {errno.EINVAL, errno.ENOSYS}:
        return False
    raise OSError(code, os.strerror(code), os.fsdecode(target))


def sync_file_system(path: str) -> None:
    """Make everything written to the file system under ``path`` durable, in one call."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if sys.platform.startswith("linux"):
            if _libc().syncfs(fd) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), path)
        else:
            os.sync()
    finally:
        os.close(fd)
