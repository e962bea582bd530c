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
    """Bring one unfinished transaction to before or after; say which and what was left."""
    checkout = _where(record, checkout)
    move = record.intent.ref
    if move and record.last.state == "prepared":
        refs.release_locks(checkout.repository, move.ref, move.new)
    direction = _direction(record, checkout)
    transaction = Transaction(record, Hooks(content=_no_content))
    if direction == "back":
        if record.last.state == "reverting":
            transaction.go_back()
            if move and refs.read_ref(checkout.repository, move.ref) == move.new:
                refs.move(checkout.repository, move.ref, move.old, move.new, "clubos: undone")
        transaction.abandon()
        _tidy(record)
        return Recovered(record.intent.id, "undone", "nothing had been changed yet")
    if direction == "hold":
        if record.intent.index:
            release_index(record.intent)  # nothing will be written, so their git may go on
        return Recovered(
            record.intent.id,
            "held",
            "the branch was moved by someone else after the crash; files, index and backups stay",
            tuple(Left(write.path, "not ours") for write in record.intent.writes),
        )
    if record.last.state == "prepared":
        transaction.commit()
    transaction.switch()
    if record.intent.index:
        _bring_index(record, checkout)
    result = transaction.finish()
    _tidy(record)
    return Recovered(
        record.intent.id,
        "finished",
        f"{result.verified} files compared after finishing",
        result.left,
    )


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
            for write in (*intent.writes, *intent.index_only)
            if present.entries.get(write.path, []) == ([write.before] if write.before else [])
        }
        if puts:
            staged = os.path.join(intent.staging, "index")
            new = skipped(intent) & puts.keys()
            next_index(checkout.repository, checkout.workshop, staged, puts, present, new)
            checkout.take_index(intent)


def _tidy(record: Record) -> None:
    if record.intent.index:
        release_index(record.intent)
        with suppress(OSError):
            os.unlink(
                os.path.join(os.path.dirname(record.intent.staging), record.intent.id + ".lock")
            )
        with suppress(OSError):
            os.rmdir(os.path.dirname(record.intent.staging))


def _no_content(write: object) -> Found:
    raise AssertionError(f"BUG: recovery stages nothing anew ({write})")
