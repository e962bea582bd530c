"""Rollback is rehearsed before anybody can approve: every path around it, before and after."""

from __future__ import annotations

import os
import stat

import pytest
from support.agents import all_of, delete, write
from support.journey import Journey
from support.manifest import manifest
from support.repo import Repo

from clubos_tui.changes.manifest import Write
from clubos_tui.engine.effects import rehearse as rehearsing
from clubos_tui.engine.effects.surroundings import differing, stand_in, survey

EDIT = all_of(write("src/app.txt", "other\n"), delete("src/old.txt"), write("src/new/a.txt", "a\n"))


def test_p4_undo_is_proven_for_the_paths_and_all_that_lies_beside_them(repo: Repo) -> None:
    repo.write("src/notes.log", "mine", 0o600)
    repo.write("src/build/out.bin", "mine too")
    os.symlink("nowhere", repo.root / "src" / "link")
    journey = Journey(repo, EDIT)
    journey.propose()
    rehearsed = journey.phase().rehearsed
    assert rehearsed
    assert rehearsed.identical, rehearsed.detail
    # src and in it app.txt, old.txt, stand-ins for notes.log, build and link; new/a.txt is gone.
    assert (rehearsed.files, rehearsed.paths) == (3, 7)
    journey.close()


def test_p12_what_is_not_tracked_is_only_listed(repo: Repo, tmp_path) -> None:
    """Its name and mode stand in for it; what it holds is the person's."""
    repo.write("src/.env", "SECRET=x", 0o640)
    journey = Journey(repo, EDIT)
    tree = journey.session.workshop.files(repo.tree("HEAD"))
    rows = [Write("src/app.txt", tree["src/app.txt"], None)]
    stand_in(str(repo.root), str(tmp_path), rows, tree)
    made = tmp_path / "src" / ".env"
    assert b"SECRET" not in made.read_bytes()
    assert stat.S_IMODE(made.stat().st_mode) == 0o640
    assert os.listdir(tmp_path / "src") == [".env"], "what is tracked is laid out from its blobs"
    journey.close()


def test_nothing_is_reached_through_a_link(repo: Repo, tmp_path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "theirs.txt").write_text("x")
    journey = Journey(repo, EDIT)
    tree = journey.session.workshop.files(repo.tree("HEAD"))
    os.rename(repo.root / "src", repo.root / "src-moved")
    os.symlink(outside, repo.root / "src")
    copy = tmp_path / "copy"
    copy.mkdir()
    stand_in(str(repo.root), str(copy), [Write("src/app.txt", tree["src/app.txt"], None)], tree)
    assert os.listdir(copy) == []
    journey.close()


def spoiled(journey: Journey, spoil, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what the rehearsal says where something goes wrong behind its back."""
    real = rehearsing._rehearse_one

    def one(scratch, name, *rest):
        found = real(scratch, name, *rest)
        if name == "back":
            spoil(os.path.join(scratch, "tree"))
        return found

    monkeypatch.setattr(rehearsing, "_rehearse_one", one)
    journey.propose()
    rehearsed = journey.phase().rehearsed
    assert rehearsed
    assert not rehearsed.identical
    assert journey.view.reviewable(1) is False
    return rehearsed.detail


@pytest.mark.parametrize(
    ("spoil", "path"),
    [
        (lambda top: os.unlink(f"{top}/src/notes.log"), "src/notes.log"),
        (lambda top: os.chmod(f"{top}/src/old.txt", 0o600), "src/old.txt"),
        (lambda top: os.chmod(f"{top}/src", 0o711), "src"),
        (lambda top: os.mkdir(f"{top}/src/left"), "src/left"),
        (lambda top: write("src/notes.log", "other")(top), "src/notes.log"),
        (lambda top: os.rename(f"{top}/src/link", f"{top}/src/lank"), "src/lank, src/link"),
    ],
)
def test_p4_what_a_rollback_does_not_restore_is_named(repo, spoil, path, monkeypatch) -> None:
    repo.write("src/notes.log", "mine")
    os.symlink("nowhere", repo.root / "src" / "link")
    journey = Journey(repo, EDIT)
    assert spoiled(journey, spoil, monkeypatch) == f"not as before after the rollback: {path}"
    journey.close()


def test_p4_bytes_of_a_touched_file_are_compared_too(repo, monkeypatch) -> None:
    journey = Journey(repo, EDIT)
    detail = spoiled(journey, write("src/old.txt", "bad\n"), monkeypatch)
    assert detail == "the files differ after the rollback"
    journey.close()


def test_p1_the_checkout_is_only_looked_at(repo: Repo) -> None:
    repo.write("src/notes.log", "mine")
    before = manifest(repo.root)
    journey = Journey(repo, EDIT)
    journey.propose()
    journey.close()
    assert manifest(repo.root) == before


def test_a_survey_names_a_few_of_many_differences(tmp_path) -> None:
    for number in range(6):
        (tmp_path / f"{number}").write_text("x")
    before = survey(str(tmp_path), ())
    assert differing(before, dict(before)) == []
    assert differing(before, {}) == ["0", "1", "2", "and 3 more"]


def test_paths_that_are_too_long_to_survey_do_not_end_it(tmp_path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(30):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.chdir(here)
    found = survey(str(tmp_path), ())
    assert 10 < len(found) < 30
