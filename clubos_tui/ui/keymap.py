"""The person's own keys: a TOML file that gives actions other keys, by the action's name.

    # ~/.config/clubos/keymap.toml
    [keys]
    accept = "space"
    reject = "backspace,r"

What can't be understood is said and left out; the built-in key stays.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from clubos_tui.config import config_file
from clubos_tui.ui.actions import ACTIONS, BY_ID

__all__ = ["Keymap", "keymap_path", "read_keymap"]

_NAMES = {"+": "plus", "-": "minus", "=": "equals_sign", "?": "question_mark", "/": "slash",
          " ": "space", ",": "comma", ".": "full_stop"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Keymap:
    """Keys by the action's name, and what was wrong with the file."""

    keys: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def keymap_path() -> str:
    """Return where the file is looked for."""
    return config_file("keymap.toml")


def read_keymap(path: str) -> Keymap:
    """Read a keymap; a file that is not there is an empty one."""
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError:
        return Keymap()
    except (OSError, ValueError) as error:
        return Keymap(problems=(f"{path} can't be read: {error}",))
    table = data.get("keys")
    if not isinstance(table, dict) or set(data) != {"keys"}:
        return Keymap(problems=(f"{path}: give the keys in one table, [keys]",))
    keys: dict[str, str] = {}
    problems: list[str] = []
    for name, chosen in table.items():
        if name not in BY_ID:
            near = difflib.get_close_matches(name, BY_ID, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"{path}: there is no action {name!r}{hint}")
        elif not isinstance(chosen, str) or not chosen.strip():
            problems.append(f"{path}: the key of {name!r} is to be a text")
        else:
            keys[name] = _named(chosen)
    problems += _clashes(path, keys)
    return Keymap(keys, tuple(problems))


def _named(chosen: str) -> str:
    if chosen in _NAMES:
        return _NAMES[chosen]
    return ",".join(_NAMES.get(key.strip(), key.strip()) for key in chosen.split(","))


def _clashes(path: str, keys: Mapping[str, str]) -> list[str]:
    """Say which keys two actions would share; only the first of them gets it."""
    taken: dict[str, str] = {}
    out = []
    for action in ACTIONS:
        own = keys.get(action.id, _named(action.key) if action.key else "")
        for key in filter(None, own.split(",")):
            if key in taken and (action.id in keys or taken[key] in keys):
                out.append(f"{path}: {key} is both {taken[key]!r} and {action.id!r}")
            taken.setdefault(key, action.id)
    return out
