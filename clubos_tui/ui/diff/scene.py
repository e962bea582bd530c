"""What a diff view shows beside the patch itself: decisions, reasons, colours, unchanged lines.

One mutable value between the widget, which changes it, and the drawing, which reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from clubos_tui.changes.attention import Attention
from clubos_tui.changes.decisions import NOTHING, Draft, FileDraft
from clubos_tui.changes.manifest import path_text
from clubos_tui.changes.patch import FilePatch, Hunk, Patch, parse
from clubos_tui.changes.selection import STANDINGS, hunk_standing, standing

__all__ = ["CHUNK", "Chunk", "Detail", "Scene", "Selected", "Span"]

CHUNK = 400
"""Rows of a hunk whose details are found at a time."""

Span = tuple[int, int, str]
"""From and to within a line, and the group of the colour."""
Chunk = tuple[str, int]
"""Of which hunk, and which of its chunks."""


class Detail(NamedTuple):
    """What is known of a line beyond its text; all spans ascend and are apart."""

    colours: list[Span]
    words: list[tuple[int, int]]
    """What has changed in it."""

    def __bool__(self) -> bool:
        """Whether it makes a difference."""
        return bool(self.colours or self.words)


_PLAIN = Detail([], [])


@dataclass(frozen=True, slots=True)
class Selected:
    """A range of patch rows within one hunk."""

    first: int
    last: int


@dataclass(slots=True)
class Scene:
    """All that is drawn of a patch."""

    patch: Patch = field(default_factory=lambda: parse(b""))
    title: str = ""
    split: bool = False
    draft: Draft | None = None
    """None: nothing can be decided here."""
    settled: bool = False
    """Approved as a whole."""
    marks: Mapping[bytes, str] = field(default_factory=dict)
    reasons: Mapping[bytes, Attention] = field(default_factory=dict)
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folded_files: set[int] = field(default_factory=set)
    folded_hunks: set[str] = field(default_factory=set)
    fresh: frozenset[str] | None = None
    """Hunks that were not in what one looked at last; None where there was no last time."""
    selected: Selected | None = None
    details: dict[Chunk, list[Detail]] = field(default_factory=dict)
    """As far as they are found, for each row of a chunk."""
    contents: dict[bytes, Sequence[bytes]] = field(default_factory=dict)
    """The lines of a file's new side, for what was unfolded around its hunks."""

    _numbers: dict[bytes, int] | None = None

    def number_of(self, path: bytes) -> int | None:
        """Return the number of a file, the first of a path that is two files."""
        if self._numbers is None:
            files = reversed(list(enumerate(self.patch.files)))
            self._numbers = {file.path: number for number, file in files}
        return self._numbers.get(path)

    def of(self, file: FilePatch) -> FileDraft:
        """Return the decisions on a file."""
        return self.draft.of(path_text(file.path)) if self.draft else NOTHING

    def file_standing(self, file: FilePatch) -> str:
        """Return how far a file is decided on; empty where nothing can be."""
        if self.settled:
            return "accepted"
        return standing(self.patch, file, self.of(file)) if self.draft is not None else ""

    def hunk_standing(self, file: FilePatch, hunk: Hunk) -> str:
        """Return how far a hunk is decided on."""
        if self.settled:
            return "accepted"
        return hunk_standing(self.patch, hunk, self.of(file)) if self.draft is not None else ""

    def row_standing(self, file: FilePatch, hunk: Hunk, row: int) -> str:
        """Return the verdict on one changed row."""
        if self.settled:
            return "accepted"
        if self.draft is None:
            return ""
        verdict = self.of(file).of(hunk.id, row - hunk.rows.start + 1)
        return STANDINGS[verdict]

    def note(self, file: FilePatch, hunk: Hunk | None) -> str:
        """Return the person's note on a hunk or a file."""
        own = self.of(file)
        decision = own.hunks.get(hunk.id) if hunk else own.whole
        notes = [decision.note] if decision and decision.note else []
        if hunk:
            notes += [part.note for part in own.lines.get(hunk.id, ()) if part.note]
        return " / ".join(notes)

    def detail(self, hunk: Hunk, row: int) -> Detail:
        """Return what is known of a row by now."""
        chunk, at = divmod(row - hunk.rows.start, CHUNK)
        found = self.details.get((hunk.id, chunk))
        return found[at] if found else _PLAIN
