"""Checks: evidence about a tree. A gate that passes without having looked is worse than none.

:mod:`~clubos_tui.checks.base` is the contract. ``run`` carries one check out with a time limit and
turns whatever goes wrong into *unknown*, so that no gate opens by accident (P7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from clubos_tui.checks import (
    commands,
    contents,
    files,
    leaks,
    limits,
    migrations,
    schemas,
    sources,
    templates,
    tracked,
)
from clubos_tui.checks.base import Check, Subject, Verdict
from clubos_tui.plan import CheckSpec

__all__ = ["BOXED", "KINDS", "Check", "Subject", "Verdict", "run"]

BOXED = frozenset({"command", "migrations"})
"""The kinds that run commands: in the box, on a copy of the tree."""
_GRACE = 5.0  # seconds

KINDS: Mapping[str, Check] = {
    "paths": files.paths,
    "pairs": files.pairs,
    "text": files.text,
    "imports": files.imports,
    "protected": files.protected,
    "forbidden": limits.forbidden,
    "size": limits.size,
    "tamper": files.tamper,
    "json": contents.json_files,
    "env": templates.env,
    "secrets": leaks.secrets,
    "git": tracked.git,
    "command": commands.command,
    "migrations": migrations.migrations,
    "schema": schemas.json_schema,
    "syntax": sources.syntax,
    "routes": sources.routes,
    "access": sources.access,
    "calls": sources.calls,
    "reachable": sources.reachable,
    "references": sources.references,
}


def run(
    spec: CheckSpec, subject: Subject, *, progress: Callable[[str], None] = lambda _: None
) -> Verdict:
    """Carry out one check; never raises for what the tree holds."""
    check = KINDS.get(spec.kind)
    if check is None:
        return Verdict("unknown", f"there is no check of kind {spec.kind!r} in this version")
    # A command is ended by its own limit, and its last words are the evidence.
    deadline = time.monotonic() + spec.seconds + (_GRACE if spec.kind in BOXED else 0)
    steps = check(subject, spec)
    try:
        while True:
            try:
                progress(next(steps))
            except StopIteration as end:
                result: object = end.value
                break
            if time.monotonic() > deadline:
                break
        if time.monotonic() > deadline:
            return Verdict("unknown", f"it took longer than {spec.seconds} seconds")
        if not isinstance(result, Verdict):
            return Verdict("unknown", "it ended without a verdict")
        return result
    except Exception as error:  # whatever it is, it must not open a gate
        return Verdict("unknown", f"it could not be carried out: {type(error).__name__}: {error}")
    finally:
        steps.close()
