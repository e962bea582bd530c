"""What the next start says about a crash, and what it clears away: ours by record, nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest, vaults
from support.journey import Journey
from support.repo import Repo, leftovers

from clubos_tui.apply.record import Progress, Record
from clubos_tui.apply.transaction import Transaction
from clubos_tui.engine.driver import recover_all
from clubos_tui.engine.leftovers import foreign_lock
from clubos_tui.errors import RepositoryState

Start = Callable[..., Journey]
CHANGE = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/a.txt", "a\n"),
    agents.delete("src/old.txt"),
)


def die(*_: object, **__: object) -> None:
    """End the process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed(run: Journey, work: Callable[[Journey], object], patch: Callable[[], None]) -> None:
    """Do ``work`` in a child that ``patch`` makes die on the way; the run is closed afterwards."""
    run.close()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            run.open()
            patch()
            work(run)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child came to its end"


@pytest.mark.parametrize("when", ["before", "after"])
def test_p3_a_kill_around_each_rename_of_the_index(
    repo: Repo, journey: Start, state: Path, when: str
) -> None:
    """However the new index gets to its place: the next start finishes, and leaves no lock."""
    run = journey(CHANGE).live()
    for at in range(1, 4):
        inner, seen = os.rename, []

        def renaming(source: str, target: str, inner=inner, seen=seen, at=at, **named: int) -> None:
            mine = os.fsdecode(target).endswith((".git/index", ".git/index.lock"))
            seen += [target] if mine else []
            if mine and len(seen) == at and when == "before":
                die()
            inner(source, target, **named)
            if mine and len(seen) == at:
                die()

        run.close()
        child = os.fork()
        if child == 0:  # pragma: no cover
            try:
                run.open()
                os.rename = renaming  # type: ignore[assignment]
                run.merge()
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        run.open()
        run.settle()
        assert run.view.ending == "merged", run.view.failure
        assert repo.git("status", "--porcelain") == ""
        assert leftovers(repo, state) == []
        if not os.WIFSIGNALED(status):
            assert at > 1
            break
        run.roll_back(1, close=True).close()
        run = journey(CHANGE).live()
    else:
        pytest.fail("an index needs no more renames than that")


def _fails_then_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second exchange is impossible; on the way back the power goes."""
    from clubos_tui.apply import exchange as module

    inner, calls = module.exchange, []

    def exchange(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise PermissionError(13, "Permission denied", "somewhere")
        inner(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "exchange", exchange)
    monkeypatch.setattr(Transaction, "go_back", die)


Arm = Callable[[pytest.MonkeyPatch], None]


def at(method: str) -> Arm:
    """Return what makes the child die where it would call ``method``."""
    return lambda patch: patch.setattr(Transaction, method, die)


POINTS: dict[str, tuple[Arm, str, str]] = {
    "begun": (at("prepare"), "no file had been touched", "undone"),
    "prepared": (at("look_again"), "no file had been exchanged yet", "undone"),
    "moved": (at("commit"), "the branch had moved", "finished"),
    "exchanging": (at("_announce"), "1 of 3 files had been exchanged", "finished"),
    "reverting": (_fails_then_dies, "on its way back", "undone"),
}


@pytest.mark.parametrize("point", POINTS)
def test_p3_recovery_says_what_it_found_and_what_it_did(
    repo: Repo, journey: Start, state: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Operation, place, how far it had come, undone or finished, and where the backup is."""
    arm, words, direction = POINTS[point]
    run = journey(CHANGE).live()
    before = manifest.checkout(repo.root)
    killed(run, lambda item: item.merge(), lambda: arm(monkeypatch))
    run.open()
    (found,) = run.view.recovered
    assert (found.purpose, found.place, found.direction) == ("merge", "checkout", direction)
    assert words in found.found
    assert (found.backup == "") == (point == "begun")
    if found.backup:
        assert b"one\ntwo\nthree\n" in vaults.everything([Path(found.backup)])
    if direction == "undone":
        assert manifest.difference(before, manifest.checkout(repo.root)) == []
    else:
        assert "3 of 3 files as written, compared afresh" in found.detail
    run.settle()
    if run.view.ending != "merged":
        run.merge()
    assert leftovers(repo, state) == []


def test_p3_a_held_operation_is_explained_once_and_can_be_finished(
    repo: Repo, journey: Start
) -> None:
    """The cure works to the letter; before that each start says the same and journals nothing."""
    run = journey(CHANGE).live()
    killed(run, lambda item: item.merge(), lambda: setattr(Transaction, "switch", die))
    merge = repo.head
    theirs = repo.git("commit-tree", repo.tree(run.phase().branch), "-m", "theirs")
    repo.git("update-ref", "refs/heads/main", theirs)
    run.open()
    (held,) = run.view.recovered
    assert held.direction == "held"
    assert "0 are as it wrote them, 3 as they were before" in held.detail
    command = held.cure.split("have it finished: git ")[1].split(",")[0].split()
    for _ in range(3):
        run.reopen()
        assert run.view.recovered == [held]
    repo.write("src/app.txt", "new\n")
    run.reopen()
    assert len(run.view.recovered) == 2, "what has changed is told"
    repo.git(*command)
    assert repo.head == merge
    run.reopen()
    assert run.view.recovered[-1].direction == "finished"
    run.settle()
    assert run.view.ending == "merged"
    assert repo.git("status", "--porcelain") == ""


