"""Problems as compilers and linters print them, a line each: ``path:line:col: message``. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable
from typing import Final

from clubos_tui.checks.reports import Counted, Lacking

__all__ = ["listed", "problems"]

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# As gcc and its likes have it, and as TypeScript does.
_LINE: Final = re.compile(
    r"^(?P<path>[^\s:(][^:(\n]*?)(?::(?P<line>\d+)(?::\d+)?:|\((?P<at>\d+)(?:,\d+)?\):)\s*(?P<text>.+)$"
)
_WORDS: Final = 240  # characters of a fault


def problems(
    said: str,
    files: Collection[str],
    *,
    folder: str = "",
    wanted: str = "",
    lacking: str = "",
    from_zero: bool = False,
) -> Counted:
    """Return the problems among what a tool printed; the number of cases is another's to say.

    Args:
        said: What it printed.
        files: The paths of the tree; a line about anything else is none of its problems.
        folder: Where in the tree it ran.
        wanted: Which lines count, as a regular expression; empty: all.
        lacking: Which of them say that the tool could not look.
        from_zero: Its first line is number 0.

    Raises:
        Lacking: Something was missing, so that what it says of the rest is no evidence.
    """
    faults = []
    for line in said.splitlines():
        plain = _ANSI.sub("", line).strip()
        found = _LINE.match(plain)
        path = _path(found["path"], folder) if found else ""
        # What a configuration asks for and is not there has no place in a file.
        if lacking and (not found or path in files) and re.search(lacking, plain):
            raise Lacking(f"something it needs is not installed: {plain}"[:_WORDS])
        if not found or path not in files or (wanted and not re.search(wanted, plain)):
            continue
        number = int(found["line"] or found["at"]) + from_zero
        faults.append(f"{path}:{number}: {found['text']}"[:_WORDS])
    return Counted(len(faults), tuple(faults))


def listed(said: str, paths: Iterable[str], *, folder: str = "") -> list[str]:
    """Return those paths that a tool does not name among the files that it looked at."""
    seen = {_path(line.strip(), folder) for line in said.splitlines()}
    return [path for path in paths if path not in seen]


def _path(path: str, folder: str) -> str:
    """Return a path of the tree, as a tool in the box names it."""
    inside = "/workspace/"
    if path.startswith(inside):
        return posixpath.normpath(path.removeprefix(inside))
    return posixpath.normpath(posixpath.join(folder, path))
