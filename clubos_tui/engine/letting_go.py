"""Carry housekeeping out: only what was shown, with both locks held, and safe to kill anywhere.

The journal says first what goes of its run, with each file's SHA-256. Then a thing takes a name
in the trash, whole, and only there it is taken apart; what a kill leaves in the trash goes at the
next start. Killed between the two, a thing is still in its place, and is let go once more.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from clubos_tui.disk import sync_folder
from clubos_tui.engine.driver import busy
from clubos_tui.engine.housekeeping import Plan, Row, Thing, judge
from clubos_tui.engine.inventory import Inventory, take
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.session import Session
from clubos_tui.engine.vouched import sha256_of
from clubos_tui.errors import DriverBusy, Failed
from clubos_tui.events import Gone, LetGo, RunId
from clubos_tui.locks import FileLock
from clubos_tui.repository import spare
from clubos_tui.workspace.export import remove

__all__ = ["let_go", "plan"]

_STARTING = 5.0  # seconds to wait for a run that is just being started
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHARED = frozenset({"left-over", "bench", "workspace"})  # no journal vouches for these


def plan(session: Session, budget: int) -> Plan:
    """Return what would go to keep within ``budget`` bytes, and what stays. Reads only."""
    found = take(session, budget)
    return judge(found.things, found.runs, budget)


def let_go(session: Session, shown: Plan, *, by: str) -> Plan:
    """Remove what of ``shown`` may still go; return what was decided now.

    Raises:
        DriverBusy: Another clubos drives, or starts a run; nothing was removed.
        Failed: Something could not be removed; what had gone before is gone.
    """
    with _alone(session):
        found = take(session, shown.budget)
        agreed = {row.thing.name for row in shown.go}
        decided = judge(found.things, found.runs, shown.budget)
        rows = tuple(_as_agreed(row, agreed) for row in decided.rows)
        decided = Plan(shown.budget, rows)
        try:
            _carry_out(session, found, decided.go, by)
        except OSError as error:
            raise Failed(
                f"{os.fsdecode(error.filename or b'something')} could not be let go: "
                f"{error.strerror or error}",
                untouched="What had gone before it is gone; all else is as it was.",
                cure="Mend what the message says, then run `clubos gc` again: it goes on there.",
            ) from error
        return decided


def _as_agreed(row: Row, agreed: set[str]) -> Row:
    if not row.goes or row.thing.name in agreed:
        return row
    return Row(row.thing, False, "it was not shown, so nobody has said yes to it")


@contextmanager
def _alone(session: Session) -> Iterator[None]:
    """Hold the lock of the driver, and that of starting a run."""
    lock = FileLock(session.paths.driver_lock, hand_on=True)
    if not lock.acquire():
        raise busy(lock)
    starting = FileLock(session.paths.start_lock)
    try:
        with suppress(OSError):  # a full disk is what people do this for
            lock.note(pid=os.getpid(), host=socket.gethostname(), run="")
        if not starting.acquire(timeout=_STARTING):
            raise DriverBusy(
                "another clubos is just starting a run",
                untouched="Nothing was let go.",
                cure="Try again in a moment.",
            )
        yield
    finally:
        starting.release()
        lock.release()


def _carry_out(session: Session, found: Inventory, rows: Sequence[Row], by: str) -> None:
    paths = session.paths
    things = [row.thing for row in rows]
    for thing in things:
        if thing.kind in _SHARED:
            _discard_shared(paths, thing.paths)
    if found.spare and any(thing.kind == "objects" for thing in things):
        spare.drop(
            session.workshop, found.spare, paths.scratch, lambda path: _put_away(paths, path)
        )
        _empty(paths)
    own = [thing for thing in things if thing.kind not in {*_SHARED, "objects"}]
    for name in dict.fromkeys(thing.run for thing in own):
        of_run = [thing for thing in own if thing.run == name]
        items = [gone for thing in of_run for gone in _gone(paths, thing)]
        session.run(RunId(name)).say(LetGo(tuple(items), by))
        for thing in of_run:
            _discard(paths, thing.paths)


def _gone(paths: StatePaths, thing: Thing) -> Iterator[Gone]:
    """Yield what goes of a run, file by file; a stage is the one folder that holds its tree."""
    if thing.kind == "stage":
        yield Gone(thing.name, "", thing.bytes)
        return
    for path in thing.paths:
        files = [path]
        if os.path.isdir(path):
            files = [os.path.join(top, name) for top, _, names in os.walk(path) for name in names]
        for file in sorted(files):
            name = os.path.relpath(file, paths.root)
            yield Gone(name, sha256_of(file), os.lstat(file).st_size)


# --- the trash ----------------------------------------------------------------------------------


def _discard(paths: StatePaths, parts: Sequence[str]) -> None:
    for path in parts:
        if os.path.lexists(path):
            _put_away(paths, path)
    _empty(paths)


def _discard_shared(paths: StatePaths, parts: Sequence[str]) -> None:
    """Discard what is made anew wherever it is half; on a full disk there is no room for trash."""
    try:
        _discard(paths, parts)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        for path in reversed(parts):  # the notes first: they vouch for the folder
            _remove(path)


def _put_away(paths: StatePaths, path: str) -> None:
    """Give a thing a name in the trash, durably: there it is nobody's any more."""
    os.makedirs(paths.trash, mode=0o700, exist_ok=True)
    if os.path.dirname(path) == paths.trash:
        return
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, stat.S_IRWXU)  # an agent may have taken its own permissions away
    os.rename(path, os.path.join(paths.trash, secrets.token_hex(8)))
    sync_folder(os.path.dirname(path))
    sync_folder(paths.trash)


def _empty(paths: StatePaths) -> None:
    """Remove what is in the trash."""
    if not os.path.isdir(paths.trash):
        return
    for name in os.listdir(paths.trash):
        _remove(os.path.join(paths.trash, name))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        remove(path)
    elif os.path.lexists(path):
        os.unlink(path)
