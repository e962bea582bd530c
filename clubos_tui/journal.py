"""The journal: a run's events, appended, chained and flushed to disk. The only truth.

One JSON object a line: ``seq``, ``at``, ``type``, ``data``, ``prev`` (hash of the line before) and
``hash`` (SHA-256 of the text of all others). The chain shows an edited, removed, added or moved
line. It can't show that the end was cut off or that all was written anew: the
trailers of phase, merge and revert commits hold the head for that (P9).

An append is: take the append lock, read what others appended, compare the expected number, write
the lines, ``fdatasync``. Whoever acts on an event acts after that. Events appended together say
how many follow (``rest``) and count only when all are there. Half a line, or half of what was
appended together, is what a crash leaves; it is cut off and the cut is recorded. Any other damage
stops us.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clubos_tui.codec import DecodeError, Json, canonical
from clubos_tui.disk import sync_folder
from clubos_tui.errors import JournalDamaged
from clubos_tui.events import Event, JournalRecovered, Seq, decode, encode
from clubos_tui.locks import FileLock

GENESIS = "0" * 64
WATCH_SECONDS = 0.02

# Keys and tokens as their makers write them. Redaction is for log and stream only; what is
# applied is never touched.
_SECRET = re.compile(
    rb"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}"
    rb"|xox[abpr]-[0-9A-Za-z-]{10,})"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)",
    re.DOTALL,
)
# The fields that hold somebody's words. All others are paths, ids and names by which things are
# found again: a redacted path would be another file.
_WORDS = frozenset(
    {"cure", "detail", "error", "evidence", "note", "reason", "refused", "result", "steps",
     "summary", "text", "title", "tools", "untouched"}
)  # fmt: skip
REDACTED = b"[redacted]"
_known: tuple[bytes, ...] = ()
_SHORTEST = 8  # characters; a shorter value would be found in anybody's words
_HASH = b',"hash":"'
_TAIL = len(_HASH) + 64 + len(b'"}')


class Conflict(Exception):
    """Someone else appended first; load again and decide again."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event with its place in the chain."""

    seq: Seq
    at: str
    event: Event
    hash: str
    rest: int = 0  # how many records of the same append follow


def keep_secret(value: str) -> None:
    """Have a value redacted wherever it comes up from now on, whatever it looks like."""
    global _known  # noqa: PLW0603 - another thread may be reading it, so it is replaced as a whole
    if len(value) >= _SHORTEST:
        found = {*_known, value.encode("utf-8", "surrogateescape")}
        _known = tuple(sorted(found, key=len, reverse=True))  # one may be the beginning of another


def redact(text: bytes) -> bytes:
    """Return ``text`` with keys and tokens replaced; the one choke point for log and stream."""
    for value in _known:
        text = text.replace(value, REDACTED)
    return _SECRET.sub(REDACTED, text)


