"""Where a repository keeps its parts: index forms, work trees, layouts, borrowed objects."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import agents, manifest
from support.circle import Circle
from support.cli import COMMAND, clubos, environment, small_plan
from support.journey import Journey
from support.repo import Repo, leftovers

from clubos_tui.engine.session import Session
from clubos_tui.errors import RepositoryState
from clubos_tui.repository.discover import discover

Start = Callable[..., Journey]
CHANGE = agents.all_of(
    agents.write("src/app.txt", "new\n"),
    agents.write("fresh/a.txt", "a\n"),
    agents.delete("src/old.txt"),
)
TOUCHED = ("src/app.txt", "fresh", "fresh/a.txt", "src/old.txt")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def circle(repo: Repo, journey: Start, state: Path) -> Circle:
    """The way of the change through ``repo``."""
    return Circle(repo, journey, state, TOUCHED)


# --- the index -----------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", [False, True])
def test_a_split_index(repo: Repo, circle: Circle, setting: bool) -> None:
    """Its shared part is read where it lies and keeps its time; the next index is whole."""
    if setting:
        repo.git("config", "core.splitIndex", "true")
    repo.git("update-index", "--split-index")
    repo.write("notes.txt", "staged\n")
    repo.git("add", "notes.txt")
    assert list((repo.root / ".git").glob("sharedindex.*"))
    circle.run(CHANGE)
    repo.git("add", "README.md")  # the person's git goes on with it


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_index_versions(repo: Repo, circle: Circle, version: str) -> None:
    """Version 4 compresses names, 3 has room for more flags."""
    repo.write("later.txt", "later\n")
    repo.git("add", "--intent-to-add", "later.txt")
    repo.git("update-index", "--index-version", version)
    circle.run(CHANGE)


def test_p4_an_intent_to_add_in_the_way_is_named(repo: Repo, circle: Circle) -> None:
    """The person announced a file where one of ours would go."""
    repo.write("fresh/a.txt", "mine\n")
    repo.git("add", "--intent-to-add", "fresh/a.txt")
    circle.refused(CHANGE, "fresh/a.txt")


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_flags_of_entries_stay(repo: Repo, circle: Circle, flag: str) -> None:
    """Also on the paths that change; hidden edits of other files stay hidden."""
    repo.git("update-index", flag, "src/app.txt", "README.md")
    repo.write("README.md", "# my own\n")
    tag = {"--skip-worktree": "S", "--assume-unchanged": "h"}[flag]

    def look() -> None:
        listed = repo.git("ls-files", "-v", "src/app.txt", "README.md").splitlines()
        assert listed == [f"{tag} README.md", f"{tag} src/app.txt"]
        assert repo.read("src/app.txt") == b"new\n"

    circle.after = look
    circle.run(CHANGE)


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_p4_a_hidden_edit_of_a_touched_file_is_named(repo: Repo, circle: Circle, flag: str) -> None:
    """What ``git status`` keeps quiet about is compared like anything else."""
    repo.git("update-index", flag, "src/app.txt")
    repo.write("src/app.txt", "my own\n")
    circle.refused(CHANGE, "src/app.txt")


def test_an_untracked_cache(repo: Repo, circle: Circle) -> None:
    """An extension of the index that goes on telling the truth."""
    repo.git("config", "core.untrackedCache", "true")
    repo.git("update-index", "--force-untracked-cache")
    repo.write("scratch/mine.txt", "mine\n")
    repo.git("status")
    circle.run(CHANGE)


@pytest.mark.parametrize("way", ["cone", "patterns", "sparse index", "cone below"])
def test_a_sparse_checkout_gets_no_file_from_outside(
    repo: Repo, journey: Start, state: Path, way: str
) -> None:
    """Changed, new and deleted files outside it change in the index alone, and keep their flag."""
    for path in ("src/in/a.txt", "src/out/a.txt", "lib/a.txt"):
        repo.write(path, "a\n")
    repo.commit("more")
    if way == "patterns":
        repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/deep/", "!/lib/", "!/src/out/")
    elif way == "cone below":
        repo.git("sparse-checkout", "set", "--cone", "src/in", "bin")
    else:
        option = ["--sparse-index"] if way == "sparse index" else []
        repo.git("sparse-checkout", "set", "--cone", *option, "src", "bin")
        repo.write("src/out/b.txt", "b\n")
    absent = {"deep/er/only.txt", "lib/a.txt"}
    assert not any((repo.root / path).exists() for path in absent)

    def look() -> None:
        files = {str(path.relative_to(repo.root)) for path in repo.root.rglob("*.txt")}
        assert not files & {*absent, "deep/er/new.txt", "new/place.txt"}
        assert {"src/app.txt", "src/new.txt", "src/in/a.txt"} <= files | ({"src/new.txt"})
        assert (repo.root / "src/new.txt").exists()
        skipped = repo.git("ls-files", "-t", "deep", "lib").splitlines()
        assert skipped
        assert all(row.startswith("S ") for row in skipped)
        assert repo.git("show", "HEAD:lib/a.txt") == "changed"

    change = agents.all_of(
        agents.write("src/app.txt", "new\n"),
        agents.write("src/new.txt", "new\n"),
        agents.write("src/in/a.txt", "changed\n"),
        agents.write("lib/a.txt", "changed\n"),
        agents.write("deep/er/new.txt", "new\n"),
        agents.delete("deep/er/only.txt"),
    )
    touched = ("src/app.txt", "src/new.txt", "src/in/a.txt")
    Circle(repo, journey, state, touched, look).run(change)


def test_p4_a_file_of_the_persons_outside_the_sparse_checkout_is_named(
    repo: Repo, journey: Start, state: Path
) -> None:
    """It lies where the sparse checkout expects nothing."""
    repo.git("sparse-checkout", "set", "--cone", "src")
    repo.write("deep/er/only.txt", "mine\n")
    change = agents.write("deep/er/only.txt", "new\n")
    Circle(repo, journey, state, ("deep/er/only.txt",)).refused(change, "deep/er/only.txt")


def test_a_held_index_lock_is_named(repo: Repo, circle: Circle) -> None:
    """Nothing is taken from another git, however old its lock is."""
    run = circle.journey(CHANGE).live()
    lock = repo.root / ".git/index.lock"
    lock.write_bytes(b"")
    os.utime(lock, (0, 0))
    failure = run.try_merge()
    assert failure is not None
    assert "index is locked" in failure.error
    assert failure.cure
    assert lock.read_bytes() == b""
    lock.unlink()
    run.merge()


# --- submodules and nested repositories ----------------------------------------------------------


@pytest.fixture
def super_repo(repo: Repo, tmp_path: Path) -> Repo:
    """The repository with a submodule ``lib`` in it."""
    inner = Repo.make(tmp_path / "inner")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.path, "lib")
    repo.commit("a submodule")
    return repo


def test_a_repository_with_a_submodule(super_repo: Repo, circle: Circle) -> None:
    """The submodule and the person's work in it stay as they are."""
    (super_repo.root / "lib/README.md").write_text("my work\n")
    circle.run(CHANGE)


