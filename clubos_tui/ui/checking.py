"""What the checks pane shows of a phase, and what keeps a gate shut. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clubos_tui import events as e
from clubos_tui.changes.manifest import TreeId
from clubos_tui.checks import BOXED
from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.state import ON_STAGE, RunView, Status
from clubos_tui.plan import CheckSpec, Plan
from clubos_tui.ui.underway import Live, Underway
from clubos_tui.ui.values import CheckRow, ChecksValues, Problem, Tone, count

__all__ = ["OUTCOMES", "UNDO", "notes", "place_of", "rehearsal", "shut", "tally", "values"]

UNDO = "undo"
"""The name of the row that tells of the rehearsal."""
OUTCOMES: dict[str, Tone] = {
    "passed": "good", "failed": "bad", "unknown": "bad", "not run": "warn"
}  # fmt: skip
Fact = tuple[Tone, str]

_S = Status
_WHEN = {
    _S.PROPOSING: "They are carried out as soon as the agent has finished.",
    _S.HELD: "They are carried out as soon as the agent has finished.",
    _S.EMPTY: "The agent changed nothing, so there is nothing to check.",
    _S.PROPOSED: "They did not end: d has the phase proposed again.",
    _S.EXECUTED: "They did not end: X carries the checkpoint out again.",
}
_DRY_RUN = "d makes a dry run, and carries them out."


def place_of(view: RunView, number: int) -> tuple[e.Scope, TreeId]:
    """Return which tree a phase is judged by now: the merged one, the stage's, or the proposal."""
    phase, prepared = view.phase(number), view.merge.prepared
    if view.merge_waits and prepared:
        return "merge", prepared.tree
    staged = phase.state in ON_STAGE and ("stage", phase.change_set) in view.checks
    return ("stage" if staged else "proposal"), phase.change_set


def values(
    view: RunView | None, plan: Plan | None, number: int, underway: Underway | None, now: float
) -> ChecksValues:
    """Return the checks of a phase: what they came to, are at, or will be.

    Args:
        view: The run's state; ``None`` before there is a run.
        plan: The plan that a run would begin with.
        number: The phase, from 1.
        underway: The checks that are carried out now, of whatever phase.
        now: The time, in seconds.
    """
    if view is None:
        specs = specs_of(plan, number, "proposal") if plan else []
        return _planned(specs, _DRY_RUN)
    underway = _of(view, number, underway)
    if underway is not None:
        return _carried_out(view, underway, now)
    scope, tree = place_of(view, number)
    found = view.checks.get((scope, tree), {})
    specs = specs_of(view.plan, number, scope)
    if not found:
        status = view.status(number)
        about = "They are about to be carried out."
        return _planned(specs, about if view.queue and status is _S.PROPOSED else _WHEN.get(
            status, _DRY_RUN))  # fmt: skip
    by = {spec.name: spec for spec in specs}
    rows = [_row(view, number, by.get(name), check) for name, check in found.items()]
    rows += _undo_row(view, number, scope)
    return ChecksValues(tuple(rows), _headline(view, number, scope, tree))


def _of(view: RunView, number: int, underway: Underway | None) -> Underway | None:
    """Return the checks under way where they are of this phase, or of the tree of all of them."""
    request = view.queue[0] if view.queue else None
    if underway is None and isinstance(request, e.ChecksRequested):
        underway = Underway(request.phase, request.scope, request.tree, "")
    if underway is None or (underway.scope != "merge" and underway.phase != number):
        return None
    return underway


def _headline(view: RunView, number: int, scope: e.Scope, tree: TreeId) -> str:
    gate = {True: "gate open", False: "gate shut", None: "gate not decided"}
    said = gate[view.gate_open(scope, tree)]
    rehearsed = view.phase(number).rehearsed
    if scope == "proposal" and rehearsed and not rehearsed.identical:
        said += ", undo not proven"
    if scope != "merge" and view.status(number) is _S.STALE:
        said += ", but stale"
    return f"{said} · {scope} {tree[:10]} · {tally(view.checks.get((scope, tree), {}))}"


