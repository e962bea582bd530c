"""Merges of three versions, of whole trees and of single files; nothing of the person's is written.

Trees are merged in the workshop, files on copies in a folder of the state. git does both, as
``git revert`` would, so that a person finds what they would have got by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from clubos_tui.changes.manifest import TreeId, path_text
from clubos_tui.repository.copies import copies
from clubos_tui.repository.discover import Identity
from clubos_tui.repository.git import Git
from clubos_tui.repository.workshop import CommitSpec, Workshop

_NOBODY = Identity("clubos", "clubos@localhost")
_LONG_AGO = "0 +0000"  # the same three trees always give the same commits, and so one pack


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The tree a merge makes, and the paths in which it conflicts; then the tree is not used."""

    tree: TreeId
    conflicts: tuple[str, ...] = ()


def merge_trees(workshop: Workshop, base: TreeId, ours: TreeId, theirs: TreeId) -> MergedTree:
    """Return ``ours`` with what leads from ``base`` to ``theirs``."""
    if ours == base:
        return MergedTree(theirs)
    if theirs in {base, ours}:
        return MergedTree(ours)

    def commit(tree: TreeId, *parents: str) -> str:
        return workshop.commit(CommitSpec(tree, parents, "", _NOBODY, _LONG_AGO))

    root = commit(base)  # git before 2.40 takes no tree as merge base, only commits that share one
    code, out = workshop.git.ask(
        "-c", "merge.directoryRenames=false", "merge-tree", "--write-tree", "--name-only",
        "--no-messages", "-z", commit(ours, root), commit(theirs, root),
    )  # fmt: skip
    tree, *paths = out.split(b"\0")
    conflicts = sorted({path_text(path) for path in paths if path}) if code else []
    return MergedTree(TreeId(tree.decode().strip()), tuple(conflicts))


def merge_contents(git: Git, scratch: str, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Return ``ours`` with what leads from ``base`` to ``theirs``; ``None`` where they conflict.

    What git takes to be binary can't be merged by lines, and conflicts too.
    """
    if ours in {base, theirs}:
        return theirs
    with _laid_out(scratch, ours, base, theirs) as (mine, middle, other):
        code, merged = git.ask("merge-file", "-p", "-q", mine, middle, other, ok=range(256))
        return merged if code == 0 else None


def hunks(git: Git, scratch: str, old: bytes, new: bytes) -> str:
    """Return the lines in which two contents differ, as hunks of a patch without its head."""
    with _laid_out(scratch, old, new) as (before, after):
        patch = git.ask(
            "diff", "--no-index", "--no-ext-diff", "--no-textconv", "--no-color", "-U1",
            "--", before, after,
        )[1].decode("utf-8", "surrogateescape")  # fmt: skip
    start = patch.find("\n@@ ")
    if start < 0:
        return "" if old == new else "binary, so there are no lines to show"
    return patch[start + 1 :].rstrip("\n")


@contextmanager
def _laid_out(scratch: str, *contents: bytes) -> Iterator[list[str]]:
    with copies(scratch) as folder:
        names = [os.path.join(folder, str(number)) for number in range(len(contents))]
        for name, data in zip(names, contents, strict=True):
            with open(name, "wb") as file:
                file.write(data)
        yield names
