"""The box, attacked from within: whatever a command tries, only the workspace can differ."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from faults.apart import apart
from support.manifest import manifest

from clubos_tui.workspace.sandbox import watch as watching
from clubos_tui.workspace.sandbox.box import HOME, Box, environment, program
from clubos_tui.workspace.sandbox.probe import probe
from clubos_tui.workspace.sandbox.running import Ended, run
from clubos_tui.workspace.sandbox.started import Started
from clubos_tui.workspace.sandbox.watch import Limits, Watch

NOBODY = 65534
needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
WHO = [pytest.param(False, id="as who runs the tests"), pytest.param(True, id="as nobody")]


class Ground:
    """A workspace, and beside it what no command may touch: a repository, a home, a secret."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.outside = folder / "outside"
        self.repo = self.outside / "repo"
        self.workspace.mkdir()
        self.repo.mkdir(parents=True)
        (self.outside / "secret").write_text("outside-secret")
        (self.outside / ".ssh").mkdir()
        (self.outside / ".ssh" / "id_rsa").write_text("outside-key")
        (self.repo / "README.md").write_text("mine\n")
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
            subprocess.run(
                ["git", "-c", "user.name=P", "-c", "user.email=p@example.org", *command],
                cwd=self.repo, check=True, capture_output=True,
            )  # fmt: skip
        (self.repo / "README.md").write_text("mine, changed\n")
        (self.repo / "untracked.txt").write_text("mine too\n")

    def run(
        self, command: str, *, nobody: bool = False, limits: Limits | None = None, **box: Any
    ) -> tuple[Ended, str]:
        """Run a shell command in the box, as root drops to nobody where that is asked."""

        def work() -> tuple[Ended, str]:
            if nobody and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            printed = bytearray()
            variables = {"REPO": str(self.repo), "OUTSIDE": str(self.outside)}
            ended = run(
                Box(str(self.workspace), variables=variables, **box), ["/bin/sh", "-c", command],
                output=printed.extend, limits=limits or Limits(seconds=20),
            )  # fmt: skip
            return ended, printed.decode("utf-8", "replace")

        if not nobody:
            return work()
        if os.geteuid() == 0:
            os.chown(self.workspace, NOBODY, NOBODY)
        return apart(work)


@pytest.fixture
def ground(home: Path) -> Iterator[Ground]:
    """Where anybody may go, for who runs as nobody."""
    with tempfile.TemporaryDirectory(prefix="clubos-ground-") as folder:
        os.chmod(folder, 0o755)
        yield Ground(Path(folder))


# What is tried, and a word that it prints where it worked.
ATTEMPTS = {
    "reset the repository": 'git -C "$REPO" reset --hard && echo WORKED',
    "clean it": 'git -C "$REPO" clean -fdx && echo WORKED',
    "push by force": 'git -C "$REPO" push -f && echo WORKED',
    "remove a work tree": 'git -C "$REPO" worktree remove -f . && echo WORKED',
    "its git dir by a variable": 'GIT_DIR="$REPO/.git" git update-ref -d HEAD && echo WORKED',
    "delete above": 'rm -rf .. ; rm -rf "$OUTSIDE" "../../..$OUTSIDE" /home /root /etc; true',
    "delete all": "rm -rf --no-preserve-root /bin /boot /home /root /tmp /var 2>/dev/null; true",
    "write by its path": 'echo x > "$REPO/README.md" && echo WORKED',
    "write by dots": 'echo x > "../../../../..$OUTSIDE/secret" && echo WORKED',
    "write through a link": 'ln -s "$OUTSIDE" out; echo x > out/secret && echo WORKED',
    "link a file in": 'ln "$OUTSIDE/secret" hard && echo WORKED',
    "race a link": 'for i in 1 2 3; do ln -sfn "$OUTSIDE" d; echo x > d/secret; done; true',
    "plant a hook": 'echo x > "$REPO/.git/hooks/post-merge" && echo WORKED',
    "read a secret": 'cat "$OUTSIDE/secret" "$OUTSIDE/.ssh/id_rsa" && echo WORKED',
    "read a home": 'cat ~/.ssh/id_rsa || cat /root/.ssh/* && echo WORKED',
    "read shadow": "cat /etc/shadow && echo WORKED",
    "read another's memory": 'cat /proc/1/root/etc/shadow "/proc/$PPID/environ" | grep -q root: '
    "&& echo WORKED",
    "make a device": "mknod sda b 8 0 && echo WORKED; mknod /dev/sda b 8 0 && echo WORKED",
    "mount": "mount -t tmpfs x /usr && echo WORKED; mount -o remount,rw /usr && echo WORKED",
    "another namespace": "unshare -U true && echo WORKED",
    "become root": "su -c true && echo WORKED; sudo -n true && echo WORKED",
    "write to the programs": "echo x > /usr/bin/git && echo WORKED; echo x > /x && echo WORKED",
    "type into the terminal": "echo ls > /dev/tty && echo WORKED",
    "signal everyone": "kill -9 -1; true",
}  # fmt: skip


