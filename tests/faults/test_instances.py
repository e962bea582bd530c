"""Several clubos at once, frozen ones, and the git of one that was killed (P3, P6)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.cli import inside
from support.journey import WHO, Journey
from support.repo import leftovers

from clubos_tui.apply.record import unfinished
from clubos_tui.apply.transaction import Transaction
from clubos_tui.engine.driver import Driver, DriverThread
from clubos_tui.errors import DriverBusy, Refused
from clubos_tui.repository import refs
from faults.fork import fork
from faults.ground import PHASES, Ground
from faults.world import files_in

SOON = 20.0


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something is so; fail where it does not come."""
    until = time.monotonic() + SOON
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.002)


def ended_well(child: int) -> bool:
    """Wait for a child and tell whether it did what it was to do."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@contextlib.contextmanager
def stopping(child: int) -> Iterator[None]:
    """Whatever a test finds, leave no frozen child behind."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def busy(run: Journey) -> bool:
    """Tell whether another process is refused the lock now."""
    driver = Driver(run.session, run.run)
    try:
        driver.require()
    except DriverBusy:
        return True
    driver.release()
    return False


def settled(run: Journey, asking: Callable[[], object]) -> None:
    """Open, ask and drive, as often as another process is in the way."""
    for _ in range(2000):
        with contextlib.suppress(DriverBusy):
            run.open()
            break
        run.session.close()
        time.sleep(0.005)
    with contextlib.suppress(Refused):  # somebody asked for the same before us
        asking()
    asyncio.run(run.driver.until_waiting())
    run.close()


def test_p3_three_processes_take_turns(place: Ground) -> None:
    """Each wants the whole journey, live; every step happens once and the end is the approved."""
    for _ in range(3):
        run = place.lay_out("idle")

        def journey(run: Journey = run) -> None:
            steps: list[Callable[[], object]] = []
            for number in (1, 2):
                steps += [
                    lambda number=number: run.run.propose(number, by=WHO),
                    lambda number=number: run.approve(number),
                    lambda number=number: run.run.execute(number, by=WHO),
                ]
            for step in (*steps, lambda: run.run.merge(by=WHO)):
                settled(run, step)

        children = [fork(journey) for _ in range(3)]
        ended = [ended_well(child) for child in children]
        assert ended == [True, True, True]
        run.open()
        assert run.view.ending == "merged"
        files = files_in(place.root)
        assert {path: files.get(path) for path in PHASES[1]} == PHASES[1]
        assert place.repo.git("status", "--porcelain") == ""
        assert place.repo.git("rev-list", "--count", "--first-parent", "main") == "2"
        assert len(place.repo.git("branch", "--list", "autogen/*").split("\n")) == 2
        assert leftovers(place.repo, place.state) == []
        run.close()
        place.repo.fsck()


