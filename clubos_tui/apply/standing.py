"""Which side of a write the disk is on, by comparing bytes and mode."""

from __future__ import annotations

from typing import Literal

from clubos_tui.changes.manifest import BlobId, Entry, Write
from clubos_tui.disk import Found
from clubos_tui.repository.objects import object_id

Standing = Literal["before", "after", "other"]


def standing(found: Found | None, write: Write, object_format: str) -> Standing:
    """Say which side of ``write`` the disk is on."""
    entry = entry_of(found, object_format)
    if entry == write.before:
        return "before"
    return "after" if entry == write.after else "other"


def entry_of(found: Found | None, object_format: str) -> Entry | None:
    """Return what git would record for what lies on disk."""
    if found is None:
        return None
    return Entry(found.mode, BlobId(object_id("blob", found.data, object_format)))
