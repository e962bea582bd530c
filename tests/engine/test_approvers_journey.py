"""The rule about people in a real repository: its trailers, and a phase that edits its own rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import agents
from support.agents import all_of, write
from support.journey import WHO, Journey
from support.repo import Repo

from clubos_tui.checks.guard import TAMPER
from clubos_tui.engine.driver import Driver
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import Status
from clubos_tui.errors import GateClosed, NeedsPerson, Refused
from clubos_tui.plan import Approvers

SAM, KIM = "Sam <sam@example.org>", "Kim"
RULE = Approvers((WHO, SAM, KIM), 2, not_requester=True)


def approved_by(repo: Repo, commit: str) -> list[str]:
    """Return who approved a commit, as git itself reads it."""
    said = repo.git("log", "-1", "--format=%(trailers:key=Approved-by,valueonly)", commit)
    return said.split("\n")[:-1]


def test_p9_a_commit_names_each_person_who_approved_it(
    repo: Repo, journey: Callable[..., Journey]
) -> None:
    run = journey(write("new.txt", "x\n"), approvers=RULE).propose()
    run.approve(by=SAM)
    with pytest.raises(Refused, match="approved by Sam; one more person is needed"):
        run.run.execute(1, by=WHO)
    run.approve(by=KIM).execute()
    assert approved_by(repo, run.phase().branch) == [SAM, KIM]
    assert repo.tree(run.phase().branch) == run.phase().change_set
    repo.write("other.txt", "theirs\n")
    repo.commit("the target moves")
    run.run.merge(by=WHO)
    run.go()
    prepared = run.view.merge.prepared
    assert prepared
    assert prepared.moved
    run.run.approve_merge(prepared.tree, by=KIM)
    run.go()
    assert run.view.ending is None
    with pytest.raises(NeedsPerson, match="asked for it"):
        run.run.approve_merge(prepared.tree, by=WHO)
    run.run.approve_merge(prepared.tree, by=SAM)
    run.go()
    assert run.view.ending == "merged"
    assert approved_by(repo, "HEAD") == [KIM, SAM]
    assert repo.tree("HEAD") == prepared.tree


def test_p9_without_a_rule_the_trailer_is_as_it_was(
    repo: Repo, journey: Callable[..., Journey]
) -> None:
    run = journey(write("new.txt", "x\n"), required_approval=False).propose().execute()
    assert approved_by(repo, run.phase().branch) == [f"{WHO} (by plan)"]


PLAN = """\
name = "Small"
agent = "scripted"
protected = ["never/"]
[approvers]
named = ["Pat <pat@example.org>", "Sam <sam@example.org>", "Kim"]
count = 2
not_requester = true
[[phase]]
name = "One"
[[phase.action]]
id = "p1"
name = "weaken"
[[phase]]
name = "Two"
[[phase.action]]
id = "p2"
name = "go on"
"""
WEAKER = PLAN.replace("count = 2", "count = 1").replace("true", "false").replace('"Kim"', '"Eve"')


class FromFile(Journey):
    """A run of the plan that is committed in the repository."""

    def __init__(self, repo: Repo, **edits: agents.Edit) -> None:
        self.repo, self.edits = repo, edits
        self.session = Session.open(repo.path, self.agents)
        self.plan, source = self.session.plan()
        self.run = self.session.start(self.plan, source, by=WHO)
        self.driver = Driver(self.session, self.run)
        self.driver.require()


def test_p7_a_phase_that_edits_the_rule_changes_nothing_in_its_run_and_is_seen(repo: Repo) -> None:
    """The rule is the one of the run's start; its edit needs a yes of its own, from who may."""
    repo.write("clubos.toml", PLAN)
    repo.commit("a plan")
    weaken = all_of(write("new.txt", "x\n"), write("clubos.toml", WEAKER))
    run = FromFile(repo, p1=weaken, p2=write("more.txt", "y\n")).propose()
    (guard,) = run.view.closed_checks("proposal", run.phase().change_set)
    assert (guard.check, guard.outcome) == (TAMPER, "failed")
    assert "clubos.toml: modify" in guard.evidence[0]
    with pytest.raises(GateClosed):
        run.approve(by=SAM)
    for who in (WHO, "Eve"):  # who asked for it, and whom only the weaker rule would name
        with pytest.raises(NeedsPerson):
            run.run.override(1, TAMPER, reason="it grew", by=who)
    run.run.override(1, TAMPER, reason="it grew", by=SAM)
    run.go()
    run.approve(by=SAM)
    assert run.view.status(1) is Status.PROPOSED, "the weaker rule would have been content"
    with pytest.raises(NeedsPerson, match="the plan names"):
        run.approve(by="Eve")
    run.approve(by=KIM).execute()
    assert b"count = 1" in (repo.root / run.stage / "clubos.toml").read_bytes()
    run.reopen()
    assert [phase.rule for phase in run.view.phases] == [RULE, RULE]
    run.propose(2).approve(2, by=SAM)
    with pytest.raises(NeedsPerson, match="asked for it"):
        run.approve(2, by=WHO)
    assert run.view.status(2) is Status.PROPOSED
    run.close()
