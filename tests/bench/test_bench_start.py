"""How fast it starts: `--help` against bare Python, the first paint against a minimal app."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench.cpu import process_cpu

pytestmark = pytest.mark.bench

ROUNDS = 7
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("painted")
Minimal().run()
"""


def test_help_against_bare_python(capsys: pytest.CaptureFixture[str]) -> None:
    """Print the CPU milliseconds that `clubos --help` costs beyond `python -c pass`."""
    bare = process_cpu([sys.executable, "-c", "pass"])
    help_text = process_cpu([sys.executable, "-m", "clubos_tui", "--help"])
    with capsys.disabled():
        print(
            f"\n  --help {help_text * 1000:.1f} ms CPU, bare Python {bare * 1000:.1f} ms: "
            f"{(help_text - bare) * 1000:.1f} ms more"
        )


def first_paint(command: Sequence[str], text: bytes, env: dict[str, str]) -> tuple[float, float]:
    """Return CPU and wall seconds from the start of a program to ``text`` on its terminal."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), env)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    seen = b""
    try:
        while text not in seen:
            if not select.select([terminal], [], [], 30)[0]:
                pytest.fail(f"{command} never painted {text!r}: {seen[-2000:]!r}")
            seen += os.read(terminal, 65536)
        wall = time.perf_counter() - began
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return cpu, wall


def test_first_paint_against_a_minimal_app(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Print the time until the panes are on the terminal, next to an app with one line of text."""
    script = tmp_path / "minimal.py"
    script.write_text(MINIMAL)
    env = {
        **os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor",
        "CLUBOS_STATE_DIR": str(tmp_path / "state"), "HOME": str(tmp_path),
    }  # fmt: skip
    commands = {
        "minimal": ([sys.executable, str(script)], b"painted"),
        "dashboard": (
            [sys.executable, "-m", "clubos_tui", "--repo", str(tmp_path)], b"Phases",
        ),
    }  # fmt: skip
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, (command, text) in commands.items():
            figures[name].append(first_paint(command, text, env))
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in figures.items()
    }
    with capsys.disabled():
        print()
        for name, (cpu, wall) in medians.items():
            print(
                f"  first paint of {name:<9} cpu {cpu * 1000:5.0f} ms  wall {wall * 1000:5.0f} ms, "
                f"{wall / medians['minimal'][1]:.2f} times the minimal app's wall time"
            )
