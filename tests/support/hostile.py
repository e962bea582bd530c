"""What a hostile agent goes for: a person's repository, home, secrets, terminal and network.

Everything in the folder but this run's own state is compared before and after, byte by byte.
"""

from __future__ import annotations

import contextlib
import os
import pty
import secrets
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

from faults.apart import apart

from clubos_tui.workspace.sandbox.probe import probe
from support.cli import Said, inside
from support.manifest import Manifest, manifest
from support.repo import Repo

NOBODY = 65534
PLAN = """\
name = "Hostile"
[[phase]]
name = "One"
[[phase.action]]
id = "one"
name = "Do it"
[[phase.check]]
name = "there"
kind = "paths"
paths = ["*"]
"""


@dataclass
class World:
    """A person's machine, as far as an agent could want it."""

    root: Path
    nobody: bool
    secret: str = field(default_factory=lambda: f"hostile-{secrets.token_hex(8)}")
    repo: Repo = field(init=False)
    runs: int = 0
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    terminal: tuple[int, int] = field(default_factory=pty.openpty)

    def __post_init__(self) -> None:
        self.root.chmod(0o755)
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".ssh" / "id_rsa").write_text(self.secret)
        (self.home / ".bashrc").write_text("# mine\n")
        (self.home / ".gitconfig").write_text("[user]\n\tname = Pat\n\temail = pat@example.org\n")
        (self.root / "xdg").mkdir(mode=0o700)
        (self.root / "xdg" / "beside.txt").write_text("beside the state\n")
        (self.root / "plan.toml").write_text(PLAN)
        with self.environment():
            self.repo = Repo.make(self.root / "repo")
            self.repo.git("branch", "other")
            self.repo.git("init", "-q", "--bare", str(self.root / "remote.git"))
            self.repo.git("remote", "add", "origin", str(self.root / "remote.git"))
            self.repo.git("push", "-q", "origin", "main")
            self.repo.git("worktree", "add", "-q", str(self.root / "tree"), "other")
            (self.root / "tree" / "mine.txt").write_text("mine\n")
            self.repo.mess()
        self.server.settimeout(0)
        os.set_blocking(self.terminal[0], False)
        if self.nobody and os.geteuid() == 0:
            shutil.chown(self.root, NOBODY, NOBODY)
            for top, folders, names in os.walk(self.root):
                for name in (*folders, *names):
                    os.chown(os.path.join(top, name), NOBODY, NOBODY, follow_symlinks=False)

    @property
    def home(self) -> Path:
        """The person's home."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """Where clubos keeps what it knows of this run."""
        return self.root / "xdg" / f"state-{self.runs}"

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """Have this process be a person's, with a secret in its environment."""
        kept = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("GIT_", "XDG_", "CLUBOS_"))
        }  # fmt: skip
        own = {"HOME": str(self.home), "CLUBOS_STATE_DIR": str(self.state), "MINE": self.secret,
               "XDG_CONFIG_HOME": str(self.root / "no-such-folder")}  # fmt: skip
        with mock.patch.dict(os.environ, {**kept, **own}, clear=True):
            yield

    def next_run(self) -> None:
        """Begin anew; of the runs before only the first is kept, for an agent to go for."""
        if self.runs > 1:
            shutil.rmtree(self.state, onerror=_open_up)
        self.runs += 1

    def say(self, script: str) -> str:
        """Return a script with the places of this world in it."""
        places: Mapping[str, Any] = {
            "REPO": self.repo.path, "ROOT": self.root, "THEIRS": self.home, "PID": os.getpid(),
            "PORT": self.server.getsockname()[1], "TTY": os.ttyname(self.terminal[1]),
        }  # fmt: skip
        for name, place in places.items():
            script = script.replace(f"@{name}@", str(place))
        return script

    def outside(self) -> Manifest:
        """Return everything that is not this run's."""
        own = str(self.state.relative_to(self.root))
        found = manifest(self.root, keep=lambda name: name != own)
        del found["xdg"]  # its time is that of the state beside
        return found

    def here(self, *commands: tuple[str, ...]) -> list[Said]:
        """Run commands of clubos on the repository, one after the other, as who runs the tests."""
        with self.environment():
            return [inside(self.repo, *command) for command in commands]

    def go(self, *commands: tuple[str, ...]) -> list[Said]:
        """Run them as the one whose world it is."""

        def work() -> list[Said]:
            if self.nobody and os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                probe.cache_clear()  # another user may not have what root has
            return self.here(*commands)

        return apart(work)

    def reached(self) -> str:
        """Return what came through to the person's network or terminal."""
        with contextlib.suppress(BlockingIOError):
            self.server.accept()
            return "somebody connected"
        with contextlib.suppress(BlockingIOError):
            return f"typed {os.read(self.terminal[0], 100)!r}"
        return ""

    def found(self, word: str) -> list[str]:
        """Return every file of this run's that holds a word."""
        out = []
        for top, _, names in os.walk(self.state):
            for name in names:
                with contextlib.suppress(OSError), _opened(top, name) as file:
                    if word.encode() in file.read():
                        out.append(file.name)
        return out


@contextlib.contextmanager
def world(*, nobody: bool) -> Iterator[World]:
    """Make one, where anybody may go."""
    folder = tempfile.mkdtemp(prefix="clubos-hostile-")
    made = World(Path(folder), nobody)
    try:
        yield made
    finally:
        made.server.close()
        for fd in made.terminal:
            os.close(fd)
        shutil.rmtree(folder, onerror=_open_up)


def _opened(top: str, name: str) -> BinaryIO:
    """Open a file to read; what is left of a pipe or a link is none."""
    place = os.path.join(top, name)
    if not stat.S_ISREG(os.lstat(place).st_mode):
        raise FileNotFoundError(place)
    return open(place, "rb")


def _open_up(again: Callable[[str], object], path: str, _: object) -> None:
    os.chmod(os.path.dirname(path), 0o700)
    os.chmod(path, 0o700)
    again(path)
