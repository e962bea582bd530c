"""What a frame costs, through a real terminal: our diff and log beside Textual's own widgets."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import sys
import termios
from pathlib import Path

import pytest
from bench.table import Table

pytestmark = pytest.mark.bench

TESTS = Path(__file__).parent.parent


def measured(kind: str, size: int, folder: Path) -> dict[str, float]:
    """Run the measured program in a terminal of 120x40 and return its figures."""
    figures = folder / f"{kind}-{size}.json"
    environment = {
        **os.environ, "FIGURES": str(figures), "PYTHONPATH": str(TESTS), "TERM": "xterm-256color",
        "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none",
    }  # fmt: skip
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(
            sys.executable, [sys.executable, "-m", "bench.screen", kind, str(size)], environment
        )
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:  # its end is closed
        pass
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    found: dict[str, float] = json.loads(figures.read_text())
    return found


def test_diff(tmp_path: Path, table: Table) -> None:
    """Print what the diff costs at 10,000 and at 100,000 changed lines."""
    small, large = (measured("diff", size, tmp_path) for size in (10_000, 100_000))
    static = measured("static", 10_000, tmp_path)
    rows = (
        ("first frame, ms", "≤ 250", "first_ms"),
        ("longest block of the loop, ms", "≤ 50", "block_ms"),
        ("scroll by a line, ms, median", "≤ 5", "line_ms"),
        ("scroll by a line, ms, p95", "", "line95_ms"),
        ("page never drawn before, ms", "≤ 8", "page_ms"),
        ("decision to paint, ms, median", "≤ 16", "decide_ms"),
        ("decision to paint, ms, p95", "≤ 33", "decide95_ms"),
        ("memory, MB", "≤ 60", "mb"),
    )
    for name, target, key in rows:
        base = f"Static+Syntax at 10k: {static[key]:,.0f}" if key in static else ""
        table.note(name, target, f"10k: {small[key]:.1f}  100k: {large[key]:.1f}", base)
    assert large["line_ms"] < 3 * small["line_ms"], "the size of the patch must not matter"


def test_log(tmp_path: Path, table: Table) -> None:
    """Print what the log takes flat out, what a million lines cost, and 10,000 a second."""
    ours, theirs = measured("log", 1_000_000, tmp_path), measured("richlog", 20_000, tmp_path)
    table.note("lines a second", "≥ 200,000", f"{ours['per_second']:,.0f}",
               f"RichLog: {theirs['per_second']:,.0f}")  # fmt: skip
    table.note("memory at 1,000,000, MB", "≤ 60", f"{ours['mb']:.0f}")
    table.note("share of a core at 10,000/s", "≤ 0.25", f"{ours['share']:.2f}")
    table.note("key to paint at 10,000/s, ms, p95", "≤ 33", f"{ours['key95_ms']:.1f}")
