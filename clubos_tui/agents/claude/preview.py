"""What a conversation would begin with, for whoever wants to know before anything is sent."""

from __future__ import annotations

import os
from dataclasses import dataclass

from clubos_tui.agents.base import Request, Workspace
from clubos_tui.agents.claude.api import key_source
from clubos_tui.agents.claude.money import prices_path, read_prices
from clubos_tui.agents.claude.prompts import SYSTEM
from clubos_tui.agents.claude.settings import API, Settings, choose, read_own, settings_path
from clubos_tui.agents.task import task
from clubos_tui.agents.tools.specs import specs
from clubos_tui.workspace.sandbox.probe import probe

__all__ = ["Preview", "preview"]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first request of a phase, in parts."""

    settings: Settings
    where: str
    key: str
    """Where it comes from, never the key; empty where there is none."""
    price: str
    tools: tuple[str, ...]
    system: str
    message: str


def preview(workspace: Workspace, request: Request) -> Preview:
    """Return what would be sent first; reads settings and prices, and no key.

    Raises:
        Refused: It would go where nobody allowed it.
        UsageError: Settings or prices can't be understood.
    """
    settings = choose(workspace.plan, workspace.phase, workspace.model, read_own(settings_path()))
    prices = read_prices(prices_path())
    price = prices.models.get(settings.model)
    words = "unknown: the limits in dollars can't be kept"
    if price:
        words = f"${price.input} in, ${price.output} out for a million tokens, as of {prices.as_of}"
    return Preview(
        settings,
        settings.base_url or os.environ.get("ANTHROPIC_BASE_URL") or API,
        key_source(),
        words,
        tuple(spec["name"] for spec in specs(commands=probe().ok)),
        SYSTEM,
        task(workspace, request, reviewed=False),
    )
