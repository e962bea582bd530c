"""The backup vault of one transaction: append-only, synced once, read back before any write (P5).

One JSON line (path, mode, permissions, size, SHA-256) and then the bytes, deflated, for every path
whose content is about to be replaced or removed. A vault is never changed after it is sealed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from clubos_tui.codec import canonical
from clubos_tui.disk import Found, sync_folder, write_all
from clubos_tui.errors import BackupFailed

_UNTOUCHED = "No file was changed."
_CURE = "Free some space or mend the disk under the state folder, then try again."


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the vault holds a path's bytes."""

    path: str
    mode: str
    permissions: int
    size: int  # bytes in the vault
    sha256: str  # of the content
    offset: int


class VaultWriter:
    """Collects backups; nothing may be written before :meth:`seal` has returned."""

    def __init__(self, path: str, *, durable: bool = True, alone: bool = True) -> None:
        """Begin a vault; where it is not ``alone``, its file system is flushed before any write."""
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self.path = path
        self._durable, self._alone = durable, alone
        self._rows: list[Kept] = []
        self._at = 0
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BackupFailed(
                f"the backup {path} could not be made: {error.strerror}",
                untouched=_UNTOUCHED,
                cure=_CURE,
            ) from error

    def add(self, path: str, found: Found) -> None:
        """Append what lies at ``path``."""
        sha256 = hashlib.sha256(found.data).hexdigest()
        packed = zlib.compress(found.data, 1 if self._durable else 0)
        head = canonical(
            {"path": path, "mode": found.mode, "permissions": found.permissions,
             "size": len(packed), "sha256": sha256}
        ) + b"\n"  # fmt: skip
        try:
            write_all(self._fd, head + packed + b"\n")
        except OSError as error:
            raise BackupFailed(
                f"the backup of {path!r} could not be written: {error.strerror}",
                untouched=_UNTOUCHED,
                cure=_CURE,
            ) from error
        offset = self._at + len(head)
        self._rows.append(Kept(path, found.mode, found.permissions, len(packed), sha256, offset))
        self._at += len(head) + len(packed) + 1

    def seal(self) -> dict[str, Kept]:
        """Sync, read every byte back, compare; :class:`BackupFailed` where one differs."""
        try:
            if self._durable:
                os.fsync(self._fd)
                if self._alone:
                    sync_folder(os.path.dirname(self.path))
            os.close(self._fd)
            self._fd = -1
            kept = {row.path: row for row in self._rows}
            if read_vault(self.path) != kept:
                raise BackupFailed(
                    f"the backup {self.path} reads back differently",
                    untouched=_UNTOUCHED,
                    cure=_CURE,
                )
        except OSError as error:
            raise BackupFailed(
                f"the backup {self.path} could not be made durable: {error.strerror}",
                untouched=_UNTOUCHED,
                cure=_CURE,
            ) from error
        return kept

    def close(self) -> None:
        """Close the file where :meth:`seal` did not."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_vault(path: str) -> dict[str, Kept]:
    """Return what a vault holds, every content compared with its SHA-256."""
    try:
        with open(path, "rb") as file:
            return _read_rows(path, file)
    except OSError as error:
        raise _damaged(path) from error


def _read_rows(path: str, file: BinaryIO) -> dict[str, Kept]:
    rows: dict[str, Kept] = {}
    while head := file.readline():
        try:
            facts = json.loads(head)
            row = Kept(offset=file.tell(), **facts)
        except (ValueError, TypeError) as error:
            raise _damaged(path) from error
        _unpack(path, file.read(row.size), row)
        if file.read(1) != b"\n":
            raise _damaged(path)
        rows[row.path] = row
    return rows


def take(path: str, row: Kept) -> Found:
    """Return one content, compared with its SHA-256 once more."""
    try:
        with open(path, "rb") as file:
            file.seek(row.offset)
            packed = file.read(row.size)
    except OSError as error:
        raise _damaged(path) from error
    return Found(row.mode, _unpack(path, packed, row), row.permissions)


def _unpack(path: str, packed: bytes, row: Kept) -> bytes:
    try:
        data = zlib.decompress(packed)
    except zlib.error as error:
        raise _damaged(path) from error
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise _damaged(path)
    return data


def _damaged(path: str) -> BackupFailed:
    return BackupFailed(
        f"the backup {path} is damaged",
        untouched=f"{_UNTOUCHED} No older backup is used in its place.",
        cure="The phase branches in git still hold every approved tree.",
    )
