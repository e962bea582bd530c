"""Configuration that would run a program, hang a reader or reach a network: it never does (P6)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.circle import Circle
from support.cli import clubos
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui.engine.session import Session
from clubos_tui.errors import ClubosError, NotARepository
from clubos_tui.repository import git as runner
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


class Canary:
    """A program that leaves a mark where it runs."""

    def __init__(self, folder: Path) -> None:
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.program = folder / "canary.sh"
        self.program.write_text(f"#!/bin/sh\necho x > {self.marks}/ran.$$\n")
        self.program.chmod(0o755)

    @property
    def sang(self) -> bool:
        """Tell whether it ran."""
        return any(self.marks.iterdir())

    def forget(self) -> None:
        """Take the marks away."""
        for mark in self.marks.iterdir():
            mark.unlink()


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    """A program that must not run."""
    return Canary(tmp_path)


# --- filters -------------------------------------------------------------------------------------


@pytest.mark.parametrize("required", ["true", "false", ""])
@pytest.mark.parametrize("kind", ["clean", "smudge", "process"])
def test_p6_a_change_of_a_filtered_file_is_refused_by_the_filters_name(
    repo: Repo, journey: Start, canary: Canary, kind: str, required: str
) -> None:
    """Already the dry run says which file and which filter; nothing ran."""
    repo.write(".gitattributes", "src/* filter=lfs\n")
    repo.commit("attributes")
    repo.git("config", f"filter.lfs.{kind}", f"{canary.program} %f")
    if required:
        repo.git("config", "filter.lfs.required", required)
    before = manifest.manifest(repo.root)
    run = journey(CHANGE)
    run.run.propose(1, by=WHO)
    run.go()
    assert run.phase().state.value == "failed"
    for word in ("'lfs'", "src/app.txt", "src/old.txt"):
        assert word in run.phase().error
    assert "fresh/a.txt" not in run.phase().error
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    assert not canary.sang


def test_p6_a_filter_that_was_set_up_after_the_dry_run_stops_the_merge(
    repo: Repo, circle: Circle, canary: Canary
) -> None:
    """What holds at the merge is what counts."""
    run = circle.journey(CHANGE).live()
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/attributes").write_text("[attr]big filter=lfs -text\n*.txt big\n")
    repo.git("config", "filter.lfs.smudge", str(canary.program))
    before = manifest.checkout(repo.root)
    failure = run.try_merge()
    assert failure is not None
    assert failure.code == 7
    assert "'lfs'" in failure.error
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert not canary.sang


def test_p6_a_filter_that_the_change_itself_sets_is_refused(
    repo: Repo, journey: Start, canary: Canary
) -> None:
    """The agent writes the attributes and the file in one go."""
    repo.git("config", "filter.lfs.clean", str(canary.program))
    change = agents.all_of(
        agents.write(".gitattributes", "*.bin filter=lfs\n"), agents.write("big.bin", "b\n")
    )
    run = journey(change)
    run.run.propose(1, by=WHO)
    run.go()
    assert "big.bin" in run.phase().error
    assert ".gitattributes" not in run.phase().error
    assert not canary.sang


def test_files_beside_filtered_ones_can_be_changed(
    repo: Repo, circle: Circle, canary: Canary
) -> None:
    """A big file kept by a filter stays what it is on disk while others change."""
    repo.write(".gitattributes", "*.bin filter=lfs -text\n")
    repo.write("big.bin", "pointer\n")
    repo.commit("big")
    repo.git("config", "filter.lfs.clean", "echo pointer")
    repo.git("config", "filter.lfs.smudge", "cat")
    repo.write("big.bin", b"\0the real bytes")
    repo.git("add", "big.bin")
    assert repo.git("status", "--porcelain") == ""
    circle.run(CHANGE)
    assert repo.read("big.bin") == b"\0the real bytes"


def test_a_filter_that_nobody_set_up_converts_nothing(repo: Repo, circle: Circle) -> None:
    """``filter=lfs`` on a machine without it: git writes the blob as it is, and so do we."""
    repo.write(".gitattributes", "* filter=lfs\n")
    repo.commit("attributes")
    circle.run(CHANGE)


# --- programs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["false", "true"])
def test_p6_no_hook_monitor_alias_or_driver_runs(
    repo: Repo, circle: Circle, canary: Canary, tmp_path: Path, ends: str
) -> None:
    """Also where git is asked about conversions and where hooks live elsewhere."""
    repo.git("config", "core.autocrlf", ends)
    repo.git("rm", "-r", "--cached", "--quiet", ".")
    repo.git("reset", "--hard", "--quiet")
    repo.write(".gitattributes", "* diff=c merge=c text=auto\n")
    repo.commit("attributes")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "post-checkout", "pre-commit"):
        (hooks / name).symlink_to(canary.program)
        (repo.root / ".git/hooks").mkdir(exist_ok=True)
        (repo.root / ".git/hooks" / name).symlink_to(canary.program)
    for key in (
        "core.fsmonitor", "diff.c.textconv", "diff.c.command", "merge.c.driver", "diff.external",
        "gpg.program", "core.editor", "core.pager", "core.sshCommand", "core.askPass",
        "credential.helper", "core.gitProxy", "core.alternateRefsCommand", "trailer.x.command",
        "sendemail.toCmd", "uploadpack.packObjectsHook", "pager.config", "pager.rev-parse",
    ):  # fmt: skip
        repo.git("config", key, str(canary.program))
    for alias in ("config", "rev-parse", "update-ref", "symbolic-ref", "cat-file", "check-attr"):
        repo.git("config", f"alias.{alias}", f"!{canary.program}")
    repo.git("config", "commit.gpgSign", "true")
    run = circle.journey(CHANGE).propose()
    circle.repo.git("config", "core.hooksPath", str(hooks))
    assert clubos(repo, "doctor").code == 0
    canary.forget()  # what the test's own git made it sing
    run.approve().execute().merge().roll_back(1, close=True).undo()
    assert not canary.sang
    repo.ask("status")
    assert canary.sang


@pytest.mark.parametrize("transport", ["ext", "file"])
@pytest.mark.parametrize("missing", ["commit", "blob"])
@pytest.mark.parametrize("version", ["this git", "an older git"])
def test_p6_a_missing_object_is_never_fetched(
    repo: Repo, journey: Start, canary: Canary, monkeypatch: pytest.MonkeyPatch,
    transport: str, missing: str, version: str,
) -> None:  # fmt: skip
    """A partial clone names a remote, and a remote names a program; git would start it to read."""
    if version == "an older git":  # it does not know the variable that forbids it
        env = runner.clean_environment
        monkeypatch.setattr(runner, "clean_environment", lambda **extra: {
            key: value for key, value in env(**extra).items() if key != "GIT_NO_LAZY_FETCH"
        })  # fmt: skip
    url = {"ext": f"ext::{canary.program} %S", "file": str(repo.root.parent)}[transport]
    for key, value in {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "evil",
        "remote.evil.promisor": "true", "remote.evil.url": url,
        "remote.evil.uploadpack": str(canary.program), "protocol.ext.allow": "always",
        "protocol.file.allow": "always", "protocol.allow": "always",
    }.items():  # fmt: skip
        repo.git("config", key, value)
    if missing == "commit":
        (repo.root / ".git/refs/heads/main").write_text("1" * 40 + "\n")
    else:
        blob = repo.git("rev-parse", "HEAD:README.md")
        (repo.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(ClubosError):
        journey(CHANGE)
    assert not canary.sang
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(["git", "-C", repo.path, "rev-list", "--objects", "HEAD"],
                   env=env, capture_output=True, check=False, timeout=20)  # fmt: skip
    subprocess.run(["git", "-C", repo.path, "cat-file", "-p", "HEAD:README.md"],
                   env=env, capture_output=True, check=False, timeout=20)  # fmt: skip
    assert canary.sang


# --- readers that would hang ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [".git/info/attributes", ".gitattributes", "src/.gitattributes", "far/attributes"]
)
def test_p6_a_pipe_in_the_place_of_attributes_does_not_hang(
    repo: Repo, journey: Start, path: str
) -> None:
    """Whoever opens it for reading waits for ever."""
    place = repo.root / path
    place.parent.mkdir(exist_ok=True)
    os.mkfifo(place)
    repo.git("config", "core.autocrlf", "true")
    repo.git("config", "core.attributesFile", str(repo.root / "far/attributes"))
    repo.git("config", "filter.x.clean", "cat")
    journey(agents.write("src/new.txt", "new\n")).live().merge()
    assert repo.read("src/new.txt") == b"new\r\n"


@pytest.mark.parametrize("to", ["/dev/zero", "/etc/passwd", "../../outside"])
def test_p6_a_link_in_the_place_of_attributes_is_not_followed(
    repo: Repo, journey: Start, to: str, tmp_path: Path
) -> None:
    """git does not follow it either."""
    (tmp_path / "outside").write_text("* filter=x\n")
    (repo.root / "src/.gitattributes").symlink_to(to)
    repo.git("config", "filter.x.clean", "cat")
    repo.git("config", "core.autocrlf", "true")
    journey(agents.write("src/new.txt", "new\n")).live().merge()
    assert repo.read("src/new.txt") == b"new\r\n"


def test_attributes_that_make_no_sense_convert_nothing(repo: Repo, circle: Circle) -> None:
    """An encoding nobody knows, an end of line that is none, a macro of itself."""
    repo.write(
        ".gitattributes",
        "src/app.txt working-tree-encoding=no-such-thing\n*.txt eol=sideways\n[attr]a a\n",
    )
    repo.ask("add", "--all")
    repo.ask("commit", "--quiet", "-m", "nonsense")
    circle.run(CHANGE)


@pytest.mark.parametrize("text", ["gitdir: ", "gitdir: /nowhere/at/all\n", "nonsense", ""])
def test_a_git_file_that_leads_nowhere_is_refused(repo: Repo, tmp_path: Path, text: str) -> None:
    """git's own words are passed on."""
    folder = tmp_path / "lost"
    folder.mkdir()
    (folder / ".git").write_text(text)
    with pytest.raises(ClubosError) as caught:
        discover(str(folder))
    assert caught.value.cure


def test_a_broken_configuration_is_said_in_gits_words(repo: Repo) -> None:
    """Not "no repository": there is one, and a line in it that git can't read."""
    (repo.root / ".git/config").write_text("[core\n")
    with pytest.raises(ClubosError, match="bad config") as caught:
        Session.open(repo.path)
    assert not isinstance(caught.value, NotARepository)


def test_p6_names_from_configuration_are_shown_as_text(repo: Repo) -> None:
    """P11: the name of a filter can't act on the terminal."""
    with (repo.root / ".git/config").open("a") as file:
        file.write('[filter "\x1b[31mred\x1b]0;x\x07"]\n\tclean = cat\n')
    said = clubos(repo, "doctor")
    assert "filter" in said.out
