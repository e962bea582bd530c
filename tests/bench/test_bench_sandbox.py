"""What the box costs: the same command with it and without, in turn.

``pytest -m bench tests/bench/test_bench_sandbox.py -s``
"""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

import pytest

from clubos_tui.workspace.sandbox.box import Box, program
from clubos_tui.workspace.sandbox.probe import probe
from clubos_tui.workspace.sandbox.running import run

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not program(), reason="bubblewrap is not installed"),
]
ROUNDS = 60


def test_a_command_in_the_box_costs_little_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(str(tmp_path))
    costs: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(["/bin/true"], check=True)
        costs["without"].append(time.perf_counter() - began)
        began = time.perf_counter()
        assert run(box, ["/bin/true"]).code == 0
        costs["with"].append(time.perf_counter() - began)
    without, within = (statistics.median(costs[name]) * 1000 for name in ("without", "with"))
    probe.cache_clear()
    began = time.perf_counter()
    assert probe().ok
    tried = (time.perf_counter() - began) * 1000
    with capsys.disabled():
        print(f"\na command: {without:.1f} ms, in the box {within:.1f} ms: "
              f"{within - without:.1f} ms more (limit 10)\n"
              f"the attack on the box at the start: {tried:.0f} ms")  # fmt: skip
    assert within - without < 10
