"""Every route asks who calls it, but for those that the plan lets anyone call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.checks.sources.api import PUBLIC, ROUTE, Route, Router, api_of, router_of
from clubos_tui.checks.sources.modules import Module
from clubos_tui.checks.sources.tree import (
    FUNCTIONS,
    Unreadable,
    at,
    child,
    children,
    literal,
    name_of,
    opened,
    sources,
    text_of,
    unwrap,
    walk,
)
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["access"]

# What an object has that is a route, or that adds to one.
_MADE = (
    {"method", "path", "access"}, {"method", "path", "handle"}, {"access", "handle"},
    {"access", "..."}, {"handle", "..."},
)  # fmt: skip


def access(subject: Subject, spec: CheckSpec) -> Checking:
    """Each route has one of the router's lists of roles, or stands on the plan's public list."""
    found = sources(subject, spec)
    if not found:
        return verdict(0, [], spec, "routes")
    try:
        router = router_of(subject, spec.router)
    except Unreadable as error:
        return verdict(1, [str(error)], spec, "routes")
    api = yield from api_of(subject, found, router)
    faults = [*_in_router(subject, router), *api.faults]
    for route in api.routes:
        faults += _public(route, spec) if route.public else _guarded(route, router)
    for module in api.modules:
        faults += _by_hand(module)
    known = {route.name for route in api.routes if route.public}
    if api.routes:  # else nothing was looked at, and that is said
        faults += [
            f"{router.path}:1: no module makes {name}, which the plan lets anyone call"
            for name in spec.public
            if name not in known
        ]
    return verdict(max(len(api.routes), len(faults)), faults, spec, "routes")


def _public(route: Route, spec: CheckSpec) -> list[str]:
    if route.name in spec.public:
        return []
    return [route.fault(f"anyone may call {route.name}, which the plan does not allow")]


def _guarded(route: Route, router: Router) -> list[str]:
    node = unwrap(route.access)
    if node is None:
        return [route.fault(f"{route.name} does not say who may call it")]
    if node.type != "identifier":
        words = text_of(node).split("\n")[0]
        return [route.fault(f"{route.name} is open to {words}, which is no list of the router's",
                            node)]  # fmt: skip
    found = route.module.imports.get(text_of(node))
    name = found.name if found is not None and found.target == router.path else ""
    if name not in router.roles:
        return [route.fault(f"{route.name} is open to {text_of(node)}, which is no list of the "
                            "router's", node)]  # fmt: skip
    roles = router.roles[name]
    if not roles or not all(roles) or "public" in roles:
        return [route.fault(f"{route.name} is open to {name}, which names no roles", node)]
    return []


def _in_router(subject: Subject, router: Router) -> list[str]:
    """Return where the router's own functions make a route for others than they were told."""
    faults = []
    for node in walk(opened(subject, router.path).root):
        if node.type != "object" or not _keys(node) >= _MADE[0]:
            continue
        maker: Node | None = node
        while maker is not None and maker.type not in FUNCTIONS:
            maker = maker.parent
        name = name_of(maker) if maker is not None else ""
        given = [text_of(child(item, "pattern")) for item in children(child(maker, "parameters"))]
        if name != PUBLIC and (name != ROUTE or given[2:3] != [_access(node)]):
            faults.append(at(router.path, node, "a route is made here for others than those that "
                             f"`{ROUTE}` was given"))  # fmt: skip
    return faults


def _access(node: Node) -> str:
    """Return what stands for the key `access` in an object."""
    for item in children(node):
        name = child(item, "key") or item
        if (literal(name) or text_of(name)) == "access":
            return text_of(child(item, "value") or item)
    return ""


def _by_hand(module: Module) -> list[str]:
    path = module.source.path
    return [
        at(path, node, "a route is made by hand, past the router")
        for node in walk(module.source.root)
        if node.type == "object" and any(_keys(node) >= keys for keys in _MADE)
    ]


def _keys(node: Node) -> set[str]:
    keys = set()
    for item in children(node):
        name = child(item, "key") or child(item, "name") or item
        spread = item.type == "spread_element"
        keys.add("..." if spread else literal(name) or text_of(name))
    return keys
