"""JSON with its places, which Python's own reader does not keep."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from clubos_tui.checks.sources.tree import child, children, line_of, literal, parse, unwrap, walk

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["below", "line_at", "tree_of", "twice"]


def tree_of(text: str) -> Node | None:
    """Return the value that a JSON text is; its bytes begin at 1. ``ValueError``: it is none."""
    json.loads(text)
    # JSON in brackets is an expression of the language, and so its places are known.
    root = parse(f"({text}\n)".encode(), ".ts")
    return next((unwrap(item) for one in children(root) for item in children(one)), None)


def below(node: Node, key: str | int | None) -> Iterator[Node]:
    """Yield the value under a key, or the item of that number; ``None``: all of them."""
    for number, item in enumerate(children(node)):
        if node.type == "array" and key in {None, number}:
            yield item
        elif item.type == "pair" and key in {None, literal(child(item, "key"))}:
            value = child(item, "value")
            if value is not None:
                yield value


def line_at(text: str, steps: Iterable[str | int]) -> int:
    """Return the line of a value, or of what is nearest around it."""
    node = tree_of(text)
    line = 1
    for step in (None, *steps):
        node = node if step is None or node is None else next(below(node, step), None)
        if node is None:
            break
        line = line_of(node)
    return line


def twice(text: str) -> int:
    """Return the line of the first key that its object has already; 0 where there is none."""
    root = tree_of(text)
    for node in walk(root) if root is not None else ():
        seen: set[str] = set()
        for item in children(node) if node.type == "object" else ():
            name = literal(child(item, "key")) or ""
            if name in seen:
                return line_of(item)
            seen.add(name)
    return 0
