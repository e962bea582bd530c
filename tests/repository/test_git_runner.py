"""The door to git: which verbs it lets through, and that nothing in a repository is ever run."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.journey import Journey
from support.repo import Repo

from clubos_tui.engine.session import Session
from clubos_tui.errors import NotARepository, RepositoryState, Stale
from clubos_tui.repository import refs
from clubos_tui.repository.create import create
from clubos_tui.repository.discover import discover, identity, read_head
from clubos_tui.repository.git import FORBIDDEN, Git

Start = Callable[..., Journey]
# What may run on the person's own git dir: each of these runs no program of the repository's.
ALLOWED = {
    "symbolic-ref", "rev-parse", "config", "for-each-ref", "merge-base", "update-ref", "rev-list",
}  # fmt: skip


@pytest.mark.parametrize("verb", sorted(FORBIDDEN))
def test_p6_forbidden_verbs_are_refused(repo: Repo, verb: str) -> None:
    """A slip is a loud bug, and nothing has run."""
    before = manifest.manifest(repo.root)
    git = discover(repo.path).git
    for call in (git.run, git.ask, git.command):
        with pytest.raises(AssertionError, match="BUG"):
            call(verb, "--hard")
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


@pytest.mark.parametrize(
    "verb", ["reset", "clean", "checkout", "stash", "push", "gc", "branch", "worktree", "commit"]
)
def test_p6_the_promised_verbs_are_among_the_forbidden(verb: str) -> None:
    """Taking one out of the list has to be done here too."""
    assert verb in FORBIDDEN


def canaries(repo: Repo, tmp_path: Path) -> Path:
    """Set every hook, filter and program a repository can name; each leaves a mark if it runs."""
    marks = tmp_path / "marks"
    marks.mkdir()
    program = tmp_path / "canary.sh"
    program.write_text(f'#!/bin/sh\necho "$0 $*" > {marks}/ran.$$\ncat\n')
    program.chmod(0o755)
    hooks = repo.root / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "reference-transaction", "post-index-change", "pre-commit", "post-commit", "post-checkout",
        "post-merge", "pre-merge-commit", "commit-msg", "prepare-commit-msg", "update",
        "pre-receive", "post-rewrite", "pre-auto-gc", "post-update", "fsmonitor-watchman",
    ):  # fmt: skip
        (hooks / name).write_text(f"#!/bin/sh\necho {name} > {marks}/{name}\n")
        (hooks / name).chmod(0o755)
    # A touched path with a filter is refused by name; see test_forms_hostile.py.
    attributes = "* diff=canary merge=canary\nREADME.md filter=canary\nscratch.txt filter=canary\n"
    (repo.root / ".gitattributes").write_text(attributes)
    info = repo.root / ".git/info/attributes"
    info.parent.mkdir(exist_ok=True)
    info.write_text(attributes)
    for key in (
        "core.fsmonitor", "filter.canary.clean", "filter.canary.smudge", "filter.canary.process",
        "diff.canary.textconv", "diff.canary.command", "merge.canary.driver", "diff.external",
        "gpg.program", "core.editor", "core.pager", "core.sshCommand", "credential.helper",
        "core.askPass", "sequence.editor", "interactive.diffFilter", "core.alternateRefsCommand",
        "alias.rev-parse", "alias.update-ref",
    ):  # fmt: skip
        value = f"!{program}" if key.startswith("alias") else str(program)
        repo.git("config", key, value)
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "log.showSignature", "true")
    for mark in marks.iterdir():
        mark.unlink()
    return marks


def test_p6_no_program_of_the_repository_runs(repo: Repo, journey: Start, tmp_path: Path) -> None:
    """Dry run, execution, moved target, merge, rollback, undo: not one canary sings."""
    marks = canaries(repo, tmp_path)
    repo.write("scratch.txt", "untracked\n")
    run = journey(agents.all_of(agents.write("src/app.txt", "new\n"), agents.write("a/b", "b\n")))
    run.propose()
    assert list(marks.iterdir()) == []
    run.approve().execute()
    assert list(marks.iterdir()) == []
    # The target moves, so that trees are merged too; made without running anything.
    tree = repo.git("-c", "core.hooksPath=/dev/null", "rev-parse", "HEAD^{tree}")
    theirs = repo.git("-c", "core.hooksPath=/dev/null", "commit-tree", "--no-gpg-sign", tree,
                      "-p", "HEAD", "-m", "theirs")  # fmt: skip
    repo.git("-c", "core.hooksPath=/dev/null", "update-ref", "refs/heads/main", theirs)
    run.run.merge(by="Pat")
    run.go()
    prepared = run.view.merge.prepared
    assert prepared
    run.run.approve_merge(prepared.tree, by="Pat")
    run.go()
    assert run.view.ending == "merged"
    run.roll_back(1, close=True).undo()
    assert list(marks.iterdir()) == []
    # The canaries do sing when git is asked the ordinary way.
    repo.ask("status")
    assert list(marks.iterdir()) != []


def test_p6_verbs_on_the_persons_git_dir(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder of every git process: only reading verbs and update-ref see the real git dir."""
    seen: list[list[str]] = []
    start = subprocess.Popen.__init__

    def recording(self: object, command: list[str], *rest: object, **named: object) -> None:
        seen.append([os.fsdecode(part) for part in command])
        start(self, command, *rest, **named)  # type: ignore[arg-type, call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", recording)
        run = journey(agents.write("src/app.txt", "new\n"), agents.write("b.txt", "b\n"))
        run.live().merge().roll_back(1, close=True).undo()
    mine = [command for command in seen if command[0] == "git"]
    assert mine
    for command in mine:
        words = iter(command[1:])
        verb, git_dir = "", ""
        for word in words:
            if word in {"-c", "-C"}:
                next(words)
            elif word.startswith("--git-dir="):
                git_dir = word.removeprefix("--git-dir=")
            elif not word.startswith("-"):
                verb = word
                break
        if "workshop.git" not in git_dir:
            # What is ignored in a workspace is asked in a git dir of ours, gone afterwards.
            ours = verb == "check-ignore" and "/scratch/copies-" in git_dir
            assert ours or verb in ALLOWED, command
            if git_dir:
                assert "core.hooksPath=/dev/null" in command
                assert "core.fsmonitor=false" in command
    for command in mine:
        assert "push" not in command
        assert "--force" not in command


