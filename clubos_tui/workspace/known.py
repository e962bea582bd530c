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
from clubos_tui.disk import Looks, looks_of

SETTLED_NS = 2_000_000_000  # the coarsest file times in use, those of FAT, tick every two seconds
_TICK_NS = 100_000_000  # of file times finer than a millisecond: ten times the slowest kernel's

Row = tuple[str, str, Looks | None]  # mode, blob, and how the file looked; None: read it


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class Known:
    """The tree a folder held when last looked at, which paths are withheld, and a row a file."""

    tree: str = ""  # empty where the rows are only what is known of each file
    hidden: tuple[str, ...] = ()
    rows: dict[bytes, Row] = field(default_factory=dict)
    empty: tuple[bytes, ...] = ()  # folders that may be without a file, which no tree holds
    learned: int = 0  # rows that are newer than what was saved
    ours: list[bytes] = field(default_factory=list)  # written since, when nobody else could

    def expect(self, entry: Entry, raw: bytes) -> None:
        """Note what a file should hold that nobody has looked at."""
        self.rows[raw] = (entry.mode, entry.blob, None)

    def learn(self, raw: bytes, entry: Entry, status: os.stat_result | None) -> None:
        """Note that a file was just seen to hold ``entry``."""
        settled = status and time.time_ns() - status.st_ctime_ns >= SETTLED_NS
        self.rows[raw] = (entry.mode, entry.blob, looks_of(status) if status and settled else None)
        self.learned += 1

    @property
    def worth_saving(self) -> bool:
        """Tell whether reading again what was learned costs more than saving all of it."""
        return self.learned > max(256, len(self.rows) // 8)

    def put(self, path: str, entry: Entry | None, status: os.stat_result | None = None) -> None:
        """Note that we wrote a file, or, without an entry, removed it."""
        raw = path_bytes(path)
        if entry is None:
            self.rows.pop(raw, None)
        else:
            self.rows[raw] = (entry.mode, entry.blob, looks_of(status) if status else None)
            self.ours.append(raw)
            self.learned += 1

    def let_in(self) -> None:
        """Forget how those files of ours look that another's write could still leave so.

        Whoever comes now writes at no earlier time than we did last, by the disk's own clock.
        """
        looks = [row[2] for raw in self.ours if (row := self.rows.get(raw)) and row[2]]
        last = max((ctime for *_, ctime, _ in looks), default=0)
        for raw in self.ours:
            row = self.rows.get(raw)
            if row and row[2] and last - row[2][3] < _tick(row[2][3]):
                self.rows[raw] = (row[0], row[1], None)
        self.ours.clear()

    def save(self, path: str) -> None:
        """Write this beside the folder; a reader finds all of it or the one before."""
        self.learned = 0
        fields = (self.tree, self.hidden, self.rows, self.empty)
        body = marshal.dumps((_stamp(), fields))
        part = f"{path}.part"
        with open(part, "wb") as file:
            file.write(zlib.crc32(body).to_bytes(4, "big") + body)
        os.rename(part, path)


def _tick(time: int) -> int:
    return _TICK_NS if time % 1_000_000 else SETTLED_NS


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
