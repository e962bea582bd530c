"""Tells the garbage collector what will live on: walking all of it would be the slowest frame."""

from __future__ import annotations

import gc

from clubos_tui.changes.patch import Patch

__all__ = ["keep", "keep_patch"]

_LARGE = 10_000  # patch rows


def keep() -> None:
    """Leave out of every later collection what there is now: code, styles, the run so far."""
    gc.freeze()


def keep_patch(patch: Patch) -> None:
    """Leave a large patch out of later collections, and clean up first. Not in a frame."""
    if len(patch.lines) >= _LARGE:
        gc.collect()
        gc.freeze()
