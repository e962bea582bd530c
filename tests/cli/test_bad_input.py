"""Bad input: one clear message with the cure, the right exit code, and nothing changed."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import manifest
from support.cli import clubos, inside, small_plan
from support.repo import Repo, leftovers


def unchanged(repo: Repo, code: int, *arguments: str, word: str, **named: Any) -> None:
    """Require the exit code, the word, a cure, and an untouched repository; also as JSON."""
    before = manifest.manifest(repo.root)
    said = inside(repo, *arguments, **named)
    assert said.code == code, (said.out, said.err)
    assert word in said.err, said.err
    assert said.err.startswith("clubos: ")
    assert len(said.err.splitlines()) >= 2
    machine = inside(repo, "--json", *arguments, **named)
    assert machine.code == code
    assert machine.json["exit_code"] == code
    assert word in machine.json["error"] + machine.json["cure"]
    assert machine.json["untouched"] + machine.json["cure"]
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


def test_not_a_repository(home: Path, tmp_path: Path) -> None:
    """Points to `clubos init`; nothing is made."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    for command in (["run"], ["status"], ["diff"], ["merge"], ["rollback", "--run"], ["log"]):
        said = inside(str(folder), *command)
        assert said.code == 2, command
        assert "clubos init" in said.err
    assert os.listdir(folder) == ["a.txt"]
    assert clubos(str(tmp_path / "nowhere"), "run").code == 2


def test_a_repository_without_a_commit(home: Path, tmp_path: Path) -> None:
    """Points to `clubos init`, which then makes it work."""
    subprocess.run(["git", "init", "-q", str(tmp_path / "new")], check=True)
    repo = Repo(tmp_path / "new")
    repo.write("mine.txt", "mine\n")
    repo.git("add", "mine.txt")
    unchanged(repo, 2, "run", word="clubos init")
    index = repo.index()
    assert clubos(repo, "init").code == 0
    assert repo.index() == index
    assert clubos(repo, "run").code == 0


def test_a_bare_repository(home: Path, tmp_path: Path) -> None:
    """There are no files to show or change."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare.git")], check=True)
    before = manifest.manifest(tmp_path / "bare.git")
    said = clubos(str(tmp_path / "bare.git"), "run")
    assert said.code == 7
    assert "bare" in said.err
    assert manifest.manifest(tmp_path / "bare.git") == before


def test_a_detached_head(repo: Repo) -> None:
    """A dry run works; a live one is refused before it executes anything."""
    plan = small_plan(repo)
    repo.git("checkout", "-q", "--detach")
    assert clubos(repo, "run", "--plan", plan).code == 0
    unchanged(repo, 7, "run", "--all", "--live", "--yes", word="detached")
    assert repo.branches().keys() == {"main"}


@pytest.mark.parametrize("name", ["merge", "rebase"])
def test_in_the_middle_of_something(repo: Repo, name: str) -> None:
    """A merge or rebase with conflicts is the person's to finish; real ones, made by git."""
    repo.git("switch", "-q", "-c", "side")
    repo.write("src/app.txt", "side\n")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write("src/app.txt", "main\n")
    repo.commit("main")
    assert repo.ask(name, "side").returncode != 0
    unchanged(repo, 7, "run", "--live", word=f"in the middle of a {name}")
    unchanged(repo, 7, "run", word=f"in the middle of a {name}")


def test_a_locked_index(repo: Repo) -> None:
    """Everything up to the merge works; the merge waits for the other git."""
    plan = small_plan(repo)
    (repo.root / ".git/index.lock").write_bytes(b"")
    before = manifest.checkout(repo.root)
    said = clubos(repo, "run", "--all", "--live", "--yes", "--plan", plan)
    assert said.code == 7
    assert "index is locked" in said.err
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    (repo.root / ".git/index.lock").unlink()
    assert clubos(repo, "merge", "--yes").code == 0


