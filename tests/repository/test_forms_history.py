"""HEAD and history in all their states: unborn, detached, unfinished, shallow, replaced, pruned."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.circle import Circle
from support.journey import WHO, Journey
from support.repo import Repo, leftovers

from clubos_tui.engine.session import Session
from clubos_tui.errors import NotARepository, Refused, RepositoryState
from clubos_tui.repository.create import create
from clubos_tui.repository.discover import discover

Start = Callable[..., Journey]
CHANGE = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/a.txt", "a\n"),
    agents.delete("src/old.txt"),
)
TOUCHED = ("src/app.txt", "fresh", "fresh/a.txt", "src/old.txt")


@pytest.fixture
def circle(repo: Repo, journey: Start, state: Path) -> Circle:
    """The way of the change through ``repo``."""
    return Circle(repo, journey, state, TOUCHED)


# --- HEAD ----------------------------------------------------------------------------------------


def test_an_unborn_head_is_refused_by_name_and_init_mends_it(
    home: Path, tmp_path: Path, state: Path, journey: Start
) -> None:
    """Nothing to come back to: the cure makes a first commit, and then the whole way is open."""
    repo = Repo(tmp_path / "unborn")
    repo.root.mkdir()
    repo.git("init", "--quiet")
    repo.write("mine.txt", "mine\n")
    before = manifest.manifest(repo.root)
    with pytest.raises(NotARepository, match=r"main of .* has no commit yet") as caught:
        Session.open(repo.path)
    assert "clubos init" in caught.value.cure
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    create(repo.path)
    Circle(repo, journey, state, ("a.txt",)).run(agents.write("a.txt", "a\n"))


def test_an_orphan_branch_is_refused_by_its_name(repo: Repo) -> None:
    """The repository has commits, this branch has none; what is staged stays staged."""
    repo.git("checkout", "--quiet", "--orphan", "fresh-start")
    index = repo.index()
    with pytest.raises(NotARepository, match="branch fresh-start"):
        Session.open(repo.path)
    create(repo.path)
    assert repo.index() == index
    assert repo.git("rev-list", "--count", "fresh-start") == "1"
    Session.open(repo.path).close()


def test_on_a_detached_head_all_but_the_merge_is_open(
    repo: Repo, journey: Start, state: Path
) -> None:
    """There is no branch to merge into: the refusal says so before anything is done."""
    repo.git("checkout", "--quiet", "--detach")
    run = journey(CHANGE).live()
    before = manifest.manifest(repo.root)
    with pytest.raises(Refused, match="HEAD was detached"):
        run.run.merge(by=WHO)
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    assert run.phase().branch in repo.branches()
    assert repo.head == repo.git("rev-parse", "main")
    run.roll_back(1, close=True)
    assert leftovers(repo, state) == []


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("MERGE_HEAD", "a merge"), ("rebase-merge/", "a rebase"), ("rebase-apply/", "a rebase"),
        ("rebase-apply/applying", "a git am"), ("CHERRY_PICK_HEAD", "a cherry-pick"),
        ("REVERT_HEAD", "a revert"), ("sequencer/", "a cherry-pick or revert"),
        ("BISECT_LOG", "a bisect"),
    ],
)  # fmt: skip
def test_an_unfinished_operation_is_named(repo: Repo, circle: Circle, mark: str, name: str) -> None:
    """No run starts in the middle of it, and one that is under way does not merge into it."""
    place = repo.root / ".git" / mark

    def begin() -> None:
        place.parent.mkdir(exist_ok=True)
        place.mkdir() if mark.endswith("/") else place.write_text(f"{repo.head}\n")

    run = circle.journey(CHANGE).live()
    begin()
    failure = run.try_merge()
    assert failure is not None
    assert (failure.code, name in failure.error) == (7, True), failure
    run.roll_back(1, close=True)
    session = Session.open(repo.path, run.agents)
    with pytest.raises(RepositoryState, match=f"in the middle of {name}"):
        session.start(run.plan, "test", by=WHO)
    session.close()


def test_a_real_rebase_that_stopped_is_named(repo: Repo, circle: Circle) -> None:
    """As git leaves it, HEAD detached and the index unmerged."""
    repo.git("switch", "--quiet", "-c", "side")
    repo.write("README.md", "side\n")
    repo.commit("side")
    repo.git("switch", "--quiet", "main")
    repo.write("README.md", "main\n")
    repo.commit("main")
    run = circle.journey(CHANGE).live()
    assert repo.ask("rebase", "side").returncode
    failure = run.try_merge()
    assert failure is not None
    assert "in the middle of a rebase" in failure.error
    repo.git("rebase", "--abort")


def test_an_unmerged_index_without_a_merge_is_named(repo: Repo, circle: Circle) -> None:
    """As ``git stash pop`` leaves it; also where the unmerged path is none of ours."""
    repo.write("README.md", "# Club\nstashed\n")
    repo.git("stash", "--quiet")
    repo.write("README.md", "# Club\ncommitted\n")
    repo.commit("other")
    assert repo.ask("stash", "pop").returncode
    circle.refused(CHANGE, "README.md", "unmerged")


def test_a_path_that_only_one_side_of_a_conflict_has_is_unmerged(
    repo: Repo, circle: Circle
) -> None:
    """A single entry at stage 2 looks like an ordinary one to who does not look at the stage."""
    blob = repo.git("rev-parse", "HEAD:src/app.txt")
    repo.git("update-index", "--force-remove", "src/app.txt")
    repo.git("update-index", "--index-info", stdin=f"100644 {blob} 2\tsrc/app.txt\n".encode())
    circle.refused(CHANGE, "src/app.txt", "unmerged")


# --- history and objects -------------------------------------------------------------------------


def test_a_shallow_clone(repo: Repo, journey: Start, state: Path, tmp_path: Path) -> None:
    """Its history ends early; the target may even move on meanwhile."""
    for number in range(4):
        repo.write("more.txt", f"{number}\n")
        repo.commit(f"more {number}")
    clone = cloned(repo, tmp_path / "shallow", "--depth=2")
    assert clone.git("rev-parse", "--is-shallow-repository") == "true"
    Circle(clone, journey, state, TOUCHED).run(CHANGE).close()
    run = journey(CHANGE, where=clone).live()
    clone.write("theirs.txt", "theirs\n")
    clone.commit("meanwhile")
    merge_moved(run)
    assert clone.git("status", "--porcelain") == ""
    clone.fsck()


def test_a_moved_target_that_shares_only_the_shallow_commit(
    repo: Repo, journey: Start, tmp_path: Path
) -> None:
    """The commit the run began on is the last one there is, and its parent is not here."""
    repo.write("more.txt", "more\n")
    repo.commit("more")
    clone = cloned(repo, tmp_path / "shallow", "--depth=1")
    run = journey(CHANGE, where=clone).live()
    clone.write("theirs.txt", "theirs\n")
    clone.commit("meanwhile")
    merge_moved(run)
    assert clone.git("status", "--porcelain") == ""


def cloned(repo: Repo, place: Path, *options: str) -> Repo:
    """Return a clone of the repository, through the protocol."""
    subprocess.run(
        ["git", "clone", "--quiet", "--no-local", *options, f"file://{repo.path}", str(place)],
        check=True, env=dict(os.environ), capture_output=True,
    )  # fmt: skip
    return Repo(place)


def merge_moved(run: Journey) -> None:
    """Merge into a target that moved: the merged tree has its own yes."""
    run.run.merge(by=WHO)
    run.go()
    prepared = run.view.merge.prepared
    assert prepared
    assert prepared.moved
    run.run.approve_merge(prepared.tree, by=WHO)
    run.go()
    assert run.view.ending == "merged"


def test_a_partial_clone_with_all_files_of_the_base(
    repo: Repo, journey: Start, state: Path, tmp_path: Path
) -> None:
    """Older blobs are missing and nobody asks for them: no network, no loss."""
    for number in range(3):
        repo.write("README.md", f"{number}\n")
        repo.commit(f"{number}")
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = cloned(repo, tmp_path / "partial", "--filter=blob:none")
    repo.root.rename(tmp_path / "gone")
    circle = Circle(clone, journey, state, TOUCHED)
    circle.run(CHANGE)


def test_a_partial_clone_that_lacks_files_is_refused_by_name(
    repo: Repo, journey: Start, tmp_path: Path
) -> None:
    """A sparse one has only what it shows: what is missing is counted, and the cure works."""
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = cloned(repo, tmp_path / "partial", "--filter=blob:none", "--sparse")
    before = manifest.manifest(clone.root)
    with pytest.raises(RepositoryState, match="partial clone") as caught:
        journey(CHANGE, where=clone)
    assert "git fetch --refetch --no-filter" in caught.value.cure
    assert manifest.difference(before, manifest.manifest(clone.root)) == []
    clone.git("fetch", "--quiet", "--refetch", "--no-filter")
    journey(CHANGE, where=clone).live().merge()
    assert clone.git("status", "--porcelain") == ""


def test_a_sha256_repository(home: Path, journey: Start, state: Path, tmp_path: Path) -> None:
    """Ids are longer; nothing else differs."""
    repo = Repo.make(tmp_path / "long ids", "--object-format=sha256")
    repo.git("config", "core.autocrlf", "true")
    repo.git("rm", "-r", "--cached", "--quiet", ".")
    repo.git("reset", "--hard", "--quiet")
    circle = Circle(repo, journey, state, TOUCHED)
    run = circle.run(CHANGE)
    assert len(run.phase().change_set) == 64


def test_reftable_is_refused_by_name(repo: Repo) -> None:
    """A form of refs that this git, or clubos, does not know."""
    repo.git("config", "core.repositoryFormatVersion", "1")
    (repo.root / ".git/config").write_text(
        (repo.root / ".git/config").read_text() + "[extensions]\n\trefStorage = reftable\n"
    )
    before = manifest.manifest(repo.root)
    with pytest.raises(RepositoryState, match=r"(?i)refstorage") as caught:
        discover(repo.path)
    assert caught.value.cure
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


def test_p6_replaced_and_grafted_commits_are_read_as_they_are(repo: Repo, circle: Circle) -> None:
    """Neither ``git replace`` nor ``info/grafts`` changes what a run is based on."""
    first = repo.head
    repo.write("more.txt", "more\n")
    second = repo.commit("more")
    fake = repo.git("hash-object", "-w", "--stdin", stdin=b"replaced\n")
    repo.git("replace", repo.git("rev-parse", "HEAD:README.md"), fake)
    other = repo.git("commit-tree", "-m", "other", f"{first}^{{tree}}")
    repo.git("replace", second, other)
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/grafts").write_text(f"{second}\n")
    run = circle.journey(CHANGE).live()
    assert Path(run.stage, "README.md").read_bytes() == b"# Club\n"
    run.merge()
    repo.git("commit", "--quiet", "--allow-empty", "-m", "on top")
    (repo.root / ".git/info/grafts").write_text(f"{repo.head}\n")
    run.roll_back(1, close=True)
    parents = repo.git("cat-file", "commit", "HEAD~2").split("\nauthor", 1)[0]
    assert f"parent {second}" in parents


@pytest.mark.parametrize("when", ["proposed", "executed", "merged"])
def test_p2_a_gc_between_two_steps_loses_nothing(
    repo: Repo, journey: Start, when: str, state: Path
) -> None:
    """The person packs and prunes all that no ref holds, at once."""

    def prune() -> None:
        repo.git("reflog", "expire", "--expire=now", "--all")
        repo.git("-c", "gc.pruneNow=true", "gc", "--quiet", "--prune=now")

    run = journey(CHANGE).propose()
    if when == "proposed":
        prune()
    run.approve().execute()
    if when == "executed":
        prune()
    run.merge()
    assert repo.tree("HEAD") == run.phase().change_set
    if when == "merged":
        prune()
    run.roll_back(1, close=True)
    assert repo.git("status", "--porcelain") == ""
    assert leftovers(repo, state) == []
    repo.fsck()


def test_a_branch_named_autogen_is_refused_before_anything_is_done(
    repo: Repo, journey: Start, state: Path
) -> None:
    """``autogen/…`` can't be made beside it: said before the stage is written."""
    repo.git("branch", "autogen")
    run = journey(CHANGE).propose().approve()
    before = manifest.manifest(repo.root)
    failure = run.try_execute()
    assert failure is not None
    assert failure.code == 7
    assert "a branch named autogen" in failure.error
    assert "git branch -m" in failure.cure
    assert not os.path.exists(run.stage)
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    repo.git("branch", "-m", "autogen", "mine")
    run.execute().merge()
    assert leftovers(repo, state) == []


def test_signing_is_left_to_the_person(repo: Repo, circle: Circle) -> None:
    """``commit.gpgSign`` would ask for a passphrase: our commits carry no signature."""
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "gpg.program", "/bin/false")
    circle.run(CHANGE)
    assert "gpgsig" not in repo.git("cat-file", "commit", "HEAD")
