"""``clubos checks show`` and ``run``, and the evidence as JSON and JUnit XML for other programs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support.cli import inside
from support.repo import Repo

from clubos_tui.checks.reports import junit
from clubos_tui.workspace.sandbox.box import program

PLAN = """
name = "Evidence"
[[phase]]
name = "Only"
[[phase.action]]
id = "only"
name = "Write"
blueprint = "files"
[[phase.check]]
name = "a file"
kind = "paths"
paths = ["a.txt"]
[[phase.check]]
name = "says \\u0001fine"
kind = "text"
paths = ["a.txt"]
pattern = "fine"
[[phase.check]]
name = "no tool"
kind = "command"
command = "no-such-tool"
paths = ["a.txt"]
if_available = true
"""
COMMAND = """
[[phase.check]]
name = "tests"
kind = "command"
command = "sh check.sh"
evidence = "count"
pattern = '^(\\d+) cases'
"""


@pytest.fixture
def planned(repo: Repo, tmp_path: Path):
    """Return a function that makes a dry run of a plan with these files."""

    def dry(files: dict[str, str], more: str = "", *options: str):
        for name, text in files.items():
            place = tmp_path / "plan" / "files" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        plan = tmp_path / "plan" / "plan.toml"
        plan.write_text(PLAN + more)
        return inside(repo, "run", "--plan", str(plan), *options)

    return dry


def test_p7_a_shut_gate_is_exit_code_4_with_the_evidence(repo, planned, tmp_path) -> None:
    report = tmp_path / "report.xml"
    said = planned({"a.txt": "wrong\n"}, "", "--json", "--junit", str(report))
    assert said.code == 4
    [check] = said.json["checks"]
    assert (check["check"], check["outcome"]) == ("says \x01fine", "failed")
    assert check["evidence"] == ["a.txt does not contain /fine/"]
    root = ET.parse(report).getroot()
    [suite] = root
    tags = {case.get("name"): case[0].tag for case in suite}
    assert tags == {
        "a file": "system-out", "says \N{REPLACEMENT CHARACTER}fine": "failure",
        "no tool": "skipped", "tamper guard": "system-out", "undo": "system-out",
    }  # fmt: skip
    assert (suite.get("tests"), suite.get("failures")) == ("5", "1")
    counted = junit(report.read_bytes())
    assert (counted.cases, len(counted.faults)) == (4, 1)


def test_what_they_came_to_is_shown_with_what_it_is_worth(repo, planned) -> None:
    assert planned({"a.txt": "fine\n"}).code == 0
    said = inside(repo, "checks", "show")
    assert said.code == 0
    rows = said.out.splitlines()
    assert rows[0].startswith("phase 1, proposal ")
    assert rows[0].endswith(": gate open")
    assert "  passed   a file: files: 1 looked at, none wrong" in said.out
    assert "if available: where it can't be carried out, no gate waits for it" in said.out
    assert "  not run  no tool: " in said.out
    assert "  undo proven: 3 paths identical" in said.out
    assert "\x01" not in said.out
    found = inside(repo, "checks", "show", "1", "--json").json["evidence"]
    assert [(item["scope"], item["gate"]) for item in found] == [("proposal", "open")]
    proved = {check["check"]: check["proved"] for check in found[0]["checks"]}
    assert proved["a file"] is True
    assert proved["no tool"] is False


def test_nothing_to_show_is_said(repo) -> None:
    said = inside(repo, "checks", "show")
    assert said.code == 2
    assert "there is no run" in said.err


@pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
def test_p7_a_phase_that_changes_its_judge_is_asked_about_that_apart(repo, planned) -> None:
    """Only an override with a name and a reason lets it be judged by what it adds."""
    repo.write("check.sh", 'echo "$(ls .ci | wc -l) cases"\n')
    repo.write(".ci/one", "")
    repo.commit("a check")
    files = {"a.txt": "fine\n", ".ci/two": "x\n"}
    assert planned(files, COMMAND).code == 4
    said = inside(repo, "run", "--live", "--yes")
    assert said.code == 4
    assert "tamper guard: failed: 1 changed paths judge this phase" in said.err
    assert ".ci/two: create (it configures checks, tests or CI)" in said.err
    shown = inside(repo, "checks", "show", "--json").json["evidence"][0]["checks"]
    [tests] = [check for check in shown if check["check"] == "tests"]
    assert (tests["cases"], tests["from_base"]) == (1, [".ci/two"])
    over = inside(repo, "override", "1", "--check", "tamper guard", "--reason", "it grew")
    assert over.code == 0
    assert inside(repo, "run", "--live", "--yes").code == 0
    shown = inside(repo, "checks", "show", "--json").json["evidence"]
    [tests] = [check for check in shown[-1]["checks"] if check["check"] == "tests"]
    assert (tests["cases"], tests["from_base"]) == (2, [])


@pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
def test_one_check_is_carried_out_again(repo, planned, tmp_path) -> None:
    repo.write("check.sh", "echo 2 cases\n")
    repo.commit("a check")
    assert planned({"a.txt": "fine\n"}, COMMAND).code == 0
    report = tmp_path / "again.xml"
    said = inside(repo, "checks", "run", "1", "--check", "tests", "--junit", str(report), "--json")
    assert said.code == 0
    assert [check["check"] for check in said.json["evidence"][0]["checks"]][3] == "tests"
    assert report.read_bytes().count(b"<testcase") == 6
    wrong = inside(repo, "checks", "run", "1", "--check", "no such")
    assert wrong.code == 7
    assert "phase 1 has no check 'no such'" in wrong.err
