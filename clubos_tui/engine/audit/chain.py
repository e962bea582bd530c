"""A journal's bytes, sound or not: the records up to the first damage, and what stands there.

A journal that is written reads like this too, but stops at once; an auditor wants what is left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from clubos_tui.errors import JournalDamaged
from clubos_tui.journal import GENESIS, Record, parse


@dataclass(frozen=True, slots=True)
class Chain:
    """What a journal's bytes hold.

    ``damage`` names the first record that does not fit, and is empty for a sound chain. ``torn``
    counts the bytes of a last line without its end, ``half`` the records of a last append that is
    not all there: the traces of a crash, or of a cut.
    """

    records: Sequence[Record]
    head: str
    damage: str = ""
    torn: int = 0
    half: int = 0


def follow(data: bytes, where: str) -> Chain:
    """Follow the chain through a journal's bytes as far as it holds."""
    whole = data.rfind(b"\n") + 1
    tail = data[whole:]
    try:
        records, head = parse(data[:whole], where=where)
    except (JournalDamaged, RecursionError):
        return _up_to_the_damage(data[:whole], where)
    try:
        half = unfinished(records)
    except TypeError:  # a chain can be made of anything
        return Chain(records, head, f"{where}: record {len(records)}: it is not a record")
    if _hides_a_record(tail):
        number = len(records) + 1
        damage = f"{where}: record {number}: it ends in something that is no line end"
        return Chain(records, head, damage)
    if half:
        records = records[:-half]
        head = records[-1].hash if records else GENESIS
    return Chain(records, head, torn=len(tail), half=half)


def unfinished(records: Sequence[Record]) -> int:
    """Return how many of the last records belong to an append that did not come to its end."""
    count = 0
    while count < len(records) and records[-1 - count].rest > count:
        count += 1
    return count


def _up_to_the_damage(data: bytes, where: str) -> Chain:
    records: list[Record] = []
    head = GENESIS
    for line in data.split(b"\n")[:-1]:
        try:
            found, head = parse(line + b"\n", start=len(records), head=head, where=where)
        except JournalDamaged as error:
            return Chain(records, head, error.message)
        except RecursionError:
            damage = f"{where}: record {len(records) + 1}: it is not a record"
            return Chain(records, head, damage)
        records += found
    raise AssertionError("BUG: damage that no line has")


def _hides_a_record(tail: bytes) -> bool:
    """Tell whether a whole record stands before something that is no line end.

    No crash leaves that: it leaves the beginning of a line, or zeros in its place.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(tail.decode("latin-1"))
    except (ValueError, RecursionError):
        return False
    return end < len(tail)
