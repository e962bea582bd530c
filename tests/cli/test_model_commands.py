"""``run --explain``, ``limit``, ``recording`` and the flags of a model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.cli import inside, small_plan
from support.model_server import served
from support.repo import Repo
from support.scripted_model import ScriptedModel, call, finish

KEY = "sk-test-0123456789-explain"
PLAN = """\
name = "Model"
agent = "claude"
budget = {{ turns = {turns} }}
model = {{ base_url = "{url}", name = "claude-opus-5-5" }}
[[phase]]
name = "First"
[[phase.action]]
id = "one"
name = "Write one"
prompt = "Write the first file."
[[phase.check]]
name = "there"
kind = "paths"
paths = ["one.txt"]
"""


@pytest.fixture(autouse=True)
def own(key: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def test_a_blueprint_sends_nothing(repo: Repo) -> None:
    said = inside(repo, "run", "--explain")
    assert said.code == 0
    assert "blueprint: sends nothing to anyone" in said.out
    assert "no run yet" in inside(repo, "status").out


def test_p12_what_would_be_sent_is_said_and_nothing_is(repo: Repo, tmp_path: Path) -> None:
    repo.write(".env", "TOKEN=secret-value\n")
    repo.commit("a secret")
    with served() as server:
        arguments = ("run", "--explain", "--agent", "claude", "--base-url", server.url,
                     "--model", "claude-sonnet-5-5", "--effort", "high")  # fmt: skip
        said = inside(repo, *arguments)
        found = inside(repo, *arguments, "--json").json
        assert server.asked == []
    assert said.code == 0, said.err
    for words in (server.url, "claude-sonnet-5-5", "effort high", "from ANTHROPIC_API_KEY",
                  "$2 in, $10 out", "withheld  1 by name", ".env", "read_file", "$5.00",
                  "Create the folders of ClubOS V2"):  # fmt: skip
        assert words in said.out, words
    assert KEY not in said.out + json.dumps(found)
    assert "secret-value" not in said.out
    assert found["withheld"] == [".env"]
    assert found["files"] == len(repo.git("ls-files").splitlines()) - 1
    assert "no run yet" in inside(repo, "status").out


def test_without_a_key_the_preview_says_what_to_set(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert "set ANTHROPIC_API_KEY" in inside(repo, "run", "--explain", "--agent", "claude").out


def test_a_preview_of_a_phase_that_is_not_there(repo: Repo) -> None:
    assert inside(repo, "run", "--explain", "--phase", "9").code == 2


def test_a_limit_holds_headless_and_is_raised(repo: Repo, tmp_path: Path) -> None:
    """P10: what a person has to decide is exit code 3, and the cure is a command."""
    file = tmp_path / "plan.toml"
    with served() as server:
        server.answer = model = ScriptedModel(
            {"one": [[call("write_file", path="one.txt", content="1\n")], [finish("there")]]}
        )
        file.write_text(PLAN.format(url=server.url, turns=1))
        held = inside(repo, "run", "--plan", str(file))
        assert held.code == 3
        assert "phase 1 is held" in held.err
        assert "`clubos limit --run`" in held.err
        assert "held" in inside(repo, "status").out
        assert "limit of 1 turn" in inside(repo, "status").out
        assert inside(repo, "run").code == 3
        assert len(model.asked) == 1
        said = inside(repo, "limit", "--run", "--turns", "5")
        assert "at most 5 turns; used 1 turn" in said.out
        done = inside(repo, "run")
        assert done.code == 0, done.err
        assert len(model.asked) == 2
        used = inside(repo, "status", "--json").json["phases"][0]["used"]
        assert used["tokens"] == 2400
        assert used["microcents"] == 1_600_000
        shown = inside(repo, "limit", "1", "--json").json
        assert shown["limits"] == [{"scope": "run", "unit": "turns", "most": 5, "used": 2}]


def test_a_wait_is_printed_headless(repo: Repo, tmp_path: Path) -> None:
    from support.model_server import Reply

    file = tmp_path / "plan.toml"
    with served() as server:
        limited = Reply.error(429, "rate_limit_error", "slower, please")
        server.answer = ScriptedModel(
            {"one": [limited, [call("write_file", path="one.txt", content="1\n")], [finish("ok")]]}
        )
        file.write_text(PLAN.format(url=server.url, turns=9))
        said = inside(repo, "run", "--plan", str(file))
    assert said.code == 0, said.err
    assert "try 2 in" in said.out
    assert "slower, please" in said.out
    assert "Answer 3: " in said.out


@pytest.mark.parametrize(
    "arguments", [("--dollars", "abc"), ("--dollars", "nan"), ("--tokens", "-1")]
)
def test_a_limit_that_is_none_changes_nothing(repo: Repo, arguments: tuple[str, ...]) -> None:
    plan = small_plan(repo)
    inside(repo, "run", "--plan", plan)
    before = inside(repo, "limit", "--json").out
    assert inside(repo, "limit", *arguments).code in {2, 7}
    assert inside(repo, "limit", "--json").out == before


def test_limits_and_recordings_need_a_run(repo: Repo) -> None:
    assert inside(repo, "limit").code == 2
    assert inside(repo, "recording").code == 2
    inside(repo, "run", "--plan", small_plan(repo))
    said = inside(repo, "recording")
    assert said.code == 2
    assert "asked no model" in said.err
    assert "at most $20.00" in inside(repo, "limit").out


def test_p12_a_recording_is_given_away_without_keys(repo: Repo, tmp_path: Path) -> None:
    secret = "sk-ant-abcdefghijklmnopqrstuvwxyz"
    file, out = tmp_path / "plan.toml", tmp_path / "run.jsonl"
    with served() as server:
        server.answer = ScriptedModel(
            {"one": [[call("write_file", path="one.txt", content=f"key = {secret}\n")],
                     [finish("there")]]}
        )  # fmt: skip
        file.write_text(PLAN.format(url=server.url, turns=9))
        inside(repo, "run", "--plan", str(file))
    assert inside(repo, "recording", str(out)).code == 0
    text = out.read_text()
    assert secret not in text
    assert "[redacted]" in text
    assert len(text.splitlines()) == 2
    assert inside(repo, "recording").out == text
    assert inside(repo, "recording", str(out)).code == 1, "nothing is overwritten"
    assert out.read_text() == text


def test_flags_of_a_model_are_for_a_new_run(repo: Repo) -> None:
    assert inside(repo, "run", "--effort", "silly").code == 2
    assert inside(repo, "run", "--plan", small_plan(repo), "--model", "m").code == 0
    assert inside(repo, "run", "--model", "m").code == 0
    said = inside(repo, "run", "--model", "other")
    assert said.code == 2
    assert "open with another model" in said.err
    assert "open with another agent" in inside(repo, "run", "--agent", "claude").err


def test_doctor_says_whether_there_is_a_key(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    def claude() -> dict[str, object]:
        parts = inside(repo, "doctor", "--json").json["parts"]
        return next(part for part in parts if part["name"] == "claude")

    assert claude()["found"] is True
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert claude()["found"] is False
    assert "ANTHROPIC_API_KEY" in str(claude()["cure"])
    assert KEY not in json.dumps(os.environ.get("ANTHROPIC_API_KEY", ""))
