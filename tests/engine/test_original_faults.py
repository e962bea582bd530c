"""Each fault of the original sketch (design, section 7) has a test here that would catch it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import agents, manifest, vaults
from support.cli import clubos, inside, small_plan
from support.journey import WHO, Journey
from support.kill import in_child
from support.repo import Repo

from clubos_tui.engine.state import Status
from clubos_tui.errors import GateClosed, Refused
from clubos_tui.plan import CheckSpec
from clubos_tui.planfile import built_in

Start = Callable[..., Journey]


def test_no_branch_is_checked_out_and_nothing_is_committed_in_the_persons_tree(
    repo: Repo, journey: Start
) -> None:
    """The sketch ran `git checkout -b` in the user's tree, also in a dry run."""
    head, log = repo.git("symbolic-ref", "HEAD"), repo.read(".git/logs/HEAD")
    run = journey(agents.write("a.txt", "a\n")).propose()
    assert repo.branches().keys() == {"main"}
    run.approve().execute()
    assert repo.git("symbolic-ref", "HEAD") == head
    assert repo.read(".git/logs/HEAD") == log
    assert not (repo.root / "a.txt").exists()


def test_unrelated_edits_are_not_swept_into_a_commit(repo: Repo, journey: Start) -> None:
    """The sketch's `git add .` committed the user's edits and its own backup files."""
    repo.mess()
    run = journey(agents.write("a.txt", "a\n")).live().merge()
    for commit in (run.phase().branch, "HEAD"):
        names = repo.git("diff", "--name-only", "--no-ext-diff", f"{commit}^1", commit).split("\n")
        assert names == ["a.txt"]
    assert list(repo.root.rglob("*backup*")) == []


def test_an_error_destroys_no_uncommitted_work(repo: Repo, journey: Start) -> None:
    """The sketch's `git reset --hard` threw it away, and left created files and the branch."""
    repo.mess()
    before, branches = manifest.checkout(repo.root), repo.branches()
    run = journey({"one": agents.write("a.txt", "a\n"), "two": agents.fail()})
    run.run.propose(1, by=WHO)
    run.settle()
    assert run.phase().state is Status.FAILED
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.branches() == branches
    run.edits["two"] = agents.write("src/app.txt", "x\n")
    run.propose().approve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "clubos_tui.engine.effects.execute._publish",
            lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        assert run.try_execute() is not None
    assert manifest.difference(before, manifest.checkout(repo.root)) == []
    assert repo.branches() == branches
    assert not Path(run.stage, "a.txt").exists()
    assert Path(run.stage, "src/app.txt").read_text() == "one\ntwo\nthree\n"


def test_backups_survive_the_process(repo: Repo, journey: Start, state: Path) -> None:
    """The sketch kept them in memory; ours are on disk before the first byte changes."""
    run = journey(agents.write("src/app.txt", "new\n")).live()
    total = in_child(run, lambda item: item.merge(), -1)
    assert total > 10
    run.open()  # the process that merged is gone
    backups = vaults.everything(state.glob("*/backups/*"))
    assert b"one\ntwo\nthree\n" in backups
    run.roll_back(1, close=True)
    assert repo.read("src/app.txt") == b"one\ntwo\nthree\n"


def test_every_kind_of_action_is_backed_up_whatever_its_name(repo: Repo, journey: Start) -> None:
    """The sketch backed up only actions named "Create" or "Generate"."""
    before = manifest.checkout(repo.root)
    run = journey(
        {
            "validate": agents.write("src/app.txt", "new\n"),
            "set-up": agents.delete("src/old.txt"),
            "build": agents.chmod("bin/run.sh", 0o644),
            "initialize": agents.rename("README.md", "docs/README.md"),
        }
    )
    run.live().merge().roll_back(1, close=True)
    assert manifest.difference(before, manifest.checkout(repo.root)) == []


def test_a_dry_run_makes_no_backup(repo: Repo, journey: Start, state: Path) -> None:
    """By an operator's precedence the sketch also backed up in dry runs."""
    journey(agents.write("src/app.txt", "new\n")).propose()
    assert list(state.glob("*/backups/*")) == []
    assert list(state.glob("*/transactions/*")) == []


def test_approval_comes_before_the_first_write(journey: Start) -> None:
    """The sketch asked after it had written."""
    run = journey(agents.write("a.txt", "a\n")).propose()
    with pytest.raises(Refused, match="not approved"):
        run.run.execute(1, by=WHO)
    assert not os.path.exists(run.stage)


