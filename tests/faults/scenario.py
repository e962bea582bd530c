"""The moment just before an operation, laid out again for every case."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import agents
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui.engine import audit
from clubos_tui.engine.state import Status
from clubos_tui.errors import ClubosError, exit_code
from faults.image import Image, capture, lay_out

CHANGES = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/inner/a.txt", "a\n"),
    agents.delete("deep/er/only.txt"),  # its folders go with it
    agents.delete("src/old.txt"),
    agents.write("src/old.txt/now/a/folder.txt", "f\n"),  # a file becomes a folder
    agents.rename("docs/name.txt", "docs/other.txt"),
    agents.chmod("bin/run.sh", 0o644),
    agents.link("link", "README.md"),
    agents.write("bytes.bin", b"\0\xff\r\n" * 3000),
)


@dataclass(frozen=True)
class Operation:
    """Something a person asks for: what comes before it, how it is asked, when it is done."""

    ready: Callable[[Journey], object]
    ask: Callable[[Journey], object]
    done: Callable[[Journey], bool]


OPERATIONS = {
    "execute": Operation(
        lambda run: run.propose().approve(),
        lambda run: run.run.execute(1, by=WHO),
        lambda run: run.phase().state is Status.VALIDATED,
    ),
    "merge": Operation(
        lambda run: run.live(),
        lambda run: run.run.merge(by=WHO),
        lambda run: run.view.ending == "merged",
    ),
    "rollback of the stage": Operation(
        lambda run: run.live(),
        lambda run: run.run.roll_back(1, by=WHO),
        lambda run: run.phase().state is Status.ROLLED_BACK,
    ),
    "rollback of the merge": Operation(
        lambda run: run.live().merge(),
        lambda run: run.run.roll_back(1, by=WHO, close=True),
        lambda run: run.view.ending == "rolled back",
    ),
    "undo": Operation(
        lambda run: run.live().merge().roll_back(1, close=True),
        lambda run: run.run.undo(by=WHO),
        lambda run: run.view.ending == "merged",
    ),
}


@dataclass(frozen=True)
class Report:
    """What a process that opened the run found and did."""

    done: bool = False
    error: str = ""  # of ours, or of the system: both are told to the person in plain words
    recovered: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()  # of the journal


class Moment:
    """A repository, its state folder and an open run, just before ``operation``."""

    def __init__(self, base: Path, name: str) -> None:
        self.name = name
        self.operation = OPERATIONS[name]
        self.repo = Repo.make(base / "repo", "--template=")
        self.state = base / "state"
        self.roots = (str(self.repo.root), str(self.state))
        self.repo.write("docs/name.txt", "named\n")
        self.repo.commit("second")
        self.repo.git("branch", "side", "main^")
        self.repo.git("tag", "mark")
        self.repo.git("config", "club.mine", "yes")
        self.repo.mess()
        self.journey = Journey(self.repo, CHANGES)
        self.operation.ready(self.journey)
        self.journey.close()
        self.stage = self.journey.stage
        self.image: Image = capture(self.roots)

    def restore(self) -> None:
        """Lay the moment out again."""
        lay_out(self.image, self.roots)

    def perform(self) -> Report:
        """Ask for the operation and see it through. For a child."""
        return self._opened(self._ask_and_settle)

    def recover(self) -> Report:
        """Start anew, as the next start after a crash does, and look at the journal. For a child."""

        def look(run: Journey) -> Report:
            found = tuple(item.direction for item in run.view.recovered)
            broken = audit.verify(run.session, run.run).broken
            return Report(self.operation.done(run), recovered=found, broken=broken)

        return self._opened(look)

    def go_on(self) -> Report:
        """Start anew, see through what was under way, ask again if that was all. For a child."""

        def work(run: Journey) -> Report:
            run.settle()
            return Report(done=True) if self.operation.done(run) else self._ask_and_settle(run)

        return self._opened(work)

    def intrude(self) -> int:
        """Try to drive the same repository; return the exit code. For a child."""
        try:
            self.journey.open()
        except (ClubosError, OSError) as error:
            return exit_code(error)
        return 0

    def _ask_and_settle(self, run: Journey) -> Report:
        self.operation.ask(run)
        failure = run.settle()
        return Report(self.operation.done(run), failure.error if failure else "")

    def _opened(self, work: Callable[[Journey], Report]) -> Report:
        try:
            self.journey.open()
            try:
                return work(self.journey)
            finally:
                self.journey.close()
        except (ClubosError, OSError) as error:
            return Report(error=f"{type(error).__name__}: {error}")


@contextmanager
def moment(name: str, *, where: str | None = None) -> Iterator[Moment]:
    """Make the moment before an operation in a folder of its own, and remove it afterwards."""
    fast = "/dev/shm"
    folder = tempfile.mkdtemp(prefix="clubos-faults-", dir=where or (fast if os.path.isdir(fast) else None))  # fmt: skip
    base = Path(folder)
    kept = dict(os.environ)
    for variable in [key for key in os.environ if key.startswith(("GIT_", "XDG_", "CLUBOS_"))]:
        del os.environ[variable]
    (base / "home").mkdir()
    (base / "home/.gitconfig").write_text("[user]\n\tname = Pat\n\temail = pat@example.org\n")
    os.environ.update(HOME=str(base / "home"), CLUBOS_STATE_DIR=str(base / "state"))
    try:
        yield Moment(base, name)
    finally:
        os.environ.clear()
        os.environ.update(kept)
        shutil.rmtree(folder, ignore_errors=True)
