"""Locks between processes, freed by the kernel when their holder dies.

``flock`` and not ``lockf``: the latter is lost when *any* descriptor of the file is closed and is
not inherited by a child, so a git that outlives us would not keep it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from types import TracebackType

# The lock is one of the process, and so is the list of what its children must keep.
_handed_on: set[int] = set()


def handed_on() -> tuple[int, ...]:
    """Return the descriptors that a child which writes has to inherit.

    A child that outlives this process then keeps the lock until it ends, so that nobody recovers
    beside it.
    """
    return tuple(_handed_on)


def is_alive(pid: int) -> bool:
    """Tell whether there is a process of this number, be it somebody else's."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


class FileLock:
    """One lock file, kept for ever; only the lock on it comes and goes.

    With ``hand_on`` the children that write keep it too, see :func:`handed_on`. With ``keep`` the
    file stays open in between, for a lock that is taken thousands of times.
    """

    def __init__(self, path: str, *, hand_on: bool = False, keep: bool = False) -> None:
        self.path = path
        self._hand_on = hand_on
        self._keep = keep
        self._fd: int | None = None
        self._kept: tuple[int, int] | None = None  # process and descriptor

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def acquire(self, *, timeout: float = 0.0) -> bool:
        """Take the lock, waiting up to ``timeout`` seconds; tell whether we have it."""
        if self._fd is not None:
            return True
        fd = self._opened()
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    self._close(fd)
                    return False
                time.sleep(0.002)
            else:
                self._fd = fd
                if self._hand_on:
                    _handed_on.add(fd)
                return True

    def release(self) -> None:
        """Give the lock back; without effect where it is not held."""
        if self._fd is not None:
            _handed_on.discard(self._fd)
            if self._keep:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self._close(self._fd)
            self._fd = None

    def _opened(self) -> int:
        if self._kept:
            process, fd = self._kept
            if process == os.getpid():
                return fd
            self._kept = None  # a child's: a lock on it would be its parent's as well
            os.close(fd)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._keep:
            self._kept = (os.getpid(), fd)
        return fd

    def _close(self, fd: int) -> None:
        if not self._keep:
            os.close(fd)

    def __del__(self) -> None:
        kept = getattr(self, "_kept", None)
        if kept:
            os.close(kept[1])

    def note(self, **facts: str | int) -> None:
        """Write who holds the lock into its file, for messages only; it decides nothing."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, json.dumps(facts).encode(), 0)

    def holder(self) -> dict[str, str | int]:
        """Return what the present or last holder wrote about itself."""
        try:
            with open(self.path, "rb") as file:
                facts = json.loads(file.read() or b"{}")
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def __enter__(self) -> FileLock:
        if not self.acquire(timeout=30.0):
            raise TimeoutError(f"{self.path} stayed locked for 30 seconds")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
