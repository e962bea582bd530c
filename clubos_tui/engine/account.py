"""A run as a readable account: what was asked, proposed, checked, approved, written, taken back.

Made of the journal and nothing else, as plain blocks; how they look is the command line's matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from clubos_tui import events as e
from clubos_tui.changes.manifest import counts
from clubos_tui.engine.fold import fold
from clubos_tui.engine.state import RunView
from clubos_tui.journal import Record

__all__ = ["Block", "Facts", "Heading", "Rows", "Words", "account"]


@dataclass(frozen=True, slots=True)
class Heading:
    """The beginning of a part; 1 is the whole account."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence or more."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they stand for."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block: TypeAlias = Heading | Words | Facts | Rows


def account(records: Sequence[Record]) -> Iterator[Block]:
    """Yield the account of a run, given its whole journal.

    Raises:
        ValueError: The journal is empty.
    """
    view = fold(record.event for record in records)
    yield from _beginning(view, records)
    for phase in view.phases:
        own = [record for record in records if getattr(record.event, "phase", 0) == phase.number]
        yield Heading(2, f"Phase {phase.number}: {phase.spec.name}")
        yield Words(f"It is {view.status(phase.number)}.")
        if not any(isinstance(record.event, e.AttemptStarted) for record in own):
            yield Words("Nothing was proposed.")
            continue
        yield from _attempts(own)
        yield from _checks(own)
        yield from _decisions(own)
        yield from _written(own)
    yield from _merge(records)
    yield from _mishaps(records)


def _beginning(view: RunView, records: Sequence[Record]) -> Iterator[Block]:
    started = view.started
    yield Heading(1, f"{view.plan.name}: run {view.started.run}")
    ending = view.ending or "still open"
    target = started.target.removeprefix("refs/heads/") or "a detached HEAD"
    yield Facts(
        (
            ("repository", started.repository),
            ("branch", target),
            ("began at", records[0].at),
            ("asked by", started.by),
            ("base commit", started.base_commit),
            ("plan", f"{started.plan_source}, SHA-256 {started.plan_sha256}"),
            ("clubos", started.version),
            ("it is", ending),
            ("journal", f"{len(records)} events, head {records[-1].hash}"),
        )
    )
    if view.plan.description:
        yield Words(view.plan.description)


def _attempts(own: Sequence[Record]) -> Iterator[Block]:
    """Yield what was asked of the agent, attempt by attempt, and what came of it."""
    for record in own:
        event = record.event
        match event:
            case e.ProposalRequested():
                yield Words(f"{record.at}: {event.by} asked for a dry run.")
            case e.ResumeRequested():
                yield Words(f"{record.at}: {event.by} asked to go on with it.")
            case e.AttemptStarted():
                yield Heading(3, f"Attempt {event.attempt}, by {event.agent}")
            case e.ActionFinished():
                made = counts(event.changes)
                said = event.result or event.error
                yield Words(f"{event.action}: {event.status}, {made}. {said}".strip())
            case e.ActionHeld():
                yield Words(f"{record.at}: {event.action} was held: {event.error}")
            case e.PermissionAnswered():
                word = "allowed" if event.allowed else "denied"
                yield Words(
                    f"{record.at}: {event.by} {word} what the agent asked ({event.permission})."
                )
            case e.Proposed():
                yield _proposed(event)
            case e.ProposedNothing():
                yield Words("It changed nothing.")
            case e.ProposalFailed():
                yield Words(f"It failed in {event.action}: {event.error}")
            case e.Sealed() | e.Edited():
                how = "was edited by " + event.by if isinstance(event, e.Edited) else "was sealed"
                yield Words(f"{record.at}: it {how}; the change set is {event.change_set} now.")
            case e.Rejected():
                yield Words(f"{record.at}: {event.by} rejected it: {event.reason}")
            case _:
                pass


def _proposed(event: e.Proposed) -> Block:
    rows = tuple(
        (row.kind, row.path, row.old_path, row.action) for row in event.manifest
    )  # fmt: skip
    return Rows((f"change set {event.change_set}", "path", "before", "action"), rows)


