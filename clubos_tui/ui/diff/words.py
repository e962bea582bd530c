"""Which words of a changed line have changed, so that the eye goes there. Pure.

Where two lines have little in common nothing is marked: marking everything says nothing.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

__all__ = ["Span", "changed_words"]

Span = tuple[int, int]

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_LONGEST = 1_000
_TOKENS = 400
_ALIKE = 0.5


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
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    same = sum(_weight(left[a:b]) for tag, a, b, _, _ in blocks if tag == "equal")
    same += _weight(one[:start]) + _weight(one[len(one) - end :] if end else [])
    weight = max(_weight(one), _weight(two))
    if weight and same / weight < _ALIKE:
        return None
    spans: tuple[list[Span], list[Span]] = ([], [])
    ends = _ends(one, start), _ends(two, start)
    for tag, a, b, c, d in blocks:
        if tag != "equal":
            _mark(spans[0], ends[0], a, b, old)
            _mark(spans[1], ends[1], c, d, new)
    return spans


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


def _weight(tokens: list[str]) -> int:
    return sum(len(token) for token in tokens if not token.isspace())


def _ends(tokens: list[str], start: int) -> list[int]:
    """Return where each token from `start` on begins, and where the last ends."""
    at = sum(map(len, tokens[:start]))
    out = [at]
    for token in tokens[start:]:
        at += len(token)
        out.append(at)
    return out


def _mark(spans: list[Span], ends: list[int], first: int, last: int, text: str) -> None:
    if first == last:
        return
    start, end = ends[first], ends[last]
    if spans and text[spans[-1][1] : start].isspace() and start - spans[-1][1] == 1:
        start = spans.pop()[0]
    spans.append((start, end))
