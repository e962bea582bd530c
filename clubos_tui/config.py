"""Where a person's own settings lie: one folder, a file for each kind."""

from __future__ import annotations

import os

__all__ = ["config_file"]


def config_file(name: str) -> str:
    """Return the path of a settings file, by the XDG base directory specification."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, "clubos", name)