def test_p3_only_what_is_ours_by_record_is_cleared_away(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half-written folders and packs go at the next start; a stranger's file beside each stays."""
    run = journey(CHANGE).live()
    paths, name = run.session.paths, run.run.id
    gone_process = os.fork()
    if gone_process == 0:
        os._exit(0)
    os.waitpid(gone_process, 0)
    packs = f"{paths.workshop}/objects/pack"
    ours = [
        f"{paths.stage(name)}.part", f"{paths.stage(name)}.part.known",
        f"{paths.stage(name)}.part.holds", f"{paths.scratch}/merge-{name}",
        f"{paths.scratch}/rehearsal-{name}-1", f"{paths.scratch}/copies-{gone_process}-abc",
        f"{packs}/tmp_clubos_{gone_process}_pack-12.pack",
    ]  # fmt: skip
    theirs = [
        f"{paths.root}/stages/mine.part", f"{paths.root}/workspaces/mine", f"{paths.scratch}/notes",
        f"{paths.scratch}/copies-mine", f"{packs}/tmp_pack_mine",
        f"{paths.scratch}/copies-{os.getpid()}-abc", f"{paths.root}/staging/mine",
        f"{packs}/tmp_clubos_{os.getpid()}_pack-12.pack", str(repo.root / ".git/clubos/mine"),
    ]  # fmt: skip
    for place in (*ours, *theirs):
        if "/tmp_" in place:
            Path(place).write_bytes(b"half")
        else:
            os.makedirs(place, exist_ok=True)
            Path(place, "file").write_bytes(b"half")
    run.reopen()
    assert [place for place in ours if os.path.lexists(place)] == []
    assert [place for place in theirs if not os.path.lexists(place)] == []


def test_p3_what_an_undone_operation_could_not_clear_goes_at_the_next_start(
    repo: Repo, journey: Start, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed right after *undone* was written: lock and staged files go, a stranger's stays."""
    run = journey(CHANGE).live()

    def arm() -> None:
        add = Record.add

        def adding(self: Record, progress: Progress) -> None:
            add(self, progress)
            if progress.state == "undone":
                die()

        monkeypatch.setattr(Record, "add", adding)
        monkeypatch.setattr(
            "clubos_tui.apply.exchange.exchange",
            lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied", "x")),
        )

    killed(run, lambda item: item.merge(), arm)
    (staging,) = (path for path in (repo.root / ".git/clubos").iterdir() if path.is_dir())
    (staging / "mine.txt").write_text("mine\n")
    lock = repo.root / ".git/index.lock"
    assert lock.exists()
    assert len(list(staging.iterdir())) > 1
    run.open()
    assert not lock.exists()
    assert [path.name for path in staging.iterdir()] == ["mine.txt"]
    (staging / "mine.txt").unlink()
    run.reopen()
    run.settle()
    assert run.view.ending == "merged"
    assert leftovers(repo, state) == []


@pytest.mark.parametrize("content", [b"", b"clubos nobody-knows\n", b"their index"])
def test_p3_a_lock_of_somebody_else_is_named_and_stays(
    repo: Repo, journey: Start, content: bytes
) -> None:
    """Also one that only looks like ours: no record of ours names it."""
    run = journey(CHANGE).live()
    lock = repo.root / ".git/index.lock"
    lock.write_bytes(content)
    run.reopen()
    assert lock.read_bytes() == content
    assert foreign_lock(run.session) == str(lock)
    failure = run.try_merge()
    assert failure is not None
    assert str(lock) in failure.error
    lock.unlink()
    assert foreign_lock(run.session) == ""
    run.merge()


def test_p3_a_start_that_cant_recover_gives_the_driver_lock_back(
    repo: Repo, journey: Start
) -> None:
    """Somebody's index lock is in the way of finishing: named; once it is gone, on it goes."""
    run = journey(CHANGE).live()
    killed(run, lambda item: item.merge(), lambda: setattr(Transaction, "switch", die))
    lock = repo.root / ".git/index.lock"
    lock.write_bytes(b"theirs")
    with pytest.raises(RepositoryState, match="index is locked"):
        run.open()
    lock.unlink()
    assert run.driver.acquire()
    run.settle()
    assert run.view.ending == "merged"
    assert recover_all(run.session) == []
