"""Rounds of two kinds of work in turn, and a table of how the one compares with the other."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.cpu import code_cpu

_HEAD = ("measure", "target", "base", "ours", "cpu", "wall")


class Cost(NamedTuple):
    """CPU seconds, children included, and wall seconds."""

    cpu: float
    wall: float

    def __str__(self) -> str:
        return f"{self.cpu * 1000:.1f} / {self.wall * 1000:.1f}"


@dataclass
class Costs:
    """The costs of the same work in several rounds."""

    all: list[Cost] = field(default_factory=list)

    def add(self, work: Callable[[], object]) -> None:
        """Measure ``work`` once."""
        self.all.append(Cost(*code_cpu(work)))

    def add_sum(self, *parts: Cost) -> None:
        """Note a round that was measured in parts."""
        self.all.append(Cost(sum(part.cpu for part in parts), sum(part.wall for part in parts)))

    @property
    def last(self) -> Cost:
        """The latest round."""
        return self.all[-1]

    @property
    def median(self) -> Cost:
        """The median of CPU and of wall time, each by itself."""
        return Cost(*(statistics.median(column) for column in zip(*self.all, strict=True)))


class Table:
    """Rows to be printed at the end of a measurement; times are ms, CPU / wall."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[tuple[str, ...]] = []

    def compare(self, measure: str, target: float | None, base: Costs, ours: Costs) -> None:
        """Add a row that holds ours against the base, CPU before wall time."""
        one, other = base.median, ours.median
        self.rows.append(
            (
                measure, f"≤ {target:g}" if target else "", str(one), str(other),
                f"{other.cpu / one.cpu:.2f}", f"{other.wall / one.wall:.2f}",
            )
        )  # fmt: skip

    def note(self, measure: str, target: str, found: str, base: str = "") -> None:
        """Add a row that is no ratio of times."""
        self.rows.append((measure, target, base, found, "", ""))

    def __str__(self) -> str:
        rows = [_HEAD, *self.rows]
        widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join(["", f"{self.title} (times: ms cpu / wall, medians)", *lines])
