"""``clubos recording``: what a model was told and answered, for a replay or a report."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from typing import Any

from clubos_tui.cli.opened import run_of, session_of
from clubos_tui.cli.output import say
from clubos_tui.codec import canonical
from clubos_tui.errors import Failed, UsageError
from clubos_tui.journal import redact


def recording(options: Namespace) -> int:
    """Write the recording of the run without keys, one JSON object a request."""
    with session_of(options) as session:
        run = run_of(session)
        path = session.paths.recording(run.id)
        if not os.path.exists(path):
            raise UsageError(
                f"run {run.id} has asked no model, so there is no recording",
                untouched="Nothing was written.",
            )
        if options.file is None:
            _write(path, sys.stdout.buffer)
            return 0
        try:
            with open(options.file, "xb") as out:
                _write(path, out)
        except OSError as error:
            raise Failed(
                f"{options.file}: {error.strerror}",
                untouched="The recording itself is as it was.",
                cure="Name a file that is not there yet, in a folder you can write to.",
            ) from error
        say(f"{options.file}: replay it with --agent replay:{options.file}")
    return 0


def _write(path: str, out: Any) -> None:
    with open(path, "rb") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:  # a crash cut it short
                continue
            out.write(canonical(_without_keys(record)) + b"\n")


def _without_keys(value: Any) -> Any:
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return redact(raw).decode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_keys(item) for name, item in value.items()}
    return value
