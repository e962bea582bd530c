"""The whole flow in one process: dry run, approval, execution, and what each leaves on disk."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from support import agents, manifest
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui.engine.state import Status
from clubos_tui.errors import Refused, Stale

Start = Callable[..., Journey]


def test_p2_branch_trees_are_the_approved_ids(repo: Repo, journey: Start) -> None:
    """Each phase branch holds exactly what was approved, on top of the phase before."""
    run = journey(agents.write("a.txt", "a\n"), agents.write("b.txt", "b\n"))
    start = repo.head
    approved = []
    for number in (1, 2):
        run.propose(number)
        approved.append(run.phase(number).change_set)
        run.approve(number).execute(number)
    branches = [run.phase(number).branch for number in (1, 2)]
    assert [repo.tree(branch) for branch in branches] == approved
    assert repo.git("rev-parse", f"{branches[0]}^") == start
    assert repo.git("rev-parse", f"{branches[1]}^") == repo.git("rev-parse", branches[0])
    repo.fsck()


def test_p2_odd_contents_arrive_bit_for_bit(repo: Repo, journey: Start) -> None:
    """Line ends, marks, NULs, empty and huge files, links, modes and names that are no text."""
    edits = [agents.write(f"odd/{name}", data) for name, data in agents.ODD_CONTENTS.items()]
    edits += [agents.write(b"names/" + name, b"content of " + name) for name in agents.ODD_NAMES]
    edits += [
        agents.write("odd/tool", "#!/bin/sh\n", 0o755),
        agents.link("odd/link", "tool"),
        agents.link("odd/dangling", "nowhere"),
        agents.chmod("src/app.txt", 0o755),
        agents.chmod("bin/run.sh", 0o644),
        agents.rename("src/old.txt", "src/new.txt"),
        agents.delete("deep/er/only.txt"),
    ]
    run = journey(agents.all_of(*edits)).live().merge()
    branch = run.phase().branch
    assert repo.tree(branch) == run.phase().change_set == repo.tree("main")
    for name, data in agents.ODD_CONTENTS.items():
        assert repo.ask("cat-file", "blob", f"{branch}:odd/{name}").stdout == data
        assert repo.read(f"odd/{name}") == data
    for name in agents.ODD_NAMES:
        assert repo.read(b"names/" + name) == b"content of " + name
    assert os.readlink(repo.root / "odd/dangling") == "nowhere"
    assert os.access(repo.root / "odd/tool", os.X_OK)
    assert os.access(repo.root / "src/app.txt", os.X_OK)
    assert not os.stat(repo.root / "bin/run.sh").st_mode & 0o111
    assert not (repo.root / "deep").exists()
    assert repo.git("status", "--porcelain") == ""
    repo.fsck()


def test_p1_dry_run_leaves_every_byte_mode_and_time(repo: Repo, journey: Start) -> None:
    """A dry run of two phases changes nothing in a repository full of unfinished work."""
    repo.mess()
    before = manifest.manifest(repo.root)
    run = journey(agents.write("src/app.txt", "new\n"), agents.delete("src/old.txt"))
    run.propose(1).propose(2)
    assert run.view.status(2) is Status.PROPOSED
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


def test_p1_execution_adds_a_branch_and_touches_no_file(repo: Repo, journey: Start) -> None:
    """Before the merge a live run adds objects and a branch; files, index and HEAD stay."""
    repo.mess()
    before, index = manifest.manifest(repo.root), (repo.root / ".git/index").read_bytes()
    journey(agents.write("src/app.txt", "new\n")).live()
    after = manifest.manifest(repo.root)
    changed = {
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
        and not name.startswith((".git/objects", ".git/refs"))
    }
    # A new branch has a log, and a log needs its folders.
    assert {name for name in changed if not name.startswith(".git/logs")} <= {".git"}
    assert (repo.root / ".git/index").read_bytes() == index


@pytest.mark.parametrize(("name", "edit"), agents.HOSTILE, ids=[name for name, _ in agents.HOSTILE])
def test_hostile_paths_are_refused_by_name(
    repo: Repo, journey: Start, name: str, edit: agents.Edit
) -> None:
    """A path that leaves the tree or reaches a git dir fails the proposal and is named."""
    before = manifest.manifest(repo.root)
    run = journey(edit)
    run.run.propose(1, by=WHO)
    run.settle()
    assert run.phase().state is Status.FAILED
    said = run.phase().error.encode().decode("unicode_escape")
    assert "\u200c" in name or name.split("/", maxsplit=1)[0] in said
    assert "refused" in run.phase().error
    assert manifest.difference(before, manifest.manifest(repo.root)) == []


def test_p2_a_wrong_id_or_attempt_is_not_approved(journey: Start) -> None:
    """A yes to an id or an attempt that is not the pending one is refused."""
    run = journey(agents.write("a.txt", "a\n")).propose()
    phase = run.phase()
    with pytest.raises(Stale, match="not 000000000000"):
        run.run.approve(1, phase.change_set.__class__("0" * 40), phase.attempt, by=WHO)
    with pytest.raises(Stale, match="attempt 1"):
        run.run.approve(1, phase.change_set, 2, by=WHO)
    assert run.view.status(1) is Status.PROPOSED


def test_p2_a_new_proposal_voids_the_old_approval(journey: Start) -> None:
    """After another attempt the first id is no longer the one that may be approved."""
    run = journey(agents.write("a.txt", "a\n")).propose()
    first = run.phase().change_set
    run.run.reject(1, first, 1, reason="say more", by=WHO)
    run.edits["p1"] = agents.write("a.txt", "more\n")
    run.propose()
    assert run.phase().attempt == 2
    with pytest.raises(Stale) as caught:
        run.run.approve(1, first, 1, by=WHO)
    assert caught.value.paths == ("a.txt",)


def test_p2_a_changed_base_voids_what_was_built_on_it(journey: Start) -> None:
    """When phase 1 changes, phase 2 is stale and can neither be approved nor executed."""
    run = journey(agents.write("a.txt", "a\n"), agents.write("b.txt", "b\n"))
    run.propose(1).propose(2)
    second = run.phase(2)
    run.run.reject(1, run.phase(1).change_set, 1, reason="no", by=WHO)
    run.edits["p1"] = agents.write("a.txt", "other\n")
    run.propose(1)
    assert run.view.status(2) is Status.STALE
    with pytest.raises(Stale, match="phase before it"):
        run.run.approve(2, second.change_set, second.attempt, by=WHO)
    with pytest.raises(Refused, match="stale"):
        run.run.execute(2, by=WHO)


def test_p2_an_edit_outside_is_named_and_refused(repo: Repo, journey: Start) -> None:
    """A touched file that changed since the proposal voids the approval, by its path."""
    from clubos_tui.engine import views

    run = journey(agents.write("src/app.txt", "new\n")).propose()
    repo.write("src/app.txt", "my own words\n")
    run.run.note_outside(1, views.fingerprints(run.session, ["src/app.txt"]))
    phase = run.phase()
    with pytest.raises(Stale, match=r"src/app\.txt") as caught:
        run.run.approve(1, phase.change_set, phase.attempt, by=WHO)
    assert caught.value.paths == ("src/app.txt",)
    repo.write("src/app.txt", "one\ntwo\nthree\n")
    run.run.note_outside(1, views.fingerprints(run.session, ["src/app.txt"]))
    run.approve().execute()


def test_p2_a_sealed_subset_has_its_own_id_and_checks(repo: Repo, journey: Start) -> None:
    """Rejected files are absent, the rest has a new id, and that id is checked and applied."""
    run = journey(
        agents.all_of(
            agents.write("keep.txt", "keep\n"),
            agents.write("drop.txt", "drop\n"),
            agents.write("src/app.txt", "changed\n"),
        )
    ).propose()
    whole = run.phase().change_set
    run.run.decide_file(1, "drop.txt", "reject", by=WHO)
    run.run.decide_file(1, "src/app.txt", "reject", by=WHO)
    with pytest.raises(Refused, match="seal"):
        run.run.approve(1, whole, 1, by=WHO)
    run.run.seal(1, by=WHO)
    run.go()
    sealed = run.phase().change_set
    assert sealed != whole
    assert run.view.gates["proposal", sealed]
    with pytest.raises(Stale):
        run.run.approve(1, whole, 1, by=WHO)
    run.approve().execute()
    listing = repo.git("ls-tree", "-r", "--name-only", run.phase().branch).split("\n")
    assert "keep.txt" in listing
    assert "drop.txt" not in listing
    assert repo.git("show", f"{run.phase().branch}:src/app.txt") == "one\ntwo\nthree"


def test_p2_rejecting_a_file_that_became_a_folder_gives_the_file_back(journey: Start) -> None:
    """Sealing out both halves of a file that became a folder leaves the file as it was."""
    run = journey(
        agents.all_of(
            agents.delete("README.md"),
            agents.write("README.md/index.md", "x\n"),
            agents.write("keep.txt", "keep\n"),
        )
    ).propose()
    for row in run.phase().manifest:
        if "README" in row.path:
            run.run.decide_file(1, row.path, "reject", by=WHO)
    run.run.seal(1, by=WHO)
    run.go()
    assert [row.path for row in run.phase().manifest] == ["keep.txt"]
    run.approve().execute()


def test_an_empty_proposal_is_a_state_of_its_own(repo: Repo, journey: Start) -> None:
    """An agent that changes nothing leads to *empty*, and the next phase builds on the base."""
    run = journey(agents.nothing, agents.write("b.txt", "b\n"))
    run.propose(1)
    assert run.view.status(1) is Status.EMPTY
    run.live(2).merge()
    assert repo.read("b.txt") == b"b\n"


def test_an_agent_that_fails_leaves_the_run_open(repo: Repo, journey: Start) -> None:
    """The phase is failed with the agent's words, and can be proposed again."""
    before = manifest.manifest(repo.root)
    run = journey({"first": agents.write("a.txt", "a\n"), "second": agents.fail("no idea")})
    run.run.propose(1, by=WHO)
    run.settle()
    assert run.phase().state is Status.FAILED
    assert run.phase().error == "no idea"
    assert manifest.difference(before, manifest.manifest(repo.root)) == []
    run.edits["second"] = agents.write("b.txt", "b\n")
    run.live(1)


def test_no_phase_executes_before_the_one_before_it(journey: Start) -> None:
    """Approved or not, phase 2 waits until phase 1 is validated."""
    run = journey(agents.write("a.txt", "a\n"), agents.write("b.txt", "b\n"))
    run.propose(1).propose(2).approve(2)
    with pytest.raises(Refused, match="phase 1 is proposed, not valid"):
        run.run.execute(2, by=WHO)


def test_each_change_belongs_to_the_action_that_made_it(journey: Start) -> None:
    """The manifest names the action of each path; a path that came back is no change."""
    run = journey(
        {
            "one": agents.all_of(agents.write("a.txt", "a\n"), agents.write("gone.txt", "x\n")),
            "two": agents.all_of(agents.write("b.txt", "b\n"), agents.delete("gone.txt")),
        }
    ).propose()
    assert {row.path: row.action for row in run.phase().manifest} == {
        "a.txt": "one",
        "b.txt": "two",
    }