@pytest.mark.parametrize(
    "edit",
    [lambda folder: os.rmdir(os.path.join(folder, "lib")), agents.write("lib/x.txt", "x\n")],
)
def test_a_change_of_a_submodule_is_refused_by_name(
    super_repo: Repo, journey: Start, edit: agents.Edit
) -> None:
    """Already the dry run says so."""
    before = manifest.manifest(super_repo.root)
    run = journey(edit)
    run.run.propose(1, by="Pat")
    run.go()
    assert run.phase().state.value == "failed"
    assert "lib" in run.phase().error
    assert "submodule" in run.phase().error
    assert manifest.difference(before, manifest.manifest(super_repo.root)) == []


def test_inside_a_submodule(super_repo: Repo, journey: Start, state: Path) -> None:
    """Its git dir lies in the outer one and names its work tree; the outer repository stays."""
    inner = Repo(super_repo.root / "lib")
    assert discover(inner.path).git_dir == str(super_repo.root / ".git/modules/lib")
    outer = super_repo.index()
    Circle(inner, journey, state, TOUCHED).run(CHANGE)
    assert super_repo.index() == outer
    assert leftovers(super_repo, state) == []


def test_p4_a_nested_repository_is_left_alone(repo: Repo, circle: Circle) -> None:
    """Another repository of the person's lies inside, untracked; a file into it is refused."""
    nested = Repo.make(repo.root / "nested")
    before = manifest.manifest(nested.root)
    circle.run(CHANGE).close()
    assert manifest.difference(before, manifest.manifest(nested.root)) == []
    circle.refused(agents.write("nested/x.txt", "x\n"), "nested/x.txt", "another repository")


# --- layouts -------------------------------------------------------------------------------------


