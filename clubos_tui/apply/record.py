"""A transaction's own record: what it is about to do, and how far it came.

Written ahead of what it tells, one JSON line a state, each made durable before the next step.
Recovery needs nothing else: ``begun`` → ``prepared`` → ``committed`` → ``done``; ``undone`` ends
one that went back, ``reverting`` says that it is on its way.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Literal

from clubos_tui.changes.manifest import Write
from clubos_tui.codec import Json, canonical, structure, unstructure
from clubos_tui.disk import sync_folder, write_all
from clubos_tui.events import Left

State = Literal["begun", "prepared", "committed", "reverting", "done", "undone"]
Place = Literal["stage", "checkout"]
Purpose = Literal["execute", "merge", "rollback", "undo"]


@dataclass(frozen=True, slots=True)
class RefMove:
    """The compare-and-swap that commits a transaction on a checkout."""

    ref: str
    old: str
    new: str


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
    removable: tuple[str, ...] | None = None  # folders that may go when empty; None: any emptied
    index_only: tuple[Write, ...] = ()  # paths that have no file here, or whose file stays as it is


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transaction came."""

    state: State
    made: tuple[str, ...] = ()  # folders it made
    removed: tuple[str, ...] = ()  # folders it removed because they were empty
    left: tuple[Left, ...] = ()
    index_sha256: str = ""  # of the index that was there before


@dataclass(slots=True)
class Record:
    """The record file of one transaction."""

    path: str
    intent: Intent
    progress: list[Progress] = field(default_factory=list)
    durable: bool = True

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
        """Append a state and make it durable."""
        self._append(unstructure(progress))
        self.progress.append(progress)

    def _append(self, fields: Json, flags: int = 0) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
        try:
            write_all(fd, canonical(fields) + b"\n")
            if self.durable:
                os.fdatasync(fd)
        finally:
            os.close(fd)


def read_record(path: str) -> Record | None:
    """Return the record at ``path``; ``None`` where a crash left not even a whole intent."""
    with open(path, "rb") as file:
        lines = [line for line in file.read().split(b"\n")[:-1] if line]
    if not lines:
        return None
    record = Record(path, structure(Intent, json.loads(lines[0])["intent"]), [Progress("begun")])
    record.progress += [structure(Progress, json.loads(line)) for line in lines[1:]]
    return record


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
        record = read_record(path)
        if record is None:
            os.unlink(path)
        elif record.last.state not in {"done", "undone"}:
            out.append(record)
    return out
