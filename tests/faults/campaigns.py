"""Campaigns: each puts one kind of fault at the points of an operation and judges the end.

A case has a name that repeats it: ``kill:merge:all:57`` kills everything at call 57 of a merge.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from clubos_tui.errors import DriverBusy, exit_code
from faults import tracer
from faults.calls import Call
from faults.image import Image, capture, lay_out
from faults.outcome import Outcome
from faults.replay import LOSSES, Disk
from faults.scenario import OPERATIONS, Moment, Report, moment
from faults.tracer import Act, Fail, Freeze, Hung, Kill, Plan, Ran, Short
from faults.verdict import Golden

ERRORS = ("ENOSPC", "EIO", "EACCES", "EINTR")
ALLOCATING = frozenset(
    {"write", "pwrite64", "writev", "open", "openat", "creat", "mkdir", "mkdirat", "link",
     "linkat", "symlink", "symlinkat", "sendfile", "copy_file_range", "fallocate"}
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One fault at one point."""

    campaign: str
    operation: str
    how: str
    at: int

    @property
    def name(self) -> str:
        """What to give to ``report.py --case``."""
        return f"{self.campaign}:{self.operation}:{self.how}:{self.at}"

    @classmethod
    def named(cls, name: str) -> Case:
        """Return the case of a name."""
        campaign, operation, how, at = name.rsplit(":", 3)
        return cls(campaign, operation, how, int(at))


@dataclass
class Bench:
    """An operation's moment, its golden states and one recorded run of it."""

    moment: Moment
    golden: Golden
    trace: Ran
    after: Image  # the real disk after the recorded run
    _killed: dict[int, Image] = field(default_factory=dict)
    _recoveries: dict[int, int] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def of(cls, operation: str) -> Iterator[Bench]:
        """Set up the bench of an operation; to be used in a process without other children."""
        with moment(operation) as ready:
            golden = Golden.of(ready)
            trace = tracer.run(ready.perform, ready.roots, record=True)
            assert trace.value.done, (trace.value, trace.error)
            after = capture(ready.roots)
            ready.restore()
            yield cls(ready, golden, trace, after)

    @property
    def calls(self) -> list[Call]:
        """The calls of one undisturbed run."""
        return self.trace.calls

    def perform(self, plan: Plan, **options: bool) -> Ran:
        """Lay the moment out and do the operation in a child, under ``plan``."""
        self.moment.restore()
        return tracer.run(self.moment.perform, self.moment.roots, plan, **options)

    def judge(self, *, go_on: bool, must: str = "") -> tuple[str, list[str]]:
        """Start anew, look; with ``go_on`` see the operation through and look again."""
        try:
            return self._judge(go_on=go_on, must=must)
        except Hung as error:
            return "before", [f"recovery: {error}"]
        except AssertionError as error:  # plain git can't read what is there
            return "before", [str(error)]

    def _judge(self, *, go_on: bool, must: str) -> tuple[str, list[str]]:
        ran = tracer.run(lambda: self.moment.recover(audited=go_on), self.moment.roots)
        wrong = _said(ran, "recovery")
        side, faults = self.golden.faults(self.moment, fsck=go_on)
        wrong += faults
        if must and must != side:
            wrong.append(f"said to be {must} and is {side}")
        if go_on and not wrong:
            ran = tracer.run(self.moment.go_on, self.moment.roots)
            wrong += _said(ran, "going on")
            if not wrong and not ran.value.done:
                wrong.append(f"going on: not done: {ran.value}")
            wrong += self.golden.end_faults(self.moment)
        return side, wrong

    def killed_at(self, at: int) -> Image:
        """Return the disk as a kill of everything at call ``at`` leaves it."""
        if at not in self._killed:
            self._killed.clear()  # one at a time: cases come in order
            self.perform(_at(at, Kill("all")))
            self._killed[at] = capture(self.moment.roots)
        return self._killed[at]

    def recovery_calls(self, at: int) -> int:
        """Return how many calls recovery makes after a kill at ``at``."""
        if at not in self._recoveries:
            lay_out(self.killed_at(at), self.moment.roots)
            self._recoveries[at] = tracer.run(self.moment.recover, self.moment.roots).total
        return self._recoveries[at]


def _at(number: int, act: Act) -> Plan:
    return lambda call: act if call.number == number else None


