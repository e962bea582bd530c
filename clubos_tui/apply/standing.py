"""Which side of a write the disk is on, by comparing bytes and mode."""

from __future__ import annotations

from typing import Literal

from clubos_tui.changes.manifest import ANY_FILE, EXECUTABLE, FILE, BlobId, Entry, Write
from clubos_tui.disk import Found
from clubos_tui.repository.objects import object_id

Standing = Literal["before", "after", "other"]


def standing(found: Found | None, write: Write, object_format: str) -> Standing:
    """Say which side of ``write`` the disk is on."""
    entry = entry_of(found, object_format)
    if same(entry, write.expected):
        return "before"
    return "after" if same(entry, write.wanted) else "other"


def same(entry: Entry | None, wanted: Entry | None) -> bool:
    """Tell whether what lies on disk is what a write names."""
    if entry is None or wanted is None or wanted.mode != ANY_FILE:
        return entry == wanted
    return entry.mode in {FILE, EXECUTABLE} and entry.blob == wanted.blob


def entry_of(found: Found | None, object_format: str) -> Entry | None:
    """Return what git would record for what lies on disk, if it did not convert it."""
    if found is None:
        return None
    return Entry(found.mode, BlobId(object_id("blob", found.data, object_format)))
