"""Finish or undo what a crash cut short. Idempotent, and may itself be cut short anywhere.

========================  ============================  =========================================
record says               and                           answer
========================  ============================  =========================================
begun                     –                             remove the staging folder: *undone*
prepared, on a stage      –                             remove the staging folder: *undone*
prepared, on a checkout   the ref did not move          remove staging and our index.lock: *undone*
prepared, on a checkout   the ref moved                 forward: *finished*
reverting                 –                             the rest goes back, the ref too: *undone*
committed                 stage, or the ref moved       forward: *finished*
committed                 the ref is where it was       the move was lost: forward with a new move
committed                 the ref is elsewhere          nothing is touched: *held*
done, undone              –                             nothing to do
========================  ============================  =========================================
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from clubos_tui.apply.checkout import Checkout, release_index, skipped
from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.record import Record
from clubos_tui.apply.transaction import Transaction
from clubos_tui.changes.manifest import Entry
from clubos_tui.disk import Found
from clubos_tui.errors import Stale
from clubos_tui.events import Left, Recovered
from clubos_tui.repository import refs
from clubos_tui.repository.index import next_index

Direction = Literal["forward", "back", "hold"]


def recover(record: Record, checkout: Checkout) -> Recovered:
    """Bring one unfinished transaction to before or after; say what was found and what was done."""
    checkout, intent = _where(record, checkout), record.intent
    if intent.ref and record.last.state == "prepared":
        refs.release_locks(checkout.repository, intent.ref.ref, intent.ref.new)
    transaction = Transaction(record, Hooks(content=_no_content))
    found = _how_far(record, checkout, transaction)
    direction = _direction(record, checkout)
    act = {"back": _undo, "hold": _hold, "forward": _finish}[direction]
    return replace(
        act(record, checkout, transaction),
        purpose=intent.purpose,
        phase=intent.phase,
        place=intent.place,
        found=found,
        backup=intent.vault if os.path.exists(intent.vault) else "",
    )


def _how_far(record: Record, checkout: Checkout, transaction: Transaction) -> str:
    """Return in words where the crash came."""
    state, move = record.last.state, record.intent.ref
    if state == "begun":
        return "backups were being made; no file had been touched"
    moved = move and refs.read_ref(checkout.repository, move.ref) == move.new
    branch = "the branch had moved, and " if moved else ""
    if state == "prepared":
        return f"{branch}no file had been exchanged yet"
    exchanged, total = transaction.count("after"), len(record.intent.writes)
    if state == "reverting":
        return f"it was on its way back; {exchanged} of {total} files were still as it wrote them"
    return f"{branch}{exchanged} of {total} files had been exchanged"


def _undo(record: Record, checkout: Checkout, transaction: Transaction) -> Recovered:
    move, was = record.intent.ref, record.last.state
    detail = "no file had been changed; what was staged was removed"
    if was == "reverting":
        transaction.go_back()
        as_before, total = transaction.count("before"), len(record.intent.writes)
        detail = f"{as_before} of {total} files as before, compared afresh"
        if move and refs.read_ref(checkout.repository, move.ref) == move.new:
            refs.move(checkout.repository, move.ref, move.old, move.new, "clubos: undone")
    _give_locks_back(record)  # first: nobody looks after a transaction that is undone
    transaction.abandon()
    _leave_git_dir(record)
    left = record.last.left if was == "reverting" else ()
    return Recovered(record.intent.id, "undone", detail, left)


def _hold(record: Record, checkout: Checkout, transaction: Transaction) -> Recovered:
    move, intent = record.intent.ref, record.intent
    assert move, "BUG: only a branch that was moved holds an operation"
    if intent.index:
        release_index(intent)  # nothing will be written, so their git may go on
    present = refs.read_ref(checkout.repository, move.ref)
    after, before = transaction.count("after"), transaction.count("before")
    return Recovered(
        intent.id,
        "held",
        f"nothing was touched, because someone else moved the branch meanwhile (it is at "
        f"{present[:10] or 'nothing'}); of {len(intent.writes)} files {after} are as it wrote "
        f"them, {before} as they were before",
        tuple(Left(write.path, "not ours") for write in intent.writes),
        cure="Put these files as you want them; the backup and the phase branches hold both "
        f"versions. Or have it finished: git update-ref {move.ref} {move.new}, then clubos recover",
    )


def _finish(record: Record, checkout: Checkout, transaction: Transaction) -> Recovered:
    if record.last.state == "prepared":
        transaction.commit()
    transaction.switch()
    if record.intent.index:
        _bring_index(record, checkout)
    _give_locks_back(record)
    result = transaction.finish()
    _leave_git_dir(record)
    total = len(record.intent.writes)
    detail = f"{result.verified} of {total} files as written, compared afresh"
    return Recovered(record.intent.id, "finished", detail, result.left)


def _where(record: Record, checkout: Checkout) -> Checkout:
    """Return the work tree the transaction was on: recovery may begin in another linked one."""
    intent = record.intent
    if not intent.index:
        return checkout
    there = replace(checkout.repository, root=intent.root, git_dir=os.path.dirname(intent.index))
    return replace(checkout, repository=there)


def _direction(record: Record, checkout: Checkout) -> Direction:
    state, move = record.last.state, record.intent.ref
    if state == "begun":
        return "back"
    if move is None:  # a stage
        return "forward" if state == "committed" else "back"
    present = refs.read_ref(checkout.repository, move.ref)
    if state == "reverting" and present in {move.old, move.new}:
        return "back"
    if present and (
        present == move.new or refs.is_ancestor(checkout.repository, move.new, present)
    ):
        return "forward"
    if state == "prepared":
        return "back"
    if present == move.old:
        with suppress(Stale):
            refs.move(checkout.repository, move.ref, move.new, move.old, "clubos: recovered")
            return "forward"
    return "hold"


def _bring_index(record: Record, checkout: Checkout) -> None:
    intent = record.intent
    os.makedirs(intent.staging, mode=0o700, exist_ok=True)
    with checkout.index_locked(intent):
        present = checkout.index()
        puts: dict[str, Entry | None] = {
            write.path: write.after
            for write in intent.index_writes
            if present.entries(write.path) == ([write.before] if write.before else [])
        }
        if puts:
            staged = os.path.join(intent.staging, "index")
            with suppress(FileNotFoundError):
                os.unlink(f"{staged}.lock")  # of a git that was killed with an earlier recovery
            new = skipped(intent) & puts.keys()
            next_index(checkout.repository, checkout.workshop, staged, puts, present, new)
            checkout.take_index(intent)


def _give_locks_back(record: Record) -> None:
    if record.intent.index:
        release_index(record.intent)
        folder = os.path.dirname(record.intent.staging)
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, record.intent.id + ".lock"))


def _leave_git_dir(record: Record) -> None:
    if record.intent.index:
        with suppress(OSError):
            os.rmdir(os.path.dirname(record.intent.staging))


def _no_content(write: object) -> Found:
    raise AssertionError(f"BUG: recovery stages nothing anew ({write})")
