"""What a run's journal vouches for beside itself and is not there as it does; so it is evidence.

What housekeeping let go is none: an event says so.
"""

from __future__ import annotations

import hashlib

from clubos_tui.engine.audit.kept import Kept, hold_answers, hold_streams
from clubos_tui.engine.run import Run

__all__ = ["changed_answers", "changed_streams", "sha256_of"]


def changed_streams(run: Run) -> list[str]:
    """Return a sentence for each stream that is not what the journal vouches for."""
    kept = Kept()
    hold_streams(run.journal.load(), run.paths.stream(run.id, ""), kept)
    return [*kept.broken, *kept.missing]


def changed_answers(run: Run) -> list[str]:
    """Return a sentence for each answer of a model that the recording does not hold."""
    kept = Kept()
    hold_answers(run.journal.load(), run.paths.recording(run.id), kept)
    return [*kept.broken, *kept.missing]


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file; empty where it can't be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
