"""What an agent in the box needs of this machine, and what of that there is.

Nothing is given before a person has seen it and said yes. An agent that is given the network could
send away whatever it can read, so the box holds as little as possible beside the workspace.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from clubos_tui.agents.presets import PRESETS
from clubos_tui.errors import AgentFailed
from clubos_tui.journal import keep_secret
from clubos_tui.plan import ACP, SHELL, Needs, Plan
from clubos_tui.workspace.sandbox.box import HOME, Box
from clubos_tui.workspace.sandbox.programs import equip

__all__ = ["NETWORK", "Given", "box_for", "given", "in_box", "needs_of"]

NETWORK: Final = "This agent has the network in its box"
"""What is said before it is started."""

_LARGEST: Final = 32 << 20  # bytes of a file of the home
_TOKEN: Final = 16  # characters of the shortest value in such a file that may be one
_NAMES_TOKEN: Final = re.compile(r"token|secret|key|password|credential|auth", re.IGNORECASE)
_LINE_WITH_TOKEN: Final = re.compile(
    r"""(?im)^.*(?:token|secret|key|password|credential|auth)[\w.-]*["']?\s*[:=]\s*["']?"""
    rf"""([^\s"',}}]{{{_TOKEN},}})"""
)
"""YAML, TOML and the like: what stands behind such a name."""


def needs_of(agent: str, plan: Plan, phase: int) -> Needs:
    """Return what an agent is to be given in a phase, the network that the plan gives included.

    Only a program of its own is given anything.
    """
    if not in_box(agent):
        return Needs()
    needs = plan.needs.plus(Needs(network=plan.phase[phase - 1].network))
    preset = PRESETS.get(agent)
    return preset.needs.plus(needs) if preset else needs


def in_box(agent: str) -> bool:
    """Tell whether an agent is a program of its own, which runs in the box."""
    return agent in PRESETS or agent.startswith((SHELL, ACP))


@dataclass(frozen=True, slots=True)
class Given:
    """What of it there is on this machine."""

    variables: Mapping[str, str]
    home: tuple[str, ...]
    """Paths within the home."""


def given(needs: Needs) -> Given:
    """Look which variables are set and which files are there."""
    variables = {name: os.environ[name] for name in needs.variables if os.environ.get(name)}
    return Given(variables, tuple(path for path in needs.home if os.path.isfile(_in_home(path))))


def box_for(folder: str, command: str, needs: Needs) -> Box:
    """Return the box in which an agent's command line runs, with what it is given in it.

    From here on what it was given is redacted wherever it comes up.

    Args:
        folder: The workspace.
        command: The command line.
        needs: What a person has said yes to.

    Raises:
        AgentFailed: A file that it is to be given can't be read, or is no small file.
    """
    found = given(needs)
    for name, value in found.variables.items():
        if _NAMES_TOKEN.search(name):
            keep_secret(value)
    for path in found.home:
        _keep_tokens(path)
    box = Box(folder, network=needs.network, variables=found.variables)
    lent = tuple((_in_home(path), f"{HOME}/{path}") for path in found.home)
    return replace(equip(box, command), lent=lent)


def _in_home(path: str) -> str:
    return os.path.join(os.path.expanduser("~"), path)


def _keep_tokens(path: str) -> None:
    """Have the tokens in a file of credentials redacted."""
    try:
        with open(_in_home(path), "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise AgentFailed(
            f"~/{path}, which the agent needs, can't be read: {error.strerror}",
            untouched="Nothing was run.", cure="Mend that, then propose the phase again.",
        ) from error  # fmt: skip
    if len(data) > _LARGEST:
        raise AgentFailed(
            f"~/{path}, which the agent needs, is larger than {_LARGEST >> 20} MiB",
            untouched="Nothing was run.", cure="Shorten it, or take it out of what is needed.",
        )  # fmt: skip
    try:
        tokens = list(_tokens(json.loads(data)))
    except (ValueError, RecursionError):
        text = data.decode("utf-8", "surrogateescape")
        tokens = [found[1] for found in _LINE_WITH_TOKEN.finditer(text)]
    for token in tokens:
        keep_secret(token)


def _tokens(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if _NAMES_TOKEN.search(name) and len(value) >= _TOKEN:
            yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _tokens(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _tokens(item, name)
