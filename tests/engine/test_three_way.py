"""Rollback where the person went on: commits on top, edits not committed, work half staged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import agents, manifest
from support.journey import WHO, Journey
from support.repo import Repo, leftovers

from clubos_tui.apply import vault
from clubos_tui.engine import views
from clubos_tui.engine.state import Status

Start = Callable[..., Journey]
LINES = [f"line {number}\n" for number in range(1, 13)]


def text(**changed: str) -> str:
    """Return twelve lines, some of them changed: ``l3="x"`` changes the third."""
    lines = list(LINES)
    for name, line in changed.items():
        lines[int(name[1:]) - 1] = line + "\n"
    return "".join(lines)


@pytest.fixture
def merged(repo: Repo, journey: Start) -> Journey:
    """A merged run that changed line 3 of a long file, made one and removed one."""
    repo.write("long.txt", text())
    repo.commit("long")
    return journey(
        agents.all_of(
            agents.write("long.txt", text(l3="ours")),
            agents.write("made.txt", "made\n"),
            agents.delete("src/old.txt"),
        )
    ).live().merge()  # fmt: skip


def refused(run: Journey, state: Path, *paths: str, **fields: object) -> str:
    """Require that a rollback is refused by name, in the preview too, and touches nothing."""
    repo = run.repo
    before, index, head = manifest.checkout(repo.root), repo.index(), repo.git("rev-parse", "main")
    preview = views.rollback_preview(run.session, run.run, 1, fields.get("take_out", ()))  # type: ignore[arg-type]
    run.run.roll_back(1, by=WHO, close=True, **fields)  # type: ignore[arg-type]
    failure = run.settle()
    assert failure is not None
    assert failure.code == 7
    assert failure.cure
    assert preview.refusal == failure.error
    for path in paths:
        assert path in failure.error
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert (repo.index(), repo.git("rev-parse", "main")) == (index, head)
    assert leftovers(repo, state) == []
    assert run.view.ending == "merged"
    return failure.error


# --- commits on top -----------------------------------------------------------------------------


def test_p4_commits_on_top_keep_their_lines_and_lose_ours(repo: Repo, merged: Journey) -> None:
    """Other lines of a touched file were committed: a revert merges, and undo brings ours back."""
    repo.write("long.txt", text(l3="ours", l10="mine"))
    repo.write("later.txt", "later\n")
    top = repo.commit("mine")
    merged.roll_back(1, close=True)
    assert repo.read("long.txt").decode() == text(l10="mine")
    assert not (repo.root / "made.txt").exists()
    assert repo.read("src/old.txt") == b"old\n"
    assert repo.read("later.txt") == b"later\n"
    assert repo.git("log", "-1", "--format=%P") == top
    assert repo.git("status", "--porcelain") == ""
    assert merged.view.rollback
    assert merged.view.rollback.verified == 3
    repo.write("long.txt", text(l10="mine", l12="more"))
    repo.commit("more")
    merged.undo()
    assert repo.read("long.txt").decode() == text(l3="ours", l10="mine", l12="more")
    assert repo.read("made.txt") == b"made\n"
    assert not (repo.root / "src/old.txt").exists()
    assert merged.view.ending == "merged"
    assert repo.git("status", "--porcelain") == ""
    repo.fsck()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_p4_a_conflicting_commit_refuses_the_whole_rollback(
    repo: Repo, merged: Journey, state: Path, elsewhere: bool
) -> None:
    """The same line was committed since: named and refused, nothing half done."""
    repo.write("long.txt", text(l3="mine"))
    repo.write("made.txt", "mine\n")
    repo.commit("mine")
    if elsewhere:
        repo.git("switch", "-q", "-c", "mine")
    said = refused(merged, state, "long.txt", "made.txt")
    assert "src/old.txt" not in said
    repo.git("checkout", "-q", "main")
    repo.write("long.txt", text(l3="ours"))
    repo.write("made.txt", "made\n")
    repo.commit("back")
    merged.roll_back(1, close=True)
    assert repo.read("long.txt").decode() == text()


def test_p4_a_revert_merges_on_a_branch_that_is_not_checked_out(
    repo: Repo, merged: Journey
) -> None:
    """Only the ref moves, and the person's lines on it stay."""
    repo.write("long.txt", text(l3="ours", l10="mine"))
    repo.commit("mine")
    repo.git("switch", "-q", "-c", "other")
    before = manifest.checkout(repo.root)
    merged.roll_back(1, close=True)
    assert repo.git("show", "main:long.txt") + "\n" == text(l10="mine")
    assert merged.view.rollback
    assert merged.view.rollback.verified == 0
    merged.undo()
    assert repo.git("show", "main:long.txt") + "\n" == text(l3="ours", l10="mine")
    assert manifest.difference(before, manifest.checkout(repo.root)) == []


