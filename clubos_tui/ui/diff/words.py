"""Which words of a changed line have changed, so that the eye goes there. Pure.

Where two lines have little in common nothing is marked: marking everything says nothing.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import accumulate

__all__ = ["Span", "changed_words"]

Span = tuple[int, int]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST = 1_000
_TOKENS = 400
_ALIKE = 0.5


@lru_cache(maxsize=256)  # both sides of a pair ask, one soon after the other
def changed_words(old: str, new: str) -> tuple[list[Span], list[Span]] | None:
    """Return the spans of characters that differ, ascending and apart, on each side.

    None where the lines are too different or too long to say. A difference in blanks alone is
    always told.
    """
    if old == new:
        return [], []
    if len(old) > _LONGEST or len(new) > _LONGEST:
        return None
    one, two = _TOKEN.findall(old), _TOKEN.findall(new)
    start, end = _common(one, two)
    left, right = one[start : len(one) - end], two[start : len(two) - end]
    if len(left) > _TOKENS or len(right) > _TOKENS:
        return None
    blocks = _differences(left, right)
    gone = "".join(token for a, b, _, _ in blocks for token in left[a:b])
    weights = _weight(old), _weight(new)
    if max(weights) and (weights[0] - _weight(gone)) / max(weights) < _ALIKE:
        return None
    spans: tuple[list[Span], list[Span]] = ([], [])
    before = sum(map(len, one[:start]))
    ends = [list(accumulate(map(len, tokens), initial=before)) for tokens in (left, right)]
    for a, b, c, d in blocks:
        _mark(spans[0], ends[0], a, b, old)
        _mark(spans[1], ends[1], c, d, new)
    return spans


def _differences(left: list[str], right: list[str]) -> list[tuple[int, int, int, int]]:
    """Return where two lists of tokens differ: from and to in the one, from and to in the other."""
    if not left or not right or len(left) == len(right) == 1:
        return [(0, len(left), 0, len(right))]
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return [code[1:] for code in codes if code[0] != "equal"]


def _common(one: list[str], two: list[str]) -> tuple[int, int]:
    """Return how many tokens both begin with, and how many of the rest both end with."""
    least = min(len(one), len(two))
    start = 0
    while start < least and one[start] == two[start]:
        start += 1
    end = 0
    while end < least - start and one[-1 - end] == two[-1 - end]:
        end += 1
    return start, end


def _weight(text: str) -> int:
    return sum(map(len, text.split()))


def _mark(spans: list[Span], ends: list[int], first: int, last: int, text: str) -> None:
    if first == last:
        return
    start, end = ends[first], ends[last]
    if spans and text[spans[-1][1] : start].isspace() and start - spans[-1][1] == 1:
        start = spans.pop()[0]
    spans.append((start, end))
