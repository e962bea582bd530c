"""A run without a disk: asks ``decide`` and appends what the step's effect would report.

Only events, so thousands of journeys cost nothing; what the effects really do is tested elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision, kept
from clubos_tui.changes.manifest import Change
from clubos_tui.engine import decide as d
from clubos_tui.engine.fold import apply, fold
from clubos_tui.engine.run import approval
from clubos_tui.engine.state import PhaseView, RunView, Status
from clubos_tui.engine.table import TABLE, refusal, rolled_back_with
from clubos_tui.plan import Action, Approvers, CheckSpec, Phase, Plan
from clubos_tui.spending import ModelTurn

WHO = "Pat"
BASE = "base"
ANYONE = Approvers()
_numbers = itertools.count(1)


def plan_of(*required: bool, approvers: Approvers = ANYONE) -> Plan:
    """Return a plan with a phase for each flag: whether it needs a person's approval."""
    phases = [
        Phase(
            f"Phase {number}",
            required_approval=needs,
            action=(Action(f"a{number}", "first"), Action(f"b{number}", "second")),
            check=(CheckSpec("sound", "paths", ("a",)),),
        )
        for number, needs in enumerate(required, 1)
    ]
    return Plan("Model", approvers=approvers, phase=tuple(phases))


def started(plan: Plan, target: str = "refs/heads/main") -> e.RunStarted:
    """Return the first event of a run of ``plan``."""
    return e.RunStarted("r", "/repo", target, "c0", BASE, "sha1", plan.to_json(), "", "", WHO, "0")


class Refusal(AssertionError):
    """The table refused what a step of the driver reports."""


