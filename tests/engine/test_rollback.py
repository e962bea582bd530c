"""Rollback and undo: what comes back, what is left alone, and what happens without a backup."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import agents, manifest
from support.journey import WHO, Journey
from support.repo import Repo, leftovers

from clubos_tui.apply import exchange as exchanges
from clubos_tui.apply import prepare, vault
from clubos_tui.disk import Found
from clubos_tui.engine import views
from clubos_tui.engine.state import Status
from clubos_tui.errors import BackupFailed

Start = Callable[..., Journey]
CHANGE = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/inner/a.txt", "a\n"),
    agents.delete("deep/er/only.txt"),
    agents.chmod("bin/run.sh", 0o644),
    agents.link("src/old.txt", "app.txt"),
)


def test_p4_a_merged_run_comes_back_whole(repo: Repo, journey: Start, state: Path) -> None:
    """Every byte, mode, folder and index entry is as before; history gains a revert commit."""
    repo.write("src/app.txt", "one\ntwo\nthree\n", 0o600)
    repo.mess()
    before, index, start = manifest.checkout(repo.root), repo.index(), repo.head
    run = journey(CHANGE).live().merge()
    merged, branch = repo.head, run.phase().branch
    assert os.stat(repo.root / "src/app.txt").st_mode & 0o777 == 0o600
    run.roll_back(1, close=True)
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.index() == index
    assert repo.git("log", "-1", "--format=%P") == merged
    assert repo.tree("HEAD") == repo.tree(start)
    assert branch in repo.branches()
    assert run.view.ending == "rolled back"
    assert leftovers(repo, state) == []
    repo.fsck()


def test_p4_undo_brings_the_merge_back(repo: Repo, journey: Start) -> None:
    """A rollback is itself an operation that can be taken back, and again rolled back."""
    repo.mess()
    run = journey(CHANGE).live().merge()
    after, tree = manifest.checkout(repo.root), repo.tree("HEAD")
    run.roll_back(1, close=True).undo()
    assert manifest.difference(after, manifest.checkout(repo.root)) == []
    assert repo.tree("HEAD") == tree
    assert run.view.ending == "merged"
    run.roll_back(1, close=True)
    assert repo.read("src/app.txt") == b"one\ntwo\nthree\n"


def test_p4_rollback_leaves_foreign_edits_in_the_checkout(repo: Repo, journey: Start) -> None:
    """Edited, replaced, made executable since: left alone, listed, kept."""
    run = journey(
        agents.all_of(*(agents.write(f"made/{name}.txt", f"{name}\n") for name in "abdfg"))
    ).live().merge()  # fmt: skip
    repo.write("made/a.txt", "mine\n")
    (repo.root / "made/b.txt").unlink()
    (repo.root / "made/b.txt").mkdir()
    repo.write("made/b.txt/inside.txt", "mine too\n")
    (repo.root / "made/d.txt").chmod(0o755)
    repo.write("made/new.txt", "a new file in your folder\n")
    preview = views.rollback_preview(run.session, run.run, 1)
    run.roll_back(1, close=True)
    assert repo.read("made/a.txt") == b"mine\n"
    assert repo.read("made/b.txt/inside.txt") == b"mine too\n"
    assert os.access(repo.root / "made/d.txt", os.X_OK)
    assert repo.read("made/new.txt") == b"a new file in your folder\n"
    assert not (repo.root / "made/f.txt").exists()
    assert not (repo.root / "made/g.txt").exists()
    left = [f"made/{name}.txt" for name in "abd"]
    assert [item.path for item in run.view.left] == left
    assert [item.path for item in preview.left] == left
    assert list(preview.delete) == ["made/f.txt", "made/g.txt"]


def test_p4_rollback_leaves_foreign_edits_on_the_stage(journey: Start) -> None:
    """Someone looked around in the stage and wrote: that stays, the rest goes back."""
    run = journey(CHANGE).live()
    Path(run.stage, "src/app.txt").write_text("mine\n")
    Path(run.stage, "fresh/mine.txt").write_text("mine\n")
    run.roll_back(1)
    assert Path(run.stage, "src/app.txt").read_text() == "mine\n"
    assert Path(run.stage, "fresh/mine.txt").read_text() == "mine\n"
    assert not Path(run.stage, "fresh/inner").exists()
    assert Path(run.stage, "deep/er/only.txt").read_text() == "alone\n"
    assert [item.path for item in run.view.left] == ["src/app.txt"]


def test_rolling_back_a_phase_takes_the_later_ones_with_it(repo: Repo, journey: Start) -> None:
    """One operation, from the last written to what lay there before the first."""
    run = journey(
        agents.write("src/app.txt", "1\n"),
        agents.write("src/app.txt", "2\n"),
        agents.all_of(agents.write("src/app.txt", "3\n"), agents.write("c.txt", "3\n")),
    ).live()
    run.roll_back(2)
    assert Path(run.stage, "src/app.txt").read_text() == "1\n"
    assert not Path(run.stage, "c.txt").exists()
    states = [run.phase(number).state for number in (1, 2, 3)]
    assert states == [Status.VALIDATED, Status.ROLLED_BACK, Status.ROLLED_BACK]
    run.undo()
    assert Path(run.stage, "src/app.txt").read_text() == "3\n"
    assert Path(run.stage, "c.txt").read_text() == "3\n"
    run.merge()
    assert repo.read("src/app.txt") == b"3\n"


def test_a_phase_rolled_back_can_be_executed_again(repo: Repo, journey: Start) -> None:
    """Another attempt, another branch; the old branch is kept."""
    run = journey(CHANGE).live()
    first = run.phase().branch
    run.roll_back(1)
    run.live(1)
    assert {first, run.phase().branch} <= repo.branches().keys()
    run.merge()
    repo.fsck()


def test_p4_phases_taken_back_one_after_the_other_leave_nothing(repo: Repo, journey: Start) -> None:
    """After the merge: phase 3, then 2, then the run. Nothing of ours stays, with its mode."""
    repo.write("src/app.txt", "one\ntwo\nthree\n", 0o600)
    before = manifest.checkout(repo.root)
    run = journey(
        agents.write("src/app.txt", "1\n"),
        agents.all_of(agents.write("src/app.txt", "2\n"), agents.write("two.txt", "2\n")),
        agents.all_of(agents.write("src/app.txt", "3\n"), agents.delete("two.txt")),
    ).live().merge()  # fmt: skip
    run.roll_back(3)
    assert repo.read("src/app.txt") == b"2\n"
    assert os.stat(repo.root / "src/app.txt").st_mode & 0o777 == 0o600
    assert run.view.ending == "merged"
    run.roll_back(2)
    assert repo.read("src/app.txt") == b"1\n"
    run.roll_back(1, close=True)
    assert run.view.left == ()
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.git("status", "--porcelain") == ""


def test_rollback_with_another_branch_checked_out(repo: Repo, journey: Start) -> None:
    """Only the ref moves; undo works the same way."""
    start = repo.tree("HEAD")
    run = journey(CHANGE).live().merge()
    merged = repo.tree("main")
    repo.git("switch", "-q", "-c", "mine")
    before = manifest.checkout(repo.root)
    run.roll_back(1, close=True)
    assert repo.tree("main") == start
    run.undo()
    assert repo.tree("main") == merged
    assert manifest.difference(before, manifest.checkout(repo.root)) == []


def test_rollback_after_work_on_top(repo: Repo, journey: Start) -> None:
    """Commits made on top of the merge stay; the revert goes on top of them."""
    run = journey(CHANGE).live().merge()
    repo.write("later.txt", "later\n")
    later = repo.commit("later")
    run.roll_back(1, close=True)
    assert repo.git("log", "-1", "--format=%P") == later
    assert repo.read("later.txt") == b"later\n"
    assert repo.read("src/app.txt") == b"one\ntwo\nthree\n"
    assert repo.git("status", "--porcelain") == ""


def test_rewritten_history_is_refused(repo: Repo, journey: Start) -> None:
    """A branch that no longer holds the merge is not ours to move."""
    start = repo.head
    run = journey(CHANGE).live().merge()
    repo.git("reset", "-q", "--hard", start)
    before = manifest.manifest(repo.root)
    failure = run.try_roll_back(1, close=True)
    assert failure is not None
    assert failure.code == 7
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


def test_rolling_back_what_was_never_executed_abandons(repo: Repo, journey: Start) -> None:
    """`--run` on a run that only proposed closes it and touches nothing."""
    before = manifest.manifest(repo.root)
    run = journey(CHANGE).propose()
    run.roll_back(1, close=True)
    assert run.view.ending == "abandoned"
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


# --- P5: no backup, no write --------------------------------------------------------------------


def untouched(run: Journey, repo: Repo, state: Path, work: Callable[[], object]) -> None:
    """Require that ``work`` fails and changes neither checkout nor stage nor target."""
    files, index, head = manifest.checkout(repo.root), repo.index(), repo.head
    stage = manifest.checkout(run.stage) if os.path.isdir(run.stage) else {}
    assert work() is not None
    assert manifest.difference(files, manifest.checkout(repo.root)) == []
    assert manifest.difference(stage, manifest.checkout(run.stage)) == []
    assert (repo.index(), repo.head) == (index, head)
    assert leftovers(repo, state) == []


OPERATIONS: dict[str, tuple[Callable[[Journey], object], Callable[[Journey], object]]] = {
    "merge": (lambda run: run.live(), lambda run: run.try_merge()),
    "rollback": (lambda run: run.live().merge(), lambda run: run.try_roll_back(1, close=True)),
    "stage": (lambda run: run.live(1).propose(2).approve(2), lambda run: run.try_execute(2)),
    "stage rollback": (lambda run: run.live(1), lambda run: run.try_roll_back(1)),
}


@pytest.mark.parametrize("fault", ["reads back differently", "short", "no space for the vault",
                                   "no space for staging", "no fsync"])  # fmt: skip
@pytest.mark.parametrize("name", OPERATIONS)
def test_p5_no_backup_no_write(
    repo: Repo, journey: Start, state: Path, name: str, fault: str
) -> None:
    """A backup that can't be made or read back, or a full disk, stops before the first byte."""
    ready, work = OPERATIONS[name]
    run = journey(CHANGE, agents.write("src/app.txt", "newer\n")) if name == "stage" else journey(
        CHANGE)  # fmt: skip
    ready(run)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        if fault == "reads back differently":
            patch.setattr(vault, "read_vault", lambda _path: {})
        elif fault == "short":
            inner = vault.write_all
            patch.setattr(vault, "write_all", lambda fd, data: inner(fd, data[:-3]))
        elif fault == "no space for the vault":
            patch.setattr(vault, "write_all", full)
        elif fault == "no space for staging":
            patch.setattr(prepare, "make_file", full)
        else:
            patch.setattr(vault.os, "fsync", full)
        untouched(run, repo, state, lambda: work(run))
    run.reopen()
    assert work(run) is None


