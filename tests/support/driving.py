"""Drivers as processes, so that one suite tries them all: here with no screen, and shared."""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from support.postgres import Cluster
from support.repo import Repo
from support.sharing import CLUBOS, Person, Sharing, wait_until, write_plan


class Driving(ABC):
    """One run and whoever drives it: ended, killed, frozen and started again as a test likes."""

    process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def begin(self) -> None:
        """Start a driver and wait until it is at work."""

    @abstractmethod
    def read(self) -> Run:
        """Return the run as a person's screen would see it, with a reading of its own."""

    @abstractmethod
    def lose_wake_ups(self) -> None:
        """Have what is said next reach nobody at once."""

    @abstractmethod
    def double_wake_up(self) -> None:
        """Have the last thing that was said be heard once more."""

    def kill(self) -> None:
        """End it at once, wherever it is."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop it, wherever it is."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Have it end as it is meant to; return its exit code."""
        assert self.process
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.process.wait(30)

    def close(self) -> None:
        """End whatever is left."""
        if self.process and self.process.poll() is None:
            self.end()

    def go(self, who: str = "Pat") -> Person:
        """Return a person who says what takes the run forward."""
        return Person(self.read(), who)


class Here(Driving):
    """`clubos worker` on a repository of this machine, with the journal in a file."""

    def __init__(self, place: Path) -> None:
        self.repo = Repo.make(place / "repo")
        write_plan(self.repo, "/nowhere")
        self.session = Session.open(self.repo.path)
        plan, source = self.session.plan()
        self.run = self.session.start(plan, source, by="Pat")
        self.log = place / "worker.log"

    def begin(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*CLUBOS, "worker", str(self.repo.path)], stdout=out, stderr=out,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        lock = self.session.paths.driver_lock
        wait_until(lambda: os.path.exists(lock) and str(self.process.pid) in Path(lock).read_text(),
                   lambda: self.log.read_text())  # fmt: skip

    def read(self) -> Run:
        return self.session.run(self.run.id)

    def lose_wake_ups(self) -> None:
        """A frozen process hears nothing; the kernel keeps what it missed only so far."""

    def double_wake_up(self) -> None:
        os.utime(self.run.journal.path)  # type: ignore[attr-defined]

    def close(self) -> None:
        super().close()
        self.session.close()


class Shared(Driving):
    """`clubos worker` on a database, under the durable engine."""

    def __init__(self, place: Path, server: Cluster) -> None:
        self.server = server
        self.sharing = Sharing(place, server.tcp)
        self.repo = self.sharing.remote("repo")
        self.sharing.start(self.repo, "one")

    def begin(self) -> None:
        self.process = self.sharing.work("alpha").process

    def read(self) -> Run:
        return self.sharing.run("one")

    def lose_wake_ups(self) -> None:
        self.server.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'clubos listening'"
        )

    def double_wake_up(self) -> None:
        seq = self.read().journal.load()[-1].seq
        for _ in range(3):
            self.server.ask(f"SELECT pg_notify('clubos', 'one {seq} proposal.requested')")

    def close(self) -> None:
        super().close()
        self.sharing.close()
