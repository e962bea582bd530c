"""The services of a server, as the index names them, and the methods that each of them has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Subject
from clubos_tui.checks.sources.modules import Module, module_of
from clubos_tui.checks.sources.tree import (
    Unreadable,
    at,
    called,
    child,
    children,
    opened,
    text_of,
    unwrap,
    walk,
)

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Services", "misuses", "services_of"]

INTERFACE = "Services"
_NAME = "services"
_HIDDEN = frozenset({"private", "protected"})


@dataclass(frozen=True, slots=True)
class Method:
    """How many values a method takes; at most ``None`` means any number."""

    least: int
    most: int | None


Services = dict[str, dict[str, Method]]
"""The public methods of each service."""


def services_of(subject: Subject, path: str) -> Services:
    """Read the index of services; :class:`Unreadable` where one of them can't be found."""
    module = module_of(subject, opened(subject, path))
    body = next(
        (
            child(node, "body")
            for node in walk(module.source.root)
            if node.type == "interface_declaration" and text_of(child(node, "name")) == INTERFACE
        ),
        None,
    )
    if body is None:
        raise Unreadable(f"{path}:1: has no interface {INTERFACE}")
    services: Services = {}
    for item in children(body):
        name = text_of(child(item, "name"))
        kind = text_of(child(item, "type")).lstrip(": ")
        found = module.imports.get(kind)
        if item.type != "property_signature" or found is None or not found.target:
            raise Unreadable(at(path, item, f"the class of {name} can't be found"))
        services[name] = _methods(subject, found.target, found.name)
    return services


def _methods(subject: Subject, path: str, name: str) -> dict[str, Method]:
    source = opened(subject, path)
    for node in walk(source.root):
        if node.type == "class_declaration" and text_of(child(node, "name")) == name:
            return dict(_public(child(node, "body")))
    raise Unreadable(f"{path}:1: has no class {name}")


def _public(body: Node | None) -> Iterator[tuple[str, Method]]:
    for item in children(body):
        modifiers = {text_of(part) for part in item.children if part.type != "comment"}
        if item.type == "method_definition" and not modifiers & _HIDDEN:
            yield text_of(child(item, "name")), _arity(child(item, "parameters"))
        elif item.type == "public_field_definition" and not modifiers & _HIDDEN:
            yield text_of(child(item, "name")), Method(0, None)


def _arity(parameters: Node | None) -> Method:
    least, most = 0, 0
    for item in children(parameters):
        pattern = child(item, "pattern")
        if pattern is not None and pattern.type == "rest_pattern":
            return Method(least, None)
        most += 1
        if item.type == "required_parameter" and child(item, "value") is None:
            least = most
    return Method(least, most)


def misuses(module: Module, services: Services) -> list[str]:
    """Return where a module asks the services for what they have not."""
    path = module.source.path
    faults: list[str] = []
    for node in walk(module.source.root):
        if node.type == "pair_pattern" and text_of(child(node, "key")) == _NAME:
            faults.append(at(path, node, f"{_NAME} has another name here, so its calls can't "
                             "be told"))  # fmt: skip
        if node.type not in {"identifier", "property_identifier"} or text_of(node) != _NAME:
            continue
        if node.type == "identifier" and _is_declared(node):
            continue
        whole = node
        if node.type == "property_identifier":
            if node.parent is None or node.parent.type != "member_expression":
                continue
            whole = node.parent
        fault = _misuse(path, whole, services)
        if fault:
            faults.append(fault)
    return faults


def _is_declared(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type in {"required_parameter", "import_specifier"}


def _misuse(path: str, node: Node, services: Services) -> str | None:
    asked = node.parent
    while asked is not None and unwrap(asked) == unwrap(node):
        node, asked = asked, asked.parent
    if asked is None or asked.type != "member_expression" or child(asked, "object") != node:
        if asked is not None and asked.type in {"subscript_expression", "variable_declarator"}:
            return at(path, node, "which service is asked is computed, so it can't be told")
        return None
    name = text_of(child(asked, "property"))
    if name not in services:
        return at(path, asked, f"there is no service {name}")
    use = asked.parent
    if use is None or use.type not in {"member_expression", "subscript_expression",
                                       "variable_declarator"}:  # fmt: skip
        return None
    if use.type != "member_expression":
        return at(path, asked, f"what is asked of {name} is computed, so it can't be told")
    method = text_of(child(use, "property"))
    if method not in services[name]:
        return at(path, use, f"the service {name} has no method {method}")
    call = use.parent
    if call is None or call.type != "call_expression" or called(call) != use:
        return None
    given = children(child(call, "arguments"))
    takes = services[name][method]
    if any(item.type == "spread_element" for item in given):
        return None
    if len(given) < takes.least or (takes.most is not None and len(given) > takes.most):
        wanted = f"{takes.least}" if takes.least == takes.most else f"{takes.least} or more"
        return at(path, use, f"{name}.{method} takes {wanted} values, not {len(given)}")
    return None