def test_p6_variables_of_the_parent_do_not_redirect(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journey: Start
) -> None:
    """Started from a hook of another repository, ours is still the one that was named."""
    other = Repo.make(tmp_path / "other")
    before = manifest.manifest(other.root)
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", other.path)
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git/index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.root / ".git/objects"))
    monkeypatch.setenv("GIT_NAMESPACE", "x")
    assert discover(repo.path).root == os.path.realpath(repo.path)
    journey(agents.write("a.txt", "a\n")).live().merge()
    assert repo.read("a.txt") == b"a\n"
    assert manifest.difference(before, manifest.manifest(other.root)) == []


def test_p6_replace_refs_do_not_change_what_is_read(repo: Repo, journey: Start) -> None:
    """A replaced blob is read as what its id says."""
    real = repo.git("rev-parse", "HEAD:src/app.txt")
    fake = repo.git("hash-object", "-w", "--stdin", stdin=b"replaced\n")
    repo.git("replace", real, fake)
    run = journey(agents.write("a.txt", "a\n")).live()
    assert Path(run.stage, "src/app.txt").read_bytes() == b"one\ntwo\nthree\n"


# --- refs ---------------------------------------------------------------------------------------


def test_p6_refs_move_by_compare_and_swap_only(repo: Repo) -> None:
    """A ref that is not where it was said to be does not move."""
    found = discover(repo.path)
    first = repo.head
    repo.write("x", "x")
    second = repo.commit("second")
    with pytest.raises(Stale):
        refs.move(found, "refs/heads/main", first, first, "wrong old")
    assert repo.head == second
    with pytest.raises(Stale):
        refs.create_branch(found, "main", first)
    refs.create_branch(found, "autogen/x", first)
    refs.create_branch(found, "autogen/x", first)
    assert repo.branches()["autogen/x"] == first


