"""What went wrong elsewhere while files were written or put back: scenarios and guards."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import agents, manifest
from support.journey import WHO

from clubos_tui.apply import exchange as exchanges
from clubos_tui.apply import prepare, transaction, vault
from clubos_tui.apply.prepare import Preparation
from clubos_tui.apply.transaction import Transaction
from clubos_tui.disk import Found, read_path
from clubos_tui.engine.effects import execute
from clubos_tui.engine.effects.context import Context
from clubos_tui.errors import BackupFailed
from clubos_tui.repository import refs
from faults.fork import fork
from faults.ground import PHASES, TOUCHED, Ground
from faults.races import moments, race
from faults.world import files_in

Patch = pytest.MonkeyPatch


# --- 1: a failed backup, an older one restored in its place ---------------------------------------


def backup_fails(place: Ground, patch: Patch) -> None:
    """The disk is full while the backup of a merge is written; an older backup is there."""
    run = place.opened("validated")
    before = files_in(place.root)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    patch.setattr(vault, "write_all", full)
    run.try_merge()
    run.close()
    kept = b"".join(path.read_bytes() for path in place.state.glob("*/backups/*-merge-*"))
    for path, data in before.items():
        now = files_in(place.root).get(path)
        assert now == data or data in kept, f"{path} was changed without a backup"


def go_on_without_a_backup(patch: Patch) -> None:
    back_up = Preparation.back_up

    def careless(self: Preparation) -> None:
        with suppress(BackupFailed):
            back_up(self)

    patch.setattr(Preparation, "back_up", careless)


# --- 2: a restore deletes what nobody asked about -------------------------------------------------


def rollback_among_strangers(place: Ground, _patch: Patch) -> None:
    """Untracked, ignored and odd things of the person's lie also in folders that the agent made."""
    run = place.opened("merged")
    (place.root / "nested").mkdir()
    run.repo.git("init", "-q", "--template=", "nested")
    for name in (b"fresh/in/mine.txt", b"fresh/debug.log", b"build/out", b".env", b"new\nline",
                 b"caf\xe9", b"nested/a.txt", b"deep/mine.txt"):  # fmt: skip
        run.repo.write(name, b"mine\n")
    (place.root / "empty/inner").mkdir(parents=True)
    (place.root / "out").symlink_to("/etc")
    theirs = {name: node for name, node in manifest.checkout(place.root).items()
              if name not in TOUCHED and node.kind != "folder"}  # fmt: skip
    run.roll_back(1)
    run.undo()
    run.roll_back(1)
    run.close()
    now = manifest.checkout(place.root)
    for name, node in theirs.items():
        assert now.get(name) == node, f"{name} is gone"
    assert "empty/inner" in now
    assert "fresh/in/a.txt" not in now


def remove_whole_folders(patch: Patch) -> None:
    def careless(self: exchanges.Exchange, folders: Any) -> None:
        for folder in folders:
            shutil.rmtree(os.path.join(self._intent.root, folder), ignore_errors=True)

    patch.setattr(exchanges.Exchange, "remove_folders", careless)


# --- 3: a rollback eats later work or moves another's branch --------------------------------------


def edit_after_the_last_look(place: Ground, _patch: Patch) -> None:
    """A second process saves a file when every look at it has been taken."""
    race(place, "rollback of the merge", "edits", "committed")


def trust_what_was_seen_before(patch: Patch) -> None:
    seen = exchanges.standing

    def careless(*arguments: Any) -> str:
        found = seen(*arguments)
        return "before" if found == "other" else found

    patch.setattr(exchanges, "standing", careless)


def branch_moves_between_check_and_act(place: Ground, _patch: Patch) -> None:
    """A second process puts a commit on the branch once everything is prepared."""
    run = place.opened("merged")
    theirs: list[str] = []

    def visit(name: str) -> None:
        if name == "prepared":
            tree = place.repo.tree("main")
            theirs.append(place.repo.git("commit-tree", tree, "-p", "main", "-m", "theirs"))
            place.repo.git("update-ref", "refs/heads/main", theirs[0])

    with moments(visit):
        run.try_roll_back(1)
    run.close()
    assert theirs[0] in place.repo.git("rev-list", "main").split(), "their commit is on no branch"


def move_whatever_the_branch_is(patch: Patch) -> None:
    moving = refs.moving

    def careless(repository: Any, ref: str, new: str, _old: str, why: str) -> Any:
        return moving(repository, ref, new, refs.read_ref(repository, ref), why)

    patch.setattr(refs, "moving", careless)