@needs_box
@pytest.mark.parametrize("nobody", WHO)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_p8_nothing_outside_the_workspace_is_reached(
    ground: Ground, attempt: str, nobody: bool
) -> None:
    before = manifest(ground.outside)
    _, said = ground.run(ATTEMPTS[attempt], nobody=nobody)
    assert manifest(ground.outside) == before
    assert "WORKED" not in said
    for secret in ("outside-secret", "outside-key"):
        assert secret not in said


@needs_box
@pytest.mark.parametrize("nobody", WHO)
def test_p8_the_workspace_can_be_worked_in(ground: Ground, nobody: bool) -> None:
    """A box in which nothing worked would pass all of the above."""
    command = "echo in > a.txt && mkdir b && mv a.txt b && cat b/a.txt && git --version > /tmp/v"
    ended, said = ground.run(command, nobody=nobody)
    assert (ended.code, said) == (0, "in\n")
    assert (ground.workspace / "b" / "a.txt").read_text() == "in\n"


@needs_box
def test_p12_the_environment_is_a_list_of_what_is_allowed(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "never")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/never")
    monkeypatch.setenv("LD_PRELOAD", "")
    _, said = ground.run("env")
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert "never" not in said
    assert names <= {*environment(), "REPO", "OUTSIDE", "PWD", "OLDPWD", "SHLVL", "_"}
    assert f"HOME={HOME}" in said.splitlines()


