"""A repository opened for clubos: its workshop, its state folder, its runs."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clubos_tui import __version__
from clubos_tui.agents import KNOWN, Factory, require
from clubos_tui.apply.checkout import Checkout
from clubos_tui.changes.manifest import digest
from clubos_tui.codec import canonical
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import RunView
from clubos_tui.errors import Refused, RepositoryState, UsageError
from clubos_tui.events import CheckProved, CommitId, RunId, RunStarted
from clubos_tui.journal import FileJournals, Journals
from clubos_tui.plan import Model, Plan
from clubos_tui.planfile import FILE_NAME, built_in, parse
from clubos_tui.planfile import read as read_plan
from clubos_tui.repository.discover import (
    Head,
    Repository,
    discover,
    identity,
    operation_under_way,
    require_commit,
)
from clubos_tui.repository.forms import require_whole
from clubos_tui.repository.workshop import Workshop

if TYPE_CHECKING:
    from clubos_tui.engine.shared import Branches


class Session:
    """Everything the engine needs to work on one repository."""

    def __init__(
        self,
        repository: Repository,
        paths: StatePaths,
        agents: Mapping[str, Factory],
        journals: Journals | None = None,
    ) -> None:
        self.repository = repository
        self.paths = paths
        self.agents = agents
        self.journals = journals or FileJournals(paths.runs, paths.start_lock)
        self.workshop = Workshop(paths.workshop, repository)
        self.checkout = Checkout(repository, self.workshop, paths.scratch)
        self.branches: Branches | None = None  # of a shared run
        self._who = ""
        self._whole = ""  # the commit that was found to be complete

    @classmethod
    def open(cls, path: str, agents: Mapping[str, Factory] | None = None) -> Session:
        """Open the repository around ``path``; writes only to the state folder."""
        repository = discover(path)
        require_commit(repository)
        return cls(repository, StatePaths.of(repository), KNOWN if agents is None else agents)

    @classmethod
    def of(cls, repository: Repository, journals: Journals) -> Session:
        """Open a repository whose runs have their journals elsewhere."""
        return cls(repository, StatePaths.of(repository), KNOWN, journals)

    @property
    def who(self) -> str:
        """The person's name as git knows it."""
        self._who = self._who or str(identity(self.repository))
        return self._who

    def close(self) -> None:
        """End the reading process."""
        self.workshop.close()

    # --- runs ---------------------------------------------------------------------------------

    def runs(self) -> list[RunId]:
        """Return the ids of all runs, oldest first."""
        return self.journals.runs()

    def run(self, run_id: RunId) -> Run:
        """Return a run as one reader sees it, with a reading of the journal of its own."""
        return Run(run_id, self.paths, self.journals.open(run_id))

    def current(self) -> Run | None:
        """Return the open run, else the last closed one, else ``None``."""
        runs = [self.run(name) for name in reversed(self.runs())]
        # The clock may have been wrong; whether a run is open is written in its journal.
        return next((run for run in runs if run.view.ending is None), runs[0] if runs else None)

    def plan(self, file: str | None = None) -> tuple[Plan, str]:
        """Return the plan in force and where it comes from.

        ``file``, else ``clubos.toml`` in the tree of HEAD (never an edit of it that is not
        committed), else the built-in plan.
        """
        if file:
            return read_plan(file), os.path.abspath(file)
        head = self._head()
        entry = self.workshop.files(self.workshop.tree_of(head.commit)).get(FILE_NAME)
        if entry is None:
            return built_in(), "built-in"
        text = self.workshop.objects.blob(entry.blob).decode("utf-8", "replace")
        return parse(text, file=FILE_NAME), f"{FILE_NAME} in {head.commit[:12]}"

    def start(
        self,
        plan: Plan,
        source: str,
        *,
        by: str,
        agent: str = "",
        run_id: str | None = None,
        model: Model | None = None,
        url: str = "",
    ) -> Run:
        """Start a run from HEAD; at most one is open per repository.

        A shared run's repository is known by its ``url``.
        """
        for number in range(1, len(plan.phase) + 1):
            require(agent or plan.agent_of(number), self.agents)
        head = self._head()
        under_way = operation_under_way(self.repository)
        if under_way:
            raise RepositoryState(
                f"{self.repository.root} is in the middle of {under_way}",
                untouched="No run was started.",
                cure=f"Finish or abort {under_way} with git, then try again.",
            )
        with self.journals.starting():
            before = self.current()
            if before and before.view.ending is None:
                raise Refused(
                    f"run {before.id} is still open",
                    untouched="No run was started.",
                    cure="Go on with it, or end it with `clubos rollback --run`.",
                )
            data = plan.to_json()
            run = self.run(self.new_id(run_id))
            run.journal.append(
                RunStarted(
                    run=run.id,
                    repository=url or self.repository.root,
                    target=head.ref,
                    base_commit=CommitId(head.commit),
                    base_tree=self.workshop.tree_of(head.commit),
                    object_format=self.repository.object_format,
                    plan=data,
                    plan_sha256=hashlib.sha256(canonical(data)).hexdigest(),
                    plan_source=source,
                    by=by,
                    version=__version__,
                    agent=agent,
                    model=model or Model(),
                    prior_head=before.journal.head if before else "",
                ),
                *(_still_proved(before.view, plan) if before else ()),
                expected=0,
            )
            run.refresh()
            return run

    def _head(self) -> Head:
        """Return HEAD, every file of which is here."""
        head = require_commit(self.repository)
        if head.commit != self._whole:
            require_whole(self.repository, self.workshop, head.commit)
            self._whole = head.commit
        return head

    def new_id(self, wanted: str | None) -> RunId:
        """Return the id of a new run; :class:`UsageError` where the wanted one is none."""
        name = wanted or f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise UsageError(
                f"{name!r} is no run id", cure="Use letters, digits, hyphens and dots."
            )
        if name in self.runs():
            raise UsageError(f"there is a run {name} already", cure="Choose another --run-id.")
        return RunId(name)


def _still_proved(before: RunView, plan: Plan) -> Iterator[CheckProved]:
    """Yield what the run before has shown of the very same checks, in the same version."""
    for number, phase in enumerate(plan.phase, 1):
        for spec in phase.check:
            proof = before.proofs.get(digest(spec))
            if proof and proof.version == __version__:
                yield dataclasses.replace(proof, phase=number, check=spec.name)
