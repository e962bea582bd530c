"""Write a change set into a folder, all of it or nothing, and never over anybody's edit.

1. **begin**: the intent is durable.
2. **prepare**: each path holds what it should (else refuse, or leave it out and say so); its
   bytes go to the vault, which is read back; the new files are staged and flushed.
3. **commit**: the one point of no return: a line in the record, or a ref's compare-and-swap.
4. **switch**: each path is exchanged with its staged file, and *what came out* is compared; an
   edit made in the meantime is exchanged back and listed.
5. **finish**: every path is compared afresh; only then is the word *done* written.

Before the commit a failure leaves everything as it was; after it, the same code goes forward
again in :mod:`clubos_tui.apply.recover`, or back where a write is impossible.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from clubos_tui.apply.hooks import Cancelled, Effect, Hooks, PathMoved, PathVerified, Result
from clubos_tui.apply.prepare import Preparation, new_name
from clubos_tui.apply.record import Intent, Progress, Record
from clubos_tui.apply.standing import Standing, standing
from clubos_tui.changes.manifest import Write
from clubos_tui.disk import (
    Found,
    NotAFile,
    exchange,
    move_new,
    parent_of,
    read_at,
    read_path,
    sync_file_system,
)
from clubos_tui.errors import ApplyFailed, InTheWay
from clubos_tui.events import Left


class Transaction:
    """One transaction on one folder; see the module for its course."""

    def __init__(self, record: Record, hooks: Hooks) -> None:
        self.record = record
        self.intent: Intent = record.intent
        self._hooks = hooks
        self._left: dict[str, Left] = {left.path: left for left in record.last.left}
        self._removed: list[str] = list(record.last.removed)

    # --- 2. prepare ---------------------------------------------------------------------------

    def prepare(self, *, on_mismatch: Literal["refuse", "leave"], index_sha256: str = "") -> None:
        """Check, back up, stage and flush; on any failure everything is as it was."""
        try:
            os.makedirs(self.intent.root, exist_ok=True)
            os.makedirs(self.intent.staging, mode=0o700)
            preparation = Preparation(self.record, self._hooks)
            wrong = preparation.look()
            if wrong and on_mismatch == "refuse":
                raise InTheWay(wrong, "these files are not as the change expects them")
            self._left = {path: Left(path, "changed since") for path in wrong}
            self._hooks.step("checked")
            preparation.back_up()
            self._hooks.step("backed up")
            made = preparation.missing_folders()
            preparation.stage()
            self._hooks.stop_if_cancelled()
            left = tuple(self._left.values())
            self.record.add(
                Progress("prepared", made=tuple(made), left=left, index_sha256=index_sha256)
            )
            self._hooks.step("prepared")
        except BaseException as error:
            self.abandon()
            if isinstance(error, OSError):
                raise ApplyFailed(
                    f"the change could not be prepared: {error.strerror or error}",
                    untouched="No file was changed; what had been staged was removed.",
                    cure="Free space or permissions as the message says, then try again.",
                ) from error
            raise

    def abandon(self) -> None:
        """End as *undone*: every path is before, or was left to someone else's edit."""
        if self.record.last.state in {"committed", "reverting"}:
            # What was exchanged may be needed until it is written that nobody will ask for it.
            with suppress(OSError):
                self.record.add(Progress("undone", left=tuple(self._left.values())))
                self.clear_staging()
            return
        with suppress(OSError):  # a full disk: the record stays open, and recovery says the same
            self._clear_staging(exchanged=False)
            self.record.add(Progress("undone"))

    def look_again(self) -> None:
        """Take the last look before a commit; :class:`InTheWay` where an edit slipped in."""
        wrong = [write.path for write in self.intent.writes if self._now(write) != "before"]
        wrong = [path for path in wrong if path not in self._left]
        if wrong:
            raise InTheWay(wrong, "these files changed a moment ago")

    # --- 3. commit ----------------------------------------------------------------------------

    def commit(self) -> None:
        """Write the point of no return."""
        prepared = self.record.last
        self.record.add(
            Progress("committed", prepared.made, prepared.removed, prepared.left,
                     prepared.index_sha256)
        )  # fmt: skip
        self._hooks.step("committed")

    # --- 4. switch ----------------------------------------------------------------------------

    def switch(self) -> None:
        """Exchange each path with its staged file; may be called again after a crash.

        Where a write is impossible, or a person interrupts, every path goes back and the error
        is raised; the caller then takes the commit back and calls :meth:`abandon`.
        """
        order = sorted(
            enumerate(self.intent.writes), key=lambda item: (item[1].after is not None, item[0])
        )
        done = 0
        try:
            with self._staging() as staging:
                for number, write in order:
                    if write.path in self._left:
                        continue
                    self._hooks.stop_if_cancelled()
                    done += 1
                    reason = self._switch_one(staging, number, write)
                    if reason:
                        self._left[write.path] = Left(write.path, "changed since")
                    self._announce(write, done, left=reason)
                    self._hooks.step(f"switched {write.path}")
        except (OSError, Cancelled) as error:
            committed = self.record.last
            with suppress(OSError):
                self.record.add(replace(committed, state="reverting"))
            theirs = self.go_back()
            if isinstance(error, OSError):
                but = f"; not those changed meanwhile: {', '.join(theirs)}" if theirs else ""
                raise ApplyFailed(
                    f"{os.fsdecode(error.filename or b'a file')} could not be written: "
                    f"{error.strerror}",
                    untouched=f"Every file is back as it was before{but}.",
                    cure="Mend the permissions or the disk, then try again.",
                ) from error
            raise

    def go_back(self) -> list[str]:
        """Bring every path that holds our bytes to *before*; may be called again after a crash.

        Returns what is not as before all the same, found by a fresh comparison.
        """
        with self._staging() as staging:
            for number, write in reversed(list(enumerate(self.intent.writes))):
                if write.after is not None:
                    self._switch_back(staging, number, write)
            self._remove_folders(self.record.last.made)
            for number, write in enumerate(self.intent.writes):
                if write.after is None:
                    self._switch_back(staging, number, write)
        known = set(self._left)
        self._compare("before")
        return [path for path in self._left if path not in known]

    def _compare(self, wanted: Literal["before", "after"]) -> int:
        """Compare every path of ours afresh; one that differs is left alone. Returns how many."""
        done, total = 0, len(self.intent.writes)
        for write in self.intent.writes:
            if write.path in self._left:
                continue
            found = self._now(write)
            if found == wanted:
                done += 1
            else:
                self._left[write.path] = Left(write.path, "changed since")
            self._hooks.verified(PathVerified(write.path, found, wanted, done, total))
        return done

    def _switch_one(self, staging: int, number: int, write: Write) -> bool:
        """Bring one path to *after*; return whether it was left to someone else's edit."""
        if write.after is None:
            return self._delete(staging, number, write)
        staged = _held(staging, new_name(number))
        if write.before is None:
            if staged is None:  # moved before a crash
                return self._now(write) != "after"
            try:
                with parent_of(self.intent.root, write.path, make=[]) as (fd, name):
                    move_new(staging, new_name(number), fd, name)
            except (FileExistsError, NotADirectoryError):
                return True
            return False
        if staged is None or standing(staged, write, self.intent.object_format) == "before":
            return self._now(write) != "after"  # exchanged before a crash
        try:
            with parent_of(self.intent.root, write.path) as (fd, name):
                if standing(staged, write, self.intent.object_format) == "after":
                    exchange(staging, new_name(number), fd, name)
                came_out = _held(staging, new_name(number))
                if standing(came_out, write, self.intent.object_format) != "before":
                    exchange(staging, new_name(number), fd, name)  # their edit goes back
                    return True
        except (FileNotFoundError, NotADirectoryError):
            return True
        return False

    def _delete(self, staging: int, number: int, write: Write) -> bool:
        try:
            with parent_of(self.intent.root, write.path) as (fd, name):
                if _held(staging, _old(number)) is None:
                    present = _held(fd, name)
                    if present is None:
                        return False  # gone already, as it should be
                    if present is _NO_FILE:
                        return True
                    move_new(fd, name, staging, _old(number))
                moved = _held(staging, _old(number))
                if standing(moved, write, self.intent.object_format) != "before":
                    with suppress(FileExistsError):  # then both stay, theirs in the staging folder
                        move_new(staging, _old(number), fd, name)
                    return True
        except FileNotFoundError:
            if _held(staging, _old(number)) is None:
                return False
            # Moved before a crash, and its folder is gone; those above it may still be there.
        except NotADirectoryError:
            return True
        self._remove_emptied(write.path)
        return False

    def _switch_back(self, staging: int, number: int, write: Write) -> None:
        form = self.intent.object_format
        with suppress(FileNotFoundError, FileExistsError, NotADirectoryError):
            if self._now(write) != "after":
                return
            with parent_of(self.intent.root, write.path, make=[]) as (fd, name):
                if write.after is None:
                    if _held(staging, _old(number)) is None:
                        return
                    move_new(staging, _old(number), fd, name)
                elif write.before is None:
                    move_new(fd, name, staging, new_name(number))
                    if standing(_held(staging, new_name(number)), write, form) != "after":
                        move_new(
                            staging, new_name(number), fd, name
                        )  # their edit stays where it was
                else:
                    exchange(staging, new_name(number), fd, name)
                    if standing(_held(staging, new_name(number)), write, form) != "after":
                        exchange(staging, new_name(number), fd, name)
            self._tell(write, "return", 0, left=False)

    def _announce(self, write: Write, done: int, *, left: bool) -> None:
        effect: Effect = "replace"
        if write.before is None:
            effect = "create"
        elif write.after is None:
            effect = "delete"
        self._tell(write, effect, done, left=left)

    def _tell(self, write: Write, effect: Effect, done: int, *, left: bool) -> None:
        self._hooks.moved(
            PathMoved(
                write.path,
                effect,
                write.before.blob if write.before else "",
                write.after.blob if write.after else "",
                done,
                len(self.intent.writes),
                left,
            )
        )

    # --- 5. finish ----------------------------------------------------------------------------

    def finish(self) -> Result:
        """Compare every path afresh, clear the staging folder and write *done*."""
        verified = self._compare("after")
        done = [write for write in self.intent.writes if write.path not in self._left]
        restored = sum(write.after is not None for write in done)
        if self.record.durable:
            sync_file_system(self.intent.root)
        self._hooks.step("verified")
        left = tuple(self._left.values())
        committed = self.record.last
        self.clear_staging()  # first: nobody looks after a transaction that is done
        self.record.add(
            Progress("done", committed.made, tuple(self._removed), left, committed.index_sha256)
        )
        return Result(verified, restored, verified - restored, left)

    def count(self, side: Standing) -> int:
        """Return how many paths are on one side now."""
        return sum(self._now(write) == side for write in self.intent.writes)

    # --- the folder ---------------------------------------------------------------------------

    def _now(self, write: Write) -> Standing:
        try:
            found = read_path(self.intent.root, write.path)
        except (NotADirectoryError, NotAFile):
            # Something else stands there: to the file itself that is as good as nothing.
            found = None
        return standing(found, write, self.intent.object_format)

    def _remove_emptied(self, path: str) -> None:
        parts = path.split("/")[:-1]
        folders = ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
        allowed = self.intent.removable
        self._remove_folders([folder for folder in folders if allowed is None or folder in allowed])

    def _remove_folders(self, folders: list[str] | tuple[str, ...]) -> None:
        for folder in sorted(folders, key=lambda name: -name.count("/")):
            try:
                with parent_of(self.intent.root, folder) as (fd, name):
                    os.rmdir(name, dir_fd=fd)
                    self._removed.append(folder)
            except OSError as error:
                if error.errno not in _KEEPS_FOLDER:
                    raise

    def _staging(self) -> _Folder:
        os.makedirs(self.intent.staging, mode=0o700, exist_ok=True)
        return _Folder(self.intent.staging)

    def clear_staging(self) -> None:
        """Remove the staged files whose bytes we know; another's edit among them stays."""
        self._clear_staging(exchanged=True)

    def _clear_staging(self, *, exchanged: bool) -> None:
        """Remove our staged files; once names were exchanged, only those whose bytes we know."""
        ours = {
            name
            for number in range(len(self.intent.writes))
            for name in (new_name(number), _old(number))
        }
        ours |= {b"index", b"index.lock"}  # the latter from a git that was killed with us
        with suppress(FileNotFoundError):
            folder = os.fsencode(self.intent.staging)
            for name in os.listdir(folder):
                if name in ours and (not exchanged or self._is_ours(folder, name)):
                    os.unlink(os.path.join(folder, name))
            try:
                os.rmdir(folder)
            except OSError as error:
                if error.errno not in _KEEPS_FOLDER:
                    raise

    def _is_ours(self, folder: bytes, name: bytes) -> bool:
        if name.startswith(b"index"):
            return True
        number = int(name.split(b".")[0])
        with _Folder(os.fsdecode(folder)) as fd:
            found = _held(fd, name)
        return standing(found, self.intent.writes[number], self.intent.object_format) != "other"


# Not empty, gone, in use as a mount point, or no folder any more: fine where one should go.
_KEEPS_FOLDER = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY, errno.ENOTDIR}


class _Folder:
    """An open folder's descriptor for the length of a ``with``."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


_NO_FILE = Found("", b"")  # a folder, a pipe: never what a tree holds


def _held(fd: int, name: bytes) -> Found | None:
    """Return what lies at ``name``; :data:`_NO_FILE` for what is neither a file nor a link."""
    try:
        return read_at(fd, name)
    except NotAFile:
        return _NO_FILE


def _old(number: int) -> bytes:
    return b"%d.old" % number
