"""Which changed rows of a patch have been on the screen: nobody can review what was never there."""

from __future__ import annotations

from clubos_tui.changes.patch import Patch
from clubos_tui.ui.diff.layout import Place

__all__ = ["Seen"]

_CHANGED = bytes(1 if code in b"+-" else 0 for code in range(256))


class Seen:
    """One byte a patch row."""

    def __init__(self, patch: Patch) -> None:
        self._patch = patch
        self._rows = bytearray(len(patch.lines))

    def note(self, place: Place) -> None:
        """Note that what stands at a place was drawn."""
        for row in (place.row, place.right):
            if row >= 0:
                self._rows[row] = 1

    def count(self) -> tuple[int, int]:
        """Return how many changed rows have been seen, and how many there are."""
        changed = self._patch.kinds.translate(_CHANGED)
        both = int.from_bytes(changed) & int.from_bytes(self._rows)
        return both.bit_count(), sum(changed)
