"""Migrations on a real PostgreSQL: up, seeded, down again with the data in them, and up once more.

The server is an ephemeral cluster of the machine's own binaries, and lives in the box with the SQL
that it is given: nobody else's database is reached, whatever a file tries. After each step the
schema is dumped; a way back that does not restore it is found by the difference of two dumps.
"""

from __future__ import annotations

import difflib
import glob
import os
import posixpath
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from clubos_tui.checks import psql
from clubos_tui.checks.base import EVIDENCE_LINES, Checking, Subject, Verdict
from clubos_tui.checks.boxed import boxed
from clubos_tui.checks.files import suffix_of
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.running import Ended

__all__ = ["binaries", "migrations"]

_DUMPS: Final = ".clubos-dumps"
_PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_INSTALL: Final = "Install PostgreSQL (the package postgresql); its server need not run."
_NOISE: Final = re.compile(
    r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|\s*)$"
)
_LACKS: Final = re.compile(r'extension "?[\w-]+"? is not available|could not open extension')

_SERVER: Final = """\
set -u
PATH=$1:$PATH
export PATH PGHOST=/tmp PGUSER=postgres PGDATABASE=postgres PGOPTIONS='-c statement_timeout=30s'
data=/tmp/cluster
said() { tail -n 5 /tmp/said; echo "@end $1"; exit 70; }
echo "@server $(postgres --version)"
initdb -D $data -U postgres -A trust -E UTF8 --locale=C --no-sync >/tmp/said 2>&1 || said initdb
pg_ctl -D $data -w -l /tmp/log -o "-k /tmp -c listen_addresses='' -c fsync=off \
 -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=10 \
 -c dynamic_shared_memory_type=mmap" start >/tmp/said 2>&1 ||
  { cat /tmp/log >>/tmp/said; said start; }
# Who owns the database and is no superuser: a file can neither run programs nor make roles.
psql -Xqc 'create role migrator login' -c 'create database migrated owner migrator' || said create
mkdir -p dumps_here
step() {
  echo "@step $1"
  psql -Xq -v ON_ERROR_STOP=1 -U migrator -d migrated -f "$2" >/tmp/said 2>&1 && return
  grep -v NOTICE: /tmp/said; echo "@end failed"; exit 1
}
dump() {
  pg_dump --schema-only --no-owner --no-privileges -d migrated -f "dumps_here/$1" && return
  echo "@end dump"; exit 70
}
""".replace("dumps_here", _DUMPS)


@dataclass(frozen=True, slots=True)
class _Step:
    """One file, what it is to do, and what the schema has to be like afterwards."""

    verb: str
    path: str
    dump: str = ""
    like: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"


def binaries() -> str:
    """Return the folder of PostgreSQL's programs, empty where there is none.

    It is the one that ``CLUBOS_POSTGRESQL_BIN`` names, else the newest that the machine has.
    """
    if named := os.environ.get("CLUBOS_POSTGRESQL_BIN"):
        return named if _is_whole(named) else ""
    found = [os.path.dirname(place) for place in (shutil.which("initdb"),) if place]
    for pattern in _PLACES:
        found += sorted(glob.glob(pattern), key=_release, reverse=True)
    return next(filter(_is_whole, found), "")


def _is_whole(place: str) -> bool:
    needed = ("initdb", "pg_ctl", "postgres", "psql", "pg_dump")
    return all(os.path.exists(f"{place}/{name}") for name in needed)


def _release(place: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", place))


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
    place = binaries()
    if not place:
        return Verdict("unknown", "there is no PostgreSQL on this machine", (_INSTALL,))
    line = f"/bin/sh -c {shlex.quote(_script(steps))} sh {shlex.quote(place)}"
    ran = yield from boxed(subject, spec, line)
    if isinstance(ran, Verdict):
        return ran
    return _judged(steps, ran.folder, ran.ended, ran.said, len(ups))


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


def _script(steps: list[_Step]) -> str:
    lines = [_SERVER, "dump empty"]
    for step in steps:
        lines.append(f"step {shlex.quote(str(step))} {shlex.quote(step.path)}")
        lines += [f"dump {step.dump}"] if step.dump else []
    return "\n".join([*lines, "pg_ctl -D $data -m immediate stop >/dev/null", "echo '@end done'"])


def _judged(steps: list[_Step], folder: str, ended: Ended, said: str, cases: int) -> Verdict:
    lines = said.splitlines()
    end = next((line.removeprefix("@end ") for line in lines if line.startswith("@end ")), "")
    tool = next(
        (line.removeprefix("@server ") for line in lines if line.startswith("@server ")), ""
    )
    words = [line for line in lines if not line.startswith("@")]
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
    if end != "done":
        why = ended.why or (f"its server: {end}" if end else f"exit code {ended.code}")
        return Verdict("unknown", f"it could not be carried out: {why}", last, 0, tool)
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
        fd = os.open(os.path.join(folder, _DUMPS, name), os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:  # it did not come so far
        return None
    with open(fd, encoding="utf-8", errors="replace") as file:
        return [line for line in file.read().splitlines() if not _NOISE.match(line)]
