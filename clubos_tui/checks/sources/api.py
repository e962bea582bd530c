"""The routes of an HTTP API, read from the modules that make them with a router's functions.

A route is a call `route(method, path, access, handler)` or `publicRoute(method, path, handler)` of
functions that a module imports from the router. What a reader could not tell is said as a fault:
a route that is not seen must not pass as one that is right.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Subject
from clubos_tui.checks.files import resolved
from clubos_tui.checks.sources.modules import WHOLE, Module, Modules, module_of
from clubos_tui.checks.sources.tree import (
    Unreadable,
    at,
    called,
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

__all__ = ["PUBLIC", "ROUTE", "Api", "Route", "Router", "api_of", "router_of", "shape"]

ROUTE = "route"
PUBLIC = "publicRoute"
_PLACES = {ROUTE: 4, PUBLIC: 3}
_PARAM = re.compile(r":\w+")


@dataclass(frozen=True, slots=True)
class Router:
    """What the module says that all routes are made with."""

    path: str
    roles: dict[str, tuple[str, ...]]
    """The lists of roles that it exports, by name."""
    methods: frozenset[str]
    """The HTTP methods that it knows; none where it does not say."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route, as it stands in a module."""

    module: Module
    node: Node
    public: bool
    method: str
    path: str
    access: Node | None
    handler: Node | None

    @property
    def name(self) -> str:
        """Return what the plan calls it: `GET /api/members`."""
        return f"{self.method} {self.path}"

    def fault(self, words: str, node: Node | None = None) -> str:
        """Return a fault at its place."""
        return at(self.module.source.path, node or self.node, words)


@dataclass(frozen=True, slots=True)
class Api:
    """All routes of some modules, and what keeps a reader from being sure of them."""

    routes: tuple[Route, ...]
    modules: tuple[Module, ...]
    faults: tuple[str, ...]


def shape(path: str) -> str:
    """Return a path without the names of its parameters, which tell no two routes apart."""
    return _PARAM.sub(":", path)


def router_of(subject: Subject, path: str) -> Router:
    """Read the router; :class:`Unreadable` where it makes no routes."""
    module = module_of(subject, opened(subject, path))
    lacks = [name for name in (ROUTE, PUBLIC) if name not in module.exports]
    if lacks:
        raise Unreadable(f"{path}:1: exports no {' and no '.join(lacks)}")
    roles = {}
    for seen, name in module.exports.items():
        value = unwrap(child(module.declared.get(name), "value"))
        if value is not None and value.type == "array":
            roles[seen] = tuple(literal(item) or "" for item in children(value))
    methods = {
        literal(one) or ""
        for item in children(module.source.root)
        for alias in ([child(item, "declaration")] if item.type == "export_statement" else [item])
        if alias is not None
        and alias.type == "type_alias_declaration"
        and text_of(child(alias, "name")) == "Method"
        for one in walk(alias)
        if one.type == "string"
    }
    return Router(path, roles, frozenset(filter(None, methods)))


def api_of(subject: Subject, paths: list[str], router: Router) -> Generator[str, None, Api]:
    """Yield each path as it is read; return the routes of them all."""
    routes: list[Route] = []
    modules: list[Module] = []
    faults: list[str] = []
    known = Modules(subject)
    for path in paths:
        yield path
        if path == router.path:
            continue
        try:
            module = known.at(path)
        except Unreadable as error:
            faults.append(str(error))
            continue
        modules.append(module)
        makers: dict[str, str] = {}
        for local, item in module.imports.items():
            origin = known.origin(item)
            if origin.target == router.path and origin.name in {*_PLACES, WHOLE}:
                makers[local] = origin.name
        faults += _late(subject, module, router)
        for node in walk(module.source.root):
            if node.type == "identifier" and text_of(node) in makers and not _imports(node):
                found = _route(module, node, makers[text_of(node)], router)
                if isinstance(found, str):
                    faults.append(found)
                else:
                    routes.append(found)
    return Api(tuple(routes), tuple(modules), tuple(faults))


def _late(subject: Subject, module: Module, router: Router) -> list[str]:
    """Return where a module fetches the router only when it runs."""
    folder = posixpath.dirname(module.source.path)
    faults = []
    for node in walk(module.source.root):
        function = called(node) if node.type == "call_expression" else None
        if function is not None and text_of(function) in {"import", "require"}:
            given = children(child(node, "arguments"))
            target = literal(given[0]) if given else None
            if target and resolved(subject, posixpath.join(folder, target)) == router.path:
                faults.append(at(module.source.path, node, "imports the router while it runs, so "
                                 "its routes can't be told"))  # fmt: skip
    return faults


def _imports(node: Node) -> bool:
    return node.parent is not None and node.parent.type in {
        "import_specifier", "import_clause", "namespace_import",
    }  # fmt: skip


def _route(module: Module, name: Node, maker: str, router: Router) -> Route | str:
    path, call = module.source.path, name.parent
    if maker == WHOLE:
        return at(path, name, "imports the router as a whole, so its routes can't be told")
    if call is None or call.type != "call_expression" or called(call) != name:
        return at(path, name, f"uses {maker} without calling it, so its routes can't be told")
    given = children(child(call, "arguments"))
    if len(given) != _PLACES[maker] or any(item.type == "spread_element" for item in given):
        return at(path, call, f"{maker} takes {_PLACES[maker]} values, not {len(given)}")
    method, route = literal(given[0]), literal(given[1])
    if method is None or route is None:
        return at(path, call, "the method or path of this route is computed, so it can't be told")
    if router.methods and method not in router.methods:
        return at(path, call, f"the router knows no method {method}")
    if not route.startswith("/"):
        return at(path, call, f"the path {route} of a route must begin with /")
    return Route(
        module, call, maker == PUBLIC, method, route,
        given[2] if maker == ROUTE else None, given[-1],
    )  # fmt: skip
