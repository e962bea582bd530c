"""TypeScript and JavaScript files as syntax trees; the parser is imported with the first one."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from clubos_tui.checks.base import KEPT_BYTES, Subject
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = [
    "FUNCTIONS", "Source", "Unreadable", "at", "breaks", "called", "child", "children", "line_of",
    "literal", "name_of", "opened", "parse", "sources", "string_parts", "text_of", "unwrap", "walk",
]  # fmt: skip

# `.mts` and `.cts` differ from `.ts` only in how they are compiled.
_TYPED = frozenset({".ts", ".mts", ".cts"})
_ENDINGS = _TYPED | {".tsx", ".js", ".jsx", ".mjs", ".cjs"}

FUNCTIONS = frozenset(
    {
        "arrow_function", "function_expression", "function_declaration",
        "generator_function", "generator_function_declaration", "method_definition",
    }
)  # fmt: skip
_WRAPPERS = frozenset(
    {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"}
)

_KEPT = 256  # files

_RESERVED = frozenset(
    {
        "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete",
        "do", "else", "enum", "export", "extends", "finally", "for", "function", "if", "in",
        "instanceof", "new", "return", "switch", "throw", "try", "typeof", "var", "void", "while",
        "with",
    }
)  # fmt: skip
_ANY_NAME = frozenset({"export_specifier", "import_specifier", "namespace_export"})


class Unreadable(Exception):
    """A file is no source that can be judged; the message names its place."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the tree and its syntax tree, which has no faults."""

    path: str
    root: Node


def parse(data: bytes, ending: str) -> Node:
    """Return the syntax tree of a source; what can't be parsed in it are its ERROR nodes."""
    return _known(data, ending) if len(data) <= KEPT_BYTES else _parse(data, ending)


@lru_cache(maxsize=_KEPT)  # several checks read the same sources
def _known(data: bytes, ending: str) -> Node:
    return _parse(data, ending)


def _parse(data: bytes, ending: str) -> Node:
    import tree_sitter_typescript as grammar
    from tree_sitter import Language, Parser

    # A `<T>` before a value is a type in .ts and an element in all others.
    made = grammar.language_typescript() if ending in _TYPED else grammar.language_tsx()
    return Parser(Language(made)).parse(data).root_node


def opened(subject: Subject, path: str) -> Source:
    """Return a file's syntax tree; :class:`Unreadable` where it has faults or is not there."""
    if path not in subject.files or path in subject.withheld:
        raise Unreadable(f"{path} is not there")
    try:
        subject.text(path)
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is not UTF-8 text") from error
    data, ending = subject.read(path), posixpath.splitext(path)[1]
    root = parse(data, ending)
    find = _known_break if len(data) <= KEPT_BYTES else _first_break
    if fault := find(data, ending):
        raise Unreadable(at(path, fault, "does not parse"))
    return Source(path, root)


@lru_cache(maxsize=_KEPT)
def _known_break(data: bytes, ending: str) -> Node | None:
    return _first_break(data, ending)


def _first_break(data: bytes, ending: str) -> Node | None:
    return next(breaks(parse(data, ending)), None)


def sources(subject: Subject, spec: CheckSpec) -> list[str]:
    """Return the sources among the files that a check is about."""
    return [path for path in subject.matching(spec) if posixpath.splitext(path)[1] in _ENDINGS]


def at(path: str, node: Node, words: str) -> str:
    """Return a fault with its place."""
    return f"{path}:{line_of(node)}: {words}"


def line_of(node: Node) -> int:
    """Return the line that a node begins in, from 1."""
    return node.start_point[0] + 1


def breaks(root: Node) -> Iterator[Node]:
    """Yield where a source does not parse; nothing inside of such a place."""
    yield from _errors(root)
    for node in walk(root):
        # The grammar takes `const` for a name where no statement may begin.
        if node.type == "identifier" and text_of(node) in _RESERVED:
            outer = node.parent.type if node.parent is not None else ""
            if not outer.startswith("jsx_") and outer not in _ANY_NAME:
                yield node


def _errors(root: Node) -> Iterator[Node]:
    stack = [root] if root.has_error else []
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node
        else:
            stack.extend(
                item for item in reversed(node.children) if item.has_error or item.is_missing
            )


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, in order; as deep as it goes, without recursion."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.named_children))


def text_of(node: Node | None) -> str:
    """Return the text that a node stands for."""
    return (node.text or b"").decode() if node is not None else ""


def child(node: Node | None, name: str) -> Node | None:
    """Return the part of a node that the grammar calls so."""
    return node.child_by_field_name(name) if node is not None else None


def called(call: Node) -> Node | None:
    """Return what a call calls."""
    node = child(call, "function")
    # `await send<T>(x)` is read as a call of `await send`.
    if node is not None and node.type == "await_expression":
        return next(iter(children(node)), None)
    return node


def children(node: Node | None) -> list[Node]:
    """Return what a list holds: its arguments, elements or members, without comments."""
    return [] if node is None else [item for item in node.named_children if item.type != "comment"]


def name_of(function: Node) -> str:
    """Return what a function is called, or the variable that holds it; empty where neither is."""
    name = child(function, "name")
    if name is None and function.parent is not None:
        name = child(function.parent, "name")  # const send = (path) => ...
    return text_of(name)


def unwrap(node: Node | None) -> Node | None:
    """Return the value itself, without brackets, casts and `!` around it."""
    while node is not None and node.type in _WRAPPERS:
        node = next(iter(children(node)), None)
    return node


def literal(node: Node | None) -> str | None:
    """Return the text that a value is known to be; ``None`` where it is computed."""
    parts = string_parts(node)
    if parts is None or any(part is None for part in parts):
        return None
    return "".join(cast("list[str]", parts))


def string_parts(node: Node | None) -> list[str | None] | None:
    """Return a text in parts, ``None`` for each that is computed; ``None`` where it is no text."""
    node = unwrap(node)
    if node is None or node.type not in {"string", "template_string"}:
        return None
    parts: list[str | None] = []
    for item in node.named_children:
        if item.type == "template_substitution":
            parts.append(None)
        elif item.type == "escape_sequence":
            parts.append(_unescaped(text_of(item)))
        else:
            parts.append(text_of(item))
    return parts


def _unescaped(text: str) -> str:
    try:
        return str(cast("Any", json.loads(f'"{text}"')))
    except ValueError:  # \' and the like stand for themselves
        return text[1:]
