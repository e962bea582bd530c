"""A person, or anybody else, works in the repository while an operation runs (P3, P4, P6)."""

from __future__ import annotations

import pytest

from faults.ground import Ground
from faults.outcome import Outcome
from faults.person import campaign, side_by_side
from faults.races import MALICE, ON_CHECKOUT, ON_FILES, OPERATIONS, cases, moments_of, race

PAIRS = [
    (operation, malice)
    for operation in OPERATIONS
    for malice in (MALICE if operation in ON_CHECKOUT else ON_FILES)
]


@pytest.mark.parametrize(("operation", "malice"), PAIRS)
def test_p4_a_second_process_between_two_steps(place: Ground, operation: str, malice: str) -> None:
    """What it did is still there, nothing is written beyond the root, nothing is half done."""
    moments = moments_of(place, operation)
    once = [name for name in moments if not name.startswith("switched ")]
    swap = next(name for name in moments if name.startswith("switched "))
    # Every second moment for one harm and the others for the next; the soak takes all.
    for moment in [*once, swap][PAIRS.index((operation, malice)) % 2 :: 2]:
        assert race(place, operation, malice, moment).injected == 1


@pytest.mark.parametrize("operation", ON_CHECKOUT)
def test_p4_nothing_of_a_person_at_work_is_lost(place: Ground, operation: str) -> None:
    """Edits, renames, commits and branches of a process that works all the while."""
    outcome = Outcome()
    for seed in range(12):
        outcome.add(side_by_side(place, operation, seed))
    assert outcome.injected == 12
    assert outcome.before + outcome.after == 12


@pytest.mark.soak
def test_p4_a_second_process_at_every_moment_soak(place: Ground) -> None:
    """All of it: each operation, each harm, each moment."""
    for case in cases(place):
        race(place, *case)


@pytest.mark.soak
def test_p4_nothing_of_a_person_at_work_is_lost_soak() -> None:
    """Two thousand trials, every second one a barrier."""
    assert campaign(1, 2000).failed == []
