"""How the person wants to be called when a run waits for them: a TOML file.

    # ~/.config/clubos/notify.toml
    bell = true
    title = true
    desktop = "auto"                     # or off, osc9, osc99, osc777
    command = ["notify-send", "clubos"]  # gets what is waited for as one more argument

What can't be understood is said and left out; what is built in stays.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from clubos_tui.config import config_file

__all__ = ["DESKTOP", "Notify", "notify_path", "read_notify"]

DESKTOP: Final = ("auto", "off", "osc9", "osc99", "osc777")
_KNOWN: Final = ("bell", "title", "desktop", "command")


@dataclass(frozen=True, slots=True)
class Notify:
    """What to do when a person is needed, and what was wrong with the file."""

    bell: bool = True
    title: bool = True
    desktop: str = "auto"
    """Which of the terminal's own notifications; auto: the one it knows, without a command."""
    command: Sequence[str] = ()
    """A program and its first arguments; none: no program."""
    problems: Sequence[str] = ()


def notify_path() -> str:
    """Return where the file is looked for."""
    return config_file("notify.toml")


def read_notify(path: str) -> Notify:
    """Read the settings; a file that is not there changes nothing."""
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError:
        return Notify()
    except (OSError, ValueError) as error:
        return Notify(problems=(f"{path} can't be read: {error}",))
    problems = []
    taken: dict[str, Any] = {}
    for name, value in data.items():
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"{path}: there is no setting {name!r}{hint}")
        elif wrong := _wrong(name, value):
            problems.append(f"{path}: {name} is to be {wrong}")
        else:
            taken[name] = tuple(value) if name == "command" else value
    return Notify(**taken, problems=tuple(problems))


def _wrong(name: str, value: object) -> str:
    """Return what a setting is to be instead; empty where it is that."""
    if name in {"bell", "title"}:
        return "" if isinstance(value, bool) else "true or false"
    if name == "desktop":
        return "" if value in DESKTOP else f"one of {', '.join(DESKTOP)}"
    words = value if isinstance(value, list) else [None]
    good = all(isinstance(word, str) and "\0" not in word for word in words)
    return "" if good and "" not in words[:1] else "a list of texts, the program first"
