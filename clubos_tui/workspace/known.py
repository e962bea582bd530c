"""What is known of each file in a folder of ours, so that looking again costs a stat, not a read.

A file whose inode, size, mode and both times are those of the last look has the bytes of the last
look: the kernel sets the change time (``st_ctime``) and no program can set it back. Two cases are
read again all the same. A file that was changed shortly before the look may have changed again
within the same tick of the clock (git calls that racy, see ``racy-git.adoc``); and after a power
cut the size may have survived where the bytes did not.

A wrong answer here could only make a proposal miss a change. What is approved and applied is built
from bytes that were read.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
import zlib
from dataclasses import dataclass, field

from clubos_tui import __version__
from clubos_tui.changes.manifest import Entry, path_bytes

SETTLED_NS = 2_000_000_000  # the coarsest file times in use, those of FAT, tick every two seconds

Signature = tuple[int, int, int, int, int]
Row = tuple[str, str, Signature | None]  # mode, blob, and how the file looked; None: read it


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def signature(status: os.stat_result, now: int | None = None) -> Signature | None:
    """Return how a file looks; ``None`` where it changed too short a time before ``now``."""
    if now is not None and now - status.st_ctime_ns < SETTLED_NS:
        return None
    return (
        status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode,
    )  # fmt: skip


@dataclass(slots=True)
class Known:
    """The tree a folder held when last looked at, which paths are withheld, and a row a file."""

    tree: str = ""  # empty where the rows are only what is known of each file
    hidden: tuple[str, ...] = ()
    rows: dict[bytes, Row] = field(default_factory=dict)
    empty: tuple[bytes, ...] = ()  # folders that may be without a file, which no tree holds
    learned: int = 0  # rows that are newer than what was saved

    def expect(self, entry: Entry, raw: bytes) -> None:
        """Note what a file should hold that nobody has looked at."""
        self.rows[raw] = (entry.mode, entry.blob, None)

    def learn(self, raw: bytes, entry: Entry, status: os.stat_result | None) -> None:
        """Note that a file was just seen to hold ``entry``."""
        seen = signature(status, time.time_ns()) if status else None
        self.rows[raw] = (entry.mode, entry.blob, seen)
        self.learned += 1

    @property
    def worth_saving(self) -> bool:
        """Tell whether reading again what was learned costs more than saving all of it."""
        return self.learned > max(256, len(self.rows) // 8)

    def put(self, path: str, entry: Entry | None, status: os.stat_result | None = None) -> None:
        """Note that a file was written, or, without an entry, removed."""
        if entry is None:
            self.rows.pop(path_bytes(path), None)
        else:
            self.learn(path_bytes(path), entry, status)

    def save(self, path: str) -> None:
        """Write this beside the folder; a reader finds all of it or the one before."""
        self.learned = 0
        fields = (self.tree, self.hidden, self.rows, self.empty)
        body = marshal.dumps((_stamp(), fields))
        part = f"{path}.part"
        with open(part, "wb") as file:
            file.write(zlib.crc32(body).to_bytes(4, "big") + body)
        os.rename(part, path)


def _stamp() -> tuple[str, str, str]:
    """Return what must be the same for a note to be believed."""
    return __version__, sys.version, _boot()


def load(path: str) -> Known | None:
    """Return the note at ``path``; ``None`` where there is none that can be believed."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    body = data[4:]
    if len(data) < 4 or zlib.crc32(body) != int.from_bytes(data[:4], "big"):
        return None
    stamp, fields = marshal.loads(body)  # noqa: S302  ours, from our folder, and whole
    return Known(*fields) if stamp == _stamp() else None