def _checks(own: Sequence[Record]) -> Iterator[Block]:
    """Yield the evidence, a table for each time that it was gathered."""
    gathered: list[e.CheckFinished] = []
    for record in own:
        event = record.event
        if isinstance(event, e.CheckFinished):
            gathered.append(event)
        elif isinstance(event, e.Rehearsed):
            paths = event.paths or event.files
            said = f"undo proven: {paths:,} paths identical" if event.identical else event.detail
            yield Words(f"{record.at}: rollback rehearsed: {said}")
        elif isinstance(event, e.ChecksFinished) and gathered:
            gate = "open" if event.open else "shut"
            yield Heading(3, f"Checks of the {event.scope}, tree {event.tree}: gate {gate}")
            yield Rows(
                ("check", "outcome", "what it says", "cases", "seconds", "tool"),
                tuple(map(_check, gathered)),
            )
            yield from _failures(gathered)
            gathered = []
        elif isinstance(event, e.Overridden):
            yield Words(f"{record.at}: {event.by} overrode {event.check}: {event.reason}")


def _check(found: e.CheckFinished) -> tuple[str, ...]:
    reused = " (as before)" if found.reused else ""
    seconds = f"{found.milliseconds / 1000:.2f}"
    return (
        found.check, found.outcome + reused, found.summary, f"{found.cases:,}", seconds, found.tool
    )  # fmt: skip


def _failures(gathered: Sequence[e.CheckFinished]) -> Iterator[Block]:
    for found in gathered:
        if found.outcome != "passed" and found.evidence:
            yield Facts(tuple((found.check, line) for line in found.evidence))


def _decisions(own: Sequence[Record]) -> Iterator[Block]:
    """Yield what people decided on, and what they had seen of it."""
    for record in own:
        event = record.event
        if isinstance(event, e.Approved):
            yield Heading(3, "Approved")
            rows = [
                ("when", record.at), ("by", f"{event.by} ({event.how})"),
                ("change set", event.change_set), ("base", event.base),
                ("binds", f"SHA-256 {event.digest}"),
            ]  # fmt: skip
            if shown := event.shown:
                hasty = ", and was told that nobody reads that fast" if shown.hasty else ""
                seen = f"{shown.seen:,} of {shown.lines:,} lines" if shown.lines else "not told"
                where = f"{shown.files:,} files in {shown.seconds} s on the {shown.where}"
                rows.append(("was shown", f"{where}; {seen}{hasty}"))
            yield Facts(tuple(rows))


def _written(own: Sequence[Record]) -> Iterator[Block]:
    for record in own:
        event = record.event
        match event:
            case e.Executed():
                yield Words(
                    f"{record.at}: executed as commit {event.commit} on {event.branch}; the change "
                    f"set was {event.change_set}."
                )
            case e.Validated():
                yield Words(f"{record.at}: the checkpoint passed.")
            case e.Unvalidated():
                yield Words(f"{record.at}: the checkpoint did not pass: {', '.join(event.checks)}")
            case _:
                pass


def _merge(records: Sequence[Record]) -> Iterator[Block]:
    """Yield the merge, and whatever was taken back."""
    out: list[Block] = []
    for record in records:
        event = record.event
        match event:
            case e.MergeApproved():
                out.append(Words(f"{record.at}: {event.by} approved the merged tree {event.tree}."))
            case e.Merged():
                target = event.target.removeprefix("refs/heads/")
                out.append(
                    Words(
                        f"{record.at}: merged into {target} as {event.commit}, onto {event.onto}."
                    )
                )
            case e.RolledBack():
                what = ", ".join(map(str, event.phases))
                left = (
                    f" Left alone: {', '.join(item.path for item in event.left)}."
                    if event.left
                    else ""
                )
                told = f"{event.restored} files restored, {event.deleted} deleted"
                compared = f"{event.verified} compared afresh"
                said = f"phases {what} were rolled back: {told}, {compared}.{left}"
                out.append(Words(f"{record.at}: {said}"))
            case e.Undone():
                out.append(Words(f"{record.at}: the rollback was undone."))
            case e.RunClosed():
                out.append(Words(f"{record.at}: {event.by} ended the run: {event.ending}."))
            case _:
                pass
    if out:
        yield Heading(2, "Merged, and taken back")
        yield from out


def _mishaps(records: Sequence[Record]) -> Iterator[Block]:
    found: list[tuple[str, ...]] = []
    for record in records:
        event = record.event
        if isinstance(event, e.StepFailed):
            found.append((record.at, f"{event.step} failed: {event.error}", event.untouched))
        elif isinstance(event, e.Paused):
            found.append((record.at, f"{event.step} was interrupted by {event.by}", event.detail))
        elif isinstance(event, e.Recovered):
            found.append((record.at, f"a crash was recovered: {event.direction}", event.detail))
    if found:
        yield Heading(2, "What went wrong")
        yield Rows(("when", "what", "what was left"), tuple(found))
