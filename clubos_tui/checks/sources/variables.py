"""The environment variables that code reads, each with the place where it is first read."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Subject
from clubos_tui.checks.sources.tree import (
    FUNCTIONS,
    Source,
    Unreadable,
    at,
    called,
    child,
    children,
    line_of,
    literal,
    opened,
    sources,
    text_of,
    walk,
)
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Variables", "variables"]

_WHOLES = frozenset({"process.env", "import.meta.env"})
_BUNDLERS = frozenset({"MODE", "DEV", "PROD", "SSR", "BASE_URL"})  # import.meta.env has them always
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Variables:
    """What is read, and what keeps a reader from being sure."""

    reads: dict[str, str] = field(default_factory=dict)
    """The first place of each variable."""
    faults: list[str] = field(default_factory=list)


def variables(subject: Subject, spec: CheckSpec) -> Generator[str, None, Variables]:
    """Yield each source of `code` as it is read; return the variables they read."""
    used = Variables()
    for path in sources(subject, replace(spec, paths=spec.code)):
        yield path
        try:
            source = opened(subject, path)
        except Unreadable as error:
            used.faults.append(str(error))
            continue
        for name, node in _read(source, spec.readers):
            if name is None:
                used.faults.append(
                    at(path, node, "which variable is read here is computed, so it can't be told")
                )
            else:
                used.reads.setdefault(name, f"{path}:{line_of(node)}")
    return used


def _read(source: Source, readers: tuple[str, ...]) -> Iterator[tuple[str | None, Node]]:
    wraps = False
    calls: list[Node] = []
    for node in walk(source.root):
        if node.type == "member_expression" and _plain(node) in _WHOLES:
            wraps = True
            yield from _taken(node, readers)
        elif text_of(child(called(node), "property")) in readers:
            calls.append(node)
    for node in calls:
        first = next(iter(children(child(node, "arguments"))), None)
        name = literal(first)
        if name is not None and _NAME.fullmatch(name):
            yield name, node
        elif name is None and wraps and not (first is not None and _is_parameter(first)):
            yield None, node


def _plain(node: Node) -> str:
    return "".join(text_of(node).split()).replace("?.", ".")


def _taken(whole: Node, readers: tuple[str, ...]) -> Iterator[tuple[str | None, Node]]:
    """Yield what is read of `process.env`."""
    outer = whole.parent
    if outer is not None and child(outer, "object") == whole:
        if outer.type == "member_expression":
            name: str | None = text_of(child(outer, "property"))
        else:
            name = literal(child(outer, "index"))
        if not (_plain(whole).startswith("import") and name in _BUNDLERS):
            yield name, outer
    elif outer is not None and outer.type == "variable_declarator":
        pattern = child(outer, "name")
        for item in children(pattern) if pattern and pattern.type == "object_pattern" else []:
            key = child(item, "key") or child(item, "left") or item
            yield (None if item.type == "rest_pattern" else text_of(key)), item
        if not readers and (pattern is None or pattern.type != "object_pattern"):
            yield None, whole
    elif not readers:  # with readers it goes to the class that they are of
        yield None, whole


def _is_parameter(node: Node) -> bool:
    """Tell whether a value is one that the function around it was given."""
    outer: Node | None = node
    while outer is not None and outer.type not in FUNCTIONS:
        outer = outer.parent
    return node.type == "identifier" and any(
        text_of(child(item, "pattern")) == text_of(node)
        for item in children(child(outer, "parameters"))
    )
