"""Housekeeping on real runs: every way back stays, verify tells the truth, a kill costs nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, kill, manifest
from support.cli import inside
from support.housekeeping import WHO, age, gc, shown, went, why
from support.journey import Journey
from support.kill import Snapshot, in_child
from support.repo import Repo

from clubos_tui.agents.claude.recording import Record as Answer
from clubos_tui.agents.claude.recording import Recording
from clubos_tui.changes.manifest import BlobId, Entry
from clubos_tui.engine import letting_go, views
from clubos_tui.engine.advance import advance
from clubos_tui.engine.audit import verify
from clubos_tui.engine.letting_go import let_go, plan
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import Status
from clubos_tui.engine.table import refusal, rolled_back_with
from clubos_tui.errors import DriverBusy, Failed, GitFailed
from clubos_tui.events import (
    CheckFinished,
    ChecksFinished,
    ChecksRequested,
    Gone,
    LetGo,
    RollbackRequested,
    TurnTaken,
    UndoRequested,
)
from clubos_tui.locks import FileLock
from clubos_tui.plan import CheckSpec
from clubos_tui.repository import spare
from clubos_tui.repository.objects import object_id
from clubos_tui.spending import ModelTurn

Start = Callable[..., Journey]
FIRST = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/inner/a.txt", "a\n"),
    agents.delete("deep/er/only.txt"),
    agents.chmod("bin/run.sh", 0o644),
)
SECOND = agents.all_of(agents.write("src/app.txt", "newer\n"), agents.delete("src/old.txt"))


def unvalidated(run: Journey) -> None:
    """Have a check of the stage fail, asked for once more."""
    run.live()
    tree = run.phase(2).change_set
    run.run.say(ChecksRequested(2, "stage", tree, (), WHO))
    run.run.say(
        CheckFinished(2, "stage", tree, "there", "failed", True, "no"),
        ChecksFinished(2, "stage", tree, open=False),
    )
    assert run.phase(2).state is Status.UNVALIDATED


def elsewhere(run: Journey) -> None:
    """Merge while another branch is checked out."""
    run.live()
    run.repo.git("switch", "-q", "-c", "mine")
    run.merge()
    run.repo.git("switch", "-q", "main")


def edited(run: Journey) -> None:
    """Merge, and go on working on top of it."""
    run.live().merge()
    run.repo.write("fresh/inner/a.txt", "mine\n")
    run.repo.write("other.txt", "mine\n")
    run.repo.git("add", "other.txt")
    run.repo.git("commit", "-q", "-m", "on top")


STATES: dict[str, Callable[[Journey], object]] = {
    "proposed": lambda run: run.propose(1),
    "approved": lambda run: run.propose(1).approve(1),
    "executed": lambda run: run.live(1).propose(2),
    "validated": lambda run: run.live(),
    "unvalidated": unvalidated,
    "rolled back": lambda run: run.live().roll_back(2),
    "rolled back and closed": lambda run: run.live().roll_back(1, close=True),
    "undone": lambda run: run.live().roll_back(1, close=True).undo(),
    "merged": lambda run: run.live().merge(),
    "merged, and worked on": edited,
    "merged elsewhere": elsewhere,
    "merged, last phase reverted": lambda run: run.live().merge().roll_back(2),
    "reverted": lambda run: run.live().merge().roll_back(1, close=True),
    "reverted, and that undone": lambda run: run.live().merge().roll_back(1, close=True).undo(),
    "abandoned": lambda run: run.propose(1).roll_back(1, close=True),
    "abandoned after a rollback": lambda run: run.live(1).roll_back(1).roll_back(1, close=True),
}  # fmt: skip


def seen(run: Journey) -> tuple[object, ...]:
    """Return what a person would miss: what could be taken back and how, and all files."""
    stage: manifest.Manifest = {}
    if run.view.merge.merged is None and os.path.isdir(run.stage):  # a merged run needs none
        stage = manifest.without_times(manifest.manifest(run.stage))
    stand = [number for number in (1, 2) if rolled_back_with(run.view, number)]
    previews = [
        (item.phases, item.restore, item.delete, item.left, item.asked, item.refusal)
        for item in (
            *(views.rollback_preview(run.session, run.run, number) for number in stand),
            views.undo_preview(run.session, run.run),
        )
    ]
    # What is neither approved nor merged is looked at as before.
    patches = [views.patch(run.session, run.run, number) for number in (1, 2)]
    return (
        previews, patches, run.view.left,
        run.view.ending, [run.view.status(number) for number in (1, 2)],
        sorted(manifest.checkout(run.repo.root).items()), run.repo.index(), run.repo.tree("main"),
        sorted(stage.items()),
    )  # fmt: skip


def back_and_forth(run: Journey, tidy: Callable[[], object]) -> list[tuple[object, ...]]:
    """Take back and undo in turn as long as that may be asked, and look each time."""
    out = []
    for number in (2, 0, 1, 0):
        run.close()
        tidy()
        run.open()
        out.append(seen(run))
        event = RollbackRequested(number, WHO) if number else UndoRequested(WHO)
        if refusal(run.view, event):
            continue
        run.roll_back(number) if number else run.undo()
    out.append(seen(run))
    run.close()
    return out


def forgotten(run: Journey) -> BlobId:
    """Make a tree that no event names, and with it a file; return that."""
    workshop = run.session.workshop
    data = b"forgotten\n" * 99
    blob = BlobId(object_id("blob", data))
    workshop.build(run.view.started.base_tree, {"spare": Entry("100644", blob)}, {blob: data})
    return blob


@pytest.mark.parametrize("name", STATES)
def test_p4_every_way_back_is_the_same_after_housekeeping(
    repo: Repo, journey: Start, state: Path, tmp_path: Path, name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whatever a run has come to: the same previews, the same bytes, as often as one likes."""
    monkeypatch.setattr(spare, "SETTLED", -60.0)
    repo.write("src/app.txt", "one\ntwo\nthree\n", 0o600)
    there = CheckSpec("there", "paths", ("README.md",))
    run = journey(FIRST, SECOND, check=(there,))
    STATES[name](run)
    blob = forgotten(run)
    run.close()
    start = Snapshot(tmp_path / "snapshot", repo.root, state)
    expected = back_and_forth(run, lambda: None)
    start.restore()
    gone: set[str] = set()
    assert back_and_forth(run, lambda: gone.update(went(gc(repo)))) == expected
    assert {"workspace", "objects"} <= gone
    run.open()
    with pytest.raises(GitFailed, match="missing"):
        run.session.workshop.objects.blob(blob)
    assert verify(run.session, run.run).broken == ()
    repo.fsck()


