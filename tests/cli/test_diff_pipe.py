"""`clubos diff` into a pipe: what git and any pager understand, also one that leaves early."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from support.cli import clubos, small_plan, start
from support.repo import Repo


def proposed(repo: Repo, size: int = 1) -> None:
    """Propose both phases of the small plan; the second's file has many lines and odd ones."""
    plan = small_plan(repo)
    odd = b"tab\there\r\nno \xff text \x1b[31mred\n" + b"a line\n" * size
    (Path(plan).parent / "files/two/two/odd.txt").write_bytes(odd)
    assert clubos(repo, "run", "--all", "--plan", plan).code == 0


def test_git_makes_the_very_tree_of_a_piped_diff(repo: Repo, tmp_path: Path) -> None:
    """Byte for byte git's own form, so that whatever shows git's patches shows it."""
    proposed(repo)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", repo.path, clone], check=True)
    for phase in ("1", "2"):
        done = start(repo.path, "diff", phase)
        out, err = done.communicate(timeout=60)
        assert (done.returncode, err) == (0, b"")
        assert out.startswith(b"diff --git ")
        subprocess.run(["git", "apply", "--index", "-"], cwd=clone, input=out, check=True)
        tree = subprocess.run(["git", "write-tree"], cwd=clone, stdout=subprocess.PIPE, check=True)
        assert tree.stdout.decode().strip() == clubos(repo, "diff", phase, "--json").json["id"]


def test_a_pager_that_leaves_early_is_no_error(repo: Repo) -> None:
    """Far more than a pipe holds is left unread; nobody is told off for that."""
    proposed(repo, size=100_000)
    done = start(repo.path, "diff", "2")
    assert done.stdout
    assert done.stderr
    assert os.read(done.stdout.fileno(), 10).startswith(b"diff --git")
    done.stdout.close()
    assert done.wait(60) == 0
    assert done.stderr.read() == b""
    done.stderr.close()
