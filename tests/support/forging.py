"""What an adversary does to a journal: records changed, taken out, put in, and chained anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from clubos_tui.codec import canonical
from clubos_tui.events import Event, encode
from clubos_tui.journal import GENESIS

Record = dict[str, Any]


def records(data: bytes) -> list[Record]:
    """Return a journal's records as JSON objects."""
    return [json.loads(line) for line in data.splitlines()]


def chained(items: Iterable[Record]) -> bytes:
    """Return a journal of these records with numbers, links and hashes that fit."""
    out, head = [], GENESIS
    for number, item in enumerate(items, 1):
        fields = {key: value for key, value in item.items() if key != "hash"}
        body = canonical(fields | {"seq": number, "prev": head})
        head = hashlib.sha256(body).hexdigest()
        out.append(body[:-1] + b',"hash":"' + head.encode() + b'"}\n')
    return b"".join(out)


def record(event: Event, at: str = "2026-01-01T00:00:00.000Z") -> Record:
    """Return the record of an event, to be chained."""
    tag, data = encode(event)
    return {"at": at, "type": tag, "data": data}


def found(items: Sequence[Record], tag: str) -> list[int]:
    """Return where records of a type stand, from 0."""
    return [at for at, item in enumerate(items) if item["type"] == tag]
