"""Bring the person's branch and checkout along: a merge, a revert, an undone revert.

Order: the index is locked, everything is looked at and prepared, the ref is locked, one last
look, **the ref moves** (the commit point), the files are exchanged, the index follows. Nothing of
the person's is changed before the ref moves, and what they changed meanwhile is left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from clubos_tui.apply.hooks import Hooks, Result
from clubos_tui.apply.on_disk import Rows, rows_on_disk
from clubos_tui.apply.record import Intent, Progress, Record, State
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import Write, path_bytes
from clubos_tui.disk import exists, sync_file, sync_folder
from clubos_tui.errors import ApplyFailed, ClubosError, InTheWay, Refused, RepositoryState
from clubos_tui.repository import refs
from clubos_tui.repository.copies import copies
from clubos_tui.repository.discover import Repository, checked_out, require_calm
from clubos_tui.repository.index import Index, index_path, next_index, read_index
from clubos_tui.repository.workshop import Workshop

FOLDER = "clubos"  # in the git dir, only while a transaction writes the checkout


@dataclass(frozen=True, slots=True)
class Checkout:
    """A person's work tree with everything a transaction on it needs."""

    repository: Repository
    workshop: Workshop
    scratch: str  # a folder of ours for copies of the index
    _read: list[tuple[str, Index]] = field(default_factory=list, compare=False, repr=False)

    def follows(self, ref: str) -> bool:
        """Tell whether the person has ``ref`` checked out."""
        return checked_out(self.repository) == ref

    def staging(self, transaction: str) -> str:
        """Return where files wait for the exchange: on the checkout's file system."""
        return os.path.join(self.repository.git_dir, FOLDER, transaction)

    def sweep(self) -> None:
        """Remove the folder of transactions if none is in it."""
        with suppress(OSError):
            os.rmdir(os.path.join(self.repository.git_dir, FOLDER))

    def index(self) -> Index:
        """Read the index as it is now; the one read last where it has the same bytes."""
        sha256 = _sha256(index_path(self.repository))
        if not self._read or self._read[0][0] != sha256:
            with copies(self.scratch) as folder:
                copy = os.path.join(folder, "index")
                index = read_index(self.repository, self.workshop, copy)
                self._read[:] = [(_sha256(copy), index)]
        return self._read[0][1]

    def rows(self, writes: tuple[Write, ...], index: Index | None = None) -> Rows:
        """Return the writes in the form that this work tree holds them. Reads only."""
        return rows_on_disk(
            self.repository, self.workshop, index or self.index(), writes, self.scratch
        )

    def require_free(self, writes: tuple[Write, ...]) -> Rows:
        """Return the rows of a transaction on this checkout.

        Raises unless the repository is calm and nothing staged or unmerged stands in the way.
        """
        require_calm(self.repository)
        lock = index_path(self.repository) + ".lock"
        if exists(lock):
            raise RepositoryState(
                f"the index is locked ({lock})",
                untouched="Nothing was touched.",
                cure="Wait for the other git to end; if none runs, remove that file.",
            )
        if os.stat(self.repository.root).st_dev != os.stat(self.repository.git_dir).st_dev:
            raise Refused(
                "the work tree and its git dir lie on different file systems",
                untouched="Nothing was touched.",
                cure="Merge the last phase branch with git.",
            )
        for path in (self.repository.git_dir, self.repository.root):
            if not os.access(path, os.W_OK | os.X_OK):
                raise ApplyFailed(
                    f"{path} is read-only",
                    untouched="Nothing was touched.",
                    cure="Make it writable, then try again.",
                )
        inside = self._in_another_repository(writes)
        if inside:
            raise InTheWay(inside, "these files would lie in another repository of yours")
        index = self.index()
        _require_unstaged(index, writes)
        return self.rows(writes, index)

    def _in_another_repository(self, writes: tuple[Write, ...]) -> list[str]:
        root = os.fsencode(self.repository.root)
        folders = {folder for write in writes for folder in _parents(write.path)}
        theirs = {
            folder for folder in folders if exists(os.path.join(root, path_bytes(folder), b".git"))
        }
        return [write.path for write in writes if theirs.intersection(_parents(write.path))]

    def apply(self, record: Record, hooks: Hooks) -> Result:
        """Run the whole transaction whose record was begun; see the module for the order."""
        intent = record.intent
        assert intent.ref
        move, why = intent.ref, f"clubos: {intent.purpose}"
        transaction = Transaction(record, hooks)
        os.makedirs(os.path.dirname(intent.staging), mode=0o700, exist_ok=True)
        try:
            with self.index_locked(intent):
                try:
                    index = self.index()
                    # Once more, for what was staged before the lock came.
                    _require_unstaged(index, intent.index_writes)
                except Refused:
                    transaction.abandon()
                    raise
                transaction.prepare(on_mismatch="refuse")
                try:
                    self._prepare_index(intent, index)
                    with refs.moving(self.repository, move.ref, move.new, move.old, why) as commit:
                        transaction.look_again()
                        if not self.follows(move.ref):
                            raise _another_branch()
                        commit()
                except BaseException:
                    # git may have moved the ref and died before it said so: the ref decides.
                    if refs.read_ref(self.repository, move.ref) != move.new:
                        transaction.abandon()
                        raise
                transaction.commit()
                try:
                    transaction.switch()
                except ClubosError:
                    # The files are back; so must be the branch, by the same compare-and-swap.
                    refs.move(self.repository, move.ref, move.old, move.new, f"{why}, undone")
                    transaction.abandon()
                    raise
                self.take_index(intent)
                release_index(intent)  # before *done*: recovery looks at nothing that is done
                return transaction.finish()
        finally:
            with suppress(OSError):
                os.rmdir(os.path.dirname(intent.staging))

    def move_alone(self, record: Record) -> None:
        """Move a branch that is not checked out, and let nobody check it out meanwhile.

        Whoever switched to it in between would stand on the new commit with the old one's files.
        """
        intent = record.intent
        assert intent.ref
        move, why = intent.ref, f"clubos: {intent.purpose}"
        os.makedirs(os.path.dirname(intent.staging), mode=0o700, exist_ok=True)
        state: State = "undone"
        try:
            with self.index_locked(intent):
                if self.follows(move.ref):
                    raise _another_branch()
                record.add(Progress("prepared"))
                refs.move(self.repository, move.ref, move.new, move.old, why)
                state = "done"
        finally:
            record.add(Progress(state))
            self.sweep()

    def _prepare_index(self, intent: Intent, before: Index) -> None:
        next_index(
            self.repository,
            self.workshop,
            os.path.join(intent.staging, "index"),
            {write.path: write.after for write in intent.index_writes},
            before,
            skipped(intent),
        )

    def take_index(self, intent: Intent) -> None:
        """Put the prepared index in place of the present one, while our lock stays as it is.

        Renamed onto the lock first, as git does it, a crash would leave a lock that no longer
        says whose it is.
        """
        staged = os.path.join(intent.staging, "index")
        sync_file(staged)  # git did not, and a name must never stand for lost bytes
        os.rename(staged, intent.index)
        sync_folder(os.path.dirname(intent.index))

    @contextmanager
    def index_locked(self, intent: Intent) -> Iterator[None]:
        """Hold ``index.lock``, taken anew or still ours from before a crash; never another's."""
        lock = intent.index + ".lock"
        mark = os.path.join(os.path.dirname(intent.staging), intent.id + ".lock")
        with open(mark, "wb") as file:
            file.write(lock_mark(intent))
            file.flush()
            os.fsync(file.fileno())  # an empty lock would be nobody's after a power cut
        try:
            os.link(mark, lock)  # with its content from the first moment on
        except FileExistsError as error:
            if not _holds(lock, intent):
                raise RepositoryState(
                    f"the index is locked ({lock})",
                    untouched="Nothing of it was touched.",
                    cure="Wait for the other git to end; if none runs, remove that file.",
                ) from error
        finally:
            os.unlink(mark)
        try:
            yield
        finally:
            release_index(intent)


