"""What the dialogs say before a person decides: pure text, made from the run's state.

A sheet is a list of lines with a tone; a tone of ``None`` makes a heading. Nothing is left out:
long lists scroll.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from clubos_tui import events as e
from clubos_tui.engine.approvers import Standing, needed, of_merge, of_override, of_phase
from clubos_tui.engine.checkpoints import specs_of
from clubos_tui.engine.decide import rolled_back_with
from clubos_tui.engine.state import ON_STAGE, PhaseView, RunView
from clubos_tui.events import PermissionAsked
from clubos_tui.plan import Needs
from clubos_tui.spending import amount, dollars
from clubos_tui.ui.checking import OUTCOMES, notes, rehearsal
from clubos_tui.ui.values import KINDS, Line, Tone, count
from clubos_tui.ui.wording import phases_text

if TYPE_CHECKING:
    from clubos_tui.engine.effects.asked import Asked
    from clubos_tui.engine.views import RollbackPreview
    from clubos_tui.ui.review import Review

__all__ = [
    "approval",
    "closed",
    "execution",
    "limits",
    "merge",
    "merge_approval",
    "needs",
    "override",
    "overriders",
    "people",
    "permission",
    "reach",
    "rollback",
    "taken_back",
    "undo",
]

_KINDS = {
    "read": "read outside its copy of the repository",
    "edit": "write outside its copy of the repository",
    "delete": "delete outside its copy of the repository",
    "move": "move something outside its copy of the repository",
    "execute": "run a command",
    "fetch": "fetch something from the network",
    "switch_mode": "work in another mode",
}


def _heading(text: str) -> Line:
    return None, text


def _counts(phase: PhaseView) -> str:
    counts = phase.counts
    return f"{counts.create} to create, {counts.modify} to modify, {counts.delete} to delete"


def limits(view: RunView, number: int) -> list[Line]:
    """Return what a phase and the run have used of a model, and of which limits."""
    phase = view.phase(number)
    out: list[Line] = [_heading("Used so far")]
    for name, spent in (("this phase", phase.spent), ("the run", view.spent)):
        requests = count(spent.turns, "request")
        used = f"{amount('tokens', spent.tokens)}, {dollars(spent.cost)}, {requests}"
        out.append(("info", f"{name}: {used}, {amount('minutes', spent.milliseconds)}"))
    out.append(_heading("Limits"))
    found = view.limits(number)
    for limit in found:
        tone: Tone = "good" if limit.left else "bad"
        out.append((tone, str(limit)))
    if not found:
        out.append(("quiet", "none: the plan sets no budget"))
    if phase.held:
        out.append(("warn", phase.held.error))
    return out


def needs(agent: str, wanted: Needs) -> list[Line]:
    """Return what an agent is given of this machine before it is started."""
    from clubos_tui.agents.needs import given

    there = given(wanted)
    out: list[Line] = [
        ("info", agent),
        ("quiet", "It works in a box that holds a copy of the repository and little more."),
        ("quiet", "This is what it needs of your machine; it is given that in this run only:"),
        _heading("Network"),
    ]
    if wanted.network:
        out.append(("warn", "yes: it could send away whatever it can read in its box, and reach"))
        out.append(("quiet", "what listens on this machine and in its network"))
    else:
        out.append(("good", "none"))
    if wanted.variables:
        out.append(_heading("Credentials, from your environment"))
        out += _rows({name: name in there.variables for name in wanted.variables}, "set")
    if wanted.home:
        out.append(_heading("Files of your home, as copies"))
        out += _rows({f"~/{path}": path in there.home for path in wanted.home}, "there")
        out.append(("quiet", "What it changes in them, as a renewed login, is not kept."))
    out.append(("quiet", "Nothing else of your home or environment is in the box."))
    return out


def _rows(found: Mapping[str, bool], word: str) -> list[Line]:
    """Return a line for each thing that is given, and one for all that there is not."""
    rows: list[Line] = [
        ("warn", f"{name}: {word}, and given") for name, has in found.items() if has
    ]
    others = [name for name, has in found.items() if not has]
    if others:
        rows.append(("quiet", f"not {word}: {', '.join(others)}"))
    return rows


def permission(view: RunView, asked: PermissionAsked) -> list[Line]:
    """Return what an agent asks for, and what it could do with it."""
    phase = view.phase(asked.phase)
    network = view.admitted.get(phase.agent, Needs()).network
    out: list[Line] = [_heading(f"It wants to {_KINDS.get(asked.kind, 'do something else')}")]
    out += [("info", line) for line in asked.detail.splitlines() or ["it hands over no details"]]
    out += [
        ("quiet", f"in its own words: {asked.title or 'none'}"),
        _heading("What the box holds"),
        ("good", "only its copy of the repository can be written; you review what it makes"),
    ]
    if network:
        out.append(("warn", "it has the network: what it can read, it could send away"))
    else:
        out.append(("good", "it has no network"))
    others = len(phase.permissions.open) - 1
    if others:
        out.append(("quiet", f"{count(others, 'more question')} after this one"))
    return out


def reach(review: Review | None, seen: int, lines: int) -> list[Line]:
    """Return how much is changed, how much of it was on the screen, and what wants attention."""
    if review is None:
        return []
    patch = review.patch
    out: list[Line] = [
        ("info", f"+{patch.added:,} -{patch.removed:,} lines, {seen:,} of {lines:,} were shown")
    ]
    reasons = Counter(item.reason for item in review.reasons.values() if item.reason)
    out += [("warn", f"{reason}: {count(files, 'file')}") for reason, files in reasons.items()]
    return out


def approval(view: RunView, number: int, who: str, reached: Sequence[Line] = ()) -> list[Line]:
    """Return all that an approval of phase ``number`` binds, and what it will cause."""
    phase = view.phase(number)
    lines: list[Line] = [
        ("info", f"{phase.spec.name}: {_counts(phase)}"),
        ("quiet", f"you are       {who}"),
        ("quiet", f"agent         {phase.agent}, attempt {phase.attempt}"),
        ("quiet", f"change set    {phase.change_set}"),
        ("quiet", f"on base       {phase.base}"),
        *people(of_phase(phase)),
    ]
    edits = [("warn", f"{path} was edited by {by}") for path, by in sorted(phase.edited.items())]
    lines += [*reached, *edits]  # type: ignore[list-item]
    deleted = [row.path for row in phase.manifest if row.effect == "delete"]
    if deleted:
        lines.append(_heading(f"{count(len(deleted), 'file')} will be deleted"))
        lines += [("bad", path) for path in deleted]
    lines += _evidence(view, "proposal", phase)
    lines += _rehearsal(phase)
    lines.append(_heading("How far it reaches"))
    folders = Counter(row.path.partition("/")[0] for row in phase.manifest)
    for folder, files in folders.most_common():
        lines.append(("quiet", f"{folder}: {count(files, 'file')}"))
    special = [row for row in phase.manifest if row.kind in {"symlink", "mode", "binary"}]
    lines += [("warn", f"{KINDS[row.kind]} {row.kind} {row.path}") for row in special]
    lines.append(("quiet", "Executing writes to a stage and a branch of its own."))
    lines.append(("quiet", "Your checkout changes only at the merge."))
    if not phase.spec.rollbackable:
        lines.append(("warn", "The plan marks this phase as not rollbackable."))
    return lines


def people(standing: Standing) -> list[Line]:
    """Return the plan's rule about people, who has said yes, and whose yes is lacking."""
    if not standing.rule:
        return []
    lines: list[Line] = [("info", f"the plan asks for {standing.rule}")]
    if standing.rule.not_requester:
        lines.append(("quiet", f"asked for by  {standing.requester}"))
    lines += [("good", f"{by} has approved it") for by in standing.yes]
    if standing.lacking:
        lacking = needed(standing.lacking, more=bool(standing.yes))
        lines.append(("warn", f"{lacking}. {standing.who}".rstrip()))
    return lines


