"""``plan show``, ``plan check``, ``plan schema``."""

from __future__ import annotations

import json
from argparse import Namespace

from clubos_tui.cli.output import emit, say
from clubos_tui.errors import NotARepository
from clubos_tui.plan import Plan
from clubos_tui.planfile import built_in, read
from clubos_tui.planfile import schema as plan_schema


def show(options: Namespace) -> int:
    """Print the plan in force; outside a repository that is the built-in one."""
    plan, source = _in_force(options)
    if options.json:
        emit({"source": source, **plan.to_json()})
        return 0
    say(f"{plan.name} ({source})")
    say(f"{plan.description}\n")
    for number, phase in enumerate(plan.phase, 1):
        approval = "approval needed" if phase.required_approval else "approved by the plan"
        back = "can be rolled back" if phase.rollbackable else "CANNOT be rolled back"
        say(f"{number}  {phase.name}: {phase.description}")
        model = f", model {plan.model_of(number).name}" if plan.model_of(number).name else ""
        network = " · with the network" if phase.network else ""
        say(f"   agent {plan.agent_of(number)}{model}{network} · {approval} · {back}")
        if rule := plan.approvers_of(number):
            say(f"   approvers: {rule}")
        for action in phase.action:
            say(f"   - {action.name}")
        for check in phase.check:
            say(f"   ✓ {check.name}{' (if available)' if check.if_available else ''}")
    return 0


def _in_force(options: Namespace) -> tuple[Plan, str]:
    from clubos_tui.engine.session import Session

    if options.plan:
        return read(options.plan), options.plan
    try:
        session = Session.open(options.repo)
    except NotARepository:
        return built_in(), "built-in"
    try:
        return session.plan()
    finally:
        session.close()


def check(options: Namespace) -> int:
    """Say everything that is wrong with a plan file, each with its line."""
    from clubos_tui.agents import require

    plan = read(options.file)
    for number in range(1, len(plan.phase) + 1):
        require(plan.agent_of(number))
    if options.json:
        emit({"file": options.file, "phases": len(plan.phase), "faults": []})
    else:
        say(f"{options.file}: {len(plan.phase)} phases, no fault found")
    return 0


def schema(_options: Namespace) -> int:
    """Print the JSON Schema of a plan file."""
    print(json.dumps(plan_schema(), indent=2))
    return 0
