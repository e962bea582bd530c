"""What is in the box: the workspace, read-only programs, an empty home, and no network.

Bubblewrap builds it from the kernel's namespaces; no privilege is needed and none is left inside.
Each line stands here because something got out without it, or could not run.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["HOME", "INSIDE", "PATH", "Box", "environment", "program"]

INSIDE: Final = "/workspace"
"""Where the workspace lies in the box, whatever its path is outside."""
HOME: Final = "/home/agent"
_USER = "1000"  # as whom a command believes to run; outside it is whoever runs clubos

# Of /etc only what programs can't do without: as root all of it could be read, keys and shadow too.
_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "gai.conf", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "os-release", "pki", "ssl/certs",
    "ssl/openssl.cnf", "timezone",
)  # fmt: skip
_ETC_NETWORK = ("host.conf", "hosts", "nsswitch.conf", "protocols", "resolv.conf", "services")
_ACCOUNTS = ("passwd", "group")
_ROOTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SCRATCH = ("/tmp", "/var/tmp", "/run")  # noqa: S108 - the box's own, and gone with it
_PASSED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "NO_COLOR")
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def program() -> str:
    """Return the path of bubblewrap; empty where there is none, or not this system."""
    return (shutil.which("bwrap") or "") if sys.platform == "linux" else ""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a command finds in its environment: a list of what is allowed, never a copy."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {
        "HOME": HOME, "LANG": "C.UTF-8", "LOGNAME": "agent", "PATH": PATH, "SHELL": "/bin/sh",
        "TERM": "dumb", "TMPDIR": _SCRATCH[0], "USER": "agent", **kept, **(extra or {}),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """One box; making it costs nothing, running in it a few milliseconds."""

    workspace: str
    """The folder of the host that is writable in it, as :data:`INSIDE`."""
    network: bool = False
    """Whether the host's network is in it."""
    loopback: bool = True
    """Whether what runs in it may talk TCP to itself, as a test that starts a server does."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What its environment holds beside what every box has."""
    readable: Sequence[tuple[str, str]] = ()
    """Paths of the host, and where they lie in it; not writable."""
    links: Sequence[tuple[str, str]] = ()
    """Symbolic links in it: what each holds, and where it lies."""
    lent: Sequence[tuple[str, str]] = ()
    """Files of the host of which it has a copy in memory, and where; gone when it ends."""
    scratch: int = 1 << 30
    """Bytes that /tmp and the home can hold, each."""

    @property
    def environment(self) -> dict[str, str]:
        """What its environment holds.

        It is bubblewrap's too: on its command line, everybody on the machine could read the keys.
        """
        return environment(self.variables)

    def command(
        self,
        arguments: Sequence[str],
        folder: str = "",
        *,
        info: int = -1,
        block: int = -1,
        lent: Sequence[int] = (),
    ) -> list[str]:
        """Return the command line that runs `arguments` in it.

        Args:
            arguments: The program and what it is given.
            folder: Where it starts, within the workspace.
            info: A file descriptor to which the number of its process is written.
            block: A file descriptor on which it waits before it begins.
            lent: What :meth:`open_files` has opened.
        """
        out = [program() or "bwrap", *_NAMESPACES]
        out += ["--share-net"] if self.network else []
        out += _programs()
        out += ["--proc", "/proc", "--dev", "/dev"]
        out += ["--perms", "0755", "--dir", "/etc", *_etc(network=self.network)]
        for name in _ACCOUNTS:  # of the box: programs look up as whom they run
            out += [
                "--ro-bind",
                os.path.join(os.path.dirname(__file__), "etc", name),
                f"/etc/{name}",
            ]
        for place in (*_SCRATCH, HOME):
            out += ["--size", str(self.scratch), "--perms", "0700", "--tmpfs", place]
        for source, target in self.readable:
            out += ["--ro-bind", source, target]
        for held, place in self.links:
            out += ["--symlink", held, place]
        for fd, (_, target) in zip(lent, self.lent, strict=True) if lent else ():
            out += ["--perms", "0600", "--file", str(fd), target]
        out += ["--bind", self.workspace, INSIDE]
        out += ["--chdir", os.path.join(INSIDE, folder) if folder else INSIDE]
        out += ["--info-fd", str(info)] if info >= 0 else []
        out += ["--block-fd", str(block)] if block >= 0 else []
        return [*out, "--remount-ro", "/", "--", *arguments]

    def open_files(self) -> list[int]:
        """Open the files that are lent; whoever calls closes them.

        Raises:
            OSError: One of them can't be read.
        """
        opened: list[int] = []
        try:
            for source, _ in self.lent:
                opened.append(os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        except OSError:
            for fd in opened:
                os.close(fd)
            raise
        return opened


_NAMESPACES: Final = (
    # For root too: without one it would keep the rights of root outside.
    "--unshare-user", "--disable-userns", "--unshare-all", "--hostname", "box",
    "--uid", _USER, "--gid", _USER, "--cap-drop", "ALL",
    "--die-with-parent",
    "--new-session",  # else it could type into the terminal (TIOCSTI)
)  # fmt: skip


def _programs() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _ROOTS:
        place = f"/{name}"
        if os.path.islink(place):
            yield from ("--symlink", os.readlink(place), place)
        elif os.path.isdir(place):
            yield from ("--ro-bind", place, place)


def _etc(*, network: bool) -> Iterator[str]:
    for name in (*_ETC, *(_ETC_NETWORK if network else ())):
        place = os.path.realpath(f"/etc/{name}")
        if os.path.exists(place):
            yield from ("--ro-bind", place, f"/etc/{name}")