def _evidence(view: RunView, scope: e.Scope, phase: PhaseView) -> list[Line]:
    found = view.checks.get((scope, phase.change_set), {})
    return _checks(view, phase.number, scope, found)


def _checks(
    view: RunView, number: int, scope: e.Scope, found: dict[str, e.CheckFinished]
) -> list[Line]:
    by = {spec.name: spec for spec in specs_of(view.plan, number, scope)}
    lines: list[Line] = [_heading(f"Checks of this very tree ({scope})")]
    lines += _gaps(view, number, scope, found)
    for check in found.values():
        tone = OUTCOMES[check.outcome]
        lines.append((tone, f"{check.check}: {check.outcome}: {check.summary}"))
        lines += [("quiet", f"  {text}") for text in check.evidence]
        known = notes(view, number, by.get(check.check), check)
        lines += [(tone, f"  {note}") for tone, note in known]
    return lines if found else [*lines, ("bad", "none has ended")]


def _gaps(
    view: RunView, number: int, scope: e.Scope, found: Mapping[str, e.CheckFinished]
) -> list[Line]:
    """Return what the evidence does not show, in plain words, before all of it."""
    lines: list[Line] = []
    if scope != "merge":
        unproven = [
            spec.name
            for spec in specs_of(view.plan, number, scope)
            if spec.name in found and found[spec.name].required and not view.is_proved(number, spec)
        ]
        if unproven:
            said = "Nobody has seen these required checks find a fault in this version"
            lines.append(("warn", f"{said}: {', '.join(unproven)}"))
            lines.append(("quiet", "`clubos checks prove` plants one for each, and looks."))
    absent = [check for check in found.values() if check.outcome == "not run"]
    lines += [("warn", f"Was not run: {check.check} ({check.summary})") for check in absent]
    return lines


