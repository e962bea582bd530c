"""Records: events with their place in the chain, as lines of text and back.

One JSON object a line: ``at``, ``data``, ``prev`` (hash of the line before), ``seq``, ``type`` and
``hash`` (SHA-256 of the text of all others). Events appended together say how many follow
(``rest``) and count only when all are there. The text is the same in every store, so hashes,
anchors and exports are too.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from clubos_tui.codec import DecodeError, Json, canonical
from clubos_tui.errors import JournalDamaged
from clubos_tui.events import TYPES, Event, Seq, decode, encode
from clubos_tui.journal.redaction import may_hold_secret, redact_words

__all__ = ["GENESIS", "Record", "now", "parse", "record_json", "seal", "unfinished_append"]

GENESIS = "0" * 64
_HASH = b',"hash":"'
_TAIL = len(_HASH) + 64 + len(b'"}')
# How a line goes on after each of its parts; no other form than that of `seal` is read.
_AT, _DATA, _PREV = b'{"at":"', b'","data":{', b'},"prev":"'
_REST = b'"rest":'
_TAGS = {tag.encode() + b'"': tag for tag in TYPES}


class Record:
    """An event with its place in the chain.

    ``rest`` is how many records of the same append follow. The event of a record that was read is
    decoded when it is asked for; :class:`JournalDamaged` where it has not the form of its type.
    """

    __slots__ = ("_event", "_from", "_tag", "_text", "_to", "at", "hash", "rest", "seq")

    def __init__(
        self,
        seq: Seq,
        at: str,
        event: Event | None,
        hash: str,  # noqa: A002 - as it is named in the line
        rest: int = 0,
        tag: str = "",
        text: bytes = b"",
        begin: int = 0,
        end: int = 0,
    ) -> None:
        self.seq = seq
        self.at = at
        self.hash = hash
        self.rest = rest
        self._event = event
        self._tag = tag
        self._text = text
        self._from = begin
        self._to = end

    @property
    def event(self) -> Event:
        """What happened."""
        event = self._event
        if event is None:
            try:
                event = decode(self._tag, json.loads(self._text[self._from : self._to]))
            except ValueError as error:
                why = str(error) if isinstance(error, DecodeError) else "it is not a record"
                raise damaged("journal", self.seq, why) from error
            self._event, self._text = event, b""
        return event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and (self.seq, self.hash) == (other.seq, other.hash)

    def __hash__(self) -> int:
        return hash((self.seq, self.hash))

    def __repr__(self) -> str:
        return f"Record({self.seq}, {self.at!r}, {self.event!r}, {self.hash[:12]!r})"


def now() -> str:
    """Return the present time as the journal writes it: UTC, milliseconds."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03}Z"


@functools.lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def parse(
    data: bytes, *, start: int = 0, head: str = GENESIS, where: str = "journal"
) -> tuple[list[Record], str]:
    """Read whole lines and follow the chain; return the records and the new head.

    Raises :class:`JournalDamaged` with the number of the first line that does not fit.
    """
    with _collector_off():
        return _parse(data, start, head, where)


def _parse(data: bytes, start: int, head: str, where: str) -> tuple[list[Record], str]:
    """Walk through the lines in place: this is what opening a journal of any length costs.

    The numbers are the lengths of the parts of a line that stand above.
    """
    records: list[Record] = []
    find, rfind, stands, sha256 = data.find, data.rfind, data.startswith, hashlib.sha256
    view, number, before, begin = memoryview(data), start, head.encode(), 0
    while (end := find(b"\n", begin)) >= 0:
        number += 1
        tail = end - _TAIL
        if tail < begin or not stands(_HASH, tail):
            raise damaged(where, number, _why_not(data[begin:end]))
        # The hash is taken of the bytes as they lie there: not one may differ.
        text = sha256(view[begin:tail])
        text.update(b"}")
        digest = text.hexdigest()
        claimed = digest.encode()
        began = find(b'"', begin + 7, tail)
        prev = rfind(_PREV + before, begin, tail)
        if (
            not stands(claimed, tail + 9)
            or not stands(b'"}', end - 2)
            or prev < began
            or not (stands(_AT, begin) and stands(_DATA, began) and stands(b'",', prev + 74))
        ):
            raise damaged(where, number, _why_not(data[begin:end]))
        after, rest = prev + 76, 0
        if stands(_REST, after):
            comma = find(b",", after, tail)
            rest, after = _number(data[after + 7 : comma], where, number), comma + 1
        seq = b'"seq":%d,"type":"' % number
        if not stands(seq, after):
            raise damaged(where, number, "the chain does not hold")
        tag = _TAGS.get(data[after + len(seq) : tail])
        if tag is None:
            raise damaged(where, number, _unknown(data[after + len(seq) : tail]))
        when = data[begin + 7 : began].decode("utf-8", "replace")
        records.append(Record(number, when, None, digest, rest, tag, data, began + 9, prev + 1))  # type: ignore[arg-type]
        before, begin = claimed, end + 1
    return records, before.decode()


@contextmanager
def _collector_off() -> Iterator[None]:
    """Keep the collector from walking a long list of records again and again as it grows."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _number(text: bytes, where: str, record: int) -> int:
    if not text.isdigit():
        raise damaged(where, record, "it is not a record")
    return int(text)


def _why_not(line: bytes) -> str:
    """Say what is wrong with a line that does not fit where it stands."""
    is_one = line.startswith(_AT) and _PREV in line and line[-_TAIL:].startswith(_HASH)
    return "the chain does not hold" if is_one else "it is not a record"


def _unknown(word: bytes) -> str:
    name = word.decode("utf-8", "replace").strip('"')
    return f"unknown event {name!r}; it was written by another version of clubos"


def seal(number: int, at: str, event: Event, prev: str, rest: int = 0) -> tuple[bytes, Record]:
    """Return the line of an event and its record; ``prev`` is the hash of the line before."""
    tag, data = encode(event)
    fields: Json = {"seq": number, "at": at, "type": tag, "data": data, "prev": prev}
    if rest:
        fields["rest"] = rest
    body = canonical(fields)
    if may_hold_secret(body) and (written := redact_words(data)) != data:
        event = decode(tag, written)  # this process knows what every other one will read
        body = canonical({**fields, "data": written})
    digest = hashlib.sha256(body).hexdigest()
    line = body[:-1] + _HASH + digest.encode() + b'"}\n'
    return line, Record(Seq(number), at, event, digest, rest)


def unfinished_append(records: Sequence[Record]) -> int:
    """Return how many of the last records belong to an append that did not come to its end."""
    count = 0
    while count < len(records) and records[-1 - count].rest > count:
        count += 1
    return count


def damaged(where: str, number: int, why: str) -> JournalDamaged:
    """Return the error for a record that can't be believed."""
    return JournalDamaged(
        f"{where}: record {number}: {why}",
        untouched="Nothing was read beyond it and nothing was done.",
        cure="Run `clubos verify`; restore the file from a copy, or start a new run.",
    )


def record_json(record: Record) -> Json:
    """Return a record as the JSON object that ``clubos log --json`` prints."""
    tag, data = encode(record.event)
    return {"seq": record.seq, "at": record.at, "type": tag, "hash": record.hash, **data}
