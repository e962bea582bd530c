"""The stage of a run that is over becomes the next run's: laid out once, then brought along."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents
from support.journey import Journey
from support.repo import Repo

from clubos_tui.workspace import layout

Start = Callable[..., Journey]
FIRST, SECOND = agents.write("a.txt", "one\n"), agents.write("src/app.txt", "two\n")


def staged(run: Journey) -> dict[str, bytes]:
    """Return what the stage holds."""
    root = Path(run.stage)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("ending", ["merged", "rolled back", "reverted"])
def test_the_next_run_takes_the_stage_over(
    repo: Repo, journey: Start, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    run = journey(FIRST).live()
    if ending == "rolled back":
        run.roll_back(1, close=True)
    else:
        run.merge()
    if ending == "reverted":
        run.roll_back(1)
    old = run.stage
    run.close()
    written: list[str] = []
    export = layout.export
    monkeypatch.setattr(
        layout, "export", lambda w, files, *rest, **more: written.extend(files) or
        export(w, files, *rest, **more),
    )  # fmt: skip
    after = journey(SECOND).live()
    assert staged(after)["src/app.txt"] == b"two\n"
    assert ("a.txt" in staged(after)) == (ending == "merged")
    assert not Path(old).exists()
    assert set(written) <= {"a.txt"}, "only what differs between the two runs is written"
    after.merge()


def test_p4_a_stage_somebody_worked_in_stays_and_is_not_used(repo: Repo, journey: Start) -> None:
    run = journey(FIRST).live().merge()
    Path(run.stage, "notes.txt").write_text("the person's\n")
    old = run.stage
    run.close()
    after = journey(SECOND).live().merge()
    assert Path(old, "notes.txt").read_text() == "the person's\n"
    assert "notes.txt" not in os.listdir(after.stage)
