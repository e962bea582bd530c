"""For every check on sources a fault that it must find."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from clubos_tui.changes.paths import matches
from clubos_tui.checks.base import Subject
from clubos_tui.checks.sources.names import selected
from clubos_tui.checks.sources.tree import Unreadable, sources
from clubos_tui.plan import CheckSpec

__all__ = ["FAULTS", "unnamed_variable"]

Planted = tuple[str, bytes, str]
"""A path, what lies there, and what is wrong with it in words."""
_NAME: Final = "clubos_canary"


def unnamed_variable(spec: CheckSpec, subject: Subject) -> Planted | None:
    """Let code read a variable that no template names."""
    line = f'process.env["{_NAME.upper()}"];'
    return _added(replace(spec, paths=spec.code), subject, line, "code reads an unknown variable")


def _broken(spec: CheckSpec, subject: Subject) -> Planted | None:
    return _added(spec, subject, f"const {_NAME} = (;", "a source does not parse")


def _route_that_does_not_fit(spec: CheckSpec, subject: Subject) -> Planted | None:
    line = f'made("GET", "/{_NAME}/:id", ["admin"], () => 0);'
    return _routed(spec, subject, "route", line, "a handler ignores what its path names")


def _open_route(spec: CheckSpec, subject: Subject) -> Planted | None:
    line = f'made("GET", "/{_NAME}", () => 0);'
    return _routed(spec, subject, "publicRoute", line, "anyone may call a route")


def _call_of_nothing(spec: CheckSpec, subject: Subject) -> Planted | None:
    return _added(spec, subject, f'void fetch("/{_NAME}");', "a call meets no route")


def _dead_file(spec: CheckSpec, subject: Subject) -> Planted | None:
    for found in sources(subject, spec):
        path = posixpath.join(posixpath.dirname(found), f"{_NAME}{posixpath.splitext(found)[1]}")
        if matches(path, spec.paths) and not matches(path, spec.roots):
            return path, b"export function Canary() {\n  return 0;\n}\n", "nothing uses a file"
    return None


def _name_of_nothing(spec: CheckSpec, subject: Subject) -> Planted | None:
    try:
        named = next((one for item in spec.names for one in selected(subject, item)), None)
    except Unreadable:
        return None
    if named is None:
        return None
    data = subject.read(named.path)
    before, rest = data[: named.at], data[named.at :]
    changed = before + rest.replace(named.name.encode(), _NAME.encode(), 1)
    return named.path, changed, f"{named.name} is called something else"


def _routed(spec: CheckSpec, subject: Subject, maker: str, line: str, words: str) -> Planted | None:
    path = next((item for item in sources(subject, spec) if item != spec.router), "")
    if not path:
        return None
    router = posixpath.relpath(spec.router, posixpath.dirname(path))
    router = router if router.startswith(".") else f"./{router}"
    line = f'import {{ {maker} as made }} from "{router}";\n{line}'
    return _added(replace(spec, paths=(path,)), subject, line, words)


def _added(spec: CheckSpec, subject: Subject, line: str, words: str) -> Planted | None:
    path = next(iter(sources(subject, spec)), "")
    return (path, subject.read(path) + f"\n{line}\n".encode(), words) if path else None


FAULTS: Final[Mapping[str, Callable[[CheckSpec, Subject], Planted | None]]] = {
    "syntax": _broken,
    "routes": _route_that_does_not_fit,
    "access": _open_route,
    "calls": _call_of_nothing,
    "reachable": _dead_file,
    "references": _name_of_nothing,
}
