"""The system calls that change files, as x86-64 Linux numbers them, and what their arguments are.

An argument is ``d`` a folder's descriptor, ``p`` a path, ``f`` a file's descriptor, ``b`` a buffer,
``n`` a number. ``dp`` belong together; a path without a ``d`` before it starts at the working
folder.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    """A system call's name and its arguments."""

    name: str
    arguments: str


# What changes a file, a folder, a name, or makes one durable.
CHANGING = {
    1: Kind("write", "fbn"), 18: Kind("pwrite64", "fbnn"), 20: Kind("writev", "fvn"),
    40: Kind("sendfile", "ffnn"), 326: Kind("copy_file_range", "fnfnn"),
    2: Kind("open", "pnn"), 85: Kind("creat", "pn"), 257: Kind("openat", "dpnn"),
    437: Kind("openat2", "dpnn"),
    74: Kind("fsync", "f"), 75: Kind("fdatasync", "f"), 162: Kind("sync", ""),
    306: Kind("syncfs", "f"), 277: Kind("sync_file_range", "fnnn"),
    76: Kind("truncate", "pn"), 77: Kind("ftruncate", "fn"), 285: Kind("fallocate", "fnnn"),
    82: Kind("rename", "pp"), 264: Kind("renameat", "dpdp"), 316: Kind("renameat2", "dpdpn"),
    83: Kind("mkdir", "pn"), 258: Kind("mkdirat", "dpn"), 84: Kind("rmdir", "p"),
    86: Kind("link", "pp"), 265: Kind("linkat", "dpdpn"),
    87: Kind("unlink", "p"), 263: Kind("unlinkat", "dpn"),
    88: Kind("symlink", "sp"), 266: Kind("symlinkat", "sdp"),
    90: Kind("chmod", "pn"), 91: Kind("fchmod", "fn"), 268: Kind("fchmodat", "dpn"),
    92: Kind("chown", "pnn"), 93: Kind("fchown", "fnn"), 260: Kind("fchownat", "dpnn"),
    280: Kind("utimensat", "dpnn"), 133: Kind("mknod", "pn"), 259: Kind("mknodat", "dpn"),
}  # fmt: skip

# What only looks; these can fail too.
LOOKING = {
    0: Kind("read", "fbn"), 17: Kind("pread64", "fbnn"), 217: Kind("getdents64", "fbn"),
    262: Kind("newfstatat", "dpn"), 267: Kind("readlinkat", "dpn"), 89: Kind("readlink", "p"),
}  # fmt: skip

KINDS = CHANGING | LOOKING
OPENING = {"open": 1, "creat": None, "openat": 2}  # call → which argument holds the flags
CREATING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
SYNCING = frozenset({"fsync", "fdatasync", "sync", "syncfs", "sync_file_range"})
AT_FDCWD = -100


@dataclass(slots=True)
class Call:
    """One system call on a watched path: who made it, on what, with what result."""

    number: int
    program: str  # "python", or git and its verb
    process: int
    name: str
    paths: tuple[str, ...]
    numbers: tuple[int, ...] = ()  # the arguments that are neither path nor descriptor
    data: bytes = b""  # what was written; of a symbolic link, its target
    offset: int = 0
    result: int = 0
    changing: bool = True

    def __str__(self) -> str:
        return f"{self.program}: {self.name}({', '.join(self.paths)})"
