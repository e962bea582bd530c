"""Drive a run the way a driver does, one request at a time, on a real repository."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from clubos_tui.agents import Factory
from clubos_tui.engine.driver import Driver
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import PhaseView, RunView, Status
from clubos_tui.events import StepFailed
from clubos_tui.plan import Action, Phase, Plan
from support.agents import Edit, ScriptedAgent
from support.repo import Repo

WHO = "Pat <pat@example.org>"
Script = Edit | Mapping[str, Edit]


def plan_of(
    phases: Sequence[Script],
    *,
    plan_protected: tuple[str, ...] = ("never/",),
    plan_guarded: tuple[str, ...] = (),
    **fields: object,
) -> tuple[Plan, dict[str, Edit]]:
    """Return a plan with an action for each edit, and the edits by action id."""
    edits: dict[str, Edit] = {}
    made = []
    for number, script in enumerate(phases, 1):
        actions = script if isinstance(script, Mapping) else {f"p{number}": script}
        edits.update(actions)
        made.append(
            Phase(
                name=f"Phase {number}",
                action=tuple(Action(id=name, name=f"do {name}") for name in actions),
                **{"required_approval": True, **fields},  # type: ignore[arg-type]
            )
        )
    # The check of protected paths is the one that passes on any tree but that of a wrong path.
    plan = Plan(
        "Test", agent="scripted", protected=plan_protected, guarded=plan_guarded, phase=tuple(made)
    )
    return plan, edits


class Journey:
    """A run of ``phases`` (an edit each, or edits by action id) in ``repo``."""

    def __init__(self, repo: Repo, *phases: Script, **fields: Any) -> None:
        self.repo = repo
        self.plan, self.edits = plan_of(phases, **fields)
        self.session = Session.open(repo.path, self.agents)
        self.run = self.session.start(self.plan, "test", by=WHO)
        self.driver = Driver(self.session, self.run)
        self.driver.require()

    @property
    def agents(self) -> dict[str, Factory]:
        """The scripted agent under the name the plan gives it."""
        return {"scripted": lambda: ScriptedAgent(self.edits)}

    @property
    def view(self) -> RunView:
        """The run as it is in the journal now."""
        self.run.refresh()
        return self.run.view

    def phase(self, number: int = 1) -> PhaseView:
        """Return one phase."""
        return self.view.phase(number)

    def close(self) -> None:
        """Give the lock and the reading process back."""
        self.driver.release()
        self.session.close()

    def reopen(self) -> Journey:
        """Start anew on the same run, as another process would after this one died."""
        self.close()
        self.open()
        return self

    def open(self) -> None:
        """Open session, run and driver; recovers what was cut short."""
        self.session = Session.open(self.repo.path, self.agents)
        current = self.session.current()
        assert current
        self.run: Run = current
        self.driver = Driver(self.session, self.run)
        self.driver.require()

    # --- steps that must succeed --------------------------------------------------------------

    def settle(self) -> StepFailed | None:
        """Drive until a person is needed; return what failed."""
        asyncio.run(self.driver.until_waiting())
        return self.view.failure

    def go(self) -> Journey:
        """Drive, and require that nothing failed."""
        failure = self.settle()
        assert failure is None, failure
        return self

    def propose(self, number: int = 1) -> Journey:
        """Make a dry run of a phase."""
        self.run.propose(number, by=WHO)
        self.go()
        assert self.phase(number).state is not Status.FAILED, self.phase(number).error
        return self

    def approve(self, number: int = 1, *, by: str = WHO) -> Journey:
        """Say yes to what is pending."""
        phase = self.phase(number)
        self.run.approve(number, phase.change_set, phase.attempt, by=by)
        return self

    def execute(self, number: int = 1) -> Journey:
        """Execute, and require that the checkpoint passes."""
        self.run.execute(number, by=WHO)
        self.go()
        assert self.view.status(number) in {Status.VALIDATED, Status.MERGED}
        return self

    def live(self, *numbers: int) -> Journey:
        """Propose, approve and execute phases; all of them where none is named."""
        for number in numbers or range(1, len(self.plan.phase) + 1):
            self.propose(number).approve(number).execute(number)
        return self

    def merge(self) -> Journey:
        """Merge, and require that it happened."""
        assert self.try_merge() is None, self.view.failure
        assert self.view.ending == "merged"
        return self

    def roll_back(self, number: int = 1, *, close: bool = False) -> Journey:
        """Take a phase and the later ones back."""
        assert self.try_roll_back(number, close=close) is None, self.view.failure
        return self

    def undo(self) -> Journey:
        """Take the rollback back."""
        self.run.undo(by=WHO)
        return self.go()

    # --- steps that may fail ------------------------------------------------------------------

    def try_execute(self, number: int = 1) -> StepFailed | None:
        """Execute and return what failed."""
        self.run.execute(number, by=WHO)
        return self.settle()

    def try_merge(self) -> StepFailed | None:
        """Merge and return what failed."""
        self.run.merge(by=WHO)
        return self.settle()

    def try_roll_back(self, number: int = 1, *, close: bool = False) -> StepFailed | None:
        """Roll back and return what failed."""
        self.run.roll_back(number, by=WHO, close=close)
        return self.settle()

    @property
    def stage(self) -> str:
        """The folder that holds the tree of the last executed phase."""
        return self.session.paths.stage(self.run.id)
