"""The merge: its shape, what it refuses, and what of the person's it must leave alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.journey import WHO, Journey
from support.repo import Repo, leftovers

from clubos_tui.engine.effects import merge as merge_effects
from clubos_tui.engine.state import Status
from clubos_tui.errors import Refused, RepositoryState, Stale
from clubos_tui.repository import refs
from clubos_tui.repository.discover import Repository

Start = Callable[..., Journey]
CHANGE = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/inner/a.txt", "a\n"),
    agents.delete("src/old.txt"),
)


def refused(run: Journey, repo: Repo, code: int = 7) -> str:
    """Require that a merge is refused with nothing changed; return what was said."""
    before = manifest.manifest(repo.root)
    failure = run.try_merge()
    assert failure is not None
    assert failure.code == code, failure
    changed = manifest.difference(before, manifest.manifest(repo.root))
    # The objects of the merge commit may stay; git gc takes them away.
    kept = ("'.git/objects", "'.git': ", "'.git/refs/heads': ", "'.': ")
    assert [line for line in changed if not line.startswith(kept)] == []
    assert run.view.ending is None
    return failure.error


def test_merge_is_no_fast_forward_and_says_who(repo: Repo, journey: Start) -> None:
    """Two parents (target first), the approved tree, and trailers that git itself reads."""
    start = repo.head
    run = journey(CHANGE).live().merge()
    branch = run.phase().branch
    assert repo.git("log", "-1", "--format=%P").split() == [start, repo.git("rev-parse", branch)]
    assert repo.tree("HEAD") == run.phase().change_set
    trailers = repo.git("log", "-1", "--format=%(trailers:only,unfold)")
    assert f"ClubOS-Run: {run.run.id}" in trailers
    assert f"Merged-by: {WHO}" in trailers
    assert f"ClubOS-Change-Set: {run.phase().change_set}" in trailers
    assert "Audit-Head: " in trailers
    phase_trailers = repo.git("log", "-1", "--format=%(trailers:only,unfold)", branch)
    for key in ("ClubOS-Run", "ClubOS-Phase", "ClubOS-Change-Set", "Approved-by", "Audit-Head"):
        assert f"{key}: " in phase_trailers
    assert repo.git("status", "--porcelain") == ""
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"
    repo.fsck()


def test_merge_keeps_all_unfinished_work(repo: Repo, journey: Start, state: Path) -> None:
    """Staged, half staged, edited, untracked, ignored and empty: all as before."""
    repo.mess()
    repo.git("update-index", "--assume-unchanged", "bin/run.sh")
    before, index = manifest.checkout(repo.root), repo.index()
    journey(CHANGE).live().merge()
    after = manifest.checkout(repo.root)
    touched = {"src/app.txt", "src/old.txt", "fresh", "fresh/inner", "fresh/inner/a.txt"}
    assert [
        line
        for line in manifest.difference(before, after)
        if line.split("'")[1] not in touched
    ] == []  # fmt: skip
    mine = [row for row in index.split("\0") if not row.endswith(("src/app.txt", "src/old.txt"))]
    assert set(mine) <= set(repo.index().split("\0"))
    assert set(repo.git("status", "--porcelain").splitlines()) == {
        " M README.md", "A  notes/staged.txt", "AM notes/half.txt", "?? scratch/",
    }  # fmt: skip
    assert leftovers(repo, state) == []


WAYS = (
    "edited", "staged", "removed", "mode", "untracked", "ignored", "file for folder",
    "folder for file", "link", "hidden edit", "another repository",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_p4_what_is_in_the_way_is_listed_and_stays(repo: Repo, journey: Start, way: str) -> None:
    """A dirty, staged, untracked or ignored file in the way refuses the merge by its path."""
    path = "src/app.txt"
    run = journey(agents.all_of(CHANGE, agents.write("made.txt", "log\n"))).live()
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/exclude").write_text("made.txt\n")  # since then
    if way == "edited":
        repo.write(path, "mine\n")
    elif way == "staged":
        repo.write(path, "mine\n")
        repo.git("add", path)
        repo.write(path, "one\ntwo\nthree\n")
    elif way == "removed":
        (repo.root / path).unlink()
    elif way == "mode":
        (repo.root / path).chmod(0o755)
    elif way == "untracked":
        path = "fresh/inner/a.txt"
        repo.write(path, "a\n")
    elif way == "ignored":
        path = "made.txt"
        repo.write(path, "precious\n")
    elif way == "file for folder":
        path = "fresh/inner/a.txt"
        repo.write("fresh", "a file where a folder must go\n")
    elif way == "folder for file":
        path = "made.txt"
        repo.write("made.txt/deep.txt", "precious\n")
    elif way == "link":
        path = "fresh/inner/a.txt"
        (repo.root / "fresh").symlink_to(repo.root.parent)
    elif way == "another repository":
        path = "fresh/inner/a.txt"
        Repo.make(repo.root / "fresh")
    else:
        repo.git("update-index", "--assume-unchanged", path)
        status = os.stat(repo.root / path)
        repo.write(path, "ONE\ntwo\nthree\n")
        os.utime(repo.root / path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path in refused(run, repo)


def test_merge_goes_on_once_the_way_is_free(repo: Repo, journey: Start) -> None:
    """A refused merge can simply be asked for again."""
    run = journey(CHANGE).live()
    repo.write("src/app.txt", "mine\n")
    refused(run, repo)
    repo.git("checkout", "--", "src/app.txt")
    run.merge()
    assert repo.read("src/app.txt") == b"new\n"


def test_with_another_branch_checked_out_only_the_ref_moves(repo: Repo, journey: Start) -> None:
    """The person works elsewhere: no file, no index entry, no HEAD changes."""
    run = journey(CHANGE).live()
    repo.git("switch", "--quiet", "-c", "mine")
    repo.mess()
    before, index = manifest.manifest(repo.root), (repo.root / ".git/index").read_bytes()
    run.merge()
    after = manifest.manifest(repo.root)
    outside = [name for name in before if not name.startswith(".git")]
    assert [name for name in outside if before[name] != after.get(name)] == []
    assert (repo.root / ".git/index").read_bytes() == index
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/mine"
    assert repo.tree("main") == run.phase().change_set


def test_p6_a_merge_brings_back_what_git_threw_away(repo: Repo, journey: Start) -> None:
    """The person deleted the phase branches and git their commits: history stays whole."""
    more = agents.write("more.txt", "more\n")
    run = journey(CHANGE, more).live(1, 2)
    for number in (1, 2):
        repo.git("branch", "-D", run.phase(number).branch)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    assert repo.ask("cat-file", "-e", run.phase(1).commit).returncode
    run.merge()
    assert repo.git("log", "--format=%H", "main").splitlines()[-1]
    assert run.phase(1).commit in repo.git("log", "--format=%H", "main")
    repo.fsck()


def test_p2_a_moved_target_needs_a_new_approval(repo: Repo, journey: Start) -> None:
    """The merged tree differs from the approved one: it is checked and waits for its own yes."""
    run = journey(CHANGE).live()
    repo.write("theirs.txt", "theirs\n")
    theirs = repo.commit("meanwhile")
    run.run.merge(by=WHO)
    run.go()
    assert run.view.ending is None
    assert repo.head == theirs
    prepared = run.view.merge.prepared
    assert prepared
    assert prepared.moved
    with pytest.raises(Refused):
        run.run.approve_merge(run.phase().change_set, by=WHO)
    run.run.approve_merge(prepared.tree, by=WHO)
    run.go()
    assert run.view.ending == "merged"
    assert repo.tree("HEAD") == prepared.tree
    assert repo.read("theirs.txt") == b"theirs\n"
    assert repo.read("src/app.txt") == b"new\n"
    assert repo.git("status", "--porcelain") == ""


def test_a_conflict_with_a_moved_target_is_stale_and_named(repo: Repo, journey: Start) -> None:
    """Nothing is merged; the phase branches stay."""
    run = journey(CHANGE).live()
    repo.write("src/app.txt", "one\ntwo of mine\nthree\n")
    repo.commit("meanwhile")
    assert "conflict" in refused(run, repo, code=5)
    assert run.phase().branch in repo.branches()


def test_p6_a_target_that_moves_at_the_last_moment_stops_the_swap(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    """Someone commits between the preparation and the compare-and-swap: theirs stays."""
    run = journey(CHANGE).live()
    swap = refs.moving
    made: list[str] = []

    def late(repository: Repository, ref: str, new: str, old: str, why: str) -> object:
        if not made:
            tree = repo.git("rev-parse", "HEAD^{tree}")
            made.append(repo.git("commit-tree", tree, "-p", "HEAD", "-m", "theirs"))
            repo.git("update-ref", "refs/heads/main", made[0])
        return swap(repository, ref, new, old, why)

    before, index = manifest.checkout(repo.root), repo.index()
    monkeypatch.setattr(refs, "moving", late)
    failure = run.try_merge()
    assert failure is not None
    assert failure.code == 5
    assert repo.head == made[0]
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.index() == index
    assert leftovers(repo, state) == []
    monkeypatch.undo()


def test_p3_a_swap_whose_answer_is_lost_is_not_taken_for_a_refusal(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git moved the ref and died before it said so: the merge goes on, or nothing happened."""
    run = journey(CHANGE).live()
    say = refs._Commit.say

    def lost(self: refs._Commit, command: bytes, expected: bytes) -> None:
        say(self, command, expected)
        if command == b"commit\0":
            raise Stale("git update-ref died")

    monkeypatch.setattr(refs._Commit, "say", lost)
    run.try_merge()
    assert run.view.ending == "merged"
    assert repo.tree("HEAD") == run.phase().change_set
    assert repo.git("status", "--porcelain") == ""


