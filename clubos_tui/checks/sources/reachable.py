"""Every file is reached from the files that a program begins with, and what it shows is shown.

An import is no use: names are followed. What a root runs names some values, these name others, in
their own module or through imports, and so on; types are left out, because they are gone at run
time. A file none of whose values is met that way, and a component that none of them shows, would
never be seen by anybody.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.checks.sources.modules import WHOLE, Module, module_of
from clubos_tui.checks.sources.tree import (
    Unreadable,
    child,
    children,
    line_of,
    literal,
    opened,
    sources,
    text_of,
)
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["reachable"]

_SHOWS = frozenset({".tsx", ".jsx"})
_USED = frozenset({"identifier", "shorthand_property_identifier", "import"})
_TYPE_ONLY = frozenset(
    {
        "type_annotation", "type_arguments", "type_parameters", "interface_declaration",
        "type_alias_declaration", "import_statement", "implements_clause",
    }
)  # fmt: skip
_CASTS = frozenset({"as_expression", "satisfies_expression"})


def reachable(subject: Subject, spec: CheckSpec) -> Checking:
    """Each file is reached from the roots, and each component that it exports is shown."""
    found = sources(subject, spec)
    roots = sorted({path for pattern in spec.roots for path in subject.under(pattern)})
    if found and not roots:
        return verdict(
            len(found), [f"nothing matches {item}" for item in spec.roots], spec, "files"
        )
    walk = _Walk(subject)
    for path in roots:
        walk.export(path, WHOLE)  # whoever runs it may use all that it gives
    yield from walk.steps()
    begin = " or ".join(spec.roots)
    faults = [*walk.faults]
    for path in found:
        yield path
        module = walk.module(path)
        if module is None:
            continue
        if path not in walk.entered and (module.declared or module.effects):
            faults.append(f"{path}:1: nothing that {begin} runs uses it")
        elif posixpath.splitext(path)[1] in _SHOWS:
            faults += _unshown(module, walk, begin)
    return verdict(len(found), list(dict.fromkeys(faults)), spec, "files")


def _unshown(module: Module, walk: _Walk, begin: str) -> Iterator[str]:
    path = module.source.path
    for seen, name in module.exports.items():
        node = module.declared.get(name)
        if node is not None and name[:1].isupper() and (path, name) not in walk.met:
            label = name if seen == "default" else seen
            yield f"{path}:{line_of(node)}: {label} is shown by nothing that {begin} runs"


class _Walk:
    """Follows names from module to module."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.faults: list[str] = []
        self.entered: set[str] = set()
        """The modules that run."""
        self.met: set[tuple[str, str]] = set()
        """The values that are used: file and name."""
        self._modules: dict[str, Module | None] = {}
        self._waiting: list[tuple[Module, Node]] = []

    def module(self, path: str) -> Module | None:
        """Return a module; where it can't be read that is noted."""
        if path not in self._modules:
            try:
                self._modules[path] = module_of(self.subject, opened(self.subject, path))
            except Unreadable as error:
                self.faults.append(str(error))
                self._modules[path] = None
        return self._modules[path]

    def enter(self, path: str) -> Module | None:
        """Run a module: what stands at its top is used."""
        module = self.module(path)
        if module is not None and path not in self.entered:
            self.entered.add(path)
            self._waiting += [(module, node) for node in module.effects]
        return module

    def steps(self) -> Iterator[str]:
        """Follow all there is to follow; yields where it is."""
        while self._waiting:
            module, node = self._waiting.pop()
            yield module.source.path
            for name in _used(node):
                if name in module.declared:
                    self.value(module, name)
                elif name in module.imports and not module.imports[name].types:
                    item = module.imports[name]
                    self.export(item.target, item.name)
            for target in _loaded(node):
                path = posixpath.join(posixpath.dirname(module.source.path), target)
                self.export(self.resolved(path), WHOLE)

    def resolved(self, path: str) -> str:
        """Return the file that a path in an import stands for."""
        from clubos_tui.checks.files import resolved

        return resolved(self.subject, path) or ""

    def value(self, module: Module, name: str) -> None:
        """Use a value of a module."""
        key = (module.source.path, name)
        if key not in self.met:
            self.met.add(key)
            self._waiting.append((module, module.declared[name]))

    def export(self, path: str, name: str) -> None:
        """Use what a module gives under a name; all of it for :data:`WHOLE`."""
        seen: set[str] = set()
        waiting = [(path, name)]
        while waiting:
            path, name = waiting.pop()
            module = self.enter(path) if path else None
            if module is None or (name == WHOLE and path in seen):
                continue
            seen.add(path)
            for one in module.exports if name == WHOLE else [name]:
                local = module.exports.get(one, "")
                if local in module.declared:
                    self.value(module, local)
                elif local in module.imports:
                    waiting.append((module.imports[local].target, module.imports[local].name))
                elif one in module.passed:
                    waiting.append((module.passed[one].target, module.passed[one].name))
                elif not local:
                    waiting += [(item, one) for item in module.passed_whole if item not in seen]


def _used(node: Node) -> Iterator[str]:
    """Yield the names of values that some code uses, without those that only type it."""
    stack = [node]
    while stack:
        node = stack.pop()
        if node.type in _USED:
            yield text_of(node)
        if node.type in _TYPE_ONLY:
            continue
        below = children(node)
        if node.type in _CASTS:
            below = below[:1]
        if node.type in {"variable_declarator", "function_declaration", "class_declaration"}:
            name = child(node, "name")
            below = [item for item in below if item != name]
        stack.extend(below)


def _loaded(node: Node) -> Iterator[str]:
    """Yield what is imported only when the code runs."""
    stack = [node]
    while stack:
        node = stack.pop()
        function = child(node, "function") if node.type == "call_expression" else None
        if function is not None and function.type == "import":
            given = children(child(node, "arguments"))
            target = literal(given[0]) if given else None
            if target is not None and target.startswith("."):
                yield target
        stack.extend(children(node))
