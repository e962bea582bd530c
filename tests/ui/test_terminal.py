"""The whole journey by keyboard alone, in a real terminal, with a kill in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

PATIENCE = 60.0  # seconds until a screen that does not come is a failure


class Terminal:
    """The program in a tmux of its own."""

    def __init__(self, repo: Path, state: Path, size: tuple[int, int]) -> None:
        self._socket = f"clubos-test-{uuid.uuid4().hex[:8]}"
        self._command = (
            f"CLUBOS_STATE_DIR={state} TERM=xterm-256color "
            f"{sys.executable} -m clubos_tui --repo {repo}"
        )
        self._size = size

    def open(self) -> None:
        """Start the program in a new window."""
        columns, rows = map(str, self._size)
        self._tmux("new-session", "-d", "-s", "it", "-x", columns, "-y", rows, self._command)

    def kill(self) -> None:
        """Kill the program, as a power cut would."""
        pid = int(self._tmux("list-panes", "-F", "#{pane_pid}").strip())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for target in (*map(int, children), pid):
            os.kill(target, signal.SIGKILL)
        self.until(lambda _: not self._alive(), "the window to close")

    def close(self) -> None:
        """End the tmux server that this object started."""
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False
        )

    def screen(self) -> str:
        """Return what the terminal shows, as text."""
        return self._tmux("capture-pane", "-p", "-t", "it") if self._alive() else ""

    def press(self, *keys: str) -> None:
        """Type keys."""
        self._tmux("send-keys", "-t", "it", *keys)

    def until(self, wanted: str | Callable[[str], bool], what: str = "") -> str:
        """Wait until the screen shows something; fail with the screen if it does not."""
        deadline = time.monotonic() + PATIENCE
        screen = ""
        while time.monotonic() < deadline:
            screen = self.screen()
            if wanted(screen) if callable(wanted) else wanted in screen:
                return screen
            time.sleep(0.05)
        pytest.fail(f"waited in vain for {what or wanted!r}; the screen was:\n{screen}")

    def confirm(self, title: str) -> None:
        """Answer a question with yes: it takes no key that was typed ahead or held down."""
        self.until(title)
        deadline = time.monotonic() + PATIENCE
        while title in self.screen() and time.monotonic() < deadline:
            time.sleep(0.5)
            self.press("y")
            gone = time.monotonic() + 1.0
            while title in self.screen() and time.monotonic() < gone:
                time.sleep(0.05)

    def _alive(self) -> bool:
        done = subprocess.run(
            ["tmux", "-L", self._socket, "has-session"], capture_output=True, check=False
        )
        return done.returncode == 0

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Make the demo's sample repository."""
    folder = tmp_path / "club"
    subprocess.run(
        [sys.executable, "-m", "clubos_tui", "demo", "--no-dashboard", folder],
        check=True, capture_output=True,
        env={**os.environ, "CLUBOS_STATE_DIR": str(tmp_path / "state")},
    )  # fmt: skip
    return folder


@pytest.fixture(
    params=[(80, 24), pytest.param((120, 40), marks=pytest.mark.soak)], ids=["80x24", "120x40"]
)
def terminal(sample: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """Open the dashboard on the sample."""
    window = Terminal(sample, tmp_path / "state", request.param)
    window.open()
    yield window
    window.close()


def git(repo: Path, *arguments: str) -> str:
    """Ask plain git."""
    return subprocess.run(
        ["git", "-C", repo, *arguments], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.long
def test_whole_journey_by_keyboard_with_a_kill(terminal: Terminal, sample: Path) -> None:
    """Five phases from dry run to merge with one key and a yes, then back."""
    before = git(sample, "status", "--porcelain"), git(sample, "rev-parse", "HEAD")
    terminal.until("phase 1")
    terminal.press("n")
    terminal.until("Go LIVE")
    assert (git(sample, "status", "--porcelain"), git(sample, "rev-parse", "HEAD")) == before
    terminal.press("L")
    terminal.until("Next: Execute phase 1")
    terminal.press("n")
    terminal.confirm("execute phase 1?")
    for number in range(2, 6):
        terminal.until(f"Next: Dry run of phase {number}")
        terminal.press("n")
        terminal.until(f"approve phase {number}")
        if number == 3:
            terminal.kill()
            terminal.open()
            terminal.until("DRY RUN")
            terminal.until("Review and approve phase 3")
        terminal.press("n")
        terminal.confirm(f"Approve phase {number} of 5?")
        terminal.confirm("Approve what was not read?")  # five hundred lines in a second
        if number == 3:
            terminal.until("Go LIVE")
            terminal.press("L")
        terminal.until(f"Next: Execute phase {number}")
        terminal.press("n")
        terminal.confirm(f"execute phase {number}?")
    terminal.until("Merge into main")
    terminal.press("n")
    terminal.confirm("LIVE: merge?")
    terminal.until("merged")
    assert (sample / "clubos" / "package.json").exists()
    assert git(sample, "status", "--porcelain") == before[0]
    terminal.press("1")
    terminal.press(*["Up"] * 4)
    terminal.press("R")
    terminal.confirm("oll back")
    terminal.until(lambda screen: screen.count("rolled back") >= 5, "five phases rolled back")
    assert not (sample / "clubos").exists()
    assert git(sample, "status", "--porcelain") == before[0]
    assert len(git(sample, "branch", "--list", "autogen/*").splitlines()) == 5
    git(sample, "fsck", "--strict")
