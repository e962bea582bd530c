"""How fast it starts: `--help` against bare Python, the first paint against a minimal app."""

from __future__ import annotations

import sys

import pytest

from bench.cpu import process_cpu

pytestmark = pytest.mark.bench


def test_help_against_bare_python(capsys: pytest.CaptureFixture[str]) -> None:
    """Print the CPU milliseconds that `clubos --help` costs beyond `python -c pass`."""
    bare = process_cpu([sys.executable, "-c", "pass"])
    help_text = process_cpu([sys.executable, "-m", "clubos_tui", "--help"])
    with capsys.disabled():
        print(
            f"\n  --help {help_text * 1000:.1f} ms CPU, bare Python {bare * 1000:.1f} ms: "
            f"{(help_text - bare) * 1000:.1f} ms more"
        )
