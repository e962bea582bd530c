"""What a command prints, from the thread that runs it to whoever watches."""

from __future__ import annotations

import codecs
from collections import deque

__all__ = ["Printed"]


class Printed:
    """Pieces of bytes go in, text comes out; a character is never cut in two."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def add(self, piece: bytes) -> None:
        """Take a piece in, in any thread."""
        self._pieces.append(piece)

    def take(self, *, end: bool = False) -> str:
        """Return what has come since the last call; ``end`` where nothing more will."""
        data = b"".join(self._pieces.popleft() for _ in range(len(self._pieces)))
        return self._decoder.decode(data, end)
