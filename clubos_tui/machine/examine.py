"""Look at the machine, all of it, within a few seconds."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from clubos_tui.machine.agents import agents
from clubos_tui.machine.parts import Part
from clubos_tui.machine.seen import Seen, see
from clubos_tui.machine.terminal import editor, terminal
from clubos_tui.machine.versions import at_least, find
from clubos_tui.workspace.sandbox.probe import Holds, probe

__all__ = ["examine"]

_GIT: Final = (2, 38)
_NODE: Final = (20, 0)
_PROBE_SECONDS: Final = 5.0
_LOOK: Final = 0.05  # seconds between two looks at whether to go on
_PACKAGES: Final = {
    "textual": "draws the dashboard",
    "GitPython": "finds repositories",
    "watchfiles": "sees outside edits",
    "anthropic": "talks to Claude",
}


def examine(stop: threading.Event | None = None) -> list[Part]:
    """Return what there is and what there is not, in the order of the groups; blocking.

    Args:
        stop: Ends it when set; what is returned then is not complete.
    """
    seen = see(stop)
    box = _sandbox(seen["bwrap"], stop)
    return [
        *agents(seen, boxed=box.usable), box, _git(seen["git"]), *_postgresql(seen),
        *_typescript(seen), _editor(seen["editor"]), *terminal(), *_clubos(),
    ]  # fmt: skip


def _sandbox(bubblewrap: Seen, stop: threading.Event | None) -> Part:
    """Find out whether the box holds, by trying to get out of it."""
    holds = _unasked(bubblewrap, stop) or _probed(stop)
    locks = " and ".join(holds.locks) or "bubblewrap"
    there = bubblewrap.found and sys.platform == "linux"
    return Part(
        "sandbox", "sandbox", holds.ok, bubblewrap.version,
        "runs whole agents, and Claude's commands", holds.cure,
        # Where there is no bubblewrap at all it is missing, and not off.
        off=holds.why if there and not holds.ok else "",
        note=f"{locks}; nothing got out of it" if holds.ok else "" if there else holds.why,
    )  # fmt: skip


def _unasked(bubblewrap: Seen, stop: threading.Event | None) -> Holds | None:
    """Return why the box is not tried; what does not even tell its version may hang."""
    if stop and stop.is_set():
        return Holds(False, "it was not tried")
    if bubblewrap.found and not bubblewrap.version and sys.platform == "linux":
        return Holds(False, f"bubblewrap: {bubblewrap.why}", "Install bubblewrap anew.")
    return None


def _probed(stop: threading.Event | None) -> Holds:
    """Try the box; where that takes too long, it is of no use and nobody waits for it."""
    found: list[Holds] = []

    def attempt() -> None:
        try:
            found.append(probe())
        except Exception as error:  # a thread would print it over the screen
            found.append(Holds(False, f"the box could not be tried: {error}"))

    # One that does not come back must keep neither the screen nor the end of the process waiting.
    trial = threading.Thread(target=attempt, daemon=True)
    trial.start()
    until = time.monotonic() + _PROBE_SECONDS
    while trial.is_alive() and time.monotonic() < until and not (stop and stop.is_set()):
        trial.join(_LOOK)
    late = f"the box was not built within {_PROBE_SECONDS:g} seconds"
    return found[0] if found else Holds(False, late, "Try `bwrap --ro-bind / / true`.")


def _git(program: Seen) -> Part:
    part = Part(
        "git", "git", program.found, program.version, "keeps every tree",
        "Install git 2.38 or newer.", needed=True,
    )  # fmt: skip
    return _new_enough(program, part, _GIT)


def _new_enough(program: Seen, part: Part, wanted: tuple[int, int]) -> Part:
    """Return a part as it is where its program is missing, else without what need not be mended."""
    if not program.found:
        return part
    if at_least(program.version, wanted):
        return replace(part, cure="")
    older = f"older than {wanted[0]}.{wanted[1]}".removesuffix(".0")
    return replace(part, off=program.why or older)


def _postgresql(seen: Mapping[str, Seen]) -> Iterator[Part]:
    client, server = seen["psql"], seen["initdb"]
    yield Part(
        "postgresql", "psql", client.found, client.version, "the client, for database checks",
        "" if client.found else "Install the PostgreSQL client (Debian: postgresql-client).",
        note=client.why,
    )  # fmt: skip
    yield Part(
        "postgresql", "server", server.found, server.version,
        "initdb and pg_ctl, for a check's own database",
        "" if server.found else "Install the PostgreSQL server (Debian: postgresql).",
        note=server.why or ("" if find("initdb") else os.path.dirname(server.path)),
    )  # fmt: skip


def _typescript(seen: Mapping[str, Seen]) -> Iterator[Part]:
    node, compiler = seen["node"], seen["tsc"]
    part = Part(
        "typescript", "node", node.found, node.version, "runs service checks",
        "Install Node.js 20 or newer.",
    )  # fmt: skip
    yield _new_enough(node, part, _NODE)
    yield Part(
        "typescript", "tsc", compiler.found, compiler.version, "checks types",
        "" if compiler.found else "npm install -g typescript", note=compiler.why,
    )  # fmt: skip


def _editor(program: Seen) -> Part:
    name, variable = editor()
    shown = os.path.basename(name)
    if not variable:
        note = f"{shown}, because neither VISUAL nor EDITOR is set"
        cure = "" if program.found else "Set EDITOR to your editor."
        note = note if program.found else "neither VISUAL nor EDITOR is set, and there is no vi"
    elif program.found:
        note, cure = f"{shown}, as {variable} says", ""
    else:
        note = f"{variable} names {shown}, which is not there" if name else f"{variable} is broken"
        cure = f"Set {variable} to an editor that is there."
    return Part(
        "editor", "editor", program.found, program.version, "edits proposals", cure, note=note
    )


def _clubos() -> Iterator[Part]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Part("clubos", "python", True, version, "runs clubos", needed=True)
    for name, purpose in _PACKAGES.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = ""
        cure = "" if found else "Install clubos anew, with what it needs."
        yield Part("clubos", name, bool(found), found, purpose, cure, needed=True)