@pytest.mark.parametrize("state_of", ["merge", "rebase", "cherry-pick", "bisect"])
def test_in_the_middle_of_an_operation_nothing_moves(
    repo: Repo, journey: Start, state_of: str
) -> None:
    """The merge is refused and says which operation is under way."""
    run = journey(CHANGE).live()
    names = {"merge": "MERGE_HEAD", "cherry-pick": "CHERRY_PICK_HEAD", "bisect": "BISECT_LOG"}
    if state_of == "rebase":
        (repo.root / ".git/rebase-merge").mkdir()
    else:
        (repo.root / ".git" / names[state_of]).write_text(repo.head + "\n")
    assert f"in the middle of a {state_of}" in refused(run, repo)


def test_a_locked_index_refuses_and_stays_locked(repo: Repo, journey: Start) -> None:
    """Another git holds the index: its lock is not ours to remove."""
    run = journey(CHANGE).live()
    lock = repo.root / ".git/index.lock"
    lock.write_bytes(b"theirs")
    assert "index is locked" in refused(run, repo)
    assert lock.read_bytes() == b"theirs"


def test_a_locked_branch_refuses_and_stays_locked(repo: Repo, journey: Start) -> None:
    """Another git is about to move the branch."""
    run = journey(CHANGE).live()
    lock = repo.root / ".git/refs/heads/main.lock"
    lock.write_bytes(b"")
    assert "could not be moved" in refused(run, repo, code=5)
    assert lock.exists()


