"""Records: events with their place in the chain, as lines of text and back.

One JSON object a line: ``at``, ``data``, ``prev`` (hash of the line before), ``seq``, ``type`` and
``hash`` (SHA-256 of the text of all others). Events appended together say how many follow
(``rest``) and count only when all are there. The text is the same in every store, so hashes,
anchors and exports are too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from clubos_tui.codec import DecodeError, Json, canonical
from clubos_tui.errors import JournalDamaged
from clubos_tui.events import TYPES, Event, Seq, decode, encode
from clubos_tui.journal.redaction import redact_words

__all__ = ["GENESIS", "Record", "now", "parse", "record_json", "seal", "unfinished_append"]

GENESIS = "0" * 64
_HASH = b',"hash":"'
_TAIL = len(_HASH) + 64 + len(b'"}')
# The one form that `seal` writes. What stands in `data` is read when somebody asks for the event.
_LINE = re.compile(
    rb'\{"at":"([^"\\]*)","data":(\{.*\}),"prev":"([0-9a-f]{64})",(?:"rest":([1-9][0-9]*),)?'
    rb'"seq":([1-9][0-9]*),"type":"([a-z.]+)","hash":"([0-9a-f]{64})"\}',
    re.DOTALL,
)
_TAGS = {tag.encode(): tag for tag in TYPES}


class Record:
    """An event with its place in the chain.

    ``rest`` is how many records of the same append follow. The event of a record that was read is
    decoded when it is asked for; :class:`JournalDamaged` where it has not the form of its type.
    """

    __slots__ = ("_event", "_stored", "at", "hash", "rest", "seq")

    def __init__(
        self,
        seq: Seq,
        at: str,
        event: Event | None,
        hash: str,  # noqa: A002 - as it is named in the line
        rest: int = 0,
        stored: tuple[str, bytes] = ("", b""),
    ) -> None:
        self.seq = seq
        self.at = at
        self.hash = hash
        self.rest = rest
        self._event = event
        self._stored = stored

    @property
    def event(self) -> Event:
        """What happened."""
        event = self._event
        if event is None:
            tag, data = self._stored
            try:
                event = decode(tag, json.loads(data))
            except ValueError as error:
                why = str(error) if isinstance(error, DecodeError) else "it is not a record"
                raise damaged("journal", self.seq, why) from error
            self._event, self._stored = event, ("", b"")
        return event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and (self.seq, self.hash) == (other.seq, other.hash)

    def __hash__(self) -> int:
        return hash((self.seq, self.hash))

    def __repr__(self) -> str:
        return f"Record({self.seq}, {self.at!r}, {self.event!r}, {self.hash[:12]!r})"


def now() -> str:
    """Return the present time as the journal writes it: UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(
    data: bytes, *, start: int = 0, head: str = GENESIS, where: str = "journal"
) -> tuple[list[Record], str]:
    """Read whole lines and follow the chain; return the records and the new head.

    Raises :class:`JournalDamaged` with the number of the first line that does not fit.
    """
    records: list[Record] = []
    match, sha256, tags, tail = _LINE.fullmatch, hashlib.sha256, _TAGS, -_TAIL
    number, before = start, head.encode()
    for line in data.split(b"\n")[:-1]:
        number += 1
        found = match(line)
        if found is None:
            raise damaged(where, number, "it is not a record")
        at, fields, prev, rest, seq, tag, claimed = found.groups()
        # The hash is taken of the bytes as they lie there: not one may differ.
        digest = sha256(line[:tail] + b"}").hexdigest()
        if prev != before or int(seq) != number or digest.encode() != claimed:
            raise damaged(where, number, "the chain does not hold")
        if tag not in tags:
            raise damaged(
                where, number,
                f"unknown event {tag.decode()!r}; it was written by another version of clubos",
            )  # fmt: skip
        when, more = at.decode("ascii", "replace"), int(rest) if rest else 0
        records.append(Record(cast("Seq", number), when, None, digest, more, (tags[tag], fields)))
        before = claimed
    return records, before.decode()


def seal(number: int, at: str, event: Event, prev: str, rest: int = 0) -> tuple[bytes, Record]:
    """Return the line of an event and its record; ``prev`` is the hash of the line before."""
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
