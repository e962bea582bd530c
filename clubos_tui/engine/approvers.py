"""Whose yes counts: the plan's rule about people, held against who has said yes so far. Pure.

The same for a phase and for a merged tree; the table, the folds and every text ask here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from clubos_tui.engine.state import PhaseView, RunView
from clubos_tui.events import Approved, Event, MergeApproved, Overridden, Scope
from clubos_tui.plan import Approvers, people, person

__all__ = [
    "Standing",
    "called",
    "needed",
    "of_merge",
    "of_override",
    "of_phase",
    "told",
    "whose",
]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an approval has come: who has said yes, and who may still."""

    rule: Approvers
    requester: str
    """Who asked for the dry run of the attempt that this is about."""
    yes: tuple[str, ...]
    """Different people whose yes counts, in the order in which they said it."""

    @property
    def lacking(self) -> int:
        """How many more people have to say yes."""
        return max(0, self.rule.count - len(self.yes))

    @property
    def may(self) -> tuple[str, ...]:
        """Those of the named who may still say yes; empty where the rule names nobody."""
        return tuple(name for name in self.rule.named if self.refusal(name) is None)

    @property
    def hopeless(self) -> bool:
        """Whether too few are left who may, so that it has to be asked for by another."""
        return bool(self.rule.named) and len(self.may) < self.lacking

    def barred(self, who: str) -> str | None:
        """Return why this person has no say here at all."""
        if not self.rule.names(who):
            return f"{who} may not approve it: the plan names {', '.join(self.rule.named)}"
        if self.rule.not_requester and person(who) == person(self.requester):
            return f"{who} asked for it, and the plan wants the yes of another"
        return None

    def refusal(self, who: str) -> str | None:
        """Return why this person can't say yes, or not once more."""
        if person(who) in map(person, self.yes) and self.lacking:
            return f"{who} has approved it already; {needed(self.lacking, more=True)}"
        return self.barred(who)

    @property
    def words(self) -> str:
        """What has come and what is lacking: "approved by Pat; one more person is needed"."""
        said = [f"approved by {', '.join(map(called, self.yes))}"] if self.yes else []
        said += [needed(self.lacking, more=bool(self.yes))] if self.lacking else []
        return "; ".join(said)

    @property
    def who(self) -> str:
        """Whose yes is still wanted, as a sentence; empty where anyone's would do."""
        if self.hopeless:
            return "Nobody who may is left: have the dry run asked for by another person."
        if self.rule.named:
            return f"Who may: {', '.join(self.may)}."
        others = [*self.yes, *([self.requester] if self.rule.not_requester else [])]
        return f"Who may: anyone but {', '.join(others)}." if others else ""


def needed(number: int, *, more: bool) -> str:
    """Return "one more person is needed", "two people are needed"."""
    return f"{people(number, 'more' if more else '')} {'is' if number == 1 else 'are'} needed"


def called(name: str) -> str:
    """Return a name without the address that tells it from another."""
    return name.partition("<")[0].strip() or name.strip()


def of_phase(phase: PhaseView) -> Standing:
    """Return how far the approval of a phase's change set has come."""
    said = [one.by for one in phase.approvals if one.how != "plan" or not phase.rule]
    return _standing(phase.rule, phase.requested_by, said)


def of_merge(view: RunView) -> Standing:
    """Return how far that of the merged tree has come; the last phase with a change rules it."""
    last = view.last_on_stage()
    rule, requester = (last.rule, last.requested_by) if last else (Approvers(), "")
    return _standing(rule, requester, [one.by for one in view.merge.approvals])


def of_override(view: RunView, number: int, scope: Scope) -> Standing:
    """Return who may override a check: it takes one of those who may approve."""
    approving = of_merge(view) if scope == "merge" else of_phase(view.phase(number))
    one = dataclasses.replace(approving.rule, count=1)
    return Standing(one, approving.requester, ())


def _standing(rule: Approvers, requester: str, said: Iterable[str]) -> Standing:
    empty, yes = Standing(rule, requester, ()), dict[str, str]()
    for who in said:
        if empty.barred(who) is None:
            yes.setdefault(person(who), who)
    return Standing(rule, requester, tuple(yes.values()))


def whose(view: RunView, event: Event) -> tuple[Standing, str] | None:
    """Return what an event's yes adds to, and why its person can't say it; empty where they can.

    ``None`` where the event is no yes of a person.
    """
    if isinstance(event, Approved) and event.how != "plan":
        standing = of_phase(view.phase(event.phase))
        return standing, standing.refusal(event.by) or ""
    if isinstance(event, MergeApproved):
        standing = of_merge(view)
        return standing, standing.refusal(event.by) or ""
    if isinstance(event, Overridden):
        standing = of_override(view, event.phase, event.scope)
        return standing, standing.barred(event.by) or ""
    return None


def told(view: RunView, event: Event) -> Event:
    """Return a yes together with how many more people are needed after it, for the record."""
    found = whose(view, event)
    if found is None or not isinstance(event, Approved | MergeApproved):
        return event
    return dataclasses.replace(event, lacking=max(0, found[0].lacking - 1))