def _rehearsal(phase: PhaseView) -> list[Line]:
    rehearsed = phase.rehearsed
    lines: list[Line] = [_heading("Rollback rehearsal")]
    if rehearsed is None:
        return [*lines, ("bad", "has not been done")]
    tone: Tone = "good" if rehearsed.identical else "bad"
    return [*lines, (tone, rehearsal(rehearsed))]


def merge_approval(view: RunView, who: str) -> list[Line]:
    """Return what an approval of a merged tree binds."""
    prepared = view.merge.prepared
    assert prepared
    target = view.started.target.removeprefix("refs/heads/")
    return [
        ("warn", f"{target} has moved since the run started, so the merge makes a new tree."),
        ("quiet", f"you are       {who}"),
        ("quiet", f"merged tree   {prepared.tree}"),
        ("quiet", f"onto commit   {prepared.onto}"),
        *people(of_merge(view)),
        *_checks(view, len(view.phases), "merge", view.checks.get(("merge", prepared.tree), {})),
        _heading(f"{count(len(prepared.manifest), 'file')} change on {target}"),
        *[("quiet", f"{KINDS[row.kind]} {row.path}") for row in prepared.manifest],
    ]


def execution(view: RunView, number: int, who: str) -> list[Line]:
    """Return what executing phase ``number`` will do."""
    phase = view.phase(number)
    by = ", ".join(of_phase(phase).yes) or "the plan, once this starts"
    lines: list[Line] = [
        ("info", f"{phase.spec.name}: {_counts(phase)}"),
        ("quiet", f"asked by {who}, approved by {by}"),
        ("quiet", f"Writes the stage, with backups, and the branch autogen/phase-{number}-<time>."),
        ("quiet", "Then the checkpoint runs there. Your checkout is not touched."),
    ]  # fmt: skip
    if phase.spec.rollbackable:
        lines.append(("good", "R takes it back."))
    else:
        lines.append(("bad", "The plan marks it as NOT rollbackable: R will not take it back."))
    return lines


def merge(view: RunView, who: str) -> list[Line]:
    """Return what the merge will do."""
    target = view.started.target.removeprefix("refs/heads/")
    rows = {row.path for phase in view.phases for row in phase.manifest}
    return [
        ("warn", f"This writes {count(len(rows), 'file')} into your checkout."),
        ("quiet", f"asked by {who}, into {target}, as one merge commit (--no-ff)"),
        ("quiet", "Refused as a whole if a file of yours is in the way; then nothing changes."),
        ("quiet", "Everything replaced is backed up first."),
        ("good", "R takes it back afterwards with a revert commit."),
    ]