def test_p4_one_phase_after_the_other_with_commits_between(repo: Repo, journey: Start) -> None:
    """Phase 2, a commit, then the rest: each revert takes its own lines only."""
    repo.write("long.txt", text())
    repo.commit("long")
    run = journey(
        agents.write("long.txt", text(l3="one")),
        agents.write("long.txt", text(l3="one", l7="two")),
    ).live().merge()  # fmt: skip
    run.roll_back(2)
    repo.write("long.txt", text(l3="one", l11="mine"))
    repo.commit("mine")
    run.roll_back(1, close=True)
    assert repo.read("long.txt").decode() == text(l11="mine")


def test_p4_what_an_earlier_rollback_left_goes_with_the_next(repo: Repo, journey: Start) -> None:
    """An edit kept phase 2's file; when it is gone, rolling back the run takes the file too."""
    second = agents.all_of(agents.write("two.txt", "2\n"), agents.write("more.txt", "2\n"))
    run = journey(agents.write("one.txt", "1\n"), second).live().merge()
    repo.write("two.txt", "mine\n")
    run.roll_back(2)
    assert [item.path for item in run.view.left] == ["two.txt"]
    repo.write("two.txt", "2\n")
    run.roll_back(1, close=True)
    assert not (repo.root / "two.txt").exists()
    assert repo.tree("HEAD") == run.view.started.base_tree


def test_p4_a_merge_onto_a_moved_target_comes_back_to_that_target(
    repo: Repo, journey: Start
) -> None:
    """Their commit from before the merge stays, line by line."""
    repo.write("long.txt", text())
    repo.commit("long")
    run = journey(agents.write("long.txt", text(l3="ours"))).live()
    repo.write("long.txt", text(l10="mine"))
    repo.commit("mine")
    run.run.merge(by=WHO)
    run.go()
    prepared = run.view.merge.prepared
    assert prepared
    run.run.approve_merge(prepared.tree, by=WHO)
    run.go()
    assert repo.read("long.txt").decode() == text(l3="ours", l10="mine")
    run.roll_back(1, close=True)
    assert repo.read("long.txt").decode() == text(l10="mine")


# --- states in which nothing may be done --------------------------------------------------------


@pytest.mark.parametrize("state_file", ["MERGE_HEAD", "CHERRY_PICK_HEAD", "rebase-merge"])
def test_p6_in_the_middle_of_something_a_rollback_is_refused(
    repo: Repo, merged: Journey, state: Path, state_file: str
) -> None:
    """The preview says it too."""
    place = repo.root / ".git" / state_file
    if state_file == "rebase-merge":
        place.mkdir()
    else:
        place.write_text(f"{repo.head}\n")
    assert "in the middle of" in refused(merged, state)


@pytest.mark.parametrize("how", ["half staged", "staged only", "taken out of the index"])
def test_p4_staged_work_on_a_touched_path_refuses(
    repo: Repo, merged: Journey, state: Path, how: str
) -> None:
    """An index that differs from HEAD there is the person's unfinished commit."""
    if how == "taken out of the index":
        repo.git("rm", "-q", "--cached", "long.txt")
    else:
        repo.write("long.txt", text(l3="ours", l10="mine"))
        repo.git("add", "long.txt")
    if how == "half staged":
        repo.write("long.txt", text(l3="ours", l10="mine", l11="more"))
    elif how == "staged only":
        repo.write("long.txt", text(l3="ours"))
    assert "staged" in refused(merged, state, "long.txt")


