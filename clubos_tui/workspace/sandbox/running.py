"""Run one command in a box: what it prints is handed on as it comes, and it always ends.

Blocking; called in a thread. Whatever ends it, the kernel ends all that it has started too: its
processes are a world of their own, which goes with the first of them.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.watch import Limits, Watch

__all__ = ["Ended", "run"]

_CHUNK = 1 << 16
_LOOK = 0.05  # seconds between two looks at what it takes
_BEGIN = 10.0  # seconds that a box may take to be built


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
    began = time.monotonic()
    info, info_in = os.pipe()
    gate, gate_in = os.pipe()
    try:
        process = subprocess.Popen(
            box.command(arguments, folder, info=info_in, block=gate),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=(info_in, gate), start_new_session=True, env={},
        )  # fmt: skip
    except BaseException:
        _close(info, info_in, gate, gate_in)
        raise
    _close(info_in, gate)
    why = ""
    printed = 0
    world = -1
    watch = Watch(0, box.workspace, limits)
    try:
        first = _first_process(info)
        with contextlib.suppress(ProcessLookupError, BrokenPipeError):  # its words say why
            if first:  # else nothing would hold it, and it is left waiting
                world = os.pidfd_open(first)
                limits.impose(first)
                watch = Watch(first, box.workspace, limits)
                os.write(gate_in, b"\n")
        for piece in _pieces(process):
            printed += len(piece)
            if piece and printed <= limits.output:
                output(piece)
            why = _reason(began, printed, limits, watch, stop)
            if why:
                break
        code = process.poll() if why else process.wait(_BEGIN)
    finally:
        _end(process, world)
        watch.close()
        _close(info, gate_in, world)
        assert process.stdout
        process.stdout.close()
    code = process.returncode if code is None else code
    return Ended(code if code >= 0 else 128 - code, why, time.monotonic() - began, printed)


def _end(process: subprocess.Popen[bytes], world: int) -> None:
    """End what still runs, and come back when nothing of it is left that could write."""
    if world >= 0:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(world, signal.SIGKILL)
        # The first process of a world ends last: when it is gone, so are all others.
        with selectors.DefaultSelector() as gone:
            gone.register(world, selectors.EVENT_READ)
            gone.select(_BEGIN)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def _reason(
    began: float, printed: int, limits: Limits, watch: Watch, stop: threading.Event | None
) -> str:
    """Return why a command has to end now, if it has to."""
    if stop is not None and stop.is_set():
        return "cancelled"
    if time.monotonic() - began > limits.seconds:
        return f"it took longer than {limits.seconds:.0f} s"
    if printed > limits.output:
        return f"it printed more than {limits.output >> 20:,} MiB"
    return watch.excess()


def _first_process(info: int) -> int:
    """Return the number of the box's first process; 0 where it could not be built."""
    data = b""
    with selectors.DefaultSelector() as ready:
        ready.register(info, selectors.EVENT_READ)
        until = time.monotonic() + _BEGIN
        while b"}" not in data and ready.select(max(0.0, until - time.monotonic())):
            piece = os.read(info, _CHUNK)
            if not piece:
                break
            data += piece
    try:
        return int(json.loads(data)["child-pid"])
    except (ValueError, KeyError, TypeError):
        return 0


def _pieces(process: subprocess.Popen[bytes]):  # type: ignore[no-untyped-def]
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


def _close(*descriptors: int) -> None:
    for fd in (fd for fd in descriptors if fd >= 0):
        with contextlib.suppress(OSError):
            os.close(fd)
