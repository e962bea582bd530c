"""Names in SQL: the values of an enumerated type, and what is inserted into a column."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["sql_names"]

# A text (with its quotes doubled inside), a comment, or one character of anything else.
_TOKEN = re.compile(r"[eE]?'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\s+|\w+|.", re.DOTALL)


def sql_names(text: str, what: str) -> Iterator[tuple[str, int]]:
    """Yield each name and where it begins: of a type, or of ``table.column`` in inserts."""
    table, dot, column = what.partition(".")
    if not dot:
        shape = rf"(?i)\bcreate\s+type\s+{re.escape(table)}\s+as\s+enum\s*"
        for found in re.finditer(shape, text):
            for row in _rows(text, found.end()):
                yield from (_value(one) for one in row)
        return
    shape = rf"(?i)\binsert\s+into\s+{re.escape(table)}\s*\(([^)]*)\)\s*values\s*"
    for found in re.finditer(shape, text):
        columns = [item.strip() for item in found[1].split(",")]
        if column in columns:
            for row in _rows(text, found.end()):
                yield from (_value(one) for one in row[columns.index(column) :][:1])


def _rows(text: str, start: int) -> Iterator[list[tuple[str, int]]]:
    """Yield the values of each list in brackets, as they are written and where they begin."""
    row: list[tuple[str, int]] = []
    depth, value, begins = 0, "", start
    for token in _TOKEN.finditer(text, start):
        part = token[0]
        if part.isspace() or part.startswith(("--", "/*")):
            value += " " if value else ""
        elif part == "(" and depth == 0:
            depth, row, value = 1, [], ""
        elif depth == 1 and part in {",", ")"}:
            row.append((value.strip(), begins))
            value = ""
            if part == ")":
                depth = 0
                yield row
        elif depth == 0 and part != ",":
            return
        else:
            depth += {"(": 1, ")": -1}.get(part, 0)
            begins = begins if value else token.start()
            value += part


def _value(written: tuple[str, int]) -> tuple[str, int]:
    text, begins = written
    if text[:1] in {"e", "E"} and text[1:2] == "'":
        text, begins = text[1:], begins + 1
    return text.strip("'").replace("''", "'"), begins
