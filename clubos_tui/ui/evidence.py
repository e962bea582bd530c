"""All the evidence of one check, what is new of it, and which lines of the change set it names.

Pure. :mod:`~clubos_tui.ui.checking` has the rows that lead here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from clubos_tui import events as e
from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.state import RunView
from clubos_tui.plan import CheckSpec
from clubos_tui.ui.checking import OUTCOMES, UNDO, notes, place_of, rehearsal
from clubos_tui.ui.underway import Underway
from clubos_tui.ui.values import Line, Tone, count

__all__ = ["Spot", "evidence", "judges", "judging", "spots"]

_SPOT = re.compile(r"^(?P<path>[^:\s][^:]*):(?P<line>[1-9]\d{0,6})(?=[:\s]|$)")
_MARK = "$ "  # before the command, in what a command gives


class Spot(NamedTuple):
    """A line of a changed file that evidence names."""

    path: str
    line: int
    text: str
    """What is said of it."""


def _known(
    view: RunView, number: int, name: str
) -> tuple[CheckSpec | None, e.CheckFinished | None]:
    scope, tree = place_of(view, number)
    spec = next((spec for spec in specs_of(view.plan, number, scope) if spec.name == name), None)
    return spec, view.checks.get((scope, tree), {}).get(name)


def evidence(
    view: RunView, number: int, name: str, underway: Underway | None = None
) -> list[Line]:  # fmt: skip
    """Return all that is known of a check, and what is new of it since the last time."""
    if name == UNDO:
        return _undo(view, number)
    spec, check = _known(view, number, name)
    now = _now(name, underway)
    if check is None:
        kind = spec.kind if spec else "unknown"
        said = f"A check of kind {kind}; nothing is recorded of it on this tree yet."
        return [*now, ("info", said), *(_command(spec, None) if spec else ())]
    out: list[Line] = [
        *now,
        (OUTCOMES[check.outcome], f"{check.outcome}: {check.summary}"),
        *notes(view, number, spec, check),
        (None, "How"),
        ("quiet", f"tool          {check.tool or 'this program'}"),
        *_command(spec, check),
        ("quiet", f"cases         {check.cases:,}{_at_base(check)}"),
        ("quiet", f"seconds       {check.milliseconds / 1000:.2f}"),
        ("quiet", f"tree          {check.tree} ({check.scope})"),
        ("quiet", f"the gate      {'needs it' if check.required else 'does not wait for it'}"),
    ]
    if check.inputs_sha256:
        out.append(("quiet", f"depends on    {check.inputs_sha256} (SHA-256 of all of it)"))
    out.append((None, "Evidence"))
    out += [("info", line) for line in _shown(check)] or [("quiet", "nothing beside the counts")]
    if check.from_base:
        out.append((None, "Judged as in the base, until this phase's own are allowed"))
        out += [("warn", path) for path in check.from_base]
    return [*out, *_difference(view.earlier.get((check.phase, check.scope, name)), check)]


def _now(name: str, underway: Underway | None) -> list[Line]:
    live = underway.live.get(name) if underway else None
    if live is None:
        return []
    if live.outcome:
        return [("busy", f"ended: {live.outcome}: {live.said}; not recorded yet")]
    return [("busy", f"running now: {live.said or 'nothing was said yet'}")]


def _command(spec: CheckSpec | None, check: e.CheckFinished | None) -> list[Line]:
    """Return the exact command: as it was run, or as the plan has it."""
    if spec is None or spec.kind != "command":
        return []
    ran = _ran(check.evidence) if check else ""
    return [("quiet", f"command       {ran.removeprefix(_MARK) or spec.command or spec.preset}")]


def _ran(lines: Sequence[str]) -> str:
    """Return the line that names the command; where it was tried again, it is the second."""
    return next((line for line in lines[:2] if line.startswith(_MARK)), "")


def _shown(check: e.CheckFinished) -> list[str]:
    ran = _ran(check.evidence)
    return [line for line in check.evidence if line != ran]


def _at_base(check: e.CheckFinished) -> str:
    return f" (the base has {check.at_base:,})" if check.at_base >= 0 else ""


def _undo(view: RunView, number: int) -> list[Line]:
    rehearsed = view.phase(number).rehearsed
    if rehearsed is None:
        return [("quiet", "the rollback was not rehearsed yet")]
    tone: Tone = "good" if rehearsed.identical else "bad"
    return [
        (tone, rehearsal(rehearsed)),
        ("quiet", f"touched       {count(rehearsed.files, 'file')}"),
        ("quiet", f"seconds       {rehearsed.milliseconds / 1000:.2f}"),
        ("quiet", "It was applied and rolled back in a scratch folder. Compared are"),
        ("quiet", "every byte, mode and link of the touched paths and of what lies"),
        ("quiet", "beside them; of what is not tracked, stand-ins under the same names."),
    ]


def _difference(before: e.CheckFinished | None, check: e.CheckFinished) -> list[Line]:
    """Return what is new since the last time, and what is gone."""
    heading: Line = (None, "Since the last time")
    if before is None:
        return [heading, ("quiet", "this was the first time")]
    out: list[Line] = []
    if before.outcome != check.outcome:
        better = check.outcome == "passed"
        out.append(("good" if better else "bad", f"{before.outcome} → {check.outcome}"))
    if before.cases != check.cases:
        out.append(("info", f"{before.cases:,} → {check.cases:,} cases"))
    if before.summary != check.summary:
        out.append(("quiet", f"it said: {before.summary}"))
    out += [("good", f"- {line}") for line in before.evidence if line not in check.evidence]
    out += [("bad", f"+ {line}") for line in check.evidence if line not in before.evidence]
    return [heading, *out] if out else [heading, ("quiet", "nothing is different")]


# --- lines of the change set --------------------------------------------------------------------


def spots(view: RunView, number: int, name: str) -> tuple[Spot, ...]:
    """Return the lines of changed files that the evidence of a check names, each once."""
    _, check = _known(view, number, name)
    if check is None:
        return ()
    found: dict[tuple[str, int], Spot] = {}
    for spot in _spots(check.evidence):
        if view.phase(number).row(spot.path) is not None:
            found.setdefault((spot.path, spot.line), spot)
    return tuple(found.values())


def _spots(lines: Sequence[str]) -> Iterator[Spot]:
    for text in lines:
        if match := _SPOT.match(text.strip()):
            yield Spot(match["path"].removeprefix("./"), int(match["line"]), text.strip())


# --- what judges a phase ------------------------------------------------------------------------


def judges(view: RunView, number: int) -> e.CheckFinished | None:
    """Return the tamper guard's evidence where it keeps the gate of a proposal shut."""
    closed = view.closed_checks("proposal", view.phase(number).change_set)
    return next((check for check in closed if check.check == TAMPER), None)


def judging(found: e.CheckFinished) -> list[Line]:
    """Return what a phase changes of what judges it, before a person lets it."""
    return [
        ("bad", "This phase changes what judges it:"),
        *(("bad", line) for line in found.evidence),
        (None, "What your yes does"),
        ("quiet", "Now its checks run with what the base has of these paths."),
        ("quiet", "With your yes they run once more, with the phase's own."),
        ("quiet", "It is a yes to just these paths: the phase is approved apart."),
        ("quiet", "Your name and reason are recorded."),
    ]