@needs_box
@pytest.mark.parametrize("nobody", WHO)
def test_p8_there_is_no_network_unless_it_is_given(ground: Ground, nobody: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        command = f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' && echo CONNECTED"
        _, said = ground.run(command, nobody=nobody)
        assert "CONNECTED" not in said
        with pytest.raises(TimeoutError):
            server.accept()
        _, said = ground.run(command, nobody=nobody, network=True)
        assert "CONNECTED" in said


# --- what takes too much ------------------------------------------------------------------------


def alive(name: str) -> bool:
    """Tell whether any process of this machine has a word in its command line."""
    return name in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout


@needs_box
@pytest.mark.parametrize("nobody", WHO)
def test_what_outlives_a_command_goes_with_it(ground: Ground, nobody: bool) -> None:
    number = str(secrets.randbelow(10**6) + 10**6)
    ended, said = ground.run(f"setsid sleep {number} & nohup sleep {number} & echo left",
                             nobody=nobody)  # fmt: skip
    assert (ended.code, said.strip()) == (0, "left")
    assert not alive(f"sleep {number}")


@needs_box
@pytest.mark.parametrize("nobody", WHO)
def test_too_many_processes_end_it(ground: Ground, nobody: bool) -> None:
    """As of a bomb of forks, but one that ends by itself should nothing stop it."""
    number = str(secrets.randbelow(10**6) + 10**6)
    many = f"for i in $(seq 300); do sleep {number} & done; sleep 30; echo ALL"
    ended, said = ground.run(many, nobody=nobody, limits=Limits(seconds=25, processes=60))
    assert ended.why or ended.code
    assert ended.seconds < 20
    assert "ALL" not in said
    assert not alive(f"sleep {number}")


@needs_box
def test_p12_what_it_is_given_is_on_no_command_line(ground: Ground) -> None:
    """Everybody on a machine can read every command line."""
    lines: list[bytes] = []

    def look(_piece: bytes) -> None:
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                lines.append(place.read_bytes())

    box = Box(str(ground.workspace), variables={"AGENT_KEY": "not-for-everybody"})
    run(box, ["/bin/sh", "-c", "echo $AGENT_KEY > key; echo look; sleep 0.3"], output=look)
    assert (ground.workspace / "key").read_text() == "not-for-everybody\n"
    assert any(b"bwrap" in line for line in lines)
    assert not any(b"not-for-everybody" in line for line in lines)


@needs_box
def test_root_is_counted_by_a_control_group(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own limit does not hold for root, and looking alone could come too late."""
    monkeypatch.setattr(Watch, "processes", lambda _: iter(()))
    made: list[str] = []
    group = watching._group

    def noted(process: int, most: int) -> str:
        made.append(group(process, most))
        return made[-1]

    monkeypatch.setattr(watching, "_group", noted)
    ended, said = ground.run(
        "for i in $(seq 300); do sleep 30 & done; echo ALL", limits=Limits(seconds=25, processes=60)
    )
    if os.geteuid() == 0 and any(made):  # who is not root is counted by the kernel
        assert "more than 60 processes" in ended.why or "ALL" not in said
        assert not [name for name in made if name and os.path.exists(name)]


@needs_box
def test_p8_what_could_not_be_limited_is_not_begun(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clubos_tui.workspace.sandbox.started._first_process", lambda _: 0)
    ended, said = ground.run("echo ran; touch ran", limits=Limits(seconds=0.5))
    assert ended.why
    assert "ran" not in said
    assert not (ground.workspace / "ran").exists()


@needs_box
def test_too_much_memory_ends_it(ground: Ground) -> None:
    grow = "x=0123456789abcdef; while :; do x=$x$x; done"
    ended, _ = ground.run(grow, limits=Limits(seconds=20, memory=64 << 20))
    assert ended.code != 0
    assert ended.seconds < 19


@needs_box
def test_a_file_and_the_disk_have_an_end(ground: Ground) -> None:
    limits = Limits(seconds=20, file=1 << 20)
    ended, _ = ground.run("cat /dev/zero > big", limits=limits)
    assert ended.code != 0
    assert (ground.workspace / "big").stat().st_size <= 1 << 20
    many = "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done"
    ended, _ = ground.run(many, limits=Limits(seconds=20, disk=40 << 20))
    assert "MiB of the disk" in ended.why
    _, said = ground.run("head -c 3000000 /dev/zero > /tmp/x || echo FULL", scratch=1 << 20)
    assert "FULL" in said


@needs_box
def test_endless_output_and_endless_time_are_ended(ground: Ground) -> None:
    ended, said = ground.run("yes", limits=Limits(output=1 << 20))
    assert "printed more than 1 MiB" in ended.why
    assert len(said) <= 1 << 20
    ended, _ = ground.run("sleep 60", limits=Limits(seconds=0.5))
    assert "longer than" in ended.why
    assert ended.seconds < 5
    assert ended.code == 137


@needs_box
def test_a_command_that_closes_its_output_is_still_held(ground: Ground) -> None:
    """It may go on with its work, and is looked at all the same."""
    ended, _ = ground.run("exec >&- 2>&-; sleep 0.3; touch done", limits=Limits(seconds=20))
    assert (ended.code, ended.why) == (0, "")
    assert (ground.workspace / "done").exists()
    ended, _ = ground.run("exec >&- 2>&-; sleep 60", limits=Limits(seconds=0.5))
    assert "longer than" in ended.why
    assert ended.seconds < 5


@needs_box
def test_a_cancel_ends_it_with_all_that_it_started(ground: Ground) -> None:
    stop, number = threading.Event(), str(secrets.randbelow(10**6) + 10**6)
    box = Box(str(ground.workspace))
    found: list[Ended] = []

    def work() -> None:
        command = ["/bin/sh", "-c", f"sleep {number} & sleep {number}"]
        found.append(run(box, command, stop=stop))

    thread = threading.Thread(target=work)
    thread.start()
    while not alive(f"sleep {number}"):
        time.sleep(0.01)
    began = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - began < 1
    assert found[0].why == "cancelled"
    assert not alive(f"sleep {number}")


@needs_box
def test_it_may_be_ended_by_two_at_once(ground: Ground) -> None:
    """As by a limit and by who has waited: both are told how it ended."""
    began = time.monotonic()
    for _ in range(5):
        command = Started(Box(str(ground.workspace)), ["/bin/sleep", "60"])
        with ThreadPoolExecutor(4) as threads:
            ends = [threads.submit(command.end) for _ in range(4)]
        assert [end.result() for end in ends] == [137] * 4
    assert time.monotonic() - began < 5


# --- whether it holds ---------------------------------------------------------------------------


@pytest.fixture
def anew() -> Iterator[Callable[[], Any]]:
    probe.cache_clear()
    yield probe
    probe.cache_clear()


@needs_box
def test_p8_the_box_is_trusted_after_an_attack_on_it(anew: Callable[[], Any]) -> None:
    found = anew()
    assert (found.ok, found.why, found.cure) == (True, "", "")
    assert found.locks[0].startswith("bubblewrap")


@needs_box
@pytest.mark.parametrize(
    ("hole", "word"),
    [
        (("--share-net",), "saw the network"),
        (("--bind", "/", "/host"), ""),
        (("--dev-bind", "/dev", "/dev"), ""),
    ],
)
def test_p8_a_box_with_a_hole_is_not_trusted(
    anew: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, hole: tuple[str, ...], word: str
) -> None:
    """The probe is shown to fail where it should; it tries what it names, and no more."""
    whole = Box.command

    def leaky(self: Box, *arguments: Any, **named: Any) -> list[str]:
        made = whole(self, *arguments, **named)
        at = made.index("--chdir")
        return [*made[:at], *hole, *made[at:]]

    monkeypatch.setattr(Box, "command", leaky)
    if word:
        assert word in anew().why


def test_p8_without_the_program_it_says_what_to_install(
    anew: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = anew()
    assert not found.ok
    assert "not installed" in found.why
    assert "bubblewrap" in found.cure


def test_p8_a_box_that_cannot_be_built_is_none(
    anew: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where the system forbids user namespaces: its own words are the reason."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = anew()
    assert not found.ok
    assert "setting up uid map" in found.why
    assert "user namespaces" in found.cure


def test_p8_elsewhere_than_on_linux_there_is_none(
    anew: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "only Linux" in anew().why