def tally(found: dict[str, e.CheckFinished]) -> str:
    """Return "1 failed, 2 passed"."""
    numbers: dict[str, int] = {}
    for check in found.values():
        numbers[check.outcome] = numbers.get(check.outcome, 0) + 1
    words = ("failed", "unknown", "passed", "not run")
    return ", ".join(f"{numbers[word]} {word}" for word in words if word in numbers)


def _planned(specs: Sequence[CheckSpec], when: str) -> ChecksValues:
    if not specs:
        return ChecksValues((), "none", "The plan has no check for this phase, so no gate opens.")
    rows = [
        CheckRow(spec.name, "quiet", "planned", f"a check of kind {spec.kind}", (_need(spec),))
        for spec in specs
    ]
    undo = "applied and rolled back in a scratch folder, and compared"
    rows += [CheckRow(UNDO, "quiet", "planned", undo, (("quiet", "required"),))]
    return ChecksValues((*rows, CheckRow("", "info", "", when)), f"{len(specs)} planned")


def _need(spec: CheckSpec) -> Fact:
    return "quiet", "if available" if spec.if_available else "required"


# --- under way ----------------------------------------------------------------------------------


def _carried_out(view: RunView, underway: Underway, now: float) -> ChecksValues:
    specs = specs_of(view.plan, underway.phase, underway.scope)
    request = view.queue[0] if view.queue else None
    asked = request.checks if isinstance(request, e.ChecksRequested) else ()
    rows = [_one(view, underway, spec, asked, now) for spec in specs]
    wanted = len(asked or specs)
    ended = sum(bool(live.outcome) for live in underway.live.values())
    title = f"{ended} of {wanted} ended · {underway.scope} {underway.tree[:10]}"
    return ChecksValues(tuple(rows), title)


def _one(
    view: RunView, underway: Underway, spec: CheckSpec, asked: Sequence[str], now: float
) -> CheckRow:
    name = spec.name
    if live := underway.live.get(name):
        return _live(spec, live, now)
    known = view.checks.get((underway.scope, underway.tree), {}).get(name)
    if known is not None and asked and name not in asked:
        return _row(view, underway.phase, spec, known)
    if spec.kind in BOXED and underway.announced and name not in underway.announced:
        words = "nothing it depends on has changed; recorded with the others"
        return CheckRow(name, "quiet", "reused", words, (_need(spec),))
    return CheckRow(name, "quiet", "waiting", "", (_need(spec),))


def _live(spec: CheckSpec, live: Live, now: float) -> CheckRow:
    need = _need(spec)
    if live.outcome:
        took: Fact = ("quiet", f"{live.milliseconds / 1000:.1f} s")
        later: Fact = ("busy", "not recorded yet")
        tone = OUTCOMES.get(live.outcome, "bad")
        return CheckRow(spec.name, tone, live.outcome, live.said, (later, need, took))
    since: Fact = ("busy", f"{max(0.0, now - live.began):.0f} s so far")
    return CheckRow(spec.name, "busy", "running", live.said, (since, need))


# --- recorded -----------------------------------------------------------------------------------


def _row(view: RunView, number: int, spec: CheckSpec | None, check: e.CheckFinished) -> CheckRow:
    over = view.overridden.get((check.scope, check.tree, check.check))
    tone: Tone = "warn" if over else OUTCOMES[check.outcome]
    facts = tuple(_facts(view, number, spec, check))
    return CheckRow(check.check, tone, check.outcome, check.summary, facts)