@pytest.mark.parametrize("at", [1, 2, 4])
@pytest.mark.parametrize("name", OPERATIONS)
def test_p3_a_write_that_fails_half_way_goes_back(
    repo: Repo, journey: Start, state: Path, name: str, at: int
) -> None:
    """The k-th exchange fails: the paths before it go back, and so does the branch."""
    ready, work = OPERATIONS[name]
    edits = [CHANGE, agents.all_of(
        agents.write("src/app.txt", "newer\n"), agents.write("x/1.txt", "1\n"),
        agents.write("x/2.txt", "2\n"), agents.delete("src/old.txt"))]  # fmt: skip
    run = journey(*(edits if name == "stage" else edits[:1]))
    ready(run)
    tree = repo.tree("main")
    files, index = manifest.checkout(repo.root), repo.index()
    stage = manifest.checkout(run.stage)
    calls: list[str] = []

    def failing(inner: Callable[..., None]) -> Callable[..., None]:
        def once(*arguments: object) -> None:
            calls.append("call")
            if len(calls) == at:
                raise PermissionError(13, "Permission denied", "somewhere")
            inner(*arguments)

        return once

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchanges, "exchange", failing(exchanges.exchange))
        patch.setattr(exchanges, "move_new", failing(exchanges.move_new))
        assert work(run) is not None
    assert repo.tree("main") == tree
    assert manifest.difference(files, manifest.checkout(repo.root)) == []
    assert manifest.difference(stage, manifest.checkout(run.stage)) == []
    assert repo.index() == index
    assert leftovers(repo, state) == []
    run.reopen()
    assert run.view.recovered == []
    assert work(run) is None


