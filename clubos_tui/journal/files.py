"""Journals as files: one ``journal.jsonl`` a run.

An append is: take the append lock, read what others appended, compare the expected number, write
the lines, ``fdatasync``. Half a line, or half of what was appended together, is what a crash
leaves; it is cut off and the cut is recorded. Any other damage stops us.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from clubos_tui.disk import sync_file, sync_folder
from clubos_tui.errors import JournalDamaged
from clubos_tui.events import Event, JournalRecovered, RunId
from clubos_tui.journal.base import Journal
from clubos_tui.journal.records import Record, damaged, now, parse, seal, unfinished_append
from clubos_tui.locks import FileLock

__all__ = ["FileJournal", "FileJournals", "first_record"]

FILE_NAME = "journal.jsonl"


class FileJournal(Journal):
    """One run's journal file, read incrementally and appended to by any process."""

    def __init__(self, folder: str, *, clock: Callable[[], str] = now) -> None:
        """Open the journal in ``folder``; the file is made by the first append."""
        super().__init__(clock=clock)
        self.folder = folder
        self.path = os.path.join(folder, FILE_NAME)
        self._lock = FileLock(os.path.join(folder, "append.lock"), keep=True)
        self._offset = 0
        self._torn = 0  # bytes after the last whole append

    @property
    def name(self) -> str:
        return self.path

    def again(self) -> FileJournal:
        return FileJournal(self.folder, clock=self._clock)

    def raw(self) -> bytes:
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def append(self, *events: Event, expected: int | None = None, durable: bool = True) -> Record:
        if not self._offset:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with self._lock:
            fd, fresh = self._open()
            try:
                self._look(fd)
                if self._torn:
                    self._cut(fd)
                self._require(expected)
                lines, records = self._seal(events)
                self._write(fd, b"".join(lines), durable=durable)
            finally:
                os.close(fd)
            if fresh:
                sync_folder(self.folder)
            self._take(records)
            return records[-1]

    def save_edit(self, sha256: str, data: bytes) -> None:
        path = os.path.join(self.folder, "edits", sha256)
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(f"{path}.part", "wb") as file:
            file.write(data)
        sync_file(f"{path}.part")
        os.replace(f"{path}.part", path)
        sync_folder(folder)

    def saved_edit(self, sha256: str) -> bytes | None:
        try:
            with open(os.path.join(self.folder, "edits", sha256), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def _open(self) -> tuple[int, bool]:
        """Open the file to read and append; tell whether it was made."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        try:
            return os.open(self.path, flags), False
        except FileNotFoundError:
            if self._offset:
                raise self._shortened("went away") from None
            return os.open(self.path, flags | os.O_CREAT, 0o600), True

    def _write(self, fd: int, data: bytes, *, durable: bool = True) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(fd, data[written:])
            if durable:
                os.fdatasync(fd)
        except OSError:
            os.ftruncate(fd, self._offset)  # half a line is worse than none
            raise
        self._offset += len(data)

    def _cut(self, fd: int) -> None:
        """Cut off what a crash left half written, and record that."""
        os.ftruncate(fd, self._offset)
        line, record = seal(self.seq + 1, self._clock(), JournalRecovered(self._torn), self._head)
        self._write(fd, line)
        self._torn = 0
        self._take([record])

    def _read(self) -> None:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._offset:
                raise self._shortened("went away") from None
            return
        try:
            self._look(fd)
        finally:
            os.close(fd)

    def _look(self, fd: int) -> None:
        """Read on from where we are; what is half written is left, and its length kept."""
        size = os.fstat(fd).st_size
        if size < self._offset:
            raise self._shortened("became shorter")
        self._torn = 0
        if size == self._offset:
            return
        data = os.pread(fd, size - self._offset, self._offset)
        whole = data.rfind(b"\n") + 1
        records, _ = parse(data[:whole], start=self.seq, head=self._head, where=self.path)
        if _is_more_than_a_line(data[whole:]):
            raise damaged(self.path, self.seq + len(records) + 1, "its line end was changed")
        cut = unfinished_append(records)
        if cut:
            records = records[:-cut]
            whole -= sum(len(line) + 1 for line in data[:whole].split(b"\n")[:-1][-cut:])
        self._take(records)
        self._offset += whole
        self._torn = len(data) - whole

    def _shortened(self, how: str) -> JournalDamaged:
        return JournalDamaged(
            f"{self.path} {how} while it was open",
            untouched="The repository was not touched.",
            cure="Restore the file, or look at the trailers of the phase branches.",
        )


class FileJournals:
    """The journals below one folder, a folder a run."""

    def __init__(self, folder: str, lock: str) -> None:
        """Keep runs in ``folder``; ``lock`` is the file that holds off other starts."""
        self._folder = folder
        self._lock = lock

    def runs(self) -> list[RunId]:
        """Return the ids of all runs that have begun, oldest first."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        started = {}
        for name in names:
            # A folder without a first event is what a crash before it left behind.
            first = first_record(os.path.join(self._folder, name, FILE_NAME))
            if first:
                started[name] = first.at
        return [RunId(name) for name in sorted(started, key=lambda name: (started[name], name))]

    def open(self, run: RunId) -> FileJournal:
        """Return a reading of a run's journal of its own."""
        return FileJournal(os.path.join(self._folder, run))

    def starting(self) -> AbstractContextManager[object]:
        """Hold off every other start of a run in this repository."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        return FileLock(self._lock)


def first_record(path: str) -> Record | None:
    """Return the first record of a journal file, or ``None`` where there is none."""
    try:
        with open(path, "rb") as file:
            line = file.readline()
    except (FileNotFoundError, NotADirectoryError):
        return None  # any other error must not make an open run look like none
    return parse(line, where=path)[0][0] if line.endswith(b"\n") else None


def _is_more_than_a_line(tail: bytes) -> bool:
    """Tell whether a whole record stands before something that is no line end.

    What a crash leaves is the beginning of a line; this is an edit that hides the last record.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(tail.decode("latin-1"))
    except ValueError:
        return False
    return end < len(tail)
