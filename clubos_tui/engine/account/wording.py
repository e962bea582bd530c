"""Parts of sentences that several parts of an account need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clubos_tui import events as e
from clubos_tui.changes.decisions import Decision
from clubos_tui.changes.manifest import Change, counts
from clubos_tui.engine.account.blocks import Block, Rows, Words
from clubos_tui.spending import Spent, amount, dollars

SHORT = 12  # characters of an id in a table; the whole id stands where it is bound


def short(oid: str) -> str:
    """Return as much of an id as a table has room for."""
    return oid[:SHORT] or "none"


def many(number: int, what: str) -> str:
    """Return a number with its noun: "1 file", "1,200 files"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def seconds(milliseconds: int) -> str:
    """Return how long something took, in seconds."""
    return f"{milliseconds / 1000:,.2f}"


def left_alone(left: Sequence[e.Left]) -> str:
    """Say which paths an operation left alone, and why; empty for none."""
    if not left:
        return ""
    return f" Left alone: {', '.join(f'{item.path} ({item.reason})' for item in left)}."


def branch(ref: str) -> str:
    """Return the short name of a branch."""
    return ref.removeprefix("refs/heads/") or "a detached HEAD"


def spent(used: Spent) -> tuple[str, str, str, str]:
    """Return requests, tokens, cost and time, as a table has them."""
    cost = dollars(used.cost) if used.turns else "nothing"
    return f"{used.turns:,}", f"{used.tokens:,}", cost, seconds(used.milliseconds)


def limit(event: e.BudgetRaised) -> str:
    """Return the limit that was set, in words."""
    if not event.most:
        return f"no limit of {event.unit}"
    scale = {"cents": 1_000_000, "minutes": 60_000}.get(event.unit, 1)
    return f"at most {amount(event.unit, event.most * scale)}"


def part(decision: Decision) -> str:
    """Return what of its file a decision is about."""
    if not decision.hunk:
        return "the file"
    if not decision.first:
        return f"hunk {decision.hunk[:8]}"
    return f"hunk {decision.hunk[:8]}, rows {decision.first} to {decision.last}"


def manifest(rows: Sequence[Change], change_set: str) -> Iterator[Block]:
    """Yield a change set by its id and its files as a table."""
    yield Words(f"Change set {change_set}: {counts(rows)}.")
    yield Rows(
        ("change", "path", "before", "action"),
        tuple((row.kind, row.path, row.old_path, row.action) for row in rows),
    )


def differences(before: Sequence[Change], after: Sequence[Change]) -> Block | None:
    """Return as a table in what a manifest differs from the one that it takes the place of."""
    old, new = ({row.path: row for row in rows} for rows in (before, after))
    rows = []
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path), new.get(path)
        if was is None and now is not None:
            rows.append((path, "came in", "", short(now.new_blob)))
        elif now is None and was is not None:
            rows.append((path, "left out", short(was.new_blob), ""))
        elif was and now and was.after != now.after:
            rows.append((path, "changed", short(was.new_blob), short(now.new_blob)))
    head = ("path", "what became of it", "proposed blob", "blob now")
    return Rows(head, tuple(rows)) if rows else None
