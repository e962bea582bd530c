"""All that comes before a commit: look, back up, stage. The folder itself is only read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import Record
from clubos_tui.apply.staging import new_name
from clubos_tui.apply.standing import entry_of, same, standing
from clubos_tui.apply.vault import VaultWriter
from clubos_tui.changes.manifest import SYMLINK, path_bytes
from clubos_tui.disk import (
    AS_REPLACED,
    UMASK,
    Found,
    NotAFile,
    Root,
    copy_attributes,
    is_folder,
    make_file,
    permissions_for,
    sync_file_system,
)
from clubos_tui.errors import ApplyFailed


class Preparation:
    """Looks at every path of an intent, keeps what it replaces, stages what it brings."""

    def __init__(self, record: Record, hooks: Hooks) -> None:
        self._record = record
        self._intent = record.intent
        self._hooks = hooks
        self._present: dict[str, Found] = {}
        self._wrong: dict[str, None] = {}

    def look(self) -> list[str]:
        """Read every path; return those that are not as the change expects them."""
        gone = {write.path for write in self._intent.writes if write.after is None}
        with Root(self._intent.root, keep=True) as root:
            for write in self._intent.writes:
                try:
                    found = root.read(write.path)
                except (NotADirectoryError, NotAFile):
                    found = None
                    if not self._makes_room(write.path, gone):
                        self._wrong[write.path] = None
                        continue
                if standing(found, write, self._intent.object_format) != "before":
                    self._wrong[write.path] = None
                elif found:
                    self._present[write.path] = found
        return list(self._wrong)

    def _makes_room(self, path: str, gone: set[str]) -> bool:
        """Tell whether what stands in a new file's way is all deleted by this transaction."""
        parts = path.split("/")
        if any("/".join(parts[:depth]) in gone for depth in range(1, len(parts))):
            return True
        folder = os.path.join(os.fsencode(self._intent.root), path_bytes(path))
        if not is_folder(folder):
            return False
        prefix = len(os.fsencode(self._intent.root)) + 1
        inside = [
            os.path.join(top, name)[prefix:].decode("utf-8", "surrogateescape")
            for top, _, names in os.walk(folder, onerror=_refuse)
            for name in names
        ]
        return bool(inside) and gone.issuperset(inside)

    def back_up(self) -> None:
        """Put what will be replaced or removed into the vault, and have it read back (P5)."""
        vault = VaultWriter(
            self._intent.vault,
            durable=self._record.durable,
            alone=self._intent.place == "checkout",  # a stage lies beside the backups
        )
        try:
            for path, found in self._present.items():
                self._hooks.stop_if_cancelled()
                vault.add(path, found)
            vault.seal()
        finally:
            vault.close()

    def stage(self) -> set[int]:
        """Write the new files beside the folder, durably; return the numbers of their writes."""
        done = set()
        staged = [item for item in enumerate(self._intent.writes) if item[1].after]
        fd = os.open(self._intent.staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number, write in staged:
                if write.path in self._wrong:
                    continue
                self._hooks.stop_if_cancelled()
                found = self._hooks.content(write)
                if not same(entry_of(found, self._intent.object_format), write.wanted):
                    raise ApplyFailed(
                        f"the bytes for {write.path!r} are not the approved ones",
                        untouched="No file was changed.",
                        cure="Run `git fsck`, then propose the phase again.",
                    )
                permissions = _permissions(found, self._present.get(write.path))
                make_file(fd, new_name(number), Found(found.mode, found.data, permissions))
                done.add(number)
                theirs = self._intent.place == "checkout" and write.path in self._present
                if theirs and found.mode != SYMLINK:
                    copy_attributes(self._intent.root, write.path, fd, new_name(number))
        finally:
            os.close(fd)
        if self._record.durable:
            sync_file_system(self._intent.staging)  # once, however many files there are
        return done

    def missing_folders(self) -> list[str]:
        """Return the folders that the new files need and that are not there."""
        missing: dict[str, None] = {}
        root = os.fsencode(self._intent.root)
        for write in self._intent.writes:
            if write.after and write.path not in self._wrong:
                parts = write.path.split("/")[:-1]
                for depth in range(1, len(parts) + 1):
                    folder = os.path.join(root, path_bytes("/".join(parts[:depth])))
                    # A file that is about to make room counts as missing too.
                    if not is_folder(folder):
                        missing["/".join(parts[:depth])] = None
        return list(missing)

    def folder_modes(self) -> dict[str, int]:
        """Return the permissions of folders that a deletion may empty, where they are not usual."""
        parts = [write.path.split("/")[:-1] for write in self._intent.writes if write.after is None]
        folders = {"/".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)}
        modes = {}
        for folder in sorted(folders):
            with suppress(OSError):
                status = os.lstat(os.path.join(self._intent.root, folder))
                modes[folder] = stat.S_IMODE(status.st_mode)
        return {folder: mode for folder, mode in modes.items() if mode != 0o777 & ~UMASK}


def _refuse(error: OSError) -> None:
    """Raise what ``os.walk`` would pass over: a folder that can't be read is not empty."""
    raise error


def _permissions(found: Found, present: Found | None) -> int:
    """Return the bits for a staged file: those it had, unless someone changed them since."""
    if found.permissions == AS_REPLACED:
        return permissions_for(found.mode, present, UMASK)
    if present is None or present.mode == SYMLINK:
        return found.permissions
    ours = permissions_for(present.mode, found, UMASK)  # what the write before this one gave it
    if present.permissions == ours:
        return found.permissions
    return permissions_for(found.mode, present, UMASK)
