"""A whole phase of as many files as wanted, traced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support import agents
from support.journey import Journey
from support.repo import Repo

from faults import tracer
from faults.scenario import ground
from faults.tracer import Ran


@dataclass(frozen=True)
class Cost:
    """The traces of one phase: made, approved and executed; and of its merge."""

    phase: Ran
    merge: Ran
    roots: tuple[str, str]


def cost(files: int) -> Cost:
    """Trace a phase that replaces, creates and deletes, ``files`` of each."""
    with ground() as base:
        return _cost(base, files)


def _cost(base: Path, files: int) -> Cost:
    repo = Repo.make(base / "repo", "--template=")
    for number in range(files):
        repo.write(f"old/{number}.txt", f"old {number}\n")
        repo.write(f"gone/{number}.txt", f"gone {number}\n")
    repo.commit("many")
    edits = [agents.write(f"old/{number}.txt", f"new {number}\n") for number in range(files)]
    edits += [agents.write(f"fresh/{number}.txt", f"{number}\n") for number in range(files)]
    edits += [agents.delete(f"gone/{number}.txt") for number in range(files)]
    run = Journey(repo, agents.all_of(*edits))
    run.close()
    roots = (repo.path, str(base / "state"))

    def traced(work: Callable[[Journey], object]) -> Ran:
        def opened() -> None:
            run.open()
            work(run)
            run.close()

        ran = tracer.run(opened, roots, record=True)
        assert not ran.error, ran.error
        return ran

    phase = traced(lambda item: item.propose().approve().execute())
    return Cost(phase, traced(lambda item: item.merge()), roots)
