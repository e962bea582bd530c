"""Which decisions outlive the change set they were made on: the accepted ones, if still true.

A hunk is the same where its path, its changed lines and the lines around them are; line numbers
may differ. Whatever is not certainly the same is pending again. A rejection never carries over:
what was rejected has either gone, or was proposed again and deserves another look.
"""

from __future__ import annotations

from collections import Counter

from clubos_tui.changes.decisions import Decision, Draft, FileDraft
from clubos_tui.changes.manifest import path_text
from clubos_tui.changes.patch import FilePatch, Patch
from clubos_tui.changes.selection import changed, hunk_standing, whole_files

__all__ = ["carried"]


def carried(old: Patch, draft: Draft, new: Patch, *, sealed: bool = False) -> tuple[Decision, ...]:
    """Return the decisions of ``draft`` on ``old`` that hold on ``new`` as well.

    Args:
        old: The patch that was decided on.
        draft: The decisions.
        new: The patch that takes its place, on the same base.
        sealed: Whether ``new`` is ``old`` without what the draft rejects.
    """
    before, after = whole_files(old), whole_files(new)
    same = {path_text(file.path): _identity(file) for file in old.files}
    out: list[Decision] = []
    for file in new.files:
        path = path_text(file.path)
        own = draft.files.get(path)
        if own is None:
            continue
        whole = own.whole if own.verdict == "accept" and not own.divided else None
        if whole and same.get(path) == _identity(file):
            out.append(whole)
        elif sealed and path in before and _all_accepted(old, before[path], own):
            out.append(Decision(path, "accept"))
        elif path in before and path in after:
            out += _hunks(old, before[path], own, after[path])
    return tuple(dict.fromkeys(out))


def _identity(file: FilePatch) -> tuple[object, ...]:
    return file.old_path, file.old_mode, file.new_mode, file.old_blob, file.new_blob


def _all_accepted(patch: Patch, file: FilePatch, own: FileDraft) -> bool:
    """Tell whether nothing of a file was left undecided."""
    return all(
        own.of(hunk.id, row - hunk.rows.start + 1) != "pending"
        for hunk in file.hunks
        for row in changed(patch, hunk.rows)
    )


def _hunks(old: Patch, before: FilePatch, own: FileDraft, after: FilePatch) -> list[Decision]:
    # Of several equal hunks nobody can say which one has gone.
    was, now = _times(before), _times(after)
    there = {hunk.id: hunk for hunk in after.hunks}
    out = []
    for hunk in before.hunks:
        twin = there.get(hunk.id)
        content = hunk.id.partition(".")[0]
        if twin is None or was[content] != now[content]:
            continue
        if hunk_standing(old, hunk, own) == "accepted":
            note = own.hunks[hunk.id].note if hunk.id in own.hunks else ""
            path = path_text(after.path)
            out.append(Decision(path, "accept", note, hunk.id, line=twin.new_start))
    return out


def _times(file: FilePatch) -> Counter[str]:
    return Counter(hunk.id.partition(".")[0] for hunk in file.hunks)
