"""Migrations on a real PostgreSQL: up, seeded, down again with the data in them, and up once more.

Where the server comes from is told in :mod:`~clubos_tui.checks.servers`; the SQL runs in the box as
a role that owns one database and is no superuser. After each step the schema is dumped; a way back
that does not restore it is found by the difference of two dumps.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from clubos_tui.checks import psql
from clubos_tui.checks.base import EVIDENCE_LINES, Checking, Subject, Verdict
from clubos_tui.checks.boxed import boxed
from clubos_tui.checks.files import suffix_of
from clubos_tui.checks.servers import DUMPS, INSTALL, Server, binaries, server
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.running import Ended

__all__ = ["binaries", "migrations"]

_NOISE: Final = re.compile(
    r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|\s*)$"
)
_LACKS: Final = re.compile(r'extension "?[\w-]+"? is not available|could not open extension')
_SHARED: Final = "the network was in the box, to reach the server that you named"


@dataclass(frozen=True, slots=True)
class _Step:
    """One file, what it is to do, and what the schema has to be like afterwards."""

    verb: str
    path: str
    dump: str = ""
    like: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


def migrations(subject: Subject, spec: CheckSpec) -> Checking:
    """Each migration goes up, down to the very schema before it, and up again."""
    ups = subject.matching(spec)
    if len(ups) < spec.at_least or not ups:
        words = f"{len(ups)} migrations found, at least {spec.at_least} expected"
        return Verdict("unknown", words, tuple(f"looked for: {item}" for item in spec.paths))
    lacks = [path for path in ups if _down(path, spec) not in subject.files]
    if lacks:
        rows = tuple(f"{path} has no {posixpath.basename(_down(path, spec))}" for path in lacks)
        return Verdict("failed", f"{len(lacks)} of {len(ups)} have no way back", rows, len(ups))
    steps = _steps(subject, spec, ups)
    if told := _told_to_psql(subject, steps):
        words = "a file gives commands to psql, which could leave the database it is given"
        return Verdict("failed", words, tuple(told[:EVIDENCE_LINES]), len(ups))
    try:
        with server() as found:
            if found is None:
                why = "there is no PostgreSQL on this machine"
                return Verdict("unknown", why, (INSTALL,), missing=True)
            script = shlex.quote(_script(steps, found))
            line = f"/bin/sh -c {script} sh {shlex.quote(found.programs)}"
            ran = yield from boxed(subject, spec, line, found.box)
            shared = (_SHARED,) if found.box.network else ()
    except ValueError as error:
        return Verdict("unknown", str(error))
    if isinstance(ran, Verdict):
        return ran
    judged = _judged(steps, ran.folder, ran.ended, ran.said, len(ups))
    return replace(judged, evidence=(*shared, *judged.evidence))


def _down(path: str, spec: CheckSpec) -> str:
    return path.removesuffix(suffix_of(spec.paths)) + (spec.partner or ".down.sql")


def _steps(subject: Subject, spec: CheckSpec, ups: list[str]) -> list[_Step]:
    steps = [_Step("up", path, f"up-{at}") for at, path in enumerate(ups, 1)]
    then = [path for pattern in spec.then for path in sorted(subject.under(pattern))]
    steps += [_Step("run", path) for path in then]
    for at in range(len(ups), 0, -1):
        like = f"up-{at - 1}" if at > 1 else "empty"
        steps.append(_Step("down", _down(ups[at - 1], spec), f"down-{at}", like))
    steps += [_Step("up again", path) for path in ups[:-1]]
    return [*steps, _Step("up again", ups[-1], "again", f"up-{len(ups)}")]


def _told_to_psql(subject: Subject, steps: list[_Step]) -> list[str]:
    """Return the lines that speak to psql and not to the server."""
    rows = []
    for path in dict.fromkeys(step.path for step in steps):
        text = subject.read(path).decode("utf-8", "replace")
        rows += [f"{path}:{line}: {what}" for line, what in psql.commands(text)]
    return rows


def _script(steps: list[_Step], found: Server) -> str:
    lines = [found.begin, "dump empty"]
    for step in steps:
        lines.append(f"step {shlex.quote(str(step))} {shlex.quote(step.path)}")
        lines += [f"dump {step.dump}"] if step.dump else []
    return "\n".join([*lines, f"{found.end}echo '@end done'"])


def _judged(steps: list[_Step], folder: str, ended: Ended, said: str, cases: int) -> Verdict:
    lines = said.splitlines()
    # The last one is the script's own, whatever was printed before it.
    ends = [line.removeprefix("@end ") for line in lines if line.startswith("@end ")]
    end = ends[-1] if ends else ""
    tool = next(
        (line.removeprefix("@server ") for line in lines if line.startswith("@server ")), ""
    )
    words = [
        line.removeprefix("| ").removeprefix("psql:") for line in lines if not line.startswith("@")
    ]
    last = tuple(words[-EVIDENCE_LINES:])
    # First the ways back: what they left behind is often why a later step is refused.
    for step in steps:
        if step.like and (rows := list(_difference(folder, step))):
            verb = "does not restore the schema" if step.verb == "down" else "makes another schema"
            return Verdict("failed", f"{step} {verb}", tuple(rows[:EVIDENCE_LINES]), cases, tool)
    if end == "failed":
        at = [line.removeprefix("@step ") for line in lines if line.startswith("@step ")][-1]
        missing = next((line for line in words if _LACKS.search(line)), "")
        if missing:
            return Verdict("unknown", f"this PostgreSQL lacks an extension: {at}", last, 0, tool)
        return Verdict("failed", f"PostgreSQL refuses {at}", last, cases, tool)
    if end != "done" or ended.code or ended.why:
        why = ended.why or (f"its server: {end}" if end else f"exit code {ended.code}")
        return Verdict("unknown", f"it could not be carried out: {why}", last, 0, tool)
    if any(_dump(folder, step.dump) is None for step in steps if step.dump):
        return Verdict("unknown", "a dump is missing, so nothing was compared", last, 0, tool)
    then = sum(step.verb == "run" for step in steps)
    more = f", {then} files of data and assertions" if then else ""
    return Verdict("passed", f"{cases} migrations up, down and up again{more}", (), cases, tool)


def _difference(folder: str, step: _Step) -> Iterator[str]:
    before, after = (_dump(folder, name) for name in (step.like, step.dump))
    if before is None or after is None:
        return
    yield from difflib.unified_diff(before, after, step.like, step.path, n=1, lineterm="")


def _dump(folder: str, name: str) -> list[str] | None:
    try:
        fd = os.open(os.path.join(folder, DUMPS, name), os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:  # it did not come so far
        return None
    with open(fd, encoding="utf-8", errors="replace") as file:
        return [line for line in file.read().splitlines() if not _NOISE.match(line)]
