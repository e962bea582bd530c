"""What a module takes from others and what it gives: imports, exports and its own names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Subject
from clubos_tui.checks.files import resolved
from clubos_tui.checks.sources.tree import (
    FUNCTIONS,
    Source,
    Unreadable,
    child,
    children,
    literal,
    opened,
    text_of,
    unwrap,
    walk,
)

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["WHOLE", "Import", "Module", "Modules", "function_of", "module_of"]

WHOLE = "*"
"""What a name stands for that is a whole module."""
_DECLARED = frozenset(
    {
        "function_declaration", "generator_function_declaration", "class_declaration",
        "abstract_class_declaration", "enum_declaration",
    }
)  # fmt: skip
_VARIABLES = frozenset({"lexical_declaration", "variable_declaration"})
_TYPES = frozenset({"interface_declaration", "type_alias_declaration"})


@dataclass(frozen=True, slots=True)
class Import:
    """A name that a module has from another one."""

    target: str
    """Path of the file; empty where it is a package."""
    name: str
    """What it is called there; ``default``, or :data:`WHOLE`."""
    types: bool
    """True: it is gone once it is compiled."""


@dataclass(frozen=True, slots=True)
class Module:
    """A source with its names, which is what other sources see of it."""

    source: Source
    imports: dict[str, Import]
    """By the name that the import has here."""
    targets: tuple[str, ...]
    """The files whose code runs because this one is imported."""
    declared: dict[str, Node]
    """Values that stand at the top, by name."""
    exports: dict[str, str]
    """The names of here that others see, by the name that they see."""
    passed: dict[str, Import]
    """Exports that only pass another module's on."""
    passed_whole: tuple[str, ...]
    default: Node | None
    """What the default export is."""
    effects: tuple[Node, ...]
    """What runs as soon as the module is imported, without declarations."""


def module_of(subject: Subject, source: Source) -> Module:
    """Return the names of a module."""
    imports: dict[str, Import] = {}
    targets: list[str] = []
    declared: dict[str, Node] = {}
    exports: dict[str, str] = {}
    passed: dict[str, Import] = {}
    whole: list[str] = []
    effects: list[Node] = []
    default: Node | None = None
    for node in children(source.root):
        if node.type == "import_statement":
            target = _target(subject, source.path, child(node, "source"))
            found = dict(_imported(node, target))
            imports.update(found)
            # Without names it is imported for what it does.
            if not _only_types(node) and not (found and all(one.types for one in found.values())):
                targets.append(target)
        elif node.type == "export_statement":
            from_ = child(node, "source")
            declaration = child(node, "declaration")
            value = child(node, "value")
            is_default = any(item.type == "default" for item in node.children)
            if from_ is not None:
                target = _target(subject, source.path, from_)
                targets.append(target)
                names = list(_specifiers(node))
                passed.update((seen, Import(target, name, types=False)) for seen, name in names)
                if not names:
                    whole.append(target)
            elif is_default:
                default = declaration or value
                name = text_of(child(declaration, "name")) if declaration is not None else ""
                if declaration is not None and name:
                    declared[name] = declaration
                exports["default"] = name or text_of(value)
                if declaration is None and value is not None:
                    effects.append(value)
            elif declaration is not None:
                for name, item in _names(declaration):
                    declared[name] = item
                    exports[name] = name
            else:
                exports.update(_specifiers(node))
        elif node.type in _DECLARED | _VARIABLES:
            declared.update(_names(node))
        elif node.type not in _TYPES:
            effects.append(node)
    return Module(
        source, imports, tuple(filter(None, targets)), declared, exports, passed,
        tuple(filter(None, whole)), default, tuple(effects),
    )  # fmt: skip


class Modules:
    """The modules of a tree, each read once."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._known: dict[str, Module] = {}

    def at(self, path: str) -> Module:
        """Return a module; :class:`Unreadable` where it is none."""
        if path not in self._known:
            self._known[path] = module_of(self._subject, opened(self._subject, path))
        return self._known[path]

    def origin(self, item: Import) -> Import:
        """Return where an imported name really comes from, past the modules that pass it on."""
        seen: set[Import] = set()
        waiting = [item]
        while waiting:
            item = waiting.pop()
            if not item.target or item.name == WHOLE or item in seen:
                continue
            seen.add(item)
            try:
                module = self.at(item.target)
            except Unreadable:
                continue
            local = module.exports.get(item.name, "")
            if local in module.declared:
                return item
            if item.name in module.passed:
                waiting.append(module.passed[item.name])
            elif local in module.imports:
                waiting.append(module.imports[local])
            else:
                waiting += [Import(path, item.name, item.types) for path in module.passed_whole]
        return item


def function_of(module: Module, node: Node | None) -> Node | None:
    """Return the function that a value is, or that a name of the module stands for."""
    node = unwrap(node)
    if node is not None and node.type == "identifier":
        node = module.declared.get(text_of(node))
        if node is not None and node.type == "variable_declarator":
            node = unwrap(child(node, "value"))
    return node if node is not None and node.type in FUNCTIONS else None


def _target(subject: Subject, path: str, node: Node | None) -> str:
    named = literal(node) or ""
    if not named.startswith("."):
        return ""
    return resolved(subject, posixpath.join(posixpath.dirname(path), named)) or ""


def _only_types(node: Node) -> bool:
    return any(item.type == "type" for item in node.children)


def _imported(node: Node, target: str) -> Iterator[tuple[str, Import]]:
    types = _only_types(node)
    clause = next((item for item in node.named_children if item.type == "import_clause"), None)
    for item in children(clause):
        if item.type == "identifier":
            yield text_of(item), Import(target, "default", types)
        elif item.type == "namespace_import":
            yield text_of(children(item)[0]), Import(target, WHOLE, types)
        elif item.type == "named_imports":
            for one in children(item):
                name = text_of(child(one, "name"))
                local = text_of(child(one, "alias")) or name
                yield local, Import(target, name, types or _only_types(one))


def _specifiers(node: Node) -> Iterator[tuple[str, str]]:
    """Yield what others see and what it is called here, for each name of a list of exports."""
    for item in walk(node):
        if item.type == "export_specifier":
            name = text_of(child(item, "name"))
            yield text_of(child(item, "alias")) or name, name


def _names(node: Node) -> Iterator[tuple[str, Node]]:
    if node.type in _VARIABLES:
        for item in children(node):
            name = child(item, "name")
            if name is not None and name.type == "identifier":
                yield text_of(name), item
            elif name is not None:  # taken apart: each of its names stands for the whole
                yield from (
                    (text_of(part), item)
                    for part in walk(name)
                    if part.type in {"identifier", "shorthand_property_identifier_pattern"}
                )
    elif node.type in _DECLARED:
        yield text_of(child(node, "name")), node
