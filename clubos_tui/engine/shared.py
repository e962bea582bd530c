"""A shared run on this machine: its journal in a database, its repository in a clone of ours.

The journal and the branches below the run's prefix are all that machines have in common. What a
step made is sent before the event that tells of it is appended, so whoever reads of a tree finds
it. The clone, the stage and the backups of a machine are good as long as that machine drives; once
another has driven, they are set aside and made anew.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from clubos_tui.agents import KNOWN, Factory
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.driver import busy
from clubos_tui.engine.fold import fold
from clubos_tui.engine.paths import StatePaths, state_folder
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import RunView
from clubos_tui.errors import JournalDamaged, UsageError
from clubos_tui.events import (
    ActionFinished,
    AttemptStarted,
    CommitId,
    Edited,
    Event,
    Executed,
    Merged,
    Proposed,
    RolledBack,
    RunId,
    RunStarted,
    Sealed,
    Taken,
    Undone,
)
from clubos_tui.journal import Journals
from clubos_tui.locks import FileLock
from clubos_tui.plan import Plan, RemoteSpec
from clubos_tui.repository.discover import discover, identity
from clubos_tui.repository.remote import Remote, advance_clone, make_clone
from clubos_tui.repository.workshop import CommitSpec

__all__ = ["Branches", "folder_of", "open_shared", "remote_of", "take_over", "view_of"]

MERGED = "merged"


def remote_of(plan: Plan) -> RemoteSpec:
    """Return where a plan's repository is reached; a run that is shared needs that."""
    if not plan.remote.url:
        raise UsageError(
            "the plan names no remote, so no other machine could reach the repository",
            untouched="No run was started.",
            cure='Add to the plan: [remote], url = "..." and prefix = "autogen/".',
        )
    return plan.remote


def view_of(journals: Journals, run: RunId) -> RunView:
    """Return the state of a run as its journal has it now.

    Raises :class:`JournalDamaged` where that can't be believed.
    """
    records = journals.open(run).load()
    if not records:
        raise JournalDamaged(f"run {run} has no beginning", untouched="Nothing was done.")
    return fold(record.event for record in records)


def folder_of(run: RunId) -> str:
    """Return where the clone for a run lies on this machine."""
    return os.path.join(state_folder(), "clones", run)


def open_shared(
    journals: Journals, started: RunStarted, agents: Mapping[str, Factory] | None = None
) -> Session:
    """Open the clone for a run, making it where it is missing.

    Raises:
        GitFailed: The remote can't be reached.
        UsageError: It does not hold the commit from which the run began.
    """
    spec = remote_of(Plan.from_json(started.plan))
    folder, branch = folder_of(started.run), started.target.removeprefix("refs/heads/")
    if not os.path.isdir(folder):
        make_clone(folder, spec.url, branch, started.base_commit)
    repository = discover(folder)
    paths = StatePaths.of(repository)
    session = Session(repository, paths, KNOWN if agents is None else agents, journals)
    remote = Remote(repository.git_dir, spec.url, f"{spec.prefix}{started.run}/")
    session.branches = Branches(session, remote, branch)
    return session


def take_over(session: Session, run: Run, worker: str) -> Session:
    """Drive a run that another machine drove so far: with a fresh clone, and say so.

    What was here is set aside and not deleted: somebody may have looked around in it. Raises
    :class:`DriverBusy` where a driver of this machine's that was overtaken is still in it.
    """
    folder, started = session.repository.root, run.view.started
    lock = FileLock(session.paths.driver_lock)
    if not lock.acquire():
        raise busy(lock)
    try:
        session.close()
        aside = f".aside-{secrets.token_hex(3)}"
        os.rename(folder, f"{folder}{aside}")
        os.rename(session.paths.root, f"{session.paths.root}{aside}")
    finally:
        lock.release()
    fresh = open_shared(session.journals, started, session.agents)
    run.paths = fresh.paths
    run.say(Taken(worker, socket.gethostname()))
    return fresh


@dataclass(slots=True)
class Branches:
    """The branches of one run on its remote: what a step made goes there before it is told."""

    session: Session
    remote: Remote
    target: str

    def bring(self, run: Run) -> None:
        """Fetch what others sent, and have the clone follow the branch it is merged into.

        Up to the last commit on it that the journal tells of; one that was sent and not recorded
        is made again and takes the other's place. Before the merge it is the remote's branch.
        """
        self.remote.fetch()
        known = [
            record.event.commit
            for record in run.journal.load()
            if isinstance(record.event, Merged | RolledBack | Undone) and record.event.commit
        ]
        commit = known[-1] if known else self.remote.fetched(self.target)
        if commit and self._here(commit):
            advance_clone(self.session.repository.root, self.target, commit)

    def require(self, *trees: TreeId) -> None:
        """Fetch where one of the trees is not here yet."""
        if any(tree and not self._here(tree) for tree in trees):
            self.remote.fetch()

    def send(self, run: Run, event: Event) -> None:
        """Send what an event tells of."""
        match event:
            case Proposed() | Sealed() | Edited():
                self._send_tree(run, f"work/{event.phase}", event.change_set)
            case ActionFinished() if event.tree:
                self._send_tree(run, f"work/{event.phase}", event.tree)
            case Executed():
                self._send(run, event.branch.split("/")[-1], event.commit)
            case Merged():
                self._send(run, MERGED, event.commit)
            case RolledBack() | Undone() if event.commit:
                self._send(run, MERGED, event.commit)
            case AttemptStarted() if event.seed:
                self.require(event.seed)
            case _:
                pass

    def _send_tree(self, run: Run, name: str, tree: TreeId) -> None:
        """Send a tree as a commit on top of what was sent of the phase before, so that all stay."""
        heads = self.remote.heads()
        before = heads.get(name, "")
        if before and not self._here(before):
            self.remote.fetch()
        parents = (CommitId(before or run.view.started.base_commit),)
        message = f"Proposed in run {run.id}\n\nClubOS-Proposal: {run.id}\n"
        who = identity(self.session.repository)
        commit = self.session.workshop.commit(CommitSpec(tree, parents, message, who, "0 +0000"))
        run.journal.require_ours()
        self.remote.send(name, commit, before, source=self.session.workshop.path)

    def _send(self, run: Run, name: str, commit: str) -> None:
        seen = self.remote.heads().get(name, "")
        if seen != commit:
            # Between the look and the push: who was overtaken before has lost the run, who is
            # overtaken after it finds something else there than it has seen.
            run.journal.require_ours()
            self.remote.send(name, commit, seen)

    def _here(self, name: str) -> bool:
        """Tell whether a commit or a tree is here."""
        return self.session.workshop.git.ask("cat-file", "-e", name, ok=(0, 1, 128))[0] == 0
