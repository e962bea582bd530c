"""A rule about people at the keyboard: what is lacking is shown, and another can finish it."""

import dataclasses

import pytest
from dashboard_kit import board, git, make_plan, make_repository

from clubos_tui.plan import Approvers
from clubos_tui.ui.screens import ask

BEN, CLEO = "Ben <ben@example.org>", "Cleo"
TWO = Approvers(count=2)
RULE = Approvers(("Ada", BEN, CLEO), 2, not_requester=True)


@pytest.fixture
def place(tmp_path):
    return make_repository(tmp_path / "repo")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """These tests are not about type-ahead, and need not wait for it."""
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


def plan_of(tmp_path, rule, **options):
    return dataclasses.replace(make_plan(tmp_path / "home", **options), approvers=rule)


async def test_p2_p10_a_second_person_finishes_it_from_another_dashboard(place, tmp_path):
    """Both look at the same run; the one who approved sees the other's yes come."""
    size = 80, 24
    plan = plan_of(tmp_path, TWO, names=("Setup",))
    async with board(place, plan, size=size) as ada:
        await ada.says("needs 2 people")
        await ada.press("d")
        await ada.phase(1, "proposed")
        await ada.until(lambda: "two people are needed" in ada.next.step.words)
        await ada.press("y")
        await ada.dialog("Approval")
        assert "the plan asks for two different people" in ada.text()
        assert "two people are needed" in ada.text()
        await ada.press("y")
        await ada.no_dialog()
        await ada.says("approved by Ada; one more person is needed")
        await ada.says("1 of 2 yes")
        assert ada.view.status(1).value == "proposed"
        await ada.press("y")
        await ada.dialog("Approval")
        assert "You can't approve it: Ada has approved it already" in ada.text()
        assert ada.app.screen.query_one("#approve").disabled
        await ada.press("y", "a")
        await ada.pilot.pause(0.05)
        assert type(ada.app.screen).__name__ == "Approval"
        await ada.press("escape")
        await ada.no_dialog()
        async with board(place, plan, size=size, who=BEN) as ben:
            await ben.says("approved by Ada; one more person is needed")
            await ben.press("y")
            await ben.dialog("Approval")
            assert "Ada has approved it" in ben.text()
            assert "one more person is needed. Who may: anyone but Ada." in ben.text()
            assert not ben.app.screen.query_one("#approve").disabled
            await ben.press("y")
            await ben.phase(1, "approved")
            assert [one.by for one in ben.view.phase(1).approvals] == ["Ada", BEN]
        await ada.phase(1, "approved")
        await ada.until(lambda: ada.next.step.words == "Go LIVE, to execute phase 1")


async def test_p10_who_asked_for_it_can_look_and_reject_and_not_approve(place, tmp_path):
    async with board(place, plan_of(tmp_path, RULE, names=("Setup",))) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.until(lambda: b.next.step.words.startswith("Review and approve"))
        await b.press("n")
        await b.dialog("Approval")
        assert "You can't approve it: Ada asked for it" in b.text()
        assert "two people are needed. Who may: Ben <ben@example.org>, Cleo." in b.text()
        assert b.app.screen.query_one("#approve").disabled
        await b.press("r")
        await b.dialog("Note")
        await b.press(*"no", "enter")
        await b.phase(1, "rejected")
        assert b.view.phase(1).approvals == ()


async def test_p10_an_override_names_who_may_and_takes_no_other(place, tmp_path):
    async with board(place, plan_of(tmp_path, RULE, at_least=99)) as b:
        await b.press("d")
        await b.phase(1, "proposed")
        await b.press("o")
        await b.dialog("Override")
        assert "Who may: Ben <ben@example.org>, Cleo." in b.text()
        await b.press(*"Ada", "enter", *"known", "enter")
        await b.no_dialog()
        await b.until(lambda: b.problem and "Ada asked for it" in b.problem.what)
        assert b.view.overridden == {}
        await b.press("o")
        await b.dialog("Override")
        await b.press(*CLEO, "enter", *"known", "enter")
        await b.until(lambda: b.view.reviewable(1))
        assert [said.by for said in b.view.overridden.values()] == [CLEO]


async def test_p10_a_merged_tree_says_who_is_lacking(place, tmp_path):
    plan = plan_of(tmp_path, TWO, names=("Setup",))
    async with board(place, plan, live=True) as ada:
        await ada.press("d")
        await ada.phase(1, "proposed")
        run, phase = ada.dashboard.presenter.bridge.run, ada.view.phase(1)
        for who in (BEN, CLEO):
            run.approve(1, phase.change_set, phase.attempt, by=who)
        run.execute(1, by="Ada")
        await ada.phase(1, "validated")
        git(place, "commit", "--allow-empty", "--quiet", "--message=theirs")
        run.merge(by="Ada")
        await ada.until(lambda: ada.view.merge_waits)
        await ada.says("Approve the merged tree: two people are needed")
        await ada.press("n")
        await ada.dialog("Approval")
        await ada.press("y")
        await ada.says("approved by Ada; one more person is needed")
        await ada.press("n")
        await ada.dialog("Approval")
        assert "You can't approve it: Ada has approved it already" in ada.text()
        await ada.press("escape")
        await ada.no_dialog()
        run.approve_merge(ada.view.merge.prepared.tree, by=BEN)
        await ada.until(lambda: ada.view.ending == "merged")
    said = git(place, "log", "-1", "--format=%(trailers:key=Approved-by,valueonly)")
    assert said.split("\n")[:2] == ["Ada", BEN]
