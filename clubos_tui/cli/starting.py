"""Which run a command is about, and which of its phases: what is open, else a new one."""

from __future__ import annotations

import os
from argparse import Namespace

from clubos_tui.cli.opened import agent_of, model_of, phase_of, who_of
from clubos_tui.engine.decide import next_for_person
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.errors import Refused, UsageError


def open_run(session: Session, options: Namespace) -> Run | None:
    """Return the run that is open, if what was asked for is what it was started with."""
    present = session.current()
    if present is None or present.view.ending:
        return None
    started = present.view.started
    asked = model_of(options)
    other = None
    if options.plan and session.plan(options.plan)[0].to_json() != started.plan:
        other = "plan", "--plan"
    elif options.agent and agent_of(options) != started.agent:
        other = "agent", "--agent"
    elif asked.over(started.model) != started.model:
        other = "model", "these flags"
    if other:
        raise UsageError(
            f"run {present.id} is open with another {other[0]}",
            untouched="Nothing was started.",
            cure=f"Go on without {other[1]}, or end it with `clubos rollback --run`.",
        )
    return present


def run_for(session: Session, options: Namespace) -> Run:
    """Return the open run, else a new one."""
    if present := open_run(session, options):
        return present
    before = session.current()
    plan, source = session.plan(options.plan)
    try:
        return session.start(
            plan,
            source,
            by=who_of(options, session),
            agent=agent_of(options),
            run_id=options.run_id,
            model=model_of(options),
        )
    except Refused:
        started = session.current()
        if started is None or started.view.ending or (before and started.id == before.id):
            raise
        return started  # by another clubos, a moment ago; the driver's lock decides


def phase_asked(options: Namespace) -> int | None:
    """Return the phase that a flag names, else the environment."""
    number = options.phase
    if number is None and os.environ.get("PHASE"):
        try:
            return int(os.environ["PHASE"])
        except ValueError as error:
            raise UsageError("PHASE must be a number", untouched="Nothing was done.") from error
    return None if number is None else int(number)


def every(current: Run) -> list[int]:
    """Return the numbers of all phases."""
    return list(range(1, len(current.view.phases) + 1))


def phases_of(current: Run, options: Namespace) -> list[int]:
    """Return the phases that a command is about, in order."""
    if options.all:
        return every(current)
    number = phase_asked(options)
    if number is None:
        waiting = next_for_person(current.view)
        if waiting.verb in {"merge", "done"}:
            return []
        number = waiting.phase or _under_way(current)
    return [phase_of(current, number)]


def _under_way(current: Run) -> int | None:
    """Return the phase of what a killed command left under way."""
    queue = current.view.queue
    return getattr(queue[0], "phase", None) if queue else None
