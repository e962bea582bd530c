"""What a trace says about durability: what must come before what, and how many flushes it took."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from faults.calls import SYNCING, Call
from faults.tracer import Ran, program_name

Match = Callable[[Call], bool]


def syncs(calls: Iterable[Call]) -> int:
    """Return how many calls make something durable."""
    return sum(call.name in SYNCING for call in calls)


def syncs_by_place(calls: Iterable[Call], *roots: str) -> Counter[str]:
    """Return the same by what they are for: the folder's path without ids, and who asks."""
    places: Counter[str] = Counter()
    for call in calls:
        if call.name in SYNCING:
            path = call.paths[0] if call.paths else ""
            for root in roots:
                path = path.removeprefix(root)
            words = [word for word in path.split("/")[:-1] if not any(map(str.isdigit, word))]
            places[f"{call.program} {call.name} {'/'.join(words) or '/'}"] += 1
    return places


def git_processes(ran: Ran) -> Counter[str]:
    """Return how often git was started, by verb."""
    return Counter(
        program_name(words) for words in ran.programs if os.path.basename(words[0]) == "git"
    )


@dataclass(frozen=True)
class Mark:
    """A step that a trace must hold, in its place among the others."""

    name: str
    match: Match
    last: bool = False  # where there are several, the last one counts and not the first


def _says(state: str) -> Match:
    word = f'"state":"{state}"'.encode()
    return lambda call: call.name == "write" and word in call.data and _in(call, "transactions")


def _in(call: Call, folder: str) -> bool:
    return any(os.path.basename(os.path.dirname(path)) == folder for path in call.paths)


def _synced(folder: str) -> Match:
    return lambda call: call.name in SYNCING and _in(call, folder)


def merge_order(root: str, state: str) -> tuple[Mark, ...]:
    """Return the steps of a transaction on a checkout, in the only safe order (P3, P5)."""
    git_dir = f"{root}/.git"
    staging = f"{git_dir}/clubos/"
    index = f"{git_dir}/index"

    def staged(call: Call) -> bool:
        return call.name == "syncfs" and call.paths[0].startswith(staging)

    def exchanged(call: Call) -> bool:
        return call.name == "renameat2" and any(
            path.startswith(f"{root}/") and not path.startswith(f"{git_dir}/")
            for path in call.paths
        )

    return (
        Mark("the backups are synced", _synced("backups"), last=True),
        Mark("the staged files are synced", staged),
        Mark("prepared is written", _says("prepared")),
        Mark("prepared is synced", _after(_says("prepared"), _synced("transactions"))),
        Mark("the ref moves", lambda call: call.name == "rename"
             and call.paths[1].startswith(f"{git_dir}/refs/heads/")),
        Mark("committed is written", _says("committed")),
        Mark("the first file moves", exchanged),
        Mark("the last file moves", exchanged, last=True),
        Mark("the next index is synced", lambda call: call.name in SYNCING
             and call.paths[0].startswith(staging) and call.paths[0].endswith("/index")),
        Mark("the index is replaced", lambda call: call.name == "rename"
             and call.paths[1] == index),
        Mark("all of it is synced", lambda call: call.name == "syncfs", last=True),
        Mark("done is written", _says("done")),
        Mark("done is synced", _after(_says("done"), _synced("transactions"))),
        Mark("the journal is told", lambda call: call.name == "write"
             and call.paths[0].startswith(state) and b'"type":"merged"' in call.data),
    )  # fmt: skip


def _after(first: Match, then: Match) -> Match:
    """Return what matches ``then`` once ``first`` has matched."""
    seen: list[bool] = []

    def match(call: Call) -> bool:
        if first(call):
            seen.append(True)
        return bool(seen) and then(call)

    return match


def order_faults(calls: Iterable[Call], marks: tuple[Mark, ...]) -> list[str]:
    """Return which steps are missing from the trace, and which come too early."""
    made = [call for call in calls if call.result >= 0]
    wrong, before = [], ("the beginning", -1)
    for mark in marks:
        found = [at for at, call in enumerate(made) if mark.match(call)]
        if not found:
            wrong.append(f"{mark.name}: never")
            continue
        at = found[-1 if mark.last else 0]
        if at <= before[1]:
            wrong.append(f"{mark.name}: not after {before[0]}")
        before = (mark.name, at)
    return wrong
