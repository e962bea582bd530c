"""The title in a real terminal: it tells how the run stands, and is given back on leaving."""

import os
import shutil
import subprocess
import sys
import time
import uuid

import pytest
from dashboard_kit import make_repository

from clubos_tui.workspace.sandbox.box import program

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
PATIENCE = 30.0


class Window:
    """A shell in a tmux of its own."""

    def __init__(self):
        self.socket = f"clubos-test-{uuid.uuid4().hex[:8]}"

    def __call__(self, *arguments):
        done = subprocess.run(
            ["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout

    def until(self, wanted, of="#{pane_title}"):
        """Wait for a title, or for something else that tmux knows."""
        end = time.monotonic() + PATIENCE
        while (found := self("display", "-p", of).strip()) != wanted:
            assert time.monotonic() < end, (found, self("capture-pane", "-p"))
            time.sleep(0.05)

    def shows(self, text):
        """Wait for words on the screen."""
        end = time.monotonic() + PATIENCE
        while text not in (screen := self("capture-pane", "-p")):
            assert time.monotonic() < end, screen
            time.sleep(0.05)


@pytest.fixture
def tmux():
    window = Window()
    yield window
    window("kill-server")


@pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
def test_the_title_and_the_bell_are_the_runs_and_the_title_the_shells_again(tmux, tmp_path):
    place = make_repository(tmp_path / "club house")
    home = tmp_path / "home"
    home.mkdir()
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsleep 1.5\n")
    editor.chmod(0o755)
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'name = "Small"\nagent = "shell:sleep 1.2; echo 1 > one.txt"\n'
        '[[phase]]\nname = "First"\n'
        '[[phase.action]]\nid = "one"\nname = "One"\n'
        '[[phase.check]]\nname = "there"\nkind = "paths"\npaths = ["one.txt"]\n'
    )
    clubos = f"{sys.executable} -m clubos_tui --repo '{place}' --plan {plan}"
    environment = f"CLUBOS_STATE_DIR={tmp_path / 'state'} HOME={home} EDITOR={editor}"
    script = f"printf '\\033]2;mine\\033\\\\'; {environment} {clubos}; sleep 100"
    tmux("-f", os.devnull, "new-session", "-d", "-x", "80", "-y", "24", script)
    tmux.until("clubos — club house")
    tmux.shows("Next: Dry run of phase 1")
    tmux("send-keys", "n")
    tmux.until("clubos: phase 1 proposing — club house")
    assert tmux("display", "-p", "#{window_bell_flag}").strip() == "0"
    tmux.until("clubos: approve phase 1 — club house")
    tmux.until("1", "#{window_bell_flag}")
    tmux.shows("3 Diff · phase 1, attempt 1")
    tmux("send-keys", "2", "e")
    tmux.until("mine")  # the editor has the terminal as the shell had it
    tmux.until("clubos: approve phase 1 — club house")
    tmux("send-keys", "q")
    tmux.until("mine")
