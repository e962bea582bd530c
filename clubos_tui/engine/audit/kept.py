"""What lies beside a journal and is vouched for by it: streams, answers of a model, the run before.

What differs is broken; what is not there is missing, unless an event says who let it go (gc).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from clubos_tui.events import (
    ActionFinished,
    ActionStarted,
    Gone,
    LetGo,
    RunStarted,
    TurnTaken,
)
from clubos_tui.journal import Record


@dataclass(slots=True)
class Kept:
    """What was found of it."""

    broken: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    streams: int = 0  # that are the bytes the journal vouches for


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream whose SHA-256 the journal holds; ``name`` is the file's, on any machine."""

    name: str
    sha256: str
    seq: int
    words: str  # whose it is, for people


def streams(records: Sequence[Record]) -> list[Stream]:
    """Return the streams that a journal vouches for."""
    vouched: dict[str, Stream] = {}  # by the path where it was written
    begun: dict[tuple[int, int, str], str] = {}
    for record in records:
        event = record.event
        if isinstance(event, ActionStarted):  # anew: what the stream held before was withdrawn
            begun[event.phase, event.attempt, event.action] = event.stream
            vouched.pop(event.stream, None)
        elif isinstance(event, ActionFinished) and event.stream_sha256:
            path = begun.get((event.phase, event.attempt, event.action), "")
            words = (
                f"what the agent said in {event.action!r} "
                f"(phase {event.phase}, attempt {event.attempt})"
            )
            vouched[path] = Stream(os.path.basename(path), event.stream_sha256, record.seq, words)
    return list(vouched.values())


def answers(records: Sequence[Record]) -> dict[str, int]:
    """Return the answers of a model that a journal vouches for: SHA-256 -> number of the event."""
    return {
        record.event.turn.record_sha256: record.seq
        for record in records
        if isinstance(record.event, TurnTaken) and record.event.turn.record_sha256
    }


def hold_streams(records: Sequence[Record], folder: str, kept: Kept) -> None:
    """Compare the streams with the files of their names in ``folder``."""
    for stream in streams(records):
        path = os.path.join(folder, stream.name)
        try:
            with open(path, "rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == stream.sha256
        except (OSError, ValueError):
            if gone := who_let_go(records, f"streams/{stream.name}", stream.seq, stream.sha256):
                kept.notes.append(f"{stream.words} {gone}")
                continue
            kept.missing.append(f"{stream.words} is gone; event {stream.seq} vouches for it")
            continue
        kept.streams += same
        if not same:
            kept.broken.append(f"{stream.words} is not what event {stream.seq} vouches for")


def let_go(records: Sequence[Record]) -> dict[str, tuple[Record, Gone]]:
    """Return what was let go by name, each with the last event that says so."""
    return {
        gone.name: (record, gone)
        for record in records
        if isinstance(record.event, LetGo)
        for gone in record.event.items
    }


def who_let_go(records: Sequence[Record], name: str, after: int, sha256: str = "") -> str:
    """Say who let something go after an event; nothing where nobody did, or not just that."""
    for path, (record, gone) in let_go(records).items():
        same = not sha256 or gone.sha256 == sha256
        if path.endswith(f"/{name}") and same and record.seq > after:
            assert isinstance(record.event, LetGo)
            return f"was let go on {record.at} by {record.event.by} (event {record.seq})"
    return ""


def hold_prior(records: Sequence[Record], others: Iterable[Sequence[Record]], kept: Kept) -> None:
    """Look for the event this run began after in ``others``, the runs that there are."""
    started = records[0].event if records else None
    prior = started.prior_head if isinstance(started, RunStarted) else ""
    if prior and not any(item.hash == prior for other in others for item in other):
        kept.missing.append(
            f"no run here holds the event {prior[:12]} that this one began after: the run before "
            "it is gone, was cut off or was written anew"
        )


def hold_answers(records: Sequence[Record], path: str, kept: Kept) -> None:
    """Compare a model's answers with the run's recording at ``path``."""
    from clubos_tui.agents.claude.recording import Recording

    wanted = answers(records)
    last = max(wanted.values(), default=0)
    if wanted and not os.path.exists(path):
        if gone := who_let_go(records, os.path.basename(path), last):
            kept.notes.append(f"the recording {gone}; {len(wanted)} answers are vouched for")
            return
        kept.missing.append(f"the recording is gone; {len(wanted)} answers are vouched for")
        return
    kept.broken += [
        f"the recording does not hold the answer that event {wanted[name]} vouches for"
        for name in Recording(path).missing(wanted)
    ]
