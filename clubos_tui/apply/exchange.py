"""One path of a transaction: bring it to *after*, or back to *before*, and look at what came out.

A file is never without a name, and never written over: it changes places with the one that waits
(``RENAME_EXCHANGE``). What comes out is compared; if it is not what it should be, somebody edited
it a moment ago, and it goes back. Every step may be repeated after a crash.
"""

from __future__ import annotations

import os
from contextlib import suppress

from clubos_tui.apply.record import Intent
from clubos_tui.apply.staging import KEEPS_FOLDER, NO_FILE, Staging, held, new_name, old_name
from clubos_tui.apply.standing import Standing, standing
from clubos_tui.changes.manifest import Write
from clubos_tui.disk import Found, NotAFile, Root, exchange, move_new


def side_of(root: Root, write: Write, object_format: str) -> Standing:
    """Say which side of ``write`` the disk is on."""
    try:
        found = root.read(write.path)
    except (NotADirectoryError, NotAFile):
        # Something else stands there: to the file itself that is as good as nothing.
        found = None
    return standing(found, write, object_format)


class Exchange:
    """Exchanges single paths of an open folder with the staging folder."""

    def __init__(self, intent: Intent, root: Root, staging: Staging) -> None:
        self._intent = intent
        self._root = root
        self._staging = staging

    def forward(self, number: int, write: Write) -> bool:
        """Bring one path to *after*; return whether it was left to someone else's edit."""
        if write.after is None:
            return self._delete(number, write)
        if write.before is None:
            return self._create(number, write)
        return self._replace(number, write)

    def back(self, number: int, write: Write) -> bool:
        """Bring one path that holds our bytes to *before*; return whether it was moved."""
        with suppress(FileNotFoundError, FileExistsError, NotADirectoryError):
            if self._now(write) != "after":
                return False
            with self._root.parent(write.path, make=[]) as (fd, name):
                if write.after is None:
                    if self._staging.held(old_name(number)) is None:
                        return False
                    move_new(self._staging.fd, old_name(number), fd, name)
                elif write.before is None:
                    move_new(fd, name, self._staging.fd, new_name(number))
                    if self._side(self._staging.held(new_name(number)), write) != "after":
                        # Their edit stays where it was.
                        move_new(self._staging.fd, new_name(number), fd, name)
                else:
                    exchange(self._staging.fd, new_name(number), fd, name)
                    if self._side(self._staging.held(new_name(number)), write) != "after":
                        exchange(self._staging.fd, new_name(number), fd, name)
            return True
        return False

    def remove_folders(self, folders: list[str] | tuple[str, ...]) -> None:
        """Remove those of ``folders`` that are empty, the deepest first."""
        for folder in sorted(folders, key=lambda name: -name.count("/")):
            try:
                with self._root.parent(folder) as (fd, name):
                    os.rmdir(name, dir_fd=fd)
            except OSError as error:
                if error.errno not in KEEPS_FOLDER:
                    raise

    def _create(self, number: int, write: Write) -> bool:
        if number not in self._staging.fresh and self._staging.held(new_name(number)) is None:
            return self._now(write) != "after"  # moved before a crash
        try:
            with self._root.parent(write.path, make=[]) as (fd, name):
                move_new(self._staging.fd, new_name(number), fd, name)
        except (FileExistsError, NotADirectoryError):
            return True
        return False

    def _replace(self, number: int, write: Write) -> bool:
        waits = "after"
        if number not in self._staging.fresh:
            staged = self._staging.held(new_name(number))
            waits = self._side(staged, write) if staged else "before"
        if waits == "before":
            return self._now(write) != "after"  # exchanged before a crash
        try:
            with self._root.parent(write.path) as (fd, name):
                if waits == "after":
                    exchange(self._staging.fd, new_name(number), fd, name)
                    self._staging.fresh.discard(number)
                came_out = self._staging.held(new_name(number))
                if self._side(came_out, write) != "before":
                    exchange(self._staging.fd, new_name(number), fd, name)  # their edit goes back
                    return True
        except (FileNotFoundError, NotADirectoryError):
            return True
        if came_out:
            self._staging.is_kept(new_name(number), came_out)
        return False

    def _delete(self, number: int, write: Write) -> bool:
        try:
            with self._root.parent(write.path) as (fd, name):
                if self._staging.held(old_name(number)) is None:
                    present = held(fd, name)
                    if present is None:
                        return False  # gone already, as it should be
                    if present is NO_FILE:
                        return True
                    move_new(fd, name, self._staging.fd, old_name(number))
                moved = self._staging.held(old_name(number))
                if self._side(moved, write) != "before":
                    with suppress(FileExistsError):  # then both stay, theirs in the staging folder
                        move_new(self._staging.fd, old_name(number), fd, name)
                    return True
                if moved:
                    self._staging.is_kept(old_name(number), moved)
        except FileNotFoundError:
            if self._staging.held(old_name(number)) is None:
                return False
            # Moved before a crash, and its folder is gone; those above it may still be there.
        except NotADirectoryError:
            return True
        self._remove_emptied(write.path)
        return False

    def _remove_emptied(self, path: str) -> None:
        parts = path.split("/")[:-1]
        folders = ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
        allowed = self._intent.folders.removable
        self.remove_folders([folder for folder in folders if allowed is None or folder in allowed])

    def _now(self, write: Write) -> Standing:
        return side_of(self._root, write, self._intent.object_format)

    def _side(self, found: Found | None, write: Write) -> Standing:
        return standing(found, write, self._intent.object_format)
