"""What a run's journal vouches for beside itself, and how much of it is still there (P9).

What housekeeping let go is no damage: an event says so, with the SHA-256 that the journal vouches
for. Anything else that is missing or changed is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from clubos_tui.disk import exists
from clubos_tui.engine.run import Run
from clubos_tui.events import ActionFinished, ActionStarted, Gone, LetGo, TurnTaken
from clubos_tui.journal import Record

__all__ = ["Missing", "let_go", "missing", "sha256_of"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not there as the journal vouches for it."""

    of: Literal["stream", "answer"]
    what: str
    broken: str  # the sentence where nobody let it go
    let_go: Record | None = None  # the event that let it go


def missing(run: Run, records: Sequence[Record]) -> list[Missing]:
    """Return all that is not there as ``records`` vouch for it, let go or not."""
    return [*_streams(run, records), *_answers(run, records)]


def let_go(records: Sequence[Record]) -> dict[str, tuple[Record, Gone]]:
    """Return what was let go by name, each with the last event that says so."""
    return {
        gone.name: (record, gone)
        for record in records
        if isinstance(record.event, LetGo)
        for gone in record.event.items
    }


def sha256_of(path: str) -> str:
    """Return the SHA-256 of a file; empty where it can't be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _streams(run: Run, records: Sequence[Record]) -> Iterator[Missing]:
    vouched: dict[str, tuple[ActionFinished, int]] = {}
    streams: dict[tuple[int, int, str], str] = {}
    for record in records:
        event = record.event
        if isinstance(event, ActionStarted):  # anew: what the stream held before was withdrawn
            streams[event.phase, event.attempt, event.action] = event.stream
            vouched.pop(event.stream, None)
        elif isinstance(event, ActionFinished) and event.stream_sha256:
            stream = streams.get((event.phase, event.attempt, event.action), "")
            vouched[stream] = event, record.seq
    gone = let_go(records)
    for stream, (event, seq) in vouched.items():
        if sha256_of(stream) == event.stream_sha256:
            continue
        what = (
            f"what the agent said in {event.action!r} (phase {event.phase}, attempt "
            f"{event.attempt})"
        )
        name = os.path.relpath(run.paths.stream(run.id, os.path.basename(stream)), run.paths.root)
        told, item = gone.get(name, (None, None))
        same = item is not None and item.sha256 == event.stream_sha256
        if told and (not same or told.seq < seq or exists(stream)):
            told = None
        yield Missing("stream", what, f"{what} is not what event {seq} vouches for", told)


def _answers(run: Run, records: Sequence[Record]) -> Iterator[Missing]:
    from clubos_tui.agents.claude.recording import Recording

    answers = {
        record.event.turn.record_sha256: record.seq
        for record in records
        if isinstance(record.event, TurnTaken) and record.event.turn.record_sha256
    }
    path = run.paths.recording(run.id)
    told, _ = let_go(records).get(os.path.relpath(path, run.paths.root), (None, None))
    if told and exists(path):
        told = None
    for name in Recording(path).missing(answers):
        seq = answers[name]
        yield Missing(
            "answer",
            f"the answer that event {seq} vouches for",
            f"the recording does not hold the answer that event {seq} vouches for",
            told if told and told.seq > seq else None,
        )
