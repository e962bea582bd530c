"""Kills and interrupts at every point of every operation, and what the next start makes of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import agents, manifest
from support.journey import WHO, Journey
from support.kill import Snapshot, in_child
from support.repo import Repo, leftovers

from clubos_tui.apply.record import unfinished
from clubos_tui.apply.transaction import Transaction
from clubos_tui.engine.effects import execute, merge
from clubos_tui.engine.effects.context import Moves
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import Status

Start = Callable[..., Journey]
FIRST = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/inner/a.txt", "a\n"),
    agents.delete("deep/er/only.txt"),
    agents.delete("src/old.txt"),
    agents.write("src/old.txt/now/a/folder.txt", "f\n"),
    agents.chmod("bin/run.sh", 0o644),
    agents.link("link", "README.md"),
)


@dataclass
class Case:
    """An operation, and what brings a run to where it can be asked for."""

    ready: Callable[[Journey], object]
    work: Callable[[Journey], object]
    done: Callable[[Journey], bool]


CASES = {
    "execute": Case(
        lambda run: run.propose().approve(),
        lambda run: run.execute(),
        lambda run: run.phase().state is Status.VALIDATED,
    ),
    "rollback of the stage": Case(
        lambda run: run.live(),
        lambda run: run.roll_back(1),
        lambda run: run.phase().state is Status.ROLLED_BACK,
    ),
    "merge": Case(
        lambda run: run.live(),
        lambda run: run.merge(),
        lambda run: run.view.ending == "merged",
    ),
    "merge elsewhere": Case(
        lambda run: (run.live(), run.repo.git("switch", "-q", "-c", "mine")),
        lambda run: run.merge(),
        lambda run: run.view.ending == "merged",
    ),
    "rollback of the merge": Case(
        lambda run: run.live().merge(),
        lambda run: run.roll_back(1, close=True),
        lambda run: run.view.ending == "rolled back",
    ),
    "rollback elsewhere": Case(
        lambda run: (run.live().merge(), run.repo.git("switch", "-q", "-c", "mine")),
        lambda run: run.roll_back(1, close=True),
        lambda run: run.view.ending == "rolled back",
    ),
    "rollback around an edit": Case(
        lambda run: (run.live().merge(), (run.repo.root / "src/app.txt").chmod(0o755)),
        lambda run: (
            run.run.roll_back(1, by=WHO, close=True, take_out=["src/app.txt"]),
            run.go(),
        ),
        lambda run: run.view.ending == "rolled back",
    ),
    "undo": Case(
        lambda run: run.live().merge().roll_back(1, close=True),
        lambda run: run.undo(),
        lambda run: run.view.ending == "merged",
    ),
}


def seen(run: Journey) -> tuple[object, ...]:
    """Return what must be before or after, and nothing between: target, index, files, stage."""
    repo = run.repo
    stage = manifest.without_times(manifest.manifest(run.stage)) if os.path.isdir(run.stage) else {}
    return (
        repo.tree("main"), repo.index(), sorted(manifest.checkout(repo.root).items()),
        sorted(stage.items()),
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_p3_a_kill_at_any_point_leaves_before_or_after(
    repo: Repo, journey: Start, state: Path, tmp_path: Path, name: str
) -> None:
    """SIGKILL at each point; the next start sees before or after, and can go on to the end."""
    case = CASES[name]
    repo.mess()
    run = journey(FIRST)
    case.ready(run)
    run.close()
    start = Snapshot(tmp_path / "snapshot", repo.root, state)
    before = seen(run)
    total = in_child(run, case.work, -1)
    after = seen(run)
    assert before != after
    assert total > 10
    wrong = []
    # A fixed number of kills, spread evenly, with the ends among them.
    points = sorted({round(at * (total - 1) / 17) for at in range(18)})
    for at in points:
        start.restore()
        in_child(run, case.work, at)
        run.open()
        now = seen(run)
        if now[:3] not in (before[:3], after[:3]):
            wrong.append(f"point {at}: target, index or files are between")
        if unfinished(run.session.paths.transactions):
            wrong.append(f"point {at}: a transaction is still open")
        wrong += [f"point {at}: left behind {path}" for path in leftovers(repo, state)]
        run.settle()
        if not case.done(run):
            case.work(run)
        end = seen(run)
        if end != after:
            wrong.append(f"point {at}: going on leads elsewhere")
        if run.run.journal.load()[-1].hash != run.run.journal.head:
            wrong.append(f"point {at}: the journal has no head")
        wrong += [f"point {at}: at the end {path}" for path in leftovers(repo, state)]
        run.close()
    assert wrong == []
    repo.fsck()


def pause(run: Journey) -> None:
    """Ask for a pause as another process does: through a journal of its own."""
    Run(run.run.id, run.session.paths).pause(by=WHO)


def interrupt(run: Journey, work: Callable[[], object], patch: pytest.MonkeyPatch, at: int) -> bool:
    """Ask for a pause when path number ``at`` of a transaction has moved; tell if it came to it."""
    moved: list[str] = []
    note = Moves.__call__

    def moving(self: Moves, move: object) -> None:
        note(self, move)  # type: ignore[arg-type]
        moved.append(str(move))
        if len(moved) == at:
            pause(run)
            # The driver looks for the request between its waits; the step goes on meanwhile.
            for _ in range(2000):
                if run.driver.context.stop.wait(0.005):
                    break

    patch.setattr(Moves, "__call__", moving)
    work()
    patch.undo()
    return len(moved) >= at


@pytest.mark.parametrize("at", [1, 4, 7])
@pytest.mark.parametrize("name", ["execute", "rollback of the stage", "merge",
                                  "rollback of the merge", "undo"])  # fmt: skip
def test_p3_an_interrupt_at_any_file_undoes_the_step(
    repo: Repo, journey: Start, state: Path, name: str, at: int
) -> None:
    """ctrl+c while files move: back to before, or done; asked again, also by a new process."""
    case = CASES[name]
    repo.mess()
    run = journey(FIRST)
    case.ready(run)
    before = seen(run)
    asked = {
        "execute": lambda: run.run.execute(1, by=WHO),
        "merge": lambda: run.run.merge(by=WHO),
        "undo": lambda: run.run.undo(by=WHO),
        "rollback of the stage": lambda: run.run.roll_back(1, by=WHO),
        "rollback of the merge": lambda: run.run.roll_back(1, by=WHO, close=True),
    }[name]
    asked()
    with pytest.MonkeyPatch.context() as patch:
        assert interrupt(run, run.settle, patch, at)
    now = seen(run)
    if not case.done(run) and name != "execute":
        assert now[:3] == before[:3]
        assert run.view.paused
        assert "as before, compared afresh" in run.view.paused.detail
        assert run.view.paused.left == ()
    assert leftovers(repo, state) == []
    run.reopen()
    if not case.done(run):
        asked()
        run.go()
    assert case.done(run), run.view.failure
    repo.fsck()


@pytest.mark.parametrize("where", ["branch", "checks", "stage"])
def test_p3_an_interrupt_between_the_steps_of_an_execution(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """ctrl+c while the branch is made or the checkpoint runs does not strand the phase."""
    run = journey(FIRST).propose().approve()
    target = {
        "branch": "clubos_tui.engine.effects.execute._publish",
        "checks": "clubos_tui.engine.effects.check._subject",
        "stage": "clubos_tui.engine.effects.execute.ready_stage",
    }[where]
    module, name = target.rsplit(".", 1)
    inner = getattr({"execute": execute}.get(module.rsplit(".", 1)[1]) or __import__(
        module, fromlist=["x"]), name)  # fmt: skip
    asked: list[bool] = []

    def slow(*arguments: object) -> object:
        if not asked:
            asked.append(True)
            pause(run)
            assert run.driver.context.stop.wait(10)
        return inner(*arguments)

    monkeypatch.setattr(target, slow)
    run.run.execute(1, by=WHO)
    run.settle()
    assert asked
    run.reopen()
    if run.phase().state is not Status.VALIDATED:
        run.execute()
    run.merge()
    assert repo.tree("HEAD") == run.phase().change_set


def test_p3_an_interrupt_that_comes_too_late_does_not_forget_the_merge(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The branch moved before the interrupt was heard: the journal says merged, as git does."""
    run = journey(FIRST).live()
    inner = merge.commit_to_target

    def late(*arguments: object) -> object:
        result = inner(*arguments)  # type: ignore[arg-type]
        pause(run)
        assert run.driver.context.stop.wait(10)
        return result

    monkeypatch.setattr(merge, "commit_to_target", late)
    run.run.merge(by=WHO)
    run.settle()
    assert repo.tree("HEAD") == run.phase().change_set
    assert run.view.ending == "merged"
    run.roll_back(1, close=True)
    assert repo.read("src/app.txt") == b"one\ntwo\nthree\n"


