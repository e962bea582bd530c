"""Windows that are a few instructions wide: what happens in them must not be lost or redone."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.journey import WHO, Journey
from support.repo import Repo, leftovers

from clubos_tui.apply import exchange as exchanges
from clubos_tui.apply import transaction as transactions
from clubos_tui.apply.checkout import Checkout
from clubos_tui.apply.on_disk import Rows
from clubos_tui.apply.record import Progress, Record
from clubos_tui.changes.manifest import Write
from clubos_tui.engine import views
from clubos_tui.engine.audit import verify
from clubos_tui.engine.effects import rollback
from clubos_tui.engine.run import Run
from clubos_tui.errors import RepositoryState
from clubos_tui.events import EditedOutside, Event, Merged
from clubos_tui.journal import FileJournal, Journal
from clubos_tui.repository import refs
from clubos_tui.workspace.layout import Layout


class Cut(Exception):
    """The end of the process, as far as the engine can tell."""


Start = Callable[..., Journey]
CHANGE = agents.all_of(agents.write("src/app.txt", "new\n"), agents.write("fresh/a.txt", "a\n"))


def test_p3_what_was_taken_back_on_a_full_disk_is_not_done_again(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    """A switch fails, its files go back, and *undone* can't be written either."""
    run = journey(CHANGE).live()
    before, index, head = manifest.checkout(repo.root), repo.index(), repo.head
    add = Record.add

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_end(self: Record, progress: Progress) -> None:
        if progress.state == "undone":
            full()
        add(self, progress)

    with monkeypatch.context() as patch:
        patch.setattr(exchanges, "exchange", full)
        patch.setattr(Record, "add", no_end)
        assert run.try_merge() is not None
    run.reopen()
    assert [item.direction for item in run.view.recovered] == ["undone"]
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert (repo.index(), repo.head) == (index, head)
    assert leftovers(repo, state) == []
    run.merge()
    assert repo.read("src/app.txt") == b"new\n"


