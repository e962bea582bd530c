"""What a phase costs does not grow with its files: flushes and processes are counted, not timed."""

from __future__ import annotations

import pytest

from faults import ptrace
from faults.apart import apart
from faults.durability import git_processes, syncs
from faults.growth import cost

pytestmark = pytest.mark.skipif(bool(ptrace.reason_not_to()), reason=ptrace.reason_not_to())


def counted(files: int) -> dict[str, int]:
    """Return flushes and git processes of a phase and of its merge."""
    spent = cost(files)
    return {
        "phase syncs": syncs(spent.phase.calls),
        "phase gits": git_processes(spent.phase).total(),
        "merge syncs": syncs(spent.merge.calls),
        "merge gits": git_processes(spent.merge).total(),
    }


SYNCS, PROCESSES = 30, 15  # at most; opening the repository and laying out the stage included


def test_flushes_and_processes_of_a_phase_do_not_grow_with_its_files() -> None:
    """One file, ten, a hundred: the same number of each."""
    one = apart(lambda: counted(1))
    assert 0 < one["phase syncs"] <= SYNCS
    assert 0 < one["merge syncs"] <= SYNCS
    assert 0 < one["phase gits"] <= PROCESSES
    assert 0 < one["merge gits"] <= PROCESSES
    assert apart(lambda: counted(10)) == one
    assert apart(lambda: counted(100)) == one
