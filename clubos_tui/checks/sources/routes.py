"""Routes match their handlers: what a path names is read, and what a handler asks for is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.checks.sources.api import Api, Route, api_of, router_of, shape
from clubos_tui.checks.sources.modules import Module, function_of, module_of
from clubos_tui.checks.sources.services import misuses, services_of
from clubos_tui.checks.sources.tree import (
    FUNCTIONS,
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
    unwrap,
    walk,
)
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["routes"]

_PARAMS = "params"
_NAMED = re.compile(r":(\w+)")


def routes(subject: Subject, spec: CheckSpec) -> Checking:
    """Each route of the modules is one that can be told, made once, and fits its handler."""
    found = sources(subject, spec)
    if not found:
        return verdict(0, [], spec, "routes")
    try:
        router = router_of(subject, spec.router)
        services = services_of(subject, spec.services) if spec.services else None
    except Unreadable as error:
        return verdict(1, [str(error)], spec, "routes")
    api = yield from api_of(subject, found, router)
    faults = [*api.faults, *_modules(api), *_twice(api)]
    for route in api.routes:
        yield route.name
        if "default" in route.module.exports:
            faults += _listed(route)
        faults += _handled(subject, route)
    if services is not None:
        for module in api.modules:
            faults += misuses(module, services)
    return verdict(max(len(api.routes), len(faults)), faults, spec, "routes")


def _modules(api: Api) -> Iterator[str]:
    seen = {route.module.source.path for route in api.routes}
    for module in api.modules:
        path = module.source.path
        if "default" not in module.exports:
            yield f"{path}:1: has no default export, so its routes are never used"
        if path not in seen:
            yield f"{path}:1: makes no route"


def _twice(api: Api) -> Iterator[str]:
    known: dict[tuple[str, str], Route] = {}
    for route in api.routes:
        first = known.setdefault((route.method, shape(route.path)), route)
        if first is not route:
            place = f"{first.module.source.path}:{line_of(first.node)}"
            yield route.fault(f"{route.name} is there twice; the first is at {place}")


def _listed(route: Route) -> Iterator[str]:
    """Tell where a route is made and not given to the server."""
    array = route.node.parent
    giver = array.parent if array is not None and array.type == "array" else None
    while giver is not None and giver.type == "parenthesized_expression":
        giver = giver.parent
    if giver is None or giver.type not in {"return_statement", "arrow_function"}:
        yield route.fault(f"{route.name} is not in the list that the module returns")
        return
    while giver is not None and giver.type not in FUNCTIONS:
        giver = giver.parent
    if giver != function_of(route.module, route.module.default):
        yield route.fault(f"{route.name} is not in what the default export returns")


@dataclass(frozen=True, slots=True)
class _Handler:
    module: Module
    function: Node


def _handled(subject: Subject, route: Route) -> Iterator[str]:
    found = _handler(subject, route)
    if isinstance(found, str):
        yield found
        return
    named = _NAMED.findall(route.path)
    reads: set[str] = set()
    sure = True
    for use in _uses(found.function):
        path = found.module.source.path
        name = _read(use)
        if name is None:
            sure = False
            yield at(path, use, f"what {route.name} reads of its path is computed, so it can't "
                     "be told")  # fmt: skip
        elif name not in named:
            yield at(path, use, f'the path of {route.name} has no ":{name}"')
        else:
            reads.add(name)
    for name in named if sure else ():
        if name not in reads:
            yield route.fault(f'{route.name} never reads ":{name}"')


def _handler(subject: Subject, route: Route) -> _Handler | str:
    """Return the function that answers a route, or what is wrong with what is given for it."""
    node, module = unwrap(route.handler), route.module
    function = function_of(module, node)
    if function is not None:
        return _Handler(module, function)
    words = text_of(node).split("\n")[0]
    if node is None or node.type != "identifier":
        return route.fault(f"{words} is no function that could answer {route.name}", node)
    found = module.imports.get(words)
    if found is None:
        kind = "no function" if words in module.declared else "not defined and not imported"
        return route.fault(f"{words}, which should answer {route.name}, is {kind}", node)
    if not found.target:
        return route.fault(f"{words}, which should answer {route.name}, is of no file here", node)
    try:
        other = module_of(subject, opened(subject, found.target))
    except Unreadable as error:
        return str(error)
    local = other.exports.get(found.name, "")
    value = other.declared.get(local) if local else None
    if value is None:
        return route.fault(f"{found.target} exports no {found.name}", node)
    if value.type == "variable_declarator":
        value = unwrap(child(value, "value"))
    if value is None or value.type not in FUNCTIONS:
        return route.fault(f"{words}, which should answer {route.name}, is no function", node)
    return _Handler(other, value)


def _uses(function: Node) -> Iterator[Node]:
    """Yield where a handler uses the parameters of the path."""
    given = next(iter(children(child(function, "parameters"))), None) or child(
        function, "parameter"
    )
    pattern = child(given, "pattern") or given
    body = child(function, "body")
    if pattern is None or body is None:
        return
    name, whole = _bound(pattern), text_of(pattern) if pattern.type == "identifier" else None
    for node in walk(body):
        if node.type == "identifier" and name is not None and text_of(node) == name:
            yield node
        elif node.type == "identifier" and whole is not None and text_of(node) == whole:
            outer = node.parent
            if outer is None or outer.type != "member_expression":
                yield node  # all of the request goes elsewhere
            elif text_of(child(outer, "property")) == _PARAMS:
                yield outer


def _bound(pattern: Node) -> str | None:
    """Return what the parameters of the path are called in a handler that takes them apart."""
    for item in children(pattern) if pattern.type == "object_pattern" else []:
        if item.type == "shorthand_property_identifier_pattern" and text_of(item) == _PARAMS:
            return _PARAMS
        if item.type == "pair_pattern" and text_of(child(item, "key")) == _PARAMS:
            return text_of(child(item, "value"))
        if item.type == "rest_pattern":
            return text_of(next(iter(children(item)), None))
    return None


def _read(use: Node) -> str | None:
    """Return the parameter that `params.uuid("id")` reads."""
    method = use.parent
    call = method.parent if method is not None and method.type == "member_expression" else None
    if call is None or call.type != "call_expression" or called(call) != method:
        return None
    given = children(child(call, "arguments"))
    return literal(given[0]) if given else None
