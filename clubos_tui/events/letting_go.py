"""What housekeeping takes from a run that is over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gone:
    """A file that goes, or a folder; ``name`` is its path below the state folder."""

    name: str
    sha256: str  # of a file's bytes; empty for a folder
    bytes: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """A person let go what a closed run kept beside its journal.

    Durable before the first of it goes: what the journal vouches for is never gone without a word.
    """

    items: tuple[Gone, ...]
    by: str
