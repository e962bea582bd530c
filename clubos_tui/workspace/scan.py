"""Find out what a workspace holds by its bytes.

Nothing an agent reports is believed. What may not be written is refused by name; what was
withheld from the agent is carried over unchanged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from clubos_tui.changes.manifest import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    BlobId,
    Entry,
    path_bytes,
    path_text,
)
from clubos_tui.changes.paths import is_dot_git, link_refusal, refusal
from clubos_tui.errors import HostilePath
from clubos_tui.repository.objects import object_id
from clubos_tui.workspace.known import Known, Row, signature
from clubos_tui.workspace.secrets import is_secret

_STAYS_HOME = "it is a secret by its name, and those stay home"


@dataclass(slots=True)
class Scan:
    """What differs from the known tree: path → entry (``None`` where it is gone), new contents."""

    puts: dict[str, Entry | None] = field(default_factory=dict)
    blobs: dict[BlobId, bytes] = field(default_factory=dict)


def scan(
    folder: str,
    files: Mapping[str, Entry],
    *,
    object_format: str,
    withheld: Collection[str] = (),
) -> Scan:
    """Compare ``folder`` with ``files`` (the tree it held when last looked at), byte for byte.

    Raises :class:`HostilePath` for the first path that may never be written, a special file, or a
    secret that was withheld.
    """
    secrets = set(withheld)
    rows: dict[bytes, Row] = {
        path_bytes(path): (entry.mode, entry.blob, None)
        for path, entry in files.items()
        if path not in secrets
    }
    return look(folder, Known(hidden=tuple(withheld), rows=rows), object_format=object_format)


def look(
    folder: str,
    known: Known,
    *,
    object_format: str,
    stop: Callable[[], None] = lambda: None,
) -> Scan:
    """Compare ``folder`` with what is known of it, and learn; reads only what looks different.

    Raises as :func:`scan` does; ``stop`` is called for each folder and may raise.
    """
    result = Scan()
    rows, root = known.rows, os.fsencode(folder)
    secrets = set(known.hidden)
    seen: set[bytes] = set()
    empty = []
    folders = [b""]
    while folders:
        stop()
        prefix = folders.pop()
        with os.scandir(os.path.join(root, prefix)) as found:
            items = list(found)
        if not items and prefix:
            empty.append(prefix)
        for item in items:
            raw = prefix + item.name
            if is_dot_git(path_text(item.name)):
                raise HostilePath(path_text(raw), "it would touch a .git folder")
            row = rows.get(raw)
            if item.is_dir(follow_symlinks=False):
                if path_text(raw) in secrets:
                    raise HostilePath(path_text(raw), _STAYS_HOME)
                if row and row[0] == GITLINK:
                    _require_empty(root, raw)
                    seen.add(raw)
                else:
                    folders.append(raw + b"/")
                continue
            seen.add(raw)
            if row and row[2] and row[2] == signature(item.stat(follow_symlinks=False)):
                continue
            path = path_text(raw)
            entry, data, status = read_entry(item, path, object_format)
            if row is None or row[:2] != (entry.mode, entry.blob):
                _require_allowed(path, entry, data, secrets)
                result.puts[path] = entry
                result.blobs[entry.blob] = data
            known.learn(raw, entry, status)
    for raw in [raw for raw in rows if raw not in seen] if len(seen) != len(rows) else ():
        del rows[raw]
        result.puts[path_text(raw)] = None
    known.empty = tuple(empty)
    return result


def read_entry(
    item: os.DirEntry[bytes], path: str, object_format: str
) -> tuple[Entry, bytes, os.stat_result]:
    """Return what a file or link holds, and how it looked before that was read."""
    status = item.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        mode, data = SYMLINK, os.readlink(item.path)
    elif stat.S_ISREG(status.st_mode):
        fd = os.open(item.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            data = file.read()
        mode = EXECUTABLE if status.st_mode & 0o100 else FILE
    else:
        raise HostilePath(path, "it is neither a file nor a symbolic link")
    return Entry(mode, BlobId(object_id("blob", data, object_format))), data, status


def _require_allowed(path: str, entry: Entry, data: bytes, secrets: set[str]) -> None:
    reason = refusal(path)
    if reason is None and (path in secrets or is_secret(path)):
        reason = _STAYS_HOME
    if reason is None and entry.mode == SYMLINK:
        reason = link_refusal(path, data)
    if reason:
        raise HostilePath(path, reason)


def _require_empty(root: bytes, raw: bytes) -> None:
    if os.listdir(os.path.join(root, raw)):
        path = path_text(raw)
        raise HostilePath(path, "it is a submodule; its files belong to another repository")
