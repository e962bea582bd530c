"""What tokens cost, from a dated table of prices; a model without a price costs "unknown"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any, Final

from clubos_tui.config import config_file
from clubos_tui.errors import UsageError
from clubos_tui.spending import UNKNOWN

__all__ = ["Price", "Prices", "Tokens", "prices_path", "read_prices"]

_MICROCENTS: Final = 100  # a token's microcents, where a million of them cost a dollar
# Of the price of input: to keep it in the cache for five minutes, for an hour.
_WRITE_SHORT, _WRITE_LONG = Decimal("1.25"), Decimal(2)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The kinds of tokens of a request; the API's ``input_tokens`` are only what no cache held.

    ``cache_write_long`` are those that are kept for an hour.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_long: int = 0

    @property
    def prompt(self) -> int:
        """All that went in."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_long

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.cache_write_long + other.cache_write_long,
        )


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens; ``bands`` are the prices of longer prompts."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    bands: tuple[tuple[int, Price], ...] = ()

    def of(self, prompt: int) -> Price:
        """Return the price for a prompt of so many tokens."""
        fitting = [price for above, price in self.bands if prompt > above]
        return fitting[-1] if fitting else self

    def cost(self, tokens: Tokens) -> int:
        """Return what one request costs in microcents, rounded up."""
        price = self.of(tokens.prompt)
        total = (
            tokens.input * price.input
            + tokens.output * price.output
            + tokens.cache_read * price.cache_read
            + tokens.cache_write * price.input * _WRITE_SHORT
            + tokens.cache_write_long * price.input * _WRITE_LONG
        )
        return int((total * _MICROCENTS).to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Prices:
    """A table of prices."""

    as_of: str
    models: Mapping[str, Price]

    def cost(self, model: str, tokens: Tokens) -> int:
        """Return what one request costs in microcents, `UNKNOWN` for a model without a price."""
        price = self.models.get(model)
        return UNKNOWN if price is None else price.cost(tokens)

    def worst(self, model: str, prompt: int, most: int) -> int:
        """Return what a request can cost at most, before it is made.

        Args:
            model: The model.
            prompt: Tokens of the prompt, none of which may be in a cache.
            most: Tokens that it may answer with.
        """
        return self.cost(model, Tokens(output=most, cache_write=prompt))

    def affordable(self, model: str, prompt: int, microcents: int) -> int:
        """Return how many tokens an answer may have at most; less than 0: not even the prompt.

        Raises:
            KeyError: The model has no price.
        """
        left = microcents - self.models[model].cost(Tokens(cache_write=prompt))
        output = self.models[model].of(prompt).output
        return left if not output or left < 0 else int(left / (output * _MICROCENTS))


def prices_path() -> str:
    """Return where a person's own prices are looked for."""
    return config_file("prices.toml")


def read_prices(path: str) -> Prices:
    """Return the built-in prices under a person's own; no file is none.

    Raises:
        UsageError: The file can't be understood. Prices that are wrong would be worse than none.
    """
    built_in = _built_in()
    try:
        with open(path, "rb") as file:
            own = _prices(tomllib.load(file))
    except FileNotFoundError:
        return built_in
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path}: {error}",
            untouched="Nothing was asked of a model.",
            cure='Write prices in dollars for a million tokens, as in input = "4.00".',
        ) from error
    return Prices(own.as_of or built_in.as_of, {**built_in.models, **own.models})


@cache
def _built_in() -> Prices:
    return _prices(tomllib.loads(files(__package__).joinpath("prices.toml").read_text("utf-8")))


def _prices(data: Mapping[str, Any]) -> Prices:
    models = data.get("models", {})
    if not isinstance(models, dict):
        raise TypeError("models is no table")
    return Prices(
        str(data.get("as_of", "")), {name: _price(name, entry) for name, entry in models.items()}
    )


def _price(name: str, entry: Any) -> Price:
    if not isinstance(entry, dict):
        raise TypeError(f"{name} is no table")
    bands = []
    for band in entry.get("bands", ()):
        above = band.get("above") if isinstance(band, dict) else None
        if not isinstance(above, int):
            raise TypeError(f"{name}: a band needs a whole number in above")
        bands.append((above, _price(name, band)))
    bands.sort(key=lambda item: item[0])
    return Price(
        _amount(name, entry, "input"),
        _amount(name, entry, "output"),
        _amount(name, entry, "cache_read"),
        tuple(bands),
    )


def _amount(name: str, entry: Mapping[str, Any], key: str) -> Decimal:
    value = entry.get(key)
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name}: {key} is {value!r}, which is no amount") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{name}: {key} is {value!r}, which is no amount")
    return amount
