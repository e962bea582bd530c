"""Where a person's own settings lie, and which variables hold their keys."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["KEY_VARIABLES", "config_file", "without_keys"]

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


def config_file(name: str) -> str:
    """Return the path of a settings file, by the XDG base directory specification."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(home, "clubos", name)


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for another program: a model's key is none of its business."""
    return {name: value for name, value in environment.items() if name not in KEY_VARIABLES}
