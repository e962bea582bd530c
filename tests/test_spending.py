"""What asking costs, and limits that are kept in the worst case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.agents.claude.money import Tokens, read_prices
from clubos_tui.agents.claude.purse import Purse
from clubos_tui.plan import Action, Budget, Phase, Plan
from clubos_tui.spending import (
    DEFAULT_BUDGET,
    LEAST_ANSWER,
    UNITS,
    UNKNOWN,
    Limit,
    ModelTurn,
    Spent,
    amount,
    budget_of,
    limits,
    raised,
)

PRICES = read_prices("/nowhere/prices.toml")
MODEL = "claude-opus-5-5"


def turn(microcents: int = 100, tokens: int = 10, milliseconds: int = 1000) -> ModelTurn:
    return ModelTurn(1, "answered", MODEL, "p", output_tokens=tokens, microcents=microcents,
                     milliseconds=milliseconds)  # fmt: skip


def test_what_has_no_price_makes_a_sum_unknown_and_never_less() -> None:
    spent = Spent().plus(turn()).plus(turn(UNKNOWN))
    assert spent.cost == UNKNOWN
    assert (spent.tokens, spent.turns, spent.milliseconds) == (20, 2, 2000)
    assert Spent().plus(turn(UNKNOWN, tokens=0)).cost == 0, "nothing was used"


def test_a_budget_becomes_limits_in_the_smallest_units() -> None:
    budget = Budget(cents=150, tokens=9, turns=2, minutes=3)
    found = limits(budget, Spent(5, 6, turns=1, milliseconds=8), Budget(turns=4), Spent(turns=3))
    assert [str(item) for item in found] == [
        "the phase's limit of $1.50 (<$0.01 used)",
        "the phase's limit of 9 tokens (5 tokens used)",
        "the phase's limit of 2 turns (1 turn used)",
        "the phase's limit of 3 min (0.0 min used)",
        "the run's limit of 4 turns (3 turns used)",
    ]
    assert [item.left for item in found] == [150_000_000 - 6, 4, 1, 180_000 - 8, 1]


def test_a_limit_is_set_anew_or_taken_away() -> None:
    budget = Budget(cents=5, turns=2)
    assert raised(budget, "cents", 50) == Budget(cents=50, turns=2)
    assert raised(budget, "cents", 0) == Budget(turns=2)


def test_only_a_plan_without_any_limit_gets_one() -> None:
    def plan(of_plan: Budget, of_phase: Budget) -> Plan:
        return Plan("P", budget=of_plan, phase=(Phase("One", budget=of_phase,
                                                      action=(Action("a", "A"),)),))  # fmt: skip

    assert budget_of(plan(Budget(), Budget())) == DEFAULT_BUDGET
    assert budget_of(plan(Budget(turns=9), Budget())) == Budget(turns=9)
    assert budget_of(plan(Budget(), Budget(turns=9))) == Budget()


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [("cents", 123_000_000, "$1.23"), ("cents", UNKNOWN, "unknown"),
     ("tokens", 12_000, "12,000 tokens"),
     ("turns", 1, "1 turn"), ("minutes", 90_000, "1.5 min"), ("minutes", 300_000, "5 min")],
)  # fmt: skip
def test_an_amount_in_words(unit: str, value: int, words: str) -> None:
    assert amount(unit, value) == words  # type: ignore[arg-type]


# --- what the next request may use --------------------------------------------------------------


def limit(unit: str, most: int, used: int = 0) -> Limit:
    return Limit("phase", unit, most, used)  # type: ignore[arg-type]


def test_without_limits_all_that_is_wanted_is_allowed() -> None:
    assert Purse((), PRICES, "whatever").allows(10**6, 32_000) == 32_000


def test_an_answer_is_made_to_fit_and_refused_where_too_little_is_left() -> None:
    assert Purse([limit("tokens", 20_000)], PRICES, MODEL).allows(5_000, 32_000) == 15_000
    tight = limit("tokens", 6_000)
    assert Purse([tight], PRICES, MODEL).allows(5_000, 32_000) == tight
    assert Purse([limit("turns", 2, 1)], PRICES, MODEL).allows(0, 100) == 100
    spent = limit("turns", 2, 2)
    assert Purse([spent], PRICES, MODEL).allows(0, 100) == spent
    late = limit("minutes", 60_000, 60_000)
    assert Purse([late], PRICES, MODEL).allows(0, 100) == late


def test_the_tightest_limit_counts() -> None:
    purse = Purse([limit("tokens", 50_000), limit("cents", 10_000_000)], PRICES, MODEL)
    assert purse.allows(1_000, 32_000) == (10_000_000 - 1_000 * 500) // 2_000


def test_a_limit_in_dollars_needs_a_price_and_a_known_past() -> None:
    money = limit("cents", 10**9)
    assert Purse([money], PRICES, "claude-next").allows(10, 5_000) == money
    lost = limit("cents", 10**9, UNKNOWN)
    assert Purse([lost], PRICES, MODEL).allows(10, 5_000) == lost
    purse = Purse([money], PRICES, MODEL)
    purse.pay(turn(UNKNOWN))
    assert isinstance(purse.allows(10, 5_000), Limit)


def test_what_was_paid_is_gone() -> None:
    purse = Purse([limit(unit, 10**7) for unit in UNITS], PRICES, MODEL)
    assert purse.allows(100, 2_000) == 2_000
    purse.pay(turn(microcents=9_000_000))
    left = purse.allows(100, 2_000)
    assert isinstance(left, Limit)
    assert left.unit == "cents"


@given(
    model=st.sampled_from(sorted(PRICES.models)),
    prompt=st.integers(0, 1_000_000),
    most=st.integers(0, 10**10),
    wanted=st.integers(LEAST_ANSWER, 128_000),
)
def test_the_worst_case_stays_within_the_limit(
    model: str, prompt: int, most: int, wanted: int
) -> None:
    """All of the prompt into the cache, and the answer as long as it may be."""
    found = Purse([limit("cents", most)], PRICES, model).allows(prompt, wanted)
    if isinstance(found, int):
        worst = PRICES.cost(model, Tokens(output=found, cache_write=prompt))
        assert worst <= most + 1, "rounding alone"
        assert LEAST_ANSWER <= found <= wanted
