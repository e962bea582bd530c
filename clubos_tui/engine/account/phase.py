"""A phase in the order of events: proposed, looked at, checked, approved, written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change, counts
from clubos_tui.engine.account.blocks import Block, Facts, Heading, Quote, Rows, Words
from clubos_tui.engine.account.evidence import Evidence
from clubos_tui.engine.account.wording import (
    branch,
    differences,
    left_alone,
    manifest,
    many,
    part,
    seconds,
    short,
    spent,
)
from clubos_tui.engine.approvers import needed, of_phase
from clubos_tui.engine.state import PhaseView
from clubos_tui.journal import Record
from clubos_tui.plan import Phase
from clubos_tui.spending import Spent

_MODEL = ("action", "requests", "tokens", "cost", "seconds", "withdrawn", "models")


def people(phase: PhaseView, own: Sequence[Record]) -> Iterator[Block]:
    """Yield the plan's rule about people, whom it kept from approving, and what is lacking."""
    if not phase.rule:
        return
    rows, asked = [("the plan asks for", str(phase.rule))], ""
    for record in own:
        event = record.event
        if isinstance(event, e.ProposalRequested):
            asked = event.by
        elif isinstance(event, e.AttemptStarted) and phase.rule.not_requester:
            rows.append((f"attempt {event.attempt}", f"{asked} asked for it, and may not approve"))
    standing = of_phase(phase)
    if standing.yes or phase.change_set:
        rows.append(("it is", standing.words))
    yield Heading(3, "Who may approve")
    yield Facts(tuple(rows))


