"""Names in files of many kinds, and where each one stands: what refers, and what is referred to.

A selector is a glob, `#`, and what to take there. In JSON that is a path of keys and `[*]` (items
of a list or values of an object; a `~` behind it takes the keys). In an environment template it
is a variable. In a source it is a list or table of texts at the top, or `text(NAME)`: the value
behind `"NAME"` in a call of a function or method `text`. In SQL it is an enumerated type, or
`table.column`: what is inserted there.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Subject
from clubos_tui.checks.sources.jsontree import below, tree_of
from clubos_tui.checks.sources.modules import module_of
from clubos_tui.checks.sources.sql import sql_names
from clubos_tui.checks.sources.tree import (
    Unreadable,
    called,
    child,
    children,
    line_of,
    literal,
    opened,
    text_of,
    unwrap,
    walk,
)

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Named", "selected"]

_PATH = re.compile(r"\$((?:\.[\w$-]+|\[\*\])*)(~?)")
_STEP = re.compile(r"\.([\w$-]+)|\[\*\]")
_WORDS = frozenset({"property_identifier", "shorthand_property_identifier"})
_CALL = re.compile(r"(\w+)\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Named:
    """A name with its place."""

    path: str
    line: int
    name: str
    at: int = 0
    """Where it begins in the file, in bytes."""

    def fault(self, words: str) -> str:
        """Return a fault at its place."""
        return f"{self.path}:{self.line}: {words}"


def selected(subject: Subject, selector: str) -> list[Named]:
    """Return the names that a selector finds; :class:`Unreadable` where a file is not readable."""
    glob, _, what = selector.partition("#")
    found: list[Named] = []
    for path in sorted(set(subject.under(glob)) - subject.withheld):
        try:
            text = subject.text(path)
        except UnicodeDecodeError as error:
            raise Unreadable(f"{path} is not UTF-8 text") from error
        ending = posixpath.splitext(path)[1]
        if ending == ".json":
            found += _in_json(path, text, what)
        elif ending == ".sql":
            found += [
                Named(path, text.count("\n", 0, at) + 1, name, len(text[:at].encode()))
                for name, at in sql_names(text, what)
            ]
        elif ending in {".example", ".env"} or posixpath.basename(path).startswith(".env"):
            found += _in_template(path, text, what)
        else:
            found += _in_source(subject, path, what)
    return found


def _in_json(path: str, text: str, what: str) -> Iterator[Named]:
    try:
        root = tree_of(text)
    except ValueError as error:
        raise Unreadable(f"{path}: {error}") from error
    steps = _PATH.fullmatch(what)
    if steps is None or root is None:
        raise Unreadable(f"{path}: {what} is no path of keys")
    nodes = [root]
    for step in _STEP.finditer(steps[1]):
        nodes = [item for node in nodes for item in below(node, step[1])]
    if steps[2]:
        keys = [child(item, "key") for node in nodes for item in children(node)]
        nodes = [key for key in keys if key is not None]
    for node in nodes:
        name = literal(node)
        yield Named(
            path, line_of(node), text_of(node) if name is None else name, node.start_byte - 1
        )


def _in_template(path: str, text: str, what: str) -> Iterator[Named]:
    from dotenv.parser import parse_stream

    before = 0
    for binding in parse_stream(io.StringIO(text)):
        original = binding.original
        if binding.key == what and binding.value:
            at = original.string.rfind(binding.value)
            line = original.line + original.string[:at].count("\n")
            yield Named(path, line, binding.value, before + len(original.string[:at].encode()))
        before += len(original.string.encode())


def _in_source(subject: Subject, path: str, what: str) -> Iterator[Named]:
    module = module_of(subject, opened(subject, path))
    call = _CALL.fullmatch(what)
    if call:
        for node in walk(module.source.root):
            if node.type == "call_expression":
                yield from _behind(path, node, call[1], call[2])
        return
    value = unwrap(child(module.declared.get(what), "value"))
    for item in children(value):
        node = child(item, "key") or child(item, "name") or item
        name = literal(node)
        if name is None and node.type in _WORDS:
            name = text_of(node)
        if name is None:
            raise Unreadable(f"{path}:{line_of(node)}: what {what} holds here is computed")
        yield Named(path, line_of(node), name, node.start_byte)


def _behind(path: str, node: Node, function: str, first: str) -> Iterator[Named]:
    function_node = called(node)
    name = child(function_node, "property") or function_node
    given = children(child(node, "arguments"))
    if text_of(name) != function or not given or literal(given[0]) != first:
        return
    for item in given[1:2]:
        value = literal(item)
        if value is None:
            raise Unreadable(f"{path}:{line_of(item)}: what follows {first} is computed")
        yield Named(path, line_of(item), value, item.start_byte)
