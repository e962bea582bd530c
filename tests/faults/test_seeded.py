"""The harness finds what it is there to find: each guard taken out is a failing case."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from clubos_tui.apply import checkout, prepare, recover, vault
from clubos_tui.apply.record import Intent
from clubos_tui.engine import driver
from clubos_tui.events import Recovered
from clubos_tui.workspace import layout
from faults import ptrace
from faults.apart import apart
from faults.campaigns import Bench, Case, carry_out
from faults.durability import merge_order, order_faults

pytestmark = pytest.mark.skipif(bool(ptrace.reason_not_to()), reason=ptrace.reason_not_to())


def found(operation: str, campaign: str, how: str, where: Callable[[Bench], int]) -> list[str]:
    """Return what one case finds, at the call that ``where`` names."""

    def work() -> list[str]:
        with Bench.of(operation) as bench:
            return carry_out(bench, [Case(campaign, operation, how, where(bench))]).failed

    return apart(work)


def call(bench: Bench, name: str, path: str) -> int:
    """Return the number of the first call of that name on such a path."""
    return next(
        item.number for item in bench.calls if item.name == name and item.paths[-1].endswith(path)
    )


def test_an_index_lock_that_says_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next index renamed onto the lock first: killed between the two, nobody owns the lock."""

    def take_index(_self: object, intent: Intent) -> None:
        lock = f"{intent.index}.lock"
        os.rename(os.path.join(intent.staging, "index"), lock)
        os.rename(lock, intent.index)

    at = lambda bench: call(bench, "rename", ".git/index")  # noqa: E731
    assert found("merge", "kill", "all", at) == []
    monkeypatch.setattr(checkout.Checkout, "take_index", take_index)
    assert "index.lock" in found("merge", "kill", "all", at)[0]


def test_an_unsynced_index_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """git does not flush what it writes for us: after a power cut the index would be empty."""
    at = lambda bench: call(bench, "rename", ".git/index") + 1  # noqa: E731
    assert found("merge", "cut", "lost", at) == []
    monkeypatch.setattr(checkout, "sync_file", lambda _path: None)
    assert found("merge", "cut", "lost", at) != []


def test_an_unsynced_stage_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its final name must not stand for files that a power cut empties."""

    def named(bench: Bench) -> int:
        return call(bench, "rename", os.path.basename(bench.moment.stage)) + 1

    assert found("execute", "cut", "lost", named) == []
    monkeypatch.setattr(layout, "sync_file_system", lambda _path: None)
    wrong = found("execute", "cut", "lost", named)
    assert "stage between" in wrong[0]


def test_p5_a_missing_backup_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge that backs nothing up ends well, and what it replaced is gone."""
    back_up = prepare.Preparation.back_up

    def only_on_the_stage(self: prepare.Preparation) -> None:
        if self._intent.place == "stage":  # else the rehearsal finds it before we do
            back_up(self)

    monkeypatch.setattr(prepare.Preparation, "back_up", only_on_the_stage)
    wrong = found("merge", "kill", "all", lambda bench: len(bench.calls) - 1)
    assert "no backup of src/app.txt" in wrong[0]


def test_a_recovery_that_does_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed with half of the files exchanged: neither before nor after."""

    def idle(record: object, _checkout: object) -> Recovered:
        return Recovered(record.intent.id, "finished", "")  # type: ignore[attr-defined]

    at = lambda bench: call(bench, "renameat2", "link")  # noqa: E731
    assert found("merge", "kill", "all", at) == []
    monkeypatch.setattr(driver, "recover", idle)
    assert "between" in found("merge", "kill", "all", at)[0]


def test_p5_the_order_of_a_merge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backups, staged files and *prepared* are durable before the ref moves, and it before them."""

    def lint() -> list[str]:
        with Bench.of("merge") as bench:
            return order_faults(bench.calls, merge_order(*bench.moment.roots))

    assert apart(lint) == []
    monkeypatch.setattr(vault.os, "fsync", lambda _fd: None)
    assert any("backups are synced: never" in line for line in apart(lint))
    monkeypatch.undo()
    monkeypatch.setattr(prepare, "sync_file_system", lambda _path: None)
    assert apart(lint) != []
    assert recover  # the module under test in the cases above
