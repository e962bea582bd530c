"""Does a run's record hold, and is all of it there? Two questions with an answer each (P9).

**Integrity**: nothing contradicts the journal. **Completeness**: all that should be here is.

An anchor (the ``Audit-Head`` trailer of a commit) vouches for each event up to its own. After the
last one there always are events for which nothing vouches yet, at least the one that names its
commit: whoever can write the journal and every copy of the branches can bend those, so they are
counted and never called missing. What others hold a copy of is what vouches: verify there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clubos_tui.engine.audit.chain import Chain, follow
from clubos_tui.engine.audit.commits import hold
from clubos_tui.engine.audit.kept import (
    Kept,
    answers,
    hold_answers,
    hold_prior,
    hold_streams,
    streams,
)
from clubos_tui.engine.audit.told import Told, tell
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.errors import JournalDamaged
from clubos_tui.events import RunId
from clubos_tui.journal import Record
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.history import History

__all__ = ["Audit", "run_names", "verify", "verify_exported"]

_APPEND_SECONDS = 0.1  # far more than an append takes


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found, a sentence each.

    *Broken* is what contradicts: the chain, an approval that does not come out the same from the
    journal's own data, an anchor that differs or vouches for more than is left, a commit that is
    not what the events before it promise or stands in another's place, a stream or an answer with
    another SHA-256. *Missing* is what this place should have and has not: a named commit, a
    stream, the recording, the run before, the end of a record. What it can't have (streams that
    nobody gave, the run before an exported journal) is a note.
    """

    run: str  # its id; empty where the first event can't be read
    events: int  # sound ones
    head: str
    anchors: tuple[tuple[str, int], ...]  # commit, and the event it vouches for
    broken: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()
    commits: int = 0  # that are what the journal says
    approvals: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the journal."""
        return not self.broken

    @property
    def complete(self) -> bool:
        """Whether all that should be here is."""
        return not self.missing

    @property
    def vouched_to(self) -> int:
        """The number of the last event that an anchor vouches for; 0 where there is none."""
        return max((seq for _, seq in self.anchors), default=0)

    @property
    def tail(self) -> str:
        """How far anchors vouch, in words."""
        last = self.events - self.vouched_to
        if not self.vouched_to:
            return "no anchor in git yet: an end that was cut off, or a rewrite, could not be seen"
        if not last:
            return f"all {self.events} events are vouched for"
        after = self.vouched_to + 1
        rest = f"event {after} is" if last == 1 else f"the last {last} events, from {after} on, are"
        return f"events 1 to {self.vouched_to} are vouched for; {rest} vouched for by nothing yet"


def verify(session: Session, run: Run) -> Audit:
    """Audit a run where it was made, with all that lies beside its journal. Reads only.

    Of a shared run, what lies beside it is on the machines that drove it.
    """
    if session.branches:
        session.branches.bring(run)
        return verify_exported(run.journal.raw(), "journal", session.repository, run=run.id)
    chain = follow(run.journal.raw(), "journal")
    if chain.torn or chain.half:  # somebody may be writing just now
        time.sleep(_APPEND_SECONDS)
        chain = follow(run.journal.raw(), "journal")
    told = tell(chain.records)
    sound = chain.records[: told.events]
    kept = Kept()
    hold_streams(sound, session.paths.stream(run.id, ""), kept)
    hold_answers(sound, session.paths.recording(run.id), kept)
    hold_prior(sound, _others(session, run), kept)
    return _audit(chain, told, kept, session.repository, run.id, tuple(kept.notes))


def verify_exported(
    data: bytes, where: str, repository: Repository, *, run: str = "", streams_in: str = ""
) -> Audit:
    """Audit a journal's bytes against any clone; ``where`` names them in messages.

    With ``run`` it must be the journal of that run; with ``streams_in`` the streams lie there.
    """
    chain = follow(data, where)
    told = tell(chain.records)
    sound = chain.records[: told.events]
    kept = Kept()
    notes = []
    if streams_in:
        hold_streams(sound, streams_in, kept)
    elif count := len(streams(sound)):
        notes.append(f"{count} streams are vouched for and were not given, so none was compared")
    if count := len(answers(sound)):
        notes.append(f"{count} answers of a model are vouched for, and are never exported")
    if told.view and (prior := told.view.started.prior_head):
        notes.append(
            f"it began after event {prior[:12]} of the run before, which can't be seen here"
        )
    return _audit(chain, told, kept, repository, run, tuple(notes))


def _audit(
    chain: Chain, told: Told, kept: Kept, repository: Repository, run: str, notes: tuple[str, ...]
) -> Audit:
    held = hold(chain, told, run or told.run, History(repository))
    broken = [chain.damage] if chain.damage else []
    if run and told.run not in {"", run}:
        broken.append(f"this is the journal of run {told.run}, not of {run}")
    missing = []
    if not chain.records and not chain.damage:
        missing.append("the journal is empty")
    if chain.damage:
        missing.append(f"nothing after event {len(chain.records)} was read, as it is damaged there")
    if chain.torn:
        missing.append(
            f"the journal ends in {chain.torn} bytes of a record that is not all there, after "
            f"event {len(chain.records)}: a crash or a cut"
        )
    if chain.half:
        missing.append(
            f"after event {len(chain.records)} the rest of what was appended at once is not there: "
            "a crash or a cut"
        )
    return Audit(
        told.run or run, len(chain.records), chain.head, tuple(held.anchors),
        (*broken, *told.broken, *held.broken, *kept.broken),
        (*missing, *held.missing, *kept.missing),
        (*notes, *held.notes), held.agree, told.approvals,
    )  # fmt: skip


def run_names(session: Session) -> list[RunId]:
    """Return the ids of all runs, oldest first; by name where a damaged one hides the order."""
    try:
        return session.runs()
    except JournalDamaged:
        return [RunId(name) for name in sorted(os.listdir(session.paths.runs))]


def _others(session: Session, run: Run) -> Iterator[Sequence[Record]]:
    """Yield the sound events of the other runs, the newest first."""
    for name in reversed(run_names(session)):
        if name != run.id:
            yield follow(session.run(RunId(name)).journal.raw(), name).records
