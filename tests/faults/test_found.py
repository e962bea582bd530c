"""What the campaigns once found, each at the very call."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

import pytest

from faults import ptrace
from faults.apart import apart
from faults.calls import Call
from faults.campaigns import Bench, Case, carry_out
from faults.tracer import Act, Fail, Kill, Plan

pytestmark = pytest.mark.skipif(bool(ptrace.reason_not_to()), reason=ptrace.reason_not_to())


Match = Callable[[Call], bool]


def survives(
    operation: str, campaign: str, hows: Iterable[str], *matches: Match, after: Iterable[int] = (0,)
) -> None:
    """Require that faults at the first call that each matches, or ``after`` it, leave all well."""

    def work() -> list[str]:
        with Bench.of(operation) as bench:
            calls = [next(call for call in bench.calls if match(call)) for match in matches]
            points = [(how, call.number + more) for call in calls for more in after for how in hows]
            return carry_out(
                bench, [Case(campaign, operation, how, at) for how, at in points]
            ).failed

    assert apart(work) == []


def on(name: str, ending: str) -> Match:
    """Match calls of a name whose last path ends so."""
    return lambda call: call.name == name and call.paths[-1].endswith(ending)


def says(state: str) -> Match:
    """Match the writing of a transaction's state."""
    word = f'"state":"{state}"'.encode()
    return lambda call: call.name == "write" and word in call.data


@pytest.mark.parametrize("operation", ["execute", "merge"])
def test_p3_folders_above_a_deleted_file_go_also_after_a_kill(operation: str) -> None:
    """Killed with one of two emptied folders removed: recovery removes the other."""
    survives(operation, "kill", ["all"], on("unlinkat", "/deep"))


def test_p3_a_killed_creation_of_a_branch_leaves_no_lock() -> None:
    """git died with its lock on the phase branch, empty or half written: it is taken away."""

    def locked(call: Call) -> bool:
        return call.name == "write" and "/refs/heads/autogen/" in call.paths[0]

    survives("execute", "kill", ["all", "caller"], locked, after=range(4))


def test_p3_a_merge_killed_after_its_last_word_leaves_no_lock() -> None:
    """The record says done, and the next start does not look at it again."""
    survives("merge", "kill", ["all"], says("done"), after=[1])


@pytest.mark.parametrize("operation", ["execute", "merge", "undo"])
def test_p3_what_is_past_its_commit_is_not_called_failed(operation: str) -> None:
    """The record can't be written after the point of no return: finished, here or at next start."""
    hows = ["ENOSPC", "full", "short"]
    survives(operation, "fail", hows, says("committed"), says("done"))


def test_p3_a_merge_that_the_journal_could_not_hear_of_is_heard_of_later() -> None:
    """The branch has moved and the journal is on a full disk: it says merged at the next start."""

    def told(call: Call) -> bool:
        return call.name == "write" and b'"type":"merged"' in call.data

    survives("merge", "fail", ["ENOSPC", "full"], told)


@pytest.mark.parametrize("operation", ["merge", "rollback of the stage"])
def test_p3_a_folder_that_cannot_be_removed_is_not_passed_over(operation: str) -> None:
    """An emptied folder that stays is neither before nor after."""
    removed = on("unlinkat", "")
    survives(operation, "fail", ["EIO"], lambda call: removed(call) and not call.result)


def test_p3_half_a_line_of_the_record_is_cut_off_before_the_next() -> None:
    """The power failed while a state was written: what recovery writes does not stick to it."""
    states = [says("prepared"), says("committed"), says("done")]
    survives("merge", "cut", ["torn", "zeros", "lost"], *states, after=[1])


def test_p3_a_ref_lock_without_its_bytes_is_still_ours() -> None:
    """The power failed before git flushed its lock."""
    survives("merge", "cut", ["zeros", "torn", "lost"], on("fsync", "/refs/heads/main.lock"))


@pytest.mark.parametrize(("name", "path"), [("openat", "HEAD.lock"), ("rename", "/.git/index")])
def test_p3_a_recovery_that_is_killed_is_recovered(name: str, path: str) -> None:
    """Killed with git's locks held, or with the index at stake, and then once more."""

    def work() -> list[str]:
        with Bench.of("merge") as bench:
            at = next(call.number for call in bench.calls if on(name, path)(call))
            points = range(5, bench.recovery_calls(at), 7)
            chosen = [Case("double", "merge", str(second), at) for second in points]
            return carry_out(bench, chosen, go_on_every=4).failed

    assert apart(work) == []


def test_p3_a_kill_while_a_failed_execution_is_taken_back() -> None:
    """The branch could not be made, and the power went while the stage was taken back."""

    def work() -> list[str]:
        wrong = []
        with Bench.of("execute") as bench:
            for moves in (1, 4, 8):
                ran = bench.perform(_fail_then_kill(moves))
                assert ran.killed
                wrong += bench.judge(go_on=True)[1]
        return wrong

    assert apart(work) == []


def _fail_then_kill(moves: int) -> Plan:
    """Fail the branch, then kill at that move of a file on its way back."""
    failed: list[Call] = []

    def plan(call: Call) -> Act:
        if call.program == "git update-ref" and call.name == "openat":
            failed.append(call)
            return Fail(errno.EACCES)
        if failed and call.name == "renameat2":
            failed.append(call)
        return Kill("all") if len(failed) > moves else None

    return plan
