"""Find out what a workspace holds by its bytes.

Nothing an agent reports is believed. What may not be written is refused by name; what was
withheld from the agent is carried over unchanged.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
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
from clubos_tui.disk import looks_of
from clubos_tui.errors import HostilePath
from clubos_tui.repository.objects import object_id
from clubos_tui.workspace.known import Known, Row
from clubos_tui.workspace.secrets import is_secret
from clubos_tui.workspace.untracked import Untracked, lies_in

MOST_BYTES = 2 << 30
"""Of all that differs: it is held in memory, and a file full of holes costs an agent no disk."""
_STAYS_HOME = "it is a secret by its name, and those stay home"


@dataclass(slots=True)
class Scan:
    """What differs from the known tree: path → entry (``None`` where it is gone), new contents."""

    puts: dict[str, Entry | None] = field(default_factory=dict)
    blobs: dict[BlobId, bytes] = field(default_factory=dict)
    left: set[bytes] = field(default_factory=set)  # behind, as git ignores it; a folder ends in /


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
    touched: Collection[bytes] | None = None,
    stop: Callable[[], None] = lambda: None,
    way: Way | None = None,
) -> Scan:
    """Compare ``folder`` with what is known of it, and learn; reads only what looks different.

    ``touched`` names the only paths that can differ; folders among them end in ``/``. Raises as
    :func:`scan` does; ``stop`` is called for each folder and may raise.
    """
    looking = _Look(folder, known, object_format, way or Way())
    if touched is None:
        looking.below(b"", stop)
        looking.miss([raw for raw in known.rows if raw not in looking.seen])
        known.empty = tuple(looking.empty)
        return looking.result
    looking.go_on()
    for raw in sorted(touched):
        if raw.endswith(b"/"):
            looking.below(raw, stop)
    looking.some([raw for raw in touched if not raw.endswith(b"/")])
    looking.forget(touched)
    known.empty = (*known.empty, *looking.empty)
    return looking.result


@dataclass(frozen=True, slots=True)
class Way:
    """How a look goes on: past what is untracked, and telling where it goes."""

    untracked: Untracked | None = None  # without it, nothing is left behind
    left: Collection[bytes] = ()  # by the look before
    entered: Callable[[bytes], None] = lambda _folder: None  # called before a folder is looked at


class _Look:
    """One look at a folder: what was seen, what differs."""

    def __init__(self, folder: str, known: Known, object_format: str, way: Way) -> None:
        self.result = Scan()
        self.seen: set[bytes] = set()
        self.empty: list[bytes] = []
        self._bytes = 0
        self._directories: dict[bytes, bool] = {}
        self._root = os.fsencode(folder)
        self._known = known
        self._secrets = set(known.hidden)
        self._format = object_format
        self._way = way

    def below(self, start: bytes, stop: Callable[[], None]) -> None:
        """Look at everything in a folder that is not left behind."""
        if lies_in(start, self.result.left) or not self._is_real(start.rstrip(b"/")):
            return
        if start:
            _require_no_git(start)
            if not self._is_folder(start[:-1]) or self._leave([start]):
                return
        folders = [start]
        while folders:
            stop()
            prefix = folders.pop()
            self._way.entered(prefix)
            with (
                suppress(FileNotFoundError),  # it came and went
                os.scandir(os.path.join(self._root, prefix)) as found,
            ):
                items = list(found)
                if not items and prefix:
                    self.empty.append(prefix)
                folders += self._items(prefix, items)

    def _items(self, prefix: bytes, items: list[os.DirEntry[bytes]]) -> Iterator[bytes]:
        """Look at what is in a folder; yield the folders among it that are to be looked at."""
        rows, untracked = self._known.rows, self._way.untracked
        unknown: dict[bytes, os.DirEntry[bytes]] = {}
        for item in items:
            raw = prefix + item.name
            _require_no_git(raw)
            if item.is_dir(follow_symlinks=False):
                if untracked and not untracked.tracks(raw + b"/"):
                    unknown[raw + b"/"] = item
                elif self._is_folder(raw):
                    yield raw + b"/"
            elif raw in rows or untracked is None:
                self._file(raw, item.stat(follow_symlinks=False))
            else:
                unknown[raw] = item
        left = self._leave(unknown)
        for raw, item in unknown.items():
            if raw in left:
                continue
            if raw.endswith(b"/"):
                yield raw
            else:
                self._file(raw, item.stat(follow_symlinks=False))

    def _leave(self, paths: Collection[bytes]) -> set[bytes]:
        """Leave behind what git ignores of these, and return it."""
        untracked = self._way.untracked
        left = untracked.among(paths) if untracked and paths else set()
        self.result.left |= left
        return left

    def go_on(self) -> None:
        """Take what was left behind as it was: only what was touched can have gone."""
        self.result.left = set(self._way.left)

    def some(self, touched: Collection[bytes]) -> None:
        """Look at paths that may hold a file or none."""
        left = self.result.left
        paths = [raw for raw in touched if not lies_in(raw, left)]
        new = [raw for raw in paths if raw not in self._known.rows and self._is_file(raw)]
        self._leave(new)
        self.miss([raw for raw in paths if raw not in left and not self._at(raw)])

    def forget(self, touched: Collection[bytes]) -> None:
        """Forget of what is left behind that which is gone."""
        left = self.result.left
        for name in {raw.rstrip(b"/") for raw in touched}:
            if name in left and not self._is_file(name):
                left.discard(name)
            if name + b"/" in left and not stat.S_ISDIR(self._mode(name)):
                left.discard(name + b"/")

    def _is_file(self, raw: bytes) -> bool:
        """Tell whether anything but a folder is there."""
        return not stat.S_ISDIR(self._mode(raw) or stat.S_IFDIR)

    def _mode(self, raw: bytes) -> int:
        """Return the mode of what is there, 0 for nothing; nothing is there through a link."""
        if self._is_real(raw.rpartition(b"/")[0]):
            with suppress(FileNotFoundError):
                return os.lstat(os.path.join(self._root, raw)).st_mode
        return 0

    def _at(self, raw: bytes) -> bool:
        """Look at one path; ``False`` where no file is there."""
        _require_no_git(raw)
        if not self._is_real(raw.rpartition(b"/")[0]):
            return False
        for depth in range(1, raw.count(b"/") + 1):
            above = b"/".join(raw.split(b"/")[:depth])
            if above in self._known.rows:
                self._is_folder(above)
        try:
            status = os.lstat(os.path.join(self._root, raw))
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            return not self._is_folder(raw)
        self._file(raw, status)
        return True

    def _is_real(self, folder: bytes) -> bool:
        """Tell whether ``folder`` is one, and is reached through no symbolic link."""
        parts = folder.split(b"/") if folder else []
        return all(self._is_directory(b"/".join(parts[: at + 1])) for at in range(len(parts)))

    def _is_directory(self, raw: bytes) -> bool:
        known = self._directories.get(raw)
        if known is None:
            known = False
            with suppress(FileNotFoundError):
                known = stat.S_ISDIR(os.lstat(os.path.join(self._root, raw)).st_mode)
            self._directories[raw] = known
        return known

    def miss(self, paths: Iterable[bytes]) -> None:
        """Note that nothing is at these paths any more."""
        for raw in paths:
            if self._known.rows.pop(raw, None):
                self.result.puts[path_text(raw)] = None
                self.empty.append(raw.rpartition(b"/")[0])  # perhaps

    def _is_folder(self, raw: bytes) -> bool:
        """Tell a folder from a submodule's place, which must stay empty."""
        if path_text(raw) in self._secrets:
            raise HostilePath(path_text(raw), _STAYS_HOME)
        row = self._known.rows.get(raw)
        if row is None or row[0] != GITLINK:
            return True
        if os.listdir(os.path.join(self._root, raw)):
            raise HostilePath(
                path_text(raw), "it is a submodule; its files belong to another repository"
            )
        self.seen.add(raw)
        return False

    def _file(self, raw: bytes, status: os.stat_result) -> None:
        self.seen.add(raw)
        row = self._known.rows.get(raw)
        if row and row[2] and row[2] == looks_of(status):
            return
        path = path_text(raw)
        if self._bytes + status.st_size > MOST_BYTES:
            raise HostilePath(path, f"with it more than {MOST_BYTES >> 20:,} MiB would differ")
        entry, data, status = read_entry(self._root, raw, status, self._format)
        if row is None or row[:2] != (entry.mode, entry.blob):
            _require_allowed(path, entry, data, self._secrets)
            self.result.puts[path] = entry
            self.result.blobs[entry.blob] = data
            self._bytes += len(data)
        self._known.learn(raw, entry, status)


