"""Hold what a journal says against the commits of a clone.

A commit of the run that a ref reaches carries its run's trailers, so git is asked for those and
not the journal: what was cut off its end would not name them. Each anchor (``Audit-Head``)
must agree, and each commit that the journal names must be what the events before it promise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clubos_tui.engine.audit.chain import Chain
from clubos_tui.engine.audit.told import Named, Told
from clubos_tui.repository.history import Commit, History

_ANCHOR = re.compile(r"(\d{1,15}):([0-9a-f]{64})")


@dataclass(slots=True)
class Held:
    """What the clone says to a journal."""

    anchors: list[tuple[str, int]] = field(default_factory=list)  # those that agree
    broken: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    agree: int = 0  # commits that are what the journal says


def hold(chain: Chain, told: Told, run: str, history: History) -> Held:
    """Compare the journal of ``run`` with the commits that carry its trailers."""
    held = Held()
    if not run:
        return held
    reached = {
        name: commit
        for name, commit in history.mentioning(f"ClubOS-Run: {run}").items()
        if run in commit.values("ClubOS-Run")
    }
    for commit in reached.values():
        _anchors(commit, chain, held)
    held.anchors.sort(key=lambda anchor: (anchor[1], anchor[0]))
    named: dict[str, Named] = {item.commit: item for item in told.named}
    stored = history.read(name for name in named if name not in reached)
    for item in told.named:
        if item.commit not in reached:
            _not_reached(item, stored.get(item.commit), reached, named, history, held)
            continue
        wrong = list(_wrong(item, reached[item.commit], reached, history))
        held.broken += wrong
        held.agree += not wrong
    if not chain.damage:  # else nobody can tell what the rest of it names
        _unnamed(reached, named, held)
    base = told.view.started.base_commit if told.view else ""
    if base and not history.read([base]):
        held.missing.append(
            f"the commit {base[:12]} that the run started from is not in this clone"
            + (", which is shallow" if history.shallow else "")
        )
    return held


def _anchors(commit: Commit, chain: Chain, held: Held) -> None:
    short = commit.id[:12]
    for value in commit.values("Audit-Head"):
        found = _ANCHOR.fullmatch(value)
        if found is None or not int(found[1]):
            held.broken.append(f"commit {short} has an anchor that can't be read: {value}")
            continue
        number = int(found[1])
        if number <= len(chain.records):
            if chain.records[number - 1].hash == found[2]:
                held.anchors.append((commit.id, number))
            else:
                held.broken.append(f"event {number} is not the one that commit {short} vouches for")
        elif not chain.damage:
            held.broken.append(
                f"commit {short} vouches for {number} events; {len(chain.records)} are left"
            )


def _wrong(
    item: Named, commit: Commit, reached: Mapping[str, Commit], history: History
) -> Iterator[str]:
    """Yield in what a commit is not what the journal says of it."""
    what = f"commit {item.commit[:12]} ({item.what}, event {item.seq})"
    claimed = commit.values("ClubOS-Change-Set")
    if (commit.tree,) != ((item.tree,) if item.tree else claimed):
        wanted = item.tree or ", ".join(claimed) or "none"
        yield f"{what} holds the tree {commit.tree[:12]}, not {wanted[:12]}"
    if item.parents and commit.parents != item.parents:
        yield f"{what} stands on {_names(commit.parents)}, not on {_names(item.parents)}"
    if not item.parents and len(commit.parents) != 1:
        yield f"{what} stands on {_names(commit.parents)}, not on one commit"
    for key, value in item.trailers:
        if " ".join(value.split()) not in commit.values(key):
            said = "; ".join(commit.values(key)) or "nothing"
            yield f"{what} says {said} in its trailer {key}, and the journal says {value}"
    anchors = [_ANCHOR.fullmatch(value) for value in commit.values("Audit-Head")]
    if not any(found and item.vouches_from <= int(found[1]) < item.seq for found in anchors):
        yield f"{what} has no anchor of an event from {item.vouches_from} to {item.seq - 1}"
    if (
        item.above in reached
        and not history.shallow
        and not history.is_ancestor(item.above, item.commit)
    ):
        yield f"{what} does not stand on {item.above[:12]}, which it takes back"


def _not_reached(
    item: Named,
    stored: Commit | None,
    reached: Mapping[str, Commit],
    named: Mapping[str, Named],
    history: History,
    held: Held,
) -> None:
    """Say of a named commit that no ref reaches it: gone, replaced, or not of this run."""
    what = f"commit {item.commit[:12]} ({item.what}, event {item.seq})"
    if stored is not None and not set(item.trailers) & set(stored.trailers):
        held.broken.append(f"{what} is not a commit of this run")
        return
    for other in reached.values():
        if other.id not in named and _same_place(item, other):
            held.broken.append(f"commit {other.id[:12]} stands in the place of {what}")
            return
    for ref, tip in history.tips(item.branch).items() if item.branch else ():
        held.broken.append(f"{ref} is at {tip[:12]}, which does not hold {what}")
        return
    where = "is in the store, but no branch or tag holds it" if stored else "is not in this clone"
    held.missing.append(f"{what} {where}{', which is shallow' if history.shallow else ''}")


def _same_place(item: Named, commit: Commit) -> bool:
    """Tell whether a commit claims to be what another is by name."""
    transactions = [value for key, value in item.trailers if key == "ClubOS-Transaction"]
    if transactions:
        return set(transactions) <= set(commit.values("ClubOS-Transaction"))
    return bool(commit.values("Merged-by"))


def _unnamed(reached: Mapping[str, Commit], named: Mapping[str, Named], held: Held) -> None:
    """Say which commits carry the run's trailers without being in its journal."""
    for commit in reached.values():
        if commit.id not in named and not any(commit.id[:12] in line for line in held.broken):
            held.notes.append(
                f"commit {commit.id[:12]} carries trailers of this run, but the journal does not "
                "name it: a copy, or made just before a crash; nothing vouches for what it holds"
            )


def _names(ids: tuple[str, ...]) -> str:
    return ", ".join(item[:12] for item in ids) or "nothing"
