"""A command in its box, from the moment it begins until nothing of it is left.

The box is built first, with the command waiting in it; it begins when the limits hold. Whatever
ends it, the kernel ends all that it has started too: its processes are a world of their own, which
goes with the first of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.landlock import Kept
from clubos_tui.workspace.sandbox.watch import Limits, Watch

__all__ = ["Started"]

_CHUNK = 1 << 16
_BEGIN = 10.0  # seconds that a box may take to be built
_STILL = 5  # looks at most until every process stands still


class Started:
    """One command that runs, or has run."""

    def __init__(
        self,
        box: Box,
        arguments: Sequence[str],
        *,
        folder: str = "",
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        talks: bool = False,
    ) -> None:
        """Begin.

        Args:
            box: Where.
            arguments: The program and what it is given.
            folder: Where in the workspace it starts.
            limits: What it may take.
            talks: It hears what is written to it, and its errors come apart from its output. Who
                takes its pipes over closes them.

        Raises:
            OSError: The box can't be built.
        """
        self._began = time.monotonic()
        self._talks = talks
        self._ending = threading.Lock()
        self._world = -1
        self._watch = Watch(0, box.workspace, limits)
        lent = box.open_files()  # first: it may fail
        self._info, info_in = os.pipe()
        gate, self._gate = os.pipe()  # if it were closed, the command would begin
        try:
            line = box.command(arguments, folder, info=info_in, block=gate, lent=lent)
            self._kept = Kept(
                lambda: subprocess.Popen(
                    line,
                    stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE if talks else subprocess.STDOUT,
                    pass_fds=(info_in, gate, *lent), start_new_session=True,
                    env=box.environment, bufsize=0,
                ),
                tcp=not (box.network or box.loopback),
            )  # fmt: skip
            self.process = self._kept.value
        except BaseException:
            _close(self._info, self._gate)
            raise
        finally:
            _close(info_in, gate, *lent)
        try:
            first = _first_process(self._info)
            with contextlib.suppress(ProcessLookupError, BrokenPipeError):  # its words say why
                if first:  # else nothing would hold it, and it is left waiting
                    self._world = os.pidfd_open(first)
                    limits.impose(first)
                    self._watch = Watch(first, box.workspace, limits)
                    os.write(self._gate, b"\n")
        except BaseException:
            self.end()
            raise

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self._began

    @property
    def code(self) -> int | None:
        """Its exit code, 128 and the signal's number where one ended it; ``None`` while it runs."""
        code = self.process.poll()
        return code if code is None or code >= 0 else 128 - code

    def excess(self) -> str:
        """Return what it takes too much of, in words; empty as long as all is well."""
        return self._watch.excess()

    def freeze(self) -> bool:
        """Have everything in the box stand still; tell whether it does.

        Who forks all the time may always be one process ahead.
        """
        stopped: set[int] = set()
        for _ in range(_STILL):
            news = [pid for pid in self._watch.processes() if pid not in stopped]
            if not news:
                return True
            for pid in news:
                self._watch.signal(pid, signal.SIGSTOP)
            stopped.update(news)
        return False

    def thaw(self) -> None:
        """Have it go on."""
        for pid in self._watch.processes():
            self._watch.signal(pid, signal.SIGCONT)

    def end(self) -> int:
        """End what still runs, and return its exit code when nothing is left that could write.

        May be called again, and from several threads.
        """
        with self._ending:
            return self._end()

    def _end(self) -> int:
        if self._world >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._world, signal.SIGKILL)
            # The first process of a world ends last: when it is gone, so are all others.
            with selectors.DefaultSelector() as gone:
                gone.register(self._world, selectors.EVENT_READ)
                gone.select(_BEGIN)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._kept.let_go()
        self._watch.close()
        _close(self._world, self._gate, self._info)
        self._world = self._gate = self._info = -1
        if not self._talks and self.process.stdout:
            self.process.stdout.close()
        code = self.code
        assert code is not None
        return code


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


def _close(*descriptors: int) -> None:
    for fd in (fd for fd in descriptors if fd >= 0):
        with contextlib.suppress(OSError):
            os.close(fd)