def test_a_linked_work_tree_with_settings_of_its_own(
    repo: Repo, journey: Start, state: Path, tmp_path: Path
) -> None:
    """``extensions.worktreeConfig``: what holds there does not hold here."""
    linked = Repo(tmp_path / "linked")
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("worktree", "add", "--quiet", "-b", "side", linked.path)
    linked.git("config", "--worktree", "core.autocrlf", "true")
    linked.git("rm", "-r", "--cached", "--quiet", ".")
    linked.git("reset", "--hard", "--quiet")
    before = manifest.checkout(repo.root)

    def look() -> None:
        assert linked.read("src/app.txt") == b"new\r\n"

    Circle(linked, journey, state, TOUCHED, look).run(CHANGE)
    assert manifest.difference(before, manifest.checkout(repo.root)) == []


def test_the_main_work_tree_beside_a_linked_one(repo: Repo, circle: Circle, tmp_path: Path) -> None:
    """The linked one has another branch and keeps it."""
    linked = Repo(tmp_path / "linked")
    repo.git("worktree", "add", "--quiet", "-b", "side", linked.path)
    before, head = manifest.checkout(linked.root), linked.head
    circle.run(CHANGE)
    assert linked.head == head
    assert manifest.difference(before, manifest.checkout(linked.root)) == []


@pytest.mark.parametrize("from_linked", [False, True])
def test_a_branch_that_two_work_trees_have_is_not_moved(
    repo: Repo, journey: Start, state: Path, tmp_path: Path, from_linked: bool
) -> None:
    """``worktree add --force`` allows it; the other one would fall behind its own branch."""
    linked = Repo(tmp_path / "linked")
    repo.git("worktree", "add", "--quiet", "--force", linked.path, "main")
    where = linked if from_linked else repo
    Circle(where, journey, state, TOUCHED).refused(CHANGE, "another work tree has main")


def test_a_branch_that_another_work_tree_rebases_is_not_moved(
    repo: Repo, journey: Start, state: Path, tmp_path: Path
) -> None:
    """HEAD is detached there meanwhile, and git will want to move the branch at the end."""
    linked = Repo(tmp_path / "linked")
    repo.git("switch", "--quiet", "-c", "side")
    repo.write("README.md", "side\n")
    repo.commit("side")
    repo.git("switch", "--quiet", "main")
    repo.write("README.md", "main\n")
    repo.commit("main")
    run = journey(CHANGE).live()
    repo.git("switch", "--quiet", "-c", "elsewhere")
    repo.git("worktree", "add", "--quiet", linked.path, "main")
    assert linked.ask("rebase", "side").returncode
    failure = run.try_merge()
    assert failure is not None
    assert "another work tree has main" in failure.error


def test_a_bare_repository_is_refused_by_name(repo: Repo, tmp_path: Path) -> None:
    """From outside, from inside, and as the common dir of work trees."""
    repo.git("clone", "--quiet", "--bare", repo.path, str(tmp_path / "bare"))
    for place in (tmp_path / "bare", tmp_path / "bare/refs"):
        with pytest.raises(RepositoryState, match="bare"):
            discover(str(place))
    Repo(tmp_path / "bare").git("worktree", "add", "--quiet", str(tmp_path / "tree"), "main")
    Session.open(str(tmp_path / "tree")).close()


def test_p6_a_work_tree_elsewhere_is_refused(repo: Repo, tmp_path: Path) -> None:
    """``core.worktree`` in a repository from elsewhere could name the person's home."""
    home = tmp_path / "home"
    repo.git("config", "core.worktree", str(home))
    before = manifest.manifest(home)
    with pytest.raises(RepositoryState, match=r"core\.worktree"):
        discover(repo.path)
    repo.git("config", "core.worktree", str(tmp_path))
    with pytest.raises(RepositoryState, match=r"core\.worktree"):
        discover(repo.path)
    assert manifest.difference(before, manifest.manifest(home)) == []
    repo.git("config", "core.worktree", repo.path)
    assert discover(repo.path).root == repo.path


