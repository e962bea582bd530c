"""Run one command in a box: what it prints is handed on as it comes, and it always ends.

Blocking; called in a thread.
"""

from __future__ import annotations

import errno
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.started import Started
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["Ended", "run"]

_CHUNK = 1 << 16
_LOOK = 0.05  # seconds between two looks at what it takes
_LAST = 10.0  # seconds that it may take to end when it prints no more


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; 128 and the signal's number where one ended it."""
    why: str = ""
    """Why it was ended, in words; empty where it ended by itself."""
    seconds: float = 0.0
    printed: int = 0
    """Bytes."""


def run(
    box: Box,
    arguments: Sequence[str],
    *,
    folder: str = "",
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    output: Callable[[bytes], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> Ended:
    """Run a command to its end.

    Args:
        box: Where.
        arguments: The program and what it is given.
        folder: Where in the workspace it starts.
        limits: What it may take.
        output: Is given what it prints, errors among it, piece by piece.
        stop: Ends it when set.

    Raises:
        OSError: The box can't be built.
    """
    command = Started(box, arguments, folder=folder, limits=limits)
    why = ""
    printed = 0
    try:
        for piece in _pieces(command.process):
            printed += len(piece)
            if piece and printed <= limits.output:
                output(piece)
            why = _reason(command, printed, limits, stop)
            if why:
                break
        if not why:
            command.process.wait(_LAST)
    finally:
        code = command.end()
    return Ended(code, why, command.seconds, printed)


def _reason(command: Started, printed: int, limits: Limits, stop: threading.Event | None) -> str:
    """Return why a command has to end now, if it has to."""
    if stop is not None and stop.is_set():
        return "cancelled"
    if command.seconds > limits.seconds:
        return f"it took longer than {limits.seconds:.0f} s"
    if printed > limits.output:
        return f"it printed more than {limits.output >> 20:,} MiB"
    return command.excess()


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield what is printed, and nothing now and then, until the command has ended.

    What it leaves behind may keep the pipe open; nobody waits for that.
    """
    assert process.stdout
    fd = process.stdout.fileno()
    os.set_blocking(fd, False)
    looked = time.monotonic()
    with selectors.DefaultSelector() as ready:
        ready.register(fd, selectors.EVENT_READ)
        while True:
            ended = process.poll() is not None
            piece: bytes | None = b""
            if ready.select(0 if ended else _LOOK):
                piece = _read(fd)
                if piece == b"":
                    return
            if piece:
                yield piece
            elif ended:
                return
            if not piece or time.monotonic() - looked >= _LOOK:
                looked = time.monotonic()
                yield b""


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, _CHUNK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return None
        raise
