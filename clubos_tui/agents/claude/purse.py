"""What the next request may use: the worst it can come to is checked before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clubos_tui.agents.claude.money import Prices
from clubos_tui.spending import LEAST_ANSWER, UNKNOWN, Limit, ModelTurn

__all__ = ["Purse"]


class Purse:
    """The limits of a prompt, less what it has used."""

    def __init__(self, limits: Sequence[Limit], prices: Prices, model: str) -> None:
        self._limits = list(limits)
        self._prices = prices
        self._model = model

    def pay(self, turn: ModelTurn) -> None:
        """Take off what a request came to."""
        used = {
            "cents": turn.microcents, "tokens": turn.tokens, "turns": 1,
            "minutes": turn.milliseconds,
        }  # fmt: skip
        for at, limit in enumerate(self._limits):
            amount = used[limit.unit]
            lost = limit.used == UNKNOWN or (amount == UNKNOWN and turn.tokens > 0)
            self._limits[at] = replace(
                limit, used=UNKNOWN if lost else limit.used + max(0, amount)
            )  # fmt: skip

    def allows(self, prompt: int, wanted: int) -> int | Limit:
        """Return how many tokens an answer may have, or the limit that leaves too few.

        Args:
            prompt: Tokens of the prompt, at most.
            wanted: Tokens that the answer should be able to have.
        """
        most = wanted
        for limit in self._limits:
            room = self._room(limit, prompt, wanted)
            if room < min(LEAST_ANSWER, wanted):
                return limit
            most = min(most, room)
        return most

    def _room(self, limit: Limit, prompt: int, wanted: int) -> int:
        if limit.unit == "tokens":
            return limit.left - prompt
        if limit.unit == "cents":
            if limit.used == UNKNOWN or self._model not in self._prices.models:
                return 0  # a limit that can't be kept is no limit
            return min(wanted, self._prices.affordable(self._model, prompt, limit.left))
        return wanted if limit.left > 0 else 0
