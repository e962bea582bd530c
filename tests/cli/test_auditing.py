"""``clubos export`` and ``clubos verify``: the record of a run, held to its word anywhere (P9)."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from support import forging
from support.cli import Said, inside, small_plan
from support.repo import Repo

LIVE = ("run", "--all", "--live", "--yes")


def journal_of(state: Path, run: str = "*") -> Path:
    return next(state.glob(f"*/runs/{run}/journal.jsonl"))


def merged(repo: Repo, *more: str) -> None:
    said = inside(repo, *LIVE, "--plan", small_plan(repo), *more)
    assert said.code == 0, said.err


def cloned(repo: Repo, place: Path, *options: str) -> Repo:
    repo.git("clone", "--quiet", *options, repo.path, str(place))
    return Repo(place)


def test_p9_a_journal_is_exported_byte_for_byte_and_verified_elsewhere(
    repo: Repo, state: Path, tmp_path: Path
) -> None:
    """On standard output and as a file; in a clone that has only remote-tracking branches."""
    merged(repo, "--run-id", "one")
    data = journal_of(state).read_bytes()
    assert inside(repo, "export").out.encode() == data
    out, streams = tmp_path / "one.jsonl", tmp_path / "streams"
    said = inside(repo, "export", "one", str(out), "--streams", str(streams))
    assert said.code == 0, said.err
    assert out.read_bytes() == data
    assert out.stat().st_mode & 0o777 == 0o600
    assert "2 of 2 streams" in said.err
    for options in ((), ("--bare",), ("--mirror",)):
        clone = cloned(repo, tmp_path / f"clone{len(options)}{options}", *options)
        found = inside(
            clone, "verify", "one", "--journal", str(out), "--streams", str(streams), "--json"
        )
        assert found.code == 0, found.out
        told = found.json
        assert told["integrity"] == {"holds": True, "broken": [], "approvals": 2, "commits": 3}
        assert told["completeness"]["complete"]
        assert told["completeness"]["events"] == data.count(b"\n") == told["events"]
        assert told["completeness"]["vouched_to"] == max(seq for _, seq in told["anchors"])
        assert told["run"] == "one"
    assert inside(clone, "verify", "two", "--journal", str(out)).code == 1
    assert not list(state.glob("clone*")), "an auditor's clone gets no state"


def test_an_export_overwrites_nothing(repo: Repo, tmp_path: Path) -> None:
    inside(repo, "run")
    (tmp_path / "mine").write_text("mine")
    said = inside(repo, "status", "--json")
    run = said.json["run"]
    for more in ((str(tmp_path / "mine"),), (str(tmp_path / "new"), "--streams", str(tmp_path))):
        said = inside(repo, "export", run, *more)
        assert said.code == 1
        assert "no file was written over" in said.err
    assert (tmp_path / "mine").read_text() == "mine"
    assert inside(repo, "export", "no-such-run").code == 2
    assert inside(repo, "verify", "../x").code == 2
    assert inside(repo, "verify", "--journal", str(tmp_path / "none")).code == 2
    assert inside(repo, "verify", "--streams", str(tmp_path)).code == 2


@pytest.mark.parametrize("record", [1, 5])
def test_p9_a_damaged_journal_is_exported_and_the_record_named(
    repo: Repo, state: Path, record: int
) -> None:
    """An auditor needs that one most; `verify` reads what stands before the damage."""
    merged(repo, "--run-id", "one")
    path = journal_of(state)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[record - 1] = lines[record - 1].replace(b'"at":"2', b'"at":"3')
    path.write_bytes(b"".join(lines))
    for name in ((), ("one",)):
        said = inside(repo, "export", *name)
        assert said.code == 1
        assert said.out.encode() == path.read_bytes()
        assert f"record {record}:" in said.err
        found = inside(repo, "verify", *name, "--json")
        assert found.code == 1
        assert f"record {record}:" in found.json["integrity"]["broken"][0]
        assert found.json["events"] == record - 1
        assert not found.json["completeness"]["complete"]


def test_p9_two_journals_in_each_others_place_are_found(repo: Repo, state: Path) -> None:
    merged(repo, "--run-id", "one")
    inside(repo, "run", "--run-id", "two")
    one, two = journal_of(state, "one"), journal_of(state, "two")
    first, second = one.read_bytes(), two.read_bytes()
    assert inside(repo, "verify", "one").code == inside(repo, "verify", "two").code == 0
    one.write_bytes(second)
    two.write_bytes(first)
    for name in ("one", "two"):
        said = inside(repo, "verify", name)
        assert said.code == 1
        assert "this is the journal of run" in said.out


def test_p9_a_run_before_that_is_gone_is_missing(repo: Repo, state: Path) -> None:
    merged(repo, "--run-id", "one")
    inside(repo, "run", "--run-id", "two")
    path = journal_of(state, "one")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    said = inside(repo, "verify")
    assert said.code == 4
    assert "was cut off" in said.out
    path.unlink()
    assert inside(repo, "verify", "--json").json["completeness"]["missing"]


def test_p9_a_branch_that_was_thrown_away_is_missing(repo: Repo) -> None:
    """Integrity holds, the report says what can't be shown, and the exit code is its own."""
    plan = small_plan(repo)
    inside(repo, "run", "--phase", "1", "--live", "--yes", "--plan", plan)
    assert inside(repo, "verify").code == 0
    branch = next(name for name in repo.branches() if name.startswith("autogen/"))
    repo.git("branch", "-D", branch)
    said = inside(repo, "verify")
    assert said.code == 4
    assert "Integrity: holds" in said.out
    assert "no branch or tag holds it" in said.out


