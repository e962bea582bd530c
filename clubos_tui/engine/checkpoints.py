"""Which checks a tree gets: a phase's own, those that every plan has, of a merge those of all."""

from __future__ import annotations

import dataclasses

from clubos_tui.checks.guard import TAMPER
from clubos_tui.events import Scope
from clubos_tui.plan import CheckSpec, Plan

__all__ = ["PROTECTED", "specs_of"]

PROTECTED = "protected paths"


def specs_of(plan: Plan, number: int, scope: Scope) -> list[CheckSpec]:
    """Return the checks of a phase's tree, or of the merged tree, in order.

    Args:
        plan: The run's.
        number: Of the phase, from 1; of no meaning for a merged tree.
        scope: Which tree.
    """
    if scope == "merge":
        specs = [
            dataclasses.replace(spec, name=f"{at}: {spec.name}")
            for at, phase in enumerate(plan.phase, 1)
            for spec in map(_merged, phase.check)
            if spec is not None
        ]
        protected = plan.protected
    else:
        specs = list(plan.phase[number - 1].check)
        protected = plan.protected_in(number)
    if protected:
        specs.append(CheckSpec(PROTECTED, "protected"))
    # What is executed or merged was proposed before, and guarded then.
    if scope == "proposal" and specs:
        specs.append(CheckSpec(TAMPER, "tamper"))
    return specs


def _merged(spec: CheckSpec) -> CheckSpec | None:
    """Return a phase's check for the merged tree, which brings the files of all phases."""
    if spec.kind != "size" or not spec.files:
        return spec
    return dataclasses.replace(spec, files=0) if spec.kilobytes else None
