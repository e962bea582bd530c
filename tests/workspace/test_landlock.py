"""The second lock on the box: shown where the first one leaves a way open, or is taken away."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.apart import apart

from clubos_tui.workspace.sandbox import landlock
from clubos_tui.workspace.sandbox.box import Box, program
from clubos_tui.workspace.sandbox.landlock import Kept
from clubos_tui.workspace.sandbox.probe import probe
from clubos_tui.workspace.sandbox.programs import equip
from clubos_tui.workspace.sandbox.running import run
from clubos_tui.workspace.sandbox.started import Started

NOBODY = 65534
# The system's where there is one: anybody may run it, and every box holds it.
PYTHON = next(
    filter(os.path.exists, ("/usr/bin/python3", "/usr/local/bin/python3")), sys.executable
)
needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
needs_lock = pytest.mark.landlock
WHO = [pytest.param(False, id="as who runs the tests"), pytest.param(True, id="as nobody")]
CONNECT = """\
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect("\\0" + sys.argv[1])
    print("CONNECTED")
except OSError as error:
    print(error.strerror)
"""


@pytest.fixture
def workspace() -> Iterator[str]:
    """Where anybody may go, for who runs as nobody."""
    with tempfile.TemporaryDirectory(prefix="clubos-lock-") as folder:
        os.chmod(folder, 0o755)
        yield folder


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take the second lock away, to see that what it holds is held by nothing else."""
    return lambda: monkeypatch.setattr(landlock, "restrict", lambda **_: False)


@contextlib.contextmanager
def listening() -> Iterator[str]:
    """Listen as a desktop's bus does, on a name that is no file's."""
    name = f"clubos-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        yield name


def said(box: Box, *arguments: str) -> str:
    """Return what a program printed in a box."""
    printed = bytearray()
    run(equip(box, PYTHON), arguments, output=printed.extend)
    return printed.decode()


def with_hole(box: Box, namespaces: str, *arguments: str) -> str:
    """Return what a program printed in a box whose first lock has only some of its namespaces."""
    line = equip(box, PYTHON).command(arguments)
    at = line.index("--unshare-all")
    line[at : at + 1] = namespaces.split()
    kept = Kept(
        lambda: subprocess.run(line, capture_output=True, timeout=20, check=False),
        tcp=not (box.network or box.loopback),
    )
    kept.let_go()
    return (kept.value.stdout + kept.value.stderr).decode()


def as_nobody() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@needs_box
@needs_lock
@pytest.mark.parametrize("nobody", WHO)
def test_p8_a_socket_without_a_file_is_not_reached_with_the_network(
    workspace: str, nobody: bool, unlocked: Callable[[], None]
) -> None:
    """With the network come the host's abstract sockets: its desktop, its bus."""

    def attempt() -> str:
        if nobody:
            as_nobody()
        return said(Box(workspace, network=True), PYTHON, "-c", CONNECT, name)

    with listening() as name:
        assert apart(attempt) == "Operation not permitted\n"
        unlocked()
        assert apart(attempt) == "CONNECTED\n"


@needs_box
@needs_lock
def test_p8_two_boxes_do_not_reach_each_other(workspace: str) -> None:
    name = f"clubos-test-{secrets.token_hex(8)}"
    serve = (
        f"import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0{name}'); s.listen();"
        "print('up', flush=True); s.accept()"
    )
    box = Box(workspace, network=True)
    other = Started(equip(box, PYTHON), [PYTHON, "-c", serve])
    try:
        assert other.process.stdout
        assert other.process.stdout.readline() == b"up\n"
        assert said(box, PYTHON, "-c", CONNECT, name) == "Operation not permitted\n"
    finally:
        other.end()


@needs_box
@needs_lock
def test_p8_a_signal_is_refused_also_where_processes_are_seen(
    workspace: str, unlocked: Callable[[], None]
) -> None:
    """The first lock is taken away: the box shares its processes with the host."""
    for locked in (True, False):
        victim = subprocess.Popen(["sleep", "60"])
        try:
            if not locked:
                unlocked()
            kill = f"kill -9 {victim.pid} && echo KILLED"
            words = with_hole(Box(workspace), "--unshare-net --unshare-uts", "/bin/sh", "-c", kill)
            assert ("KILLED" in words) is not locked
            if locked:
                assert "Operation not permitted" in words
                assert victim.poll() is None
            else:
                assert victim.wait(10) == -signal.SIGKILL
        finally:
            victim.kill()
            victim.wait()


