"""Which paths of a workspace git would leave untracked.

They are told by name, and neither read nor carried into a change set. What is tracked, or was
carried into the tree before, is never ignored, whatever the rules say; so git has it too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TypeAlias

from clubos_tui.changes.manifest import GITLINK, path_bytes, path_text
from clubos_tui.changes.paths import is_dot_git
from clubos_tui.repository.ignored import Ignored
from clubos_tui.workspace.known import Known

__all__ = ["AskUntracked", "Untracked", "folders_of", "lies_in"]


class Untracked:
    """Tells which paths git ignores, of those that are not known to be tracked.

    git is asked about nothing else, and starts where there is such a path.
    """

    def __init__(self, known: Known, ignored: Ignored) -> None:
        self._rows = known.rows
        self._hidden = frozenset(map(path_bytes, known.hidden))
        self._ignored = ignored

    def among(self, paths: Iterable[bytes]) -> set[bytes]:
        """Return the paths that are left behind; a folder's ends in ``/``."""
        unknown = [raw for raw in paths if not self.tracks(raw) and not _is_git(raw)]
        return self._ignored.among(unknown) if unknown else set()

    def tracks(self, raw: bytes) -> bool:
        """Tell whether a file is known, or anything in a folder."""
        if not raw.endswith(b"/"):
            return raw in self._rows or raw in self._hidden
        row = self._rows.get(raw[:-1])
        return raw in self._folders or raw[:-1] in self._hidden or bool(row and row[0] == GITLINK)

    @cached_property
    def _folders(self) -> set[bytes]:
        return folders_of(self._rows, self._hidden)


AskUntracked: TypeAlias = Callable[[], AbstractContextManager[Untracked | None]]
"""Opens the answers; ``None`` where nothing is ever left behind."""


def _is_git(raw: bytes) -> bool:
    return is_dot_git(path_text(raw.rstrip(b"/").rpartition(b"/")[2]))


def lies_in(raw: bytes, left: Collection[bytes]) -> bool:
    """Tell whether a path is one that was left behind, or lies in such a folder."""
    if raw in left:
        return True
    at = raw.find(b"/")
    while at >= 0:
        if raw[: at + 1] in left:
            return True
        at = raw.find(b"/", at + 1)
    return False


def folders_of(*paths: Iterable[bytes]) -> set[bytes]:
    """Return all folders that these paths lie in, each with ``/`` at its end."""
    out: set[bytes] = set()
    for some in paths:
        for raw in {raw[: raw.rfind(b"/", 0, -1) + 1] for raw in some}:
            folder = raw
            while folder and folder not in out:
                out.add(folder)
                folder = folder[: folder.rfind(b"/", 0, -1) + 1]
    return out
