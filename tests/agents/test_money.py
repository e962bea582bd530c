"""What tokens cost: exact sums, unknown where there is no price, and a person's own table."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubos_tui.agents.claude.money import Tokens, prices_path, read_prices
from clubos_tui.errors import UsageError
from clubos_tui.spending import UNKNOWN, dollars

NONE = "/nowhere/prices.toml"
COUNTS = st.integers(0, 10**7)


@pytest.mark.parametrize(
    ("model", "tokens", "cost"),
    [
        ("claude-opus-5-5", Tokens(input=1_000_000), "4"),
        ("claude-opus-5-5", Tokens(output=1_000_000), "20"),
        ("claude-opus-5-5", Tokens(cache_read=1_000_000), "0.20"),
        ("claude-opus-5-5", Tokens(cache_write=1_000_000), "5"),
        ("claude-opus-5-5", Tokens(cache_write_long=1_000_000), "8"),
        ("claude-haiku-5-5", Tokens(input=100_000, output=1_000_000), "0.51"),
        ("claude-haiku-5-5", Tokens(input=1, cache_read=100_000, output=1_000_000), "2.5050005"),
        ("claude-sonnet-5-5", Tokens(1_000, 1_000, 1_000, 1_000), "0.0146"),
    ],
)
def test_a_request_costs_what_the_table_says(model: str, tokens: Tokens, cost: str) -> None:
    prices = read_prices(NONE)
    assert prices.as_of == "2026-11-22"
    assert prices.cost(model, tokens) == Decimal(cost) * 100 * 1_000_000


@given(st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS))
def test_no_request_costs_more_than_was_allowed_for_before_it(tokens: Tokens) -> None:
    prices = read_prices(NONE)
    for model in prices.models:
        cost = prices.cost(model, tokens)
        assert 0 <= cost <= prices.worst(model, tokens.prompt, tokens.output)
        assert prices.cost(model, tokens + Tokens(output=1)) > cost


def test_a_model_without_a_price_costs_unknown_and_never_nothing() -> None:
    prices = read_prices(NONE)
    assert prices.cost("claude-next", Tokens(input=5)) == UNKNOWN
    assert prices.worst("claude-next", 5, 5) == UNKNOWN
    assert dollars(UNKNOWN) == "unknown"


@pytest.mark.parametrize(
    ("microcents", "words"),
    [(0, "$0.00"), (1, "<$0.01"), (999_999, "<$0.01"), (1_000_000, "$0.01"),
     (123_456_789_000, "$1,234.57")],
)  # fmt: skip
def test_money_in_words(microcents: int, words: str) -> None:
    assert dollars(microcents) == words


def test_a_persons_own_prices_add_to_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = Path(prices_path())
    path.parent.mkdir()
    path.write_text(
        'as_of = "2027-01-01"\n[models.mine]\ninput = 1.5\noutput = "3"\ncache_read = 0\n'
        '[[models.mine.bands]]\nabove = 10\ninput = "2"\noutput = "4"\ncache_read = "1"\n'
    )
    prices = read_prices(prices_path())
    assert prices.as_of == "2027-01-01"
    assert prices.cost("mine", Tokens(input=10, output=1)) == (15 + 3) * 100
    assert prices.cost("mine", Tokens(input=11)) == 22 * 100
    assert prices.cost("claude-opus-5-5", Tokens(input=1)) == 400


@pytest.mark.parametrize(
    "text",
    [
        "[models", "models = 1", "[models]\nx = 1", '[models.x]\ninput = "1"\noutput = "2"',
        '[models.x]\ninput = "-1"\noutput = "2"\ncache_read = "0"',
        '[models.x]\ninput = "nan"\noutput = "2"\ncache_read = "0"',
        '[models.x]\ninput = "1"\noutput = "2"\ncache_read = "0"\n[[models.x.bands]]\ninput = "1"',
    ],
)  # fmt: skip
def test_prices_that_cannot_be_understood_stop_before_anything_is_spent(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_prices(str(path))
