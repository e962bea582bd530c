"""Rollback by command: the loss statement, the choice for an edited file, interrupt, recovery."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from support import agents, manifest
from support.cli import inside
from support.journey import Journey
from support.repo import Repo

from clubos_tui.apply.transaction import Transaction
from clubos_tui.engine.effects.context import Moves

LINES = [f"line {number}\n" for number in range(1, 13)]


def text(**changed: str) -> str:
    """Return twelve lines, some of them changed."""
    lines = list(LINES)
    for name, line in changed.items():
        lines[int(name[1:]) - 1] = line + "\n"
    return "".join(lines)


@pytest.fixture
def merged(repo: Repo, journey: Callable[..., Journey]) -> Repo:
    """A repository with a merged run that nobody drives any more."""
    repo.write("long.txt", text())
    repo.commit("long")
    run = journey(
        agents.all_of(
            agents.write("long.txt", text(l3="ours")),
            agents.write("made.txt", "made\n"),
            agents.delete("src/old.txt"),
        )
    ).live().merge()  # fmt: skip
    run.close()
    return repo


def test_p4_the_preview_lists_every_path_and_the_three_versions(merged: Repo) -> None:
    """Plain and JSON say the same, and nothing is touched."""
    merged.write("long.txt", text(l3="ours", l10="mine\x1b[31m"))
    merged.write("made.txt", "made\nmine\n")
    before = manifest.manifest(merged.root)
    said = inside(merged, "rollback", "--run", "--preview")
    assert said.code == 0
    for line in (
        "restore 1 files", "src/old.txt", "leave alone 2 files", "-ours", "+line 3",
        "to take only our part out: --take-out long.txt", "the whole file is ours",
    ):  # fmt: skip
        assert line in said.out, line
    assert "\x1b" not in said.out
    found = inside(merged, "rollback", "--run", "--preview", "--json").json
    assert found["restore"] == ["src/old.txt"]
    assert [item["path"] for item in found["left"]] == ["long.txt", "made.txt"]
    long, made = found["asked"]
    assert long["ours"] == merged.git("rev-parse", "HEAD:long.txt")
    assert long["before"] == merged.git("rev-parse", "HEAD^:long.txt")
    assert long["theirs"] == merged.git("hash-object", "long.txt")
    assert (long["possible"], long["choice"]) == (True, "leave alone")
    assert "+mine" in long["edit"]
    assert (made["possible"], made["before"]) == (False, None)
    assert manifest.difference(before, manifest.manifest(merged.root)) == []


def test_p4_take_out_by_command(merged: Repo) -> None:
    """The edit stays, only our part goes; refused by name where it can't."""
    merged.write("long.txt", text(l3="ours", l10="mine"))
    merged.write("made.txt", "made\nmine\n")
    before = manifest.manifest(merged.root)
    said = inside(
        merged, "rollback", "--run", "--yes", "--take-out", "long.txt", "--take-out", "made.txt"
    )
    assert said.code == 7
    assert "made.txt: the whole file is ours" in said.err
    assert "long.txt" not in said.err
    assert manifest.difference(before, manifest.manifest(merged.root)) == []
    found = inside(
        merged, "rollback", "--run", "--preview", "--json", "--take-out", "long.txt"
    ).json
    assert found["take_out"] == ["long.txt"]
    said = inside(merged, "rollback", "--run", "--yes", "--take-out", "long.txt")
    assert said.code == 0, said.err
    assert "1 edit kept, 1 left alone, 2 compared afresh" in said.out
    assert merged.read("long.txt").decode() == text(l10="mine")
    assert merged.read("made.txt") == b"made\nmine\n"
    assert inside(merged, "undo", "--yes").code == 0
    assert merged.read("long.txt").decode() == text(l3="ours", l10="mine")


def test_p4_a_conflict_is_refused_with_its_paths_and_a_way_on(merged: Repo) -> None:
    """Exit code 7, in words and as JSON; the preview says it before."""
    merged.write("long.txt", text(l3="mine"))
    merged.commit("mine")
    before = manifest.manifest(merged.root)
    preview = inside(merged, "rollback", "--run", "--preview", "--json").json
    assert "long.txt" in preview["refusal"]
    assert "git revert -m 1" in preview["cure"]
    said = inside(merged, "rollback", "--run", "--yes", "--json")
    assert said.code == 7
    assert said.json["paths"] == ["long.txt"]
    assert manifest.difference(before, manifest.manifest(merged.root)) == []


def test_p4_ctrl_c_in_a_rollback_goes_back_and_says_what_was_compared(
    merged: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGINT after the first file: exit code 130, every file as before."""
    before, index = manifest.checkout(merged.root), merged.index()
    note = Moves.__call__
    sent: list[bool] = []

    def moving(self: Moves, move: object) -> None:
        note(self, move)  # type: ignore[arg-type]
        if not sent:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)  # the loop hears it in its own thread

    with monkeypatch.context() as patch:
        patch.setattr(Moves, "__call__", moving)
        said = inside(merged, "rollback", "--run", "--yes")
    assert said.code == 130
    assert "roll back was undone. 3 of 3 files as before, compared afresh" in said.out
    assert manifest.difference(before, manifest.checkout(merged.root)) == []
    assert merged.index() == index
    assert inside(merged, "rollback", "--run", "--yes").code == 0


@pytest.mark.parametrize("as_json", [False, True])
def test_p3_recover_says_what_it_found_did_and_kept(merged: Repo, as_json: bool) -> None:
    """Then nothing is left to recover, and somebody's lock is named."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            run = Journey.__new__(Journey)
            run.repo, run.edits = merged, {}
            Transaction._announce = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
            run.open()
            run.roll_back(1, close=True)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    said = inside(merged, "recover", *(["--json"] if as_json else []))
    assert said.code == 0, said.err
    if as_json:
        (found,) = said.json["recovered"]
        assert found["operation"] == "rollback"
        assert found["direction"] == "finished"
        assert "1 of 3 files had been exchanged" in found["found"]
        assert os.path.exists(found["backup"])
    else:
        for words in ("Rolling back in your checkout", "found: the branch had moved",
                      "finished: 3 of 3 files as written", "is kept in /"):  # fmt: skip
            assert words in said.out, words
    (merged.root / ".git/index.lock").write_bytes(b"theirs")
    again = inside(merged, "recover")
    assert "nothing to recover" in again.out
    assert "locked by another git" in again.out
    assert (merged.root / ".git/index.lock").exists()
