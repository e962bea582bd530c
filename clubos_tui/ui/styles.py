"""Where the style sheets lie: beside the package in a checkout, inside it once installed."""

from __future__ import annotations

from pathlib import Path

__all__ = ["sheet"]

_PACKAGE = Path(__file__).resolve().parent.parent


def sheet(name: str) -> Path:
    """Return the path of a screen's style sheet."""
    installed = _PACKAGE / "styles" / f"{name}.tcss"
    return installed if installed.exists() else _PACKAGE.parent / "styles" / f"{name}.tcss"
