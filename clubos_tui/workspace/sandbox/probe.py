"""Whether the box holds, found out by trying to get out of it (P8).

Without one that holds, whatever runs commands is off, and says what would turn it on. There is no
way around that: not by a flag, a plan or an agent.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from clubos_tui.workspace.sandbox import landlock
from clubos_tui.workspace.sandbox.box import Box, program
from clubos_tui.workspace.sandbox.running import run
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["Holds", "probe"]

_INSTALL: Final = "Install bubblewrap (the package of that name), then start clubos again."
_NEWER: Final = "Install bubblewrap 0.8 or newer, then start clubos again."
_USERNS: Final = (
    "Let programs make user namespaces: on Ubuntu 24.04 and later the package apparmor-profiles "
    "has the profile bwrap-userns-restrict; elsewhere set user.max_user_namespaces above 0."
)

# Prints a word for everything that should not have worked; the host looks for itself too.
_ESCAPES: Final = """\
cat "$OUTSIDE/secret" && echo "read a file outside"
echo x > "$OUTSIDE/written" && echo "wrote outside"
echo x > /usr/clubos-was-here && echo "wrote to /usr"
test -s /etc/shadow && cat /etc/shadow && echo "read /etc/shadow"
kill -0 "$PARENT" && echo "reached a process outside"
test "$(grep -c : /proc/net/dev)" -gt 1 && echo "saw the network"
test -e /proc/1/root/home/clubos-outside && echo "left by /proc"
test -w / && echo x > /clubos-was-here && echo "wrote to the root"
echo in > /workspace/written || echo "could not write to the workspace"
"""


@dataclass(frozen=True, slots=True)
class Holds:
    """Whether the box holds; if not, why, and what to do about it."""

    ok: bool
    why: str = ""
    cure: str = ""
    locks: tuple[str, ...] = ()
    """What holds it, each by itself: a hole in one is not yet a way out."""


@cache
def probe() -> Holds:
    """Try to get out of a box; once in a process, because it takes some time."""
    if sys.platform != "linux":
        return Holds(False, "the sandbox is made of what only Linux has", "Run clubos on Linux.")
    if not program():
        return Holds(False, "bubblewrap (bwrap) is not installed", _INSTALL)
    place = tempfile.mkdtemp(prefix="clubos-probe-")
    try:
        return _tried(place)
    except OSError as error:
        return Holds(False, f"the box could not be built: {error.strerror or error}", _USERNS)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _tried(place: str) -> Holds:
    workspace, outside = os.path.join(place, "workspace"), os.path.join(place, "outside")
    os.mkdir(workspace)
    os.mkdir(outside)
    secret = secrets.token_hex(16)
    with open(os.path.join(outside, "secret"), "w", encoding="ascii") as file:
        file.write(secret)
    printed = bytearray()
    box = Box(workspace, variables={"OUTSIDE": outside, "PARENT": str(os.getpid())})
    ended = run(
        box, ["/bin/sh", "-c", f"({_ESCAPES}) 2>/dev/null; echo tried"],
        output=printed.extend, limits=Limits(seconds=20),
    )  # fmt: skip
    said = printed.decode("utf-8", "replace")
    if "tried" not in said:
        why = said.strip().splitlines()[-1:] or [ended.why or f"it ended with {ended.code}"]
        cure = _NEWER if "nknown option" in why[0] else _USERNS
        return Holds(False, f"the box could not be built: {why[0]}", cure)
    escapes = [line for line in said.splitlines() if line.split(" ")[0] in _VERBS]
    if secret in said or os.listdir(outside) != ["secret"]:
        escapes.append("reached a folder outside")
    if os.listdir(workspace) != ["written"]:
        escapes.append("could not write to the workspace")
    if escapes:
        return Holds(False, f"the box does not hold: a command {escapes[0]}", _INSTALL)
    return Holds(True, locks=tuple(_locks()))


def _locks() -> Iterator[str]:
    """Yield the locks of a box that holds, each with its version."""
    said = ""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run(
            [program(), "--version"],
            capture_output=True, timeout=5, env={}, check=False, encoding="utf-8",
        ).stdout.strip()  # fmt: skip
    yield said or "bubblewrap"
    if landlock.holds():
        yield f"Landlock ABI {landlock.abi()}"


_VERBS: Final = frozenset({"read", "wrote", "reached", "saw", "left", "could"})