# --- edits that are not committed ---------------------------------------------------------------


def test_p4_an_edited_path_is_asked_about_with_its_three_versions(
    repo: Repo, merged: Journey
) -> None:
    """Ids, hunks, and whether our part alone can go; left alone unless that is chosen."""
    repo.write("long.txt", text(l3="ours", l10="mine"))
    repo.write("made.txt", "made\nmine\n")
    preview = views.rollback_preview(merged.session, merged.run, 1)
    assert [item.path for item in preview.left] == ["long.txt", "made.txt"]
    assert preview.restore == ("src/old.txt",)
    long, made = preview.asked
    assert long.ours == repo.git("rev-parse", "HEAD:long.txt")
    assert long.before == repo.git("rev-parse", "HEAD^:long.txt")
    assert long.theirs == repo.git("hash-object", "long.txt")
    assert "+mine" in long.edit
    assert "-line 10" in long.edit
    assert "-ours" in long.part
    assert "+line 3" in long.part
    assert long.refusal == ""
    assert made.before == ""
    assert made.refusal
    merged.roll_back(1, close=True)
    assert repo.read("long.txt").decode() == text(l3="ours", l10="mine")
    assert repo.read("made.txt") == b"made\nmine\n"


def test_p4_taking_out_only_our_part_keeps_the_edit(
    repo: Repo, merged: Journey, state: Path
) -> None:
    """Disk: before plus the edit; branch and index: before. Undo gives back each byte."""
    mine = text(l3="ours", l10="mine")
    repo.write("long.txt", mine, 0o640)
    preview = views.rollback_preview(merged.session, merged.run, 1, ["long.txt"])
    assert preview.taken_out == ("long.txt",)
    assert preview.left == ()
    merged.run.roll_back(1, by=WHO, close=True, take_out=["long.txt"])
    merged.go()
    assert repo.read("long.txt").decode() == text(l10="mine")
    assert (repo.root / "long.txt").stat().st_mode & 0o777 == 0o640
    assert repo.tree("HEAD") == merged.view.started.base_tree
    assert repo.git("status", "--porcelain") == " M long.txt"
    assert merged.view.rollback
    assert merged.view.rollback.taken_out == ("long.txt",)
    assert merged.view.rollback.verified == 3
    kept = vault.read_vault(str(merged.session.paths.vault(merged.view.rollback.transaction)))
    held = {path: row.sha256 for path, row in kept.items()}
    assert held["long.txt"] == hashlib.sha256(mine.encode()).hexdigest()
    merged.undo()
    assert repo.read("long.txt").decode() == mine
    assert (repo.root / "long.txt").stat().st_mode & 0o777 == 0o640
    assert repo.git("status", "--porcelain") == " M long.txt"
    assert leftovers(repo, state) == []
    repo.fsck()


def test_p4_undo_after_the_kept_edit_was_committed(repo: Repo, merged: Journey) -> None:
    """The edit is on the branch by then: ours joins it there, and nothing is left over."""
    repo.write("long.txt", text(l3="ours", l10="mine"))
    merged.run.roll_back(1, by=WHO, close=True, take_out=["long.txt"])
    merged.go()
    repo.commit("my edit")
    merged.undo()
    assert repo.read("long.txt").decode() == text(l3="ours", l10="mine")
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("paths", [["long.txt"], ["made.txt"], ["README.md"], ["nowhere.txt"]])
def test_p4_what_cant_be_taken_out_is_refused_by_name(
    repo: Repo, merged: Journey, state: Path, paths: list[str]
) -> None:
    """A conflict, a file that is wholly ours, one never edited, one that is not there."""
    repo.write("long.txt", text(l3="mine"))
    repo.write("made.txt", "made\nmine\n")
    refused(merged, state, *paths, take_out=paths)


def test_p4_only_our_part_on_the_stage(journey: Start) -> None:
    """The same choice before the merge, and undo."""
    run = journey(agents.write("src/app.txt", "zero\none\ntwo\nthree\n")).live()
    place = Path(run.stage, "src/app.txt")
    place.write_text("zero\none\ntwo\nthree\nmine\n")
    run.run.roll_back(1, by=WHO, take_out=["src/app.txt"])
    run.go()
    assert place.read_text() == "one\ntwo\nthree\nmine\n"
    assert run.phase().state is Status.ROLLED_BACK
    run.undo()
    assert place.read_text() == "zero\none\ntwo\nthree\nmine\n"


