"""What in a SQL file speaks to psql and not to the server: there it could leave its database. Pure.

psql takes a backslash for a command of its own wherever it stands in no text, name or comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["commands"]

_PARTS: Final = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*(?:[^*]|\*(?!/))*(?:\*/|\Z) )
    | [eE]'(?:[^'\\]|\\.|'')*'
    | \w[\w$]*  # a name as a whole: neither an e nor a dollar in it begins a text
    | '(?:[^']|'')*'
    | "[^"]*"
    | (?P<tag>\$(?:[A-Za-z_]\w*)?\$) .*? (?P=tag)
    | (?P<command>\\\S*)
    """,
    re.VERBOSE | re.DOTALL,
)

# With it, a backslash before a quote means something else, here and in psql.
_READING: Final = re.compile("standard_conforming_strings", re.IGNORECASE)


def commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each command, and how it begins.

    A comment within a comment is one too: where it ends, servers and readers disagree.
    """
    for found in _PARTS.finditer(text):
        if not found["comment"] and (setting := _READING.search(found[0])):
            place = found.start() + setting.start()
            yield text.count("\n", 0, place) + 1, setting[0]
        comment = found["comment"] or ""
        nested = comment.startswith("/*") and "/*" in comment[2:]
        if found["command"] or nested:
            what = found["command"] or "a comment in a comment"
            yield text.count("\n", 0, found.start()) + 1, what[:40]
