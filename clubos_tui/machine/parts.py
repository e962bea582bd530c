"""One thing that a machine has or lacks, in values that know neither programs nor screens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["KINDS", "Kind", "Part", "State"]

Kind = Literal[
    "agents", "sandbox", "git", "postgresql", "typescript", "editor", "terminal", "clubos"
]
State = Literal["found", "off", "missing"]

KINDS: Final[Mapping[Kind, str]] = {
    "agents": "Agents",
    "sandbox": "Sandbox",
    "git": "Git",
    "postgresql": "PostgreSQL",
    "typescript": "TypeScript",
    "editor": "Editor",
    "terminal": "Terminal",
    "clubos": "clubos",
}
"""The groups in the order in which they are shown, and what each is called."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing. Its texts may hold what a person has set, so they are made safe where shown."""

    kind: Kind
    name: str
    found: bool
    version: str = ""
    purpose: str = ""
    cure: str = ""
    """What to do; empty where nothing has to be done."""
    needed: bool = False
    """Whether clubos can't do without it."""
    off: str = ""
    """Why it is of no use as it is."""
    note: str = ""
    """What else there is to say."""
    has: tuple[str, ...] = ()
    """Names of the keys and files that it would be given."""

    @property
    def usable(self) -> bool:
        """Whether it can be used now."""
        return self.found and not self.off

    @property
    def state(self) -> State:
        """How it stands, in one word."""
        return "off" if self.off else "found" if self.found else "missing"

    @property
    def lacks(self) -> bool:
        """Whether clubos can't work because of it."""
        return self.needed and not self.usable