def test_a_read_only_checkout_is_refused(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root that can't be written is found out before anything is done."""
    run = journey(CHANGE).live()
    look = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **kw: path != repo.path and look(path, mode, **kw)
    )
    assert "read-only" in refused(run, repo, code=1)


def test_a_detached_head_has_no_target(repo: Repo, journey: Start) -> None:
    """A run that began on a detached HEAD can be proposed and executed, not merged."""
    repo.git("checkout", "--quiet", "--detach")
    run = journey(CHANGE).live()
    with pytest.raises(Refused, match="detached"):
        run.run.merge(by=WHO)


def test_detaching_before_the_merge_moves_only_the_ref(repo: Repo, journey: Start) -> None:
    """HEAD detached after the start: the branch moves, the checkout stays."""
    run = journey(CHANGE).live()
    start = repo.head
    repo.git("checkout", "--quiet", "--detach")
    before = manifest.checkout(repo.root)
    run.merge()
    assert repo.head == start
    assert repo.tree("main") == run.phase().change_set
    assert manifest.difference(before, manifest.checkout(repo.root)) == []


def test_a_branch_checked_out_in_another_work_tree_is_refused(
    repo: Repo, journey: Start, tmp_path: Path
) -> None:
    """Moving the ref would leave that other work tree behind its own branch."""
    run = journey(CHANGE).live()
    repo.git("switch", "--quiet", "-c", "mine")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "other"), "main")
    assert "another work tree has main" in refused(run, repo)


