"""Open the session and the run that a command is about."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clubos_tui.agents import REPLAY
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.errors import UsageError
from clubos_tui.events import RunId
from clubos_tui.plan import EFFORTS, Model


@contextmanager
def session_of(options: Namespace) -> Iterator[Session]:
    """Open the repository that ``--repo`` names, or the clone of the shared run."""
    url = store_of(options)
    if not url:
        session = Session.open(options.repo)
        try:
            yield session
        finally:
            session.close()
        return
    from clubos_tui.cli.shared import shared_session

    with shared_session(url, options.shared) as session:
        yield session


def store_of(options: Namespace) -> str:
    """Return the URL of the database that holds the journals; empty where they are files."""
    return str(getattr(options, "store", None) or os.environ.get("CLUBOS_STORE") or "")


def session_factory(options: Namespace) -> Callable[[str], Session] | None:
    """Return what opens a shared run for a screen; ``None`` where the run is none."""
    url = store_of(options)
    if not url:
        return None
    from clubos_tui.cli.shared import session_maker

    return session_maker(url, options.shared)


def run_of(session: Session) -> Run:
    """Return the open run, else the last; :class:`UsageError` where there is none."""
    run = session.current()
    if run is None:
        raise UsageError(
            "there is no run in this repository",
            untouched="Nothing was touched.",
            cure="Start one with `clubos run`: a dry run of the first phase.",
        )
    return run


def named_run(session: Session, name: str | None) -> Run:
    """Return the run that is named, else the present one; :class:`UsageError` for one unknown."""
    if name is None:
        return run_of(session)
    known = session.runs()
    if name not in known:
        raise UsageError(
            f"there is no run {name} in this repository",
            untouched="Nothing was touched.",
            cure=f"Those there are: {', '.join(known) or 'none'}",
        )
    return session.run(RunId(name))


def phase_of(run: Run, number: int | None) -> int:
    """Return the phase a command is about: the one named, else the one that waits for a person."""
    from clubos_tui.engine.decide import next_for_person

    if number is None:
        number = next_for_person(run.view).phase or len(run.view.phases)
    if not 1 <= number <= len(run.view.phases):
        raise UsageError(
            f"there is no phase {number}; the plan has {len(run.view.phases)}",
            untouched="Nothing was done.",
        )
    return number


def agent_of(options: Namespace) -> str:
    """Return the agent that was asked for; a recording by its whole path, wherever one is later."""
    name = str(options.agent or "")
    if name.startswith(REPLAY):
        return REPLAY + os.path.abspath(name.removeprefix(REPLAY))
    return name


def model_of(options: Namespace) -> Model:
    """Return the model that was asked for with flags; what was not given is left open."""
    effort = options.effort or "default"
    if effort not in EFFORTS:
        raise UsageError(
            f"there is no effort {effort!r}",
            untouched="Nothing was started.",
            cure=f"Use one of: {', '.join(EFFORTS)}.",
        )
    return Model(options.model or "", effort, options.base_url or "")


def who_of(options: Namespace, session: Session) -> str:
    """Return the name that goes into the journal."""
    return getattr(options, "who", None) or session.who