def _said(ran: Ran, who: str) -> list[str]:
    if ran.error:
        return [f"{who}: {ran.error.strip().splitlines()[-1]} in {ran.error.strip()[-600:]}"]
    report: Report = ran.value
    wrong = [f"{who}: {report.error}"] if report.error else []
    return wrong + [f"{who}: the journal: {line}" for line in report.broken]


# --- the kinds of fault ---------------------------------------------------------------------------

Verdict = tuple[str, list[str]]  # which side it ended on, and what is wrong


def kill(bench: Bench, case: Case, *, go_on: bool) -> Verdict:
    """SIGKILL just before a call: to all, to clubos while its git goes on, to git alone."""
    ran = bench.perform(_at(case.at, Kill(case.how)))  # type: ignore[arg-type]
    wrong = [] if ran.killed or ran.value else [f"the operation: {ran.error}"]
    side, more = bench.judge(go_on=go_on, must=_claimed(ran))
    return side, wrong + more


def fail(bench: Bench, case: Case, *, go_on: bool) -> Verdict:
    """A call returns an error, writes half, or the disk is full from there on."""
    return _failing(bench, case, looking=False, go_on=go_on)


def fail_reading(bench: Bench, case: Case, *, go_on: bool) -> Verdict:
    """The same for calls that only look."""
    return _failing(bench, case, looking=True, go_on=go_on)


def _failing(bench: Bench, case: Case, *, looking: bool, go_on: bool) -> Verdict:
    if case.how == "short":
        plan = _at(case.at, Short())
    elif case.how == "full":
        plan = _full_from(case.at)
    else:
        plan = _at(case.at, Fail(getattr(errno, case.how)))
    try:
        # Numbers shift with the threads, so what is left out is left out here too.
        ran = bench.perform(lambda c: None if _gits_own_unlock(c) else plan(c), looking=looking)
    except Hung as error:
        return "before", [f"the operation: {error}"]
    wrong = [f"the operation: {ran.error.strip()[-700:]}"] if ran.error else []
    side, more = bench.judge(go_on=go_on, must=_claimed(ran))
    return side, wrong + more


def _full_from(at: int) -> Plan:
    def plan(call: Call) -> Act:
        full = call.number >= at and call.name in ALLOCATING and call.changing
        return Fail(errno.ENOSPC) if full else None

    return plan


def _claimed(ran: Ran) -> str:
    """Return what the operation said it is: done means after, and nothing else is a promise."""
    return "after" if ran.value and ran.value.done else ""


def double(bench: Bench, case: Case, *, go_on: bool) -> Verdict:
    """Killed, and the recovery killed too; the second recovery must make it good."""
    lay_out(bench.killed_at(case.at), bench.moment.roots)
    tracer.run(bench.moment.recover, bench.moment.roots, _at(int(case.how), Kill("all")))
    return bench.judge(go_on=go_on)


def cut(bench: Bench, case: Case, *, go_on: bool) -> Verdict:
    """The power fails just before a call; unsynced bytes are kept, lost, zeros or torn."""
    disk = Disk(bench.moment.image).play(bench.calls[: case.at])
    lay_out(disk.image(LOSSES[case.how]), bench.moment.roots)
    return bench.judge(go_on=go_on)


def freeze(bench: Bench, case: Case, *, go_on: bool) -> Verdict:
    """SIGSTOP; another clubos is refused and changes nothing; after SIGCONT the first ends well."""
    wrong: list[str] = []

    def meanwhile() -> None:
        before = capture(bench.moment.roots)
        code = _in_child(bench.moment.intrude)
        if code != exit_code(DriverBusy("")):
            wrong.append(f"the second one ended with {code}")
        if capture(bench.moment.roots) != before:
            wrong.append("the second one changed something")

    ran = bench.perform(_at(case.at, Freeze(meanwhile)))
    wrong += _said(ran, "the operation")
    side, more = bench.judge(go_on=go_on, must="after")
    return side, wrong + more


