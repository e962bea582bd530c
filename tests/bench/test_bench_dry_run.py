"""A dry run against the bare cost of writing and hashing the same files, side by side."""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import subprocess
from pathlib import Path

import pytest
from bench.cpu import code_cpu

from clubos_tui.engine.driver import Driver
from clubos_tui.engine.session import Session
from clubos_tui.planfile import built_in

ROUNDS = 9

pytestmark = pytest.mark.bench


def _phase_files(number: int) -> dict[str, bytes]:
    plan = built_in()
    files: dict[str, bytes] = {}
    for action in plan.phase[number - 1].action:
        folder = Path(plan.home) / action.blueprint
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[str(path.relative_to(folder))] = path.read_bytes()
    return files


def _largest() -> int:
    return max(range(1, 6), key=lambda number: sum(map(len, _phase_files(number).values())))


def _bare(folder: Path, files: dict[str, bytes]) -> None:
    """Write each file, make it durable, and hash it as SHA-256 and as a git blob."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        hashlib.sha256(data).hexdigest()
        hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _git_add(folder: Path, files: dict[str, bytes]) -> None:
    """The same with git: write, `git add`, `git write-tree`."""
    subprocess.run(["git", "init", "-q", folder], check=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    subprocess.run(["git", "-C", folder, "add", "-f", "."], check=True)
    subprocess.run(["git", "-C", folder, "write-tree"], check=True, capture_output=True)


def test_dry_run_of_the_largest_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Print CPU and wall ratios; the dry run includes checks, rehearsal and the journal."""
    number = _largest()
    files = _phase_files(number)
    figures: dict[str, list[tuple[float, float]]] = {"dry run": [], "bare": [], "git add": []}
    for turn in range(ROUNDS):
        place = tmp_path / str(turn)
        monkeypatch.setenv("CLUBOS_STATE_DIR", str(place / "state"))
        repo = place / "repo"
        subprocess.run(["git", "init", "-q", repo], check=True)
        subprocess.run(
            ["git", "-C", repo, "-c", "user.name=b", "-c", "user.email=b@b", "commit", "-q",
             "--allow-empty", "-m", "base"], check=True,
        )  # fmt: skip
        session = Session.open(str(repo))
        plan, source = session.plan()
        run = session.start(plan, source, by="bench")
        driver = Driver(session, run)
        driver.require()

        async def propose(number: int, run=run, driver=driver) -> None:
            run.propose(number, by="bench")
            await driver.until_waiting()

        for earlier in range(1, number):
            asyncio.run(propose(earlier))
        figures["dry run"].append(code_cpu(lambda: asyncio.run(propose(number))))
        assert run.view.reviewable(number)
        driver.release()
        session.close()
        figures["bare"].append(code_cpu(lambda place=place: _bare(place / "bare", files)))
        figures["git add"].append(code_cpu(lambda place=place: _git_add(place / "git", files)))
    medians = {
        name: tuple(statistics.median(column) for column in zip(*rows, strict=True))
        for name, rows in figures.items()
    }
    with capsys.disabled():
        print(f"\nphase {number}: {len(files)} files, {sum(map(len, files.values()))} bytes")
        for name, (cpu, wall) in medians.items():
            print(
                f"  {name:<8} cpu {cpu * 1000:7.2f} ms  wall {wall * 1000:7.2f} ms  "
                f"dry run is {medians['dry run'][0] / cpu:5.2f} times the cpu, "
                f"{medians['dry run'][1] / wall:5.2f} times the wall time"
            )