def test_what_runs_live_is_what_was_reviewed(repo: Repo, journey: Start) -> None:
    """The sketch generated anew; here the agent is not asked again after the dry run."""
    asked: list[str] = []

    def different(folder: str) -> None:
        asked.append(folder)
        agents.write("a.txt", f"number {len(asked)}\n")(folder)

    run = journey(different).propose()
    run.reopen().approve().execute().merge()
    assert len(asked) == 1
    assert repo.read("a.txt") == b"number 1\n"


def test_a_phase_is_complete_when_it_was_validated_and_not_by_its_number(journey: Start) -> None:
    """In the sketch a phase counted as completed when its number was at most the current one."""
    run = journey(*(agents.write(f"{name}.txt", name) for name in "abc"))
    run.live(1)
    run.propose(2).approve(2).propose(3).approve(3)
    states = [str(run.view.status(number)) for number in (1, 2, 3)]
    assert states == ["validated", "approved", "approved"]
    with pytest.raises(Refused, match="phase 2 is approved, not validated"):
        run.run.execute(3, by=WHO)
    with pytest.raises(Refused, match="not validated"):
        run.run.merge(by=WHO)


@pytest.mark.parametrize("kind", ["no check at all", "unknown kind", "zero cases", "raises"])
def test_p7_a_missing_or_empty_validator_opens_no_gate(
    journey: Start, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the sketch a missing validator was an exception, and one that checks nothing a pass."""
    spec = CheckSpec("gate", "json", paths=("*.none",))
    if kind == "unknown kind":
        monkeypatch.setattr("clubos_tui.checks.KINDS", {})
    if kind == "raises":
        monkeypatch.setattr(
            "clubos_tui.checks.base.Subject.matching", lambda *_: (_ for _ in ()).throw(ValueError)
        )
    bare = kind == "no check at all"
    run = journey(
        agents.write("a.txt", "a\n"),
        check=() if bare else (spec,),
        plan_protected=() if bare else ("never/",),
    )
    run.propose()
    assert run.view.reviewable(1) is False
    with pytest.raises(GateClosed):
        run.approve()


def test_the_mode_is_said_once_and_unmistakably(repo: Repo) -> None:
    """The sketch printed "DRY RUN" and the variable one after the other."""
    plan = small_plan(repo)
    dry = clubos(repo, "run", "--plan", plan, env={"DRY_RUN": "true"})
    assert dry.out.count("DRY RUN") == 1
    assert "LIVE" not in dry.out
    assert inside(repo, "status").out.count("[DRY RUN]") == 1
    live = inside(repo, "run", "--live", "--phase", "1")
    assert "DRY RUN" not in live.out
    assert "[LIVE]" in inside(repo, "status").out


def test_auto_approve_is_read_in_one_place_for_all(repo: Repo) -> None:
    """In the sketch one part read it and the other did not."""
    plan = small_plan(repo)
    env = {"DRY_RUN": "false", "AUTO_APPROVE": "true"}
    assert inside(repo, "run", "--all", "--plan", plan, env=env).code == 0
    assert repo.read("two/1.txt") == b"two 1\n"
    assert inside(repo, "rollback", "--run", env=env).code == 0
    assert inside(repo, "undo", env=env).code == 0


def test_a_phase_that_can_not_be_taken_back_needs_its_name_typed(repo: Repo) -> None:
    """--yes is not enough, and without a terminal nobody can type."""
    plan = Path(small_plan(repo))
    plan.write_text(plan.read_text().replace(
        'name = "Second"', 'name = "Second"\nrollbackable = false'))  # fmt: skip
    said = inside(repo, "run", "--all", "--live", "--yes", "--plan", str(plan))
    assert said.code == 3
    assert "not rollbackable" in said.err
    assert not any("phase-2" in name for name in repo.branches())


def test_the_plan_of_the_sketch_is_all_there() -> None:
    """Five phases with their names and fifteen actions; the first needs no approval."""
    plan = built_in()
    assert [phase.name for phase in plan.phase] == [
        "Infrastructure Setup", "Database Schema", "Core Services", "AI Integration",
        "UI Components",
    ]  # fmt: skip
    assert [phase.required_approval for phase in plan.phase] == [False, True, True, True, True]
    assert [action.name for phase in plan.phase for action in phase.action] == [
        "Create directory structure", "Initialize git repository", "Create .env templates",
        "Generate migration files", "Create rollback scripts", "Validate schema",
        "Create TypeScript services", "Generate API routes", "Build authentication",
        "Create assistant configs", "Set up knowledge router", "Configure Claude engine",
        "Create React components", "Generate admin panels", "Build approval interfaces",
    ]  # fmt: skip
