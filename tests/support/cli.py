"""Run the command line as another program would: a process, its output, its exit code."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any
from unittest import mock

from clubos_tui.cli import run
from support.repo import Repo

COMMAND = [sys.executable, "-m", "clubos_tui"]

# A plan of two small phases for the blueprint agent; its files are laid out by `small_plan`.
PLAN = """\
name = "Small"
protected = ["never/"]

[[phase]]
name = "First"
required_approval = false
[[phase.action]]
id = "one"
name = "Write one"
blueprint = "files/one"
[[phase.check]]
name = "there"
kind = "paths"
paths = ["one/*.txt"]

[[phase]]
name = "Second"
[[phase.action]]
id = "two"
name = "Write two"
blueprint = "files/two"
[[phase.check]]
name = "there"
kind = "paths"
paths = ["two/*.txt"]
"""


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a person with nothing special set."""
    return {**os.environ, "TERM": "xterm-256color", **extra}


def start(repo: str, *arguments: str, **named: Any) -> subprocess.Popen[bytes]:
    """Start a command on a repository, with pipes for its output."""
    settings: dict[str, Any] = {
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
        "env": environment(), "cwd": "/",
    }  # fmt: skip
    command = [*COMMAND, "--repo", repo, *arguments] if repo else [*COMMAND, *arguments]
    return subprocess.Popen(command, **{**settings, **named})


class Said:
    """What a command did."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")
        assert "Traceback" not in self.err, self.err
        assert "\x1b" not in self.out + self.err, "an escape code without a terminal"

    @property
    def json(self) -> Any:
        """The one JSON document it printed."""
        return json.loads(self.out)


def clubos(
    repo: Repo | str, *arguments: str, env: Mapping[str, str] | None = None, **named: Any
) -> Said:
    """Run a command to its end."""
    where = repo if isinstance(repo, str) else repo.path
    process = start(where, *arguments, env=environment(**(env or {})), **named)
    out, err = process.communicate(timeout=90)
    return Said(process.returncode, out, err)


def inside(repo: Repo | str, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
    """Run a command in this process: the same code without the start of another Python."""
    where = repo if isinstance(repo, str) else repo.path
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "surrogateescape") for _ in range(2))
    with (
        mock.patch.dict(os.environ, {"TERM": "dumb", **(env or {})}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code = run(["--repo", where, *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    for stream in (out, err):
        stream.flush()
    return Said(code, out.buffer.getvalue(), err.buffer.getvalue())  # type: ignore[attr-defined]


def small_plan(repo: Repo) -> str:
    """Write the small plan beside the repository and return its path."""
    folder = repo.root.parent / "plan"
    for name in ("one", "two"):
        for number in range(3):
            place = folder / "files" / name / name / f"{number}.txt"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{name} {number}\n")
    (folder / "plan.toml").write_text(PLAN)
    return str(folder / "plan.toml")
