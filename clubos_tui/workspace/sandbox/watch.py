"""What a command may take: limits that the kernel keeps, and a look at what it does not count.

A limit of the kernel is one process's. How many there are, and what they hold together, is looked
at several times a second; a command that goes beyond is ended with all that it started.
"""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass
from typing import Final

__all__ = ["Limits", "Watch"]

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may take, together with all that it starts."""

    seconds: float = 60.0
    memory: int = 4 << 30
    """Bytes that all its processes hold."""
    processes: int = 512
    file: int = 1 << 30
    """Bytes of one file."""
    disk: int = 4 << 30
    """Bytes by which the free space of the workspace's disk may shrink."""
    output: int = 64 << 20
    """Bytes that it may print."""

    def impose(self, process: int) -> None:
        """Have the kernel keep what it can; of a process that waits to begin."""
        for kind, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, self.file),
            (resource.RLIMIT_DATA, self.memory),
            (resource.RLIMIT_NPROC, self.processes),
            (resource.RLIMIT_CPU, int(self.seconds * (os.cpu_count() or 1)) + 1),
        ):
            _, hard = resource.prlimit(process, kind)
            limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with contextlib.suppress(PermissionError):
                resource.prlimit(process, kind, (limit, limit))


class Watch:
    """Looks at all processes of one box."""

    def __init__(self, process: int, workspace: str, limits: Limits) -> None:
        """Watch a box.

        Args:
            process: Its first process, as the host numbers it.
            workspace: Its folder.
            limits: What may not be exceeded.
        """
        self._space = _namespace(process)
        self._workspace = workspace
        self._limits = limits
        self._free = _free(workspace)

    def excess(self) -> str:
        """Return what it takes too much of, in words; empty as long as all is well."""
        limits = self._limits
        found = self._processes()
        if len(found) > limits.processes:
            return f"it started more than {limits.processes} processes"
        if sum(map(_resident, found)) > limits.memory:
            return f"it took more than {limits.memory >> 20:,} MiB of memory"
        if self._free - _free(self._workspace) > limits.disk:
            return f"it filled more than {limits.disk >> 20:,} MiB of the disk"
        return ""

    def _processes(self) -> list[int]:
        if not self._space:
            return []
        numbers = (int(name) for name in os.listdir("/proc") if name.isdigit())
        return [number for number in numbers if _namespace(number) == self._space]


def _namespace(process: int) -> str:
    try:
        return os.readlink(f"/proc/{process}/ns/pid")
    except OSError:  # it has ended, or is none of ours
        return ""


def _resident(process: int) -> int:
    try:
        with open(f"/proc/{process}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _free(folder: str) -> int:
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize
