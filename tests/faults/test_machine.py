"""Any order of a person's work, a run's steps and kills leaves before or after (P3, P4)."""

from __future__ import annotations

import pytest

from faults.machine import walk


@pytest.mark.long
def test_p3_whatever_happens_in_any_order_is_before_or_after() -> None:
    """A hundred walks; the first fault found is shrunk to the shortest that shows it."""
    outcome = walk(100, 4)
    assert outcome.injected > 30
    assert outcome.before > 30
    assert outcome.after > 3


@pytest.mark.soak
def test_p3_whatever_happens_in_any_order_is_before_or_after_soak() -> None:
    """A thousand longer walks."""
    outcome = walk(1000, 12)
    assert outcome.injected > 1000