@needs_box
@needs_lock
def test_p8_tcp_is_refused_also_where_the_network_is_seen(
    workspace: str, unlocked: Callable[[], None]
) -> None:
    """The first lock is taken away: the box that has no network shares the host's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port})); print('IN')"
        box = Box(workspace, loopback=False)
        attempt = (box, "--unshare-pid --unshare-uts", PYTHON, "-c", connect)
        assert "Permission denied" in with_hole(*attempt)
        unlocked()
        assert with_hole(*attempt) == "IN\n"


@needs_box
def test_a_server_in_the_box_is_reached_from_within_it(workspace: str) -> None:
    """As the tests of many a project do; the host's own loopback is another one."""
    talk = (
        "import socket; s = socket.create_server(('127.0.0.1', 0));"
        "socket.create_connection(s.getsockname()); print('IN')"
    )
    assert said(Box(workspace), PYTHON, "-c", talk) == "IN\n"
    if landlock.abi():
        words = said(Box(workspace, loopback=False), PYTHON, "-c", talk)
        assert "Permission denied" in words


@needs_box
def test_who_starts_a_box_stays_free(workspace: str) -> None:
    assert run(Box(workspace), ["/bin/true"]).code == 0
    status = Path("/proc/self/status").read_text()
    assert "NoNewPrivs:\t0" in status
    with listening() as name, socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + name)
    os.kill(os.getppid(), 0)


@needs_box
def test_a_box_does_not_end_with_the_thread_that_asked_for_it(workspace: str) -> None:
    """The kernel ends it with the thread that forked it, and that one is the box's own."""
    made: list[Started] = []
    asking = threading.Thread(
        target=lambda: made.append(Started(Box(workspace), ["/bin/sh", "-c", "sleep 60"]))
    )
    asking.start()
    asking.join()
    time.sleep(0.2)
    assert made[0].code is None
    assert made[0].end() == 137


@needs_box
def test_the_threads_of_boxes_end_with_them(workspace: str) -> None:
    before = set(threading.enumerate())
    for _ in range(5):
        run(Box(workspace), ["/bin/true"])
    with pytest.raises(FileNotFoundError):
        Kept(lambda: subprocess.Popen(["/no/such/program"]))
    until = time.monotonic() + 5
    while set(threading.enumerate()) - before:
        assert time.monotonic() < until
        time.sleep(0.01)


# --- whether it holds ---------------------------------------------------------------------------


@pytest.fixture
def anew() -> Iterator[None]:
    probe.cache_clear()
    landlock.abi.cache_clear()
    yield
    probe.cache_clear()
    landlock.abi.cache_clear()


@needs_box
@needs_lock
def test_p8_the_second_lock_is_named_after_an_attack_on_it(
    anew: None, unlocked: Callable[[], None]
) -> None:
    assert probe().locks[1:] == (f"Landlock ABI {landlock.abi()}",)
    probe.cache_clear()
    unlocked()
    found = probe()
    assert found.ok
    assert len(found.locks) == 1, "a lock that did not hold is not named"


@needs_box
@pytest.mark.parametrize("version", [-1, 0, 5])
def test_a_kernel_without_it_leaves_the_first_lock(
    anew: None, workspace: str, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(landlock, "_call", lambda *_: version)
    assert landlock.abi() == 0
    assert said(Box(workspace), "/bin/echo", "in") == "in\n"
    found = probe()
    assert (found.ok, len(found.locks)) == (True, 1)


@needs_box
@needs_lock
@pytest.mark.parametrize("refused", [444, 446])
def test_a_kernel_that_refuses_it_leaves_the_first_lock(
    anew: None, workspace: str, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """As in a container that forbids the calls, or under as many domains as there may be."""
    landlock.abi()
    whole = landlock._call
    monkeypatch.setattr(
        landlock, "_call", lambda number, *rest: -1 if number == refused else whole(number, *rest)
    )
    assert not landlock.holds()
    assert said(Box(workspace), "/bin/echo", "in") == "in\n"


def test_a_bubblewrap_with_its_owners_rights_keeps_them(
    anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where users may not make namespaces it is installed so; a locked thread could not use it."""
    file = tmp_path / "bwrap"
    file.touch()
    file.chmod(0o4755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert landlock.abi() == 0
