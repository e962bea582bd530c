"""The beginning and the end of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clubos_tui.changes.manifest import TreeId
from clubos_tui.events.words import CommitId, Ending, RunId
from clubos_tui.plan import Model


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A person started a journey through ``plan``, which is frozen here."""

    run: RunId
    repository: str
    target: str  # full ref name; empty where HEAD was detached
    base_commit: CommitId
    base_tree: TreeId
    object_format: str
    plan: dict[str, Any]
    plan_sha256: str
    plan_source: str
    by: str
    version: str
    agent: str = ""  # overrides the plan's agent for every phase
    prior_head: str = ""  # hash of the last event of the run before this one
    model: Model = Model()  # overrides the plan's model for every phase


@dataclass(frozen=True, slots=True)
class Taken:
    """Another worker than before drives the run from here on."""

    worker: str
    host: str


@dataclass(frozen=True, slots=True)
class RunClosed:
    """The run has ended; a merged run can still be rolled back."""

    ending: Ending
    by: str
