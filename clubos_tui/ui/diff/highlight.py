"""Syntax colours for the lines of a hunk, by token group. Called from a thread, never in a frame.

A hunk is a piece of a file, so its colours are a guess; each side is read by itself, so that a
removed quote does not spoil the added lines. Whatever the text, nothing here raises.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from clubos_tui.changes.patch import ADDED, CONTEXT, NO_NEWLINE, REMOVED

__all__ = ["Span", "colours", "hunk_colours", "lexer_for"]

Span = tuple[int, int, str]

_LONGEST = 1_000
_SAME_LENGTH = {ord("\r"): " ", 0xFEFF: " "}  # pygments would end a line there, and drop the mark
_SECONDS = 0.25
# The first that is a beginning of the token's name holds.
_GROUPS = (
    ("Token.Comment", "comment"),
    ("Token.Literal.String.Doc", "comment"),
    ("Token.Literal.String", "string"),
    ("Token.Literal.Number", "number"),
    ("Token.Keyword.Type", "type"),
    ("Token.Keyword", "keyword"),
    ("Token.Operator.Word", "keyword"),
    ("Token.Name.Function", "function"),
    ("Token.Name.Decorator", "function"),
    ("Token.Name.Class", "type"),
    ("Token.Name.Builtin", "type"),
    ("Token.Name.Tag", "keyword"),
    ("Token.Name.Attribute", "function"),
    ("Token.Generic.Heading", "keyword"),
    ("Token.Generic.Subheading", "keyword"),
)


def lexer_for(path: str) -> Any | None:
    """Return pygments' lexer for a file name, or ``None`` where it knows none."""
    return _lexer(path.rsplit("/", 1)[-1])


@lru_cache(maxsize=256)
def _lexer(name: str) -> Any | None:
    from pygments.lexers import find_lexer_class_for_filename  # type: ignore[import-untyped]
    from pygments.lexers.special import TextLexer  # type: ignore[import-untyped]

    try:
        found = find_lexer_class_for_filename(name)
    except Exception:  # an odd name is no reason for anything
        return None
    if found is None or found is TextLexer:
        return None
    return found(stripnl=False, ensurenl=False, stripall=False)


@lru_cache(maxsize=256)
def _group(token: str) -> str:
    return next((group for start, group in _GROUPS if token.startswith(start)), "")


def colours(path: str, lines: Sequence[str]) -> list[list[Span]]:
    """Return for each line its coloured spans, ascending and inside of it.

    Args:
        path: Whose name says which language it is.
        lines: Safe text without line ends. Of a longer one the first 1,000 characters count.
    """
    out: list[list[Span]] = [[] for _ in lines]
    lexer = lexer_for(path)
    if lexer is None:
        return out
    text = "\n".join(line[:_LONGEST] for line in lines)
    text = text.translate(_SAME_LENGTH)
    try:
        _fill(out, lexer.get_tokens(text))
    except Exception:  # a lexer's fault must not cost the diff
        return [[] for _ in lines]
    return out


def _fill(out: list[list[Span]], tokens: Iterable[tuple[Any, str]]) -> None:
    until = time.monotonic() + _SECONDS
    line = column = 0
    for token, text in tokens:
        group = _group(str(token))
        for number, part in enumerate(text.split("\n")):
            if number:
                line, column = line + 1, 0
            if line >= len(out):
                return
            if part and group and not part.isspace():
                out[line].append((column, column + len(part), group))
            column += len(part)
        if time.monotonic() > until:
            return


def hunk_colours(path: str, kinds: Sequence[int], lines: Sequence[str]) -> list[list[Span]]:
    """Return the coloured spans of the rows of a hunk; what the rows are is said by `kinds`."""
    out: list[list[Span]] = [[] for _ in lines]
    for side in (REMOVED, ADDED):  # the new side comes last: unchanged rows take its colours
        rows = [at for at, kind in enumerate(kinds) if kind in (side, CONTEXT)]
        if side == REMOVED and all(kinds[at] == CONTEXT for at in rows):
            continue
        found = colours(path, [lines[at] for at in rows])
        for at, spans in zip(rows, found, strict=True):
            if kinds[at] != NO_NEWLINE:
                out[at] = spans
    return out
