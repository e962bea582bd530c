"""What a command may take: limits that the kernel keeps, and a look at what it does not count.

A limit of the kernel is one process's. How many there are, and what they hold together, is looked
at several times a second; a command that goes beyond is ended with all that it started. It runs
behind everything else on the machine, so that who looks is not kept from it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import resource
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

__all__ = ["Limits", "Watch"]

_LAST = 19  # the niceness of who waits for all others
_GROUPS = "/sys/fs/cgroup"
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
        os.setpriority(os.PRIO_PROCESS, process, _LAST)


class Watch:
    """Looks at all processes of one box."""

    def __init__(self, process: int, workspace: str, limits: Limits) -> None:
        """Watch a box.

        Args:
            process: Its first process, as the host numbers it; 0 where there is none yet.
            workspace: Its folder.
            limits: What may not be exceeded.
        """
        self._space = _namespace(process)
        self._workspace = workspace
        self._limits = limits
        self._free = _free(workspace)
        as_root = process > 0 and os.geteuid() == 0
        self._group = _group(process, limits.processes) if as_root else ""

    def close(self) -> None:
        """Give back what it was watched with; everything in it has ended."""
        if self._group:
            with contextlib.suppress(OSError):
                os.rmdir(self._group)
            self._group = ""

    def signal(self, process: int, what: signal.Signals) -> None:
        """Send a signal to a process of the box, and never to one that has got its number since."""
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(process)
            try:
                if _namespace(process) == self._space:
                    signal.pidfd_send_signal(handle, what)
            finally:
                os.close(handle)

    def excess(self) -> str:
        """Return what it takes too much of, in words; empty as long as all is well."""
        limits = self._limits
        found = list(itertools.islice(self.processes(), limits.processes + 1))
        if len(found) > limits.processes or _refused(self._group):
            return f"it started more than {limits.processes} processes"
        if sum(map(_resident, found)) > limits.memory:
            return f"it took more than {limits.memory >> 20:,} MiB of memory"
        if self._free - _free(self._workspace) > limits.disk:
            return f"it filled more than {limits.disk >> 20:,} MiB of the disk"
        return ""

    def processes(self) -> Iterator[int]:
        """Yield the numbers of all processes in the box, as the host numbers them."""
        for name in os.listdir("/proc") if self._space else ():
            if name.isdigit() and _namespace(int(name)) == self._space:
                yield int(name)


def _group(process: int, most: int) -> str:
    """Put a process into a control group of its own, and return it; empty where none can be made.

    The kernel does not count root's processes against root; a control group does.
    """
    with contextlib.suppress(OSError, ValueError, KeyError):
        with open("/proc/self/cgroup", encoding="ascii") as file:
            own = {kinds: path for _, kinds, path in (line.strip().split(":", 2) for line in file)}
        # A hierarchy for processes alone, of the first version, else the one of the second.
        top = f"{_GROUPS}/pids{own['pids']}" if "pids" in own else f"{_GROUPS}{own['']}"
        top = top.rstrip("/")
        _clear(top)
        group = f"{top}/clubos-{os.getpid()}-{secrets.token_hex(4)}"
        os.mkdir(group)
        try:
            for name, value in (("pids.max", most), ("cgroup.procs", process)):
                with open(f"{group}/{name}", "r+", encoding="ascii") as file:
                    file.write(str(value))
        except OSError:
            os.rmdir(group)
            raise
        return group
    return ""


@cache
def _clear(top: str) -> None:
    """Remove the groups that killed ones of us have left; the kernel keeps those in use."""
    for name in os.listdir(top):
        found = re.fullmatch(r"clubos-(\d+)-[0-9a-f]+", name)
        if found and not os.path.exists(f"/proc/{found[1]}"):
            with contextlib.suppress(OSError):
                os.rmdir(f"{top}/{name}")


def _refused(group: str) -> bool:
    """Tell whether a control group has refused a process."""
    if not group:
        return False
    with contextlib.suppress(OSError), open(f"{group}/pids.events", encoding="ascii") as file:
        return not file.read().startswith("max 0")
    return False


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
