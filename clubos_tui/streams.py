"""Streams: an agent's chatter, thousands of events a second, kept beside the journal.

One JSON object a line, one file an action. The journal holds each file's SHA-256.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass

from clubos_tui.codec import Json, canonical
from clubos_tui.journal import now, redact_words

# What stands for a line that can't be read; `clubos verify` names the stream.
UNREADABLE: Json = {"type": "notice", "text": "a damaged line was left out", "level": "warning"}


@dataclass(slots=True)
class StreamWriter:
    """An attempt's chatter: thousands of events a second, written in groups.

    A group is flushed when it is ``GROUP`` events or ``SECONDS`` old. Losing the last group in a
    crash loses words, never a decision. :meth:`close` makes the file durable and returns its
    SHA-256 for the journal.
    """

    path: str
    clock: Callable[[], str] = now
    _buffer: list[bytes] = dataclasses.field(default_factory=list)
    _since: float = 0.0
    _digest: hashlib._Hash = dataclasses.field(default_factory=hashlib.sha256)
    _fd: int = -1

    GROUP = 100
    SECONDS = 0.05

    def __post_init__(self) -> None:
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        # A repeated action starts its stream anew: the turn it holds was withdrawn.
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def write(self, tag: str, data: Json, *, time: float) -> None:
        """Add one event; ``time`` is a monotonic clock in seconds."""
        if not self._buffer:
            self._since = time
        record = {"at": self.clock(), "type": tag, **redact_words(data)}
        self._buffer.append(canonical(record) + b"\n")
        if len(self._buffer) >= self.GROUP or time - self._since >= self.SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand what is buffered to the operating system, so that readers see it."""
        if self._buffer:
            data = b"".join(self._buffer)
            self._buffer.clear()
            self._digest.update(data)
            while data:
                data = data[os.write(self._fd, data) :]

    def close(self, *, durable: bool = True) -> str:
        """Flush, sync and close; return the SHA-256 of the whole stream.

        One that only people watch, and whose hash no journal holds, need not be ``durable``.
        """
        if self._fd >= 0:
            self.flush()
            if durable:
                os.fdatasync(self._fd)
            os.close(self._fd)
            self._fd = -1
        return self._digest.hexdigest()


class StreamReader:
    """Reads a stream that may still be growing, a batch at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._offset = 0

    def read(self, limit: int = 1 << 20) -> list[Json]:
        """Return the events written since the last call, up to about ``limit`` bytes of them."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        try:
            size = os.fstat(fd).st_size
            if size < self._offset:  # the action was started anew
                self._offset = 0
            if size == self._offset:
                return []
            before = os.pread(fd, 1, self._offset - 1) if self._offset else b""
            data = os.pread(fd, limit, self._offset)
            if b"\n" not in data and len(data) == limit:  # one line longer than a batch
                data = os.pread(fd, size - self._offset, self._offset)
        finally:
            os.close(fd)
        if self._offset and before != b"\n":  # started anew and already longer
            self._offset = 0
            return self.read(limit)
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return [_event(line) for line in data[:whole].split(b"\n")[:-1]]


def _event(line: bytes) -> Json:
    """Return a line's event; damage costs these words and none of the others."""
    try:
        event = json.loads(line)
    except ValueError:
        return dict(UNREADABLE)
    return event if isinstance(event, dict) else dict(UNREADABLE)