def _in_child(work: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


# --- which cases there are ------------------------------------------------------------------------


def _kills(bench: Bench, _: random.Random) -> list[tuple[str, int]]:
    """Everything at each call; where git makes the call, also one of the two alone."""
    inside = [call.number for call in bench.calls if call.program.startswith("git")]
    alone = [(who, at) for at in inside for who in ("root", "caller")]
    return [("all", call.number) for call in bench.calls] + alone


def _fails(bench: Bench, _: random.Random) -> list[tuple[str, int]]:
    writes = [call.number for call in bench.calls if call.name in {"write", "pwrite64"}]
    return [
        *((how, call.number) for how in (*ERRORS, "full") for call in bench.calls
          if not _gits_own_unlock(call)),
        *(("short", at) for at in writes),
    ]  # fmt: skip


def _gits_own_unlock(call: Call) -> bool:
    """Tell whether git gives a lock of its own back.

    git says nothing when that fails, and afterwards nobody can tell the lock from another git's.
    """
    return call.program.startswith("git ") and call.name == "unlink"


def _reads(bench: Bench, _: random.Random) -> list[tuple[str, int]]:
    calls = bench.perform(tracer.let_pass, looking=True, record=True).calls
    points = [call.number for call in calls if not call.changing]
    return [(how, at) for how in ("EIO", "EACCES") for at in points]


def _doubles(bench: Bench, chance: random.Random) -> list[tuple[str, int]]:
    points = sorted(chance.sample(range(len(bench.calls)), len(bench.calls) // 10))
    return [(str(second), at) for at in points for second in range(bench.recovery_calls(at))]


def _cuts(bench: Bench, _: random.Random) -> list[tuple[str, int]]:
    return [(how, at) for how in LOSSES for at in range(len(bench.calls) + 1)]


def _freezes(bench: Bench, _: random.Random) -> list[tuple[str, int]]:
    driven = next(call.number for call in bench.calls if call.name == "pwrite64")
    return [("stop", call.number) for call in bench.calls[driven:]]


@dataclass(frozen=True)
class Campaign:
    """One kind of fault: what it does at a point, and which points there are."""

    title: str
    inject: Callable[..., Verdict]
    points: Callable[[Bench, random.Random], list[tuple[str, int]]]
    share: float = 1.0  # of its points that the full run takes


CAMPAIGNS = {
    "kill": Campaign("SIGKILL at a changing call", kill, _kills),
    "fail": Campaign("a changing call fails", fail, _fails),
    "read": Campaign("a reading call fails", fail_reading, _reads, 0.1),
    "double": Campaign("recovery is killed too", double, _doubles),
    "cut": Campaign("power cut, unsynced bytes lost", cut, _cuts),
    "freeze": Campaign("SIGSTOP, a second clubos", freeze, _freezes, 0.2),
}


def cases(bench: Bench, campaign: str, seed: int, budget: int | None = None) -> list[Case]:
    """Return the cases of a campaign on an operation, ``budget`` of them spread evenly."""
    chance = random.Random(f"{seed}:{campaign}:{bench.moment.name}")
    kind = CAMPAIGNS[campaign]
    points = kind.points(bench, chance)
    wanted = min(len(points), budget or round(len(points) * kind.share))
    start = chance.random()
    step = len(points) / max(wanted, 1)
    chosen = [points[int((number + start) * step)] for number in range(wanted)]
    return [Case(campaign, bench.moment.name, how, at) for how, at in chosen]


def carry_out(bench: Bench, chosen: list[Case], *, go_on_every: int = 1) -> Outcome:
    """Inject each case and count what it came to."""
    out = Outcome()
    for number, case in enumerate(chosen):
        go_on = number % go_on_every == 0
        side, wrong = CAMPAIGNS[case.campaign].inject(bench, case, go_on=go_on)
        out.injected += 1
        if wrong:
            out.failed.append(f"{case.name}: {'; '.join(wrong)}")
        elif side == "before":
            out.before += 1
        else:
            out.after += 1
    return out


def campaign(
    name: str, operation: str, seed: int, budget: int | None = None, *, go_on_every: int = 2
) -> Outcome:
    """Run one campaign on one operation."""
    with Bench.of(operation) as bench:
        return carry_out(bench, cases(bench, name, seed, budget), go_on_every=go_on_every)


def one(name: str) -> Outcome:
    """Repeat the case of that name."""
    case = Case.named(name)
    assert case.operation in OPERATIONS
    with Bench.of(case.operation) as bench:
        return carry_out(bench, [case])