def test_a_move_that_is_not_committed_moves_nothing(repo: Repo) -> None:
    """Leaving the body without the call gives every lock back."""
    found, first = discover(repo.path), repo.head
    repo.write("x", "x")
    second = repo.commit("second")
    before = manifest.git_dir(repo.root)
    with refs.moving(found, "refs/heads/main", first, second, "only looking"):
        assert (repo.root / ".git/refs/heads/main.lock").exists()
    assert manifest.difference(before, manifest.git_dir(repo.root)) == []


def test_a_foreign_branch_named_autogen_is_an_error_and_not_a_loss(
    repo: Repo, journey: Start
) -> None:
    """`autogen` as a branch makes `autogen/…` impossible: the stage goes back, and it says so."""
    repo.git("branch", "autogen")
    run = journey(agents.write("a.txt", "a\n")).propose().approve()
    failure = run.try_execute()
    assert failure is not None
    assert "autogen" in failure.error
    assert not Path(run.stage, "a.txt").exists()
    repo.git("branch", "-D", "autogen")
    run.execute()


# --- finding a repository -----------------------------------------------------------------------


def test_finding_from_a_subfolder_and_through_a_link(repo: Repo, tmp_path: Path) -> None:
    """Root and git dir are absolute and resolved."""
    (tmp_path / "alias").symlink_to(repo.root / "src")
    found = discover(str(tmp_path / "alias"))
    assert (found.root, found.git_dir) == (repo.path, str(repo.root / ".git"))


def test_no_repository_bare_and_unborn_name_the_cure(home: Path, tmp_path: Path) -> None:
    """Each has its own message."""
    with pytest.raises(NotARepository) as caught:
        discover(str(tmp_path))
    assert "clubos init" in caught.value.cure
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    with pytest.raises(RepositoryState, match="bare"):
        discover(str(tmp_path / "bare"))
    with pytest.raises((NotARepository, RepositoryState)):
        discover(str(tmp_path / "bare" / "refs"))
    subprocess.run(["git", "init", "-q", str(tmp_path / "unborn")], check=True)
    with pytest.raises(NotARepository, match="no commit"):
        Session.open(str(tmp_path / "unborn"))


def test_init_keeps_files_and_staged_work(home: Path, tmp_path: Path) -> None:
    """An empty first commit; what was staged stays staged, what was there stays there."""
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine\n")
    made = create(str(folder))
    repo = Repo(folder)
    assert made.made
    assert repo.git("ls-tree", "-r", "HEAD") == ""
    assert repo.git("status", "--porcelain") == "?? mine.txt"
    assert create(str(folder)).commit == ""
    repo.fsck()


def test_identity_can_not_end_a_header(repo: Repo) -> None:
    """A name with angle brackets or a line end stays one line."""
    repo.git("config", "user.name", "Pat <evil>\nparent 0")
    assert "\n" not in str(identity(discover(repo.path)))
    assert str(identity(discover(repo.path))).count("<") == 1


def test_heads_of_every_kind(repo: Repo) -> None:
    """On a branch, detached, on a branch whose name looks like an option."""
    assert read_head(discover(repo.path)).ref == "refs/heads/main"
    repo.git("update-ref", "refs/heads/-f", "HEAD")
    repo.git("symbolic-ref", "HEAD", "refs/heads/-f")
    assert read_head(discover(repo.path)).branch == "-f"
    repo.git("checkout", "-q", "--detach", "main")
    assert read_head(discover(repo.path)).ref == ""


def test_state_is_private_and_outside(repo: Repo, session: Session) -> None:
    """Mode 0700, and not under the repository."""
    root = session.paths.root
    assert stat.S_IMODE(os.stat(root).st_mode) == 0o700
    assert not root.startswith(repo.path + os.sep)


def test_git_failures_are_ours(repo: Repo) -> None:
    """No foreign exception leaves the room."""
    from clubos_tui.errors import GitFailed

    with pytest.raises(GitFailed, match="rev-parse"):
        Git(str(repo.root / ".git")).run("rev-parse", "--verify", "nothing-of-that-name")
