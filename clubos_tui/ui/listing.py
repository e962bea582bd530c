"""The files of a change set as the files pane lists them: in order once, drawn when in sight.

A change set may have very many files, and each decision, each move of the cursor asks for them;
nothing here costs time per file but making the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import overload

from clubos_tui.changes.attention import ORDINARY, Attention
from clubos_tui.changes.decisions import FileDraft
from clubos_tui.changes.manifest import Change, counts, path_bytes
from clubos_tui.changes.selection import STANDINGS, Standing
from clubos_tui.engine.state import PhaseView
from clubos_tui.ui.values import FileRow, NoteRow

__all__ = ["FileRows", "Listing", "file_row"]

Divided = Callable[[str, FileDraft], Standing]


def _partly(_path: str, _own: FileDraft) -> Standing:
    return "partly"


class Listing:
    """The files of one change set, the riskiest first."""

    def __init__(
        self,
        manifest: Sequence[Change],
        reasons: Mapping[bytes, Attention] | None = None,
        divided: Divided = _partly,
    ) -> None:
        """List a manifest.

        Args:
            manifest: Its rows.
            reasons: Why files want attention, by their paths as git has them; once that is known.
            divided: Says how far a file is decided on of which parts were decided.
        """
        self.reasons = reasons or {}
        self.changes = list(manifest)
        if reasons:
            ranks = {row.path: self._attention(row.path).rank for row in manifest}
            self.changes.sort(key=lambda row: ranks[row.path])
        self.at: Mapping[str, int] = {row.path: at for at, row in enumerate(self.changes)}
        self.counts = counts(manifest)
        self.by_risk = any(reason.reason for reason in self.reasons.values())
        self._divided = divided

    def _attention(self, path: str) -> Attention:
        return self.reasons.get(path_bytes(path), ORDINARY)

    def change(self, path: str | None) -> Change | None:
        """Return the row of a path."""
        at = self.at.get(path) if path is not None else None
        return None if at is None else self.changes[at]

    def reason(self, path: str) -> str:
        """Return why a file wants attention; empty where it does not."""
        return self._attention(path).reason if self.reasons else ""

    def standing(self, path: str, own: FileDraft) -> Standing:
        """Return how far a file is decided on."""
        return self._divided(path, own) if own.divided else STANDINGS[own.verdict]

    def pending(self, files: Mapping[str, FileDraft]) -> int:
        """Return how many files are pending under these decisions."""
        left = len(self.changes)
        return left - sum(self.standing(path, own) != "pending" for path, own in files.items())


def file_row(row: Change) -> FileRow:
    """Return the row of a change that nothing is decided on yet."""
    return FileRow(row.path, row.kind, "pending", row.action, row.old_path)


class FileRows(Sequence[FileRow | NoteRow]):
    """Some notes, then the files of a phase."""

    def __init__(
        self,
        notes: Sequence[FileRow | NoteRow],
        listing: Listing,
        phase: PhaseView,
        *,
        settled: bool,
    ) -> None:
        self._notes = notes
        self._listing = listing
        self._phase = phase
        self._settled = settled
        self._outside = frozenset(phase.moved_outside())
        self.at = listing.at
        """Where the row of each path is."""
        if notes:
            self.at = {path: at + len(notes) for path, at in listing.at.items()}

    def __len__(self) -> int:
        """Return how many notes and files there are."""
        return len(self._notes) + len(self._listing.changes)

    @overload
    def __getitem__(self, at: int) -> FileRow | NoteRow: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[FileRow | NoteRow]: ...
    def __getitem__(self, at: int | slice) -> FileRow | NoteRow | Sequence[FileRow | NoteRow]:
        """Return a row as things stand now."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        at = range(len(self))[at]
        if at < len(self._notes):
            return self._notes[at]
        return self._row(self._listing.changes[at - len(self._notes)])

    def _row(self, change: Change) -> FileRow:
        path, listing, phase = change.path, self._listing, self._phase
        own = phase.draft.of(path)
        return FileRow(
            path,
            change.kind,
            "accepted" if self._settled else listing.standing(path, own),
            change.action,
            change.old_path,
            own.whole.note if own.whole else "",
            path in self._outside or change.old_path in self._outside,
            listing.reason(path),
            phase.edited.get(path, ""),
        )
