"""``clubos doctor``: what this machine offers and lacks, and what is unusual about a repository."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass

from clubos_tui import __version__
from clubos_tui.agents import KNOWN
from clubos_tui.cli.output import emit, say
from clubos_tui.errors import ClubosError
from clubos_tui.repository.discover import discover
from clubos_tui.repository.forms import Form, describe, unusual
from clubos_tui.repository.git import clean_environment


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a machine has or lacks."""

    name: str
    found: bool
    version: str
    purpose: str
    cure: str = ""
    needed: bool = False


def doctor(options: Namespace) -> int:
    """Print what was found; exit code 1 where something that is needed is missing."""
    parts = examine()
    forms = look_at(options.repo)
    if options.json:
        emit(
            {
                "clubos": __version__,
                "parts": [
                    {
                        "name": part.name, "found": part.found, "version": part.version,
                        "purpose": part.purpose, "needed": part.needed, "cure": part.cure,
                    }
                    for part in parts
                ],
                "repository": [
                    {"name": form.name, "means": form.means, "stops": form.stops}
                    for form in forms
                ],
            }
        )  # fmt: skip
    else:
        say(f"clubos {__version__}")
        for part in parts:
            mark = "found  " if part.found else "missing"
            say(f"  {mark} {part.name:<12} {part.version:<12} {part.purpose}")
            if not part.found and part.cure:
                say(f"          {part.cure}")
        if forms:
            say(f"about {options.repo}")
        for form in forms:
            say(f"  {'refused' if form.stops else 'fine   '} {form.name}: {form.means}")
    return int(any(part.needed and not part.found for part in parts))


def look_at(path: str) -> list[Form]:
    """Name what is unusual about the repository around ``path``; reads only."""
    try:
        return unusual(discover(path))
    except ClubosError as error:
        return [describe(error)]


def examine() -> list[Part]:
    """Look at the machine; runs ``--version`` of what it finds and nothing else."""
    git = _version("git")
    parts = [
        Part("python", True, ".".join(map(str, sys.version_info[:3])), "runs clubos", needed=True),
        Part("git", bool(git), git, "keeps every tree", "Install git 2.38 or newer.", needed=True),
    ]
    parts += [
        Part(name, True, importlib.metadata.version(name), purpose, needed=True)
        for name, purpose in (
            ("textual", "draws the dashboard"),
            ("GitPython", "finds repositories"),
            ("watchfiles", "sees outside edits"),
            ("anthropic", "talks to Claude"),
        )
    ]
    parts += [_agent(name) for name in KNOWN]
    parts.append(_sandbox())
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    parts.append(Part("editor", bool(editor), editor, "edits proposals", "Set VISUAL or EDITOR."))
    for name, purpose, cure in (
        ("psql", "PostgreSQL, for database checks", "Install the PostgreSQL client."),
        ("node", "TypeScript, for service checks", "Install Node.js 20 or newer."),
    ):
        version = _version(name)
        parts.append(Part(name, bool(version), version, purpose, cure))
    return parts


def _sandbox() -> Part:
    """Find out whether the box holds, by trying to get out of it."""
    from clubos_tui.workspace.sandbox.probe import probe

    holds = probe()
    what = "runs commands, of agents too"
    locks = " and ".join(holds.locks)
    why = f"{what}, behind {locks}" if holds.ok else f"{what}; off: {holds.why}"
    return Part("sandbox", holds.ok, _version("bwrap"), why, holds.cure)


def _agent(name: str) -> Part:
    if name != "claude":
        return Part(name, True, "", "agent: works without key or network")
    from clubos_tui.agents.claude.api import key_source

    key = key_source()
    cure = "Set ANTHROPIC_API_KEY; a profile of the SDK is found when it is asked."
    return Part(
        name, bool(key), "", f"agent: asks a model{f', key from {key}' if key else ''}", cure
    )


def _version(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True, timeout=5, env=clean_environment(), check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = done.stdout.decode("utf-8", "replace").replace("v", " ").split()
    return next((word for word in words if word[:1].isdigit()), "found")
