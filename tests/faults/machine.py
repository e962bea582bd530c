"""A state machine over a real repository: a person works, a run goes on, processes are killed.

Hypothesis chooses what happens and shrinks what goes wrong; ``campaign`` runs the same machine
from a seed.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.journey import WHO

from clubos_tui.engine.state import Status
from clubos_tui.engine.table import refusal
from clubos_tui.events import (
    Event,
    MergeRequested,
    ProposalRequested,
    RollbackRequested,
    UndoRequested,
)
from faults.fork import NEVER
from faults.ground import STAGES, Ground, ground
from faults.outcome import Outcome
from faults.world import PATHS, World

# Few values, so that a person often writes what is there, or what the agent would write.
DATA = st.sampled_from([b"mine 1\n", b"mine 2\n", b"", b"agent one\n", b"agent b\n", b"old\n"])
PATH = st.sampled_from(PATHS)
PHASE = st.sampled_from([1, 2])
# Where the process is killed: no operation here passes many more points; the last is none.
POINT = st.sampled_from([*range(76), NEVER])
AGAIN = st.sampled_from([*range(30), NEVER])


class Safety(RuleBasedStateMachine):
    """Every rule ends with the comparison in :meth:`World._operate`, or changes the model."""

    ground: Ground
    outcome: Outcome

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None

    @initialize(stage=st.sampled_from(sorted(STAGES)))
    def lay_out(self, stage: str) -> None:
        self.world = World(self.ground, stage)

    @property
    def at(self) -> World:
        assert self.world
        return self.world

    def may(self, *words: Event) -> bool:
        """Tell whether the run may be asked for one of these now."""
        return self.world is not None and any(
            refusal(self.world.run.view, word) is None for word in words
        )

    def may_execute(self) -> bool:
        """Tell whether a phase is approved, or proposed and then approved on the way."""
        ready = {Status.PROPOSED, Status.APPROVED}
        view = self.world.run.view if self.world else None
        return view is not None and any(item.state in ready for item in view.phases)

    def waits(self) -> bool:
        """Tell whether a merge stands still until the merged tree is approved."""
        return self.world is not None and self.world.run.view.merge_waits

    # --- the person

    @rule(path=PATH, data=DATA)
    def edits(self, path: str, data: bytes) -> None:
        self.at.write(path, data)

    @rule(path=PATH)
    def deletes(self, path: str) -> None:
        self.at.delete(path)

    @rule(path=PATH)
    def stages(self, path: str) -> None:
        self.at.stage(path)

    @rule(path=PATH, data=DATA)
    def commits(self, path: str, data: bytes) -> None:
        self.at.write(path, data)
        self.at.commit(path)

    @rule(branch=st.sampled_from(["main", "side"]))
    def switches(self, branch: str) -> None:
        self.at.switch(branch)

    # --- the run

    @precondition(lambda self: self.may(*(ProposalRequested(n, WHO) for n in (1, 2))))
    @rule(number=PHASE, at=POINT, again=AGAIN)
    def proposes(self, number: int, at: int, again: int) -> None:
        self.at.dry_run(number, at, again)

    @precondition(lambda self: self.may_execute())
    @rule(number=PHASE, at=POINT, again=AGAIN)
    def executes(self, number: int, at: int, again: int) -> None:
        self.at.execute(number, at, again)

    @precondition(lambda self: self.may(MergeRequested(WHO)) or self.waits())
    @rule(at=POINT, again=AGAIN)
    def merges(self, at: int, again: int) -> None:
        self.at.merge(at, again)

    @precondition(lambda self: self.may(RollbackRequested(1, WHO)))
    @rule(number=PHASE, at=POINT, again=AGAIN, close=st.booleans())
    def rolls_back(self, number: int, at: int, again: int, close: bool) -> None:
        self.at.roll_back(number, at, again, close=close)

    @precondition(lambda self: self.may(UndoRequested(WHO)))
    @rule(at=POINT, again=AGAIN)
    def undoes(self, at: int, again: int) -> None:
        self.at.undo(at, again)

    @precondition(lambda self: self.world is not None and bool(self.world.run.view.ending))
    @rule()
    def starts_anew(self) -> None:
        self.at.start()

    def teardown(self) -> None:
        if self.world:
            self.outcome.injected += self.world.injected
            self.outcome.before += self.world.before
            self.outcome.after += self.world.after
            self.world.close()


def walk(examples: int, steps: int, *, at: int | None = None) -> Outcome:
    """Run the machine; raises what it finds, shrunk. ``at`` is the seed of the choices."""
    outcome = Outcome()
    with ground() as place:
        machine: Any = type("Safety", (Safety,), {"ground": place, "outcome": outcome})
        if at is not None:
            machine = seed(at)(machine)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                derandomize=False,
                verbosity=Verbosity.normal,
                print_blob=False,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    return outcome


def campaign(seed: int, budget: int) -> Outcome:
    """Walk until about ``budget`` kills were injected; a failure is named with its seed."""
    total = Outcome()
    while total.injected < budget and not total.failed:
        try:
            total.add(walk(25, 8, at=seed))
        except AssertionError as error:
            total.failed.append(f"machine: seed {seed}: {error}")
        seed += 1
    return total
