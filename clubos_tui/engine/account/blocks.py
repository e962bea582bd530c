"""The plain blocks of which an account is made; how they look is the command line's matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Block", "Facts", "Heading", "Quote", "Rows", "Words"]


@dataclass(frozen=True, slots=True)
class Heading:
    """The beginning of a part; 1 is the whole account."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence or more."""

    text: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody said, in their lines: a prompt, a reason, what an agent handed over."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they stand for."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Heading | Words | Quote | Facts | Rows
