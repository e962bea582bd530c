"""A run as a readable account: what was asked, shown, decided, checked, approved, written and
taken back, by whom, and what it used.

:func:`account` makes it of the journal and nothing else. :func:`audited` adds what an audit found,
which is of the moment at which it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clubos_tui import events as e
from clubos_tui.engine.account.blocks import Block, Facts, Heading, Quote, Rows, Words
from clubos_tui.engine.account.ending import (
    allowed,
    ending,
    is_of_the_end,
    let_go,
    mishaps,
    usage,
)
from clubos_tui.engine.account.phase import Course, people
from clubos_tui.engine.account.wording import branch, short
from clubos_tui.engine.audit import Audit
from clubos_tui.engine.fold import fold
from clubos_tui.engine.state import PhaseView, RunView
from clubos_tui.journal import Record
from clubos_tui.plan import Phase

__all__ = ["Block", "Facts", "Heading", "Quote", "Rows", "Words", "account", "audited"]


def account(records: Sequence[Record]) -> Iterator[Block]:
    """Yield the account of a run, given its whole journal.

    Raises:
        ValueError: The journal is empty.
    """
    view = fold(record.event for record in records)
    yield from _beginning(view, records)
    for phase in view.phases:
        own = [
            record
            for record in records
            if getattr(record.event, "phase", 0) == phase.number and not is_of_the_end(record.event)
        ]
        yield Heading(2, f"Phase {phase.number}: {phase.spec.name}")
        yield Words(f"It is {view.status(phase.number)}.")
        yield from _asked(view, phase.number, phase.spec)
        if not any(isinstance(record.event, e.AttemptStarted) for record in own):
            yield Words("Nothing was proposed.")
            continue
        yield from people(phase, own)
        yield from Course(phase.number, phase.spec).tell(own)
    yield from ending(records)
    yield from allowed(records)
    yield from usage(view)
    yield from mishaps(records)
    yield from let_go(records)


def _beginning(view: RunView, records: Sequence[Record]) -> Iterator[Block]:
    started = view.started
    yield Heading(1, f"{view.plan.name}: run {view.started.run}")
    rows = [
        ("repository", started.repository),
        ("branch", branch(started.target)),
        ("began at", records[0].at),
        ("asked by", started.by),
        ("base commit", started.base_commit),
        ("base tree", started.base_tree),
        ("plan", f"{started.plan_source}, SHA-256 {started.plan_sha256}"),
        ("agent", started.agent or view.plan.agent),
        ("clubos", started.version),
        ("it is", view.ending or "still open"),
        ("last event at", records[-1].at),
        ("journal", f"{len(records)} events, head {records[-1].hash}"),
    ]
    if started.prior_head:
        rows.append(("after", f"the run whose last event was {started.prior_head}"))
    yield Facts(tuple(rows))
    if view.plan.description:
        yield Quote(view.plan.description)
    yield Rows(
        ("phase", "it is", "attempts", "change set", "it makes", "approved by", "checks", "commit"),
        tuple(_summary(view, phase) for phase in view.phases),
    )


def _summary(view: RunView, phase: PhaseView) -> tuple[str, ...]:
    approved = phase.approval
    by = (f"{approved.by} (by plan)" if approved.how == "plan" else approved.by) if approved else ""
    found = (
        view.checks.get(("stage", phase.change_set))
        or view.checks.get(("proposal", phase.change_set))
        or {}
    )
    passed = sum(check.outcome == "passed" for check in found.values())
    return (
        f"{phase.number} {phase.spec.name}", view.status(phase.number), str(phase.attempt),
        short(phase.change_set), str(phase.counts) if phase.manifest else "nothing", by,
        f"{passed} of {len(found)} passed" if found else "none", short(phase.commit),
    )  # fmt: skip


def _asked(view: RunView, number: int, spec: Phase) -> Iterator[Block]:
    """Yield what the plan asks for in a phase."""
    if spec.description:
        yield Quote(spec.description)
    yield Facts(
        (
            ("agent", view.agent_of(number)),
            ("approval", "a person's" if spec.required_approval else "given by the plan"),
            ("can be rolled back", "yes" if spec.rollbackable else "no, the plan says"),
        )
    )
    yield Heading(3, "Asked")
    for action in spec.action:
        yield Words(f"{action.id}: {action.name}")
        if action.prompt:
            yield Quote(action.prompt)
        if action.blueprint:
            yield Words(f"Its files lie in the plan's folder {action.blueprint}.")


def audited(found: Audit) -> Iterator[Block]:
    """Yield what an audit of the run came to when the account was written."""
    yield Heading(2, "The audit, as of this writing")
    yield Facts(
        (
            ("integrity", "holds" if found.holds else "BROKEN"),
            ("completeness", "nothing is missing" if found.complete else "INCOMPLETE"),
            ("anchors", found.tail),
            ("approvals computed anew", str(found.approvals)),
            ("commits as told", str(found.commits)),
            ("head", found.head),
        )
    )
    if found.anchors:
        yield Rows(
            ("commit", "vouches for the events up to"),
            tuple((commit, str(seq)) for commit, seq in found.anchors),
        )
    told = [
        *(("broken", line) for line in found.broken),
        *(("missing", line) for line in found.missing),
        *(("note", line) for line in found.notes),
    ]
    if told:
        yield Facts(tuple(told))
