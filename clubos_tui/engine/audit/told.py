"""What a journal says of itself: approvals that can be recomputed, and the commits it names.

The events are folded once more, and each is held against the state before it. So an approval
that binds other evidence than the journal holds is found without any git.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from clubos_tui.codec import canonical
from clubos_tui.engine.fold import apply
from clubos_tui.engine.run import approval
from clubos_tui.engine.state import RunView
from clubos_tui.events import (
    Approved,
    CommitId,
    Event,
    Executed,
    Merged,
    RolledBack,
    RunStarted,
    Undone,
    tag_of,
)
from clubos_tui.journal import Record

_RUN_ID = re.compile(r"[\w.-]{1,200}")
_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Named:
    """A commit that an event names, and all that it must be by the events before."""

    seq: int
    what: str  # "phase 1", for people
    commit: CommitId
    trailers: tuple[tuple[str, str], ...]
    vouches_from: int  # its anchor is of this event or a later one, and of one before ``seq``
    tree: str = ""  # empty: the one its own trailer names
    parents: tuple[str, ...] = ()  # empty: one, which is not told
    above: str = ""  # a commit that its history must hold
    branch: str = ""  # the one that was made for it


@dataclass(slots=True)
class Told:
    """What the events come to; ``broken`` has a sentence for each that can't be."""

    view: RunView | None = None
    named: list[Named] = field(default_factory=list)
    events: int = 0  # that fit
    approvals: int = 0
    broken: list[str] = field(default_factory=list)
    approved_at: dict[int, int] = field(default_factory=dict)  # phase -> number of the event

    @property
    def run(self) -> str:
        """The run's id; empty where the journal does not begin."""
        return self.view.started.run if self.view else ""


def tell(records: Sequence[Record]) -> Told:
    """Fold ``records``, which are chained, and find what each event promises."""
    told = Told()
    for record in records:
        try:
            event = record.event
            _look(told, record.seq, event)
            told.view = apply(told.view, event)
            told.events += 1
        except Exception as error:  # whatever a forged event does to the fold
            told.broken.append(
                f"event {record.seq} does not fit what was before it "
                f"({type(error).__name__}: {error}); nothing after it was looked at"
            )
            break
    return told


def _look(told: Told, seq: int, event: Event) -> None:
    view = told.view
    if isinstance(event, RunStarted):
        _started(told, seq, event)
    elif view is None:
        raise ValueError(f"a journal begins with the start of a run, not with {tag_of(event)}")
    elif isinstance(event, Approved):
        _approved(told, seq, event, view)
    elif isinstance(event, Executed):
        _executed(told, seq, event, view)
    elif isinstance(event, Merged):
        _merged(told, seq, event, view)
    elif isinstance(event, RolledBack | Undone) and event.commit:
        _taken_back(told, seq, event, view)


def _started(told: Told, seq: int, event: RunStarted) -> None:
    if seq != 1:
        raise ValueError("a run starts once")
    if not _RUN_ID.fullmatch(event.run):
        raise ValueError(f"{event.run!r} is no run id")
    if hashlib.sha256(canonical(event.plan)).hexdigest() != event.plan_sha256:
        told.broken.append("event 1: the plan is not the one whose SHA-256 it gives")


def _approved(told: Told, seq: int, event: Approved, view: RunView) -> None:
    """Compute the approval anew from what the journal holds up to here."""
    phase = view.phase(event.phase)
    again = approval(phase, view, event.by, event.how, event.shown)
    told.approvals += 1
    told.approved_at[event.phase] = seq
    if again != event:
        fields = [item.name for item in dataclasses.fields(event)]
        others = [name for name in fields if getattr(event, name) != getattr(again, name)]
        told.broken.append(
            f"event {seq}: the approval of phase {event.phase} binds other data than the journal "
            f"holds ({', '.join(others)})"
        )
    if not event.by.strip():
        told.broken.append(f"event {seq}: the approval of phase {event.phase} names nobody")
    if event.how == "plan" and phase.spec.required_approval:
        told.broken.append(
            f"event {seq}: phase {event.phase} was approved by the plan, which asks for a person"
        )


def _executed(told: Told, seq: int, event: Executed, view: RunView) -> None:
    phase = view.phase(event.phase)
    approved = phase.approval
    if approved is None or approved.change_set != event.change_set:
        told.broken.append(f"event {seq}: phase {event.phase} was executed without an approval")
        return
    before = view.predecessor(event.phase)
    _name(told, Named(
        seq,
        f"phase {event.phase}",
        event.commit,
        (
            ("ClubOS-Run", told.run),
            ("ClubOS-Phase", str(event.phase)),
            ("ClubOS-Change-Set", event.change_set),
            ("ClubOS-Transaction", event.transaction),
            ("Approved-by", f"{approved.by} (by plan)" if approved.how == "plan" else approved.by),
        ),
        told.approved_at.get(event.phase, 1),
        tree=event.change_set,
        parents=(before.commit if before else view.started.base_commit,),
        branch=event.branch,
    ))  # fmt: skip


def _merged(told: Told, seq: int, event: Merged, view: RunView) -> None:
    prepared, approved, last = view.merge.prepared, view.merge.approved, view.last_on_stage()
    if prepared is None or last is None:
        told.broken.append(f"event {seq}: what was merged was never prepared")
        return
    if (prepared.tree, prepared.onto) != (event.tree, event.onto):
        told.broken.append(f"event {seq}: what was merged is not what was prepared")
    if prepared.moved and (approved is None or approved.tree != event.tree):
        told.broken.append(f"event {seq}: the merged tree was approved by nobody")
    if not prepared.moved and event.tree != last.change_set:
        told.broken.append(f"event {seq}: the merged tree is not that of the last phase")
    yes = (("Approved-by", approved.by),) if approved else ()
    _name(told, Named(
        seq,
        "the merge",
        event.commit,
        (("ClubOS-Run", told.run), ("ClubOS-Change-Set", event.tree), *yes),
        max((item.seq for item in told.named), default=1),
        tree=event.tree,
        parents=(event.onto, last.commit),
    ))  # fmt: skip


def _taken_back(told: Told, seq: int, event: RolledBack | Undone, view: RunView) -> None:
    what = "the rollback" if isinstance(event, RolledBack) else "the undoing of the rollback"
    merged, before = view.merge.merged, view.rollback
    on_top = before.commit if before and before.commit else merged.commit if merged else ""
    _name(told, Named(
        seq,
        f"{what} of phases {', '.join(map(str, event.phases))}",
        event.commit,
        (("ClubOS-Run", told.run), ("ClubOS-Transaction", event.transaction)),
        max((item.seq for item in told.named), default=1),
        above=on_top,
    ))  # fmt: skip


def _name(told: Told, named: Named) -> None:
    if _COMMIT_ID.fullmatch(named.commit):
        told.named.append(named)
    else:
        told.broken.append(f"event {named.seq}: {named.commit!r} is no commit id")