# --- 4: "undone" is said and the files are not ----------------------------------------------------


def rollback_fails_half_way(place: Ground, patch: Patch) -> None:
    """The second exchange of a rollback fails: all of it happened, or nothing, and it says so."""
    run = place.opened("merged")
    before = files_in(place.root)
    exchange, done = exchanges.exchange, []

    def breaks(*arguments: Any) -> None:
        done.append(arguments)
        if len(done) == 2:
            raise PermissionError(errno.EACCES, "Permission denied")
        exchange(*arguments)

    patch.setattr(exchanges, "exchange", breaks)
    failure = run.try_roll_back(1)
    run.close()
    assert files_in(place.root) == before or failure is None, "half of it is undone"


def leave_it_where_it_broke(patch: Patch) -> None:
    patch.setattr(Transaction, "go_back", lambda self: [])


def file_comes_back_during_the_rollback(place: Ground, _patch: Patch) -> None:
    """Another process writes a file again that was just restored."""
    run = place.opened("merged")

    def visit(name: str) -> None:
        if name == "switched src/app.txt":
            os.waitpid(fork(lambda: place.repo.write("src/app.txt", b"again\n")), 0)

    with moments(visit):
        run.roll_back(1)
    rollback = run.view.rollback
    run.close()
    assert rollback
    assert "src/app.txt" in {item.path for item in rollback.left}, "success that is not there"


def believe_what_was_meant(patch: Patch) -> None:
    finish = Transaction.finish

    def careless(self: Transaction) -> Any:
        with patch.context() as inner:
            inner.setattr(transaction, "side_of", lambda *_: "after")
            return finish(self)

    patch.setattr(Transaction, "finish", careless)


# --- 7: approved is not what is applied -----------------------------------------------------------


def bytes_change_on_the_way(place: Ground, patch: Patch) -> None:
    """Something between approval and disk `normalises` line ends, as tools of this kind did."""
    run = place.opened("idle")
    run.edits["p1"] = agents.all_of(
        *(agents.write(name, data) for name, data in agents.ODD_CONTENTS.items())
    )
    run.propose().approve()
    content = execute.workshop_content

    def tidied(context: Context, rows: Any) -> Any:
        hooks = content(context, rows)

        def tidy(write: Any) -> Found:
            found = hooks.content(write)
            return Found(found.mode, found.data.replace(b"\r\n", b"\n"), found.permissions)

        return execute.Hooks(tidy)

    patch.setattr(execute, "workshop_content", tidied)
    run.run.execute(1, by=WHO)
    run.settle()
    for name, data in agents.ODD_CONTENTS.items():
        found = read_path(run.stage, name)
        assert found is None or found.data == data, f"{name} is not what was approved"
    run.close()


class _Anything:
    def __ne__(self, _other: object) -> bool:
        return False

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def stage_without_comparing(patch: Patch) -> None:
    patch.setattr(prepare, "entry_of", lambda *_: _Anything())


# --- 9: checkpoints fill the disk -----------------------------------------------------------------


def size_of(folders: list[Path]) -> int:
    """Return how many bytes lie in folders."""
    return sum(path.stat().st_size for top in folders for path in top.rglob("*") if path.is_file())


def backups_of_a_large_tree(place: Ground, _patch: Patch) -> None:
    """What is kept grows with what changed; with the tree, tracked or ignored, it does not."""
    run = place.opened("validated")
    run.repo.write("build/big.bin", bytes(3_000_000))
    run.repo.write("big.txt", b"x" * 2_000_000)
    store = size_of([place.root / ".git/objects"])
    before = size_of([place.state])
    run.merge()
    run.roll_back(1)
    run.undo()
    run.close()
    changed = sum(len(data or b"") for phase in PHASES for data in phase.values())
    grown = size_of([place.state]) - before
    assert grown < 40_000 + 20 * changed, f"{grown} bytes were kept of {changed} that changed"
    assert size_of([place.root / ".git/objects"]) - store < 40_000 + 20 * changed
    assert not list(place.root.rglob("*backup*"))


def back_up_the_whole_tree(patch: Patch) -> None:
    back_up = Preparation.back_up

    def careless(self: Preparation) -> None:
        for path, data in files_in(self._intent.root).items():
            self._present.setdefault(path, Found("100644", data))
        back_up(self)

    patch.setattr(Preparation, "back_up", careless)
