"""Find out what a workspace holds by reading it, byte for byte.

Nothing an agent reports and no time stamp is believed. What may not be written is refused by
name; what was withheld from the agent is carried over unchanged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from clubos_tui.changes.manifest import (
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    BlobId,
    Entry,
    path_text,
)
from clubos_tui.changes.paths import is_dot_git, link_refusal, refusal
from clubos_tui.errors import HostilePath
from clubos_tui.repository.objects import object_id
from clubos_tui.workspace.secrets import is_secret

_STAYS_HOME = "it is a secret by its name, and those stay home"


@dataclass(slots=True)
class Scan:
    """What differs from the known tree: path → entry (``None`` where it is gone), new contents."""

    puts: dict[str, Entry | None] = field(default_factory=dict)
    blobs: dict[BlobId, bytes] = field(default_factory=dict)


def scan(
    folder: str,
    known: Mapping[str, Entry],
    *,
    object_format: str,
    withheld: Collection[str] = (),
) -> Scan:
    """Compare ``folder`` with ``known`` (the tree it held when last looked at).

    Raises :class:`HostilePath` for the first path that may never be written, a special file, or a
    secret that was withheld.
    """
    result = Scan()
    seen: set[str] = set()
    gitlinks = {path for path, entry in known.items() if entry.mode == GITLINK}
    secrets = set(withheld)
    folders = [b""]
    root = os.fsencode(folder)
    while folders:
        prefix = folders.pop()
        with os.scandir(os.path.join(root, prefix) if prefix else root) as found:
            for item in found:
                raw = prefix + item.name
                path = path_text(raw)
                if is_dot_git(path_text(item.name)):
                    raise HostilePath(path, "it would touch a .git folder")
                if item.is_dir(follow_symlinks=False):
                    if path in secrets:
                        raise HostilePath(path, _STAYS_HOME)
                    if path in gitlinks:
                        _require_empty(root, raw, path)
                        seen.add(path)
                    else:
                        folders.append(raw + b"/")
                    continue
                entry, data = _entry(item, path, object_format)
                seen.add(path)
                if known.get(path) != entry:
                    _require_allowed(path, entry, data, secrets)
                    result.puts[path] = entry
                    result.blobs[entry.blob] = data
    for path in known:
        if path not in seen and path not in secrets:
            result.puts[path] = None
    return result


def _entry(item: os.DirEntry[bytes], path: str, object_format: str) -> tuple[Entry, bytes]:
    status = item.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        mode, data = SYMLINK, os.readlink(item.path)
    elif stat.S_ISREG(status.st_mode):
        mode = EXECUTABLE if status.st_mode & 0o100 else FILE
        fd = os.open(item.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            data = file.read()
    else:
        raise HostilePath(path, "it is neither a file nor a symbolic link")
    return Entry(mode, BlobId(object_id("blob", data, object_format))), data


def _require_allowed(path: str, entry: Entry, data: bytes, secrets: set[str]) -> None:
    reason = refusal(path)
    if reason is None and (path in secrets or is_secret(path)):
        reason = _STAYS_HOME
    if reason is None and entry.mode == SYMLINK:
        reason = link_refusal(path, data)
    if reason:
        raise HostilePath(path, reason)


def _require_empty(root: bytes, raw: bytes, path: str) -> None:
    if os.listdir(os.path.join(root, raw)):
        raise HostilePath(path, "it is a submodule; its files belong to another repository")
