"""``gc``: keep the state folder within a budget; shows what would go before anything does."""

from __future__ import annotations

import re
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence

from clubos_tui.cli.endings import require_yes
from clubos_tui.cli.opened import session_of, store_of, who_of
from clubos_tui.cli.output import ask, emit, flag, say
from clubos_tui.codec import Json
from clubos_tui.engine.housekeeping import Plan, Row
from clubos_tui.engine.letting_go import let_go, plan
from clubos_tui.errors import NeedsPerson, UsageError, exit_code

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def gc(options: Namespace) -> int:
    """Let go what may go, down to the budget."""
    budget = _bytes(options.budget)
    yes = flag(options, "yes", "AUTO_APPROVE", on="true")
    if store_of(options):
        raise UsageError(
            "gc is about what one machine keeps of a repository, not about shared runs",
            untouched="Nothing was touched.",
            cure="Leave --store and CLUBOS_STORE out.",
        )
    with session_of(options) as session:
        root = session.paths.root
        found = plan(session, budget)
        if not options.json:
            _show(root, found)
        if not found.go:
            if options.json:
                emit(_json(root, found, done=False))
            return 0
        if not yes and options.json:  # one document, and nobody to ask beside it
            emit(_json(root, found, done=False))
            return exit_code(NeedsPerson(""))
        if not yes:
            require_yes(ask("Let these go?"), "gc")
        try:
            done = let_go(session, found, by=who_of(options, session))
        except KeyboardInterrupt:
            say("What had gone before it is gone; all else is as it was.", to_error=True)
            raise
    if options.json:
        emit(_json(root, done, done=True))
    else:
        say(f"{_size(done.total - done.after)} were let go; {_size(done.after)} are left.")
        _say_over(done)
    return 0


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise UsageError(
            f"{text!r} is no size",
            untouched="Nothing was touched.",
            cure="Write it as 500M or 2G; 0 lets go all that may go.",
        )
    return int(float(found[1]) * (1 << _UNITS[found[2].upper()]))


def _size(count: int) -> str:
    """Return bytes as people read them: ``1.2 GiB``."""
    value, unit = float(count), "bytes"
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:,.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"


# --- plain --------------------------------------------------------------------------------------


def _show(root: str, found: Plan) -> None:
    say(f"{root}: {_size(found.total)}, budget {_size(found.budget)}")
    if found.go:
        say(f"would go: {_size(found.total - found.after)}")
        for why, rows in _grouped(found.go):
            say(f"  {why}:")
            for row in rows:
                say(f"    {_size(row.thing.bytes):>10}  {row.thing.name}")
    say(f"stays: {_size(found.after)}")
    for why, rows in sorted(_grouped(found.keep), key=lambda group: -_sum(group[1])):
        say(f"  {why}:")
        say(f"    {_size(_sum(rows)):>10}  {_names(rows)}")
    if not found.go:
        say("There is nothing to let go.")
        _say_over(found)


def _grouped(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return rows by why, in their order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.why, []).append(row)
    return list(groups.items())


def _names(rows: Sequence[Row]) -> str:
    """Return what rows are about, in a line: one by its name, more by their kinds."""
    if len(rows) == 1:
        return rows[0].thing.name
    counted = Counter(row.thing.kind for row in rows)
    return ", ".join(f"{number} × {kind}" for kind, number in counted.items())


def _sum(rows: Sequence[Row]) -> int:
    return sum(row.thing.bytes for row in rows)


def _say_over(found: Plan) -> None:
    over = found.after - found.budget
    if over > 0:
        held = Counter[str]()
        for row in found.keep:
            held[row.thing.kind] += row.thing.bytes
        most = ", ".join(f"{kind} {_size(size)}" for kind, size in held.most_common(3))
        say(f"That is {_size(over)} over the budget; most of it is held by: {most}")


# --- JSON ---------------------------------------------------------------------------------------


def _json(root: str, found: Plan, *, done: bool) -> Json:
    return {
        "folder": root,
        "total": found.total,
        "budget": found.budget,
        "after": found.after,
        "over": max(0, found.after - found.budget),
        "done": done,
        "go": [_row(row) for row in found.go],
        "keep": [_row(row) for row in found.keep],
    }


def _row(row: Row) -> Json:
    thing = row.thing
    return {
        "kind": thing.kind,
        "path": thing.name,
        "run": thing.run or None,
        "bytes": thing.bytes,
        "why": row.why,
    }