def _require_no_git(raw: bytes) -> None:
    if is_dot_git(path_text(raw.rstrip(b"/").rpartition(b"/")[2])):
        raise HostilePath(path_text(raw.rstrip(b"/")), "it would touch a .git folder")


def read_entry(
    root: bytes, raw: bytes, status: os.stat_result, object_format: str
) -> tuple[Entry, bytes, os.stat_result]:
    """Return what a file or link holds, and how it looked before that was read."""
    place = os.path.join(root, raw)
    if stat.S_ISLNK(status.st_mode):
        mode, data = SYMLINK, os.readlink(place)
    elif stat.S_ISREG(status.st_mode):
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            data = file.read()
        mode = EXECUTABLE if status.st_mode & 0o100 else FILE
    else:
        raise HostilePath(path_text(raw), "it is neither a file nor a symbolic link")
    return Entry(mode, BlobId(object_id("blob", data, object_format))), data, status


def _require_allowed(path: str, entry: Entry, data: bytes, secrets: set[str]) -> None:
    reason = refusal(path)
    if reason is None and (path in secrets or is_secret(path)):
        reason = _STAYS_HOME
    if reason is None and entry.mode == SYMLINK:
        reason = link_refusal(path, data)
    if reason:
        raise HostilePath(path, reason)
