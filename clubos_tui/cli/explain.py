"""``clubos run --explain``: what a dry run would send to whom. Sends nothing, starts nothing."""

from __future__ import annotations

import os
from argparse import Namespace

from clubos_tui.agents import REPLAY, require
from clubos_tui.agents.base import Request, Workspace
from clubos_tui.agents.needs import in_box, needs_of
from clubos_tui.cli.opened import agent_of, model_of, phase_of
from clubos_tui.cli.output import emit, say
from clubos_tui.cli.starting import open_run, phase_asked
from clubos_tui.codec import Json, structure, unstructure
from clubos_tui.engine.decide import next_for_person
from clubos_tui.engine.session import Session
from clubos_tui.errors import UsageError
from clubos_tui.plan import Needs
from clubos_tui.repository.discover import require_commit
from clubos_tui.spending import Spent, budget_of
from clubos_tui.spending import limits as limits_of
from clubos_tui.workspace.secrets import withheld

_SHOWN = 20  # withheld paths that are named


def explain(session: Session, options: Namespace) -> int:
    """Print what the next phase's first request would hold."""
    run = open_run(session, options)
    asked = phase_asked(options)
    if run:
        view = run.view
        number = phase_of(run, asked or next_for_person(view).phase or 1)
        plan, base, limits = view.plan, view.base_of(number), view.limits(number)
        agent, model = view.started.agent or plan.agent_of(number), view.started.model
    else:
        plan, _ = session.plan(options.plan)
        number = 1 if asked is None else asked
        if not 1 <= number <= len(plan.phase):
            raise UsageError(
                f"there is no phase {number}; the plan has {len(plan.phase)}",
                untouched="Nothing was sent.",
            )
        agent, model = agent_of(options) or plan.agent_of(number), model_of(options)
        base = None
        limits = limits_of(plan.phase[number - 1].budget, Spent(), budget_of(plan), Spent())
    require(agent, session.agents)
    tree = base or session.workshop.tree_of(require_commit(session.repository).commit)
    paths = list(session.workshop.files(tree))
    kept = withheld(paths)
    spec = plan.phase[number - 1].action[0]
    out: Json = {
        "phase": number, "agent": agent, "files": len(paths) - len(kept), "withheld": list(kept),
        "sends": agent == "claude", "network": plan.phase[number - 1].network,
        "needs": unstructure(needs_of(agent, plan, number)),
    }  # fmt: skip
    if agent == "claude":
        from clubos_tui.agents.claude.preview import preview

        found = preview(
            Workspace("", plan, number, 1, kept, model),
            Request(spec.id, spec.prompt or spec.name, limits=limits),
        )
        out |= {
            "to": found.where, "model": found.settings.model, "effort": found.settings.effort,
            "key": found.key, "price": found.price, "limits": [str(item) for item in limits],
            "tools": list(found.tools), "system": found.system, "message": found.message,
        }  # fmt: skip
    if options.json:
        emit(out)
    else:
        _print(out, plan.phase[number - 1].name)
    return 0


def _about(out: Json) -> str:
    """Return who works, and whether anything of it could leave the machine."""
    name = out["agent"]
    if in_box(name):
        given = out["needs"].get("network")
        where = "with the network, so it can send what it reads" if given else "without network"
        return f"{name}, in the box, {where}"
    name = os.path.basename(name) if name.startswith(REPLAY) else name
    return f"{name}: sends nothing to anyone"


def _print(out: Json, name: str) -> None:
    say(f"A dry run of phase {out['phase']} ({name}). Nothing was sent and nothing was started.")
    if not out["sends"]:
        say(f"  agent     {_about(out)}")
        if out["needs"]:
            say(f"  is given  {structure(Needs, out['needs'])}; after your yes")
    else:
        say(f"  to        {out['to']} · {out['model']} · effort {out['effort']}")
        key = f"from {out['key']}" if out["key"] else "none found: set ANTHROPIC_API_KEY"
        say(f"  key       {key}")
        say(f"  price     {out['price']}")
        say(f"  limits    {'; '.join(out['limits']) or 'none'}")
    say(f"  files     {out['files']:,} tracked files, each only when the agent asks for it;")
    say("            untracked and ignored files stay where they are")
    say(f"  withheld  {len(out['withheld']):,} by name, as secrets")
    for path in out["withheld"][:_SHOWN]:
        say(f"              {path}")
    if len(out["withheld"]) > _SHOWN:
        say(f"              ... and {len(out['withheld']) - _SHOWN:,} more: --json names all")
    if out["sends"]:
        say(f"  tools     {', '.join(out['tools'])}")
        say("\nWhat it is told first:\n")
        say(out["system"])
        say("\nWhat it is asked first:\n")
        say(out["message"])
