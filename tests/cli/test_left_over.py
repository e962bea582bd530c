"""What a killed command leaves asked for, and what other flags and pipes must not change."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support import manifest
from support.cli import COMMAND, clubos, environment, inside, small_plan
from support.repo import Repo

from clubos_tui.engine.session import Session
from clubos_tui.events import RunClosed


def ask_for_merge(repo: Repo) -> None:
    """Leave a merge request in the journal, as a merge that was killed at once does."""
    session = Session.open(repo.path)
    try:
        run = session.current()
        assert run
        run.merge(by="Pat")
    finally:
        session.close()


def validated(repo: Repo) -> None:
    """Take every phase of the built-in plan to validated, and no further."""
    assert clubos(repo, "run", "--all").code == 0
    for number in range(1, 6):
        assert clubos(repo, "run", "--live", "--yes", "--phase", str(number)).code == 0


def test_p1_a_dry_run_goes_on_with_nothing_live(repo: Repo) -> None:
    """A merge was asked for and killed; a dry run says so and leaves it."""
    validated(repo)
    ask_for_merge(repo)
    before = manifest.manifest(repo.root)
    for arguments in (["--dry-run", "--all"], ["--dry-run", "--phase", "1"], []):
        said = clubos(repo, "run", *arguments)
        assert said.code == 3, said.err
        assert "merge requested" in said.err
        assert manifest.difference(before, manifest.manifest(repo.root)) == []
    head = repo.head
    assert clubos(repo, "rollback", "--run", "--yes").code == 0
    assert repo.head == head  # taken back without being made first
    assert clubos(repo, "status", "--json").json["ending"] == "rolled back"


def test_p9_verify_sees_an_end_that_was_cut_off(repo: Repo, state: Path) -> None:
    """The merge commit vouches for more events than are left."""
    assert clubos(repo, "run", "--all", "--live", "--yes").code == 0
    assert clubos(repo, "verify").code == 0
    journal = next(state.glob("*/runs/*/journal.jsonl"))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-4]))
    said = clubos(repo, "verify")
    assert said.code == 1
    assert "vouches for" in said.out + said.err


def test_a_plan_named_before_the_command_counts(repo: Repo) -> None:
    """Flags of the dashboard and of `run` are the same flags."""
    plan = small_plan(repo)
    assert inside(repo, "--plan", plan, "run").code == 0
    session = Session.open(repo.path)
    try:
        run = session.current()
        assert run
        assert run.view.started.plan_source == str(Path(plan).resolve())
    finally:
        session.close()


def test_a_reader_that_leaves_does_not_stop_the_work(repo: Repo) -> None:
    """`clubos run --all | head -1` still makes all five proposals."""
    with subprocess.Popen(
        [*COMMAND, "--repo", repo.path, "run", "--all"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait() == 0
    phases = clubos(repo, "status", "--json").json["phases"]
    assert [phase["status"] for phase in phases] == ["proposed"] * 5


def test_the_open_run_is_found_whatever_the_clock_said(repo: Repo, state: Path) -> None:
    """A closed run from the future does not hide the open one."""
    session = Session.open(repo.path)
    try:
        plan, source = session.plan()
        future = session.start(plan, source, by="Pat", run_id="z-future")
        future.journal.append(RunClosed("abandoned", "Pat"))
        run = session.start(plan, source, by="Pat", run_id="a-now")
        found = session.current()
        assert found
        assert found.id == run.id
    finally:
        session.close()


def test_every_gate_of_a_dry_run_counts(repo: Repo) -> None:
    """`run --all` ends with 4 where `run --phase` does."""
    repo.write("blueprint/a.txt", "a\n")
    repo.write(
        "clubos.toml",
        'name = "p"\nagent = "blueprint"\n[[phase]]\nname = "one"\n'
        '[[phase.action]]\nid = "a"\nname = "a"\nblueprint = "blueprint"\n'
        '[[phase.check]]\nname = "there"\nkind = "paths"\npaths = ["missing.txt"]\n',
    )
    repo.commit("a plan with a check that fails")
    for arguments in (["--phase", "1"], ["--all"]):
        assert clubos(repo, "run", *arguments).code == 4
    assert json.loads(clubos(repo, "status", "--json").out)["mode"] == "DRY RUN"
