"""Sources parse. A file that does not is no use to whatever else looks at it."""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.checks.sources.tree import at, breaks, child, parse, sources, text_of, walk
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["syntax"]

_AT_MOST = 3  # faults of one file that are named
_SHOWN = 40  # characters


def syntax(subject: Subject, spec: CheckSpec) -> Checking:
    """Each TypeScript, TSX or JavaScript file parses."""
    faults: list[str] = []
    found = sources(subject, spec)
    for path in found:
        yield path
        try:
            subject.text(path)
        except UnicodeDecodeError:
            faults.append(f"{path} is not UTF-8 text")
            continue
        root = parse(subject.read(path), posixpath.splitext(path)[1])
        faults += [
            at(path, node, _words(node)) for node in itertools.islice(breaks(root), _AT_MOST)
        ]
        faults += [at(path, node, words) for node, words in _unclosed(root)][:_AT_MOST]
    return verdict(len(found), faults, spec, "sources")


def _unclosed(root: Node) -> Iterator[tuple[Node, str]]:
    """Yield the elements that end with another name, which the grammar lets pass."""
    for node in walk(root):
        if node.type == "jsx_element":
            opened, closed = child(node, "open_tag"), child(node, "close_tag")
            names = [text_of(child(tag, "name")) for tag in (opened, closed)]
            if names[0] != names[1] and closed is not None:
                yield closed, f"<{names[0]}> is closed by </{names[1]}>"


def _words(node: Node) -> str:
    if node.is_missing:
        return f"{node.type} is missing"
    shown = text_of(node).strip().split("\n")[0]
    return f"does not parse: {shown[:_SHOWN]}" if shown else "does not parse"
