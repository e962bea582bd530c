"""A pseudo terminal with the measured program in it, its keys typed and its report read."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

WIDTH, HEIGHT = 120, 40
PATIENCE = 90.0  # seconds

KEYS = {
    "f5": b"\x1b[15~", "f6": b"\x1b[17~", "f7": b"\x1b[18~", "f10": b"\x1b[21~",
    "down": b"\x1b[B", "up": b"\x1b[A", "end": b"\x1b[F", "pagedown": b"\x1b[6~",
    "right_square_bracket": b"]",
}  # fmt: skip
TESTS = Path(__file__).parent.parent


class Key(NamedTuple):
    """What one key cost, in ms: CPU of the process and of the loop's thread, and key to paint."""

    cpu: float
    loop: float
    wall: float
    painted: bool


class Terminal:
    """A program in a pseudo terminal of 120x40 whose output is read and thrown away."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """Start the program; ``{report}`` in its command becomes the number of its pipe."""
        drop = {"COLUMNS", "LINES", "NO_COLOR"}
        env = {name: value for name, value in os.environ.items() if name not in drop}
        env |= {
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none",
            "PYTHONPATH": str(TESTS), **(environment or {}),
        }  # fmt: skip
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self._pipe, report = os.pipe()
        self._lines = b""
        self._told: list[dict[str, Any]] = []
        self._seen = b""
        self._lock = threading.Lock()
        try:
            self._child = subprocess.Popen(
                [part.replace("{report}", str(report)) for part in command],
                stdin=slave, stdout=slave, stderr=slave, env=env, pass_fds=(report,),
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(slave)
            os.close(report)
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    @classmethod
    def of(cls, subject: str, data: Path) -> Terminal:
        """Start the measured app with a subject and wait until its data is in memory."""
        made = cls([sys.executable, "-m", "bench.screen", subject, str(data), "{report}"])
        try:
            made.told("ready")
        except BaseException:
            made.close()
            raise
        return made

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """End the program, where it has not ended, and whatever it wrote to."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._reader.join(5)
        os.close(self._master)
        os.close(self._pipe)

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._child.pid

    def _drain(self) -> None:
        try:
            while data := os.read(self._master, 1 << 16):
                with self._lock:
                    self._seen = (self._seen + data)[-200_000:]
        except OSError:
            pass  # the program has closed its end

    def until(self, text: bytes) -> None:
        """Wait until the program has written a text, and forget everything before."""
        end = time.monotonic() + PATIENCE
        while text not in self._seen:
            if time.monotonic() > end or self._child.poll() is not None:
                raise AssertionError(f"waited in vain for {text!r}: {self._seen[-3000:]!r}")
            time.sleep(0.02)
        with self._lock:
            self._seen = b""

    def type(self, key: str) -> float:
        """Type a key; return when."""
        at = time.perf_counter()
        os.write(self._master, KEYS.get(key) or key.encode())
        return at

    def told(self, what: str, key: str = "") -> dict[str, Any]:
        """Wait for a line of the program about something; others wait for who asks for them."""
        end = time.monotonic() + PATIENCE
        while True:
            *lines, self._lines = self._lines.split(b"\n")
            self._told += map(json.loads, lines)
            for at, found in enumerate(self._told):
                if found["what"] == what and (not key or found["key"] == key):
                    return self._told.pop(at)
            if not select.select([self._pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"it never told {what!r}: {self._seen[-3000:]!r}")
            data = os.read(self._pipe, 1 << 16)
            if not data:
                raise AssertionError(f"it ended before {what!r}: {self._seen[-3000:]!r}")
            self._lines += data

    def figures(self) -> dict[str, Any]:
        """Ask for memory and the longest block since the last time."""
        self.type("f6")
        return self.told("figures")

    def press(self, key: str) -> Key:
        """Type a key and wait for its frame."""
        sent = self.type(key)
        found = self.told("frame", key)
        # Both processes read the same clock: this is from the typing to the frame.
        wall = (found["at"] - sent) * 1000
        return Key(found["cpu"], found["loop"], wall, found["painted"])

    def presses(self, key: str, times: int, *, pause: float) -> list[Key]:
        """Type a key again and again, each a while after the frame of the one before.

        A key that paints nothing ends it: it has come to the end of what there is.
        """
        found: list[Key] = []
        while len(found) < times and (pressed := self.press(key)).painted:
            found.append(pressed)
            time.sleep(pause)
        return found

    def ended(self) -> float:
        """Wait until the program has ended; return when."""
        self._child.wait(PATIENCE)
        return time.perf_counter()
