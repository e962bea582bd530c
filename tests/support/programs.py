"""A PATH of a test's own: real little programs with the names of those that are looked for."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from clubos_tui.agents.presets import PRESETS

VERSIONS = {
    "psql": "psql (PostgreSQL) 17beta1", "initdb": "initdb (PostgreSQL) 16.3 (Debian 16.3-1)",
    "pg_ctl": "pg_ctl (PostgreSQL) 16.3", "node": "v22.4.1", "tsc": "Version 5.4.2",
    "nvim": "NVIM v0.10.1", **{preset.program: f"{preset.program} 1.2.3-beta"
                               for preset in PRESETS.values()},
}  # fmt: skip
"""What the programs of a machine with everything print."""

HANGS = "sleep 1000"
FLOODS = "exec head -c 100000000 /dev/zero"
GARBAGE = r"printf '\033]0;title\007\033[31mred\033[0m \302\233 \033[2J no number \n'"


def put(folder: Path, name: str, script: str) -> Path:
    """Write a program."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def link(folder: Path, *names: str) -> Path:
    """Put programs of this machine into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        found = shutil.which(name)
        assert found, name
        # Not a link: some look beside themselves for what they are made of.
        put(folder, name, f'exec {found} "$@"')
    return folder


def everything(folder: Path, versions: Mapping[str, str] = VERSIONS) -> str:
    """Return a PATH on which there is all that clubos knows of; the box is this machine's."""
    for name, said in versions.items():
        put(folder, name, f"echo '{said}'")
    link(folder, "git")
    if bwrap := shutil.which("bwrap"):
        (folder / "bwrap").symlink_to(bwrap)
    return f"{folder}"


def nothing(folder: Path) -> str:
    """Return a PATH with git and this Python, and nothing else."""
    link(folder, "git")
    (folder / "python3").symlink_to(sys.executable)
    return f"{folder}"


def gone(word: str, seconds: float = 5.0) -> bool:
    """Tell whether none of them is left soon: what is killed takes a moment to be gone."""
    end = time.monotonic() + seconds
    while alive(word) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(word)


def alive(word: str) -> list[int]:
    """Return the processes that have a word in their environment or on their command line."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes()
                around = Path(f"/proc/{name}/environ").read_bytes()
            except OSError:
                continue
            if word.encode() in command + around:
                found.append(int(name))
    return found
