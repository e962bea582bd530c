"""``clubos run`` and ``clubos merge``: drive a run without a screen.

Headless never assumes yes (P10): where a person is needed and ``--yes`` is not given, it stops
with exit code 3 and says what to decide.
"""

from __future__ import annotations

import asyncio
import signal
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from clubos_tui.agents.needs import needs_of
from clubos_tui.cli.endings import (
    Ended,
    closed,
    held,
    merge_needs,
    needs_approval,
    require_yes,
)
from clubos_tui.cli.evidence import gathered, write_junit
from clubos_tui.cli.logs import LogPrinter, write_action_log
from clubos_tui.cli.opened import run_of, session_of, who_of
from clubos_tui.cli.output import ask, emit, flag, say
from clubos_tui.cli.review import note_outside
from clubos_tui.cli.show import status_json
from clubos_tui.cli.starting import every, phases_of, run_for
from clubos_tui.engine.approvers import of_phase
from clubos_tui.engine.decide import Next, next_for_person
from clubos_tui.engine.driver import Driver
from clubos_tui.engine.follow import Follower
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import Status
from clubos_tui.errors import (
    ClubosError,
    NeedsPerson,
    Refused,
    RepositoryState,
)
from clubos_tui.events import (
    ChecksRequested,
    EditRequested,
    ProposalRequested,
    ResumeRequested,
    Scope,
    SealRequested,
    tag_of,
)
from clubos_tui.repository.discover import read_head, require_calm

S = Status


def run(options: Namespace) -> int:
    """Dry run of the next phase, or of all; with ``--live`` execute what is approved."""
    live = flag(options, "live", "DRY_RUN", on="false")
    yes = flag(options, "yes", "AUTO_APPROVE", on="true")
    with session_of(options) as session:
        if options.explain:
            from clubos_tui.cli.explain import explain

            return explain(session, options)
        current = run_for(session, options)
        headless = Headless(session, current, options, yes=yes)
        try:
            with headless.driving():
                try:
                    asyncio.run(headless.go(phases_of(current, options), live=live))
                except Ended as error:
                    return headless.end(error)
        finally:
            if options.log_file:
                write_action_log(current, options.log_file)
            if options.junit:
                write_junit(gathered(current.view, every(current)), options.junit)
        return headless.summary()


def merge(options: Namespace) -> int:
    """Merge what is validated."""
    yes = flag(options, "yes", "AUTO_APPROVE", on="true")
    with session_of(options) as session:
        headless = Headless(session, run_of(session), options, yes=yes)
        target = headless.run.view.started.target.removeprefix("refs/heads/")
        with headless.driving():
            reason = headless.refusal_to_merge()
            if reason:
                raise reason
            if not yes:
                require_yes(ask(f"Merge into {target}?"), "merge")
                headless.yes = True
            try:
                asyncio.run(headless.merge())
            except Ended as error:
                return headless.end(error)
        return headless.summary()


