"""The workshop: a bare repository of ours that borrows the person's objects.

Proposals, commits and merges are made here; the person's repository gets nothing before a phase
is executed (P1). It is made by hand, holds no hook and no setting of anyone's, and so runs no
program but git (P6).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clubos_tui.changes.manifest import (
    GITLINK,
    BlobId,
    Change,
    Entry,
    TreeId,
    changes,
    path_text,
)
from clubos_tui.errors import Stale
from clubos_tui.events import CommitId
from clubos_tui.repository.discover import Identity, Repository
from clubos_tui.repository.git import Git
from clubos_tui.repository.objects import (
    NewObject,
    ObjectReader,
    object_id,
    write_pack,
)
from clubos_tui.repository.trees import TREE_MODE, Tree, Trees

MANY_PACKS = 48  # git looks into each of them for an object it does not find at once


@dataclass(frozen=True, slots=True)
class CommitSpec:
    """All that a commit holds; ``when`` is git's ``seconds +zone`` text."""

    tree: TreeId
    parents: tuple[str, ...]
    message: str
    author: Identity
    when: str

    def object(self, object_format: str) -> NewObject:
        """Return the commit as git stores it."""
        lines = [f"tree {self.tree}"]
        lines += [f"parent {parent}" for parent in self.parents]
        lines += [f"author {self.author} {self.when}", f"committer {self.author} {self.when}"]
        data = "\n".join([*lines, "", self.message]).encode("utf-8", "surrogateescape")
        return NewObject("commit", object_id("commit", data, object_format), data)


class Workshop:
    """Reads all objects, writes new ones where nobody else looks."""

    def __init__(self, path: str, repository: Repository) -> None:
        """Open the workshop at ``path``, making it where it is missing."""
        self.path = path
        self.object_format = repository.object_format
        _make(path, repository)
        _follow_shallow(path, repository)
        self.git = Git(path, private=True)
        self.objects = ObjectReader(self.git)
        self.trees = Trees(self.objects, self.object_format)
        self._open: dict[str, Tree] = {}

    def close(self) -> None:
        """End the reading process."""
        self.objects.close()

    def tree_of(self, commit: str) -> TreeId:
        """Return a commit's tree."""
        _, data = self.objects.read(commit)
        return TreeId(data[5 : data.index(b"\n")].decode())

    def files(self, tree: str) -> Tree:
        """Return the files of a tree by path; kept for the next call."""
        found = self._open.get(tree)
        if found is None:
            if len(self._open) >= 4:  # base, proposal and their neighbours, not a history
                self._open.pop(next(iter(self._open)))
            found = self._open[tree] = Tree(self.trees, tree)
        return found

    def content(self, tree: str, path: str) -> bytes | None:
        """Return what a tree holds at a path; ``None`` where that is no file."""
        entry = self.files(tree).get(path)
        return self.objects.blob(entry.blob) if entry and entry.mode != GITLINK else None

    def changes(self, old: str, new: str, action: str = "") -> tuple[Change, ...]:
        """Compare two trees by entry."""
        return changes(self.trees.diff(old, new), action)

    def build(
        self, base: str, puts: Mapping[str, Entry | None], blobs: Mapping[BlobId, bytes]
    ) -> TreeId:
        """Write ``blobs`` and the tree that ``puts`` make of ``base``; durable on return."""
        tree, made = self.trees.patch(base, puts)
        made += [NewObject("blob", blob, data) for blob, data in blobs.items()]
        self.write(made)
        return TreeId(tree)

    def write(self, objects: Iterable[NewObject]) -> None:
        """Write objects as one pack."""
        write_pack(os.path.join(self.path, "objects", "pack"), objects, self.object_format)

    def fold_packs(self) -> None:
        """Fold many small packs into one; git does the packing, and forgets no object by it.

        Of growing sizes, as ``git repack --geometric`` does it, so that no object is packed more
        than a few times however long the history.
        """
        folder = os.path.join(self.path, "objects", "pack")
        packs = [name for name in os.listdir(folder) if name.endswith(".idx")]
        if len(packs) < MANY_PACKS:
            return
        sizes = sorted(
            (os.path.getsize(os.path.join(folder, f"{name[:-4]}.pack")), name[:-4])
            for name in packs
        )
        chosen: list[str] = []
        together = 0
        for size, name in sizes:
            if len(chosen) >= MANY_PACKS // 2 and size > 2 * together:
                break
            chosen.append(name)
            together += size
        made = self.git.run(
            "pack-objects", "--stdin-packs", "-q", os.path.join(folder, "pack"),
            stdin="".join(f"{name}.pack\n" for name in chosen).encode(),
        ).decode().strip()  # fmt: skip
        for name in chosen:
            if name != f"pack-{made}":
                for ending in ("idx", "pack"):  # without its index nobody looks for a pack
                    os.unlink(os.path.join(folder, f"{name}.{ending}"))

    def commit(self, spec: CommitSpec) -> CommitId:
        """Write a commit; the same specification always gives the same id."""
        made = spec.object(self.object_format)
        self.write([made])
        return CommitId(made.id)

    def patch(self, base: str, tree: str) -> bytes:
        """Return the change from ``base`` to ``tree`` as a git patch, binaries included."""
        return self.git.run(
            "diff-tree", "-p", "-r", "--binary", "--full-index", "-M", "--no-ext-diff",
            "--no-textconv", "--no-color", base, tree,
        )  # fmt: skip

    def renames(self, base: str, tree: str) -> dict[str, str]:
        """Return new path → old path for what git takes to be renamed."""
        fields = self.git.run(
            "diff-tree", "-r", "-z", "-M", "--raw", "--diff-filter=R", "--no-abbrev", base, tree
        ).split(b"\0")
        # Each row is three fields: modes and ids, the old path, the new path.
        return {
            path_text(fields[at + 2]): path_text(fields[at + 1])
            for at in range(0, len(fields) - 2, 3)
        }

    def merge(self, ours: str, theirs: str) -> TreeId:
        """Return the tree that merging two commits makes; :class:`Stale` with the conflicts."""
        code, out = self.git.ask("merge-tree", "--write-tree", "--name-only", "-z", ours, theirs)
        fields = out.split(b"\0")
        if code:
            paths = [path_text(path) for path in fields[1:] if path]
            paths = paths[: paths.index("")] if "" in paths else paths
            raise Stale(
                "the target branch moved and its changes conflict with the run's",
                paths=sorted({path for path in paths if "\n" not in path}),
                untouched="Nothing was merged; the phase branches are as they were.",
                cure="Merge the last phase branch with git, or roll the run back and start anew.",
            )
        return TreeId(fields[0].decode().strip())

    def new_objects(self, tree: str, base: str) -> list[NewObject]:
        """Return the trees and blobs that ``tree`` holds and ``base`` does not."""
        folders: dict[str, None] = {}
        blobs: dict[str, None] = {}
        pairs: list[tuple[str, str]] = [(tree, base)]
        while pairs:
            new, old = pairs.pop()
            if new in {old, self.trees.empty}:
                continue
            folders[new] = None
            before = self.trees.rows(old)
            for name, (mode, child) in self.trees.rows(new).items():
                mode_before, child_before = before.get(name, ("", ""))
                if child == child_before:
                    continue
                if mode == TREE_MODE:
                    known = child_before if mode_before == TREE_MODE else self.trees.empty
                    pairs.append((child, known))
                elif mode != GITLINK:  # a submodule's commit lives elsewhere
                    blobs[child] = None
        ids = [*folders, *blobs]
        return [
            NewObject(kind, item, data)
            for item, (kind, data) in zip(ids, self.objects.read_all(ids), strict=True)
        ]