def _another_branch() -> RepositoryState:
    return RepositoryState(
        "another branch was checked out a moment ago",
        untouched="Nothing was touched.",
        cure="Ask again.",
    )


def lock_mark(intent: Intent) -> bytes:
    """Return what our ``index.lock`` holds; git never reads it, recovery does."""
    return f"clubos {intent.id}\n".encode()


def release_index(intent: Intent) -> None:
    """Remove ``index.lock`` if it is this transaction's."""
    lock = intent.index + ".lock"
    if _holds(lock, intent):
        os.unlink(lock)


def _holds(lock: str, intent: Intent) -> bool:
    try:
        with open(lock, "rb") as file:
            return file.read() == lock_mark(intent)
    except FileNotFoundError:
        return False


def skipped(intent: Intent) -> set[str]:
    """Return the new paths that get no file: they lie outside the sparse checkout."""
    return {write.path for write in intent.index_only if write.before is None}


def _require_unstaged(index: Index, writes: tuple[Write, ...]) -> None:
    if index.unmerged:
        raise InTheWay(
            sorted(index.unmerged),
            "these files are unmerged in your index",
            "Resolve them and `git add` them, then try again.",
        )
    wrong = _staged_differently(index, writes)
    if wrong:
        raise InTheWay(wrong, "these files have staged changes of yours")


def _staged_differently(index: Index, writes: tuple[Write, ...]) -> list[str]:
    gone = {write.path for write in writes if write.after is None}
    return [
        write.path
        for write in writes
        if index.entries(write.path) != ([write.before] if write.before else [])
        or any(part not in gone and index.first(part) for part in _parents(write.path))
        or (write.after and any(path not in gone for path in index.below(write.path)))
    ]


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _sha256(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""