@pytest.mark.parametrize("merged", [True, False])
def test_p5_a_damaged_vault_stops_the_rollback(
    repo: Repo, journey: Start, state: Path, merged: bool
) -> None:
    """One flipped bit in a backup: zero files change, and it says so."""
    run = journey(CHANGE).live()
    if merged:
        run.merge()
    newest = max(state.glob("*/backups/*"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    data = bytearray(newest.read_bytes())
    data[-3] ^= 1
    newest.chmod(0o600)
    newest.write_bytes(data)
    untouched(run, repo, state, lambda: run.try_roll_back(1, close=True))
    assert run.view.failure
    assert "damaged" in run.view.failure.error
    newest.unlink()
    untouched(run, repo, state, lambda: run.try_roll_back(1, close=True))


def test_p5_a_vault_gives_nothing_that_does_not_match(tmp_path: Path) -> None:
    """Reading one content compares its SHA-256 once more."""
    path = str(tmp_path / "vault")
    writer = vault.VaultWriter(path)
    writer.add("a", Found("100644", b"content"))
    row = writer.seal()["a"]
    assert vault.take(path, row).data == b"content"
    data = bytearray(Path(path).read_bytes())
    data[row.offset + row.size // 2] ^= 1
    Path(path).write_bytes(data)
    with pytest.raises(BackupFailed):
        vault.take(path, row)
    with pytest.raises(BackupFailed):
        vault.read_vault(path)


# --- the preview is what is then done -----------------------------------------------------------

PATHS = ["src/app.txt", "src/old.txt", "deep/er/only.txt", "made/a.txt", "made/b/c.txt", "top.txt"]
TOUCH = st.dictionaries(
    st.sampled_from(PATHS), st.sampled_from([b"x\n", b"", None, b"\0"]), min_size=1
)


def _apply(folder: str, touches: dict[str, bytes | None]) -> None:
    for path, data in touches.items():
        place = os.path.join(folder, path)
        if data is not None:
            agents.write(path, data)(folder)
        elif os.path.exists(place):
            os.unlink(place)


@settings(max_examples=25)
@given(work=TOUCH, mine=TOUCH, merged=st.booleans())
def test_p4_the_preview_is_what_is_done(
    tmp_path_factory: pytest.TempPathFactory,
    home: Path,
    work: dict[str, bytes | None],
    mine: dict[str, bytes | None],
    merged: bool,
) -> None:
    """Whatever the agent did and the person edited since: preview, result and disk agree."""
    repo = Repo.make(tmp_path_factory.mktemp("case") / "repo")
    run = Journey(repo, lambda folder: _apply(folder, work))
    try:
        run.run.propose(1, by=WHO)
        run.settle()
        if run.phase().state is not Status.PROPOSED:
            return
        run.approve().execute()
        folder = repo.path if merged else run.stage
        start = manifest.checkout(folder)
        if merged:
            run.merge()
        else:
            start = {}
        mid = manifest.checkout(folder)
        _apply(folder, mine)
        edited = manifest.checkout(folder)
        preview = views.rollback_preview(run.session, run.run, 1)
        failure = run.try_roll_back(1, close=True)
        after = manifest.checkout(folder)
        if failure:
            assert after == edited
            assert preview.restore == preview.delete == ()
            return
        did = {line.split("'")[1] for line in manifest.difference(edited, after)}
        nodes = {name: (edited.get(name), after.get(name)) for name in did}
        folders = {name for name in did for node in nodes[name] if node and node.kind == "folder"}
        files = did - folders
        assert files == {*preview.restore, *preview.delete}
        assert [item.path for item in run.view.left] == [item.path for item in preview.left]
        for path in mine:
            if edited.get(path) != mid.get(path):
                assert after.get(path) == edited.get(path), path
        if merged:
            for path in files:
                assert after.get(path) == start.get(path)
    finally:
        run.close()


def refuse(*_: object) -> None:
    """Fail as a file that may not be written does."""
    raise PermissionError(13, "Permission denied", "somewhere")


@pytest.mark.parametrize("way", ["rolled back", "interrupted"])
def test_p4_an_emptied_folder_comes_back_with_its_permissions(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """No tree holds them; a folder only its owner may enter must not come back open to all."""
    (repo.root / "deep").chmod(0o750)
    (repo.root / "deep/er").chmod(0o700)
    before = manifest.checkout(repo.root)
    run = journey(agents.all_of(agents.delete("deep/er/only.txt"),
                                agents.write("src/app.txt", "new\n"))).live()  # fmt: skip
    if way == "interrupted":
        with monkeypatch.context() as patch:
            patch.setattr(exchanges, "exchange", refuse)
            assert run.try_merge()
    else:
        run.merge()
        assert not (repo.root / "deep").exists()
        run.roll_back(1)
    assert manifest.difference(before, manifest.checkout(repo.root)) == []


def test_what_is_taken_back_already_is_refused_in_words(repo: Repo, journey: Start) -> None:
    """Of a merged run, whose earlier phases still stand."""
    run = journey(CHANGE, agents.write("later.txt", "x\n")).live().merge()
    run.roll_back(2)
    preview = views.rollback_preview(run.session, run.run, 2)
    assert preview.refusal == "phase 2 is taken back already, and no later one stands"
    assert views.rollback_preview(run.session, run.run, 1).refusal == ""
