"""The tracer: it sees every call of every process, and does to one of them what it is told."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from faults import ptrace, tracer
from faults.apart import apart
from faults.calls import Call
from faults.tracer import Act, Fail, Freeze, Hung, Kill, Plan, Ran, Short

pytestmark = pytest.mark.skipif(bool(ptrace.reason_not_to()), reason=ptrace.reason_not_to())


def traced(folder: Path, work: object, plan: Plan = tracer.let_pass, **options: bool) -> Ran:
    """Trace ``work`` on the folder, in a process of its own."""
    ran = apart(lambda: tracer.run(work, (str(folder),), plan, record=True, **options))  # type: ignore[arg-type]
    assert isinstance(ran, Ran)
    return ran


def at(name: str, act: Act) -> Plan:
    """Return the plan that does this to every call of that name."""
    return lambda call: act if call.name == name else None


def test_calls_of_threads_and_children_are_numbered_as_one(tmp_path: Path) -> None:
    """A thread, a child and the first process take turns; reads and other folders are not seen."""

    def work() -> str:
        (tmp_path / "first").write_bytes(b"one")
        thread = threading.Thread(target=os.mkdir, args=(tmp_path / "second",))
        thread.start()
        thread.join()
        subprocess.run(["git", "init", "-q", "--bare", tmp_path / "third"], check=True)
        with open("/dev/null", "wb") as file:
            file.write(b"unseen")
        (tmp_path / "first").read_bytes()
        os.rename(tmp_path / "first", tmp_path / "last")
        return "done"

    ran = traced(tmp_path, work)
    assert ran.value == "done"
    assert [call.number for call in ran.calls] == list(range(ran.total))
    assert (ran.calls[1].name, ran.calls[1].data, ran.calls[1].result) == ("write", b"one", 3)
    assert ran.calls[2].paths == (str(tmp_path / "second"),)
    assert {call.program for call in ran.calls} == {"python", "git init"}
    assert ran.calls[-1].paths == (str(tmp_path / "first"), str(tmp_path / "last"))
    assert ran.git_processes == 1


def test_a_failing_call_is_not_made(tmp_path: Path) -> None:
    """The error comes back, and the disk is as it was."""

    def work() -> int | None:
        try:
            os.mkdir(tmp_path / "new")
        except OSError as error:
            return error.errno
        return 0

    assert traced(tmp_path, work, at("mkdir", Fail(errno.ENOSPC))).value == errno.ENOSPC
    assert not (tmp_path / "new").exists()


def test_a_short_write_writes_half(tmp_path: Path) -> None:
    """The call says so, as a nearly full disk does."""

    def work() -> int:
        fd = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        return os.write(fd, b"12345678")

    assert traced(tmp_path, work, at("write", Short())).value == 4
    assert (tmp_path / "file").read_bytes() == b"1234"


def test_a_kill_comes_before_the_call(tmp_path: Path) -> None:
    """What came before is on the disk, the call is not."""

    def work() -> None:
        (tmp_path / "before").touch()
        os.mkdir(tmp_path / "after")

    ran = traced(tmp_path, work, at("mkdir", Kill("all")))
    assert ran.killed
    assert os.listdir(tmp_path) == ["before"]


@pytest.mark.parametrize(("who", "made"), [("root", True), ("caller", False), ("all", False)])
def test_a_parent_and_its_child_are_killed_apart(
    tmp_path: Path, who: tracer.Kill, made: bool
) -> None:
    """An orphan goes on when its parent is dead; a parent hears that its child was killed."""

    def work() -> int:
        return subprocess.run(["mkdir", tmp_path / "new"], check=False).returncode

    ran = traced(tmp_path, work, at("mkdir", Kill(who)))  # type: ignore[arg-type]
    assert (tmp_path / "new").exists() == made
    assert ran.killed == (who != "caller")
    if who == "caller":
        assert ran.value == -signal.SIGKILL


def test_a_frozen_process_goes_on(tmp_path: Path) -> None:
    """Between SIGSTOP and SIGCONT nothing of it happens."""
    seen = tmp_path / "seen"
    seen.mkdir()

    def meanwhile() -> None:
        (seen / str(len(os.listdir(tmp_path)))).touch()

    def work() -> None:
        os.mkdir(tmp_path / "new")

    ran = traced(tmp_path, work, at("mkdir", Freeze(meanwhile)))
    assert not ran.error
    assert os.listdir(seen) == ["1"]
    assert (tmp_path / "new").is_dir()


def test_work_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """A wait for ever is a finding, not a test that hangs."""

    def run() -> str:
        try:
            tracer.run(lambda: signal.pause(), (str(tmp_path),), seconds=0.3)
        except Hung as error:
            return str(error)
        return ""

    assert "no end" in apart(run)


def test_what_work_raises_is_told(tmp_path: Path) -> None:
    """A traceback is a finding too."""

    def work() -> None:
        raise ValueError("slip")

    assert "ValueError: slip" in traced(tmp_path, work).error


def test_a_call_names_itself() -> None:
    """In what is printed of a failing case."""
    call = Call(3, "git update-ref", 7, "rename", ("/a", "/b"))
    assert str(call) == "git update-ref: rename(/a, /b)"