def test_p4_the_choice_is_in_the_journal_and_old_journals_still_read(merged: Journey) -> None:
    """An auditor sees what was chosen; a request without the field reads as no choice."""
    from clubos_tui import events as e

    Path(merged.repo.root, "long.txt").write_text(text(l3="ours", l12="mine"))
    merged.run.roll_back(1, by=WHO, close=True, take_out=["long.txt"])
    merged.go()
    asked = [item.event for item in merged.run.journal.load()
             if isinstance(item.event, e.RollbackRequested)]  # fmt: skip
    assert asked[0].take_out == ("long.txt",)
    old = e.decode("rollback.requested", {"phase": 1, "by": "Pat"})
    assert old == e.RollbackRequested(1, "Pat")
    done = e.decode(
        "rolled.back",
        {"phase": 1, "phases": [1], "transaction": "t", "restored": 1, "deleted": 0},
    )
    assert isinstance(done, e.RolledBack)
    assert (done.verified, done.taken_out) == (0, ())


def test_p1_a_preview_writes_nothing_into_the_repository(repo: Repo, merged: Journey) -> None:
    """Not even with a merge of trees and of files in it."""
    repo.write("long.txt", text(l3="ours", l10="mine", l12="more"))
    repo.git("commit", "-q", "-m", "mine", "long.txt")
    repo.write("long.txt", text(l3="ours", l6="yet", l10="mine", l12="more"))
    before = manifest.manifest(repo.root)
    preview = views.rollback_preview(merged.session, merged.run, 1, ["long.txt"])
    assert preview.taken_out == ("long.txt",)
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    assert os.listdir(merged.session.paths.scratch) in ([], ["index"])


SLOTS = (2, 6, 10)  # lines so far apart that a change of one never touches another
CHOICE = st.sampled_from(["as it is", "ours", "before", "mine"])


@settings(max_examples=12)
@given(
    ours=st.sets(st.sampled_from(SLOTS), min_size=1),
    mine=st.fixed_dictionaries(dict.fromkeys(SLOTS, CHOICE)),
    committed=st.booleans(),
)
def test_p4_line_by_line_only_what_we_wrote_goes(
    tmp_path_factory: pytest.TempPathFactory,
    home: Path,
    ours: set[int],
    mine: dict[int, str],
    committed: bool,
) -> None:
    """Whatever lines the person changed, committed or not: theirs stay, ours go, or it refuses."""
    repo = Repo.make(tmp_path_factory.mktemp("case") / "repo")
    repo.write("long.txt", text())
    repo.commit("long")
    written = {f"l{slot}": f"ours {slot}" for slot in ours}
    run = Journey(repo, agents.all_of(agents.write("long.txt", text(**written)),
                                      agents.write("other.txt", "ours\n")))  # fmt: skip
    try:
        run.live().merge()
        now, wanted, conflict = dict(written), {}, False
        for slot, choice in mine.items():
            if choice == "as it is":
                continue
            line = {"ours": f"ours {slot}", "before": f"line {slot}", "mine": "mine"}[choice]
            now[f"l{slot}"] = line
            if slot not in ours:
                wanted[f"l{slot}"] = line
            conflict = conflict or (slot in ours and choice == "mine")
        edited = text(**now)
        repo.write("long.txt", edited)
        changed = edited != text(**written)
        if committed and changed:
            repo.commit("mine")
        take_out = ["long.txt"] if changed and not committed else []
        run.run.roll_back(1, by=WHO, close=True, take_out=take_out)
        failure = run.settle()
        assert (failure is not None) == conflict
        assert repo.read("long.txt").decode() == (edited if conflict else text(**wanted))
        assert (repo.root / "other.txt").exists() == conflict
        if failure is None:
            run.undo()
            assert repo.read("long.txt").decode() == edited
    finally:
        run.close()
