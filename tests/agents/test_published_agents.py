r"""Agents as their makers publish them, in the box and without a network.

They ask a server in the place of their model, which runs in the box beside them. Not among the
default tests, because they are large and have to be installed first, into a folder of their own::

    npm install --prefix DIR @agentclientprotocol/claude-agent-acp opencode-ai \\
        @google/gemini-cli @zed-industries/codex-acp
    PATH=DIR/node_modules/.bin:$PATH pytest -m agents
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import support
from support.cli import inside
from support.manifest import manifest
from support.repo import Repo

from clubos_tui.agents.presets import PRESETS
from clubos_tui.workspace.sandbox.box import program

pytestmark = [
    pytest.mark.agents,
    pytest.mark.skipif(not program(), reason="bubblewrap is not installed"),
]
PORT = 8123  # in the box's own network
ADDRESS = f"http://127.0.0.1:{PORT}"
VARIABLES = {
    "ANTHROPIC_API_KEY": "sk-ant-of-nobody-0123456789",
    "ANTHROPIC_BASE_URL": ADDRESS,
    "OPENAI_API_KEY": "sk-of-nobody-0123456789",
    "GEMINI_API_KEY": "of-nobody-0123456789",
    "GOOGLE_GEMINI_BASE_URL": ADDRESS,
}
OPENCODE = f"""\
{{
  "$schema": "https://opencode.ai/config.json",
  "model": "anthropic/claude-sonnet-4-5",
  "permission": {{"edit": "ask", "bash": "ask"}},
  "provider": {{"anthropic": {{"options": {{"baseURL": "{ADDRESS}/v1", "apiKey": "x"}}}}}}
}}
"""
CODEX = f"""\
model = "gpt-5"
model_provider = "inside"
[model_providers.inside]
name = "inside"
base_url = "{ADDRESS}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""
PLAN = """\
name = "Published"
agent = {{ acp = "{command}" }}
[needs]
variables = {variables}
home = [".codex/config.toml"]
[[phase]]
name = "First"
[[phase.action]]
id = "one"
name = "Write made.txt"
[[phase.check]]
name = "there"
kind = "text"
paths = ["made.txt"]
pattern = "made by the agent"
"""


@pytest.mark.parametrize("name", ["claude-code", "codex", "gemini", "opencode"])
def test_its_change_set_is_what_it_wrote_and_nothing_else(
    repo: Repo, home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PRESETS[name]
    if not shutil.which(preset.program):
        pytest.skip(f"{preset.program} is not installed: {preset.install}")
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(CODEX)
    script = Path(support.__file__).parent / "model_inside.py"
    repo.write("tools/model.py", script.read_text())
    repo.write("opencode.json", OPENCODE)
    command = f"{sys.executable} tools/model.py {PORT} & sleep 0.5; exec {preset.command}"
    repo.write("clubos.toml", PLAN.format(command=command, variables=list(VARIABLES)))
    repo.commit("a plan")
    before = manifest(repo.root)
    done = inside(repo, "run", "--admit")
    assert done.code == 0, done.err + inside(repo, "log").out
    files = inside(repo, "diff", "1", "--json").json["files"]
    assert [file["path"] for file in files] == ["made.txt"]
    assert manifest(repo.root) == before, "P1"
    live = inside(repo, "run", "--live", "--all", "--yes")
    assert live.code == 0, live.err
    assert (repo.root / "made.txt").read_text() == "made by the agent\n"
    assert inside(repo, "rollback", "--run", "--yes").code == 0
    assert not (repo.root / "made.txt").exists()
