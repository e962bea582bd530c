"""Run a model's command in the box, and find out what it did to the files.

What a command says of itself proves nothing: the files are looked at before and after.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from clubos_tui.agents.tools.files import Files
from clubos_tui.changes.manifest import path_text
from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.running import Ended, run
from clubos_tui.workspace.sandbox.watch import Limits
from clubos_tui.workspace.untracked import AskUntracked

__all__ = ["Commands", "Effect", "Ran"]

MOST_SECONDS: Final = 600
_TAIL: Final = 100_000  # bytes of the output that the model hears
_NAMED: Final = 20  # paths of an effect that are named

Looks: TypeAlias = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a command did to the files of the workspace."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Of what was created or changed, that which git ignores; a folder ends in ``/``."""

    @classmethod
    def between(cls, before: Looks, after: Looks, left: Collection[str] = ()) -> Effect:
        """Return how two looks differ; ``left`` is what git ignores in the second."""
        created = after.keys() - before.keys()
        changed = {path for path in before.keys() & after if before[path] != after[path]}
        return cls(
            tuple(sorted(created)),
            tuple(sorted(changed)),
            tuple(sorted(before.keys() - after.keys())),
            tuple(sorted((created | changed).intersection(left))),
        )

    def __str__(self) -> str:
        parts = [
            f"{word} {len(paths):,}: {_named(paths)}"
            for word in ("created", "changed", "deleted")
            if (paths := getattr(self, word))
        ]
        if self.left:
            it = "it is" if len(self.left) == 1 else "they are"
            parts.append(
                f"git ignores {len(self.left):,} of these, so {it} left behind and in no change "
                f"set: {_named(self.left)}"
            )
        return "; ".join(parts) or "no file changed"


def _named(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    return f"{', '.join(paths[:_NAMED])}{more}"


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    ended: Ended
    effect: Effect
    output: str
    """Its end, where it is long."""

    @property
    def outcome(self) -> str:
        """How it ended and what it did, in a line."""
        why = f", ended because {self.ended.why}" if self.ended.why else ""
        return f"exit code {self.ended.code}{why}; {self.effect}"


@dataclass(slots=True)
class _Tail:
    """The end of what is printed."""

    data: bytearray = field(default_factory=bytearray)
    cut: int = 0

    def add(self, piece: bytes) -> None:
        self.data += piece
        if len(self.data) > 2 * _TAIL:
            self._shorten()

    def _shorten(self) -> None:
        over = len(self.data) - _TAIL
        if over > 0:
            self.cut += over
            del self.data[:over]

    def text(self) -> str:
        self._shorten()
        head = f"... {self.cut:,} bytes before\n" if self.cut else ""
        return head + self.data.decode("utf-8", "backslashreplace")


class Commands:
    """Runs commands in one workspace."""

    def __init__(
        self, box: Box, files: Files, limits: Limits | None = None, *,
        untracked: AskUntracked = nullcontext,
    ) -> None:  # fmt: skip
        self._box = box
        self._files = files
        self._limits = limits or Limits()
        self._untracked = untracked

    def run(
        self,
        command: str,
        folder: str,
        seconds: int,
        *,
        output: Callable[[bytes], None],
        stop: threading.Event,
    ) -> Ran:
        """Run a command line to its end.

        Args:
            command: For the shell.
            folder: Where in the workspace it starts.
            seconds: After so many it is ended.
            output: Is given what it prints, as it comes.
            stop: Ends it when set.

        Raises:
            OSError: The box can't be built.
        """
        tail = _Tail()

        def both(piece: bytes) -> None:
            tail.add(piece)
            output(piece)

        before, _ = self._look()
        limits = replace(self._limits, seconds=float(min(MOST_SECONDS, max(1, seconds))))
        ended = run(
            self._box, ["/bin/sh", "-c", command],
            folder=folder, limits=limits, output=both, stop=stop,
        )  # fmt: skip
        return Ran(ended, Effect.between(before, *self._look()), tail.text())

    def _look(self) -> tuple[Looks, set[str]]:
        """Look at all files, and say which git ignores; a folder that it ignores is one of them."""
        left: set[str] = set()
        with self._untracked() as untracked:

            def leave(paths: Collection[bytes]) -> set[bytes]:
                found = untracked.among(paths) if untracked else set()
                left.update(map(path_text, found))
                return found

            return {path: _looks(status) for path, status in self._files.walk("", leave)}, left


def _looks(status: os.stat_result) -> tuple[int, ...]:
    kind = stat.S_IFMT(status.st_mode)
    return (kind, status.st_mode & 0o777, status.st_size, status.st_mtime_ns, status.st_ino)
