"""Every call of a front end meets a route of its server.

Which functions send is found from `fetch` outwards: a function that hands its own parameter on as
the path of a call sends as well, and then its callers are looked at. A path that stands anywhere
else is a fault, because nobody can tell what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clubos_tui.checks.base import Checking, Subject, verdict
from clubos_tui.checks.sources.api import Api, api_of, router_of
from clubos_tui.checks.sources.tree import (
    FUNCTIONS,
    Source,
    Unreadable,
    at,
    called,
    child,
    children,
    literal,
    name_of,
    opened,
    sources,
    string_parts,
    text_of,
    unwrap,
    walk,
)
from clubos_tui.plan import CheckSpec

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["calls"]

_ANY = "${}"  # a segment that is filled in
_FETCHES = ("fetch", "window.fetch", "globalThis.fetch")


@dataclass(frozen=True, slots=True)
class _Sender:
    """Which of a function's values are the path and the method of the call that it makes."""

    path: int
    method: int | None = None
    """``None`` where the method is always the same."""
    always: str | None = "GET"
    """``None`` where it is computed."""
    options: bool = False
    """True: what follows the path may name the method, as with `fetch`."""


def calls(subject: Subject, spec: CheckSpec) -> Checking:
    """Each call that the files make is one that some route of the server answers."""
    found = sources(subject, spec)
    if not found:
        return verdict(0, [], spec, "calls")
    try:
        router = router_of(subject, spec.router)
    except Unreadable as error:
        return verdict(1, [str(error)], spec, "calls")
    served = [path for pattern in spec.served for path in subject.under(pattern)]
    api = yield from api_of(subject, sorted(set(served)), router)
    faults = [*api.faults]
    read: list[Source] = []
    for path in found:
        yield path
        try:
            read.append(opened(subject, path))
        except Unreadable as error:
            faults.append(str(error))
    senders = _senders(read)
    firsts = {route.path.split("/")[1] for route in api.routes}
    cases = 0
    for source in read:
        yield source.path
        met: set[int] = set()
        for call, sender in _sent(source, senders):
            given = children(child(call, "arguments"))
            path_node = given[sender.path] if sender.path < len(given) else None
            if path_node is not None:
                met.add(path_node.id)
            if _handed_on(call, path_node):
                continue
            cases += 1
            faults += _met(source, call, path_node, _method(sender, given), api)
        faults += _loose(source, met, firsts)
    return verdict(max(cases, len(faults)), faults, spec, "calls")


def _senders(read: list[Source]) -> dict[str, _Sender]:
    """Return the functions that send, by name, beginning with `fetch`."""
    senders = dict.fromkeys(_FETCHES, _Sender(0, options=True))
    while True:
        more = {}
        for source in read:
            for call, sender in _sent(source, senders):
                given = children(child(call, "arguments"))
                path = given[sender.path] if sender.path < len(given) else None
                owner = _owner(call, path)
                if owner is None:
                    continue
                name, names = owner
                if not name or name in senders:
                    continue
                method = _method_node(sender, given)
                place = names.index(text_of(method)) if text_of(method) in names else None
                always = literal(method) if method is not None else sender.always
                more[name] = _Sender(names.index(text_of(path)), place, always)
        if not more:
            return senders
        senders.update(more)


def _sent(source: Source, senders: dict[str, _Sender]) -> Iterator[tuple[Node, _Sender]]:
    aliases = {
        text_of(child(node, "alias")): text_of(child(node, "name"))
        for node in walk(source.root)
        if node.type == "import_specifier"
    }
    for node in walk(source.root):
        if node.type == "call_expression":
            name = text_of(called(node))
            name = aliases.get(name, name)
            if name in senders:
                yield node, senders[name]


def _owner(call: Node, path: Node | None) -> tuple[str, list[str]] | None:
    """Return the function that hands its own parameter on as the path, with all its parameters."""
    if path is None or path.type != "identifier":
        return None
    node: Node | None = call
    while node is not None:
        if node.type in FUNCTIONS:
            names = [
                text_of(child(item, "pattern")) for item in children(child(node, "parameters"))
            ]
            if text_of(path) in names:
                return name_of(node), names
        node = node.parent
    return None


def _handed_on(call: Node, path: Node | None) -> bool:
    owner = _owner(call, path)
    return owner is not None and bool(owner[0])


def _method_node(sender: _Sender, given: list[Node]) -> Node | None:
    if sender.method is not None:
        return given[sender.method] if sender.method < len(given) else None
    options = unwrap(given[1]) if sender.options and len(given) > 1 else None
    if options is None or options.type != "object":
        return options  # of what is computed the method can't be told
    for item in children(options):
        if item.type == "pair" and text_of(child(item, "key")) == "method":
            return child(item, "value")
        if item.type == "shorthand_property_identifier" and text_of(item) == "method":
            return item
    return None


def _method(sender: _Sender, given: list[Node]) -> str | None:
    """Return the method of a call, ``None`` where it is computed."""
    node = _method_node(sender, given)
    if node is None:
        return sender.always if sender.method is None else None
    return literal(node)


def _met(source: Source, call: Node, path: Node | None, method: str | None, api: Api) -> list[str]:
    segments = _segments(path)
    if segments is None or method is None:
        what = "path" if segments is None else "method"
        return [at(source.path, call, f"the {what} of this call is computed, so it can't be told")]
    if segments[0].endswith(":") and segments[1:2] == [""]:
        return []  # another server
    answers = [route for route in api.routes if _fits(segments, route.path.split("/"))]
    if any(route.method == method for route in answers):
        return []
    words = f"{method} {'/'.join(segments)}"
    if answers:
        known = ", ".join(sorted({route.method for route in answers}))
        return [at(source.path, call, f"{words} meets no route: the server has only {known}")]
    return [at(source.path, call, f"{words} meets no route of the server")]


def _segments(path: Node | None) -> list[str] | None:
    """Return a path's segments without its query; ``None`` where a part of one is computed."""
    parts = string_parts(path)
    if parts is None:
        return None
    text = ""
    for part in parts:
        if part is not None and ("?" in part or "#" in part):
            text += part.replace("#", "?").split("?")[0]
            break
        text += _ANY if part is None else part
    segments = text.split("/")
    return None if any(_ANY in one and one != _ANY for one in segments) else segments


def _fits(segments: list[str], route: list[str]) -> bool:
    return len(segments) == len(route) and all(
        have.startswith(":") if want == _ANY else want == have or (have.startswith(":") and want)
        for want, have in zip(segments, route, strict=True)
    )


def _loose(source: Source, met: set[int], firsts: set[str]) -> Iterator[str]:
    """Yield paths of the server that stand where they are no path of a call."""
    for node in walk(source.root):
        if node.id in met or node.type not in {"string", "template_string"}:
            continue
        first = (string_parts(node) or [None])[0] or ""
        if first.startswith("/") and first.split("/")[1] in firsts:
            yield at(source.path, node, f"{first} is the path of no call, so it can't be told "
                     "what it meets")  # fmt: skip
