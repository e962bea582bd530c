"""The wheel holds everything the program needs, and runs in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a person would."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True
    )
    return next(folder.glob("clubos_tui-*.whl"))


def test_wheel_holds_every_style_and_blueprint_file(wheel: Path) -> None:
    """Dotfiles of the blueprint and style sheets are data that a build drops easily."""
    names = set(zipfile.ZipFile(wheel).namelist())
    styles = {f"clubos_tui/styles/{path.name}" for path in (ROOT / "styles").glob("*.tcss")}
    plans = ROOT / "clubos_tui" / "plans"
    blueprint = {
        str(path.relative_to(ROOT))
        for path in plans.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert styles
    assert len(blueprint) > 50
    assert styles | blueprint <= names


@pytest.mark.long
def test_wheel_runs_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed with what it names and nothing else, it makes a dry run of the demo."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin" / "pip", "install", "-q", wheel], check=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    env.update(CLUBOS_STATE_DIR=str(tmp_path / "state"), HOME=str(tmp_path))
    clubos = venv / "bin" / "clubos"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [clubos, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    assert run("demo", "--no-dashboard", "club").returncode == 0
    done = run("--repo", "club", "run", "--all")
    assert done.returncode == 0, done.stderr
    assert "DRY RUN" in done.stdout
    sheets = "import clubos_tui.ui.styles as s; print(open(s.sheet('dashboard')).read()[:1])"
    found = subprocess.run(
        [venv / "bin" / "python", "-c", sheets], cwd=tmp_path, env=env, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
