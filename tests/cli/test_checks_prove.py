"""``clubos checks prove``: a check that can't fail is found out, before it opens a gate (P7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli import inside
from support.manifest import manifest
from support.repo import Repo

from clubos_tui.workspace.sandbox.box import program

PLAN = """\
name = "Checked"
protected = ["never/**"]
[[phase]]
name = "First"
[[phase.action]]
id = "one"
name = "Write one"
blueprint = "files"
"""
CHECK = """\
[[phase.check]]
name = "{name}"
kind = "{kind}"
paths = ["{path}"]
{more}
"""


@pytest.fixture
def proofs(repo: Repo, tmp_path: Path):
    """Return a function that makes a dry run with checks, and tries each of them."""

    def prove(*checks: str) -> tuple[int, dict[str, dict[str, str]]]:
        files = {"a.json": "{}\n", "a.txt": "fine\n", ".env.example": "A=1\n",
                 "x.ts": "import { y } from './y.js';\n", "y.ts": "export const y = 1;\n",
                 "1.up": "up\n", "1.down": "down\n"}  # fmt: skip
        for name, text in files.items():
            place = tmp_path / "plan" / "files" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        plan = tmp_path / "plan" / "plan.toml"
        plan.write_text(PLAN + "".join(checks))
        before = manifest(repo.root)
        assert inside(repo, "run", "--plan", str(plan)).code in {0, 4}
        said = inside(repo, "checks", "prove", "--json")
        assert manifest(repo.root) == before
        return said.code, {item["check"]: item for item in said.json["proofs"]}

    return prove


def check(kind: str, path: str, more: str = "", name: str = "") -> str:
    return CHECK.format(name=name or kind, kind=kind, path=path, more=more)


def test_p7_every_kind_finds_the_fault_that_is_planted_for_it(proofs) -> None:
    code, found = proofs(
        check("paths", "*.txt"), check("json", "*.json"), check("env", ".env.example"),
        check("pairs", "*.up", 'partner = ".down"'), check("imports", "*.ts"),
        check("secrets", "*.txt"), check("text", "a.txt", "pattern = 'fine'"),
    )  # fmt: skip
    assert code == 0
    assert {name: item["proved"] for name, item in found.items()} == dict.fromkeys(
        ["paths", "json", "env", "pairs", "imports", "secrets", "text", "protected paths",
         "tamper guard"], "caught",
    )  # fmt: skip
    assert "a.json" in found["json"]["detail"]


def test_p7_a_check_that_can_not_fail_is_found_out(proofs) -> None:
    code, found = proofs(
        check("text", "*.txt", "pattern = '.*'"), check("json", "*.jsonc", name="about nothing")
    )
    assert code == 4
    assert found["text"]["proved"] == "missed"
    assert found["about nothing"]["proved"] == "unproven"
    assert "does not pass as things are" in found["about nothing"]["detail"]


@pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
def test_p7_a_command_is_tried_on_the_plans_own_fault(proofs) -> None:
    command = 'command = "! grep -l wrong *.txt"\n'
    code, found = proofs(
        check("command", "*.txt", command, "without"),
        check("command", "*.txt", f'{command}canary = "b.txt"\ncanary_text = "wrong"', "with"),
        check("command", "*.txt", 'command = "true"\ncanary = "b.txt"', "blind"),
    )
    assert {name: item["proved"] for name, item in found.items()} == {
        "without": "unproven", "with": "caught", "blind": "missed", "protected paths": "caught",
        "tamper guard": "caught",
    }  # fmt: skip
    assert code == 4


def test_without_a_change_set_there_is_nothing_to_try_them_on(repo: Repo) -> None:
    inside(repo, "run", "--run-id", "r")
    said = inside(repo, "checks", "prove", "5")
    assert said.code == 2
    assert "Make a dry run first" in said.err
