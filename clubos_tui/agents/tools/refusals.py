"""Picks out of what a command prints the lines in which something was refused to it.

This is what was printed, and no more: the kernel's words as the command passed them on. A command
may print such a line and mean something else, and one that says nothing of what it tries leaves
only its command line, and the stream of its output by its hash. What holds is the box; this is so
that a person sees at a glance what an agent went for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from clubos_tui.journal import redact_words
from clubos_tui.workspace.sandbox.box import INSIDE

__all__ = ["MOST", "Refusals", "told"]

MOST: Final = 12
"""Lines that are kept of one command; all are counted."""
_EXAMINED = 50_000  # lines; who prints more of them only wants them to be looked at
_LONGEST = 240  # characters of a line
_BEGUN = 4_096  # characters that are kept of a line that has not ended yet

_WORDS: Final = (
    # Files, processes, devices.
    "read-only file system", "permission denied", "operation not permitted", "access denied",
    "invalid cross-device link", "no such device or address", "no such process", "must be root",
    "must be superuser", "refusing to",
    # The network.
    "network is unreachable", "network unreachable", "no route to host", "could not resolve",
    "temporary failure in name resolution", "name or service not known", "connection refused",
    # Limits.
    "no space left on device", "disk quota exceeded", "file size limit exceeded", "file too large",
    "resource temporarily unavailable", "cannot allocate memory", "cannot fork",
)  # fmt: skip
_NAMES: Final = ("EACCES", "EPERM", "EROFS", "EAI_AGAIN", "ENETUNREACH", "ECONNREFUSED")
_MISSING: Final = ("no such file or directory", "directory nonexistent", "not a git repository")
# What is not there is refused only where it lies outside: the box has nothing of that.
_OUTSIDE = re.compile(rf"(?<![\w.~/-])(?:(?:\.\./)|~/|/(?!{INSIDE[1:]}(?:/|\b)))")
_SPEAKER = re.compile(r"^\s*[\w./+-]+:\s")  # who says it may have such a path too


class Refusals:
    """Text goes in piece by piece, cut anywhere; the lines of refusals are found in it."""

    def __init__(self) -> None:
        self.count = 0
        """How many there were."""
        self._examined = 0
        self._lines: dict[str, None] = {}
        self._begun = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The first of them, each once, and at the end how many more there were."""
        more = self.count - len(self._lines)
        return (*self._lines, f"and {more:,} more") if more else tuple(self._lines)

    def add(self, text: str) -> None:
        """Look through what was printed since the last call."""
        text = self._begun + text
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        self._look(text[:end])
        self._begun = text[end:]
        if len(self._begun) > _BEGUN:
            self.end()

    def end(self) -> None:
        """Take what has come as a whole line: nothing more will."""
        self._look(self._begun)
        self._begun = ""

    def _look(self, text: str) -> None:
        if self._examined > _EXAMINED or not _may_be(text):  # a whole piece is looked at at once
            return
        for line in filter(_may_be, text.splitlines()):
            self._examined += 1
            if _is_refusal(line):
                self.count += 1
                if len(self._lines) < MOST:
                    self._lines[_bounded(line.strip())] = None


def _may_be(text: str) -> bool:
    low = text.lower()
    return any(word in low for word in (*_WORDS, *_MISSING)) or any(name in text for name in _NAMES)


def _is_refusal(line: str) -> bool:
    low = line.lower()
    if any(word in low for word in _WORDS) or any(name in line for name in _NAMES):
        return True
    return bool(_OUTSIDE.search(_SPEAKER.sub("", line[:_BEGUN])))


def _bounded(line: str) -> str:
    """Return a line that is not too long; half a key would no longer be known as one."""
    line = str(redact_words(line, words=True))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def told(lines: Sequence[str], count: int) -> str:
    """Return what a person is told of refusals, in a line."""
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    return f"The box refused: {lines[0]}{more}"