@pytest.mark.parametrize("limit", [0, 200, 4000, 30_000])
def test_no_space(repo: Repo, state: Path, limit: int) -> None:
    """Files may not grow beyond a limit, as on a full disk: exit code 1, then all goes on."""
    plan = small_plan(repo)
    for name in ("one", "two"):
        place = Path(plan).parent / "files" / name / name / "0.txt"
        place.write_bytes(os.urandom(20_000))
    repo.mess()
    before, index = manifest.checkout(repo.root), repo.index()

    def tight() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    said = clubos(
        repo, "run", "--all", "--live", "--yes", "--plan", plan,
        preexec_fn=tight, env={"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert said.code in {0, 1}, said.err
    if said.code == 1:
        assert manifest.difference(before, manifest.checkout(repo.root)) == []
        assert repo.index() == index
    again = clubos(repo, "run", "--all", "--live", "--yes", "--plan", plan)
    assert again.code == 0, again.err
    assert repo.read("one/0.txt") == (Path(plan).parent / "files/one/one/0.txt").read_bytes()
    assert repo.index() != index
    assert leftovers(repo, state) == []
    repo.fsck()


def test_an_unknown_agent(repo: Repo) -> None:
    """In the plan or on the command line: the ones there are, and the near one."""
    plan = Path(small_plan(repo))
    plan.write_text('agent = "blueprnit"\n' + plan.read_text())
    unchanged(repo, 2, "run", "--plan", str(plan), word="blueprint")
    unchanged(repo, 2, "run", "--agent", "nobody", word="nobody")


def test_a_plan_that_is_wrong(repo: Repo, tmp_path: Path) -> None:
    """Not TOML, unknown keys, wrong types, not there: file and line."""
    plan = tmp_path / "bad.toml"
    plan.write_text("name = \n")
    unchanged(repo, 2, "run", "--plan", str(plan), word="bad.toml:1")
    plan.write_text('name = "x"\nphases = 1\n')
    unchanged(repo, 2, "run", "--plan", str(plan), word="bad.toml:2")
    unchanged(repo, 2, "run", "--plan", str(tmp_path / "none.toml"), word="none.toml")
    plan.write_bytes(b"\xff\xfe")
    unchanged(repo, 2, "run", "--plan", str(plan), word="bad.toml")
    repo.write("clubos.toml", "nonsense = true\n")
    repo.commit("a plan with a fault")
    unchanged(repo, 2, "run", word="clubos.toml:1")


def test_phases_and_ids_that_are_not_there(repo: Repo) -> None:
    """A phase beyond the plan, an id of nothing, a run that was never started."""
    plan = small_plan(repo)
    unchanged(repo, 2, "merge", "--yes", word="clubos run")
    unchanged(repo, 2, "diff", word="clubos run")
    assert clubos(repo, "run", "--plan", plan).code == 0
    unchanged(repo, 2, "run", "--phase", "9", word="no phase 9")
    unchanged(repo, 5, "approve", "1", "--id", "0" * 40, word="proposes")
    unchanged(repo, 5, "reject", "1", "--id", "0" * 40, "--reason", "no", word="proposes")
    unchanged(repo, 2, "diff", "2", word="no change set")
    unchanged(repo, 7, "merge", "--yes", word="not validated")
    unchanged(repo, 7, "rollback", "1", "--yes", word="not executed")
    unchanged(repo, 7, "undo", "--yes", word="no rollback")
    unchanged(repo, 2, "rollback", "--yes", word="which phase")
    unchanged(repo, 2, "override", "1", "--check", "x", "--reason", "y", word="keeps no gate")
    unchanged(repo, 7, "run", "--phase", "2", "--live", "--yes", word="phase 1")


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["run", "--phase", "x"], ["run", "--all", "--phase", "1"], ["approve", "1"],
     ["run", "--live", "--dry-run"], ["rollback", "1", "--run"]],
)  # fmt: skip
def test_usage(repo: Repo, arguments: list[str]) -> None:
    """What argparse refuses is exit code 2 as well."""
    said = clubos(repo, *arguments)
    assert said.code == 2
    assert "usage:" in said.err


def test_a_read_only_state_folder(repo: Repo, tmp_path: Path) -> None:
    """A state folder that can't be made says which variable to set."""
    (tmp_path / "file").write_text("")
    unchanged(
        repo, 1, "run", word="CLUBOS_STATE_DIR", env={"CLUBOS_STATE_DIR": str(tmp_path / "file/x")}
    )


def test_a_damaged_journal_stops_everything_and_changes_nothing(repo: Repo, state: Path) -> None:
    """Edited, cut inside, or garbage: exit code 1, and `verify` finds it."""
    plan = small_plan(repo)
    assert clubos(repo, "run", "--plan", plan).code == 0
    journal = next(state.glob("*/runs/*/journal.jsonl"))
    good = journal.read_bytes()
    for bad in (good.replace(b"Small", b"Smell"), good[:40] + b"\n" + good[41:], good + b"{}\n"):
        journal.write_bytes(bad)
        unchanged(repo, 1, "run", "--all", "--live", "--yes", word="record")
        assert inside(repo, "verify").code == 1
    journal.write_bytes(good + b'{"half')
    assert clubos(repo, "run", "--all", "--live", "--yes").code == 0
    assert clubos(repo, "verify").code == 0


def test_hostile_names_are_not_acted_on_by_the_terminal(repo: Repo) -> None:
    """Escape sequences in names reach no output, also where the name stands in the way."""
    plan = small_plan(repo)
    name = b"two/\x1b]0;evil\x07\xe2\x80\xae.txt"
    place = os.path.join(os.fsencode(Path(plan).parent), b"files/two", name)
    with open(place, "wb") as file:
        file.write(b"x\n")
    assert clubos(repo, "run", "--all", "--plan", plan).code == 0
    said = clubos(repo, "status")
    assert "\u202e" not in said.out
    diff = clubos(repo, "diff", "2", "--json")
    assert os.fsencode(diff.json["files"][0]["path"]) == name
    repo.write(name, b"mine\n")
    refused = clubos(repo, "run", "--all", "--live", "--yes")
    assert refused.code == 5
    assert "evil" in refused.err
    assert "\u202e" not in refused.err
