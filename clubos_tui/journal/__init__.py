"""The journal: a run's events, appended, chained and flushed to disk. The only truth.

The chain shows an edited, removed, added or moved line. It can't show that the end was cut off or
that all was written anew: the trailers of phase, merge and revert commits hold the head for that
(P9). Whoever acts on an event acts after it is durable. A journal is a file (:mod:`.files`) or the
rows of a table (:mod:`.postgres`, imported only where one is named); the lines are the same.
"""

from __future__ import annotations

from clubos_tui.journal.base import Conflict, Journal, Journals
from clubos_tui.journal.files import FileJournal, FileJournals, first_record
from clubos_tui.journal.records import GENESIS, Record, now, parse, record_json
from clubos_tui.journal.redaction import (
    REDACTED,
    keep_secret,
    redact,
    redact_all,
    redact_words,
    unfinished,
)

__all__ = [
    "GENESIS",
    "REDACTED",
    "Conflict",
    "FileJournal",
    "FileJournals",
    "Journal",
    "Journals",
    "Record",
    "first_record",
    "keep_secret",
    "now",
    "parse",
    "record_json",
    "redact",
    "redact_all",
    "redact_words",
    "unfinished",
]
