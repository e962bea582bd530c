"""A transaction's own record: what it is about to do, and how far it came.

Written ahead of what it tells, one JSON line a state, each made durable before the next step.
Recovery needs nothing else: ``begun`` → ``prepared`` → ``committed`` → ``done``; ``undone`` ends
one that went back, ``reverting`` says that it is on its way.

Each line ends in its own SHA-256. A last line that is cut short is what a crash leaves and does
not count; any other damage stops us, because what it hides may be what was already written.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from clubos_tui.changes.manifest import Write
from clubos_tui.codec import Json, canonical, structure, unstructure
from clubos_tui.disk import sync_folder, write_all
from clubos_tui.errors import RecordDamaged
from clubos_tui.events import Left

State = Literal["begun", "prepared", "committed", "reverting", "done", "undone"]
Place = Literal["stage", "checkout"]
Purpose = Literal["execute", "merge", "rollback", "undo"]
ENDED = frozenset({"done", "undone"})

_ENDED_MODE = 0o400
_SEAL = b',"sha256":"'
_TAIL = len(_SEAL) + 64 + len(b'"}')


@dataclass(frozen=True, slots=True)
class RefMove:
    """The compare-and-swap that commits a transaction on a checkout."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Folders:
    """What a way back knows of folders, which no tree holds."""

    removable: tuple[str, ...] | None = None  # may go when empty; None: any that was emptied
    modes: dict[str, int] = field(default_factory=dict)  # permissions of those that come back


ANY_FOLDER = Folders()


@dataclass(frozen=True, slots=True)
class Intent:
    """Everything a transaction needs to be finished or undone by another process."""

    id: str
    place: Place
    purpose: Purpose
    phase: int
    root: str
    staging: str
    vault: str
    writes: tuple[Write, ...]
    object_format: str
    ref: RefMove | None = None
    index: str = ""  # the index that is replaced; empty for a stage
    folders: Folders = ANY_FOLDER
    index_only: tuple[Write, ...] = ()  # paths that have no file here, or whose file stays as it is

    @property
    def index_writes(self) -> tuple[Write, ...]:
        """All that the index gets."""
        return (*self.writes, *self.index_only)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transaction came."""

    state: State
    made: tuple[str, ...] = ()  # folders it made
    modes: dict[str, int] = field(default_factory=dict)  # permissions of folders it may empty
    left: tuple[Left, ...] = ()


@dataclass(slots=True)
class Record:
    """The record file of one transaction."""

    path: str
    intent: Intent
    progress: list[Progress] = field(default_factory=list)
    durable: bool = True
    size: int = 0  # of the whole lines; what lies behind them is half a line

    @property
    def last(self) -> Progress:
        """The state it is in."""
        return self.progress[-1]

    @classmethod
    def begin(cls, path: str, intent: Intent, *, durable: bool = True) -> Record:
        """Write the intent and make it durable, as all that follows (a rehearsal may not be)."""
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        record = cls(path, intent, durable=durable)
        record._append({"intent": unstructure(intent)}, os.O_CREAT | os.O_EXCL)
        if durable:
            sync_folder(os.path.dirname(path))
        record.progress.append(Progress("begun"))
        return record

    def add(self, progress: Progress) -> None:
        """Append a state and make it durable; the last one makes the file read-only."""
        self._append(unstructure(progress))
        self.progress.append(progress)
        if progress.state in ENDED:
            with suppress(OSError):  # then the next start reads it once more
                os.chmod(self.path, _ENDED_MODE)

    def _append(self, fields: Json, flags: int = 0) -> None:
        line = _sealed(canonical(fields)) + b"\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | flags, 0o600)
        try:
            if os.fstat(fd).st_size > self.size:  # a crash or a full disk cut a line short
                os.ftruncate(fd, self.size)
            os.lseek(fd, self.size, os.SEEK_SET)
            write_all(fd, line)
            if self.durable:
                os.fdatasync(fd)
        finally:
            os.close(fd)
        self.size += len(line)


def read_record(path: str) -> Record | None:
    """Return the record at ``path``; ``None`` where a crash left not even a whole intent.

    Raises :class:`RecordDamaged` for anything that no crash leaves.
    """
    with open(path, "rb") as file:
        data = file.read()
    *lines, tail = data.split(b"\n")
    rows = [_opened(path, number, line) for number, line in enumerate(lines, 1)]
    if tail and _is_sealed(tail[:-1]):  # not cut short: its line end was changed
        raise RecordDamaged(path, len(lines) + 1)
    if not rows:
        return None
    intent = structure(Intent, rows[0]["intent"])
    record = Record(path, intent, [Progress("begun")], size=len(data) - len(tail))
    record.progress += [structure(Progress, row) for row in rows[1:]]
    return record


def has_ended(path: str) -> bool:
    """Tell whether the last line of the record at ``path`` says that its transaction is over.

    It is not read where the file is read-only: a start must not take longer with every phase.
    """
    if stat.S_IMODE(os.lstat(path).st_mode) == _ENDED_MODE:
        return True
    with open(path, "rb") as file:
        last = file.read().split(b"\n")[-2:-1]
    return bool(last) and _is_sealed(last[0]) and json.loads(last[0]).get("state") in ENDED


def _sealed(body: bytes) -> bytes:
    return body[:-1] + _SEAL + hashlib.sha256(body).hexdigest().encode() + b'"}'


def _is_sealed(line: bytes) -> bool:
    return line == _sealed(line[:-_TAIL] + b"}")


def _opened(path: str, number: int, line: bytes) -> Json:
    if not _is_sealed(line):
        raise RecordDamaged(path, number)
    fields: Json = json.loads(line[:-_TAIL] + b"}")
    return fields


def unfinished(folder: str) -> list[Record]:
    """Return the records in ``folder`` that are neither done nor undone; broken ones are removed.

    A record without a whole intent belongs to a transaction that had not yet touched anything.
    """
    out = []
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    for name in names:
        path = os.path.join(folder, name)
        if has_ended(path):
            continue
        record = read_record(path)
        if record is None:
            os.unlink(path)
        else:
            out.append(record)
    return out
