"""The programs that are looked for, and what was seen of each."""

from __future__ import annotations

import glob
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clubos_tui.agents.presets import PRESETS
from clubos_tui.machine.terminal import editor
from clubos_tui.machine.versions import Answer, ask, find

__all__ = ["Seen", "see"]

# Servers of PostgreSQL are often not on PATH: several versions may lie beside each other.
_SERVERS: Final = (
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
)  # fmt: skip
_TELL_VERSION: Final = frozenset(
    {"vim", "nvim", "nano", "emacs", "micro", "hx", "helix", "kak", "code", "codium", "zed"}
)
"""Editors that are known to answer and not to open a window."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One program: where it lies, empty where it was not found, and what it said."""

    path: str = ""
    version: str = ""
    why: str = ""
    """Why it has no version."""
    starts: bool = True
    """Whether this machine can run it."""

    @property
    def found(self) -> bool:
        """Whether it is there."""
        return bool(self.path)


def see(stop: threading.Event | None = None) -> Mapping[str, Seen]:
    """Look for every program by its name, and ask those that are there for their version."""
    paths = {name: find(name) for name in ("git", "bwrap", "psql", "node", "tsc")}
    paths |= {preset.program: find(preset.program) for preset in PRESETS.values()}
    paths |= dict(_servers())
    named, _ = editor()
    paths["editor"] = find(named) if named else ""
    quiet = os.path.basename(named) not in _TELL_VERSION
    askable = [path for name, path in paths.items() if path and not (name == "editor" and quiet)]
    answers = ask(askable, stop=stop)
    seen = {}
    for name, path in paths.items():
        answer = answers.get(path, Answer())
        seen[name] = Seen(path, answer.version, answer.why, answer.starts)
    return seen


def _servers() -> Iterator[tuple[str, str]]:
    """Yield the two programs that make and start a database, both of the newest there is."""
    folders = [os.path.dirname(find("initdb"))]
    for pattern in _SERVERS:
        folders += sorted(glob.glob(pattern), key=_numbers, reverse=True)
    for folder in filter(None, folders):
        both = [os.path.join(folder, name) for name in ("initdb", "pg_ctl")]
        if all(os.access(path, os.X_OK) for path in both):
            yield from zip(("initdb", "pg_ctl"), both, strict=True)
            return
    yield from (("initdb", ""), ("pg_ctl", ""))


def _numbers(folder: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder)]
