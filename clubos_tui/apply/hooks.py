"""What a transaction asks of its caller, tells its watchers, and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from clubos_tui.changes.manifest import Write
from clubos_tui.disk import Found
from clubos_tui.errors import ClubosError
from clubos_tui.events import Left

Effect = Literal["create", "replace", "delete", "return"]  # the last: on the way back


class PathMoved(NamedTuple):
    """One path of a running transaction, for whoever watches."""

    path: str
    effect: Effect
    before: str  # blob id, empty where nothing was
    after: str
    done: int
    total: int
    left: bool


class PathVerified(NamedTuple):
    """One path compared afresh, after a transaction has written or gone back."""

    path: str
    found: Literal["before", "after", "other"]
    wanted: Literal["before", "after"]
    done: int  # paths that are as they should be, so far
    total: int


class Cancelled(ClubosError):
    """A person interrupted the operation; it went back to before."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller supplies: contents, and points where it wants to look or stop."""

    content: Callable[[Write], Found]
    moved: Callable[[PathMoved], None] = lambda _: None
    verified: Callable[[PathVerified], None] = lambda _: None
    step: Callable[[str], None] = lambda _: None
    cancelled: Callable[[], bool] = lambda: False

    def stop_if_cancelled(self) -> None:
        """Raise :class:`Cancelled` where a person interrupted."""
        if self.cancelled():
            raise Cancelled(
                "interrupted",
                untouched="Every file is as it was before.",
                cure="Ask for the step again when you want it.",
            )


@dataclass(frozen=True, slots=True)
class Result:
    """What a transaction did, found by a fresh comparison."""

    verified: int
    restored: int
    deleted: int
    left: tuple[Left, ...]
