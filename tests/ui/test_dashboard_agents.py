"""An agent of one's own on the screen: what it needs, what it asks for, and a person's answers."""

import sys
from pathlib import Path

import pytest
import support
from dashboard_kit import board, git, make_repository

from clubos_tui.plan import Action, CheckSpec, Needs, Phase, Plan
from clubos_tui.ui.screens import ask
from clubos_tui.workspace.sandbox.box import program

pytestmark = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
SCRIPTS = Path(support.__file__).parent


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ask, "ARM_SECONDS", 0.0)
    monkeypatch.setattr(ask, "AGAIN_SECONDS", 0.0)


@pytest.fixture
def place(home, tmp_path):
    folder = make_repository(tmp_path / "repo")
    (folder / "agent.py").write_text((SCRIPTS / "acp_fault.py").read_text())
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=an agent")
    return folder


def plan(fault, needs=None):
    check = CheckSpec("files there", "paths", ("*.txt",))
    phase = Phase("First", action=(Action("one", "One"),), check=(check,))
    agent = f"acp:{sys.executable} agent.py {fault}"
    return Plan("Boxed", agent=agent, needs=needs or Needs(), phase=(phase,))


@pytest.mark.parametrize(("key", "outcome"), [("y", "allow_once"), ("r", "reject_once")])
async def test_a_question_is_shown_whole_and_answered(place, key, outcome):
    async with board(place, plan("permission")) as b:
        await b.press("n")
        await b.says("The agent asks: Run the tests")
        await b.press("n")
        await b.dialog("Permission")
        for words in ("It wants to run a command", "npm test", "it has no network"):
            await b.says(words)
        await b.press("escape")
        await b.no_dialog()
        assert b.view.phase(1).permissions.open, "later is no answer"
        await b.press("p")
        await b.dialog("Permission")
        await b.press(key)
        await b.no_dialog()
        await b.says(f"o-{outcome}")
        await b.phase(1, "empty")


async def test_a_question_can_be_interrupted(place):
    async with board(place, plan("permission")) as b:
        await b.press("n")
        await b.says("The agent asks")
        await b.press("ctrl+c")
        await b.phase(1, "idle")
        assert not b.view.phase(1).permissions.open


async def test_what_an_agent_needs_is_shown_before_its_first_run(place, home, monkeypatch):
    monkeypatch.setenv("AGENT_KEY", "not-like-any-key-0123")
    (home / ".agent").mkdir()
    (home / ".agent" / "auth.json").write_text('{"token": "nor-like-any-token-4567"}')
    needs = Needs(variables=("AGENT_KEY", "OTHER"), home=(".agent/auth.json",))
    async with board(place, plan("secrets", needs)) as b:
        await b.press("n")
        await b.dialog("Confirm")
        for words in ("AGENT_KEY: set, and given", "not set: OTHER",
                      "~/.agent/auth.json: there, and given"):  # fmt: skip
            await b.says(words)
        await b.press("escape")
        await b.no_dialog()
        assert b.view.phase(1).attempt == 0, "nothing was started"
        await b.press("d")
        await b.dialog("Confirm")
        await b.press("y")
        await b.phase(1, "proposed")
        assert "not-like-any-key" not in b.text()
        await b.press("d")
        await b.says("attempt 2")
        assert b.view.admitted, "and not asked again in this run"
