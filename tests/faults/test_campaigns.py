"""Every kind of fault on every operation: a tenth of the points, with ``soak`` all of them."""

from __future__ import annotations

import pytest

from faults import campaigns, image, ptrace
from faults.apart import apart
from faults.campaigns import Bench
from faults.outcome import Outcome
from faults.replay import Disk
from faults.report import TENTH
from faults.scenario import OPERATIONS

SEED = 1

pytestmark = pytest.mark.skipif(bool(ptrace.reason_not_to()), reason=ptrace.reason_not_to())


def attack(operation: str, budgets: dict[str, int | None], *, go_on_every: int) -> Outcome:
    """Run the campaigns on one bench; the sum of what they found."""
    total = Outcome()
    with Bench.of(operation) as bench:
        played = Disk(bench.moment.image).play(bench.calls).image()
        assert image.difference(played, bench.after) == "", "the model of the disk is wrong"
        for name, budget in budgets.items():
            chosen = campaigns.cases(bench, name, SEED, budget)
            total.add(campaigns.carry_out(bench, chosen, go_on_every=go_on_every))
    return total


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS)
def test_p3_a_fault_at_any_call_leaves_before_or_after(operation: str) -> None:
    """Killed, failed, cut off or frozen anywhere: whole, with every byte of the person's."""
    outcome = apart(lambda: attack(operation, dict(TENTH), go_on_every=5))
    assert outcome.failed == []
    assert outcome.injected >= 100
    assert min(outcome.before, outcome.after) > 10


@pytest.mark.soak
@pytest.mark.parametrize("campaign", campaigns.CAMPAIGNS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_p3_a_fault_at_every_call_leaves_before_or_after(operation: str, campaign: str) -> None:
    """The same at every point."""
    outcome = apart(lambda: attack(operation, {campaign: None}, go_on_every=2))
    assert outcome.failed == []