def test_p4_phases_whose_branches_the_person_deleted_can_still_be_merged(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their git has thrown the commits away since; the workshop alone holds them."""
    monkeypatch.setattr(spare, "SETTLED", -60.0)
    run = journey(FIRST, SECOND).live()
    forgotten(run)
    run.close()
    for branch in repo.branches():
        if branch != "main":
            repo.git("branch", "-q", "-D", branch)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert repo.ask("cat-file", "-e", run.phase(2).commit).returncode != 0
    assert "objects" in went(gc(repo))
    run.open()
    run.merge()
    assert repo.read("src/app.txt") == b"newer\n"
    run.roll_back(1, close=True)
    assert repo.read("src/app.txt") == b"one\ntwo\nthree\n"
    repo.fsck()


def test_p4_a_run_that_is_not_the_last_keeps_its_way_back_too(repo: Repo, journey: Start) -> None:
    """No command reaches it, but what it would need is there: but for its words."""
    old = journey(FIRST).live().roll_back(1, close=True)
    old.close()
    new = journey(SECOND).propose()
    new.close()
    stage = Path(old.stage)
    before = {path: path.read_bytes() for path in stage.rglob("*") if path.is_file()}
    vault = Path(old.session.paths.vault(old.phase().transaction))
    kept = vault.read_bytes()
    done = gc(repo)
    assert "stage" not in went(done)
    assert "backup" not in went(done)
    assert "streams" in went(done)
    assert {path: path.read_bytes() for path in stage.rglob("*") if path.is_file()} == before
    assert vault.read_bytes() == kept


def test_an_open_run_goes_on_as_if_nothing_had_been(repo: Repo, journey: Start) -> None:
    """Workspace and benches are laid out again; what was proposed is executed and merged."""
    run = journey(FIRST, SECOND).propose(1).approve(1)
    run.close()
    done = gc(repo)
    assert went(done) == {"workspace"}
    assert not os.path.exists(run.session.paths.workspace)
    run.open()
    run.execute(1).propose(2)
    run.close()
    gc(repo)
    run.open()
    run.approve(2).execute(2).merge()
    assert repo.read("src/app.txt") == b"newer\n"
    assert verify(run.session, run.run).notes == ()


def test_a_workspace_in_the_middle_of_a_dry_run_stays(repo: Repo, journey: Start) -> None:
    """What the actions before it left behind, as git ignores it, is nowhere else."""
    run = journey({"one": agents.write("build/installed", "1\n"), "two": FIRST}, SECOND)
    run.run.propose(1, by=WHO)
    while run.phase().actions[:1] == [] or run.phase().action("one").status != "success":
        asyncio.run(advance(run.driver.context))
    run.close()
    installed = Path(run.session.paths.workspace, "build/installed")
    done = gc(repo)
    assert why(done, "workspace") == {f"a dry run of run {run.run.id} is at work there"}
    assert installed.exists()
    run.open()
    run.go()
    assert run.phase().state is Status.PROPOSED
    run.close()
    assert "workspace" in went(gc(repo))


# --- what stays, though its run is over -----------------------------------------------------------


def test_p4_a_stage_somebody_worked_in_stays(repo: Repo, journey: Start) -> None:
    run = journey(FIRST).live().merge()
    Path(run.stage, "notes.txt").write_text("mine\n")
    run.close()
    done = gc(repo)
    assert why(done, "stage") == {"somebody worked in it"}
    Path(run.stage, "notes.txt").unlink()
    for note in Path(run.stage).parent.glob("*.known"):
        note.unlink()  # as after an update of clubos: every byte is read
    Path(run.stage, "src/app.txt").write_text("mine\n")
    assert why(gc(repo), "stage") == {"somebody worked in it"}
    Path(run.stage, "src/app.txt").write_text("new\n")
    assert "stage" in went(gc(repo))
    assert os.listdir(run.session.paths.stages) == []


def test_p4_what_was_replaced_in_the_checkout_is_kept_for_ever(repo: Repo, journey: Start) -> None:
    run = journey(FIRST).live().merge()
    run.close()
    done = gc(repo)
    assert "backup" in went(done)  # of the stage
    kept = [row.thing for row in done.keep if row.thing.kind == "backup"]
    merged = run.view.merge.merged
    assert merged
    assert [thing.name for thing in kept] == [f"backups/{merged.transaction}"]


def test_p9_what_is_not_as_the_journal_vouches_for_stays(repo: Repo, journey: Start) -> None:
    """Housekeeping must not be the way to get rid of it."""
    run = journey(FIRST).live().merge()
    stream = next(Path(run.session.paths.run(run.run.id), "streams").glob("1-1-*.jsonl"))
    words = stream.read_bytes()
    stream.write_bytes(words + b'{"type": "message"}\n')
    run.close()
    done = gc(repo)
    assert "streams" not in went(done)
    assert any("it is evidence: what the agent said in 'p1'" in text
               for text in why(done, "streams"))  # fmt: skip
    run.open()
    assert len(verify(run.session, run.run).broken) == 1
    stream.write_bytes(words)
    run.close()
    assert "streams" in went(gc(repo))


def test_an_edit_that_is_in_no_change_set_stays(repo: Repo, journey: Start) -> None:
    run = journey(FIRST).propose()
    run.run.edit(1, run.phase().change_set, "src/app.txt", b"by hand\n", by=WHO)
    run.go()
    edits = Path(run.run.journal.folder, "edits")
    lost = b"never taken\n"
    (edits / hashlib.sha256(lost).hexdigest()).write_bytes(lost)
    run.approve().execute().merge().close()
    assert why(gc(repo), "edits") == {"an edit in it is in no change set"}
    (edits / hashlib.sha256(lost).hexdigest()).unlink()
    assert "edits" in went(gc(repo))
    run.open()
    assert verify(run.session, run.run).broken == ()


def test_a_backup_with_an_edit_of_the_person_s_stays(repo: Repo, journey: Start) -> None:
    run = journey(agents.write("src/app.txt", "0\none\ntwo\nthree\n"), SECOND).live(1)
    Path(run.stage, "src/app.txt").write_text("0\none\ntwo\nthree\nmine\n")
    run.run.roll_back(1, by=WHO, take_out=["src/app.txt"])
    run.go()
    taken = run.view.rollback
    assert taken
    assert taken.taken_out
    run.propose(1).roll_back(1, close=True).close()
    done = gc(repo)
    assert "it holds edits of yours as they were" in why(done, "backup")
    assert os.path.exists(run.session.paths.vault(taken.transaction))


def test_a_run_with_a_damaged_journal_is_left_alone(repo: Repo, journey: Start) -> None:
    """And so is all that it might need; another run's things go all the same."""
    old = journey(FIRST).live().merge()
    old.close()
    new = journey(SECOND).live().merge()
    new.close()
    paths = new.session.paths
    journal = Path(old.run.journal.path)
    journal.write_bytes(journal.read_bytes().replace(b"Phase 1", b"Phase 9"))
    mine = manifest.manifest(paths.run(old.run.id))
    transactions = set(os.listdir(paths.transactions))
    done = gc(repo)
    assert manifest.manifest(paths.run(old.run.id)) == mine
    assert {row.thing.run for row in done.go} == {new.run.id}
    assert {"streams", "stage", "backup"} <= went(done)
    assert "workspace" not in went(done)
    for kind in ("streams", "workspace", "workshop"):
        assert any("the chain does not hold" in text for text in why(done, kind)), kind
    gone = transactions - set(os.listdir(paths.transactions))
    assert gone == {f"{new.phase().transaction}.jsonl"}


def test_what_another_process_makes_now_and_what_nobody_knows_stays(
    repo: Repo, journey: Start
) -> None:
    run = journey(FIRST).live().merge()
    paths = run.session.paths
    run.close()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    packs = f"{paths.workshop}/objects/pack"
    ours = [
        f"{paths.scratch}/copies-{child}-abc", f"{paths.scratch}/rehearsal-{run.run.id}-1",
        f"{paths.scratch}/merge-{run.run.id}", f"{packs}/tmp_clubos_{child}_pack-1.pack",
        f"{paths.stage(run.run.id)}.part", f"{paths.trash}/0123456789abcdef",
    ]  # fmt: skip
    theirs = [
        f"{paths.scratch}/copies-{os.getpid()}-abc", f"{paths.scratch}/rehearsal-other-1",
        f"{packs}/tmp_clubos_{os.getpid()}_pack-1.pack", f"{packs}/tmp_pack_mine",
        f"{paths.root}/stages/mine", f"{paths.root}/workspaces/mine", f"{paths.root}/mine",
        f"{paths.root}/staging/mine", f"{paths.root}/backups/mine",
    ]  # fmt: skip
    for place in (*ours, *theirs):
        if "tmp_" in place or "backups" in place:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            Path(place).write_bytes(b"half")
        else:
            os.makedirs(place)
            Path(place, "file").write_bytes(b"half")
    os.chmod(ours[0], 0)  # as an agent leaves it
    within = gc(repo, budget=1 << 40)
    assert went(within) == {"left-over"}
    gc(repo)
    assert [place for place in ours if os.path.lexists(place)] == []
    assert [place for place in theirs if not os.path.lexists(place)] == []


# --- verify ---------------------------------------------------------------------------------------


def test_p9_verify_says_what_was_let_go_and_by_whom(repo: Repo, journey: Start) -> None:
    run = journey(FIRST, SECOND).live().merge()
    streams = Path(run.session.paths.run(run.run.id), "streams")
    hashes = {
        os.path.relpath(path, run.session.paths.root): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in streams.iterdir()
    }
    run.close()
    gc(repo)
    assert not streams.exists()
    run.open()
    (record,) = (item for item in run.run.journal.load() if isinstance(item.event, LetGo))
    assert isinstance(record.event, LetGo)
    told = {gone.name: gone.sha256 for gone in record.event.items}
    assert hashes.items() <= told.items()
    found = verify(run.session, run.run)
    assert found.broken == ()
    assert found.missing == ()
    told_by = f"was let go on {record.at} by {WHO} (event {record.seq})"
    assert found.notes == (
        f"what the agent said in 'p1' (phase 1, attempt 1) {told_by}",
        f"what the agent said in 'p2' (phase 2, attempt 1) {told_by}",
    )
    assert record.event.by == WHO
    # Something else under that name is not what was let go.
    stream = streams / "1-1-p1.jsonl"
    streams.mkdir()
    stream.write_text("another word\n")
    assert len(verify(run.session, run.run).broken) == 1


def test_p9_a_stream_that_is_gone_without_a_word_is_missing(repo: Repo, journey: Start) -> None:
    """Also where the event names another content for it."""
    run = journey(FIRST).live().merge()
    paths = run.session.paths
    stream = paths.stream(run.run.id, "1-1-p1.jsonl")
    os.unlink(stream)
    assert len(verify(run.session, run.run).missing) == 1
    name = os.path.relpath(stream, paths.root)
    run.run.say(LetGo((Gone(name, "0" * 64, 1),), WHO))
    assert len(verify(run.session, run.run).missing) == 1


# --- locks and kills ------------------------------------------------------------------------------


def test_nothing_goes_while_another_clubos_drives_or_starts_a_run(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letting_go, "_STARTING", 0.0)
    run = journey(FIRST).live().merge()
    before = shown(repo)
    assert before.go
    with pytest.raises(DriverBusy, match="drives this repository"):
        gc(repo)
    run.close()
    with FileLock(run.session.paths.start_lock), pytest.raises(DriverBusy, match="starting"):
        gc(repo)
    assert {row.thing.name for row in shown(repo).rows} == {row.thing.name for row in before.rows}
    assert gc(repo).go


def test_only_what_was_shown_goes(repo: Repo, journey: Start) -> None:
    run = journey(FIRST).live().merge()
    early = plan(run.session, 0)
    bench = Path(run.session.paths.bench(7))
    bench.mkdir()
    run.driver.release()
    done = let_go(run.session, early, by=WHO)
    assert bench.exists()
    assert "it was not shown, so nobody has said yes to it" in why(done, "bench")


class Places:
    """The points of housekeeping at which a kill is worth most."""

    ALL = (
        *(item for item in kill.PLACES if item[0] is Run),
        (letting_go, "_put_away"), (letting_go, "_empty"), (letting_go, "remove"),
        (letting_go, "sync_folder"), (spare, "_repacked"), (spare, "sync_folder"),
    )  # fmt: skip


def test_p3_a_kill_at_any_point_of_housekeeping(
    repo: Repo, journey: Start, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is missing without a word, the run can be taken back, and the next one ends it."""
    monkeypatch.setattr(kill, "PLACES", Places.ALL)
    before = manifest.checkout(repo.root)
    run = journey(FIRST, SECOND).live().merge()
    forgotten(run)
    run.close()
    age(state)
    os.makedirs(f"{run.session.paths.scratch}/copies-{2**22 + 1}-x/deep/er")
    fingerprint = manifest.manifest(repo.root)
    start = Snapshot(tmp_path / "snapshot", repo.root, state)

    def work(item: Journey) -> None:
        item.driver.release()
        let_go(item.session, plan(item.session, 0), by=WHO)

    assert {"left-over", "stage", "objects", "streams", "backup"} <= went(shown(repo))
    total = in_child(run, work, -1)
    left = {row.thing.name for row in shown(repo).rows}
    assert total > 20
    wrong = []
    for at in sorted({round(n * (total - 1) / 11) for n in range(12)}):
        start.restore()
        fingerprint = manifest.manifest(repo.root)
        in_child(run, work, at)
        if manifest.difference(fingerprint, manifest.manifest(repo.root)):
            wrong.append(f"point {at}: the repository changed")
        run.open()
        found = verify(run.session, run.run)
        wrong += [f"point {at}: {text}" for text in found.broken]
        if os.path.isdir(run.session.paths.trash) and os.listdir(run.session.paths.trash):
            wrong.append(f"point {at}: the start left something in the trash")
        run.close()
        age(state)
        gc(repo)
        names = {row.thing.name for row in shown(repo).rows}
        if names != left:
            wrong.append(f"point {at}: another housekeeping leaves {names ^ left}")
        run.open()
        run.roll_back(1, close=True)
        if manifest.difference(before, manifest.checkout(repo.root)):
            wrong.append(f"point {at}: not as before after the rollback")
        run.close()
    assert wrong == []


def test_a_full_disk_says_so_and_the_rest_is_as_it_was(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal can't say what goes, so nothing that it vouches for does."""
    run = journey(FIRST).live().merge()
    run.close()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "journal.jsonl")

    with monkeypatch.context() as patch:
        patch.setattr("clubos_tui.journal.FileJournal.append", full)
        with pytest.raises(Failed, match="could not be let go: No space left"):
            gc(repo)
    streams = Path(run.session.paths.run(run.run.id), "streams")
    assert list(streams.iterdir())
    assert "streams" in went(gc(repo))


def test_what_is_made_anew_goes_first_where_the_disk_has_no_room_for_a_name(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = journey(FIRST).live().merge()
    run.close()
    workspace, makedirs = run.session.paths.workspace, os.makedirs

    def full(path: str, *more: object, **named: object) -> None:
        if path == run.session.paths.trash and os.path.exists(workspace):
            raise OSError(28, "No space left on device", path)
        makedirs(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "makedirs", full)
    assert {"workspace", "stage", "streams"} <= went(gc(repo))
    assert os.listdir(os.path.dirname(workspace)) == []
    run.open()
    assert verify(run.session, run.run).broken == ()


def test_p4_a_run_in_the_middle_of_something_is_not_over(repo: Repo, journey: Start) -> None:
    """It is merged, and a rollback was asked for that nobody has carried out."""
    run = journey(FIRST).live().merge()
    run.run.roll_back(1, by=WHO)
    run.close()
    assert went(gc(repo)) == {"workspace"}
    run.open()
    run.go()
    assert run.view.ending == "rolled back"


# --- recordings -----------------------------------------------------------------------------------


def recorded(run: Journey) -> Recording:
    """Have a model's answer in the recording, and the journal vouch for it."""
    recording = Recording(run.session.paths.recording(run.run.id))
    turn = ModelTurn(1, "answered", "m", "p")
    turn = dataclasses.replace(turn, record_sha256=recording.add(Answer(1, 1, "p1", turn)))
    run.run.journal.append(TurnTaken(1, 1, "p1", turn))
    return recording


def test_p9_a_recording_is_let_go_with_its_answers(repo: Repo, journey: Start) -> None:
    run = journey(FIRST).live().merge()
    recording = recorded(run)
    words = Path(recording.path).read_bytes()
    run.close()
    Path(recording.path).write_bytes(words.replace(b"answered", b"agreed"))
    assert any("it is evidence" in text for text in why(gc(repo), "recording"))
    Path(recording.path).write_bytes(words)
    assert "recording" in went(gc(repo))
    run.open()
    found = verify(run.session, run.run)
    assert found.broken == ()
    assert found.missing == ()
    assert any(note.startswith("the recording was let go on") for note in found.notes)
    said = inside(repo, "recording")
    assert said.code == 2
    assert "was let go on" in said.err


def test_a_recording_that_an_open_run_replays_stays(repo: Repo, journey: Start) -> None:
    old = journey(FIRST).live().merge()
    recording = recorded(old)
    new = old.session.start(old.plan, "test", by=WHO, agent=f"replay:{recording.path}")
    old.close()
    assert why(gc(repo), "recording") == {f"run {new.id} replays it"}
    assert os.path.exists(recording.path)


def test_a_state_folder_of_nothing(repo: Repo) -> None:
    assert went(gc(repo)) == set()
