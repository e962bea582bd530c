"""What may go of the state folder: decided without looking at a disk."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model import WHO, Model, journey

from clubos_tui import events as e
from clubos_tui.engine.fold import fold
from clubos_tui.engine.housekeeping import Standing, Thing, judge, standing_of
from clubos_tui.engine.table import refusal

GOES = ("bench", "workspace", "stage", "objects", "streams", "recording", "edits", "backup")
NEVER = ("journal", "workshop", "staging", "lock", "unknown")
RUNS = (
    Standing("open", open=True),
    Standing("at-work", open=True, proposing=True),
    Standing("back", rewinds=True, reopens=True),
    Standing("before", rewinds=True),
    Standing("over"),
    Standing("torn", damage="record 3: the chain does not hold"),
)
THINGS = st.lists(
    st.builds(
        lambda kind, run, size, stays, number: Thing(
            kind, f"{kind}/{number}", (), size, run, stays, run
        ),
        st.sampled_from(("left-over", *GOES, *NEVER)),
        st.sampled_from(("", "stranger", *(run.run for run in RUNS))),
        st.integers(0, 1000),
        st.sampled_from(("", "", "", "somebody worked in it")),
        st.integers(0, 10**6),
    ),
    max_size=12,
)


def kinds(*runs: Standing, budget: int = 0, of: str = "") -> set[str]:
    """Return the kinds of thing that go, where one of each is the first run's."""
    name = of or runs[0].run
    things = [Thing(kind, kind, (), 10, name) for kind in ("left-over", *GOES, *NEVER)]
    return {row.thing.kind for row in judge(things, runs, budget).go}


@given(THINGS, st.lists(st.sampled_from(RUNS), unique=True), st.integers(0, 5000))
def test_whatever_lies_there_no_more_goes_than_may_and_has_to(
    things: list[Thing], runs: list[Standing], budget: int
) -> None:
    plan = judge(things, runs, budget)
    assert sorted(row.thing.name for row in plan.rows) == sorted(thing.name for thing in things)
    assert plan.total == sum(thing.bytes for thing in things)
    assert all(row.why for row in plan.rows)
    standing = {run.run: run for run in runs}
    for row in plan.go:
        run = standing.get(row.thing.run, Standing(""))
        assert not row.thing.stays
        assert row.thing.kind not in NEVER
        own = row.thing.kind in {"streams", "recording", "edits", "stage", "backup"}
        assert not own or (row.thing.run in standing and not run.open and not run.reopens)
        assert not (run.damage and row.thing.kind not in {"bench", "workspace", "objects"})
        assert not (run.rewinds and row.thing.kind in {"stage", "backup"})
        if row.thing.kind == "workspace":
            assert not any(run.proposing or run.damage for run in runs)
    # The last one that went was needed: without it there would be more than the budget.
    asked = [row.thing for row in plan.go if row.thing.kind != "left-over"]
    if asked:
        last = asked[-1].bytes
        assert plan.after + last > budget or last == 0
    # And where that is not enough, nothing that might go is left.
    if plan.after > budget:
        assert all("within the budget" not in row.why for row in plan.keep)


def test_of_a_run_that_is_over_all_but_its_journal_may_go() -> None:
    assert kinds(Standing("over")) == {"left-over", *GOES}


def test_of_an_open_run_only_the_left_overs_go() -> None:
    """And what is every run's, while no dry run is at work there."""
    assert kinds(Standing("r", open=True)) == {"left-over", "bench", "workspace", "objects"}
    assert kinds(Standing("r", open=True, proposing=True)) == {"left-over", "bench", "objects"}


def test_of_a_run_whose_journal_is_damaged_nothing_goes() -> None:
    assert kinds(Standing("r", damage="torn")) == {"bench"}
    # Nor what it might name, or be at work in.
    over = Standing("over")
    shared = {"left-over", *GOES} - {"workspace", "objects"}
    assert kinds(over, Standing("torn", damage="torn")) == shared


def test_p4_of_a_run_that_can_be_rewound_its_stage_and_backups_stay() -> None:
    assert kinds(Standing("r", rewinds=True)) == {"left-over", *GOES} - {"stage", "backup"}
    stays = {"left-over", "bench", "workspace", "objects"}
    assert kinds(Standing("r", rewinds=True, reopens=True)) == stays


def test_the_safest_goes_first_and_of_that_the_oldest_run_s() -> None:
    runs = [Standing(name) for name in "ab"]
    things = [
        Thing(kind, f"{kind} {run}", (), 10, run, since=run)
        for run in "ba"
        for kind in ("backup", "streams", "stage")
    ] + [Thing("bench", "bench", (), 10), Thing("left-over", "left-over", (), 10)]
    order = ["left-over", "bench", "stage a", "stage b", "streams a", "streams b",
             "backup a", "backup b"]  # fmt: skip
    for budget in range(80, -1, -10):
        gone = [row.thing.name for row in judge(things, runs, budget).go]
        assert gone == (order[: 8 - budget // 10] or ["left-over"])


# --- how far a run is from being over -------------------------------------------------------------

ON_STAGE = (e.ProposalRequested, e.ResumeRequested, e.ExecutionRequested, e.ChecksRequested)


def held_to_the_table(model: Model, before: int) -> None:
    """Hold each prefix against the table of what may be asked."""
    for size in range(max(before, 1), len(model.events) + 1):
        view = fold(model.events[:size])
        found = standing_of("r", view, current=True)
        at = Model()
        at.view = view
        words = [event for phase in view.phases for event in at.words(phase.number)]
        may = [event for event in words if refusal(view, event) is None]
        if found.open:
            continue
        assert not view.queue, "it is in the middle of something"
        assert not [event for event in may if isinstance(event, ON_STAGE)]
        if view.merge.merged is None:
            assert not [event for event in may if isinstance(event, e.RollbackRequested)]
        undo = refusal(view, e.UndoRequested(WHO)) is None
        on_stage = undo and not view.rollback.commit
        assert found.rewinds == found.reopens == on_stage


@pytest.mark.parametrize("seed", range(25))
def test_p4_what_counts_as_over_has_nothing_left_to_do_on_its_stage(seed: int) -> None:
    """Whatever came before: no request that writes the stage may come but the undo that is told."""
    journey(random.Random(seed).choice, held_to_the_table, steps=60)
