"""A run: its journal, the state it folds to, and the things a person may say to it.

Every request and decision goes through :meth:`Run.say`, which asks the event × state table first
and appends under the number it decided on. Nothing here moves the run; the driver does.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from clubos_tui import __version__
from clubos_tui.changes.decisions import Decision, Verdict
from clubos_tui.changes.manifest import TreeId, digest
from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.approvers import told, whose
from clubos_tui.engine.fold import apply
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.state import PhaseView, RunView, Status
from clubos_tui.engine.table import refusal
from clubos_tui.errors import GateClosed, NeedsPerson, Refused, Stale
from clubos_tui.events import (
    AgentAdmitted,
    Approved,
    BudgetRaised,
    CheckProved,
    ChecksRequested,
    Decided,
    DecisionUndone,
    Edited,
    EditedOutside,
    EditRequested,
    Event,
    ExecutionRequested,
    MergeApproved,
    MergeRequested,
    Overridden,
    PauseRequested,
    PermissionAnswered,
    ProposalRequested,
    Proposed,
    Rejected,
    ResumeRequested,
    RollbackRequested,
    RunId,
    Scope,
    Sealed,
    SealRequested,
    Shown,
    UndoRequested,
    Validated,
)
from clubos_tui.journal import Conflict, FileJournal, Journal, Record
from clubos_tui.plan import CheckSpec, Needs
from clubos_tui.spending import Scope as SpendingScope
from clubos_tui.spending import Unit

_RETRIES = 20


class Run:
    """One run of a repository, as any process sees it."""

    def __init__(self, run_id: RunId, paths: StatePaths, journal: Journal | None = None) -> None:
        self.id = run_id
        self.paths = paths
        self.journal = journal or FileJournal(paths.run(run_id))
        self._view: RunView | None = None
        self._folded = 0
        self._stands: Callable[[RunView], bool] | None = None

    @property
    def view(self) -> RunView:
        """The state as of the last :meth:`refresh` or :meth:`say`."""
        if self._view is None:
            self.refresh()
        assert self._view is not None, "BUG: a run without its first event"
        return self._view

    def refresh(self) -> Sequence[Record]:
        """Read what was appended since the last call and fold it in; return just that."""
        new = self.journal.new(self._folded)
        for record in new:
            self._view = apply(self._view, record.event)
        self._folded += len(new)
        return new

    def since(self, after: int) -> Sequence[Record]:
        """Read on, and return the records after number ``after`` that are in the view."""
        self.refresh()
        return self.journal.new(after)[: self._folded - after]  # more may have come meanwhile

    def say(self, *events: Event, durable: bool = True) -> None:
        """Append events that a person or the driver says, if they may come now.

        Raises :class:`Refused` with the reason where they may not, :class:`NeedsPerson` where
        another person may. Where another process appended in between, the question is asked again
        on the new state.
        """
        for _ in range(_RETRIES):
            self.refresh()
            if self._stands is not None and not self._stands(self.view):
                raise Stale(
                    "it is not as it was when you were asked",
                    untouched="Nothing was recorded and nothing was done.",
                    cure="Look again, and decide on what is there now.",
                )
            for event in events:
                reason = refusal(self.view, event)
                if reason:
                    raise _refused(self.view, event, reason)
            said = (told(self.view, event) for event in events)
            try:
                self.journal.append(*said, expected=self._folded, durable=durable)
            except Conflict:
                continue
            self._stands = None  # what comes after that builds on it
            self.refresh()
            return
        raise Refused("the journal is too busy", untouched="Nothing was recorded.")

    @contextlib.contextmanager
    def provided(self, stands: Callable[[RunView], bool]) -> Iterator[None]:
        """Within, refuse what is said first if ``stands`` denies the very state it would come to.

        For a decision that rests on more than the table of events and states looks at: what a
        person saw when they made it.
        """
        self._stands = stands
        try:
            yield
        finally:
            self._stands = None

    # --- requests -----------------------------------------------------------------------------

    def propose(self, phase: int, *, by: str) -> None:
        """Ask for a dry run of ``phase``."""
        self.say(ProposalRequested(phase, by))

    def resume(self, phase: int, *, by: str) -> None:
        """Ask to go on with a held dry run of ``phase``."""
        self.say(ResumeRequested(phase, by))

    def set_limits(
        self, scope: SpendingScope, phase: int, limits: Mapping[Unit, int], *, by: str
    ) -> None:
        """Set limits of a phase or of the run anew, in the plan's units; 0 takes one away."""
        self.say(*(BudgetRaised(scope, phase, unit, most, by) for unit, most in limits.items()))

    def admit(self, agent: str, needs: Needs, *, by: str) -> None:
        """Let an agent have what it needs of this machine, in this run."""
        self.say(AgentAdmitted(agent, needs, by))

    def answer(
        self, phase: int, permission: str, *, allowed: bool, by: str, alike: bool = False
    ) -> None:
        """Answer an agent; ``alike`` answers all it asks of that kind in the attempt."""
        attempt = self._current(phase).attempt
        self.say(PermissionAnswered(phase, attempt, permission, allowed, by, alike))

    def execute(self, phase: int, *, by: str) -> None:
        """Ask to execute ``phase`` for real."""
        self._require_fresh(self._current(phase))
        self.say(ExecutionRequested(phase, by))

    def check(self, phase: int, *checks: str, by: str) -> None:
        """Ask for checks of a phase again, whatever was known; without names for all of them."""
        view = self._current(phase)
        scope: Scope = "proposal" if view.state is Status.PROPOSED else "stage"
        self.say(ChecksRequested(phase, scope, view.change_set, checks, by))

    def merge(self, *, by: str) -> None:
        """Ask to merge what is validated."""
        self.say(MergeRequested(by))

    def roll_back(
        self, phase: int, *, by: str, close: bool = False, take_out: Sequence[str] = ()
    ) -> None:
        """Ask to take ``phase`` and every later one back; ``close`` ends the run with it.

        Of the paths in ``take_out``, edited by the person since, only our part goes.
        """
        self.say(RollbackRequested(phase, by, close, tuple(take_out)))

    def undo(self, *, by: str) -> None:
        """Ask to take the last rollback back."""
        self.say(UndoRequested(by))

    def pause(self, *, by: str) -> None:
        """Ask the driver, whichever process it is in, to interrupt the step under way."""
        self.say(PauseRequested(by))

    # --- decisions ----------------------------------------------------------------------------

    def decide(
        self, phase: int, change_set: TreeId, decisions: Sequence[Decision], *, by: str
    ) -> None:
        """Decide on files, hunks or lines of the change set that was shown; one gesture.

        A draft until it is sealed. Raises :class:`Refused` where another is proposed by now.
        """
        view = self._current(phase)
        self.say(Decided(phase, change_set, view.attempt, tuple(decisions), by))

    def decide_file(
        self, phase: int, path: str, verdict: Verdict, *, by: str, note: str = ""
    ) -> None:
        """Decide on one whole file of what is pending."""
        change_set = self._current(phase).change_set
        self.decide(phase, change_set, [Decision(path, verdict, note)], by=by)

    def undo_decision(self, phase: int, *, by: str) -> None:
        """Take the last gesture back."""
        view = self._current(phase)
        self.say(DecisionUndone(phase, view.change_set, view.attempt, by))

    def edit(self, phase: int, change_set: TreeId, path: str, data: bytes, *, by: str) -> None:
        """Ask for the tree with a person's edit of one proposed file in it.

        The bytes are saved beside the journal first; recorded are their place and SHA-256.
        """
        view = self._current(phase)
        sha256 = hashlib.sha256(data).hexdigest()
        event = EditRequested(phase, change_set, view.attempt, path, sha256, by)
        reason = refusal(self.view, event)
        if reason:
            raise Refused(reason, untouched="Your edit was not taken; nothing was recorded.")
        self.journal.save_edit(sha256, data)
        self.say(event)

    def seal(self, phase: int, *, by: str) -> None:
        """Ask for the tree of what was not rejected."""
        view = self._current(phase)
        self.say(SealRequested(phase, view.change_set, view.attempt, by))

    def approve(
        self, phase: int, change_set: TreeId, attempt: int, *, by: str, shown: Shown | None = None
    ) -> None:
        """Say yes to exactly what was shown.

        Raises :class:`Stale` where it is no longer that, or where files it touches were changed
        by someone else meanwhile; :class:`GateClosed` where a required check keeps it shut;
        :class:`NeedsPerson` where the plan wants the yes of another person.
        """
        view = self._current(phase)
        self._require_same(view, change_set, attempt)
        self._require_fresh(view)
        if self.view.reviewable(phase) is False:
            reason = refusal(self.view, approval(view, self.view, by, "person", shown))
            raise GateClosed(
                f"phase {phase} cannot be approved: {reason}",
                untouched="Nothing was approved.",
                cure="Have it proposed again, or override the check by name and with a reason.",
            )
        self.say(approval(view, self.view, by, "person" if shown else "flag", shown))

    def reject(self, phase: int, change_set: TreeId, attempt: int, *, reason: str, by: str) -> None:
        """Say no, with the reason and the notes on files for the agent's next attempt."""
        view = self._current(phase)
        self._require_same(view, change_set, attempt)
        self.say(Rejected(phase, change_set, attempt, reason, by, view.draft.notes()))

    def approve_merge(self, tree: TreeId, *, by: str, flag: bool = False) -> None:
        """Say yes to a merged tree that differs from the last phase's."""
        self.say(MergeApproved(tree, by, "flag" if flag else "person"))

    def override(
        self, phase: int, check: str, *, reason: str, by: str, shown: TreeId | None = None
    ) -> None:
        """Open a gate in spite of one check; recorded with name and reason (P7).

        Raises :class:`Stale` where the evidence that was shown is of another tree by now.
        """
        if not reason.strip():
            raise NeedsPerson(
                "an override needs a reason", untouched="Nothing was recorded.", cure="Give one."
            )
        view = self._current(phase)
        prepared = self.view.merge.prepared
        scope: Scope = "stage" if view.state is Status.UNVALIDATED else "proposal"
        tree = view.change_set
        if self.view.merge_waits and prepared:
            scope, tree = "merge", prepared.tree
        if shown is not None and shown != tree:
            raise Stale(
                f"the evidence that was shown is of {shown[:12]}, and it is about {tree[:12]} now",
                untouched="Nothing was recorded.",
                cure="Look at the checks again.",
            )
        events: list[Event] = [Overridden(phase, tree, check, reason.strip(), by, scope)]
        closed = {item.check for item in self.view.closed_checks("stage", view.change_set)}
        if view.state is Status.UNVALIDATED and closed <= {check}:
            events.append(Validated(phase, view.change_set))
        if scope == "proposal" and check == TAMPER:
            # A yes to what the phase changed of its judges: they judge it from now on.
            known = self.view.checks.get((scope, tree), {})
            names = tuple(name for name, found in known.items() if found.from_base)
            events += [ChecksRequested(phase, scope, tree, names, by)] if names else []
        self.say(*events)

    def prove(self, phase: int, spec: CheckSpec, *, caught: bool, fault: str, by: str) -> None:
        """Record what a check made of a seeded fault."""
        self.say(CheckProved(phase, spec.name, digest(spec), __version__, caught, fault, by))

    def note_outside(self, phase: int, paths: dict[str, str]) -> None:
        """Record that touched files were changed by someone else; ``paths`` maps to SHA-256."""
        known = self._current(phase)
        news = {
            path: sha
            for path, sha in paths.items()
            if known.outside.get(path, known.checkout.get(path, "")) != sha
        }
        if news:
            self.say(EditedOutside(phase, news))

    # --- what must hold -----------------------------------------------------------------------

    def _current(self, phase: int) -> PhaseView:
        self.refresh()
        if not 1 <= phase <= len(self.view.phases):
            raise Refused(
                f"there is no phase {phase}; the plan has {len(self.view.phases)}",
                untouched="Nothing was recorded.",
            )
        return self.view.phase(phase)

    def _require_same(self, view: PhaseView, change_set: TreeId, attempt: int) -> None:
        if view.change_set != change_set or view.attempt != attempt:
            paths = self._moved_paths(view, change_set)
            raise Stale(
                f"phase {view.number} now proposes {view.change_set[:12] or 'nothing'} "
                f"(attempt {view.attempt}), not {change_set[:12]} (attempt {attempt})"
                + "".join(f"\n  {path}" for path in paths),
                paths=paths,
                untouched="Nothing was approved or rejected.",
                cure=f"Look again with `clubos diff {view.number}` and decide on the new id.",
            )
        if self.view.status(view.number).value == "stale":
            raise Stale(
                f"phase {view.number} was proposed on {view.base[:12]}, and the phase before it "
                f"now gives {self.view.base_of(view.number) or 'nothing'}",
                untouched="Nothing was approved or rejected.",
                cure=f"Propose phase {view.number} again.",
            )

    def _moved_paths(self, view: PhaseView, shown: TreeId) -> tuple[str, ...]:
        """Return the paths in which ``shown`` differs from what is proposed now."""
        for record in reversed(self.journal.load()):
            event = record.event
            if isinstance(event, Proposed | Sealed | Edited) and (
                event.phase,
                event.change_set,
            ) == (
                view.number,
                shown,
            ):
                old = {row.path: (row.before, row.after) for row in event.manifest}
                new = {row.path: (row.before, row.after) for row in view.manifest}
                paths = old.keys() | new.keys()
                return tuple(sorted(path for path in paths if old.get(path) != new.get(path)))
        return ()

    def _require_fresh(self, view: PhaseView) -> None:
        moved = view.moved_outside()
        if moved:
            raise Stale(
                f"files that phase {view.number} touches were changed outside since it was "
                "proposed:\n" + "\n".join(f"  {path}" for path in moved),
                paths=moved,
                untouched="Nothing was approved and nothing was done.",
                cure=f"Put them back, or propose phase {view.number} again on what is there now.",
            )


def _refused(view: RunView, event: Event, reason: str) -> Refused | NeedsPerson:
    untouched = "Nothing was recorded and nothing was done."
    found = whose(view, event)
    if found and found[1] == reason:
        return NeedsPerson(reason, untouched=untouched, cure=found[0].who)
    return Refused(reason, untouched=untouched)


def approval(
    phase: PhaseView,
    run: RunView,
    by: str,
    how: Literal["person", "plan", "flag"],
    shown: Shown | None = None,
) -> Approved:
    """Return the approval of what is pending, bound to every byte of it by a SHA-256."""
    evidence = run.checks.get(("proposal", phase.change_set), {})
    bound = {
        "base": phase.base,
        "change_set": phase.change_set,
        "attempt": phase.attempt,
        "manifest": [digest(row) for row in phase.manifest],
        "checks": [digest(evidence[name]) for name in sorted(evidence)],
        "shown": digest(shown) if shown else "",
        "by": by,
    }
    return Approved(
        phase.number,
        phase.base,
        phase.change_set,
        phase.attempt,
        by,
        how,
        digest(bound),
        shown,
    )
