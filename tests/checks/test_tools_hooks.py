"""The hooks of pre-commit: run on what is changed, with the environments a person has installed."""

import os
import shutil
import subprocess
import sysconfig

import pytest
from support.check_tree import Tree

from clubos_tui import checks
from clubos_tui.checks.hooks import hooks, store
from clubos_tui.checks.reports import Lacking, Unreadable
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

PRE_COMMIT = os.path.join(sysconfig.get_path("scripts"), "pre-commit")
needs_hooks = pytest.mark.skipif(
    not (program() and os.path.exists(PRE_COMMIT)), reason="bubblewrap or pre-commit is missing"
)
HOOK = "- id: no-wrong\n  name: nothing is wrong\n  language: script\n  entry: look.sh\n"
LOOK = '#!/bin/sh\ngrep -n wrong "$@" /dev/null && exit 1\nexit 0\n'


def git(folder, *arguments):
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def configuration(tmp_path):
    """Return a configuration whose hook comes from another repository."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / ".pre-commit-hooks.yaml").write_text(HOOK)
    (theirs / "look.sh").write_text(LOOK)
    (theirs / "look.sh").chmod(0o755)
    git(theirs, "init", "-q", "-b", "main")
    git(theirs, "add", "-A")
    git(theirs, "commit", "-qm", "x")
    git(theirs, "tag", "v1")
    return f"repos:\n  - repo: {theirs}\n    rev: v1\n    hooks:\n      - id: no-wrong\n"


@pytest.fixture
def judge(tmp_path, monkeypatch):
    """Return a function that runs the hooks on what is changed in a tree."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "a store"))

    def verdict(configuration, files, base=(), *, install=False):
        folder = tmp_path / "tree"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        made = Tree(folder, {".pre-commit-config.yaml": configuration, **files})
        made.base = {path: made.files[path] for path in (".pre-commit-config.yaml", *base)}
        if install:
            other = tmp_path / "installed"
            shutil.copytree(folder, other)
            git(other, "init", "-q")
            git(other, "add", "-A")
            subprocess.run([PRE_COMMIT, "install-hooks"], cwd=other, check=True)

        def copy():
            shutil.rmtree(tmp_path / "copy", ignore_errors=True)
            shutil.copytree(folder, tmp_path / "copy")
            return str(tmp_path / "copy")

        return checks.run(CheckSpec("hooks", "command", preset="pre-commit"),
                          made.subject(copy=copy))  # fmt: skip

    return verdict


@needs_hooks
def test_hooks_that_a_person_has_installed_are_run(judge, configuration):
    found = judge(configuration, {"a b.txt": "fine\n", "-c.txt": "fine\n"}, install=True)
    assert (found.outcome, found.cases) == ("passed", 1), found
    assert found.tool.startswith("pre-commit ")
    found = judge(configuration, {"a b.txt": "fine\nwrong\n"})
    assert (found.outcome, found.summary) == ("failed", "1 of 1 cases failed"), found
    assert found.evidence[1] == "nothing is wrong: a b.txt:2:wrong"


@needs_hooks
def test_only_what_is_changed_is_shown_to_them(judge, configuration):
    files = {"old.txt": "wrong\n", "new.txt": "fine\n"}
    found = judge(configuration, files, base=("old.txt",), install=True)
    assert found.outcome == "passed", found
    found = judge(configuration, {"old.txt": "wrong\n"}, base=("old.txt",))
    assert (found.outcome, found.summary) == ("unknown", "nothing that it is about is changed")


@needs_hooks
def test_p7_hooks_that_are_not_installed_are_unknown_with_the_cure(judge, configuration):
    found = judge(configuration, {"a.txt": "fine\n"})
    assert (found.outcome, found.missing) == ("unknown", False), found
    assert found.evidence[-1].startswith("To get it: ")
    assert "pre-commit install-hooks" in found.evidence[-1]


SAID = """\
first....................................................................Passed
about nothing........................................(no files to check)Skipped
second...................................................................Failed
- hook id: second
- exit code: 1

a.py:1: wrong
b.py:2: wrong

third....................................................................Failed
- hook id: third
- files were modified by this hook
"""


def test_what_hooks_came_to_is_read():
    found = hooks(SAID)
    assert found.cases == 3
    assert found.faults == (
        "second: a.py:1: wrong; b.py:2: wrong", "third: files were modified by this hook"
    )  # fmt: skip


@pytest.mark.parametrize("said", ["", "all is well\n", "about nothing.....(no files)Skipped\n"])
def test_p7_hooks_that_say_nothing_are_no_evidence(said):
    if "Skipped" in said:
        assert hooks(said).cases == 0
    else:
        with pytest.raises(Unreadable):
            hooks(said)


@pytest.mark.parametrize(
    "line",
    ["[INFO] Initializing environment for /x.", "[INFO] Installing environment for local."],
)
def test_p7_a_hook_that_had_to_be_installed_has_not_looked(line):
    with pytest.raises(Lacking):
        hooks(f"{line}\nfirst.....Passed\n")


def test_the_store_is_where_pre_commit_has_it(monkeypatch, tmp_path):
    for name in ("PRE_COMMIT_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store() == f"{tmp_path}/.cache/pre-commit"
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert store() == "/cache/pre-commit"
    monkeypatch.setenv("PRE_COMMIT_HOME", "/store")
    assert store() == "/store"
