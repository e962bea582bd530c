"""A rule about people by command: who may approve, what is lacking, exit code 3 until it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli import PLAN, Said, inside, small_plan
from support.repo import Repo

RULE = """\
[approvers]
named = ["Pat <pat@example.org>", "Sam <sam@example.org>", "Kim"]
count = 2
not_requester = true
"""
SAM = "Sam <sam@example.org>"


def plan_with(repo: Repo, rule: str) -> str:
    """Write the small plan with a rule; both phases need people."""
    file = Path(small_plan(repo))
    text = PLAN.replace("required_approval = false\n", "")
    head, _, phases = text.partition("\n[[phase]]")
    file.write_text(f"{head}\n{rule}\n[[phase]]{phases}")
    return str(file)


@pytest.fixture
def plan(repo: Repo) -> str:
    return plan_with(repo, RULE)


def phase(repo: Repo, number: int = 1) -> dict[str, object]:
    found: dict[str, object] = inside(repo, "status", "--json").json["phases"][number - 1]
    return found


def approve(repo: Repo, who: str, number: int = 1) -> Said:
    return inside(repo, "approve", str(number), "--id", str(phase(repo, number)["id"]), "--as", who)


def test_p10_approve_says_who_is_lacking_and_ends_with_3_for_who_may_not(
    repo: Repo, plan: str
) -> None:
    dry = inside(repo, "run", "--plan", plan)
    assert "Next: Review and approve phase 1: two people are needed" in dry.out
    assert f"Who may: {SAM}, Kim." in dry.out
    said = approve(repo, "Pat <pat@example.org>")
    assert said.code == 3
    assert "Pat <pat@example.org> asked for it" in said.err
    assert f"Who may: {SAM}, Kim." in said.err
    assert approve(repo, "Eve").code == 3
    said = approve(repo, SAM)
    assert said.code == 0
    assert said.out == "Phase 1 is approved by Sam; one more person is needed. Who may: Kim.\n"
    again = approve(repo, SAM)
    assert (again.code, "has approved it already" in again.err) == (3, True)
    now = phase(repo)
    assert (now["status"], now["approved_by"]) == ("proposed", None)
    assert now["approvals"] == [{"by": SAM, "how": "person"}]
    assert now["needs"] == {"people": 1, "named": ["Kim"], "not": [SAM, "Pat <pat@example.org>"]}
    text = inside(repo, "status").out
    assert "approved by Sam; one more person is needed. Who may: Kim." in text
    live = inside(repo, "run", "--live", "--phase", "1")
    assert live.code == 3
    assert "phase 1 is approved by Sam; one more person is needed" in live.err
    assert "Who may: Kim." in live.err
    said = approve(repo, "Kim")
    assert said.out.startswith(f"Phase 1 is approved by {SAM}, Kim: ")
    assert (phase(repo)["status"], phase(repo)["needs"]) == ("approved", None)
    assert inside(repo, "run", "--live", "--phase", "1").code == 0
    assert "approved by Sam, Kim" in inside(repo, "status").out
    log = inside(repo, "log").out
    assert f"info    phase 1 Approved by {SAM}, one more person is needed: " in log
    assert "success phase 1 Approved by Kim: " in log
    entries = [json.loads(line) for line in inside(repo, "log", "--json").out.splitlines()]
    assert [row["by"] for row in entries if row["type"] == "approved"] == [SAM, "Kim"]


def test_p10_yes_is_one_yes_and_stops_until_another_has_said_it(repo: Repo, plan: str) -> None:
    """The one who asked satisfies nothing; two others take the run to its merge between them."""
    everything = ["run", "--all", "--live", "--yes"]
    said = inside(repo, *everything, "--plan", plan)
    assert said.code == 3
    assert "asked for it" in said.err
    assert phase(repo)["approvals"] == []
    said = inside(repo, *everything, "--as", SAM)
    assert said.code == 3
    assert "phase 1 is approved by Sam; one more person is needed" in said.err
    assert "Who may: Kim." in said.err
    said = inside(repo, "run", "--live", "--all", "--as", "Sam S. <SAM@example.org>",
                  env={"AUTO_APPROVE": "true"})  # fmt: skip
    assert (said.code, "already" in said.err) == (3, True)
    said = inside(repo, *everything, "--as", "Kim")
    assert said.code == 3, "phase 2 was asked for by Kim just now"
    assert "Kim asked for it" in said.err
    assert "Who may: Pat <pat@example.org>, Sam" in said.err
    assert phase(repo)["status"] == "validated"
    assert inside(repo, *everything).code == 3
    assert inside(repo, *everything, "--as", SAM).code == 0
    assert repo.read("two/1.txt") == b"two 1\n"
    trailers = "--format=%(trailers:key=Approved-by,valueonly)"
    branches = [branch for branch in repo.branches() if branch.startswith("autogen/phase-2")]
    assert repo.git("log", "-1", trailers, *branches) == f"Pat <pat@example.org>\n{SAM}\n"


def test_p10_a_merged_tree_waits_for_the_second_person_too(repo: Repo, plan: str) -> None:
    assert inside(repo, "run", "--plan", plan, "--all").code == 0
    for number in (1, 2):
        for who in (SAM, "Kim"):
            assert approve(repo, who, number).code == 0
        assert inside(repo, "run", "--live", "--phase", str(number)).code == 0
    repo.write("theirs.txt", "x\n")
    moved = repo.commit("the target moves")
    said = inside(repo, "merge", "--yes", "--as", SAM)
    assert said.code == 3
    assert "needs its own yes; approved by Sam; one more person is needed" in said.err
    assert "Who may: Kim." in said.err
    waiting = inside(repo, "status", "--json").json
    assert waiting["merged_tree"]["approvals"] == [{"by": SAM, "how": "flag"}]
    assert waiting["merged_tree"]["needs"]["named"] == ["Kim"]
    assert "Next: Approve the merged tree: approved by Sam; one more" in inside(repo, "status").out
    assert inside(repo, "merge", "--yes").code == 3, "who asked for the last phase"
    assert repo.head == moved
    assert inside(repo, "merge", "--yes", "--as", "Kim").code == 0
    trailers = repo.git("log", "-1", "--format=%(trailers:key=Approved-by,valueonly)")
    assert trailers == f"{SAM}\nKim\n"
    told = inside(repo, "report").out.replace("\\", "")
    assert f"{SAM} approved the merged tree" in told
    assert "; one more person is needed." in told
    log = inside(repo, "log").out
    assert f"approved by {SAM}, one more person is needed\n" in log
    assert "approved by Kim\n" in log


def test_p10_an_override_ends_with_3_for_who_may_not(repo: Repo, plan: str) -> None:
    file = Path(plan)
    file.write_text(file.read_text().replace('["one/*.txt"]', '["none/*.txt"]'))
    said = inside(repo, "run", "--plan", plan)
    assert said.code == 4
    assert f"Who may: {SAM}, Kim." in said.err
    over = ["override", "1", "--check", "there", "--reason", "why"]
    said = inside(repo, *over)
    assert (said.code, "asked for it" in said.err) == (3, True)
    assert inside(repo, *over, "--as", "Kim").code == 0


def test_p9_the_report_says_the_rule_and_who_could_not_approve(repo: Repo, plan: str) -> None:
    inside(repo, "run", "--plan", plan)
    approve(repo, SAM)
    told = inside(repo, "report").out.replace("\\", "")
    for words in (
        "### Who may approve",
        "- **the plan asks for**: two different people, of Pat <pat@example.org>, Sam <sam",
        "Kim; not the one who asked for the dry run",
        "- **attempt 1**: Pat <pat@example.org> asked for it, and may not approve",
        "- **it is**: approved by Sam; one more person is needed",
        "- **after it**: one more person is needed",
    ):
        assert words in told, words


def test_without_a_rule_nothing_speaks_of_one(repo: Repo) -> None:
    inside(repo, "run", "--plan", small_plan(repo), "--all")
    assert "Who may approve" not in inside(repo, "report").out
    assert "needed" not in inside(repo, "status").out
    assert phase(repo)["needs"] is None, "the plan approves it"
    assert phase(repo, 2)["needs"] == {"people": 1, "named": None, "not": []}
    said = approve(repo, "Anyone", 2)
    assert said.out == f"Phase 2 is approved: {phase(repo, 2)['id']}\n"