@pytest.mark.parametrize("where", ["_prepare_index", "look_again", "switch", "finish"])
def test_p3_a_frozen_driver_keeps_its_lock_and_goes_on(
    place: Ground, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """SIGSTOP in the middle of a merge: others get exit code 6; after SIGCONT it is merged."""
    run = place.lay_out("validated")
    from clubos_tui.apply.checkout import Checkout

    owner = Checkout if where == "_prepare_index" else Transaction
    inner = getattr(owner, where)
    asked = place.folder / "frozen"
    asked.unlink(missing_ok=True)

    def frozen(*arguments: object) -> object:
        if not asked.exists():
            asked.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
        return inner(*arguments)

    monkeypatch.setattr(owner, where, frozen)
    child = fork(lambda: (run.open(), run.merge()))
    with stopping(child):
        assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
        before = place.repo.head, place.repo.index()
        for command in (["merge", "--yes"], ["rollback", "--run", "--yes"], ["recover"]):
            said = inside(place.repo, *command)
            assert said.code == 6, (command, said.err)
            assert "another clubos" in said.err
        assert inside(place.repo, "status").code == 0
        assert (place.repo.head, place.repo.index()) == before
        os.kill(child, signal.SIGCONT)
        assert ended_well(child)
    run.open()
    assert run.view.ending == "merged"
    assert place.repo.git("status", "--porcelain") == ""
    assert leftovers(place.repo, place.state) == []
    run.close()


def git_of(parent: int) -> int:
    """Return the id of the ``git update-ref`` that a process started; 0 while there is none."""
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            fields = Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
            words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            if int(fields[1]) == parent and b"update-ref" in words:
                return int(entry)
    return 0


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of orphans: the kernel ends a stopped one that has none in its session."""
    subreaper = 36
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(subreaper, 1, 0, 0, 0) == 0, "prctl(2)"
    try:
        yield
    finally:
        libc.prctl(subreaper, 0, 0, 0, 0)


@pytest.mark.parametrize("moment", ["prepared", "committing"])
def test_p3_a_git_that_outlives_its_driver_keeps_the_lock(
    place: Ground, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The driver is killed while its git is stopped: nobody recovers before that git ended."""
    run = place.lay_out("validated")
    look_again = Transaction.look_again
    note = place.folder / "git"
    note.unlink(missing_ok=True)

    def stop_git_and_die(self: Transaction) -> None:
        look_again(self)
        git = git_of(os.getpid())
        os.kill(git, signal.SIGSTOP)
        note.write_text(str(git))
        if moment == "prepared":
            os.kill(os.getpid(), signal.SIGKILL)

    say = refs._Commit.say

    def told_and_dead(self: refs._Commit, command: bytes, expected: bytes) -> None:
        if command == b"commit\0":  # git has read the word and has not yet acted on it
            assert self._process.stdin
            self._process.stdin.write(command)
            self._process.stdin.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        say(self, command, expected)

    monkeypatch.setattr(Transaction, "look_again", stop_git_and_die)
    monkeypatch.setattr(refs._Commit, "say", told_and_dead)
    old = place.repo.head
    with adopting():
        assert not ended_well(fork(lambda: (run.open(), run.merge())))
        monkeypatch.undo()
        orphan = int(note.read_text())
        try:
            said = inside(place.repo, "recover")
            assert said.code == 6, said.err
            assert "a git it started is still at work" in said.err
            assert place.repo.head == old
            assert leftovers(place.repo, place.state) != [], "nothing was cleared beside it"
        finally:
            os.kill(orphan, signal.SIGCONT)
            os.waitpid(orphan, 0)
    assert inside(place.repo, "recover").code == 0
    run.open()
    assert leftovers(place.repo, place.state) == []
    assert (place.repo.head == old) == (moment == "prepared")
    run.settle()
    if run.view.ending != "merged":
        run.merge()
    assert place.repo.git("status", "--porcelain") == ""
    run.close()


def test_p3_a_reading_git_does_not_keep_the_lock(place: Ground) -> None:
    """Only those that write get the descriptor: a slow reader must not lock anybody out."""
    run = place.lay_out("validated")
    run.open()
    reader = run.session.workshop.objects._started()
    run.driver.release()
    assert reader.poll() is None
    assert not busy(run)
    run.close()


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("moment", ["open", "undone", "recovered"])
def test_p6_after_a_reboot_only_our_index_lock_is_removed(
    place: Ground, monkeypatch: pytest.MonkeyPatch, ours: bool, moment: str
) -> None:
    """A lock of a process that is gone: with our mark it goes, another's stays and is named."""
    run = place.lay_out("validated")
    lock = place.root / ".git/index.lock"

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    abandon = Transaction.abandon
    if moment == "open":
        monkeypatch.setattr(Transaction, "prepare", die)
    else:
        # It went back, and was killed between writing so and giving the lock back.
        monkeypatch.setattr(Transaction, "prepare", lambda self, **_: fail(self))
        monkeypatch.setattr(Transaction, "abandon", lambda self: (abandon(self), die()))

    def fail(self: Transaction) -> None:
        if moment == "recovered":
            die()
        self.abandon()

    assert not ended_well(fork(lambda: (run.open(), run.merge())))
    if moment == "recovered":
        assert not ended_well(fork(run.open))
    monkeypatch.undo()
    if moment == "recovered":
        assert not lock.exists(), "recovery gives it back before its last word"
    else:
        assert lock.read_bytes().startswith(b"clubos ")
    if not ours:
        lock.write_bytes(b"the next index of another git")
    run.open()
    assert unfinished(run.session.paths.transactions) == []
    if ours:
        assert leftovers(place.repo, place.state) == []
        run.settle()
        if run.view.ending != "merged":
            run.merge()
    else:
        assert lock.read_bytes() == b"the next index of another git"
        run.settle()
        if run.view.failure is None:
            run.try_merge()
        assert run.view.failure
        assert "index.lock" in run.view.failure.error
        assert lock.read_bytes() == b"the next index of another git"
    run.close()


def test_p6_the_lock_of_a_clubos_with_another_state_folder_stays(place: Ground) -> None:
    """The mark names a transaction that is not one of ours: somebody else may be in it."""
    run = place.lay_out("validated")
    run.open()
    lock = place.root / ".git/index.lock"
    lock.write_bytes(b"clubos 20260101T000000Z-0-merge-abcdef\n")
    run.reopen()
    assert lock.exists()
    failure = run.try_merge()
    assert failure
    assert "index.lock" in failure.error
    lock.unlink()
    run.close()


def test_p3_a_driver_that_can_not_stop_in_time_keeps_the_lock(
    place: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The screen gives up waiting for a long step: nobody else may drive until it has ended."""
    import threading

    run = place.lay_out("validated")
    run.open()
    run.driver.release()
    go_on, there = threading.Event(), threading.Event()
    prepare = Transaction.prepare

    def slow(self: Transaction, **named: object) -> None:
        there.set()
        assert go_on.wait(SOON)
        prepare(self, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Transaction, "prepare", slow)
    beside = DriverThread(run.session, run.run.id)
    assert beside.start()
    run.run.merge(by=WHO)
    assert there.wait(SOON)
    beside.stop(timeout=0.05)
    assert busy(run), "it still writes"
    go_on.set()
    wait_for(lambda: not busy(run))
    run.close()
