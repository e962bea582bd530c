"""What of the state folder may go, what stays, and why. Pure: looks at nothing, removes nothing.

============  ====================================================================================
left-over     what a process that is gone, or an earlier housekeeping, was killed before removing:
              goes whatever the budget
bench         goes: made again for the next check
workspace     goes, unless a dry run is at work there or held: what its actions left behind is
              nowhere else
stage         goes once the run is over, unless its rollback can still be undone on it, or
              somebody worked in it
objects       of the workshop go where no event of any run names them or what holds them
streams,      go once the run is over and no command can open it again. What is not as the journal
recording,    vouches for stays: it is evidence. So does an edit that is in no change set
edits
backup        with its record, goes once the run is over and nothing rewinds its stage any more.
              What an operation replaced in a *checkout* stays for ever: a merged run can always be
              taken back, and that undone, to the very form that lay on the disk
============  ====================================================================================

Beyond the left-overs no more goes than the budget asks for: the rows from the top, and in each
the oldest run's first. Of a run whose journal can't be read, nothing goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clubos_tui.engine.state import RunView, Status
from clubos_tui.engine.table import refusal
from clubos_tui.events import UndoRequested

__all__ = ["Kind", "Plan", "Row", "Standing", "Thing", "judge", "standing_of"]

Kind = Literal[
    "left-over", "bench", "workspace", "stage", "objects", "streams", "recording", "edits",
    "backup", "journal", "workshop", "staging", "lock", "unknown",
]  # fmt: skip

_GOES: dict[Kind, str] = {
    "left-over": "nobody is at work on it any more",
    "bench": "it is made again for the next check",
    "workspace": "it is laid out again for the next dry run",
    "stage": "its run is over, and the next one can lay out its own",
    "objects": "no event of any run names them",
    "streams": "its run is over; what was decided stays in the journal",
    "recording": "its run is over; what was decided stays in the journal",
    "edits": "its run is over, and a change set holds each of them",
    "backup": "its run is over, and nothing can rewind its stage any more",
}
_STAYS: dict[Kind, str] = {
    "journal": "the audit log is never let go",
    "workshop": "events of runs name what is in it",
    "staging": "an operation's files wait there; the next start settles it",
    "lock": "processes agree by it",
    "unknown": "clubos does not know it",
}
_ORDER = list(_GOES)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is from being over; without a flag it is."""

    run: str
    damage: str = ""  # why its journal can't be read
    open: bool = False  # or in the middle of something
    proposing: bool = False  # a dry run is at work in the workspace, or held there
    rewinds: bool = False  # its rollback before a merge can be undone
    reopens: bool = False  # and a command can ask for that


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in the state folder that goes or stays as a whole."""

    kind: Kind
    name: str  # its path below the state folder
    paths: tuple[str, ...]  # all of it, in the order in which it may go
    bytes: int  # on the disk
    run: str = ""  # whose it is, as far as that is known
    stays: str = ""  # what was found to speak for keeping it
    since: str = ""  # orders the things of one kind


@dataclass(frozen=True, slots=True)
class Row:
    """A thing, and what was decided on it."""

    thing: Thing
    goes: bool
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go, and what stays."""

    budget: int  # bytes
    rows: tuple[Row, ...]

    @property
    def go(self) -> tuple[Row, ...]:
        """What would go, in that order."""
        return tuple(row for row in self.rows if row.goes)

    @property
    def keep(self) -> tuple[Row, ...]:
        """What stays."""
        return tuple(row for row in self.rows if not row.goes)

    @property
    def total(self) -> int:
        """Bytes of all there is."""
        return sum(row.thing.bytes for row in self.rows)

    @property
    def after(self) -> int:
        """Bytes of what stays."""
        return sum(row.thing.bytes for row in self.keep)


def standing_of(run: str, view: RunView, *, current: bool) -> Standing:
    """Return how far a run is from being over; ``current`` is the one that commands are about."""
    if view.ending is None or view.queue or view.applying:
        at_work = {Status.PROPOSING, Status.HELD}
        return Standing(
            run, open=True,
            proposing=any(phase.asked or phase.state in at_work for phase in view.phases),
        )  # fmt: skip
    undoable = refusal(view, UndoRequested("")) is None
    rewinds = undoable and view.rollback is not None and not view.rollback.commit
    return Standing(run, rewinds=rewinds, reopens=rewinds and current)


def judge(things: Iterable[Thing], runs: Sequence[Standing], budget: int) -> Plan:
    """Decide on each thing; ``budget`` is in bytes."""
    known = {run.run: run for run in runs}
    things = list(things)
    over = sum(thing.bytes for thing in things) - budget
    rows = []
    for thing in sorted(things, key=_place):
        stays = thing.stays or _stays(thing, known)
        if not stays and over <= 0 and thing.kind != "left-over":
            stays = "it is within the budget"
        if not stays:
            over -= thing.bytes
        rows.append(Row(thing, not stays, stays or _GOES[thing.kind]))
    return Plan(budget, tuple(rows))


def _place(thing: Thing) -> tuple[int, str, str]:
    kind = _ORDER.index(thing.kind) if thing.kind in _GOES else len(_ORDER)
    return kind, thing.since, thing.name


def _stays(thing: Thing, runs: Mapping[str, Standing]) -> str:
    if thing.kind in _STAYS:
        return _STAYS[thing.kind]
    damaged = [run for run in runs.values() if run.damage]
    if thing.kind == "workspace":
        if damaged:
            return f"a dry run may be at work there: {damaged[0].damage}"
        busy = [run.run for run in runs.values() if run.proposing]
        return f"a dry run of run {busy[0]} is at work there" if busy else ""
    if thing.kind == "objects":
        return f"nobody knows what a run names: {damaged[0].damage}" if damaged else ""
    if thing.kind == "bench" or (thing.kind == "left-over" and not thing.run):
        return ""
    run = runs.get(thing.run)
    if run is None:
        return "no run that is known here names it"
    if run.damage:
        return f"nothing of run {run.run} is touched: {run.damage}"
    return "" if thing.kind == "left-over" else _stays_of(thing.kind, run)


def _stays_of(kind: Kind, run: Standing) -> str:
    if run.open:
        return f"run {run.run} is open"
    if kind in {"stage", "backup"} and run.rewinds:
        return f"the rollback of run {run.run} can be undone with it"
    if run.reopens:
        return f"run {run.run} is open again once its rollback is undone"
    return ""
