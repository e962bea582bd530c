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

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Literal

from clubos_tui.apply.exchange import Exchange, side_of
from clubos_tui.apply.hooks import Cancelled, Effect, Hooks, PathMoved, PathVerified, Result
from clubos_tui.apply.prepare import Preparation
from clubos_tui.apply.record import Intent, Progress, Record
from clubos_tui.apply.staging import Staging
from clubos_tui.apply.standing import Standing
from clubos_tui.changes.manifest import Write
from clubos_tui.disk import Root, sync_file_system
from clubos_tui.errors import ApplyFailed, InTheWay
from clubos_tui.events import Left


class Transaction:
    """One transaction on one folder; see the module for its course."""

    def __init__(self, record: Record, hooks: Hooks) -> None:
        self.record = record
        self.intent: Intent = record.intent
        self._hooks = hooks
        self._left: dict[str, Left] = {left.path: left for left in record.last.left}
        self._staging = Staging(record.intent)

    # --- 2. prepare ---------------------------------------------------------------------------

    def prepare(self, *, on_mismatch: Literal["refuse", "leave"]) -> None:
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
            made, modes = preparation.missing_folders(), preparation.folder_modes()
            self._staging.fresh = preparation.stage()
            self._hooks.stop_if_cancelled()
            left = tuple(self._left.values())
            self.record.add(Progress("prepared", tuple(made), modes, left))
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
            self._staging.clear(exchanged=False)
            self.record.add(Progress("undone"))

    def look_again(self) -> None:
        """Take the last look before a commit; :class:`InTheWay` where an edit slipped in."""
        wrong = [write.path for write, side in self._sides() if side != "before"]
        if wrong:
            raise InTheWay(wrong, "these files changed a moment ago")

    # --- 3. commit ----------------------------------------------------------------------------

    def commit(self) -> None:
        """Write the point of no return."""
        self.record.add(replace(self.record.last, state="committed"))
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
            with self._exchange() as exchange:
                for number, write in order:
                    if write.path in self._left:
                        continue
                    self._hooks.stop_if_cancelled()
                    done += 1
                    left = exchange.forward(number, write)
                    if left:
                        self._left[write.path] = Left(write.path, "changed since")
                    self._announce(write, done, left=left)
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
        writes = list(enumerate(self.intent.writes))
        with self._exchange() as exchange:
            for number, write in reversed(writes):
                if write.after is not None and exchange.back(number, write):
                    self._tell(write, "return", 0, left=False)
            exchange.remove_folders(self.record.last.made)
            for number, write in writes:
                if write.after is None and exchange.back(number, write):
                    self._tell(write, "return", 0, left=False)
        known = set(self._left)
        self._compare("before")
        return [path for path in self._left if path not in known]

    def _compare(self, wanted: Literal["before", "after"]) -> int:
        """Compare every path of ours afresh; one that differs is left alone. Returns how many."""
        done, total = 0, len(self.intent.writes)
        for write, found in self._sides():
            if found == wanted:
                done += 1
            else:
                self._left[write.path] = Left(write.path, "changed since")
            self._hooks.verified(PathVerified(write.path, found, wanted, done, total))
        return done

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
        self.clear_staging()  # first: nobody looks after a transaction that is done
        self.record.add(replace(self.record.last, state="done", left=left))
        return Result(verified, restored, verified - restored, left)

    def count(self, side: Standing) -> int:
        """Return how many paths are on one side now."""
        with Root(self.intent.root, keep=True) as root:
            form = self.intent.object_format
            return sum(side_of(root, write, form) == side for write in self.intent.writes)

    def clear_staging(self) -> None:
        """Remove the staged files whose bytes we know; another's edit among them stays."""
        self._staging.clear(exchanged=True)

    @contextmanager
    def _exchange(self) -> Iterator[Exchange]:
        modes = self.record.last.modes | self.intent.folders.modes
        with Root(self.intent.root, modes=modes) as root, self._staging as staging:
            yield Exchange(self.intent, root, staging)

    def _sides(self) -> Iterator[tuple[Write, Standing]]:
        """Look at every path of ours afresh."""
        with Root(self.intent.root, keep=True) as root:
            for write in self.intent.writes:
                if write.path not in self._left:
                    yield write, side_of(root, write, self.intent.object_format)