def test_p4_what_is_staged_before_the_lock_comes_is_kept(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person stages a change to a touched file after the first look at the index."""
    run = journey(CHANGE).live()
    first_look = Checkout.require_free

    def late(self: Checkout, writes: tuple[Write, ...]) -> Rows:
        rows = first_look(self, writes)
        repo.write("src/app.txt", "mine\n")
        repo.git("add", "src/app.txt")
        repo.write("src/app.txt", "one\ntwo\nthree\n")  # the disk looks untouched again
        return rows

    monkeypatch.setattr(Checkout, "require_free", late)
    head = repo.head
    failure = run.try_merge()
    assert failure is not None
    assert "staged" in failure.error
    assert repo.head == head
    assert repo.git("show", ":src/app.txt") == "mine"


def test_p6_recovery_waits_for_the_lock_of_another_git(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index of a merge that was cut short is brought along under our lock or not at all."""
    run = journey(CHANGE).live()

    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(Checkout, "take_index", cut)
        with pytest.raises(Cut):
            run.merge()
    lock = repo.root / ".git/index.lock"
    lock.write_bytes(b"the next index of another git")
    with pytest.raises(RepositoryState, match="locked"):
        run.reopen()
    assert lock.read_bytes() == b"the next index of another git"
    lock.unlink()
    run.reopen().settle()
    assert run.view.ending == "merged"
    assert repo.git("status", "--porcelain") == ""


def test_p4_a_file_left_at_the_merge_is_named_by_the_rollback(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person wrote it between the commit and the exchange; it stays theirs, and is said."""
    run = journey(CHANGE).live()
    commit = transactions.Transaction.commit

    def late(self: transactions.Transaction) -> None:
        commit(self)
        repo.write("fresh/a.txt", "mine\n")

    with monkeypatch.context() as patch:
        patch.setattr(transactions.Transaction, "commit", late)
        run.merge()
    preview = views.rollback_preview(run.session, run.run, 1)
    assert [item.path for item in preview.left] == ["fresh/a.txt"]
    run.run.roll_back(1, by=WHO, close=True)
    run.go()
    assert repo.read("fresh/a.txt") == b"mine\n"
    assert repo.read("src/app.txt") == b"one\ntwo\nthree\n"


def test_p4_a_rollback_cut_short_still_names_what_it_left(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the revert was made: what it did not take back is said by the next start."""
    run = journey(CHANGE).live().merge()
    repo.write("src/app.txt", "mine\n")
    done = rollback.commit_to_target

    def cut(*arguments: object) -> None:
        done(*arguments)  # type: ignore[arg-type]
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(rollback, "commit_to_target", cut)
        with pytest.raises(Cut):
            run.roll_back(1)
    run.reopen().go()
    assert run.view.rollback
    assert [item.path for item in run.view.rollback.left] == ["src/app.txt"]
    assert repo.read("src/app.txt") == b"mine\n"


@pytest.mark.parametrize("operation", ["merge", "rollback"])
def test_p4_a_branch_is_not_checked_out_while_it_moves(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, state: Path, operation: str
) -> None:
    """The person switches to the target between our look at HEAD and the move of the ref."""
    run = journey(CHANGE).live()
    if operation == "rollback":
        run.merge()
    repo.git("switch", "-q", "-c", "other")
    move, codes = refs.move, []

    def late(*arguments: str) -> None:
        codes.append(repo.ask("switch", "-q", "main").returncode)
        move(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(refs, "move", late)
    failure = run.try_merge() if operation == "merge" else run.try_roll_back(1)
    assert failure is None
    assert codes == [128], "git was to find the index locked"
    assert repo.git("status", "--porcelain") == ""
    assert leftovers(repo, state) == []
    repo.git("switch", "-q", "main")
    assert repo.git("status", "--porcelain") == ""
    assert repo.read("src/app.txt") == (b"new\n" if operation == "merge" else b"one\ntwo\nthree\n")


@pytest.mark.parametrize("moved", [True, False])
def test_p3_a_move_of_the_ref_alone_cut_short_leaves_no_lock(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, state: Path, moved: bool
) -> None:
    """Killed while only the branch moves: the next start says before or after, and clears up."""
    run = journey(CHANGE).live()
    repo.git("switch", "-q", "-c", "other")
    move = refs.move

    def cut(*arguments: str) -> None:
        if moved:
            move(*arguments)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGKILL)

    run.close()
    with monkeypatch.context() as patch:
        patch.setattr(refs, "move", cut)
        child = os.fork()
        if child == 0:  # pragma: no cover
            run.open()
            run.merge()
            os._exit(1)
        os.waitpid(child, 0)
    run.open()
    assert [item.direction for item in run.view.recovered] == ["finished" if moved else "undone"]
    assert leftovers(repo, state) == []
    run.go()
    assert run.view.ending == "merged"
    assert repo.tree("main") == run.phase().change_set
    repo.git("switch", "-q", "main")
    assert repo.git("status", "--porcelain") == ""


def test_p9_a_commit_on_top_of_a_merge_cut_short_is_not_called_the_merge(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the branch moved, clubos was killed, and the person went on before it was told."""
    run = journey(CHANGE).live()
    repo.git("switch", "-q", "-c", "other")
    with monkeypatch.context() as patch:
        patch.setattr(Run, "say", _dies_saying(Merged))
        with pytest.raises(Cut):
            run.try_merge()
    merged = repo.git("rev-parse", "main")
    repo.git("switch", "-q", "main")
    repo.write("mine.txt", "mine\n")
    mine = repo.commit("mine")
    run.reopen().go()
    assert run.view.merge.merged
    assert run.view.merge.merged.commit == merged != mine
    assert verify(run.session, run.run).broken == ()


def _dies_saying(kind: type[Event]) -> Callable[..., None]:
    """Return a :meth:`Run.say` after which the process ends before it says such an event."""
    say = Run.say

    def cut(self: Run, *events: Event, durable: bool = True) -> None:
        if any(isinstance(event, kind) for event in events):
            raise Cut
        say(self, *events, durable=durable)

    return cut


def test_p2_a_stage_that_was_removed_is_laid_out_with_the_earlier_phases(
    repo: Repo, journey: Start
) -> None:
    """The person clears the state folder up between two phases."""
    run = journey(agents.write("one", "1\n"), agents.write("two", "2\n")).live(1)
    shutil.rmtree(run.stage)
    run.live(2)
    held = {path.name: path.read_bytes() for path in Path(run.stage).iterdir() if path.is_file()}
    assert (held.get("one"), held.get("two")) == (b"1\n", b"2\n")


def test_p3_a_branch_that_moved_alone_is_not_called_failed(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person is on another branch, only the ref moves, and then the disk is full."""
    run = journey(CHANGE).live()
    repo.git("switch", "-q", "-c", "elsewhere")
    add = Record.add

    def full_once(self: Record, progress: Progress) -> None:
        if progress.state == "done":
            monkeypatch.setattr(Record, "add", add)
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, progress)

    monkeypatch.setattr(Record, "add", full_once)
    assert run.try_merge() is None
    assert run.view.ending == "merged"
    assert repo.tree("main") == run.phase().change_set


def test_p8_the_agent_of_an_earlier_attempt_is_ended_before_the_next_is_laid_out(
    journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might still write into the folder that all attempts share."""
    run = journey(agents.write("a", "1\n")).propose()
    course: list[str] = []

    class Lingering(agents.ScriptedAgent):
        async def aclose(self) -> None:
            course.append("ended")

    bring = Layout.bring
    monkeypatch.setattr(
        Layout, "bring", lambda *args, **how: course.append("laid out") or bring(*args, **how)
    )
    run.driver.context.agents[1, 1] = Lingering({})
    run.propose()
    assert course[:2] == ["ended", "laid out"]


def test_a_damaged_journal_of_a_closed_run_does_not_stop_the_open_one(journey: Start) -> None:
    old = journey(agents.write("a", "1\n")).live()
    old.roll_back(1, close=True)
    old.close()
    new = journey(agents.write("a", "2\n"))
    journal = Path(old.run.journal.path)
    journal.write_bytes(journal.read_bytes().replace(b"Phase 1", b"Phase 9"))
    new.live()


def test_p5_a_backup_that_is_gone_is_said_and_nothing_else_is_used(journey: Start) -> None:
    run = journey(CHANGE).live()
    os.unlink(run.session.paths.vault(run.phase().transaction))
    preview = views.rollback_preview(run.session, run.run, 1)
    assert "is damaged" in preview.refusal
    failure = run.try_roll_back()
    assert failure
    assert "No older backup is used" in failure.untouched


def test_p9_a_commit_vouches_for_one_moment_of_the_journal(
    journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process appends while the message of the commit is written."""
    run = journey(CHANGE).propose().approve()
    head = Journal.head.fget
    assert head

    def moved(self: Journal) -> str:
        FileJournal(self.folder).append(EditedOutside(1, {}))
        self.load()
        return str(head(self))

    monkeypatch.setattr(Journal, "head", property(moved))
    run.execute()
    assert verify(run.session, run.run).broken == ()
