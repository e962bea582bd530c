"""What an agent's commands leave that git ignores: named in the journal, in no change set."""

from __future__ import annotations

import os

import pytest
from support.agents import all_of, write
from support.manifest import manifest

from clubos_tui.engine import advance
from clubos_tui.engine.decide import RunAction
from clubos_tui.engine.effects import propose
from clubos_tui.engine.state import Status
from clubos_tui.events import ActionFinished, decode, encode

INSTALL = all_of(
    write("package.json", "{}\n"),
    write("node_modules/x/index.js", "1\n"),
    write(".env", "KEY=1\n"),
)


@pytest.fixture
def ignoring(repo):
    """A repository with rules."""
    repo.write(".gitignore", "node_modules/\n.env\n*.log\n")
    repo.write(".env.example", "KEY=\n")
    repo.commit("rules")
    return repo


def finished(run):
    return [r.event for r in run.run.journal.load() if isinstance(r.event, ActionFinished)]


def test_p12_it_is_named_with_its_count_and_in_no_change_set(ignoring, journey):
    run = journey(INSTALL).propose()
    (done,) = finished(run)
    assert (done.left_behind, done.left_count) == ((".env", "node_modules/"), 2)
    assert [row.path for row in run.phase().manifest] == ["package.json"]
    assert run.phase().left_behind == ((".env", "node_modules/"), 2)


def test_p1_a_dry_run_that_leaves_something_behind_touches_nothing(ignoring, journey):
    (ignoring.root / ".env").write_text("KEY=mine\n")
    ignoring.git("status")
    before = manifest(ignoring.root)
    journey(INSTALL).propose()
    assert manifest(ignoring.root) == before


def test_p12_an_env_that_is_not_ignored_fails_the_attempt(repo, journey):
    run = journey(write(".env", "KEY=1\n"))
    run.run.propose(1, by="Pat")
    run.go()
    assert run.phase().state is Status.FAILED
    assert "secret by its name" in run.phase().error


def test_the_next_action_finds_it_and_the_next_phase_does_not(ignoring, journey):
    seen = {}

    def use(name):
        def edit(folder):
            seen[name] = os.path.exists(os.path.join(folder, "node_modules/x/index.js"))
            write(f"{name}.txt", "1\n")(folder)

        return edit

    run = journey({"one": INSTALL, "two": use("two")}, use("three"))
    run.propose(1).approve(1).execute(1).propose(2)
    assert seen == {"two": True, "three": False}
    assert [done.left_count for done in finished(run)] == [2, 2, 0]


@pytest.mark.parametrize("where", ["between", "within"])
def test_p3_after_a_crash_within_an_action_it_is_gone(ignoring, journey, where):
    """Between two actions nothing is under way, so it is still there."""
    seen = []

    def second(folder):
        seen.append(os.path.exists(os.path.join(folder, "node_modules")))
        if len(seen) == 1 and where == "within":
            raise KeyboardInterrupt

    run = journey({"one": INSTALL, "two": second})
    run.run.propose(1, by="Pat")
    if where == "between":
        inner = propose.run_action

        async def one_only(context, step):
            if step.action == "two":
                raise KeyboardInterrupt
            await inner(context, step)

        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(advance._EFFECTS, RunAction, one_only)
            with pytest.raises(KeyboardInterrupt):
                run.settle()
    else:
        with pytest.raises(KeyboardInterrupt):
            run.settle()
    run.reopen().go()
    assert seen == ([True] if where == "between" else [True, False])


def test_a_revision_starts_without_it(ignoring, journey):
    run = journey(INSTALL).propose()
    phase = run.phase()
    run.run.reject(1, phase.change_set, phase.attempt, reason="again", by="Pat")
    seen = []
    run.edits["p1"] = lambda folder: seen.append(sorted(os.listdir(folder)))
    run.propose()
    assert seen
    assert not {".env", "node_modules"} & set(seen[0])


def test_very_many_are_named_in_part_and_counted_whole(ignoring, journey):
    logs = all_of(*(write(f"{number}.log", "1") for number in range(150)))
    run = journey(logs)
    run.run.propose(1, by="Pat")
    run.go()
    (done,) = finished(run)
    assert (len(done.left_behind), done.left_count) == (propose.NAMED, 150)
    assert run.phase().state is Status.EMPTY


def test_a_journal_from_before_is_read():
    tag, data = encode(ActionFinished(1, 1, "a", "success", "t"))
    assert "left" not in " ".join(data)
    assert decode(tag, data) == ActionFinished(1, 1, "a", "success", "t")
