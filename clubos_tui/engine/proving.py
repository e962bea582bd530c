"""Try every check of a phase on a fault that it must find; nothing of the run is moved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from clubos_tui.checks import KINDS, Subject, run
from clubos_tui.checks.canaries import fault_for, found, plant
from clubos_tui.checks.guard import guard_of
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.copies import copies
from clubos_tui.workspace.export import export
from clubos_tui.workspace.secrets import withheld

__all__ = ["Proof", "prove"]

Proved = Literal["caught", "missed", "unproven"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a check made of a seeded fault."""

    phase: int
    spec: CheckSpec
    proved: Proved
    fault: str
    detail: str


def prove(session: Session, run: Run, number: int) -> Iterator[Proof]:
    """Yield, for each check of a phase with a change set, whether it finds its fault."""
    phase = run.view.phase(number)
    specs = specs_of(run.view.plan, number, "proposal")
    protected = run.view.plan.protected_in(number)
    with copies(session.paths.scratch) as scratch:
        folder = os.path.join(scratch, "good")
        workshop = session.workshop
        files = workshop.files(phase.change_set)
        hidden = withheld(files)
        shown = {path: entry for path, entry in files.items() if path not in set(hidden)}
        export(workshop, shown, folder)

        def copy(name: str = "bench") -> str:
            place = os.path.join(scratch, name)
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(folder, place, symlinks=True)
            return place

        subject = Subject(
            folder, shown, workshop.files(phase.base), phase.manifest, protected,
            guard_of(run.view.plan), frozenset(hidden), session.repository.root,
            workshop.object_format, lambda path: workshop.content(phase.base, path), copy,
        )  # fmt: skip
        for spec in specs:
            yield _proof(number, spec, subject, copy("planted"))


def _proof(number: int, spec: CheckSpec, subject: Subject, folder: str) -> Proof:
    def proof(proved: Proved, words: str, detail: str = "") -> Proof:
        return Proof(number, spec, proved, words, detail)

    before = run(spec, subject)
    if before.outcome != "passed":
        return proof("unproven", "", f"it does not pass as things are: {before.summary}")
    fault = fault_for(spec, subject) if spec.kind in KINDS else None
    if fault is None:
        return proof("unproven", "", "no fault is known for it; give it one with `canary`")
    after = run(spec, plant(fault, subject, folder))
    said = "; ".join((after.summary, *after.evidence[:3]))
    caught = found(fault, after)
    return proof("caught" if caught else "missed", f"{fault.words}: {fault.path}", said)
