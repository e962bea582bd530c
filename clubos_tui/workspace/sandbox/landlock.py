"""Landlock, the kernel's own lock, as the second one on a box.

Namespaces leave two ways open that a box with the network has: sockets with an abstract name, as a
desktop's bus and screen have them, belong to the network and not to the files; and a number of a
process is all that a signal needs. A domain that is only about these (and TCP, where that is asked)
forbids no mounting, so bubblewrap can still build its box in it, and hands it on to all in there.

A domain and the promise that goes before it hold for one thread: a thread of its own takes them on,
starts the box and stays, while the rest of this process remains as free as it was.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import stat
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Final, Generic, TypeVar

from clubos_tui.workspace.sandbox.box import program

__all__ = ["Kept", "abi", "holds"]

T = TypeVar("T")

_CREATE, _RESTRICT = 444, 446  # system calls; the same numbers on every machine but Alpha
_VERSION: Final = 1  # asks for the version alone
_NO_NEW_PRIVILEGES: Final = 38  # of prctl; without it only root may restrict itself
_TCP: Final = 0b11  # to bind, to connect
_SCOPED: Final = 0b11  # sockets with an abstract name, signals
_OLDEST: Final = 6  # the first version that knows of both


class _Rules(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]


@cache
def abi() -> int:
    """Return which version the kernel has that can lock a box; 0 for none, or one too old."""
    if sys.platform != "linux":
        return 0
    found = _call(_CREATE, None, 0, _VERSION)
    return found if found >= _OLDEST and not _gains_rights() else 0


def restrict(*, tcp: bool = False) -> bool:
    """Lock this thread, and all that it will start; there is no way back.

    Args:
        tcp: Also forbid TCP, to the own machine too: the kernel tells ports apart, not addresses.

    Returns:
        Whether it is; the kernel may have none, or forbid it here.
    """
    if not abi():
        return False
    rules = _Rules(0, _TCP if tcp else 0, _SCOPED)
    fd = _call(_CREATE, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    if fd < 0:
        return False
    try:
        none = ctypes.c_ulong(0)
        promised = _libc().prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), none, none, none) == 0
        return promised and _call(_RESTRICT, fd, 0) == 0
    finally:
        os.close(fd)


class Kept(Generic[T]):
    """What a locked thread has started; the thread stays until it is let go.

    The kernel ends a box when the thread that has started it ends: it could not be told apart from
    the end of this process.
    """

    def __init__(self, start: Callable[[], T], *, tcp: bool = False) -> None:
        """Start something; what that raises is raised here."""
        self._start = start
        self._tcp = tcp
        self._started = threading.Event()
        self._over = threading.Event()
        self._error: BaseException | None = None
        threading.Thread(target=self._work, name="clubos-box", daemon=True).start()
        try:
            self._started.wait()
        except BaseException:
            self._over.set()  # nobody will know of it, so nothing may stay
            raise
        if self._error:
            raise self._error

    @property
    def value(self) -> T:
        """What was started."""
        return self._value

    def let_go(self) -> None:
        """Have the thread end; what it started has ended already, or ends now."""
        self._over.set()

    def _work(self) -> None:
        try:
            restrict(tcp=self._tcp)  # a kernel that can't leaves the box its first lock
            self._value = self._start()
        except BaseException as error:
            self._error = error
            return
        finally:
            self._started.set()
        self._over.wait()


def holds() -> bool:
    """Try to get out of the lock: to a socket of this process by its name, and by a signal."""
    if not abi():
        return False
    name = f"\0clubos-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        kept = Kept(lambda: _refused(lambda: _connect(name)) and _refused(_signal))
    kept.let_go()
    return kept.value


def _connect(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(name)


def _signal() -> None:
    parent = os.getppid()
    if not parent:  # it is outside a container's world, and there is nobody to send one to
        raise PermissionError
    os.kill(parent, 0)  # asks whether it could be sent, and sends none


def _refused(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except PermissionError:
        return True
    except OSError:  # something else is in the way, which proves nothing
        return False
    return False


def _gains_rights() -> bool:
    """Tell whether bubblewrap needs the rights of its owner, which a locked thread can't give."""
    try:
        mode = os.stat(program()).st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISUID) and os.geteuid() != 0


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    try:
        return int(_libc().syscall(ctypes.c_long(number), *arguments))
    except (AttributeError, OSError):  # a C library without it
        return -1
