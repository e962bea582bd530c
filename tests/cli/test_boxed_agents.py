"""Agents that are programs of their own: through every step, with what they need and ask for."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import support
from support.cli import inside
from support.manifest import manifest
from support.repo import Repo

import clubos_tui
from clubos_tui.workspace.sandbox.box import program

pytestmark = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
SCRIPTS = Path(support.__file__).parent
BLUEPRINT = Path(clubos_tui.__file__).parent / "plans" / "clubos_v2" / "blueprint"
PLAN = """\
name = "Boxed"
agent = {{ {kind} = "{command}" }}
{needs}
[[phase]]
name = "First"
[[phase.action]]
id = "one"
name = "Write one"
[[phase.check]]
name = "there"
kind = "paths"
paths = ["*.txt"]
"""


def script(repo: Repo, name: str) -> str:
    """Put a script into the repository, and return the command line that runs it."""
    repo.write("tools/agent.py", (SCRIPTS / f"{name}.py").read_text())
    return f"{sys.executable} tools/agent.py"


def plan(repo: Repo, command: str, *, kind: str = "acp", needs: str = "") -> None:
    repo.write("clubos.toml", PLAN.format(kind=kind, command=command, needs=needs))
    repo.commit("a plan")


@pytest.fixture
def with_blueprint(repo: Repo) -> str:
    """Return the command line of an agent that can carry out the built-in plan."""
    command = script(repo, "acp_blueprint")
    shutil.copytree(BLUEPRINT, repo.root / "tools" / "blueprint")
    repo.git("add", "-f", ".")
    repo.commit("an agent")
    return command


@pytest.mark.parametrize("kind", ["shell", "acp"])
def test_the_built_in_plan_goes_all_the_way_and_back(
    repo: Repo, with_blueprint: str, kind: str
) -> None:
    agent = f"shell:{with_blueprint} --shell" if kind == "shell" else f"acp:{with_blueprint}"
    before = manifest(repo.root)
    dry = inside(repo, "run", "--all", "--agent", agent)
    if kind == "acp":  # it asks in each phase, and nobody assumes yes (P10)
        for number in range(1, 6):
            assert dry.code == 3, dry.err
            asked = inside(repo, "answer", str(number), "--json").json["questions"]
            assert [item["detail"] for item in asked] == ["cp -r tools/blueprint ."]
            answer = ("--id", asked[0]["id"], "--allow", "--alike")
            assert inside(repo, "answer", str(number), *answer).code == 0
            dry = inside(repo, "run", "--all")
    assert dry.code == 0, dry.err
    assert manifest(repo.root) == before, "P1: a dry run touches nothing"
    pending = inside(repo, "diff", "5", "--json").json
    assert pending["files"]
    live = inside(repo, "run", "--all", "--live", "--yes")
    assert live.code == 0, live.err
    status = inside(repo, "status", "--json").json
    assert {phase["status"] for phase in status["phases"]} == {"merged"}
    assert (repo.root / "clubos" / "package.json").exists()
    assert inside(repo, "verify").code == 0
    assert inside(repo, "rollback", "--run", "--yes").code == 0
    assert not (repo.root / "clubos").exists()


def test_p10_a_question_stops_a_run_without_a_person(repo: Repo) -> None:
    plan(repo, script(repo, "acp_fault") + " permission")
    said = inside(repo, "run")
    assert said.code == 3
    assert "the agent asks: Run the tests" in said.err
    question = inside(repo, "answer", "1", "--json").json["questions"][0]
    assert question["detail"] == "npm test"
    assert f"clubos answer 1 --id {question['id']} --allow" in said.err
    assert inside(repo, "run").code == 3, "and again, until it is answered"
    assert inside(repo, "answer", "1", "--id", question["id"], "--deny").code == 0
    twice = inside(repo, "answer", "1", "--id", question["id"], "--allow")
    assert twice.code != 0, "the first answer counts"
    assert "somebody has answered it" in twice.err
    done = inside(repo, "run")
    assert done.code in {0, 4}, done.err
    log = inside(repo, "log").out
    assert "The agent asks: Run the tests" in log
    assert "denied what the agent asked" in log


def test_p8_the_network_that_a_plan_gives_needs_a_yes_too(repo: Repo) -> None:
    plan(repo, "grep -c : /proc/net/dev > a.txt", kind="shell")
    text = (repo.root / "clubos.toml").read_text()
    repo.write("clubos.toml", text.replace('name = "First"', 'name = "First"\nnetwork = true'))
    repo.commit("with a network")
    refused = inside(repo, "run")
    assert refused.code == 3
    assert "needs the network, and nobody has said yes" in refused.err
    assert inside(repo, "run", "--admit").code == 0
    assert "in its box" not in inside(repo, "diff", "1").out


NEEDS = '[needs]\nvariables = ["AGENT_KEY"]\nhome = [".agent/auth.json"]\n'
KEY = "not-like-any-key-0123"
TOKEN = "nor-like-any-token-4567"


@pytest.mark.parametrize(
    ("file", "text"),
    [(".goose/secrets.yaml", f"OPENROUTER_API_KEY: {TOKEN}\nother: 1\n"),
     (".codex/config.toml", f'[a]\nmy_token = "{TOKEN}"\n'),
     (".x/auth.json", f'{{"deep": [{{"refresh_token": "{TOKEN}"}}]}}')],
)  # fmt: skip
def test_p12_a_token_is_redacted_whatever_the_form_of_its_file(
    repo: Repo, home: Path, tmp_path: Path, file: str, text: str
) -> None:
    (home / file).parent.mkdir()
    (home / file).write_text(text)
    plan(repo, f"cat ~/{file}", kind="shell", needs=f'needs = {{ home = ["{file}"] }}\n')
    assert inside(repo, "run", "--admit").code in {0, 4}
    found = [
        path for path in tmp_path.rglob("*")
        if path.is_file() and path != home / file and TOKEN.encode() in path.read_bytes()
    ]  # fmt: skip
    assert found == []


@pytest.mark.parametrize("kind", ["shell", "acp"])
def test_p12_what_an_agent_needs_is_given_after_a_yes_and_never_written_down(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    home = tmp_path / "home"
    (home / ".agent").mkdir(parents=True)
    (home / ".agent" / "auth.json").write_text(f'{{"token": "{TOKEN}"}}')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AGENT_KEY", KEY)
    if kind == "shell":
        command = "echo $AGENT_KEY; cat ~/.agent/auth.json; echo ${#AGENT_KEY} > a.txt"
    else:
        command = script(repo, "acp_fault") + " secrets"
    plan(repo, command, kind=kind, needs=NEEDS)
    said = inside(repo, "run", "--explain")
    assert "AGENT_KEY" in said.out
    refused = inside(repo, "run")
    assert refused.code == 3
    assert "needs variables AGENT_KEY; files ~/.agent/auth.json" in refused.err
    assert "clubos run --admit" in refused.err
    done = inside(repo, "run", "--admit")
    assert done.code == 0, done.err
    diff = inside(repo, "diff", "1").out
    assert f"+{len(KEY)}" in diff
    found = [
        str(path) for path in tmp_path.rglob("*")
        if path.is_file() and path.parent.name != ".agent"
        and any(word in path.read_bytes() for word in (KEY.encode(), TOKEN.encode()))
    ]  # fmt: skip
    assert found == [], "neither in the journal nor in a stream"
    assert "gives" in inside(repo, "log").out
