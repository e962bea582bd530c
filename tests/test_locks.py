"""Locks between processes: one holder, and none after its death."""

import os
import signal
import subprocess
import sys

import pytest

from clubos_tui.locks import FileLock, handed_on

HOLDER = """
import sys, time
from clubos_tui.locks import FileLock
lock = FileLock(sys.argv[1])
assert lock.acquire()
lock.note(pid=1, host="there")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "driver.lock")


def test_only_one_may_hold_it(path):
    first, second = FileLock(path), FileLock(path)
    assert first.acquire()
    assert first.acquire(), "who holds it holds it"
    assert not second.acquire()
    assert (first.held, second.held) == (True, False)
    first.release()
    first.release()
    assert second.acquire()
    second.release()


def test_p3_a_killed_holder_leaves_no_lock(path):
    """The kernel frees it; nothing waits for a process that is gone, and no file is removed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        mine = FileLock(path)
        assert not mine.acquire()
        assert mine.holder() == {"pid": 1, "host": "there"}
        holder.send_signal(signal.SIGKILL)
        holder.wait(20)
    assert mine.acquire(timeout=20)
    mine.release()
    assert os.path.exists(path)


def test_the_note_is_for_messages_only(path):
    lock = FileLock(path)
    assert lock.holder() == {}
    lock.note(pid=1)
    assert not os.path.exists(path), "who does not hold it writes nothing"
    with lock:
        lock.note(pid=123456, host="a long name")
        lock.note(pid=2)
    assert lock.holder() == {"pid": 2}
    for damaged in ("no json", "[1]"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(damaged)
        assert lock.holder() == {}


def test_it_is_given_back_after_an_error(path):
    def fail():
        with FileLock(path):
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert FileLock(path).acquire()


def test_a_lock_that_stays_taken_is_an_error_and_not_a_hang(path, monkeypatch):
    monkeypatch.setattr(FileLock, "acquire", lambda _self, timeout: timeout < 0)
    with pytest.raises(TimeoutError, match="stayed locked"), FileLock(path):
        pass


def test_the_lock_is_not_inherited(path):
    """A program we start must not hold our lock after we are gone."""
    with FileLock(path) as lock:
        assert not os.get_inheritable(lock._fd)


def test_p3_a_child_that_was_handed_the_lock_keeps_it(path):
    """The lock is free when the last of those that hold its descriptor has ended."""
    before = set(handed_on())
    lock, other = FileLock(path, hand_on=True), FileLock(path)
    assert lock.acquire()
    ours = set(handed_on()) - before
    assert len(ours) == 1
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=tuple(ours)) as child:
        lock.release()
        assert set(handed_on()) == before
        assert not other.acquire()
        child.stdin.close()
        child.wait(20)
    assert other.acquire(timeout=20)
    assert set(handed_on()) == before, "only what is to be handed on is handed on"
    other.release()
