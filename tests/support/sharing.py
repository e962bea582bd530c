"""Shared runs with real parts: a database, bare repositories as remotes, workers as processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from clubos_tui.engine.decide import next_for_person
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.run import Run
from clubos_tui.events import RunId
from clubos_tui.journal.postgres import PostgresJournals
from support.repo import Repo

CLUBOS = [sys.executable, "-m", "clubos_tui"]
PLAN = """\
name = "Shared"
agent = "{agent}"
[remote]
url = "{url}"
prefix = "autogen/"
[[phase]]
name = "One"
[[phase.check]]
name = "made"
kind = "paths"
paths = ["one.txt"]
[[phase.action]]
id = "one"
name = "one"
prompt = "x"
blueprint = "prints/one"
[[phase]]
name = "Two"
[[phase.check]]
name = "made"
kind = "paths"
paths = ["two.txt"]
[[phase.action]]
id = "two"
name = "two"
prompt = "x"
blueprint = "prints/two"
"""


def write_plan(repo: Repo, url: str, agent: str = "blueprint") -> None:
    """Commit a plan of two phases, and what its agent writes."""
    repo.write("clubos.toml", PLAN.format(url=url, agent=agent))
    repo.write("prints/one/one.txt", "one\n")
    repo.write("prints/two/two.txt", "two\n")
    repo.commit("a plan")


def wait_until(holds: Callable[[], bool], why: Callable[[], str], seconds: float = 60) -> None:
    """Wait for something; fail with what is known by then."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


@dataclass
class Works:
    """A worker, as its own process with a state folder of its own: a machine of its own."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        self.process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """Return what it printed."""
        return self.log.read_text()


@dataclass
class Sharing:
    """Everything that machines have in common, and the machines."""

    place: Path
    url: str
    workers: list[Works] = field(default_factory=list)
    journals: PostgresJournals = field(init=False)

    def __post_init__(self) -> None:
        self.journals = PostgresJournals(self.url)
        self.journals.prepare()
        self.journals.listen()

    def environment(self, machine: str) -> dict[str, str]:
        """Return the environment of a process on a machine."""
        return {**os.environ, "CLUBOS_STORE": self.url,
                "CLUBOS_STATE_DIR": str(self.place / f"state-{machine}")}  # fmt: skip

    def clubos(self, *args: str, machine: str = "desk") -> subprocess.CompletedProcess[str]:
        """Run a command on a machine."""
        return subprocess.run(
            [*CLUBOS, *args], env=self.environment(machine), capture_output=True, text=True,
            check=False, cwd=self.place, timeout=120,
        )  # fmt: skip

    def remote(self, name: str, agent: str = "blueprint") -> Repo:
        """Make a repository with a plan, and a remote for it; return the person's clone."""
        origin = self.place / f"{name}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(origin)], check=True)
        repo = Repo.make(self.place / name)
        write_plan(repo, str(origin), agent)
        repo.git("push", "-q", str(origin), "main")
        return repo

    def start(self, repo: Repo, run: str) -> None:
        """Start a shared run."""
        done = self.clubos("runs", "start", "--repo", str(repo.path), "--run-id", run)
        assert done.returncode == 0, done.stderr

    def work(self, name: str, *args: str) -> Works:
        """Start a worker and wait until it listens."""
        log = self.place / f"{name}-{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*CLUBOS, "worker", "--name", name, *args], env=self.environment(name),
                stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.place,
            )  # fmt: skip
        works = Works(name, log, process)
        self.workers.append(works)
        self.until(lambda: "drives shared runs" in works.said(), "the worker did not start")
        return works

    def until(self, holds: Callable[[], bool], why: str, seconds: float = 60) -> None:
        """Wait for something; fail with what the workers said."""

        def told() -> str:
            said = "\n".join(f"--- {one.name}\n{one.said()[-3000:]}" for one in self.workers)
            return f"{why}\n{said}"

        wait_until(holds, told, seconds)

    def run(self, name: str) -> Run:
        """Return a run as a person's screen would see it."""
        nowhere = StatePaths(str(self.place / "nowhere"))
        return Run(RunId(name), nowhere, self.journals.open(RunId(name)))

    def close(self) -> None:
        """End every worker."""
        for works in self.workers:
            with contextlib.suppress(ProcessLookupError):
                works.thaw()
                works.process.terminate()
        for works in self.workers:
            try:
                works.process.wait(20)
            except subprocess.TimeoutExpired:
                works.kill()
        self.journals.close()


class Person:
    """Says what takes a run forward, each thing once, whenever it is asked for."""

    def __init__(self, run: Run, who: str = "Pat") -> None:
        self.run = run
        self.who = who

    @property
    def done(self) -> bool:
        """Whether the run is merged."""
        return self.run.view.ending == "merged"

    def look(self) -> bool:
        """Say the next thing if there is one to say; tell whether the run is merged."""
        self.run.refresh()
        if self.done:
            return True
        if failed := self.run.view.failure:
            raise AssertionError(f"run {self.run.id}: {failed}")
        step = next_for_person(self.run.view)
        match step.verb:
            case "propose":
                self.run.propose(step.phase, by=self.who)
            case "approve":
                phase = self.run.view.phase(step.phase)
                self.run.approve(step.phase, phase.change_set, phase.attempt, by=self.who)
            case "execute":
                self.run.execute(step.phase, by=self.who)
            case "merge":
                self.run.merge(by=self.who)
            case "working":
                pass
            case _:
                raise AssertionError(f"run {self.run.id}: {step.words}: {self.run.view.failure}")
        return False
