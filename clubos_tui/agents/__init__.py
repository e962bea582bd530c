"""Agents: whatever proposes changes. They reach a workspace and nothing else.

:mod:`~clubos_tui.agents.base` is the protocol. ``require`` turns the name in a plan
into the maker of an agent.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from clubos_tui.agents.base import Agent
from clubos_tui.errors import UsageError

Factory = Callable[[], Agent]


def _blueprint() -> Agent:
    from clubos_tui.agents.blueprint import BlueprintAgent

    return BlueprintAgent()


KNOWN: Mapping[str, Factory] = {"blueprint": _blueprint}


def require(name: str, known: Mapping[str, Factory] = KNOWN) -> Factory:
    """Return the maker of agent ``name``; :class:`UsageError` names the ones there are."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"there is no agent {name!r}.{hint}",
        untouched="Nothing was started.",
        cure=f"Use one of: {', '.join(sorted(known))}; in the plan or with --agent.",
    )