def test_merge_in_a_linked_work_tree(repo: Repo, journey: Start, tmp_path: Path) -> None:
    """The linked work tree's own index and files follow; the main one's stay."""
    linked = Repo(tmp_path / "linked")
    repo.git("worktree", "add", "--quiet", "-b", "side", linked.path)
    repo.mess()
    before, index = manifest.checkout(repo.root), repo.index()
    run = journey(CHANGE, where=linked).live().merge()
    assert linked.tree("HEAD") == run.phase().change_set == repo.tree("side")
    assert linked.git("status", "--porcelain") == ""
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.index() == index
    repo.fsck()


def test_another_branch_checked_out_a_moment_ago_stops_the_merge(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HEAD is looked at once more while the ref is locked."""
    run = journey(CHANGE).live()
    checkout = run.session.checkout
    answers = iter([True, False])
    monkeypatch.setattr(type(checkout), "follows", lambda *_: next(answers, True))
    assert "another branch" in refused(run, repo)


def test_p1_an_interrupted_preparation_leaves_no_merge(repo: Repo, journey: Start) -> None:
    """An error before the swap undoes the step: no lock, no staged file, no moved ref."""
    run = journey(CHANGE).live()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "clubos_tui.apply.checkout.next_index",
            lambda *_: (_ for _ in ()).throw(RepositoryState("no index today")),
        )
        assert "no index today" in refused(run, repo)
    run.merge()


def test_the_step_after_a_merge_made_by_someone_else(repo: Repo, journey: Start) -> None:
    """A last phase that is in the target already is not merged twice."""
    run = journey(CHANGE).live()
    repo.git("merge", "--quiet", "--no-edit", run.phase().branch)
    assert "already holds" in refused(run, repo)
    assert run.view.status(1) is Status.VALIDATED


@pytest.mark.parametrize("feature", ["split", "v4", "none"])
def test_other_forms_of_index(repo: Repo, journey: Start, feature: str, state: Path) -> None:
    """An index that is split, compressed or missing is brought along or refused, never lost."""
    if feature == "split":
        repo.git("update-index", "--split-index")
    elif feature == "v4":
        repo.git("update-index", "--index-version", "4")
    else:
        (repo.root / ".git/index").unlink()
    run = journey(CHANGE).live()
    before, index = manifest.checkout(repo.root), repo.index()
    failure = run.try_merge()
    if failure:
        assert manifest.difference(before, manifest.checkout(repo.root)) == []
        assert repo.index() == index
    else:
        assert repo.tree("HEAD") == run.phase().change_set
        assert repo.read("src/app.txt") == b"new\n"
        assert repo.git("status", "--porcelain") == ""
    assert leftovers(repo, state) == []


def test_merge_rows_are_the_difference_to_the_target(repo: Repo, journey: Start) -> None:
    """The transaction's manifest is exactly what git sees between target and merge."""
    start = repo.head
    run = journey(CHANGE).live().merge()
    merged = run.view.merge.merged
    assert merged
    record = merge_effects.read_record(run.session.paths.transaction(merged.transaction))
    assert record
    names = repo.git("diff-tree", "-r", "--name-only", start, "HEAD").split("\n")
    assert [write.path for write in record.intent.writes] == names
