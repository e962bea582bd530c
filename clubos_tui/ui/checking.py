"""What the checks pane shows of a phase, and all the evidence of one check. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clubos_tui import events as e
from clubos_tui.changes.manifest import TreeId
from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.state import ON_STAGE, RunView
from clubos_tui.plan import CheckSpec, Plan
from clubos_tui.ui.values import CheckRow, ChecksValues, Line, Tone, count

__all__ = ["UNDO", "Underway", "evidence", "notes", "place_of", "tampering", "values"]

UNDO = "undo"
"""The name of the row that tells of the rehearsal."""
_TONES: dict[str, Tone] = {
    "passed": "good", "failed": "bad", "unknown": "bad", "not run": "warn"
}  # fmt: skip


@dataclass(slots=True)
class Underway:
    """A check that is carried out, as far as its stream tells."""

    began: float
    """A time of the wall clock, in seconds."""
    said: str = ""
    outcome: str = ""
    """Once it has ended; the journal has it only with all the others."""
    milliseconds: int = 0


def place_of(view: RunView, number: int) -> tuple[e.Scope, TreeId]:
    """Return which tree a phase is judged by now: the merged one, the stage's, or the proposal."""
    phase, prepared = view.phase(number), view.merge.prepared
    if view.merge_waits and prepared:
        return "merge", prepared.tree
    staged = phase.state in ON_STAGE and ("stage", phase.change_set) in view.checks
    return ("stage" if staged else "proposal"), phase.change_set


def values(
    view: RunView | None, plan: Plan | None, number: int, underway: dict[str, Underway], now: float
) -> ChecksValues:
    """Return the checks of a phase: what they came to, are at, or will be."""
    if view is None:
        specs = specs_of(plan, number, "proposal") if plan else []
        return _planned(specs, "before a run", "d makes a dry run, and carries them out")
    scope, tree = place_of(view, number)
    found = view.checks.get((scope, tree), {})
    specs = specs_of(view.plan, number, scope)
    if underway:
        rows = [_live(spec, underway.get(spec.name), now) for spec in specs]
        done = sum(bool(item.outcome) for item in underway.values())
        return ChecksValues(tuple(rows), f"{scope}: {done} of {len(specs)} ended")
    if not found:
        return _planned(specs, "not carried out yet", "d makes a dry run, and carries them out")
    by = {spec.name: spec for spec in specs}
    rows = [_row(view, number, by.get(name), check) for name, check in found.items()]
    rows += _rehearsal(view, number, scope)
    gate = {True: "gate open", False: "gate shut", None: "not decided"}
    return ChecksValues(tuple(rows), f"{scope} {tree[:10]}: {gate[view.gate_open(scope, tree)]}")


def _planned(specs: list[CheckSpec], title: str, cure: str) -> ChecksValues:
    if not specs:
        return ChecksValues((), title, "The plan has no check for this phase, so no gate opens.")
    rows = [
        CheckRow(spec.name, "quiet", "planned", f"a check of kind {spec.kind}") for spec in specs
    ]
    return ChecksValues((*rows, CheckRow("", "info", "", cure)), title)


def _live(spec: CheckSpec, live: Underway | None, now: float) -> CheckRow:
    if live is None:
        return CheckRow(spec.name, "quiet", "waiting", "")
    if live.outcome:
        took = f"{live.milliseconds / 1000:.1f} s, not recorded yet"
        return CheckRow(spec.name, _TONES[live.outcome], live.outcome, live.said, took)
    return CheckRow(spec.name, "busy", "running", live.said, f"{max(0.0, now - live.began):.0f} s")


def _row(view: RunView, number: int, spec: CheckSpec | None, check: e.CheckFinished) -> CheckRow:
    tone = _TONES[check.outcome]
    aside = [f"{check.milliseconds / 1000:.1f} s", check.tool]
    aside += [note.partition(":")[0] for note in notes(view, number, spec, check)]
    if _override_of(view, check):
        tone = "warn"
    return CheckRow(
        check.check, tone, check.outcome, check.summary, " · ".join(filter(None, aside))
    )


def _override_of(view: RunView, check: e.CheckFinished) -> e.Overridden | None:
    return view.overridden.get((check.scope, check.tree, check.check))


def notes(
    view: RunView, number: int, spec: CheckSpec | None, check: e.CheckFinished
) -> Iterator[str]:
    """Yield what a person should know of a check beside what it came to."""
    if over := _override_of(view, check):
        yield f"overridden: by {over.by}: {over.reason}"
    if spec is not None and check.scope != "merge" and not view.is_proved(number, spec):
        yield "unproven: it was not seen to fail on a seeded fault in this version"
    if not check.required and check.outcome == "not run":
        yield "no gate waits for it: the plan marks it as one that may be missing"
    if check.reused:
        yield "as before: nothing that it depends on has changed since it was carried out"
    if check.at_base >= 0:
        yield f"base has {count(check.at_base, 'case')}: fewer would be a failure"
    if check.from_base:
        yield f"by the base's rules: {', '.join(check.from_base)}"


