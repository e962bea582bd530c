"""Clear away at the start what a crash left half written: ours by record, and nothing else.

Called with the driver's lock held, so nobody writes a workspace, a stage or a check's copy now.
What other processes may write beside us (a preview's copies, a pack of the workshop) bears the
number of its process, and goes when that process is gone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from clubos_tui.apply.checkout import FOLDER, lock_mark
from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import ENDED, Record, read_record
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import Write
from clubos_tui.disk import Found, exists
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.locks import is_alive
from clubos_tui.repository.copies import COPIES
from clubos_tui.repository.index import index_path
from clubos_tui.repository.objects import PART
from clubos_tui.workspace.export import remove
from clubos_tui.workspace.layout import notes


def sweep(session: Session, run: Run | None) -> list[str]:
    """Remove what is half written, and return its paths."""
    gone = [path for path in _half_written(session, run) if os.path.lexists(path)]
    for path in gone:
        remove(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    return gone


def clear_ended(session: Session) -> list[str]:
    """Remove what transactions that have ended were killed before they could remove."""
    return _staged_by_ended(session) + _marks_of_ended(session)


def foreign_lock(session: Session) -> str:
    """Return the path of an index lock that is not ours, or nothing."""
    lock = index_path(session.repository) + ".lock"
    return lock if os.path.lexists(lock) and _owner(session, lock) is None else ""


def _half_written(session: Session, run: Run | None) -> Iterator[str]:
    paths = session.paths
    if run is not None:
        part = f"{paths.stage(run.id)}.part"
        yield from (part, *notes(part))
        yield os.path.join(paths.scratch, f"merge-{run.id}")
        for phase in run.view.phases:
            yield os.path.join(paths.scratch, f"rehearsal-{run.id}-{phase.number}")
    yield from (os.path.join(paths.trash, name) for name in _names(paths.trash))
    packs = os.path.join(paths.workshop, "objects", "pack")
    for folder, prefix, separator in ((paths.scratch, COPIES, "-"), (packs, PART, "_")):
        for name in _names(folder):
            found = re.match(rf"{re.escape(prefix)}(\d+){separator}.", name)
            if found and not is_alive(int(found[1])):
                yield os.path.join(folder, name)


def _staged_by_ended(session: Session) -> list[str]:
    """Clear staging folders of transactions that have ended; another's bytes in them stay."""
    gone = []
    for folder in (session.paths.staging(""), os.path.join(session.repository.git_dir, FOLDER)):
        for name in _names(folder):
            record = _record(session, name)
            staging = os.path.join(folder, name)
            if record and record.last.state in ENDED and record.intent.staging == staging:
                Transaction(record, Hooks(content=_no_content)).clear_staging()
                gone += [] if os.path.lexists(staging) else [staging]
    return gone


def _marks_of_ended(session: Session) -> list[str]:
    """Remove an index lock, or what was to become one, whose transaction has ended."""
    folder = os.path.join(session.repository.git_dir, FOLDER)
    marks = [os.path.join(folder, name) for name in _names(folder) if name.endswith(".lock")]
    gone = []
    for mark in (index_path(session.repository) + ".lock", *marks):
        record = _owner(session, mark)
        if record and record.last.state in ENDED:
            os.unlink(mark)
            gone.append(mark)
    return gone


def _owner(session: Session, lock: str) -> Record | None:
    """Return the record of the transaction that an index lock belongs to."""
    try:
        with open(lock, "rb") as file:
            text = file.read(200)
    except OSError:
        return None
    found = re.fullmatch(rb"clubos ([0-9A-Za-z-]+)\n", text)
    record = _record(session, found[1].decode()) if found else None
    return record if record and lock_mark(record.intent) == text else None


def _record(session: Session, name: str) -> Record | None:
    path = session.paths.transaction(name)
    return read_record(path) if exists(path) else None


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _no_content(write: Write) -> Found:
    raise AssertionError(f"BUG: clearing stages nothing anew ({write})")
