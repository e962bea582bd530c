"""What is printed: plain lines or JSON, safe to show (P11), and errors with their exit code."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from typing import TextIO

from clubos_tui.codec import Json
from clubos_tui.errors import ClubosError, Failed, PlanError, exit_code
from clubos_tui.ui.text import safe


def say(text: str = "", *, to_error: bool = False) -> None:
    """Print one or more plain lines; nothing in them can act on the terminal."""
    stream = sys.stderr if to_error else sys.stdout
    if stream is None:  # started with it closed: there is nobody to tell
        return
    _put(_encodable(safe(text, lines=True), stream.encoding), stream)


def emit(value: Json) -> None:
    """Print one JSON document on one line; JSON's escapes make it safe to show."""
    _put(json.dumps(value, ensure_ascii=True, sort_keys=True), sys.stdout)


def pour(data: bytes) -> None:
    """Write bytes as they are; a reader who has seen enough is no error."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _unseen(sys.stdout)


def _put(line: str, stream: TextIO) -> None:
    """Print a line; where the reader (`head`, a pager) has seen enough, the work goes on unseen."""
    try:
        print(line, file=stream, flush=True)
    except BrokenPipeError:
        _unseen(stream)


def _unseen(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def report(error: Exception, *, as_json: bool) -> int:
    """Print what happened, what was left untouched and what to do; return the exit code."""
    if isinstance(error, OSError):
        error = Failed(
            f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}",
            untouched="The step under way was undone.",
            cure="Mend what the message says, then try again.",
        )
    if not isinstance(error, ClubosError):
        # No traceback by default: its lines may hold what nobody meant to show.
        if os.environ.get("CLUBOS_DEBUG"):
            raise error
        error = Failed(
            f"unexpected {type(error).__name__}: {error}",
            untouched="The journal and the repository are as the last step left them.",
            cure="Run it again with CLUBOS_DEBUG=1 and report what it prints.",
        )
    code = exit_code(error)
    if as_json:
        fields: Json = {
            "error": error.message,
            "untouched": error.untouched,
            "cure": error.cure,
            "exit_code": code,
        }
        if isinstance(error, PlanError):
            fields["faults"] = [
                {"file": f.file, "line": f.line, "message": f.message, "suggestion": f.suggestion}
                for f in error.faults
            ]
        paths = getattr(error, "paths", ())
        if paths:
            fields["paths"] = list(paths)
        if evidence := getattr(error, "evidence", ()):
            fields["checks"] = list(evidence)
        emit(fields)
        return code
    say(f"clubos: {error.message}", to_error=True)
    for line in (error.untouched, error.cure):
        if line:
            say(f"  {line}", to_error=True)
    return code


def flag(options: Namespace, name: str, variable: str, *, on: str) -> bool:
    """Return a flag's value, else whether the environment says ``on``: ``true`` or ``false``."""
    value = getattr(options, name, None)
    if value is not None:
        return bool(value)
    return os.environ.get(variable, "").strip().lower() in _MEANINGS[on]


_MEANINGS = {"true": {"true", "1", "yes", "on"}, "false": {"false", "0", "no", "off"}}


def ask(question: str) -> bool | None:
    """Ask yes or no on a terminal; ``None`` where there is nobody to ask (P10)."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    print(safe(question, lines=True) + " [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _encodable(text: str, encoding: str | None) -> str:
    # A terminal that knows only ASCII must still get every line.
    return text.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")