def _rehearsal(view: RunView, number: int, scope: e.Scope) -> list[CheckRow]:
    phase = view.phase(number)
    rehearsed = phase.rehearsed
    if scope != "proposal" or rehearsed is None or rehearsed.change_set != phase.change_set:
        return []
    took = f"{rehearsed.milliseconds / 1000:.1f} s"
    if not rehearsed.identical:
        return [CheckRow(UNDO, "bad", "failed", f"undo is not proven: {rehearsed.detail}", took)]
    paths = count(rehearsed.paths or rehearsed.files, "path")
    return [CheckRow(UNDO, "good", "passed", f"undo proven: {paths} identical", took)]


# --- one check ----------------------------------------------------------------------------------


def evidence(view: RunView, number: int, name: str) -> list[Line]:
    """Return all that is known of a check, and what is new of it since the last time."""
    scope, tree = place_of(view, number)
    if name == UNDO:
        return _undo(view, number)
    check = view.checks.get((scope, tree), {}).get(name)
    spec = next((spec for spec in specs_of(view.plan, number, scope) if spec.name == name), None)
    if check is None:
        kind = spec.kind if spec else "unknown"
        return [("info", f"A check of kind {kind}; it was not carried out on this tree yet.")]
    out: list[Line] = [
        (_TONES[check.outcome], f"{check.outcome}: {check.summary}"),
        ("quiet", f"tool          {check.tool}"),
        ("quiet", f"cases         {check.cases:,}"),
        ("quiet", f"seconds       {check.milliseconds / 1000:.2f}"),
        ("quiet", f"of the        {check.scope}, tree {check.tree}"),
        ("quiet", f"the gate      {'needs it' if check.required else 'does not wait for it'}"),
    ]
    if check.inputs_sha256:
        out.append(("quiet", f"depends on    {check.inputs_sha256[:16]} (SHA-256)"))
    out += [("warn", note) for note in notes(view, number, spec, check)]
    out.append((None, "Evidence"))
    out += [("info", line) for line in check.evidence] or [("quiet", "nothing beside the counts")]
    return [*out, *_difference(view.earlier.get((check.phase, check.scope, name)), check)]


def _undo(view: RunView, number: int) -> list[Line]:
    rehearsed = view.phase(number).rehearsed
    if rehearsed is None:
        return [("bad", "the rollback was not rehearsed")]
    tone: Tone = "good" if rehearsed.identical else "bad"
    said = rehearsed.detail or f"{count(rehearsed.paths or rehearsed.files, 'path')} identical"
    return [
        (tone, f"applied and rolled back in a scratch folder: {said}"),
        ("quiet", f"touched       {count(rehearsed.files, 'file')}"),
        ("quiet", f"seconds       {rehearsed.milliseconds / 1000:.2f}"),
        ("quiet", "Compared are every byte, mode and link of the touched paths and of what lies"),
        ("quiet", "beside them; of what is not tracked, stand-ins under the same names."),
    ]


def _difference(before: e.CheckFinished | None, check: e.CheckFinished) -> list[Line]:
    """Return what is new since the last time, and what is gone."""
    heading: Line = (None, "Since the last time")
    if before is None:
        return [heading, ("quiet", "this was the first time")]
    out: list[Line] = [heading]
    if before.outcome != check.outcome:
        better = check.outcome == "passed"
        out.append(("good" if better else "bad", f"{before.outcome} -> {check.outcome}"))
    if before.cases != check.cases:
        out.append(("info", f"{before.cases:,} -> {check.cases:,} cases"))
    if before.summary != check.summary:
        out.append(("quiet", f"it said: {before.summary}"))
    out += [("good", f"- {line}") for line in before.evidence if line not in check.evidence]
    out += [("bad", f"+ {line}") for line in check.evidence if line not in before.evidence]
    return out if len(out) > 1 else [heading, ("quiet", "nothing is different")]


def tampering(view: RunView, number: int) -> list[Line]:
    """Return what a phase changes of what judges it, before a person lets it."""
    _, tree = place_of(view, number)
    check = view.checks.get(("proposal", tree), {}).get(TAMPER)
    rows: list[Line] = [("bad", line) for line in check.evidence] if check else []
    return [
        ("bad", "This phase changes what judges it:"),
        *rows,
        ("quiet", "They stand first in the list of files; look at each of them in the diff."),
        ("quiet", "Until you say yes, its checks are carried out with what the base has of them."),
        ("quiet", "With your yes they are carried out again with the phase's own. The phase is"),
        ("quiet", "approved apart from this. Your name and reason are recorded."),
    ]
