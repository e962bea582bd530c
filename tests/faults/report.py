"""Run every campaign of faults and print what survived: ``python tests/faults/report.py``.

A failing case is printed with the command that repeats it, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

if __name__ == "__main__":  # found by their packages, not by the folder this file lies in
    _HERE = os.path.dirname(os.path.abspath(__file__))
    sys.path[:1] = [os.path.dirname(_HERE), os.path.dirname(os.path.dirname(_HERE))]

from faults import campaigns, ptrace
from faults.outcome import Outcome
from faults.scenario import OPERATIONS

PROCESSES = 2
TENTH = {"kill": 20, "fail": 30, "read": 8, "double": 18, "cut": 24, "freeze": 2}
RANDOM = ("person", "machine")  # modules with ``campaign(seed, budget)``, where they are there
BUDGET = {"quick": 60, "full": 600}  # of a random campaign


@dataclass(frozen=True)
class Job:
    """One campaign, on one operation where it has one."""

    campaign: str
    operation: str
    seed: int
    budget: int | None

    def run(self) -> tuple[Job, Outcome, float]:
        """Carry it out; return it with the outcome and the seconds."""
        start = time.monotonic()
        if self.operation:
            outcome = campaigns.campaign(self.campaign, self.operation, self.seed, self.budget)
        else:
            outcome = _random(self.campaign)(self.seed, self.budget)
        return self, outcome, time.monotonic() - start


def _random(name: str) -> Callable[[int, int | None], Outcome]:
    found: Callable[[int, int | None], Outcome] = importlib.import_module(f"faults.{name}").campaign
    return found


def jobs(seed: int, *, full: bool, only: str = "") -> list[Job]:
    """Return all jobs, the long ones first."""
    out = [
        Job(name, operation, seed, None if full else TENTH[name])
        for name in ("fail", "double", "cut", "kill", "read", "freeze")
        for operation in OPERATIONS
    ]
    for name in RANDOM:
        if importlib.util.find_spec(f"faults.{name}"):
            out.append(Job(name, "", seed, BUDGET["full" if full else "quick"]))
    return [job for job in out if only in {"", job.campaign}]


def title(name: str) -> str:
    """Return a campaign's name for the table."""
    kind = campaigns.CAMPAIGNS.get(name)
    return kind.title if kind else name


def table(done: list[tuple[Job, Outcome, float]], seed: int) -> str:
    """Return the Markdown table: a row a campaign, and the sum."""
    rows = ["| campaign | injected | before | after | held | failed | seconds | repeat |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"]  # fmt: skip
    total, seconds = Outcome(), 0.0
    for name in dict.fromkeys(job.campaign for job, _, _ in done):
        one, took = Outcome(), 0.0
        for job, outcome, spent in done:
            if job.campaign == name:
                one.add(outcome)
                took += spent
        rows.append(_row(title(name), one, took, f"`--only {name} --seed {seed}`"))
        total.add(one)
        seconds += took
    return "\n".join([*rows, _row("**all**", total, seconds, f"`--seed {seed}`")])


def _row(name: str, found: Outcome, seconds: float, repeat: str) -> str:
    cells = (name, found.injected, found.before, found.after, found.held, len(found.failed),
             f"{seconds:.0f}", repeat)  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def main(arguments: list[str]) -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="every point (the default)")
    size.add_argument("--quick", action="store_true", help="about a tenth, as the tests do")
    parser.add_argument("--only", default="", help="one campaign")
    parser.add_argument("--case", default="", help="one case, by the name a failure gave")
    options = parser.parse_args(arguments)
    reason = ptrace.reason_not_to()
    if reason:
        print(reason, file=sys.stderr)
        return 2
    if options.case:
        outcome = campaigns.one(options.case)
        print("\n".join(outcome.failed) or "survived")
        return 1 if outcome.failed else 0
    done = _run(jobs(options.seed, full=not options.quick, only=options.only))
    print(table(done, options.seed))
    failed = [case for _, outcome, _ in done for case in outcome.failed]
    for case in failed:
        name = ":".join(case.split(":")[:4])
        print(f"\nFAILED {case}\n  repeat: python tests/faults/report.py --case '{name}'")
    return 1 if failed else 0


def _run(wanted: list[Job]) -> list[tuple[Job, Outcome, float]]:
    fork = multiprocessing.get_context("fork")
    done = []
    with ProcessPoolExecutor(PROCESSES, mp_context=fork) as pool:
        for future in as_completed([pool.submit(job.run) for job in wanted]):
            job, outcome, seconds = future.result()
            done.append((job, outcome, seconds))
            said = f"{job.campaign} {job.operation}: {outcome.injected} in {seconds:.0f} s"
            print(f"{said}, {len(outcome.failed)} failed", file=sys.stderr, flush=True)
    return sorted(done, key=lambda item: wanted.index(item[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
