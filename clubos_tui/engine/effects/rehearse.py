"""Rehearse a rollback: apply a change set in a scratch folder, take it back, and compare.

What is compared is every touched path and what lies around it: the folders, the tracked files
beside it, and what is not tracked, for which files of ours stand in that hold nothing of the
person's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import ANY_FOLDER, Folders, Intent, Record
from clubos_tui.apply.reverse import reverse
from clubos_tui.apply.standing import entry_of
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import GITLINK, Change, Entry, Write, writes
from clubos_tui.disk import AS_REPLACED, Found, Root
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.surroundings import Survey, around, differing, stand_in, survey
from clubos_tui.errors import ClubosError
from clubos_tui.events import Left, Rehearsed
from clubos_tui.repository.objects import ReadAhead
from clubos_tui.workspace.export import export, remove

__all__ = ["rehearse", "workshop_content"]


def rehearse(context: Context, number: int, manifest: tuple[Change, ...]) -> Rehearsed:
    """Apply the change set in a scratch folder, roll it back, and compare with before.

    It is written by the very code that will write the stage.
    """
    began = time.monotonic()
    paths, workshop = context.session.paths, context.session.workshop
    phase = context.view.phase(number)
    name = f"rehearsal-{context.run.id}-{number}"
    scratch = os.path.join(paths.scratch, name)
    folder = os.path.join(scratch, "tree")
    rows = writes(manifest)
    before = {row.path: row.before for row in rows if row.before}
    remove(scratch)
    detail, held = "", Survey()
    touched = {row.path for row in rows}
    try:
        os.makedirs(folder)
        base = workshop.files(phase.base)
        export(workshop, {**around(rows, base), **before}, folder)
        stand_in(context.session.repository.root, folder, rows, base)
        held = survey(folder, touched)
        applied, left = _rehearse_one(
            scratch, "apply", rows, workshop.object_format, workshop_content(context, rows)
        )
        back = reverse([applied])
        if left:
            detail = "the applied files differ from the approved ones"
        _rehearse_one(
            scratch, "back", back.writes, workshop.object_format, Hooks(back.content),
            back.folders,
        )  # fmt: skip
        if not detail and _held(folder, rows, workshop.object_format) != before:
            detail = "the files differ after the rollback"
        if not detail and (lost := differing(held, survey(folder, touched))):
            detail = f"not as before after the rollback: {', '.join(lost)}"
    except (ClubosError, OSError) as error:
        detail = str(error)
    finally:
        remove(scratch)
    return Rehearsed(
        number,
        phase.change_set,
        not detail,
        len(rows),
        detail,
        round((time.monotonic() - began) * 1000),
        len({*held, *touched}) if not detail else 0,
    )


def _rehearse_one(
    scratch: str,
    name: str,
    rows: tuple[Write, ...],
    object_format: str,
    hooks: Hooks,
    folders: Folders = ANY_FOLDER,
) -> tuple[Record, tuple[Left, ...]]:
    """Run a transaction; return its record and what it found to be other than it wrote."""
    intent = Intent(
        id=name,
        place="stage",
        purpose="execute" if name == "apply" else "rollback",
        phase=0,
        root=os.path.join(scratch, "tree"),
        staging=os.path.join(scratch, f"staging-{name}"),
        vault=os.path.join(scratch, f"vault-{name}"),
        writes=rows,
        object_format=object_format,
        folders=folders,
    )
    transaction = Transaction(
        Record.begin(os.path.join(scratch, f"{name}.jsonl"), intent, durable=False), hooks
    )
    transaction.prepare(on_mismatch="refuse")
    transaction.commit()
    transaction.switch()
    return transaction.record, transaction.finish().left


def _held(folder: str, rows: tuple[Write, ...], object_format: str) -> Mapping[str, Entry]:
    held = {}
    with Root(folder, keep=True) as root:
        for row in rows:
            try:
                entry = entry_of(root.read(row.path), object_format)
            except OSError:  # a folder or a file stands where the other was: nothing of ours
                continue
            if entry:
                held[row.path] = entry
    return held


def workshop_content(context: Context, rows: tuple[Write, ...]) -> Hooks:
    """Return hooks that take contents from the approved tree's blobs."""
    blobs = [row.after.blob for row in rows if row.after and row.after.mode != GITLINK]
    ahead = ReadAhead(context.session.workshop.objects, blobs)

    def content(write: Write) -> Found:
        assert write.after
        return Found(write.after.mode, ahead.blob(write.after.blob), AS_REPLACED)

    return Hooks(content, cancelled=context.stop.is_set)
