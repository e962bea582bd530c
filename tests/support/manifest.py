"""The oracle: every byte, mode, time, link and empty folder, read without the code under test."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Node:
    """One path: what it is, its mode, when it was changed, and its content or link target."""

    kind: str
    mode: int
    mtime_ns: int
    content: str


Manifest = dict[str, Node]


def manifest(
    root: str | os.PathLike[str], *, keep: Callable[[str], bool] | None = None
) -> Manifest:
    """Return every path under ``root``, ``.git`` included, and the root itself as ``.``."""
    base = os.fsencode(root)
    out: Manifest = {}
    pending = [b""]
    while pending:
        relative = pending.pop()
        path = os.path.join(base, relative) if relative else base
        name = os.fsdecode(relative) or "."
        if keep and name != "." and not keep(name):
            continue
        status = os.lstat(path)
        kind, content = "other", ""
        if stat.S_ISDIR(status.st_mode):
            kind = "folder"
            pending += [os.path.join(relative, item) for item in os.listdir(path)]
        elif stat.S_ISLNK(status.st_mode):
            kind, content = "link", os.fsdecode(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            with open(path, "rb") as file:
                kind, content = "file", hashlib.sha256(file.read()).hexdigest()
        out[name] = Node(kind, stat.S_IMODE(status.st_mode), status.st_mtime_ns, content)
    return out


def checkout(root: str | os.PathLike[str]) -> Manifest:
    """Return the work tree without ``.git`` and without times: what a person would miss."""
    found = manifest(root, keep=lambda name: name != ".git")
    return without_times(found)


def git_dir(root: str | os.PathLike[str]) -> Manifest:
    """Return everything in ``.git`` without times: refs, objects, config, index, HEAD, logs."""
    return without_times(manifest(os.path.join(root, ".git")))


def without_times(found: Mapping[str, Node]) -> Manifest:
    """Return the manifest with every time set to 0."""
    return {name: replace(node, mtime_ns=0) for name, node in found.items()}


def difference(before: Mapping[str, Node], after: Mapping[str, Node]) -> list[str]:
    """Return a line for each path that differs; empty where nothing does."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            lines.append(f"{name!r}: {old} -> {new}")
    return lines