@dataclass(slots=True)
class _Used:
    """What an action asked of a model."""

    spent: Spent = Spent()
    withdrawn: int = 0
    models: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Course:
    """One phase as it went; told event by event, what belongs in one table held back until then."""

    number: int
    spec: Phase
    evidence: Evidence = field(default_factory=Evidence)
    pending: tuple[Change, ...] = ()  # the manifest as it is now
    asked: dict[str, e.PermissionAsked] = field(default_factory=dict)
    used: dict[str, _Used] = field(default_factory=dict)
    actions: list[tuple[str, ...]] = field(default_factory=list)
    verdicts: list[tuple[str, ...]] = field(default_factory=list)

    def tell(self, records: Sequence[Record]) -> Iterator[Block]:
        """Yield what happened, given the records of this phase."""
        for record in records:
            event = record.event
            if not isinstance(event, e.ActionStarted | e.TurnTaken | e.ActionFinished):
                yield from self._actions()
            if not isinstance(event, e.Decided | e.DecisionUndone | e.FileDecided):
                yield from self._verdicts()
            yield from self._proposing(record)
            yield from self._permissions(record)
            yield from self._reviewing(record)
            yield from self.evidence.tell(record)
            yield from self._writing(record)
        yield from self._actions()
        yield from self._verdicts()

    # --- proposed -----------------------------------------------------------------------------

    def _proposing(self, record: Record) -> Iterator[Block]:
        event = record.event
        match event:
            case e.ProposalRequested():
                yield Words(f"{record.at}: {event.by} asked for a dry run.")
            case e.ResumeRequested():
                yield Words(f"{record.at}: {event.by} asked to go on with it.")
            case e.AttemptStarted():
                yield Heading(3, f"Attempt {event.attempt}, by {event.agent}")
                if event.seed != event.base:
                    yield Words(f"It went on from what was rejected, {event.seed}.")
                if event.withheld:
                    names = ", ".join(event.withheld)
                    yield Words(f"Withheld from the agent as secrets: {names}.")
            case e.TurnTaken():
                used = self.used.setdefault(event.action, _Used())
                used.spent = used.spent.plus(event.turn)
                used.withdrawn += event.turn.outcome == "withdrawn"
                used.models[event.turn.answered_by or event.turn.model] = None
            case e.ActionFinished():
                self._finished(event)
            case e.ActionHeld():
                yield Words(f"{record.at}: {event.action} was held: {event.error}")
            case e.Proposed():
                self.pending = event.manifest
                yield from manifest(event.manifest, event.change_set)
                if event.decisions:
                    held = many(len(event.decisions), "decision")
                    yield Words(f"Of the attempt before, on what is still the same: {held}.")
            case e.ProposedNothing():
                yield Words("It changed nothing.")
            case e.ProposalFailed():
                where = f" in {event.action}" if event.action else ""
                yield Words(f"It failed{where}: {event.error}")
            case _:
                pass

    def _finished(self, event: e.ActionFinished) -> None:
        said = [event.result or event.error]
        if event.refused:
            said.append(f"The box refused: {'; '.join(event.refused)}.")
        if event.left_count:
            named = ", ".join(event.left_behind[:3])
            said.append(f"Left behind, as git ignores it: {named} ({event.left_count:,} in all).")
        self.actions.append(
            (event.action, event.status, str(counts(event.changes)), seconds(event.milliseconds),
             " ".join(filter(None, said)))
        )  # fmt: skip

    def _actions(self) -> Iterator[Block]:
        if self.actions:
            head = ("action", "it ended", "it made", "seconds", "what it said")
            yield Rows(head, tuple(self.actions))
        if self.used:
            yield Rows(_MODEL, tuple(
                (name, *spent(item.spent), f"{item.withdrawn}", ", ".join(item.models))
                for name, item in self.used.items()
            ))  # fmt: skip
        self.actions, self.used = [], {}

    # --- asked and answered -------------------------------------------------------------------

    def _permissions(self, record: Record) -> Iterator[Block]:
        event = record.event
        if isinstance(event, e.PermissionAsked):
            self.asked[event.permission] = event
            yield Words(
                f"{record.at}: in {event.action} the agent asked ({event.kind}): {event.title}"
            )
            if event.detail:
                yield Quote(event.detail)
        elif isinstance(event, e.PermissionAnswered):
            asked = self.asked.get(event.permission)
            what = (asked.title or asked.kind) if asked else event.permission
            word = "allowed" if event.allowed else "denied"
            alike = f", and all of that kind ({asked.kind})" if asked and event.alike else ""
            yield Words(f"{record.at}: {event.by} {word} what the agent asked: {what}{alike}.")

    # --- looked at ----------------------------------------------------------------------------

    def _reviewing(self, record: Record) -> Iterator[Block]:
        event = record.event
        match event:
            case e.Decided():
                self._decided(record.at, event.by, event.decisions)
            case e.FileDecided():
                self._decided(record.at, event.by, (event.decision,))
            case e.DecisionUndone():
                self.verdicts.append(
                    (record.at, event.by, "", "", "took the decision before back", "")
                )
            case e.SealRequested():
                yield Words(f"{record.at}: {event.by} sealed what was not rejected.")
            case e.Sealed() | e.Edited():
                yield from self._replaced(record.at, event)
            case e.Rejected():
                yield Words(f"{record.at}: {event.by} rejected {event.change_set}:")
                yield Quote(event.reason)
                if event.notes:
                    yield Rows(("path", "part", "verdict", "note"), tuple(
                        (item.path, part(item), item.verdict, item.note) for item in event.notes
                    ))  # fmt: skip
            case e.EditedOutside():
                names = ", ".join(sorted(event.paths))
                yield Words(f"{record.at}: changed by someone else since it was proposed: {names}.")
            case e.Approved():
                yield Heading(3, "Approved")
                lacking = [("after it", needed(event.lacking, more=True))] if event.lacking else []
                yield Facts((*self._approved(record.at, event), *lacking))
            case _:
                pass

    def _decided(self, at: str, by: str, decisions: Sequence[Decision]) -> None:
        self.verdicts += [
            (at, by, item.path, part(item), item.verdict, item.note) for item in decisions
        ]

    def _verdicts(self) -> Iterator[Block]:
        if self.verdicts:
            yield Heading(3, "Decided")
            yield Rows(("when", "by", "path", "part", "verdict", "note"), tuple(self.verdicts))
        self.verdicts = []

    def _replaced(self, at: str, event: e.Sealed | e.Edited) -> Iterator[Block]:
        how = "what is left was built"
        if isinstance(event, e.Edited):
            how = f"{event.by} edited {event.path}"
        ids = f"the change set is {event.change_set} now, it was {event.from_change_set}"
        yield Words(f"{at}: {how}; {ids}.")
        table = differences(self.pending, event.manifest)
        if table:
            yield table
        self.pending = event.manifest

    def _approved(self, at: str, event: e.Approved) -> Iterator[tuple[str, str]]:
        yield "when", at
        yield "by", event.by
        yield (
            "how",
            {
                "person": "a person, who was shown it",
                "flag": "a person, with a flag or a command",
                "plan": "by the plan, which asks for nobody's approval of this phase",
            }[event.how],
        )
        yield "change set", f"{event.change_set}, attempt {event.attempt}"
        yield "it makes", str(counts(self.pending))
        yield "base", event.base
        shown = event.shown
        if shown is None:
            yield "was shown", "nothing that was recorded"
        else:
            seen = f"{shown.seen:,} of {shown.lines:,} changed lines"
            seen = seen if shown.lines else "how many lines is not told"
            yield "was shown", f"{many(shown.files, 'file')} on the {shown.where}, {seen}"
            yield "for", f"{shown.seconds:,} s"
            if shown.hasty:
                yield "was told", "that nobody reads that fast"
        yield "binds", f"SHA-256 {event.digest}"

    # --- written ------------------------------------------------------------------------------

    def _writing(self, record: Record) -> Iterator[Block]:
        event = record.event
        match event:
            case e.ExecutionRequested():
                yield Words(f"{record.at}: {event.by} asked to execute it.")
            case e.ApplyStarted():
                yield Heading(3, f"Applied to the {event.place}")
                kept = sum(row.before is not None for row in self.pending)
                backup = (
                    f"what {many(kept, 'file')} held before is kept as backups/{event.transaction}"
                    if kept
                    else "nothing was replaced, so there was nothing to back up"
                )
                yield Words(
                    f"{record.at}: transaction {event.transaction}, {many(event.files, 'file')} "
                    f"to write; {backup}.{left_alone(event.left)}"
                )
            case e.ApplyFinished():
                yield Words(
                    f"{record.at}: {many(event.verified, 'path')} compared afresh after it."
                    f"{left_alone(event.left)}"
                )
            case e.Executed():
                yield Words(
                    f"{record.at}: executed as commit {event.commit} on {branch(event.branch)}; "
                    f"the change set was {event.change_set}."
                )
            case e.Validated():
                yield Words(f"{record.at}: the checkpoint passed on tree {short(event.tree)}.")
            case e.Unvalidated():
                yield Words(f"{record.at}: the checkpoint did not pass: {', '.join(event.checks)}")
            case _:
                pass
