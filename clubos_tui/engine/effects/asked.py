"""Paths that we wrote and the person has edited since: three versions, and what may be chosen.

Left alone is the default (P4). Where the edit and our change touch different lines, our part
alone can be taken out and the edit kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clubos_tui.changes.manifest import SYMLINK, BlobId, Entry, Write
from clubos_tui.disk import Found
from clubos_tui.engine.session import Session
from clubos_tui.errors import GitFailed, Refused
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.three_way import hunks, merge_contents


@dataclass(frozen=True, slots=True)
class Asked:
    """One such path; the versions by blob id, the differences as hunks of lines."""

    path: str
    before: str  # what lay there before us; empty where nothing did
    ours: str  # what we wrote
    theirs: str  # what lies there now
    edit: str  # from ours to theirs
    part: str  # from ours to before: what would go back; empty where that is the whole file
    refusal: str = ""  # why our part alone can't be taken out; empty where it can
    taken: Write | None = None  # what taking it out would write
    merged: bytes = b""

    @property
    def write(self) -> Write:
        """The write that takes our part out."""
        assert self.taken, f"BUG: {self.path} can't be taken out: {self.refusal}"
        return self.taken


NO_FILE = Found("?", b"")  # something that no tree holds


def ask_about(
    session: Session, row: Write, found: Found | None, content: Callable[[Write], Found]
) -> Asked | None:
    """Compare the three versions of an edited path; ``None`` where lines are not the question."""
    form = session.repository.object_format
    if row.before is None or found is None or found is NO_FILE or row.expected != row.before:
        return None
    theirs = Entry(found.mode, BlobId(object_id("blob", found.data, form)))
    if SYMLINK in {row.before.mode, theirs.mode, row.after.mode if row.after else ""}:
        return None
    try:
        ours = session.workshop.objects.blob(row.before.blob)
        before = content(row).data if row.after else b""
    except GitFailed:
        return None  # written by an earlier choice, so that only a backup holds it
    git, scratch = session.workshop.git, session.paths.scratch
    edit = hunks(git, scratch, ours, found.data)
    part = hunks(git, scratch, ours, before) if row.after else ""
    ids = (row.path, row.after.blob if row.after else "", row.before.blob, theirs.blob)
    if row.after is None:
        return Asked(*ids, edit, part, "the whole file is ours, so no part of it could stay")
    merged = merge_contents(git, scratch, ours, found.data, before)
    if merged is None:
        binary = b"\0" in ours + found.data + before
        why = "it is binary" if binary else "your edit touches the lines that would go back"
        return Asked(*ids, edit, part, why)
    mode = theirs.mode if theirs.mode != row.before.mode else row.after.mode
    result = Entry(mode, BlobId(object_id("blob", merged, form)))
    return Asked(*ids, edit, part, "", Write(row.path, theirs, result), merged)


def require_possible(asked: dict[str, Asked], wanted: tuple[str, ...]) -> None:
    """Refuse, by name, each path of which our part alone can't be taken out."""
    wrong = {
        path: asked[path].refusal if path in asked else "you have not edited what was written there"
        for path in wanted
        if path not in asked or asked[path].refusal
    }
    if wrong:
        named = "\n".join(f"  {path}: {why}" for path, why in wrong.items())
        raise Refused(
            f"only our part can't be taken out of these files:\n{named}",
            untouched="Nothing was touched.",
            cure="Leave them out of the choice: then they stay as they are and are listed.",
        )
