"""Put another change set in the place of a proposed one: sealed, or with a person's edit in it.

Both start from the proposed tree, and the decisions that still hold go with them.
"""

from __future__ import annotations

from clubos_tui.changes.carry import carried
from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.manifest import BlobId, Change, Entry, TreeId
from clubos_tui.changes.patch import FilePatch, Patch, parse
from clubos_tui.changes.selection import rejected_rows, select, whole_files
from clubos_tui.engine.decide import Seal, TakeEdit
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.manifests import between
from clubos_tui.engine.state import PhaseView
from clubos_tui.errors import Refused
from clubos_tui.events import Edited, Sealed
from clubos_tui.repository.objects import object_id

__all__ = ["carry", "seal", "take_edit"]

Puts = dict[str, Entry | None]


async def seal(context: Context, step: Seal) -> None:
    """Build the tree of what was not rejected, down to the line."""
    phase = context.view.phase(step.phase)

    def work() -> Sealed:
        workshop, base = context.session.workshop, phase.base
        patch = parse(workshop.patch(base, phase.change_set))
        puts, blobs = _left(context, phase, patch)
        tree = workshop.build(phase.change_set, puts, blobs)
        manifest = between(context, base, tree, _known(phase))
        still = carried(patch, phase.draft, parse(workshop.patch(base, tree)), sealed=True)
        return Sealed(phase.number, phase.attempt, base, phase.change_set, tree, manifest, still)

    context.say(await context.in_thread(work))


async def take_edit(context: Context, step: TakeEdit) -> None:
    """Build the tree with a person's edit in it; their bytes are the ones they saved."""
    phase = context.view.phase(step.phase)

    def work() -> Edited:
        workshop, base = context.session.workshop, phase.base
        data = _saved(context, step)
        row = next(row for row in phase.manifest if row.path == step.path)
        assert row.after, "BUG: an edit of a deleted file"
        blob = BlobId(object_id("blob", data, workshop.object_format))
        puts: Puts = {step.path: Entry(row.after.mode, blob)}
        tree = workshop.build(phase.change_set, puts, {blob: data})
        manifest = between(context, base, tree, _known(phase))
        still = carry(context, base, phase.change_set, phase.draft, tree)
        own = [decision for decision in still if decision.path == step.path]
        return Edited(
            phase.number, phase.attempt, base, phase.change_set, tree, manifest, step.path,
            step.by, (*_others(phase, step.path), *own),
        )  # fmt: skip

    context.say(await context.in_thread(work))


def carry(
    context: Context, base: TreeId, before: TreeId, draft: Draft, tree: TreeId
) -> tuple[Decision, ...]:
    """Return the decisions on the change set ``before`` that hold on ``tree`` as well."""
    if not draft.files or not before:
        return ()
    workshop = context.session.workshop
    old, new = (parse(workshop.patch(base, one)) for one in (before, tree))
    return carried(old, draft, new)


def _known(phase: PhaseView) -> dict[str, Change]:
    return {row.path: row for row in phase.manifest}


def _others(phase: PhaseView, edited: str) -> list[Decision]:
    """Return the decisions on all other files: an edit of one changes nothing about them."""
    drafts = phase.draft.files.items()
    return [decision for path, draft in drafts if path != edited for decision in draft.all()]


def _left(context: Context, phase: PhaseView, patch: Patch) -> tuple[Puts, dict[BlobId, bytes]]:
    """Return what takes the place of each file of which something is rejected."""
    base = context.session.workshop.files(phase.base)
    files, dropped = whole_files(patch), rejected_rows(patch, phase.draft)
    puts: Puts = {}
    blobs: dict[BlobId, bytes] = {}
    for row in phase.manifest:
        draft = phase.draft.of(row.path)
        file = files.get(row.path)
        if draft.dropped or (draft.rejects and file is None):
            puts |= {path: base.get(path) for path in (row.path, row.old_path) if path}
        elif draft.rejects and file is not None:
            entry, data = _partly(context, row, file, patch, dropped)
            puts[row.path] = entry
            if entry:
                blobs[entry.blob] = data
    return puts, blobs


def _partly(
    context: Context, row: Change, file: FilePatch, patch: Patch, dropped: set[int]
) -> tuple[Entry | None, bytes]:
    workshop = context.session.workshop
    before = workshop.objects.blob(BlobId(file.old_blob)) if file.old_blob else b""
    data = select(before, patch, file, lambda at: at not in dropped)
    nothing = not any(at not in dropped for at in file.rows if patch.kinds[at] in b"+-")
    if row.effect == "create" and nothing and file.hunks:
        return None, b""  # all of a new file was turned down, hunk by hunk
    if row.effect == "delete" and not data:
        return None, b""
    mode = row.new_mode or row.old_mode
    return Entry(mode, BlobId(object_id("blob", data, workshop.object_format))), data


def _saved(context: Context, step: TakeEdit) -> bytes:
    data = context.run.journal.saved_edit(step.sha256)
    if data is None:
        raise Refused(
            f"the edit of {step.path} is not what was saved",
            untouched="The proposal is as it was.",
            cure="Edit the file again.",
        )
    return data
