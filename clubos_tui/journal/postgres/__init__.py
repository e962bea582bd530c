"""Journals as rows of a PostgreSQL table that takes inserts only: the same lines, the same hashes.

The primary key (run, number) is the compare-and-swap: who comes second is told so. Whoever drives
a run holds a session lock on a connection of its own and appends through that very connection, so
a driver whose connection is gone (killed, frozen and ended by another, cut off) can't append.
Every append says so on a channel; :class:`PostgresJournals` listens when it is asked to.
"""

from __future__ import annotations

from clubos_tui.journal.postgres.connect import StoreLost
from clubos_tui.journal.postgres.hold import Hold
from clubos_tui.journal.postgres.journals import Heard, Holder, Kept, PostgresJournals
from clubos_tui.journal.postgres.rows import PostgresJournal

__all__ = ["Heard", "Hold", "Holder", "Kept", "PostgresJournal", "PostgresJournals", "StoreLost"]
