"""What the box costs: the same command with it and without, in turn.

``pytest -m bench tests/bench/test_bench_sandbox.py -s``
"""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

import pytest

from clubos_tui.workspace.sandbox import landlock
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


@pytest.mark.skipif(not landlock.abi(), reason="this kernel has no Landlock, or an old one")
def test_the_second_lock_costs_next_to_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, locks = Box(str(tmp_path)), {"without": lambda **_: False, "with": landlock.restrict}
    costs: dict[str, list[float]] = {name: [] for name in locks}
    for _ in range(2 * ROUNDS):
        for name, lock in locks.items():
            monkeypatch.setattr(landlock, "restrict", lock)
            began = time.perf_counter()
            assert run(box, ["/bin/true"]).code == 0
            costs[name].append(time.perf_counter() - began)
    alone = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        landlock.Kept(lambda: None).let_go()
        alone.append(time.perf_counter() - began)
    without, within = (statistics.median(costs[name]) * 1000 for name in locks)
    itself = statistics.median(alone) * 1000
    with capsys.disabled():
        print(f"\na command in the box: {without:.2f} ms with one lock, {within:.2f} ms with two\n"
              f"the thread and its lock: {itself:.2f} ms (limit 0.5)")  # fmt: skip
    assert itself < 0.5
