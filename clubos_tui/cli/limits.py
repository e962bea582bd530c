"""``clubos limit``: what a phase or the run may use of a model, and what it has used."""

from __future__ import annotations

from argparse import Namespace
from decimal import Decimal, InvalidOperation

from clubos_tui.cli.opened import phase_of, run_of, session_of, who_of
from clubos_tui.cli.output import emit, say
from clubos_tui.engine.run import Run
from clubos_tui.errors import UsageError
from clubos_tui.spending import UNITS, Spent, Unit, amount, dollars


def limit(options: Namespace) -> int:
    """Set the limits that were given; without any, say what there are."""
    wanted = _wanted(options)
    with session_of(options) as session:
        run = run_of(session)
        number = phase_of(run, options.phase)
        by = who_of(options, session)
        if wanted:
            run.set_limits("run" if options.run else "phase", number, wanted, by=by)
        _show(run, number, as_json=options.json)
    return 0


def _wanted(options: Namespace) -> dict[Unit, int]:
    found: dict[Unit, int] = {}
    if options.dollars is not None:
        try:
            cents = Decimal(options.dollars.lstrip("$")) * 100
            if cents != int(cents):
                raise UsageError(
                    f"{options.dollars} dollars are no whole cents",
                    untouched="No limit was changed.",
                )
            found["cents"] = int(cents)
        except (InvalidOperation, ValueError, OverflowError) as error:
            raise UsageError(
                f"{options.dollars!r} is no amount of dollars", untouched="No limit was changed."
            ) from error
    for unit in UNITS:
        if unit != "cents" and (most := getattr(options, unit)) is not None:
            found[unit] = most
    return found


def _show(run: Run, number: int, *, as_json: bool) -> None:
    view = run.view
    phase, limits = view.phase(number), view.limits(number)
    if as_json:
        emit(
            {
                "phase": number,
                "limits": [
                    {"scope": item.scope, "unit": item.unit, "most": item.most, "used": item.used}
                    for item in limits
                ],
                "used": {"phase": used_json(phase.spent), "run": used_json(view.spent)},
            }
        )
        return
    say(f"phase {number} used {used(phase.spent)}; the run {used(view.spent)}")
    for item in limits:
        known = "unknown" if item.used < 0 else amount(item.unit, item.used)
        say(f"  {item.scope:<6} at most {amount(item.unit, item.most)}; used {known}")
    if not limits:
        say(f"  no limit is set: clubos limit {number} --dollars 5")


def used(spent: Spent) -> str:
    """Return what was used in words."""
    turns = amount("turns", spent.turns)
    return f"{amount('tokens', spent.tokens)}, {dollars(spent.cost)}, {turns}"


def used_json(spent: Spent) -> dict[str, int | None]:
    """Return what was used as JSON; a cost that is not known is null."""
    return {
        "tokens": spent.tokens,
        "microcents": None if spent.unpriced else spent.microcents,
        "turns": spent.turns,
        "milliseconds": spent.milliseconds,
    }