def test_p9_whoever_forges_journal_and_branches_is_found_where_a_copy_is(
    repo: Repo, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it made anew, by the same program, with another name: only other copies can tell."""
    forged = cloned(repo, tmp_path / "forged")
    merged(repo, "--run-id", "one", "--as", "Ann <ann@example.org>")
    remote = cloned(repo, tmp_path / "remote.git", "--mirror")
    clone = cloned(remote, tmp_path / "clone")
    out = tmp_path / "journal.jsonl"

    monkeypatch.setenv("CLUBOS_STATE_DIR", str(tmp_path / "others"))
    merged(forged, "--run-id", "one", "--as", "Mallory <mal@example.org>")
    assert inside(forged, "verify").code == 0, "nothing here can tell"
    assert inside(forged, "export", "one", str(out)).code == 0
    assert inside(forged, "verify", "--journal", str(out)).code == 0

    for where in (clone, remote):
        said = inside(where, "verify", "--journal", str(out))
        assert said.code == 1
        assert "is not the one that commit" in said.out
    clone.git("fetch", "--quiet", forged.path, "+refs/heads/*:refs/remotes/mallory/*")
    said = inside(clone, "verify", "--journal", str(out), "--json")
    assert said.code == 1, "those it brings along do not hide the true ones"
    monkeypatch.setenv("CLUBOS_STATE_DIR", str(state))
    assert inside(repo, "verify").code == 0


def test_p9_a_rewritten_journal_is_found_in_a_clone(
    repo: Repo, state: Path, tmp_path: Path
) -> None:
    """An approver's name changed and the chain made to fit."""
    merged(repo)
    items = forging.records(journal_of(state).read_bytes())
    items[forging.found(items, "approved")[-1]]["data"]["by"] = "Mallory"
    out = tmp_path / "journal.jsonl"
    out.write_bytes(forging.chained(items))
    said = inside(cloned(repo, tmp_path / "clone", "--bare"), "verify", "--journal", str(out))
    assert said.code == 1
    for words in ("binds other data", "is not the one that commit", "trailer Approved-by"):
        assert words in said.out


def test_a_journal_can_be_piped(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged(repo)
    data = inside(repo, "export").out.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert inside(cloned(repo, tmp_path / "c"), "verify", "--journal", "-").code == 0


def test_without_a_journal_a_bare_clone_says_what_it_needs(repo: Repo, tmp_path: Path) -> None:
    said: Said = inside(cloned(repo, tmp_path / "bare", "--bare"), "verify")
    assert said.code == 7
    assert "--journal" in said.err


def test_the_help_tells_what_the_exit_codes_mean(repo: Repo) -> None:
    said = inside(repo, "verify", "--help").out
    assert "integrity is broken" in said
    assert "something is missing that should be here" in said


def test_p11_nothing_in_a_foreign_journal_acts_on_the_terminal(repo: Repo, tmp_path: Path) -> None:
    """Names, paths and trailers of an exported journal are anybody's text."""
    inside(repo, "run")
    items = forging.records(inside(repo, "export").out.encode())
    items[0]["data"]["run"] = "x\x1b[31m\u202e"
    out = tmp_path / "journal.jsonl"
    out.write_bytes(forging.chained(items))
    said = inside(repo, "verify", "--journal", str(out))  # fails on an escape code
    assert said.code == 1
    assert "\u202e" not in said.out
