"""Agents: whatever proposes changes. They reach a workspace and nothing else.

:mod:`~clubos_tui.agents.base` is the protocol. ``require`` turns the name in a plan
into the maker of an agent.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from clubos_tui.agents.base import Agent
from clubos_tui.agents.presets import PRESETS
from clubos_tui.errors import UsageError
from clubos_tui.plan import ACP, SHELL

Factory = Callable[[], Agent]


def _blueprint() -> Agent:
    from clubos_tui.agents.blueprint import BlueprintAgent

    return BlueprintAgent()


def _claude() -> Agent:
    from clubos_tui.agents.claude.agent import ClaudeAgent

    return ClaudeAgent()


KNOWN: Mapping[str, Factory] = {"blueprint": _blueprint, "claude": _claude}
REPLAY = "replay:"
"""What stands before the file of an agent that is a recording."""


def _replay(file: str) -> Factory:
    def make() -> Agent:
        from clubos_tui.agents.claude.agent import ClaudeAgent
        from clubos_tui.agents.claude.tape import Tape

        return ClaudeAgent(Tape(file))

    return make


def _shell(command: str) -> Factory:
    def make() -> Agent:
        from clubos_tui.agents.shell import ShellAgent

        return ShellAgent(command)

    return make


def _acp(command: str, title: str = "") -> Factory:
    def make() -> Agent:
        from clubos_tui.agents.acp.agent import AcpAgent

        return AcpAgent(command, title)

    return make


def require(name: str, known: Mapping[str, Factory] = KNOWN) -> Factory:
    """Return the maker of agent ``name``; :class:`UsageError` names the ones there are."""
    if name in known:
        return known[name]
    if name.startswith(REPLAY) and len(name) > len(REPLAY):
        return _replay(name.removeprefix(REPLAY))
    if name.startswith(SHELL) and name.removeprefix(SHELL).strip():
        return _shell(name.removeprefix(SHELL))
    if name.startswith(ACP) and name.removeprefix(ACP).strip():
        return _acp(name.removeprefix(ACP))
    if preset := PRESETS.get(name):
        return _acp(preset.command, preset.title)
    near = difflib.get_close_matches(name, [*known, *PRESETS], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"there is no agent {name!r}.{hint}",
        untouched="Nothing was started.",
        cure=f"Use one of: {', '.join((*sorted(known), *PRESETS))}, replay:FILE, shell:COMMAND, "
        "acp:COMMAND; in the plan or with --agent.",
    )
