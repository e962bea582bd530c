"""The packages of a TypeScript or JavaScript project: where they are, and the compiler in them.

git ignores them, so they are in no tree. A person installs them; in the box they can be read.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
from typing import Final

from clubos_tui.checks.presets import NODE_MODULES

__all__ = ["compiler", "named", "packages", "version_of"]

_VARIABLE: Final = "CLUBOS_NODE_MODULES"


def named() -> bool:
    """Tell whether the person's environment names the packages."""
    return _VARIABLE in os.environ


def packages(checkout: str, folder: str) -> str:
    """Return the folder of a project's packages; empty where they are not installed.

    Args:
        checkout: The person's checkout; empty where there is none.
        folder: The project's folder in it.
    """
    if named():
        place = os.environ[_VARIABLE]
        return os.path.abspath(place) if os.path.isdir(place) else ""
    place = os.path.join(checkout, folder, "node_modules")
    return place if checkout and os.path.isdir(place) else ""


def compiler(place: str) -> str:
    """Return the command that runs TypeScript's compiler in the box; empty where it is missing.

    From version 7 on it is a program for the machine; before that, node runs it.
    """
    native = sorted(glob.glob(f"{glob.escape(place)}/@typescript/typescript-*/lib/tsc"))
    for found in native:
        if os.access(found, os.X_OK):
            return NODE_MODULES + found.removeprefix(place)
    if os.path.isfile(f"{place}/typescript/lib/tsc.js"):
        return f"node {NODE_MODULES}/typescript/lib/tsc.js"
    return ""


def version_of(place: str, name: str) -> str:
    """Return a package's name with its version; the name alone where that can't be read."""
    with contextlib.suppress(OSError, ValueError), open(f"{place}/{name}/package.json") as file:
        data = json.load(file)
        if isinstance(data, dict) and isinstance(data.get("version"), str):
            return f"{name} {data['version'][:40]}"
    return name
