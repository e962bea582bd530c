"""The manifest of a change set: which paths change, from what, to what, by which action.

Paths are ``str`` made with ``surrogateescape``, so that any file name survives; blobs are git
object ids in hexadecimal, modes git's octal text (``100644``, ``100755``, ``120000``).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NewType

from clubos_tui.codec import canonical, unstructure

TreeId = NewType("TreeId", str)
BlobId = NewType("BlobId", str)

Kind = Literal["create", "modify", "delete", "rename", "mode", "symlink", "binary"]

FILE, EXECUTABLE, SYMLINK, GITLINK = "100644", "100755", "120000", "160000"
ANY_FILE = "100---"  # on a disk where the execute bit means nothing
BINARY_PROBE = 8000  # bytes; git looks this far for a NUL


def path_bytes(path: str) -> bytes:
    """Return the file name's bytes, as the disk and git hold them."""
    return path.encode("utf-8", "surrogateescape")


def path_text(path: bytes) -> str:
    """Return the file name as text from which :func:`path_bytes` gets the bytes back."""
    return path.decode("utf-8", "surrogateescape")


def is_binary(data: bytes) -> bool:
    """Tell whether git would show ``data`` as binary."""
    return b"\0" in data[:BINARY_PROBE]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree holds at a path."""

    mode: str
    blob: BlobId


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path. ``old_*`` is what the base holds, at ``old_path`` for a rename."""

    path: str
    kind: Kind
    old_mode: str = ""
    new_mode: str = ""
    old_blob: BlobId = BlobId("")
    new_blob: BlobId = BlobId("")
    old_path: str = ""
    action: str = ""

    @property
    def before(self) -> Entry | None:
        """What the base holds at ``old_path`` or ``path``; ``None`` for a new file."""
        return Entry(self.old_mode, self.old_blob) if self.old_blob else None

    @property
    def after(self) -> Entry | None:
        """What the change set holds at ``path``; ``None`` for a deleted one."""
        return Entry(self.new_mode, self.new_blob) if self.new_blob else None

    @property
    def effect(self) -> Literal["create", "modify", "delete"]:
        """How this row counts in "to create / modify / delete"."""
        if self.after is None:
            return "delete"
        return "modify" if self.before else "create"


@dataclass(frozen=True, slots=True)
class Write:
    """One path as a transaction sees it; ``None`` means nothing is there.

    ``before`` and ``after`` are what trees and index hold. Where the work tree holds a file in
    another form (line ends converted, no execute bit), ``disk_before`` and ``disk_after`` say so.
    """

    path: str
    before: Entry | None
    after: Entry | None
    disk_before: Entry | None = None
    disk_after: Entry | None = None

    @property
    def expected(self) -> Entry | None:
        """What must lie on disk for the write to be made."""
        return self.disk_before or self.before

    @property
    def wanted(self) -> Entry | None:
        """What lies on disk once it is made."""
        return self.disk_after or self.after

    def reversed(self) -> Write:
        """Return the write that takes this one back, to the very form that lay there."""
        return Write(self.path, self.after, self.before, self.wanted, self.expected)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files a manifest creates, modifies and deletes; a rename counts as a change."""

    create: int = 0
    modify: int = 0
    delete: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.create + self.modify + self.delete

    def __str__(self) -> str:
        return f"{self.create} to create, {self.modify} to modify, {self.delete} to delete"


def counts(changes: Iterable[Change]) -> Counts:
    """Count the rows of a manifest by effect."""
    tally = {"create": 0, "modify": 0, "delete": 0}
    for change in changes:
        tally[change.effect] += 1
    return Counts(**tally)


def kind_of(
    before: Entry | None, after: Entry | None, *, old: bytes = b"", new: bytes = b""
) -> Kind:
    """Name a change by what a reader has to know first.

    Deletion and creation come before form, form before content: a new link is ``symlink``, a
    changed image is ``binary``.
    """
    if after is None:
        return "delete"
    if after.mode == SYMLINK or (before and before.mode == SYMLINK):
        return "symlink"
    if is_binary(new) or is_binary(old):
        return "binary"
    if before is None:
        return "create"
    return "mode" if before.blob == after.blob else "modify"


def writes(changes: Iterable[Change]) -> tuple[Write, ...]:
    """Return the manifest path by path, a rename as its two halves, in path order."""
    out: list[Write] = []
    for change in changes:
        if change.kind == "rename":
            out.append(Write(change.old_path, change.before, None))
            out.append(Write(change.path, None, change.after))
        else:
            out.append(Write(change.path, change.before, change.after))
    return tuple(sorted(out, key=lambda write: path_bytes(write.path)))


def changes(
    differences: Iterable[tuple[str, Entry | None, Entry | None]], action: str = ""
) -> tuple[Change, ...]:
    """Make a row of each path's two entries; contents are not looked at, so none is ``binary``."""
    return tuple(
        change(path, before, after, kind_of(before, after), action)
        for path, before, after in differences
    )


def change(path: str, before: Entry | None, after: Entry | None, kind: Kind, action: str) -> Change:
    """Make one row from the two entries at a path."""
    return Change(
        path=path,
        kind=kind,
        old_mode=before.mode if before else "",
        new_mode=after.mode if after else "",
        old_blob=before.blob if before else BlobId(""),
        new_blob=after.blob if after else BlobId(""),
        action=action,
    )


def pair_renames(changes: Sequence[Change], pairs: Mapping[str, str]) -> tuple[Change, ...]:
    """Join deletions and creations into renames; ``pairs`` maps the new path to the old one."""
    by_path = {row.path: row for row in changes}
    gone = {old for new, old in pairs.items() if old in by_path and new in by_path}
    out = []
    for row in changes:
        old = by_path.get(pairs.get(row.path, ""))
        if row.path in gone:
            continue
        if old is None:
            out.append(row)
            continue
        out.append(
            dataclasses.replace(
                row,
                kind="rename",
                old_path=old.path,
                old_mode=old.old_mode,
                old_blob=old.old_blob,
            )
        )
    return tuple(out)


def digest(value: object) -> str:
    """Return the SHA-256 of a dataclass's or JSON value's canonical text."""
    return hashlib.sha256(canonical(unstructure(value))).hexdigest()
