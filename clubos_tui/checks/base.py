"""What a check is: evidence about one tree, ending in passed, failed or unknown (P7).

A check is a generator: it yields words about its progress and returns a :class:`Verdict`. It
reads through :class:`Subject`, which compares every byte it hands out with the tree's own ids, so
evidence is about that very tree and no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

from clubos_tui.changes.manifest import Change, Entry
from clubos_tui.changes.paths import folder_of, matches
from clubos_tui.checks.guard import Guard
from clubos_tui.disk import read_path
from clubos_tui.events import Outcome
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id

EVIDENCE_LINES = 12
KEPT_BYTES = 1 << 16


class NotThatTree(Exception):
    """The folder does not hold what the tree says."""


@runtime_checkable
class ByFolder(Protocol):
    """Files that can tell what lies below a folder without looking at all of them."""

    def under(self, folder: str) -> Mapping[str, Entry]:
        """Return what lies in a folder and all below it."""


def below_of(files: Mapping[str, Entry], folder: str) -> Mapping[str, Entry]:
    """Return the files in a folder and all below it; all of them for the top."""
    if isinstance(files, ByFolder):
        return files.under(folder)
    return {
        path: entry
        for path, entry in files.items()
        if not folder or path.startswith(f"{folder}/")
    }  # fmt: skip


def _nothing(_path: str) -> None:
    return None


def _no_copy() -> str:
    raise NotThatTree("there is no copy of it in which commands could run")


@dataclass(frozen=True, slots=True)
class Subject:
    """A folder that holds a tree, with the tree's entries, its base and its manifest."""

    folder: str
    files: Mapping[str, Entry]
    base: Mapping[str, Entry]
    manifest: tuple[Change, ...]
    protected: tuple[str, ...] = ()
    guard: Guard = field(default_factory=Guard)
    withheld: frozenset[str] = frozenset()
    checkout: str = ""
    """The person's checkout, in which the packages of a project may be installed."""
    object_format: str = "sha1"
    before: Callable[[str], bytes | None] = _nothing
    """What the base holds at a path, where that is known."""
    copy: Callable[[], str] = _no_copy
    """Makes a copy of the tree, which commands may change, and returns its folder."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the evidence any more."""
    _known: dict[str, bytes] = field(default_factory=dict)

    def matching(self, spec: CheckSpec) -> list[str]:
        """Return the paths of the tree that a check is about, in order."""
        found: set[str] = set()
        for pattern in spec.paths:
            found.update(self.under(pattern))
        return sorted(found - self.withheld)

    def under(self, pattern: str) -> list[str]:
        """Return the paths that fall under one pattern; reads only the folder it is about."""
        return [path for path in self.below(folder_of(pattern)) if matches(path, (pattern,))]

    def below(self, folder: str) -> Iterable[str]:
        """Return the paths in a folder and all below it."""
        return below_of(self.files, folder)

    def read(self, path: str) -> bytes:
        """Return a file's bytes; :class:`NotThatTree` where the disk holds others."""
        known = self._known.get(path)
        if known is not None:
            return known
        found = read_path(self.folder, path)
        entry = self.files[path]
        if (
            found is None
            or found.mode != entry.mode
            or object_id("blob", found.data, self.object_format) != entry.blob
        ):
            raise NotThatTree(f"{path} is not what the tree holds")
        if len(found.data) <= KEPT_BYTES:  # several checks read the same sources
            self._known[path] = found.data
        return found.data

    def look(self) -> None:
        """Come back from long work when nobody waits for it any more."""
        if self.stop.is_set():
            raise NotThatTree("it was interrupted")

    def text(self, path: str) -> str:
        """Return a file as UTF-8 text; ``UnicodeDecodeError`` where it is not."""
        return self.read(path).decode("utf-8")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check ended and what shows it."""

    outcome: Outcome
    summary: str
    evidence: tuple[str, ...] = ()
    cases: int = 0
    tool: str = "clubos"
    missing: bool = False
    """It is unknown because this machine lacks something; nothing the tree holds can cause that."""
    cut: bool = False
    """It is unknown because a limit, a signal or a person ended it."""


Checking: TypeAlias = Generator[str, None, Verdict]
Check: TypeAlias = Callable[[Subject, CheckSpec], Checking]


def verdict(cases: int, faults: list[str], spec: CheckSpec, what: str) -> Verdict:
    """Return the verdict of a check that looked at ``cases`` things and found ``faults``.

    Fewer cases than the plan asks for prove nothing, so that is unknown and not passed.
    """
    if faults:
        shown = faults[:EVIDENCE_LINES]
        if len(faults) > len(shown):
            shown.append(f"and {len(faults) - len(shown)} more")
        return Verdict("failed", f"{what}: {len(faults)} of {cases} wrong", tuple(shown), cases)
    if cases < spec.at_least:
        return Verdict(
            "unknown",
            f"{cases} {what} found, at least {spec.at_least} expected",
            tuple(f"looked for: {pattern}" for pattern in spec.paths),
            cases,
        )
    return Verdict("passed", f"{what}: {cases} looked at, none wrong", (), cases)