def test_p3_recovery_from_another_work_tree_keeps_this_ones_index(
    repo: Repo, journey: Start, state: Path, tmp_path: Path
) -> None:
    """A merge killed here and recovered from a linked work tree: staged work stays staged."""
    other = Repo(tmp_path / "other")
    repo.git("worktree", "add", "--quiet", "-b", "side", other.path)
    repo.mess()
    run = journey(FIRST).live()
    in_child_total = 0
    store = Snapshot(tmp_path / "snapshot", repo.root, state)
    in_child_total = in_child(run, lambda item: item.merge(), -1)
    after = seen(run)
    side = other.index()
    for at in range(in_child_total // 2, in_child_total, 4):
        store.restore()
        in_child(run, lambda item: item.merge(), at)
        elsewhere = Journey.__new__(Journey)
        elsewhere.repo, elsewhere.plan, elsewhere.edits = other, run.plan, run.edits
        elsewhere.open()
        elsewhere.close()
        assert "notes/staged.txt" in repo.index(), at
        assert other.index() == side
        run.open()
        run.settle()
        if run.view.ending != "merged":
            run.merge()
        assert seen(run) == after, at
        run.close()


def test_p3_a_branch_moved_by_someone_else_after_the_crash_is_held(
    repo: Repo, journey: Start
) -> None:
    """Killed after the swap, then the branch was put elsewhere: no file of the person's moves."""
    run = journey(FIRST).live()
    run.close()
    child = os.fork()
    if child == 0:  # pragma: no cover
        run.open()
        Transaction.switch = lambda _self: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        run.merge()
        os._exit(1)
    os.waitpid(child, 0)
    tree = repo.tree(run.phase().branch)
    theirs = repo.git("commit-tree", tree, "-m", "theirs")
    repo.git("update-ref", "refs/heads/main", theirs)
    before, index = manifest.checkout(repo.root), repo.index()
    run.open()
    assert [item.direction for item in run.view.recovered] == ["held"]
    assert {item.path for item in run.view.recovered[0].left} >= {"src/app.txt", "link"}
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.index() == index
    assert repo.head == theirs
    repo.git("add", "--all")  # their git is not locked out


def test_p3_a_group_kill_leaves_no_ref_lock_that_blocks_the_next_try(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    """Power fails while git holds the locks of the branch: the next start takes them away."""
    run = journey(FIRST).live()
    run.close()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            os.setpgid(0, 0)
            run.open()
            monkeypatch.setattr(
                "clubos_tui.apply.transaction.Transaction.look_again",
                lambda _self: os.killpg(0, signal.SIGKILL),
            )
            run.merge()
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    run.open()
    assert leftovers(repo, state) == []
    run.settle()
    if run.view.ending != "merged":
        run.merge()
    assert repo.git("status", "--porcelain") == ""


def test_two_drivers_of_one_repository_never_run_together(journey: Start) -> None:
    """The second finds the lock taken, whoever asks first; it is free when the first ends."""
    from clubos_tui.engine.driver import Driver
    from clubos_tui.errors import DriverBusy

    run = journey(FIRST)
    second = Driver(run.session, run.run)
    with pytest.raises(DriverBusy, match=str(os.getpid())):
        second.require()
    run.driver.release()
    second.require()
    asyncio.run(second.until_waiting())
    second.release()