class Model:
    """A journal in memory, its state, and whoever moves it."""

    def __init__(
        self,
        *required: bool,
        target: str = "refs/heads/main",
        approvers: Approvers = ANYONE,
    ) -> None:
        plan = plan_of(*(required or (False, True, True)), approvers=approvers)
        first = started(plan, target)
        self.events: list[e.Event] = [first]
        self.view: RunView = fold(self.events)
        self.reached: set[tuple[type, Status]] = set()

    # --- saying ---------------------------------------------------------------------------------

    def append(self, *events: e.Event) -> None:
        """Append without asking."""
        for event in events:
            self._note(event)
            self.events.append(event)
            self.view = apply(self.view, event)

    def _note(self, event: e.Event) -> None:
        if type(event) in TABLE:
            self.reached.add((type(event), self.view.status(event.phase)))  # type: ignore[attr-defined]

    def report(self, *events: e.Event) -> None:
        """Append what the driver reports, as one batch; it may never be refused."""
        for event in events:
            reason = refusal(self.view, event)
            if reason:
                raise Refusal(f"{event}: {reason}")
        self.append(*events)

    def say(self, event: e.Event) -> str | None:
        """Say what a person says; return why it was refused."""
        reason = refusal(self.view, event)
        if reason:
            return reason
        batch = [event]
        if isinstance(event, e.Overridden):
            phase = self.view.phase(event.phase)
            closed = {item.check for item in self.view.closed_checks("stage", event.tree)}
            if phase.state is Status.UNVALIDATED and closed <= {event.check}:
                batch.append(e.Validated(event.phase, phase.change_set))
        for one in batch:  # each is judged on the state before the batch, as `Run.say` does it
            self._note(one)
        for one in batch:
            self.events.append(one)
            self.view = apply(self.view, one)
        return None

    # --- driving --------------------------------------------------------------------------------

    def run(self, **choices: object) -> d.Wait:
        """Perform steps until a person is needed."""
        for _ in range(60):
            step = d.decide(self.view)
            if isinstance(step, d.Wait):
                return step
            self.perform(step, **choices)
        raise AssertionError(f"BUG: no end of {step}")

    def perform(self, step: d.Step, *, cut: int = 99, **choices: object) -> None:
        """Append what ``step`` reports; after ``cut`` batches it is interrupted."""
        for number, batch in enumerate(self.batches(step, **choices)):
            if number >= cut:
                return
            self.report(*batch)

    def batches(
        self,
        step: d.Step,
        *,
        empty: bool = False,
        fails: bool = False,
        outcome: e.Outcome = "passed",
        identical: bool = True,
        moved: bool = False,
        turns: bool = False,
        held: bool = False,
        asks: bool = False,
    ) -> Iterable[tuple[e.Event, ...]]:
        """Yield what the effect of ``step`` appends, a tuple for each durable write."""
        view = self.view
        n = getattr(step, "phase", 0)
        phase = view.phases[n - 1]
        match step:
            case d.StartAttempt():
                base = view.base_of(n)
                assert base is not None, "BUG: an attempt without a base"
                seed = phase.rejection.change_set if phase.rejection else base
                yield (e.AttemptStarted(n, phase.attempt + 1, base, seed, "model", "/ws"),)
            case d.RunAction():
                yield (e.ActionStarted(n, phase.attempt, step.action, "s"),)
                if turns or held:
                    yield (e.TurnTaken(n, phase.attempt, step.action, turn(phase)),)
                if asks or held:
                    asked = (step.action, f"q{next(_numbers)}", "execute", "May I?", "rm")
                    yield (e.PermissionAsked(n, phase.attempt, *asked),)
                if asks:
                    yield (e.PermissionAnswered(n, phase.attempt, asked[1], True, WHO),)
                if held:
                    yield (e.ActionHeld(n, phase.attempt, step.action, "no money"),)
                    return
                yield self._action(phase, step.action, fails=fails)
            case d.FinishAttempt() if empty:
                yield (e.ProposedNothing(n, phase.attempt),)
            case d.FinishAttempt():
                tree = f"t{next(_numbers)}"
                yield (e.Proposed(n, phase.attempt, phase.base, tree, rows(), {"a": "old"}),)
            case d.RunChecks():
                checks = [e.CheckFinished(n, step.scope, step.tree, "sound", outcome, True, "x")]
                if step.scope == "proposal":
                    checks.append(e.Rehearsed(n, step.tree, identical, 1))  # type: ignore[arg-type]
                yield (
                    *checks,
                    e.ChecksFinished(n, step.scope, step.tree, outcome == "passed"),
                )
            case d.Seal():
                keep = kept(phase.manifest, phase.draft)
                tree = f"s{next(_numbers)}" if keep else phase.base
                yield (e.Sealed(n, phase.attempt, phase.base, phase.change_set, tree, keep),)
            case d.TakeEdit():
                tree = f"e{next(_numbers)}"
                was = phase.change_set
                made = (n, phase.attempt, phase.base, was, tree, phase.manifest)
                yield (e.Edited(*made, step.path, step.by),)
            case d.ApproveByPlan():
                yield (approval(phase, view, WHO, "plan"),)
            case d.ApplyToStage():
                name = f"x{next(_numbers)}"
                yield (e.ApplyStarted(n, name, "stage", "execute", 1),)
                yield (e.ApplyFinished(n, name, 1),)
            case d.PublishBranch():
                yield (e.Executed(n, phase.change_set, f"autogen/{n}", "c", phase.transaction),)
            case d.CloseCheckpoint():
                closed = view.closed_checks("stage", phase.change_set)
                names = tuple(check.check for check in closed)
                if closed:
                    yield (e.Unvalidated(n, phase.change_set, names),)
                else:
                    yield (e.Validated(n, phase.change_set),)
            case d.PrepareMerge():
                last = view.last_on_stage()
                assert last, "BUG: a merge of nothing"
                tree = f"m{next(_numbers)}" if moved else last.change_set
                yield (e.MergePrepared("onto", tree, moved),)
            case d.Merge():
                prepared = view.merge.prepared
                assert prepared
                name = f"x{next(_numbers)}"
                yield (e.ApplyStarted(0, name, "checkout", "merge", 1),)
                merged = e.Merged(view.started.target, "onto", "c", prepared.tree, name)
                yield (merged, e.RunClosed("merged", WHO))
            case d.RollBack():
                yield from self._roll_back(step)
            case d.Undo():
                assert view.rollback
                name = f"x{next(_numbers)}"
                yield (e.ApplyStarted(n, name, "stage", "undo", 1),)
                yield (e.Undone(view.rollback.phases, name, 1),)

    def _action(self, phase: PhaseView, action: str, *, fails: bool) -> tuple[e.Event, ...]:
        n, attempt = phase.number, phase.attempt
        if fails:
            return (
                e.ActionFinished(n, attempt, action, "failed", phase.tree, error="no"),
                e.ProposalFailed(n, attempt, action, "no"),
            )
        return (e.ActionFinished(n, attempt, action, "success", f"w{next(_numbers)}"),)

    def _roll_back(self, step: d.RollBack) -> Iterable[tuple[e.Event, ...]]:
        phases = tuple(phase.number for phase in rolled_back_with(self.view, step.phase))
        closing: tuple[e.Event, ...] = ()
        if step.close or (self.view.ending == "merged" and step.phase == 1):
            closing = (e.RunClosed("rolled back" if phases else "abandoned", WHO),)
        if not phases:
            yield closing
            return
        name = f"x{next(_numbers)}"
        yield (e.ApplyStarted(step.phase, name, "stage", "rollback", 1),)
        yield (e.RolledBack(step.phase, phases, name, 1, 0), *closing)

    # --- a person -------------------------------------------------------------------------------

    def approve(self, number: int, by: str = WHO) -> e.Approved:
        """Return a person's yes to what is pending."""
        return approval(self.view.phase(number), self.view, by, "person")

    def words(self, number: int) -> list[e.Event]:
        """Return everything a person could say about a phase, or the run, now."""
        phase, prepared = self.view.phase(number), self.view.merge.prepared
        now = (number, phase.change_set, phase.attempt)
        tree = prepared.tree if prepared else phase.change_set
        return [
            e.ProposalRequested(number, WHO),
            e.ResumeRequested(number, WHO),
            e.BudgetRaised("phase", number, "cents", 500, WHO),
            *(
                e.PermissionAnswered(number, phase.attempt, asked, True, WHO, alike)
                for asked in phase.permissions.open
                for alike in (True, False)
            ),
            e.Decided(*now, (Decision("a", "reject", "note"), Decision("b", "accept")), WHO),
            e.Decided(*now, (Decision("a", "reject", hunk="h", first=2, last=3),), WHO),
            e.DecisionUndone(*now, WHO),
            e.EditRequested(*now, "a", "0" * 64, WHO),
            e.FileDecided(*now, Decision("a", "reject", "note"), WHO),
            e.FileDecided(*now, Decision("b", "reject"), WHO),
            e.FileDecided(*now, Decision("b", "accept"), WHO),
            e.DecisionCleared(*now, "a", WHO),
            e.SealRequested(*now, WHO),
            self.approve(number),
            e.Rejected(*now, "no", WHO),
            e.ExecutionRequested(number, WHO),
            e.Overridden(number, phase.change_set, "sound", "why", WHO, "proposal"),
            e.Overridden(number, phase.change_set, "sound", "why", WHO, "stage"),
            e.Overridden(number, tree, "sound", "why", WHO, "merge"),
            e.ChecksRequested(number, "proposal", phase.change_set, ("sound",), WHO),
            e.ChecksRequested(number, "stage", phase.change_set, (), WHO),
            e.MergeRequested(WHO),
            e.MergeApproved(tree, WHO, "person"),
            e.RollbackRequested(number, WHO),
            e.RollbackRequested(1, WHO, close=True),
            e.UndoRequested(WHO),
            e.PauseRequested(WHO),
            e.EditedOutside(number, {"a": "new"}),
            e.EditedOutside(number, {"a": "old"}),
        ]

    # --- to a state -----------------------------------------------------------------------------

    def proposed(self, number: int, **choices: object) -> Model:
        """Bring a phase to the end of its dry run."""
        assert self.say(e.ProposalRequested(number, WHO)) is None
        self.run(**choices)
        return self

    def approved(self, number: int) -> Model:
        """Bring a phase to its approval."""
        self.proposed(number)
        assert self.say(self.approve(number)) is None
        return self

    def executed(self, number: int, **choices: object) -> Model:
        """Bring a phase through its checkpoint."""
        if self.view.phase(number).spec.required_approval:
            self.approved(number)
        else:
            self.proposed(number)
        assert self.say(e.ExecutionRequested(number, WHO)) is None
        self.run(**choices)
        return self

    def all_executed(self) -> Model:
        """Bring every phase to validated."""
        for phase in self.view.phases:
            self.executed(phase.number)
        return self

    def merged(self) -> Model:
        """Bring the run to its merge."""
        self.all_executed()
        assert self.say(e.MergeRequested(WHO)) is None
        self.run()
        return self


