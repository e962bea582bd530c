"""Folders as a value: read from disk, written back to disk, changed in between."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from typing import Literal, NamedTuple


class Node(NamedTuple):
    """What one path is: its permission bits, and its bytes or the link's target."""

    kind: Literal["file", "folder", "link", "other"]
    mode: int
    data: bytes = b""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def __repr__(self) -> str:
        return f"{self.kind} {self.mode:o} {self.data[:40]!r}"


Image = dict[str, Node]  # absolute path → node, parents before what is in them


def read_node(path: str) -> Node | None:
    """Return what is at ``path``, or ``None``."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        return Node("folder", mode)
    if stat.S_ISLNK(status.st_mode):
        return Node("link", 0o777, os.fsencode(os.readlink(path)))
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            return Node("file", mode, file.read())
    return Node("other", mode)


def capture(roots: Iterable[str]) -> Image:
    """Return everything at and under ``roots``; a root that is not there is left out."""
    out: Image = {}
    pending = list(roots)
    while pending:
        path = pending.pop()
        node = read_node(path)
        if node:
            out[path] = node
        if node and node.kind == "folder":
            pending += [os.path.join(path, name) for name in os.listdir(path)]
    return out


def lay_out(image: Image, roots: Iterable[str]) -> None:
    """Make the disk under ``roots`` equal to ``image``, writing only what differs."""
    present = capture(roots)
    for path in sorted(present, reverse=True):
        wanted = image.get(path)
        if wanted is None or wanted.kind != present[path].kind:
            _remove(path, present.pop(path))
    for path in sorted(image):
        if image[path] != present.get(path):
            _write(path, image[path])


def under(image: Image, root: str) -> Image:
    """Return the part under ``root`` with paths relative to it."""
    start = f"{root}/"
    return {path[len(start):]: node for path, node in image.items() if path.startswith(start)}  # fmt: skip


def difference(one: Image, other: Image, limit: int = 6) -> str:
    """Say in which paths two images differ."""
    paths = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
    said = [f"{path}: {one.get(path)} -> {other.get(path)}" for path in paths[:limit]]
    return "; ".join([*said, *([f"and {len(paths) - limit} more"] if len(paths) > limit else [])])


def _remove(path: str, node: Node) -> None:
    if node.kind == "folder":
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _write(path: str, node: Node) -> None:
    if node.kind == "folder":
        os.makedirs(path, exist_ok=True)
    elif node.kind == "link":
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(node.data, os.fsencode(path))
        return
    else:
        if os.path.lexists(path):
            os.unlink(path)  # a new file, so that one without write permission is no obstacle
        with open(path, "wb") as file:
            file.write(node.data)
    os.chmod(path, node.mode)
