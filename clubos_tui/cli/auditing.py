"""``clubos export`` and ``clubos verify``: take a run's record elsewhere, hold it to its word."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace

from clubos_tui.cli.opened import run_of, session_of
from clubos_tui.cli.output import emit, pour, say
from clubos_tui.codec import Json
from clubos_tui.disk import write_all
from clubos_tui.engine import audit
from clubos_tui.engine.audit import Audit
from clubos_tui.engine.audit.chain import follow
from clubos_tui.engine.audit.kept import streams
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.errors import Failed, JournalDamaged, RepositoryState, UsageError
from clubos_tui.events import RunId
from clubos_tui.repository.discover import discover_commits

BROKEN, MISSING = 1, 4


def export(options: Namespace) -> int:
    """Write a run's journal as its bytes are; a damaged one too, which an auditor needs most.

    Returns 1 where the chain does not hold, having said which record it is.
    """
    with session_of(options) as session:
        run = _chosen(session, options.run)
        data = run.journal.raw()
        chain = follow(data, f"the journal of run {run.id}")
        if options.file:
            _write_new(options.file, data)
        elif sys.stdout is not None:  # started with it closed: there is nobody to hand it to
            pour(data)
        copied = _copy_streams(session, run, options.streams) if options.streams else ""
    where = f" in {options.file}" if options.file else ""
    say(f"{len(chain.records)} sound events of run {run.id}{where}, head {chain.head}{copied}",
        to_error=True)  # fmt: skip
    if options.file:
        say(f"  clubos verify --journal {options.file}   in any clone of the repository",
            to_error=True)  # fmt: skip
    if chain.torn or chain.half:
        say("  it ends in a record that is not all there, which was written out as well",
            to_error=True)  # fmt: skip
    if chain.damage:
        say(f"clubos: {chain.damage}", to_error=True)
        say("  All of it was written out, that record and what follows it too.", to_error=True)
        return BROKEN
    return 0


def _write_new(path: str, data: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def _copy_streams(session: Session, run: Run, folder: str) -> str:
    """Copy the streams that the journal vouches for; return how many, in words."""
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        raise _unwritable(folder, error) from error
    count = 0
    vouched = streams(follow(run.journal.raw(), run.id).records)
    for stream in vouched:
        path = session.paths.stream(run.id, stream.name)
        if os.path.isfile(path):
            shutil.copyfile(path, os.path.join(folder, stream.name))
            count += 1
    return f"; {count} of {len(vouched)} streams in {folder}"


def _unwritable(path: str, error: OSError) -> Failed:
    return Failed(
        f"{path}: {error.strerror}",
        untouched="The journal itself is as it was, and no file was written over.",
        cure="Name one that is not there yet, in a folder you can write to.",
    )


def verify(options: Namespace) -> int:
    """Say whether a run's record holds (1 where it does not), and is all there (4 where not)."""
    if options.journal:
        found = audit.verify_exported(
            _read(options.journal), options.journal, discover_commits(options.repo),
            run=options.run or "", streams_in=options.streams or "",
        )  # fmt: skip
    elif options.streams:
        raise UsageError(
            "--streams goes with --journal: the streams of a run here are found by themselves",
            untouched="Nothing was looked at.",
        )
    else:
        try:
            with session_of(options) as session:
                found = audit.verify(session, _chosen(session, options.run))
        except (UsageError, RepositoryState) as error:
            error.cure += " A journal from elsewhere: clubos verify --journal FILE"
            raise
    if options.json:
        emit(audit_json(found))
    else:
        for line in audit_lines(found):
            say(line)
    return BROKEN if found.broken else MISSING if found.missing else 0


def audit_json(found: Audit) -> Json:
    """Return what an audit found, as ``clubos verify --json`` prints it."""
    return {
        "run": found.run,
        "events": found.events,
        "head": found.head,
        "anchors": [list(anchor) for anchor in found.anchors],
        "integrity": {
            "holds": found.holds,
            "broken": list(found.broken),
            "approvals": found.approvals,
            "commits": found.commits,
        },
        "completeness": {
            "complete": found.complete,
            "missing": list(found.missing),
            "vouched_to": found.vouched_to,
            "events": found.events,
            "notes": list(found.notes),
        },
    }


def audit_lines(found: Audit) -> list[str]:
    """Return the same for people."""
    lines = [f"run {found.run or 'unknown'}: {found.events} sound events, head {found.head}"]
    if found.holds:
        lines.append(
            f"Integrity: holds. The chain is unbroken, {_many(found.approvals, 'approval')} came "
            f"out the same, {_many(found.commits, 'commit')} as the journal says."
        )
    else:
        lines.append("Integrity: BROKEN.")
    lines += [f"  {line}" for line in found.broken]
    word = "nothing is missing" if found.complete else "INCOMPLETE"
    lines += [f"Completeness: {word}.", *(f"  {line}" for line in found.missing)]
    lines.append(f"  {found.tail}")
    lines += [f"  anchored at event {seq} by commit {name[:12]}" for name, seq in found.anchors]
    lines += [f"  note: {line}" for line in found.notes]
    return lines


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}",
            untouched="Nothing was verified.",
            cure="Name a file that `clubos export` wrote.",
        ) from error


def _chosen(session: Session, name: str | None) -> Run:
    """Return the run that is named, else the present one, else the one that is damaged."""
    names = audit.run_names(session)
    if name is None:
        try:
            return run_of(session)
        except JournalDamaged:
            for other in reversed(names):
                run = session.run(other)
                if follow(run.journal.raw(), other).damage:
                    return run
            raise
    if name not in names and not os.path.isdir(session.paths.run(os.path.basename(name))):
        raise UsageError(
            f"there is no run {name} in this repository",
            untouched="Nothing was written.",
            cure=f"Those there are: {', '.join(names) or 'none'}",
        )
    return session.run(RunId(os.path.basename(name)))
