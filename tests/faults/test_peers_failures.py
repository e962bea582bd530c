"""Ten failures that cost people their work elsewhere; each is ruled out here by a named guard."""

from __future__ import annotations

import pytest

from faults.ground import STAGES, Ground
from faults.peers import GUARDS


def hold(place: Ground, *names: str) -> None:
    """Run scenarios with their guards in place."""
    for name in names:
        with pytest.MonkeyPatch.context() as patch:
            GUARDS[name].scenario(place, patch)


def test_failure_01_failed_backup_never_restores_an_older_one(place: Ground) -> None:
    """P5: no backup, no write."""
    hold(place, "01")


def test_failure_02_restore_never_deletes_what_nobody_asked_about(place: Ground) -> None:
    """P4: untracked, ignored and nested things stay, also in folders that go."""
    hold(place, "02")


def test_failure_03_rollback_never_eats_later_work(place: Ground) -> None:
    """P4, P6: neither an edit after the last look nor a commit after the check is lost."""
    hold(place, "03 an edit", "03 a commit")


def test_failure_04_undone_is_never_said_of_what_is_not(place: Ground) -> None:
    """P4: all or nothing, and success only from a fresh comparison."""
    hold(place, "04 half", "04 told")


def test_failure_05_an_agents_git_never_reaches_the_real_tree(place: Ground) -> None:
    """P8: where it works there is no repository to destroy."""
    hold(place, "05")


def test_failure_06_a_dry_run_never_writes_and_nothing_runs_unapproved(place: Ground) -> None:
    """P1, P10: not a byte, not a time; and once after the yes."""
    hold(place, "06 a write", "06 no yes")


def test_failure_07_approved_is_never_something_else_when_applied(place: Ground) -> None:
    """P2: bytes that changed on the way are not written."""
    hold(place, "07")


def test_failure_08_a_path_never_leads_out(place: Ground) -> None:
    """P8: neither by its name nor by a link put there in between."""
    hold(place, "08 a name", "08 a link")


def test_failure_09_backups_never_grow_with_the_tree(place: Ground) -> None:
    """What is kept is what was replaced."""
    hold(place, "09")


def test_failure_10_a_gate_never_opens_without_evidence(place: Ground) -> None:
    """P7: what looked at nothing has not passed."""
    hold(place, "10")


@pytest.mark.parametrize("name", GUARDS)
def test_each_guard_is_what_holds(place: Ground, name: str) -> None:
    """Without it the scenario does its harm: so the tests above can fail."""
    guard = GUARDS[name]
    for stage in STAGES:  # where it begins was reached with every guard in place
        place.lay_out(stage)
    with pytest.MonkeyPatch.context() as patch:
        guard.remove(patch)
        with pytest.raises(AssertionError, match=guard.harm):
            guard.scenario(place, patch)