def alternates(folder: str) -> bytes:
    """Return git's alternates file for one folder; git C-quotes a name with a line end in it."""
    if "\n" in folder or folder.startswith(('"', "#")):
        escaped = folder.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        folder = f'"{escaped}"'
    return os.fsencode(f"{folder}\n")


def _follow_shallow(path: str, repository: Repository) -> None:
    """Let history end where the person's does; else git walks into commits that are not here."""
    theirs, ours = os.path.join(repository.common_dir, "shallow"), os.path.join(path, "shallow")
    if os.path.exists(theirs):
        shutil.copyfile(theirs, f"{ours}.part")
        os.replace(f"{ours}.part", ours)
    elif os.path.exists(ours):
        os.unlink(ours)


def _make(path: str, repository: Repository) -> None:
    if os.path.exists(os.path.join(path, "HEAD")):
        return
    for folder in ("objects/info", "objects/pack", "refs/heads"):
        os.makedirs(os.path.join(path, folder), mode=0o700, exist_ok=True)
    config = "[core]\n\tbare = true\n"
    if repository.object_format == "sha256":
        config += "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n"
    else:
        config += "\trepositoryformatversion = 0\n"
    lender = os.path.join(repository.common_dir, "objects")
    # HEAD comes last: its presence says that the rest is there.
    for name, text in (
        ("config", config.encode()),
        ("objects/info/alternates", alternates(lender)),
        ("HEAD", b"ref: refs/heads/workshop\n"),
    ):
        with open(os.path.join(path, name), "wb") as file:
            file.write(text)
