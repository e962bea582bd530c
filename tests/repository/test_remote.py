"""A repository reached by URL: what is cloned, what is sent, and what never is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.repo import Repo

from clubos_tui.errors import GitFailed, PlanError, Refused, Stale, UsageError
from clubos_tui.plan import RemoteSpec
from clubos_tui.planfile import parse
from clubos_tui.repository.remote import Remote, advance_clone, make_clone


@pytest.fixture
def origin(repo: Repo, tmp_path: Path) -> Path:
    """A bare repository that holds what the person pushed."""
    place = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(place)], check=True)
    repo.git("push", "-q", str(place), "main")
    return place


def heads(origin: Path) -> dict[str, str]:
    out = subprocess.run(
        ["git", "--git-dir", str(origin), "for-each-ref",
         "--format=%(refname:short) %(objectname)"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return dict(line.split() for line in out.splitlines())


@pytest.mark.parametrize(
    "url",
    ["-uupload", "ext::sh -c touch% x", "--upload-pack=touch x", "relative/path", "http:x",
     "file:/x y", "a b:c", ""],
)  # fmt: skip
def test_p6_what_git_would_run_is_no_url(url, tmp_path):
    with pytest.raises(UsageError, match="is no clone URL"):
        make_clone(str(tmp_path / "clone"), url, "main", "0" * 40)
    assert not list(tmp_path.glob("clone*"))


@pytest.mark.parametrize(
    "url", ["ssh://git@example.org:22/a.git", "https://example.org/a", "git@example.org:a/b.git",
            "file:///srv/a.git", "/srv/a.git"],
)  # fmt: skip
def test_the_usual_urls_are(url):
    assert RemoteSpec(url).faults() == {}


@pytest.mark.parametrize(
    "url", ["https://pat:key@example.org/a.git", "https://ghp_key@example.org/a.git",
            "ssh://pat:key@example.org/a.git"],
)  # fmt: skip
def test_p12_a_url_with_a_key_in_it_is_refused_and_not_repeated(url):
    fault = RemoteSpec(url).faults()["url"]
    assert "credential helper" in fault
    assert "key" not in fault


@pytest.mark.parametrize("prefix", ["", "autogen", "/", "../x/", "-x/", "a//", "a b/", "refs..x/"])
def test_a_prefix_is_a_folder_of_branches(prefix):
    assert "prefix" in RemoteSpec("/srv/a.git", prefix).faults()


def test_a_plan_with_a_bad_remote_names_the_line():
    text = 'name = "x"\n[remote]\nurl = "ext::sh"\n[[phase]]\nname = "p"\n[[phase.action]]\n'
    text += 'id = "a"\nname = "a"\nprompt = "x"\n'
    with pytest.raises(PlanError, match=r"plan.toml:3: remote.url: 'ext::sh' is no clone URL"):
        parse(text, file="plan.toml")


def test_a_clone_has_the_branch_at_the_commit_and_runs_no_hook(repo, origin, tmp_path, home):
    """Also where the person's own template would bring hooks along."""
    hooks = home / "template" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "pre-push"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        (home / ".gitconfig").read_text()
        + f"\tx = y\n[init]\n\ttemplateDir = {home}/template\n[core]\n\thooksPath = {hooks}\n"
    )
    old = repo.head
    repo.write("later.txt", "x\n")
    repo.commit("later")
    repo.git("push", "-q", "--no-verify", str(origin), "main")
    (tmp_path / "ran").unlink(missing_ok=True)
    folder = tmp_path / "clone"
    make_clone(str(folder), str(origin), "main", old)
    clone = Repo(folder)
    assert clone.head == old
    assert not (folder / "later.txt").exists()
    assert clone.git("status", "--porcelain") == ""
    remote = Remote(str(folder / ".git"), str(origin), "autogen/one/")
    remote.send("phase-1", old, "")
    assert not (tmp_path / "ran").exists()
    assert remote.fetched("main") == repo.head


def test_a_commit_that_is_not_there_makes_no_clone(repo, origin, tmp_path):
    repo.write("mine.txt", "x\n")
    repo.commit("not pushed")
    with pytest.raises(UsageError, match="is not on any branch") as caught:
        make_clone(str(tmp_path / "clone"), str(origin), "main", repo.head)
    assert "Push it" in caught.value.cure
    assert not (tmp_path / "clone").exists()


def test_a_remote_that_does_not_answer_is_said_in_words(tmp_path):
    with pytest.raises(GitFailed, match="git fetch failed"):
        make_clone(str(tmp_path / "clone"), str(tmp_path / "none.git"), "main", "0" * 40)


def test_p6_only_below_the_prefix_and_only_what_was_seen(repo, origin, tmp_path):
    folder = tmp_path / "clone"
    before = repo.head
    repo.write("later.txt", "x\n")
    commit = repo.commit("later")
    repo.git("push", "-q", str(origin), "main")
    make_clone(str(folder), str(origin), "main", commit)
    remote = Remote(str(folder / ".git"), str(origin), "autogen/one/")
    other = Remote(str(folder / ".git"), str(origin), "autogen/two/")
    remote.send("merged", before, "")
    assert remote.heads() == {"merged": before}
    assert other.heads() == {}
    with pytest.raises(Stale, match="is not what it was"):
        remote.send("merged", commit, "")
    remote.send("merged", commit, before)
    remote.send("merged", commit, before)  # it is what was wanted
    for name in ("../main", "x..y", "a b"):
        with pytest.raises((Refused, GitFailed)):
            remote.send(name, commit, "")
    assert heads(origin) == {"main": commit, "autogen/one/merged": commit}


def test_a_clone_goes_forward_and_never_back(repo, origin, tmp_path):
    folder = tmp_path / "clone"
    old = repo.head
    make_clone(str(folder), str(origin), "main", old)
    repo.write("later.txt", "x\n")
    repo.commit("later")
    repo.git("push", "-q", str(origin), "main")
    remote = Remote(str(folder / ".git"), str(origin), "autogen/one/")
    remote.fetch()
    advance_clone(str(folder), "main", repo.head)
    clone = Repo(folder)
    assert clone.head == repo.head
    assert (folder / "later.txt").read_text() == "x\n"
    assert clone.git("status", "--porcelain") == ""
    advance_clone(str(folder), "main", old)
    assert clone.head == repo.head


def test_what_somebody_edited_in_a_clone_is_not_written_over(repo, origin, tmp_path):
    folder = tmp_path / "clone"
    make_clone(str(folder), str(origin), "main", repo.head)
    repo.write("later.txt", "x\n")
    repo.commit("later")
    repo.git("push", "-q", str(origin), "main")
    Remote(str(folder / ".git"), str(origin), "autogen/one/").fetch()
    (folder / "later.txt").write_text("mine\n")
    with pytest.raises(GitFailed):
        advance_clone(str(folder), "main", repo.head)
    assert (folder / "later.txt").read_text() == "mine\n"
    assert os.listdir(folder)
