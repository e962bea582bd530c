"""What a model was told and what it answered, kept whole in one file of the run.

A line is one request: what was new in it, and the answer as the events of its stream, fragments
put together. The journal holds each answer's SHA-256, so a conversation goes on after a kill from
exactly what was answered, and a recording can be replayed as an agent.

Unlike log and stream it is not redacted: the API takes its own words back only unchanged. It never
holds the key, and lies in the state folder, which only its owner can read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clubos_tui.codec import Json, canonical, structure, unstructure
from clubos_tui.disk import write_all
from clubos_tui.spending import ModelTurn

__all__ = ["Record", "Recording", "read_records"]


@dataclass(frozen=True, slots=True)
class Record:
    """One request: its place, what was new in it, and the events of the answer."""

    phase: int
    attempt: int
    action: str
    turn: ModelTurn  # as the journal has it, but for this record's own SHA-256
    user: tuple[Any, ...] = ()  # content blocks
    events: tuple[Any, ...] = ()
    kind: str = ""  # of what broke it off, in the API's word


class Recording:
    """The file of a run; records are added at its end and never changed."""

    def __init__(self, path: str) -> None:
        self.path = path

    def add(self, record: Record) -> str:
        """Write a record, flush it to the disk and return its SHA-256."""
        line = canonical(_json(record))
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(fd).st_size
            torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            write_all(fd, b"\n" * torn + line + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        return _digest(line)

    def find(self, wanted: Sequence[str]) -> list[Record]:
        """Return the records with these SHA-256, in that order; fewer where some are gone."""
        missing, found = set(wanted), {}
        for line in _lines(self.path) if missing and self._exists else ():
            name = _digest(line)
            if name in missing:
                found[name] = _record(json.loads(line))
                missing.discard(name)
        return [found[name] for name in wanted if name in found]

    def missing(self, wanted: Iterable[str]) -> list[str]:
        """Return those of the SHA-256 that no record has, in their order."""
        names = list(wanted)
        there = {_digest(line) for line in _lines(self.path)} if names and self._exists else set()
        return [name for name in names if name not in there]

    @property
    def _exists(self) -> bool:
        return os.path.exists(self.path)

    def after(self, phase: int, attempt: int, number: int) -> list[tuple[str, Record]]:
        """Return the answers of an attempt after its request `number`, with their SHA-256.

        A kill between the flush of a record and the journal's line leaves one such.
        """
        out: dict[int, tuple[str, Record]] = {}
        for line in _lines(self.path) if self._exists else ():
            with contextlib.suppress(ValueError, TypeError):
                record = _record(json.loads(line))
                of_attempt = (record.phase, record.attempt) == (phase, attempt)
                if of_attempt and record.turn.number > number:
                    out[record.turn.number] = _digest(line), record
        return [out[at] for at in sorted(out) if out[at][1].turn.outcome == "answered"]


def read_records(path: str) -> list[Record]:
    """Return all records of a file, leaving out lines that a crash cut short.

    Raises:
        OSError: It can't be read.
    """
    out = []
    for line in _lines(path):
        try:
            out.append(_record(json.loads(line)))
        except (ValueError, TypeError):
            continue
    return out


def _json(record: Record) -> Json:
    named = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    named["turn"] = unstructure(record.turn)
    return {name: value for name, value in named.items() if value}


def _lines(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        for line in file:
            if line.strip():
                yield line.rstrip(b"\n")


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _record(data: Json) -> Record:
    return structure(Record, data)
