"""What asking a model costs: each request, the sum of them, and the limits a person set.

Pure values. Money is in whole microcents (millionths of a cent), so that sums are exact; what has
no price is *unknown* and never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

from clubos_tui.plan import Budget, Plan

__all__ = [
    "DEFAULT_BUDGET", "LEAST_ANSWER", "UNITS", "UNKNOWN", "Limit", "ModelTurn", "Scope", "Spent",
    "Unit", "amount", "budget_of", "dollars", "limits", "raised",
]  # fmt: skip

UNKNOWN: Final = -1
"""The cost of what has no price."""
LEAST_ANSWER: Final = 1024
"""Tokens; a request that may answer with less is not worth making."""

DEFAULT_BUDGET: Final = Budget(cents=2000)
"""Of a run whose plan sets no limit at all: nobody should find out by the bill."""

Scope = Literal["phase", "run"]
Unit = Literal["cents", "tokens", "turns", "minutes"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)
_SMALLEST: Final = {"cents": 1_000_000, "tokens": 1, "turns": 1, "minutes": 60_000}


@dataclass(frozen=True, slots=True)
class ModelTurn:
    """One request to a model and what came of it: the auditor's line.

    ``number`` counts the requests of an attempt from 1. An answer that was *withdrawn* broke off
    or could not be used: nothing of it counts but its cost.
    """

    number: int
    outcome: Literal["answered", "withdrawn"]
    model: str
    prompt_sha256: str
    answered_by: str = ""
    record_sha256: str = ""  # of the record in the run's recording that holds it
    stop_reason: str = ""
    input_tokens: int = 0  # those that no cache held
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    microcents: int = UNKNOWN
    estimated: bool = False  # it broke off before the API said what it had used
    tools: tuple[str, ...] = ()
    request_id: str = ""
    error: str = ""
    milliseconds: int = 0

    @property
    def tokens(self) -> int:
        """All that went in and came out."""
        return (
            self.input_tokens + self.cache_read_tokens + self.cache_write_tokens
            + self.output_tokens
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """What several requests came to; ``microcents`` is a part of it where some are ``unpriced``."""

    tokens: int = 0
    microcents: int = 0
    unpriced: bool = False
    turns: int = 0
    milliseconds: int = 0

    def plus(self, turn: ModelTurn) -> Spent:
        """Return the sum with one more request."""
        unknown = turn.microcents == UNKNOWN
        return Spent(
            self.tokens + turn.tokens,
            self.microcents + (0 if unknown else turn.microcents),
            self.unpriced or (unknown and turn.tokens > 0),
            self.turns + 1,
            self.milliseconds + turn.milliseconds,
        )

    @property
    def cost(self) -> int:
        """The microcents, :data:`UNKNOWN` where some of it has no price."""
        return UNKNOWN if self.unpriced else self.microcents


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit and how much of it is used; in microcents, tokens, turns or milliseconds."""

    scope: Scope
    unit: Unit
    most: int
    used: int  # UNKNOWN where it can't be told

    @property
    def left(self) -> int:
        """What may still be used; nothing where it can't be told."""
        return 0 if self.used == UNKNOWN else max(0, self.most - self.used)

    def __str__(self) -> str:
        used = "an unknown part" if self.used == UNKNOWN else amount(self.unit, self.used)
        return f"the {self.scope}'s limit of {amount(self.unit, self.most)} ({used} used)"


def limits(phase: Budget, spent: Spent, run: Budget, spent_in_run: Spent) -> tuple[Limit, ...]:
    """Return every limit that a phase's next request must keep."""
    return (*_limits("phase", phase, spent), *_limits("run", run, spent_in_run))


def _limits(scope: Scope, budget: Budget, spent: Spent) -> Iterator[Limit]:
    used = {
        "cents": spent.cost, "tokens": spent.tokens, "turns": spent.turns,
        "minutes": spent.milliseconds,
    }  # fmt: skip
    for unit in UNITS:
        if most := getattr(budget, unit):
            yield Limit(scope, unit, most * _SMALLEST[unit], used[unit])


def budget_of(plan: Plan) -> Budget:
    """Return the budget of a run of `plan`."""
    given = any(item != Budget() for item in (plan.budget, *(each.budget for each in plan.phase)))
    return plan.budget if given else DEFAULT_BUDGET


def raised(budget: Budget, unit: Unit, most: int) -> Budget:
    """Return a budget with one limit set anew, in the plan's units; 0 takes the limit away."""
    values = {name: getattr(budget, name) for name in UNITS}
    return Budget(**{**values, unit: most})


def amount(unit: Unit, value: int) -> str:
    """Return an amount in words: "$1.23", "12,000 tokens", "3 turns", "5 min"."""
    if unit == "cents":
        return dollars(value)
    if unit == "minutes":
        minutes = value / 60_000
        return f"{minutes:.0f} min" if minutes == int(minutes) else f"{minutes:.1f} min"
    return f"{value:,} {unit if value != 1 else unit[:-1]}"


def dollars(microcents: int) -> str:
    """Return an amount as "$1.23", "<$0.01", "unknown"."""
    if microcents == UNKNOWN:
        return "unknown"
    cents = Decimal(microcents) / 1_000_000
    if 0 < cents < 1:
        return "<$0.01"
    return f"${cents / 100:,.2f}"