def turn(phase: PhaseView) -> ModelTurn:
    """Return a request to a model that was answered."""
    name = f"{next(_numbers):064d}"
    return ModelTurn(phase.requests + 1, "answered", "m", "p", record_sha256=name, output_tokens=9)


def rows() -> tuple[Change, ...]:
    """Return a manifest of two files."""
    return tuple(
        Change(path, "create", new_mode="100644", new_blob=f"{next(_numbers):040d}", action="a")
        for path in "ab"
    )


def journey(
    choose: Callable[[Sequence[Any]], Any], judge: Callable[[Model, int], None], steps: int = 40
) -> Model:
    """Walk at random through a run; every prefix is judged. ``choose`` picks one of a list."""
    model = Model(*(choose([True, False]) for _ in range(choose([1, 2, 3]))))
    for _ in range(steps):
        step = d.decide(model.view)
        before = len(model.events)
        if isinstance(step, d.Wait) or choose([False] * 5 + [True]):
            number = choose(range(1, len(model.view.phases) + 1))
            follow = choose([False, True]) and promised(model)
            model.say(follow or choose(model.words(number)))
        else:
            how = choose(["done"] * 6 + ["cut", "fails", "closed", "other"])
            choices = {
                "fails": {"fails": True},
                "closed": {"outcome": choose(["failed", "unknown"])},
                "other": choose(
                    [
                        {"empty": True},
                        {"moved": True},
                        {"identical": False},
                        {"turns": True},
                        {"held": True},
                        {"asks": True},
                    ]
                ),
            }.get(how, {"turns": choose([False, False, True])})
            model.perform(step, cut=choose([0, 1, 2]) if how == "cut" else 99, **choices)
            if how == "cut":
                name, number = type(step).__name__, getattr(step, "phase", 0)
                ends = [e.StepFailed(name, number, "no"), e.Paused(name, number, WHO)]
                end = choose([*ends, None])  # None: killed, and nobody could say anything
                model.report(*([end] if end else []))
        judge(model, before)
    model.run()
    judge(model, len(model.events))
    return model