def _facts(
    view: RunView, number: int, spec: CheckSpec | None, check: e.CheckFinished
) -> Iterator[Fact]:
    """Yield the badges of a check; `notes` has each of them as a sentence."""
    if over := view.overridden.get((check.scope, check.tree, check.check)):
        yield "warn", f"overridden by {over.by}: {over.reason}"
    if _unproven(view, number, spec, check):
        yield "warn", "unproven"
    if check.from_base:
        yield "warn", "judged with the base's tests"
    yield "quiet", "required" if check.required else "if available"
    if check.cases and str(check.cases) not in re.findall(r"\d+", check.summary):
        yield "quiet", count(check.cases, "case")
    if check.at_base >= 0:
        yield "quiet", f"at base {count(check.at_base, 'case')}"
    if check.reused:
        yield "quiet", "reused"
    yield "quiet", f"{check.milliseconds / 1000:.1f} s"
    if check.tool:
        yield "quiet", check.tool


def _unproven(
    view: RunView, number: int, spec: CheckSpec | None, check: e.CheckFinished
) -> bool:  # fmt: skip
    return spec is not None and check.scope != "merge" and not view.is_proved(number, spec)


def notes(
    view: RunView, number: int, spec: CheckSpec | None, check: e.CheckFinished
) -> Iterator[Fact]:
    """Yield what a person should know of a check beside what it came to."""
    if over := view.overridden.get((check.scope, check.tree, check.check)):
        yield "warn", f"overridden by {over.by}: {over.reason}"
    if _unproven(view, number, spec, check):
        yield "warn", "unproven: it was not seen to fail on a seeded fault in this version"
    if check.from_base:
        paths = count(len(check.from_base), "path")
        yield "warn", f"judged with the base's tests: it found {paths} as in the base"
    if not check.required:
        yield "warn", "if available: where it can't be carried out, no gate waits for it"
    elif spec is not None and spec.if_available:
        yield "warn", "if available, but carried out and failed: the gate waits for it"
    if check.reused:
        yield "quiet", "reused: nothing that it depends on has changed since it was carried out"
    if check.at_base >= 0:
        yield "quiet", f"at base {count(check.at_base, 'case')}: fewer would be a failure"


def rehearsal(rehearsed: e.Rehearsed) -> str:
    """Return in words what applying and rolling back in a scratch folder came to."""
    if not rehearsed.identical:
        return f"undo not proven: {rehearsed.detail}"
    return f"undo proven: {count(rehearsed.paths or rehearsed.files, 'path')} identical"


def _undo_row(view: RunView, number: int, scope: e.Scope) -> list[CheckRow]:
    phase = view.phase(number)
    rehearsed = phase.rehearsed
    if scope != "proposal" or rehearsed is None or rehearsed.change_set != phase.change_set:
        return []
    facts: tuple[Fact, ...] = (
        ("quiet", "required"),
        ("quiet", f"{rehearsed.milliseconds / 1000:.1f} s"),
    )
    tone: Tone = "good" if rehearsed.identical else "bad"
    word = "passed" if rehearsed.identical else "failed"
    return [CheckRow(UNDO, tone, word, rehearsal(rehearsed), facts)]


# --- a gate that is shut ------------------------------------------------------------------------


def shut(closed: Sequence[e.CheckFinished], what: str, back: str) -> Problem:
    """Return what keeps a gate shut, and what a person can do.

    Args:
        closed: The checks that do.
        what: Which gate, as the beginning of a sentence.
        back: The other way, as the end of one.
    """
    guard = [check for check in closed if check.check == TAMPER]
    others = [f"{c.check}: {c.outcome}: {c.summary}" for c in closed if c.check != TAMPER]
    said = [f"{what}. " + "; ".join(others)] if others else []
    cure = f"The checks (5) have the evidence. Press o to override with a reason, {back}"
    if guard:
        rows = guard[0].evidence
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        said.insert(0, f"This phase changes what judges it: {'; '.join(rows[:3])}{more}")
        cure = f"Press o to look at just that, and to allow it or not, {back}"
    return Problem("\n".join(said), "Your checkout was not touched.", cure)
