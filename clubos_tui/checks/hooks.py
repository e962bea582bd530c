"""The hooks of pre-commit: where a person has installed them, and what they came to."""

from __future__ import annotations

import os
import re
from typing import Final

from clubos_tui.checks.reports import Counted, Lacking, Unreadable

__all__ = ["hooks", "store"]

_WORDS: Final = 200  # characters of a fault
_HOOK: Final = re.compile(r"^(?P<name>\S.*?)\.{3,}(?:\([^)]*\))?(?P<end>Passed|Failed|Skipped)$")
_ABOUT: Final = re.compile(r"- (?:hook id|duration|exit code): ")
_INSTALLING: Final = re.compile(r"^\[INFO\] (?:Initializing|Installing) environment .*$", re.M)


def store() -> str:
    """Return the folder in which pre-commit keeps a person's hooks; it need not be there."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("PRE_COMMIT_HOME") or os.path.join(cache, "pre-commit")


def hooks(said: str) -> Counted:
    """Read pre-commit's own lines; a hook that was skipped is no case. Pure.

    Raises:
        Lacking: A hook had to be installed first, which can't be done without a network.
        Unreadable: It names no hook.
    """
    if found := _INSTALLING.search(said):
        raise Lacking(f"a hook is not installed: {found[0]}"[:_WORDS])
    ends: list[str] = []
    faults: list[list[str]] = []
    for line in said.splitlines():
        if hook := _HOOK.match(line):
            ends.append(hook["end"])
            if hook["end"] == "Failed":
                faults.append([hook["name"]])
        elif ends and ends[-1] == "Failed" and line.strip() and not _ABOUT.match(line):
            faults[-1].append(line.strip().removeprefix("- "))
    if not ends:
        raise Unreadable("it names no hook")
    rows = tuple(f"{name}: {'; '.join(words)}"[:_WORDS] for name, *words in faults)
    return Counted(len(ends) - ends.count("Skipped"), rows)