@pytest.mark.parametrize("layout", ["file", "link"])
def test_a_git_dir_elsewhere(
    repo: Repo, journey: Start, state: Path, tmp_path: Path, layout: str
) -> None:
    """Named by a ``.git`` file, as ``--separate-git-dir`` makes it, or by a symbolic link."""
    place = tmp_path / "elsewhere"
    if layout == "file":
        repo.git("init", "--quiet", f"--separate-git-dir={place}")
    else:
        (repo.root / ".git").rename(place)
        (repo.root / ".git").symlink_to(place)
    assert discover(repo.path).git_dir == str(place)
    Circle(repo, journey, state, TOUCHED).run(CHANGE)
    assert not [name for name in os.listdir(place) if name in {"clubos", "index.lock"}]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on another file system."""
    if not os.path.isdir("/dev/shm"):
        pytest.skip("no second file system here")
    folder = tempfile.mkdtemp(prefix="clubos-", dir="/dev/shm")
    yield Path(folder)
    shutil.rmtree(folder)


def test_a_git_dir_on_another_file_system_is_refused_by_name(
    repo: Repo, circle: Circle, memory: Path
) -> None:
    """Files could not be exchanged there in one step; a merge by git is the cure."""
    if os.stat(memory).st_dev == os.stat(repo.root).st_dev:
        pytest.skip("the same file system")
    shutil.move(repo.root / ".git", memory / "git")
    (repo.root / ".git").write_text(f"gitdir: {memory / 'git'}\n")
    run = circle.refused(CHANGE, "different file systems", "with git")
    repo.git("merge", "--quiet", "--no-edit", run.phase().branch)
    assert repo.read("src/app.txt") == b"new\n"


def test_borrowed_objects(repo: Repo, journey: Start, state: Path, tmp_path: Path) -> None:
    """Objects of a clone of a clone: by an absolute path, and by a relative one below it."""
    first, second = Repo(tmp_path / "first"), Repo(tmp_path / "second")
    for lender, borrower in ((repo, first), (first, second)):
        repo.git("clone", "--quiet", "--shared", lender.path, borrower.path)
    alternates = first.root / ".git/objects/info/alternates"
    alternates.write_text("../../../repo/.git/objects\n")
    assert not list((second.root / ".git/objects").glob("??"))
    Circle(second, journey, state, TOUCHED).run(CHANGE)
    repo.fsck()


# --- permissions ---------------------------------------------------------------------------------


@ROOT
def test_another_owners_repository_is_refused_by_name(repo: Repo) -> None:
    """git's own protection holds for us too, and its cure is named."""
    os.chown(repo.root, 65534, 65534)
    os.chown(repo.root / ".git", 65534, 65534)
    with pytest.raises(RepositoryState, match="belongs to another user") as caught:
        discover(repo.path)
    assert "safe.directory" in caught.value.cure
    Repo(repo.root.parent).git("config", "--global", "--add", "safe.directory", repo.path)
    assert discover(repo.path).root == repo.path


@pytest.fixture
def read_only(repo: Repo) -> Iterator[list[str]]:
    """Make the git dir read-only; return what a command must be started with to see it so."""
    git = repo.root / ".git"
    if os.geteuid() != 0:
        for top, _, _ in os.walk(git):
            os.chmod(top, 0o555)
        yield []
        for top, _, _ in os.walk(git):
            os.chmod(top, 0o755)
        return
    # Root may write anywhere, but not on a mount that is read-only.
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", mount, str(git)]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mounts of our own here")
    yield prefix


def test_a_read_only_git_dir_is_refused_by_name(repo: Repo, read_only: list[str]) -> None:
    """A dry run works; executing says what is read-only before it writes the stage."""
    plan = small_plan(repo)
    before = manifest.manifest(repo.root)
    command = [*read_only, *COMMAND, "--repo", repo.path, "run"]
    dry, live = (
        subprocess.run([*command, *arguments], env=environment(), capture_output=True, check=False)
        for arguments in (["--plan", plan], ["--live", "--yes"])
    )
    assert dry.returncode == 0, dry.stderr
    assert live.returncode == 7, live.stderr
    assert b"read-only" in live.stdout + live.stderr
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


# --- the list ------------------------------------------------------------------------------------


def test_doctor_names_what_is_unusual(repo: Repo) -> None:
    """Every form by its name, whether it works, and nothing about an ordinary repository."""
    assert clubos(repo, "doctor", "--json").json["repository"] == []
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "filter.lfs.smudge", "git-lfs smudge -- %f")
    repo.git("config", "core.fileMode", "false")
    repo.git("update-index", "--split-index")
    repo.git("checkout", "--quiet", "--detach")
    (repo.root / ".git/MERGE_HEAD").write_text(f"{repo.head}\n")
    before = manifest.manifest(repo.root)
    said = clubos(repo, "doctor", "--json").json["repository"]
    assert {row["name"]: row["stops"] for row in said} == {
        "detached HEAD": False, "in the middle of a merge": True, "core.autocrlf=true": False,
        "filter lfs": False, "core.filemode=false": False, "split index": False,
    }  # fmt: skip
    assert "filter lfs" in clubos(repo, "doctor").out
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


def test_doctor_outside_a_repository(home: Path, tmp_path: Path) -> None:
    """It says what the machine has, and why there is nothing more to say."""
    (tmp_path / "nowhere").mkdir()
    said = clubos(str(tmp_path / "nowhere"), "doctor", "--json").json["repository"]
    assert [row["name"] for row in said] == [f"{tmp_path / 'nowhere'} is not in a git repository"]
