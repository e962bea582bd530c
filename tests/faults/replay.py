"""A disk rebuilt from recorded calls: what a power cut at any of them could leave.

Names and modes are kept in their order, as journalling file systems keep them. Of the bytes that
were written and not yet synced a cut may leave all, none, zeros, or a part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from faults.calls import OPENING, SYNCING, Call
from faults.image import Image, Node

Kind = Literal["file", "folder", "link", "other"]
REMOVE_FOLDER, EXCHANGE = 0x200, 2
UMASK = 0o022


@dataclass(eq=False)
class Inode:
    """A file, folder or link; ``synced`` is what a power cut can't take from it."""

    kind: Kind
    mode: int
    data: bytes = b""
    synced: bytes = b""


Loss = Callable[[Inode], bytes]
LOSSES: dict[str, Loss] = {
    "kept": lambda node: node.data,
    "lost": lambda node: node.synced,
    "zeros": lambda node: _common(node) + bytes(len(node.data) - len(_common(node))),
    "torn": lambda node: node.data[: (len(_common(node)) + len(node.data)) // 2],
}


def _common(node: Inode) -> bytes:
    """Return how far the bytes are as they were synced."""
    return os.path.commonprefix([node.synced, node.data])


class Disk:
    """Paths and what they name, changed call by call."""

    def __init__(self, image: Image) -> None:
        self._nodes = {path: Inode(node.kind, node.mode, node.data, node.data)
                       for path, node in image.items()}  # fmt: skip

    def image(self, loss: Loss = LOSSES["kept"]) -> Image:
        """Return the disk after a power cut now."""
        return {
            path: Node(node.kind, node.mode, loss(node) if node.kind == "file" else node.data)
            for path, node in self._nodes.items()
        }

    def play(self, calls: Iterable[Call]) -> Disk:
        """Make each call that succeeded."""
        for call in calls:
            if call.result >= 0:
                self._play(call)
        return self

    def _play(self, call: Call) -> None:
        name, paths = call.name, call.paths
        if name in OPENING:
            self._open(call)
        elif name in {"write", "pwrite64", "writev", "sendfile", "copy_file_range"}:
            self._write(call)
        elif name in {"truncate", "ftruncate"}:
            node = self._nodes.get(paths[0])
            if node:
                node.data = node.data[: call.numbers[0]].ljust(call.numbers[0], b"\0")
        elif name in SYNCING:
            self._sync(call)
        elif name.startswith("rename"):
            exchange = name == "renameat2" and call.numbers[-1] & EXCHANGE
            self._rename(paths[0], paths[1], exchange=bool(exchange))
        elif name.startswith("mkdir"):
            self._nodes[paths[0]] = Inode("folder", call.numbers[0] & ~UMASK)
        elif name.startswith(("unlink", "rmdir")):
            self._nodes.pop(paths[0], None)
        elif name.startswith("link"):
            self._nodes[paths[1]] = self._nodes[paths[0]]
        elif name.startswith("symlink"):
            self._nodes[paths[0]] = Inode("link", 0o777, call.data)
        elif name in {"chmod", "fchmod", "fchmodat"} and paths[0] in self._nodes:
            self._nodes[paths[0]].mode = call.numbers[0]

    def _open(self, call: Call) -> None:
        flags = os.O_CREAT | os.O_TRUNC if call.name == "creat" else call.numbers[0]
        node = self._nodes.get(call.paths[0])
        if node is None and flags & os.O_CREAT:
            self._nodes[call.paths[0]] = Inode("file", call.numbers[-1] & ~UMASK)
        elif node and flags & os.O_TRUNC:
            node.data = b""

    def _write(self, call: Call) -> None:
        node = self._nodes.get(call.paths[0])
        if node:  # else a file that has no name any more
            at = len(node.data) if call.offset < 0 else call.offset
            data = call.data[: call.result]
            node.data = node.data[:at].ljust(at, b"\0") + data + node.data[at + len(data) :]

    def _sync(self, call: Call) -> None:
        everything = call.name in {"sync", "syncfs"}
        for node in self._nodes.values() if everything else map(self._nodes.get, call.paths[:1]):
            if node:
                node.synced = node.data

    def _rename(self, old: str, new: str, *, exchange: bool) -> None:
        moving = self._take(old)
        other = self._take(new)
        self._nodes.update({new + rest: node for rest, node in moving.items()})
        if exchange:
            self._nodes.update({old + rest: node for rest, node in other.items()})

    def _take(self, path: str) -> dict[str, Inode]:
        """Remove a path with all under it; return them by what follows the path."""
        taken = [name for name in self._nodes if name == path or name.startswith(f"{path}/")]
        return {name[len(path) :]: self._nodes.pop(name) for name in taken}