def promised(model: Model) -> e.Event | None:
    """Return the event that the person's next step stands for."""
    view, step = model.view, d.next_for_person(model.view)
    phase = view.phase(step.phase) if step.phase else None
    if step.verb == "answer":
        assert phase
        asked = next(iter(phase.permissions.open))
        return e.PermissionAnswered(phase.number, phase.attempt, asked, True, WHO)
    if step.verb == "override":
        closed = [
            *view.closed_checks("proposal", phase.change_set),
            *view.closed_checks("stage", phase.change_set),
        ]
        check = closed[0]
        return e.Overridden(phase.number, phase.change_set, check.check, "why", WHO, check.scope)
    if step.verb == "approve merge":
        tree = view.merge.prepared.tree
        closed = view.closed_checks("merge", tree)
        if closed:
            return e.Overridden(1, tree, closed[0].check, "why", WHO, "merge")
        return e.MergeApproved(tree, WHO, "person")
    words = {
        "propose": lambda: e.ProposalRequested(phase.number, WHO),
        "approve": lambda: model.approve(phase.number),
        "seal": lambda: e.SealRequested(phase.number, phase.change_set, phase.attempt, WHO),
        "execute": lambda: e.ExecutionRequested(phase.number, WHO),
        "merge": lambda: e.MergeRequested(WHO),
    }
    return words[step.verb]() if step.verb in words else None
