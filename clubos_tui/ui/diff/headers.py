"""Draws the rows above lines: the title, a file's header and a hunk's, with all that is decided.

A sign, a mark or a word carries everything; colours only repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style

from clubos_tui.changes.patch import ADDED, REMOVED, SYMLINK, FilePatch, Hunk, Patch
from clubos_tui.ui.diff.scene import Scene
from clubos_tui.ui.text import safe, visible
from clubos_tui.ui.values import KINDS, count
from clubos_tui.ui.widgets.rows import Row, clip

__all__ = ["DECISIONS", "Headers", "Look"]

DECISIONS: Final[Mapping[str, str]] = {
    "pending": "·",
    "accepted": "✔",
    "rejected": "✘",
    "partly": "±",
}
"""How far something is decided on, and the mark of each."""

Look = Callable[[str], Style]
"""From the name of a component class to how it looks."""


class Headers:
    """Draws the headers of a scene in the looks of a widget."""

    def __init__(self, scene: Scene, look: Look) -> None:
        self.scene = scene
        self.look = look

    def title(self, patch: Patch) -> Row:
        """Draw the first row, above all files."""
        style = self.look("diff--title")
        files = count(len(patch.files), "file")
        text = f"{self.scene.title}  {files}, +{patch.added:,} -{patch.removed:,}"
        return Row([], [Segment(text, style)], style)

    def file(self, file: FilePatch, *, folded: bool) -> Row:
        """Draw the header of a file."""
        scene = self.scene
        style, quiet = self.look("diff--file"), self.look("diff--pending")
        word = scene.file_standing(file)
        gutter = []
        if word:
            gutter = [Segment(f"{DECISIONS[word]} {word:<8} ", self.look(f"diff--{word}"))]
        warn = self.look("diff--outside")
        body = [Segment("▸ " if folded else "▾ ", style)] if file.hunks else [Segment("  ", style)]
        if folded and file.hunks:
            lines = count(file.added + file.removed, "changed line")
            body.append(Segment(f"… {lines} folded  ", warn))
        if mark := scene.marks.get(file.path):
            body.append(Segment(f"! {safe(mark)}  ", warn))
        name, hidden = clip(file.path)
        if file.old_path is not None:
            name = f"{safe(file.old_path)} -> {name}"
        body.append(Segment(f"{KINDS[file.kind]} {file.kind}  {name}", style))
        body += [Segment(f"  {detail}", quiet) for detail in _details(scene.patch, file)]
        reason = scene.reasons.get(file.path)
        if reason and reason.reason:
            body.append(Segment(f"  ! {safe(reason.reason)}", warn))
        if note := scene.note(file, None):
            body.append(Segment(f"  note: {safe(note)}", warn))
        return Row(gutter, body, style, hidden)

    def hunk(self, file: FilePatch, hunk: Hunk) -> Row:
        """Draw the header of a hunk."""
        scene = self.scene
        style, warn = self.look("diff--hunk"), self.look("diff--hunk-warn")
        word = scene.hunk_standing(file, hunk)
        gutter = []
        if word:
            gutter = [Segment(f"{DECISIONS[word]} {word:<8} ", self.look(f"diff--hunk-{word}"))]
        heading, hidden = clip(hunk.heading)
        place = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
        body = []
        if hunk.id in scene.folded_hunks:  # in front, where nothing can push it off the edge
            kinds = scene.patch.kinds[hunk.rows.start : hunk.rows.stop]
            folded = f"▸ +{kinds.count(ADDED):,} -{kinds.count(REMOVED):,} folded  "
            body.append(Segment(folded, warn))
        body.append(Segment(f"{place} {heading}".rstrip(), style))
        if scene.fresh is not None and hunk.id in scene.fresh:
            body.append(Segment("  new since you looked", warn))
        if group := scene.alike.get(hunk.id):
            if group[0] == hunk.id:
                said = f"  = {len(group)} alike: deciding here decides them all"
            else:
                said = f"  = the same change, {len(group)} in all"
            body.append(Segment(said, warn))
        if note := scene.note(file, hunk):
            body.append(Segment(f"  note: {safe(note)}", warn))
        return Row(gutter, body, style, hidden)


def _details(patch: Patch, file: FilePatch) -> Iterator[str]:
    """Say what the lines below a file header don't show: modes, targets, sizes, ids, counts."""
    modes = (file.old_mode, file.new_mode)
    if file.kind in ("symlink", "binary") and file.old_mode is None:
        yield "new"
    if None not in modes and file.old_mode != file.new_mode:
        yield f"mode {file.old_mode} -> {file.new_mode}"
    elif file.old_mode is None and file.new_mode not in (None, "100644", SYMLINK):
        yield f"mode {file.new_mode}"
    if SYMLINK in modes and file.hunks:
        yield ("was a link to " if file.kind == "delete" else "-> ") + clip(patch.target(file))[0]
    if file.similarity is not None:
        yield f"{file.similarity}% the same"
    if file.binary:
        yield from _binary(file)
    elif file.hunks:
        yield f"+{file.added:,} -{file.removed:,}"
    elif file.kind in ("create", "delete"):
        yield "empty file"


def _binary(file: FilePatch) -> Iterator[str]:
    assert file.binary
    old, new = file.binary.old_size, file.binary.new_size
    sizes = [f"{size:,}" for size in (old, new) if size is not None]
    if file.old_blob is None or file.new_blob is None:
        # The side that doesn't exist counts as 0 bytes in a binary patch.
        sizes = sizes[-1:] if file.old_blob is None else sizes[:1]
    ending = visible(file.path.rpartition(b".")[2].decode("utf-8", "backslashreplace").lower())
    what = f"{_IMAGES[ending]} image, " if ending in _IMAGES else "binary, "
    what = what if ending in _IMAGES or file.kind != "binary" else ""
    yield f"{what}{' -> '.join(sizes)} bytes" if sizes else f"{what}size not given"
    blobs = [blob[:12] for blob in (file.old_blob, file.new_blob) if blob]
    yield "blob " + " -> ".join(blobs)


_IMAGES = {
    "png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "webp": "WebP", "ico": "icon",
    "bmp": "bitmap", "avif": "AVIF", "tiff": "TIFF",
}  # fmt: skip
