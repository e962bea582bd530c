"""A state machine over a real repository: a person works, a run goes on, processes are killed.

Hypothesis chooses what happens and shrinks what goes wrong. ``campaign`` makes short trials in
the same world, each with a kill and most with a second one in recovery.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
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
STEPS = ("edits", "deletes", "stages", "commits", "side", "main")
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

    @rule(step=st.sampled_from(STEPS), path=PATH, data=DATA)
    def works(self, step: str, path: str, data: bytes) -> None:
        match step:
            case "edits":
                self.at.write(path, data)
            case "deletes":
                self.at.delete(path)
            case "stages":
                self.at.stage(path)
            case "commits":
                self.at.write(path, data)
                self.at.commit(path)
            case branch:
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


# What may be asked at each stage.
ASKED: dict[str, Sequence[Callable[[World, int, int], None]]] = {
    "idle": (lambda world, at, again: world.dry_run(1, at, again),),
    "proposed": (lambda world, at, again: world.execute(1, at, again),),
    "one": (
        lambda world, at, again: world.dry_run(2, at, again),
        lambda world, at, again: world.roll_back(1, at, again),
    ),
    "validated": (
        lambda world, at, again: world.merge(at, again),
        lambda world, at, again: world.roll_back(2, at, again),
        lambda world, at, again: world.roll_back(1, at, again, close=True),
    ),
    "merged": (
        lambda world, at, again: world.roll_back(1, at, again),
        lambda world, at, again: world.roll_back(2, at, again),
    ),
    "reverted": (lambda world, at, again: world.undo(at, again),),
}


def trial(place: Ground, number: int) -> Outcome:
    """A few steps of a person, then one operation killed, and its recovery killed too."""
    chosen = random.Random(number)
    stage = chosen.choice(sorted(ASKED))
    world = World(place, stage)
    for _ in range(chosen.randrange(4)):
        path, data = chosen.choice(PATHS), chosen.choice([b"mine\n", b"", b"agent b\n"])
        step = chosen.choice([
            lambda path=path, data=data: world.write(path, data),
            lambda path=path: world.delete(path),
            lambda path=path: world.stage(path),
            lambda path=path: world.commit(path),
            lambda: world.switch("side"),
        ])  # fmt: skip
        step()
    chosen.choice(ASKED[stage])(world, chosen.randrange(76), chosen.randrange(30))
    world.close()
    return Outcome(world.injected, world.before, world.after)


def campaign(seed: int, budget: int) -> Outcome:
    """Run trials until ``budget`` kills were injected; a failure is named with its number."""
    total, number = Outcome(), seed * 1_000_000
    with ground() as place:
        while total.injected < budget:
            try:
                total.add(trial(place, number))
            except AssertionError as error:
                total.injected += 1
                total.failed.append(f"machine: trial {number}: {error}")
            number += 1
    return total