def rollback(view: RunView, preview: RollbackPreview) -> list[Line]:
    """Return the loss statement: what comes back, what goes, what stays as it is."""
    names = [f"phase {number}, {view.phase(number).spec.name}" for number in preview.phases]
    lines: list[Line] = [("warn", f"takes back {name}") for name in names]
    if view.merge.merged and view.ending == "merged":
        lines.append(("warn", "already merged: this makes a revert commit; history stays"))
    lines.append(_heading(f"{count(len(preview.restore), 'file')} restored"))
    lines += [("good", path) for path in preview.restore]
    lines.append(_heading(f"{count(len(preview.delete), 'file')} deleted (kept in the backup)"))
    lines += [("bad", path) for path in preview.delete]
    if preview.left:
        lines.append(_heading(f"{count(len(preview.left), 'path')} left alone"))
        lines += [("warn", f"{item.path} ({item.reason})") for item in preview.left]
    for item in preview.asked:
        lines += _asked(item)
    lines.append(_heading("Afterwards"))
    lines.append(("quiet", "U undoes it, as long as nothing is executed on top."))
    return lines


def _asked(item: Asked) -> list[Line]:
    """Return the three versions of a path that we wrote and the person has edited since."""
    lines: list[Line] = [_heading(f"{item.path}: you have edited it since")]
    for name, blob in (("before", item.before), ("ours", item.ours), ("yours", item.theirs)):
        lines.append(("quiet", f"{name:<7} {blob[:12] or 'nothing was there'}"))
    texts = [("your edit", item.edit)]
    if item.before:
        texts.append(("what would go back", item.part))
    for title, text in texts:
        lines.append(("info", title))
        lines += [("quiet", f"  {row}") for row in text.splitlines() or ["only the file's mode"]]
    if item.refusal:
        lines.append(("warn", f"our part alone can't be taken out: {item.refusal}"))
    else:
        lines.append(("good", "our part alone can be taken out; choose that below"))
    return lines


def undo(preview: RollbackPreview) -> list[Line]:
    """Return what undoing the last rollback does."""
    lines: list[Line] = [("warn", f"puts {phases_text(preview.phases)} back as before")]
    lines.append(_heading(f"{count(len(preview.restore), 'file')} written again"))
    lines += [("good", path) for path in preview.restore]
    if preview.delete:
        lines.append(_heading(f"{count(len(preview.delete), 'file')} deleted again"))
        lines += [("bad", path) for path in preview.delete]
    if preview.left:
        lines.append(_heading(f"{count(len(preview.left), 'path')} left alone"))
        lines += [("warn", f"{item.path} ({item.reason})") for item in preview.left]
    return lines


def override(view: RunView, number: int, checks: Sequence[str]) -> list[Line]:
    """Return those of the checks that keep a gate of phase ``number`` shut, with their evidence."""
    lines: list[Line] = []
    for check in closed(view, number):
        if check.check not in checks:
            continue
        lines.append(("bad", f"{check.check}: {check.outcome}: {check.summary}"))
        lines += [("quiet", f"  {text}") for text in check.evidence]
    lines.append(("quiet", "An override is recorded with your name and reason."))
    return [*lines, *overriders(view, number)]


def overriders(view: RunView, number: int) -> list[Line]:
    """Return whose override the plan's rule takes; nothing where it takes anyone's."""
    scope: e.Scope = "merge" if view.merge_waits else "proposal"
    who = of_override(view, number, scope).who
    return [("warn", who)] if who else []


def closed(view: RunView, number: int) -> tuple[e.CheckFinished, ...]:
    """Return the checks that keep a gate of phase ``number``, or of the merge, shut."""
    phase, prepared = view.phase(number), view.merge.prepared
    if view.merge_waits and prepared:
        return view.closed_checks("merge", prepared.tree)
    scope: e.Scope = "stage" if phase.state in ON_STAGE else "proposal"
    return view.closed_checks(scope, phase.change_set)


def taken_back(view: RunView, number: int) -> str:
    """Return which phases a rollback from ``number`` on takes back."""
    return phases_text(tuple(phase.number for phase in rolled_back_with(view, number)))