class Headless:
    """One command's hold on a run: it drives, prints what happens, and asks nobody."""

    def __init__(self, session: Session, run: Run, options: Namespace, *, yes: bool) -> None:
        self.session = session
        self.run = run
        self.yes = yes
        self.who = who_of(options, session)
        self.all = getattr(options, "all", False)
        self.dry_run = options.command == "run"
        self.admits = getattr(options, "admit", False)
        self.json = options.json
        self.driver: Driver | Follower = Driver(session, run)
        if session.branches:  # a worker drives, here or elsewhere
            self.driver = Follower(run, lambda line: say(line, to_error=True))
        self.printer = LogPrinter(run, as_json=False, quiet=options.json, warnings=True)

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Hold the driver's lock, having recovered what a crash cut short."""
        self.driver.require()
        try:
            yield
        finally:
            self.driver.release()

    async def go(self, phases: list[int], *, live: bool) -> None:
        """Take ``phases`` as far as they may go."""
        if not live:
            self._require_dry()
        await self._settle()  # what a killed command left under way
        if live:
            self._require_calm()
        for number in phases:
            await self._propose(number)
            if live:
                await self._execute(number)
        if not live:
            for number in phases:
                self._require_open_gate(number)
        if live and self.all and next_for_person(self.run.view).verb != "done":
            if not self.yes:
                raise NeedsPerson(
                    "every phase is validated; the merge needs a person's yes",
                    untouched="The target branch was not moved.",
                    cure="clubos merge",
                )
            await self.merge()

    def _require_dry(self, *, any_checks: bool = False) -> None:
        """Refuse to go on, in a dry run, with something live that a killed command had begun."""
        for request in self.run.view.queue:
            dry = ProposalRequested | ResumeRequested | SealRequested | EditRequested
            again = isinstance(request, ChecksRequested) and (
                any_checks or request.scope == "proposal"
            )
            if not isinstance(request, dry) and not again:
                raise NeedsPerson(
                    f"a command that was cut short had begun something live: {tag_of(request)}",
                    untouched="Nothing was done, because this command does nothing live.",
                    cure="Go on with it: clubos run --live; or take it back: clubos rollback.",
                )

    async def settle(self) -> None:
        """Advance until a person is needed, whatever was asked for."""
        await self._settle()

    async def merge(self) -> None:
        """Merge; a merged tree that differs from the approved one needs its own yes."""
        await self._settle()
        if not self.run.view.queue and self.run.view.ending is None:
            self.run.merge(by=self.who)
        await self._settle()
        prepared = self.run.view.merge.prepared
        if self.run.view.ending is None and prepared:
            if not self.run.view.gate_open("merge", prepared.tree):
                raise closed(self.run.view, len(self.run.view.phases), "merge")
            if not self.yes:
                raise merge_needs(self.run.view, prepared.tree)
            self.run.approve_merge(prepared.tree, by=self.who, flag=True)
            if self.run.view.merge_waits:  # one yes of several
                raise merge_needs(self.run.view, prepared.tree)
            await self._settle()

    def refusal_to_merge(self) -> ClubosError | None:
        """Return why a merge can't be asked for, before anybody is asked about it."""
        from clubos_tui.engine.table import refusal
        from clubos_tui.events import MergeRequested

        reason = None if self.run.view.queue else refusal(self.run.view, MergeRequested(self.who))
        return Refused(reason, untouched="Nothing was touched.") if reason else None

    async def _propose(self, number: int) -> None:
        """Make a dry run of a phase unless it has a change set that still holds."""
        status = self.run.view.status(number)
        phase = self.run.view.phase(number)
        done = {S.APPROVED, S.EXECUTED, S.VALIDATED, S.UNVALIDATED, S.MERGED, S.EMPTY}
        if status in done:
            return
        pending = status is S.PROPOSED and self.run.view.reviewable(number) is not None
        if pending and not phase.moved_outside():
            return
        self._admit(number)
        if status is S.HELD and phase.held and phase.permissions.open:
            raise held(phase.held)  # begun again, it would only ask the same
        if status is S.HELD:
            self.run.resume(number, by=self.who)
        else:
            self.run.propose(number, by=self.who)
        await self._settle()
        if phase.state is S.HELD and phase.held:
            raise held(phase.held)
        if phase.state is S.FAILED:
            raise Ended(
                f"phase {number} could not be proposed: {phase.error}",
                "Nothing outside the workspace was written.",
                phase.cure,
                phase.code,
            )

    def _admit(self, number: int) -> None:
        """Give an agent what it needs, where that was said; else the driver refuses to start it."""
        view = self.run.view
        agent = view.agent_of(number)
        needs = needs_of(agent, view.plan, number)
        if self.admits and not view.admits(agent, needs):
            self.run.admit(agent, needs, by=self.who)

    async def _execute(self, number: int) -> None:
        phase = self.run.view.phase(number)
        if phase.state in {S.VALIDATED, S.MERGED, S.EMPTY}:
            return
        if phase.state is S.UNVALIDATED:
            raise closed(self.run.view, number, "stage")
        self._require_open_gate(number)
        note_outside(self.session, self.run, number)
        if phase.state is S.PROPOSED and phase.required_approval:
            if self.yes:
                self.run.approve(number, phase.change_set, phase.attempt, by=self.who)
            if phase.state is S.PROPOSED:  # nobody has said yes, or one of several
                raise needs_approval(self.run.view, number)
        if not phase.spec.rollbackable:
            self._confirm_for_good(number, phase.spec.name)
        self.run.execute(number, by=self.who)
        await self._settle()
        if self.run.view.status(number) is S.UNVALIDATED:
            raise closed(self.run.view, number, "stage")

    def _confirm_for_good(self, number: int, name: str) -> None:
        """A phase that can't be taken back needs its name typed; a flag is not enough."""
        import sys

        say(f"Phase {number} ({name}) is marked as not rollbackable.", to_error=True)
        typed = ""
        if sys.stdin and sys.stdin.isatty():
            say("Type its name to execute it:", to_error=True)
            typed = sys.stdin.readline().strip()
        if typed != name:
            raise NeedsPerson(
                f"phase {number} is not rollbackable and its name was not typed",
                untouched="Nothing was executed.",
                cure="Execute it in the dashboard or on a terminal.",
            )

    def _require_open_gate(self, number: int) -> None:
        view, phase = self.run.view, self.run.view.phase(number)
        if phase.state is not S.PROPOSED:
            return
        if view.reviewable(number) is False:
            raise closed(self.run.view, number, "proposal")

    async def check(self, number: int, names: Sequence[str]) -> None:
        """Carry out checks of a phase again, and say so where its gate is shut then."""
        self._require_dry(any_checks=True)
        await self._settle()
        self.run.check(number, *names, by=self.who)
        await self._settle()
        view, phase = self.run.view, self.run.view.phase(number)
        scope: Scope = "proposal" if phase.state is S.PROPOSED else "stage"
        unproven = scope == "proposal" and view.reviewable(number) is False
        if unproven or view.closed_checks(scope, phase.change_set):
            raise closed(self.run.view, number, scope)

    def _require_calm(self) -> None:
        require_calm(self.session.repository)
        if not self.run.view.started.target or not read_head(self.session.repository).commit:
            raise RepositoryState(
                "HEAD is detached, so there is no branch a run could be merged into",
                untouched="Nothing was executed.",
                cure="git switch -c NAME, end this run with `clubos rollback --run`, run again.",
            )

    async def _settle(self) -> None:
        """Advance until a person is needed, printing what happens; ctrl+c undoes the step."""
        loop = asyncio.get_running_loop()
        paused, failure = self.run.view.paused, self.run.view.failure
        driving = asyncio.ensure_future(self.driver.until_waiting())
        with suppress(NotImplementedError):  # pragma: no cover  (not on every platform)
            loop.add_signal_handler(signal.SIGINT, lambda: self.run.pause(by=self.who))
            loop.add_signal_handler(signal.SIGTERM, driving.cancel)
        try:
            while not driving.done():
                await asyncio.wait({driving}, timeout=0.05)
                self.printer.print_new()
            await driving
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        finally:
            self.printer.print_new()
            with suppress(NotImplementedError):
                loop.remove_signal_handler(signal.SIGINT)
                loop.remove_signal_handler(signal.SIGTERM)
        # What an earlier command came to is not what this one came to.
        view = self.run.view
        if view.paused and view.paused is not paused:
            raise KeyboardInterrupt
        if view.failure and view.failure is not failure:
            failed = view.failure
            raise Ended(failed.error, failed.untouched, failed.cure, failed.code)

    def end(self, error: Ended) -> int:
        """Report a failed step with the exit code it brought."""
        from clubos_tui.cli.output import report

        report(error, as_json=self.json)
        return error.code

    def summary(self) -> int:
        """Print where the run stands now."""
        view = self.run.view
        if self.json:
            emit(status_json(self.session, self.run))
            return 0
        following: Next = next_for_person(view)
        if self.dry_run and view.mode == "DRY RUN":
            say("DRY RUN: nothing in your repository was touched.")
        say(f"Next: {following.words}")
        if following.verb == "approve":
            phase = view.phase(following.phase)
            say(f"  clubos diff {phase.number}")
            say(f"  clubos approve {phase.number} --id {phase.change_set}")
            if who := of_phase(phase).who:
                say(f"  {who}")
        elif following.verb == "execute":
            say(f"  clubos diff {following.phase}")
            say(f"  clubos run --live --phase {following.phase}")
        elif following.verb == "merge":
            say("  clubos merge")
        elif following.verb == "raise":
            say(f"  clubos limit {following.phase}")
        return 0
