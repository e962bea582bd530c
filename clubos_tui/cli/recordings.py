"""``clubos recording``: what a model was told and answered, for a replay or a report."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from clubos_tui.cli.opened import run_of, session_of
from clubos_tui.cli.output import pour, say
from clubos_tui.codec import canonical
from clubos_tui.engine.audit.kept import let_go
from clubos_tui.errors import Failed, UsageError
from clubos_tui.journal import redact


def recording(options: Namespace) -> int:
    """Write the recording of the run without keys, one JSON object a request."""
    with session_of(options) as session:
        run = run_of(session)
        path = session.paths.recording(run.id)
        if not os.path.exists(path):
            gone = let_go(run.journal.load()).get(os.path.relpath(path, session.paths.root))
            if gone:
                raise UsageError(
                    f"the recording of run {run.id} was let go on {gone[0].at}",
                    untouched="Nothing was written.",
                    cure="`clubos log` says by whom; the journal keeps what was decided.",
                )
            raise UsageError(
                f"run {run.id} has asked no model, so there is no recording",
                untouched="Nothing was written.",
            )
        if options.file is None:
            for line in _lines(path):
                pour(line)
            return 0
        try:
            with open(options.file, "xb") as out:
                out.writelines(_lines(path))
        except OSError as error:
            raise Failed(
                f"{options.file}: {error.strerror}",
                untouched="The recording itself is as it was.",
                cure="Name a file that is not there yet, in a folder you can write to.",
            ) from error
        say(f"{options.file}: replay it with --agent replay:{options.file}")
    return 0


def _lines(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:  # a crash cut it short
                continue
            yield canonical(_without_keys(record)) + b"\n"


def _without_keys(value: Any) -> Any:
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return redact(raw).decode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if isinstance(value, dict):
        return {name: _of_call(item) if name == "partial_json" else _without_keys(item)
                for name, item in value.items()}  # fmt: skip
    return value


def _of_call(raw: str) -> Any:
    """Return a call's input without keys, and still the JSON that it was."""
    try:
        return json.dumps(_without_keys(json.loads(raw)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return _without_keys(raw)
