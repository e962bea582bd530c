"""Shared runs: open one, start one, list them, take over those of a machine that is gone."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clubos_tui.cli.endings import require_yes
from clubos_tui.cli.opened import agent_of, model_of, store_of, who_of
from clubos_tui.cli.output import ask, emit, flag, say
from clubos_tui.codec import Json
from clubos_tui.engine.decide import Wait, decide, next_for_person
from clubos_tui.engine.session import Session
from clubos_tui.engine.shared import folder_of, open_shared, remote_of, view_of
from clubos_tui.errors import ClubosError, UsageError
from clubos_tui.events import RunId
from clubos_tui.journal.postgres import Holder, Kept, PostgresJournals
from clubos_tui.repository.discover import discover, read_head
from clubos_tui.repository.remote import make_clone
from clubos_tui.ui.text import safe

__all__ = ["adopt", "list_runs", "session_maker", "shared_session", "start"]


@contextmanager
def shared_session(url: str, name: str | None) -> Iterator[Session]:
    """Open the clone of a shared run on this machine."""
    session = _open(url, name)
    try:
        yield session
    finally:
        session.close()
        assert isinstance(session.journals, PostgresJournals)
        session.journals.close()


def session_maker(url: str, name: str | None) -> Callable[[str], Session]:
    """Return what opens the run for a dashboard, which listens as long as it is open."""

    def make(_path: str) -> Session:
        session = _open(url, name)
        assert isinstance(session.journals, PostgresJournals)
        session.journals.listen()
        return session

    return make


def _open(url: str, name: str | None) -> Session:
    every = PostgresJournals(url)
    try:
        run = _chosen(every, name)
        started = view_of(every, run).started
    finally:
        every.close()
    return open_shared(PostgresJournals(url, only=run), started)


def _chosen(journals: PostgresJournals, name: str | None) -> RunId:
    known = journals.runs()
    if name is not None:
        if name in known:
            return RunId(name)
        raise UsageError(
            f"there is no run {name} in this database",
            untouched="Nothing was done.",
            cure="`clubos runs list` names those there are.",
        )
    open_ones = [
        run for run in known
        if view_of(journals, run).ending is None
    ]  # fmt: skip
    if len(open_ones) == 1:
        return open_ones[0]
    raise UsageError(
        f"{len(open_ones)} shared runs are open" if open_ones else "no shared run is open",
        untouched="Nothing was done.",
        cure="Name one with --shared RUN; `clubos runs list` names them."
        if open_ones
        else "Start one with `clubos runs start`.",
    )


def _journals(options: Namespace) -> PostgresJournals:
    url = store_of(options)
    if not url:
        raise UsageError(
            "shared runs have their journals in a database, and none was named",
            untouched="Nothing was done.",
            cure="Give --store postgresql://... or set CLUBOS_STORE.",
        )
    return PostgresJournals(url)


# --- commands -----------------------------------------------------------------------------------


def start(options: Namespace) -> int:
    """Start a shared run from the commit that is checked out, which the remote must have."""
    journals = _journals(options)
    try:
        here = Session.open(options.repo)
        try:
            plan, source = here.plan(options.plan)
            spec, who, head = remote_of(plan), who_of(options, here), read_head(here.repository)
            run = here.new_id(options.run_id)
        finally:
            here.close()
        if not head.ref:
            raise UsageError(
                "HEAD is detached, so there is no branch to merge into",
                untouched="No run was started.",
                cure="git switch BRANCH, then try again.",
            )
        if run in journals.runs():
            raise UsageError(f"there is a run {run} already", cure="Choose another --run-id.")
        folder = folder_of(run)
        say(f"Cloning {safe(spec.url)} ...", to_error=True)
        make_clone(folder, spec.url, head.branch, head.commit)
        journals.repository, journals.only = spec.url, run
        session = Session.of(discover(folder), journals)
        try:
            begun = session.start(
                plan, source, by=who, agent=agent_of(options), run_id=run,
                model=model_of(options), url=spec.url,
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # ours, and nobody has looked around in it
            raise
        finally:
            session.close()
        if options.json:
            emit({"run": begun.id, "repository": spec.url, "prefix": f"{spec.prefix}{begun.id}/"})
        else:
            say(f"Run {begun.id} of {safe(spec.url)} is started.")
            say(f"  clubos --shared {begun.id}    the dashboard on it")
            say("  clubos worker             drives it, here or on another machine")
        return 0
    finally:
        journals.close()


def list_runs(options: Namespace) -> int:
    """Print every run: where it stands, who drives it, whom it waits for."""
    journals = _journals(options)
    try:
        holders = {holder.run: holder for holder in journals.holders()}
        rows = [_row(journals, kept, holders.get(kept.run)) for kept in journals.kept()]
    finally:
        journals.close()
    if options.json:
        emit({"runs": rows})
        return 0
    if not rows:
        say("No shared run has been started in this database; `clubos runs start` starts one.")
    for row in rows:
        say(f"{row['run']}  {safe(str(row['repository']))}")
        say(f"  {row['state']}: {safe(str(row['waits_for']))}")
    return 0


def _row(journals: PostgresJournals, kept: Kept, holder: Holder | None) -> Json:
    row: Json = {
        "run": kept.run, "repository": kept.repository, "events": kept.seq,
        "driven_by": holder.worker if holder else None, "since": holder.since if holder else None,
    }  # fmt: skip
    try:
        view = view_of(journals, kept.run)
    except ClubosError as error:
        return {**row, "state": "damaged", "waits_for": error.message, "worker": None}
    following = next_for_person(view)
    state, waits = str(view.ending), "nobody"
    if holder:
        state, waits = "driven", f"worker {holder.worker} on {holder.host}"
    elif isinstance(decide(view), Wait) and not view.ending:
        state, waits = "waits for a person", following.words
    elif not view.ending or view.queue:
        last = f", the last was {view.worker}" if view.worker else ""
        state, waits = "waits for a worker", f"any worker with room{last}"
    return {**row, "state": state, "waits_for": waits, "worker": view.worker or None,
            "phase": following.phase}  # fmt: skip


def adopt(options: Namespace) -> int:
    """End what a worker still holds, and have others go on with its runs."""
    from clubos_tui.engine.durable import resume_from

    journals = _journals(options)
    try:
        held = [holder.run for holder in journals.holders() if holder.worker == options.worker]
        if not flag(options, "yes", "AUTO_APPROVE", on="true"):
            say(
                f"Worker {safe(options.worker)} holds {len(held)} runs: {', '.join(held) or 'none'}"
            )
            say("What it has not recorded is lost, and its clones are not used again.")
            require_yes(ask("Have other workers take its runs over?"), "runs adopt")
        ended = journals.end_worker(options.worker)
        resumed = resume_from(journals.url, options.worker)
    finally:
        journals.close()
    if options.json:
        emit({"worker": options.worker, "connections_ended": ended, "held": held,
              "resumed": resumed})  # fmt: skip
    else:
        say(f"{ended} connections ended; {len(resumed)} runs go on elsewhere.")
    return 0
