"""Workers on one database: each phase once, each approval once, whoever is killed or frozen."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.postgres import cluster
from support.sharing import Person, Sharing, Works

from clubos_tui.checks.servers import binaries
from clubos_tui.events import Approved, Executed, Merged


@pytest.fixture
def sharing(home: Path, tmp_path: Path) -> Iterator[Sharing]:
    """A database of our own, and nobody at work yet."""
    os.environ.pop("CLUBOS_POSTGRESQL_BIN", None)
    if not binaries():
        pytest.skip("needs PostgreSQL's server programs")
    with cluster() as server:
        made = Sharing(tmp_path, server.tcp)
        yield made
        made.close()


def heads(sharing: Sharing, name: str) -> dict[str, str]:
    """Return the branches that a remote holds."""
    out = subprocess.run(
        ["git", "--git-dir", str(sharing.place / f"{name}.git"), "for-each-ref",
         "--format=%(refname:short) %(objectname)", "refs/heads"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return dict(line.split(" ") for line in out.splitlines())


def take_through(sharing: Sharing, names: list[str], meanwhile=lambda _done: None) -> None:
    """Say everything that takes runs to their merge, as their people would."""
    people = {name: Person(sharing.run(name)) for name in names}

    def all_done() -> bool:
        for name in [name for name, person in people.items() if person.look()]:
            del people[name]
        meanwhile(len(names) - len(people))
        return not people

    sharing.until(all_done, f"not merged: {sorted(people)}", seconds=60 + 10 * len(names))


def require_once(sharing: Sharing, run: str, remote: str) -> None:
    """Each phase was committed and each approval honoured exactly once, here and there."""
    records = sharing.run(run).journal.load()
    kinds = Counter(
        (type(record.event), getattr(record.event, "phase", 0))
        for record in records
        if isinstance(record.event, Approved | Executed | Merged)
    )
    assert set(kinds.values()) == {1}, kinds
    assert len(kinds) == 5, "\n".join(map(repr, records))
    there = heads(sharing, remote)
    mine = {name: commit for name, commit in there.items() if name.startswith(f"autogen/{run}/")}
    commits = [record.event for record in records if isinstance(record.event, Executed | Merged)]
    kept = {name: commit for name, commit in mine.items() if "/work/" not in name}
    assert sorted(kept.values()) == sorted(event.commit for event in commits)
    for event, approved in zip(
        [event for event in commits if isinstance(event, Executed)],
        [record.event for record in records if isinstance(record.event, Approved)],
        strict=True,
    ):
        assert event.change_set == approved.change_set
    others = {name for name in there if not name.startswith("autogen/")}
    assert others == {"main"}


def verified(sharing: Sharing, run: str) -> None:
    """`clubos verify` vouches for it, on a machine that had no part in it."""
    done = sharing.clubos("verify", "--shared", run, "--json", machine=f"auditor-{run}")
    said = json.loads(done.stdout)
    assert said["events"], done.stderr
    assert len(said["anchors"]) == 3, said


@pytest.mark.long
def test_p3_a_killed_and_a_frozen_worker_and_each_phase_is_committed_once(sharing):
    """The short form of the soak below: two repositories, six runs, three workers."""
    go(sharing, repositories=2, runs=6)


@pytest.mark.soak
def test_p3_thirty_runs_over_ten_repositories(sharing):
    go(sharing, repositories=10, runs=30)


def go(sharing: Sharing, *, repositories: int, runs: int) -> None:
    """Take runs through the flow while one worker is killed and one frozen."""
    repos = [sharing.remote(f"repo{number}") for number in range(repositories)]
    names = [f"run{number}" for number in range(runs)]
    for number, name in enumerate(names):
        sharing.start(repos[number % repositories], name)
    machines = {name: sharing.work(name) for name in ("alpha", "beta", "gamma")}
    gone: list[Works] = []

    def one_that_drives() -> Works | None:
        names = {holder.worker for holder in sharing.journals.holders()}
        busy = [works for works in machines.values() if works.name in names and works not in gone]
        return busy[0] if busy else None

    def meanwhile(done: int) -> None:
        if len(gone) < 2 and done >= runs // 4 and (works := one_that_drives()):
            works.freeze() if gone else works.kill()
            gone.append(works)
            adopted = sharing.clubos("runs", "adopt", "--from", works.name, "--yes")
            assert adopted.returncode == 0, adopted.stderr
        elif len(gone) == 2 and done >= runs // 2:
            gone[1].thaw()

    take_through(sharing, names, meanwhile)
    assert len(gone) == 2
    gone[1].thaw()
    time.sleep(1)  # whatever the one that was frozen still wants to do
    for number, name in enumerate(names):
        require_once(sharing, name, f"repo{number % repositories}")
    for name in names[:2] if runs < 10 else names:
        verified(sharing, name)
