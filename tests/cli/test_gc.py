"""``clubos gc``: what it shows, asks and says, and its exit codes."""

from __future__ import annotations

import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest
from support.cli import COMMAND, environment, inside
from support.journey import Journey
from support.repo import Repo

CHANGE = agents.all_of(agents.write("src/app.txt", "new\n"), agents.write("fresh/a.txt", "a\n"))


@pytest.fixture
def merged(repo: Repo, journey: Callable[..., Journey]) -> Journey:
    run = journey(CHANGE).live().merge()
    run.close()
    return run


def files(state: Path) -> manifest.Manifest:
    return manifest.without_times(manifest.manifest(state))


def test_nothing_is_to_go_within_the_budget(repo: Repo, merged: Journey, state: Path) -> None:
    before = files(state)
    said = inside(repo, "gc")
    assert said.code == 0
    assert "budget 2.0 GiB" in said.out
    assert "There is nothing to let go." in said.out
    assert "the audit log is never let go" in said.out
    assert files(state) == before


def test_p10_without_a_yes_it_only_shows(repo: Repo, merged: Journey, state: Path) -> None:
    before = files(state)
    said = inside(repo, "gc", "--budget", "0")
    assert said.code == 3
    assert f"stages/{merged.run.id}" in said.out
    assert "its run is over, and the next one can lay out its own:" in said.out
    assert "`gc` needs a person's yes" in said.err
    told = inside(repo, "gc", "--budget", "0", "--json")
    assert told.code == 3
    assert not told.json["done"]
    assert {row["kind"] for row in told.json["go"]} >= {"stage", "streams", "backup"}
    assert files(state) == before


def test_json_tells_of_every_byte_and_why(repo: Repo, merged: Journey, state: Path) -> None:
    told = inside(repo, "gc", "--budget", "0", "--yes", "--json").json
    rows = [*told["go"], *told["keep"]]
    assert told["done"]
    assert told["total"] == sum(row["bytes"] for row in rows)
    assert told["after"] == sum(row["bytes"] for row in told["keep"]) == told["over"]
    assert all(row["why"] and row["path"] for row in rows)
    for row in told["go"]:
        assert not os.path.lexists(os.path.join(told["folder"], row["path"])), row
    for row in told["keep"]:
        assert os.path.lexists(os.path.join(told["folder"], row["path"])), row
    again = inside(repo, "gc", "--budget", "0", "--json")
    assert again.code == 0
    assert again.json["go"] == []


def test_over_budget_after_all_that_may_go_is_said(repo: Repo, merged: Journey) -> None:
    said = inside(repo, "gc", "--budget", "1", "--yes", "--as", "Kim")
    assert said.code == 0
    assert "over the budget; most of it is held by: " in said.out
    assert "Kim let " in inside(repo, "log").out
    verified = inside(repo, "verify")
    assert verified.code == 0
    assert "what the agent said in 'p1' (phase 1, attempt 1) was let go on" in verified.out
    assert "by Kim (event" in verified.out
    told = inside(repo, "verify", "--json").json
    assert told["integrity"]["holds"]
    assert told["completeness"]["complete"]
    assert any(" by Kim " in note for note in told["completeness"]["notes"])
    account = inside(repo, "report").out
    assert "Let go since" in account
    assert "streams/1\\-1\\-p1" in account or "streams/1-1-p1" in account


def test_as_much_goes_as_the_budget_asks_for(repo: Repo, merged: Journey) -> None:
    told = inside(repo, "gc", "--budget", "0", "--json").json
    first = told["go"][0]
    said = inside(repo, "gc", "--budget", str(told["total"] - 1), "--yes", "--json").json
    assert [row["path"] for row in said["go"]] == [first["path"]]
    assert {row["why"] for row in said["keep"] if row["kind"] == "streams"} == {
        "it is within the budget"
    }


def test_another_clubos_drives(repo: Repo, journey: Callable[..., Journey], state: Path) -> None:
    journey(CHANGE).live().merge()
    before = files(state)
    said = inside(repo, "gc", "--budget", "0", "--yes")
    assert said.code == 6
    assert "drives this repository" in said.err
    assert files(state) == before


@pytest.mark.parametrize(
    ("text", "count"),
    [("0", 0), ("500M", 500 << 20), ("2g", 2 << 30), ("1.5 GiB", 3 << 29), ("10KB", 10240),
     ("12", 12)],
)  # fmt: skip
def test_a_size_as_people_write_it(repo: Repo, text: str, count: int) -> None:
    assert inside(repo, "gc", "--budget", text, "--json").json["budget"] == count


@pytest.mark.parametrize("text", ["", "many", "-1", "1P", "2 G G", "0x10", "1e9"])
def test_what_is_no_size_is_refused(repo: Repo, text: str) -> None:
    said = inside(repo, "gc", f"--budget={text}")
    assert said.code == 2
    assert "is no size" in said.err


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 3)])
def test_on_a_terminal_it_asks(repo: Repo, merged: Journey, answer: bytes, code: int) -> None:
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(COMMAND[0], [*COMMAND, "--repo", repo.path, "gc", "--budget", "0"],
                  environment(TERM="dumb"))  # fmt: skip
    os.write(fd, answer)
    out = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == code, out
    assert b"Let these go? [y/N]" in out
    assert os.path.exists(merged.stage) == (code == 3)


def test_a_damaged_journal_is_named(repo: Repo, merged: Journey) -> None:
    journal = Path(merged.run.journal.path)
    journal.write_bytes(b"{" + journal.read_bytes())
    said = inside(repo, "gc", "--budget", "0")
    assert said.code == 0
    assert f"nothing of run {merged.run.id} is touched" in said.out