def unfinished(text: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a known value."""
    longest = 0
    for value in _known:
        whole = value.decode("utf-8", "surrogateescape")
        for length in range(min(len(whole) - 1, len(text)), longest, -1):
            if text.endswith(whole[:length]):
                longest = length
                break
    return longest


def redact_all(data: Any) -> Any:
    """Return JSON values with every text in them redacted."""
    if isinstance(data, dict):
        return {key: redact_all(item) for key, item in data.items()}
    if isinstance(data, list):
        return [redact_all(item) for item in data]
    return redact_words(data, words=True)


def redact_words(data: Any, *, words: bool = False) -> Any:
    """Return JSON values with somebody's words redacted, and paths, ids and names as they are."""
    if isinstance(data, str):
        raw = data.encode("utf-8", "surrogatepass")
        return redact(raw).decode("utf-8", "surrogatepass") if words else data
    if isinstance(data, list):
        return [redact_words(item, words=words) for item in data]
    if isinstance(data, dict):
        return {key: redact_words(item, words=key in _WORDS) for key, item in data.items()}
    return data


def now() -> str:
    """Return the present time as the journal writes it: UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """One run's journal file, read incrementally and appended to by any process."""

    def __init__(self, folder: str, *, clock: Callable[[], str] = now) -> None:
        """Open the journal in ``folder``; the file is made by the first append."""
        self.folder = folder
        self.path = os.path.join(folder, "journal.jsonl")
        self._lock = FileLock(os.path.join(folder, "append.lock"))
        self._clock = clock
        self._records: list[Record] = []
        self._offset = 0
        self._head = GENESIS

    @property
    def head(self) -> str:
        """The hash of the last record read."""
        return self._head

    @property
    def anchor(self) -> str:
        """Number and hash of the last record read, of one moment: the loop may read on beside."""
        last = self._records[-1]
        return f"{last.seq}:{last.hash}"

    @property
    def seq(self) -> Seq:
        """The number of the last record read; 0 for an empty journal."""
        return Seq(len(self._records))

    def load(self) -> Sequence[Record]:
        """Read what was appended since the last call; return all records."""
        self._read(cut_torn_tail=False)
        return self._records

    def new(self, after: int) -> Sequence[Record]:
        """Return the records after number ``after``, reading the file first."""
        self._read(cut_torn_tail=False)
        return self._records[after:]

    def append(self, *events: Event, expected: int | None = None, durable: bool = True) -> Record:
        """Append ``events`` as one durable write; return the last record.

        ``expected`` is the number of the last record the caller decided on. ``durable=False`` is
        for reports on which nobody acts: other processes see them at once, the next durable
        append flushes them too. Raises
        :class:`Conflict` where another process appended since, :class:`JournalDamaged` where the
        chain is broken, :class:`OSError` where the disk is full; then nothing was appended.
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        with self._lock:
            self._read(cut_torn_tail=True)
            if expected is not None and expected != self.seq:
                raise Conflict(f"expected {expected}, the journal is at {self.seq}")
            lines, records, head = [], [], self._head
            for number, event in enumerate(events, self.seq + 1):
                rest = self.seq + len(events) - number
                line, record = _seal(number, self._clock(), event, head, rest)
                lines.append(line)
                records.append(record)
                head = record.hash
            self._write(b"".join(lines), durable=durable)
            self._records.extend(records)
            self._head = head
            return records[-1]

    async def watch(self, after: int) -> AsyncIterator[Record]:
        """Yield the records after number ``after``, those there are and those to come."""
        while True:
            for record in self.new(after):
                after = record.seq
                yield record
            await asyncio.sleep(WATCH_SECONDS)

    def _write(self, data: bytes, *, durable: bool = True) -> None:
        fresh = not os.path.exists(self.path)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            written = 0
            try:
                while written < len(data):
                    written += os.write(fd, data[written:])
                if durable:
                    os.fdatasync(fd)
            except OSError:
                os.ftruncate(fd, self._offset)  # half a line is worse than none
                raise
        finally:
            os.close(fd)
        if fresh:
            sync_folder(self.folder)
        self._offset += len(data)

    def _read(self, *, cut_torn_tail: bool) -> None:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._offset:
                raise self._shortened("went away") from None
            return
        try:
            size = os.fstat(fd).st_size
            if size < self._offset:
                raise self._shortened("became shorter")
            if size == self._offset:
                return
            data = os.pread(fd, size - self._offset, self._offset)
        finally:
            os.close(fd)
        whole = data.rfind(b"\n") + 1
        records, head = parse(data[:whole], start=self.seq, head=self._head, where=self.path)
        if _is_more_than_a_line(data[whole:]):
            raise _damaged(self.path, self.seq + len(records) + 1, "its line end was changed")
        cut = _unfinished(records)
        if cut:
            records = records[:-cut]
            head = records[-1].hash if records else self._head
            whole -= sum(len(line) + 1 for line in data[:whole].split(b"\n")[:-1][-cut:])
        self._records.extend(records)
        self._head = head
        self._offset += whole
        torn = len(data) - whole
        if torn and cut_torn_tail:
            os.truncate(self.path, self._offset)
            line, record = _seal(self.seq + 1, self._clock(), JournalRecovered(torn), self._head)
            self._write(line)
            self._records.append(record)
            self._head = record.hash

    def _shortened(self, how: str) -> JournalDamaged:
        return JournalDamaged(
            f"{self.path} {how} while it was open",
            untouched="The repository was not touched.",
            cure="Restore the file, or look at the trailers of the phase branches.",
        )


def first_record(path: str) -> Record | None:
    """Return the first record of a journal file, or ``None`` where there is none."""
    try:
        with open(path, "rb") as file:
            line = file.readline()
    except (FileNotFoundError, NotADirectoryError):
        return None  # any other error must not make an open run look like none
    return parse(line, where=path)[0][0] if line.endswith(b"\n") else None


def parse(
    data: bytes, *, start: int = 0, head: str = GENESIS, where: str = "journal"
) -> tuple[list[Record], str]:
    """Read whole lines and follow the chain; return the records and the new head.

    Raises :class:`JournalDamaged` with the number of the first line that does not fit.
    """
    records = []
    for number, line in enumerate(data.split(b"\n")[:-1], start + 1):
        try:
            # The hash is taken of the bytes as they lie there: not one may differ.
            body, claimed = line[:-_TAIL] + b"}", line[-66:-2].decode()
            fields: Json = json.loads(body)
            sound = (
                line[-_TAIL:] == b'%b%b"}' % (_HASH, claimed.encode())
                and fields["seq"] == number
                and fields["prev"] == head
                and hashlib.sha256(body).hexdigest() == claimed
            )
            if not sound:
                raise _damaged(where, number, "the chain does not hold")
            event = decode(fields["type"], fields["data"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, DecodeError):
                raise _damaged(where, number, str(error)) from error
            raise _damaged(where, number, "it is not a record") from error
        records.append(Record(Seq(number), fields["at"], event, claimed, fields.get("rest", 0)))
        head = claimed
    return records, head


def _unfinished(records: Sequence[Record]) -> int:
    """Return how many of the last records belong to an append that did not come to its end."""
    count = 0
    while count < len(records) and records[-1 - count].rest > count:
        count += 1
    return count


def _is_more_than_a_line(tail: bytes) -> bool:
    """Tell whether a whole record stands before something that is no line end.

    What a crash leaves is the beginning of a line; this is an edit that hides the last record.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(tail.decode("latin-1"))
    except ValueError:
        return False
    return end < len(tail)


def _damaged(where: str, number: int, why: str) -> JournalDamaged:
    return JournalDamaged(
        f"{where}: record {number}: {why}",
        untouched="Nothing was read beyond it and nothing was done.",
        cure="Run `clubos verify`; restore the file from a copy, or start a new run.",
    )


def _seal(number: int, at: str, event: Event, prev: str, rest: int = 0) -> tuple[bytes, Record]:
    tag, data = encode(event)
    written = redact_words(data)
    if written != data:
        event = decode(tag, written)  # this process knows what every other one will read
    fields: Json = {"seq": number, "at": at, "type": tag, "data": written, "prev": prev}
    if rest:
        fields["rest"] = rest
    body = canonical(fields)
    digest = hashlib.sha256(body).hexdigest()
    line = body[:-1] + _HASH + digest.encode() + b'"}\n'
    return line, Record(Seq(number), at, event, digest, rest)


def record_json(record: Record) -> Json:
    """Return a record as the JSON object that ``clubos log --json`` prints."""
    tag, data = encode(record.event)
    return {"seq": record.seq, "at": record.at, "type": tag, "hash": record.hash, **data}
