"""The log in words, as JSON Lines, and as the action log file."""

from __future__ import annotations

import json
import os

from clubos_tui.agents.base import Notice, RetryScheduled, decode
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
from clubos_tui.streams import StreamReader
from clubos_tui.ui.wording import agent_line, sentence

_LIVE = (ApplyStarted, ApplyFinished, Executed, Merged, RolledBack, Undone)


class LogPrinter:
    """Prints the records that are new since it was made."""

    def __init__(
        self,
        run: Run,
        *,
        as_json: bool,
        quiet: bool = False,
        after: int = -1,
        warnings: bool = False,
    ) -> None:
        """Print a run's records.

        Args:
            run: The run.
            as_json: As JSON Lines.
            quiet: Print nothing, but keep up.
            after: The number of the record before the first that is printed; by default the last.
            warnings: Also what agents warn of, which no record holds: a wait, a note.
        """
        self._run = run
        self._warnings = warnings and not as_json and not quiet
        self._stream: tuple[int, StreamReader] | None = None
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
                continue
            self._print_warnings()
            _print_line(record)
            if isinstance(record.event, ActionStarted):
                self._stream = record.event.phase, StreamReader(record.event.stream)
        self._print_warnings()

    def _print_warnings(self) -> None:
        if self._stream is None or not self._warnings:
            return
        phase, stream = self._stream
        while said := stream.read():
            for data in said:
                event = decode(data)
                if isinstance(event, RetryScheduled | Notice) and (line := agent_line(event)):
                    _print(str(data.get("at", "")), line[0], phase, line[1])


def _print_line(record: Record) -> None:
    line = sentence(record.event)
    if line is None:
        return
    level, phase, text, detail = line
    _print(record.at, level, phase, text)
    if detail and level in {"warning", "error"}:
        for part in detail.splitlines():
            say(f"{'':27}{part}")


def _print(at: str, level: str, phase: int, text: str) -> None:
    where = f"phase {phase}" if phase else "run"
    say(f"{at[11:19]} {level:<7} {where:<7} {text}")


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
        out["left_behind"] = list(event.left_behind)
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
