"""Compare the journal with its anchors (the ``Audit-Head`` trailers of commits in git) and with
the streams it vouches for (P9).

The chain alone can't show that its end was cut off or that all of it was written anew; an anchor
vouches for every event up to it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from clubos_tui.engine.effects.execute import BRANCH_PREFIX
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.events import ActionFinished, ActionStarted, TurnTaken
from clubos_tui.journal import Record
from clubos_tui.repository import refs

_ANCHOR = re.compile(r"^Audit-Head: (\d+):([0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found; ``broken`` has a sentence for each anchor that does not fit."""

    events: int
    head: str
    anchors: tuple[tuple[str, int], ...]
    broken: tuple[str, ...]


def verify(session: Session, run: Run) -> Audit:
    """Follow the chain (an edit raises ``JournalDamaged``) and hold it against every anchor."""
    records = run.journal.load()
    commits: set[str] = {phase.commit for phase in run.view.phases if phase.commit}
    commits |= set(refs.branches(session.repository, BRANCH_PREFIX).values())
    # Asked of git and not of the journal: what was cut off its end would not name them.
    commits |= set(refs.mentioning(session.repository, f"ClubOS-Run: {run.id}"))
    anchors, broken = [], []
    for commit in sorted(commits):
        text = session.workshop.objects.read(commit)[1].decode("utf-8", "replace")
        if f"\nClubOS-Run: {run.id}\n" not in text:
            continue
        for seq, head in _ANCHOR.findall(text):
            number = int(seq)
            if number > len(records):
                broken.append(
                    f"commit {commit[:12]} vouches for {number} events; {len(records)} are left"
                )
            elif records[number - 1].hash != head:
                broken.append(
                    f"event {number} is not the one that commit {commit[:12]} vouches for"
                )
            else:
                anchors.append((commit, number))
    prior = run.view.started.prior_head
    others = [session.run(name) for name in session.runs() if name != run.id]
    if prior and all(item.hash != prior for other in others for item in other.journal.load()):
        broken.append("the run before this one is gone, or is not the one this run began after")
    broken += _changed_streams(records)
    broken += _lost_answers(records, session.paths.recording(run.id))
    anchors.sort(key=lambda anchor: anchor[1])
    return Audit(len(records), run.journal.head, tuple(anchors), tuple(broken))


def _changed_streams(records: Sequence[Record]) -> list[str]:
    """Name the streams that are not the bytes whose SHA-256 the journal holds."""
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
    return [
        f"what the agent said in {event.action!r} (phase {event.phase}, attempt {event.attempt}) "
        f"is not what event {seq} vouches for"
        for stream, (event, seq) in vouched.items()
        if _sha256(stream) != event.stream_sha256
    ]


def _lost_answers(records: Sequence[Record], path: str) -> list[str]:
    """Name the answers of a model that the run's recording does not hold as they were."""
    from clubos_tui.agents.claude.recording import Recording

    answers = {
        record.event.turn.record_sha256: record
        for record in records
        if isinstance(record.event, TurnTaken) and record.event.turn.record_sha256
    }
    return [
        f"the recording does not hold the answer that event {answers[name].seq} vouches for"
        for name in Recording(path).missing(answers)
    ]


def _sha256(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
