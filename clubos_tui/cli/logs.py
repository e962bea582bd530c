"""The log in words, as JSON Lines, and as the action log file."""

from __future__ import annotations

import json
import os

from clubos_tui.cli.output import emit, say
from clubos_tui.codec import Json
from clubos_tui.disk import write_all
from clubos_tui.engine.run import Run
from clubos_tui.events import (
    ActionFinished,
    ActionStarted,
    ApplyFinished,
    ApplyStarted,
    Executed,
    Merged,
    ProposalFailed,
    RolledBack,
    StepFailed,
    Undone,
)
from clubos_tui.journal import Record, record_json
from clubos_tui.ui.wording import sentence

_LIVE = (ApplyStarted, ApplyFinished, Executed, Merged, RolledBack, Undone)


class LogPrinter:
    """Prints the records that are new since it was made."""

    def __init__(self, run: Run, *, as_json: bool, quiet: bool = False, after: int = -1) -> None:
        self._run = run
        self._json = as_json
        self._quiet = quiet
        self._after = run.journal.seq if after < 0 else after

    def print_new(self) -> None:
        """Print what was appended since the last call."""
        for record in self._run.journal.new(self._after):
            self._after = record.seq
            if self._quiet:
                continue
            if self._json:
                emit(entry(record))
            else:
                _print_line(record)


def _print_line(record: Record) -> None:
    line = sentence(record.event)
    if line is None:
        return
    level, phase, text, detail = line
    where = f"phase {phase}" if phase else "run"
    say(f"{record.at[11:19]} {level:<7} {where:<7} {text}")
    if detail and level in {"warning", "error"}:
        for part in detail.splitlines():
            say(f"{'':27}{part}")


def entry(record: Record) -> Json:
    """Return one entry of the action log: the record with the fields every entry has."""
    event = record.event
    line = sentence(event)
    status = "success"
    if isinstance(event, ActionStarted | ApplyStarted):
        status = "pending"
    elif isinstance(event, ProposalFailed | StepFailed):
        status = "failed"
    elif isinstance(event, ActionFinished):
        status = event.status
    out: Json = {
        **record_json(record),
        "timestamp": record.at,
        "phase": getattr(event, "phase", 0),
        "action": getattr(event, "action", "") or record_json(record)["type"],
        "dry_run": not isinstance(event, _LIVE),
        "status": status,
        "changes": [],
    }
    if isinstance(event, ActionFinished):
        out["changes"] = [{"path": row.path, "kind": row.kind} for row in event.changes]
    said = line[2] if line else ""
    if status == "failed":
        out["error"] = getattr(event, "error", "") or said
    else:
        out["result"] = getattr(event, "result", "") or said
    return out


def write_action_log(run: Run, path: str) -> None:
    """Write the action log of a run as one JSON list, whole or not at all."""
    rows = [entry(record) for record in run.journal.load()]
    part = f"{path}.part-{os.getpid()}"
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(fd, json.dumps(rows, indent=2, ensure_ascii=True).encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(part, path)
