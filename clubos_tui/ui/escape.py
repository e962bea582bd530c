r"""The sequences that are no part of the screen: a terminal's title and its notifications. Pure.

Which notification a terminal knows can't be asked; it is told from its name:

    OSC 99   kitty
    OSC 777  foot, WezTerm, Ghostty, Warp, Contour, urxvt, and GNOME's terminal where it is patched
    OSC 9    iTerm2

A terminal that knows none of them takes no notice. In tmux they go through to the terminal around
it where tmux is set to allow that, and nowhere else; GNU screen gets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clubos_tui.ui.text import cell_cut, safe

__all__ = ["BELL", "KEEP_TITLE", "RESTORE_TITLE", "known_to", "notification", "plain", "title"]

BELL: Final = "\a"
KEEP_TITLE: Final = "\x1b[22;0t"
RESTORE_TITLE: Final = "\x1b]0;\a\x1b[23;0t"
"""A terminal that keeps no titles is left with an empty one, and shows its own."""

_TITLE, _TEXT = 80, 120  # cells
_NO_OSC: Final = frozenset({"", "dumb", "linux", "unknown"})
_BY_PROGRAM: Final = {
    "iTerm.app": "osc9", "WezTerm": "osc777", "ghostty": "osc777", "WarpTerminal": "osc777",
}  # fmt: skip
_BY_TERM: Final = {
    "xterm-kitty": "osc99", "foot": "osc777", "contour": "osc777", "rxvt": "osc777",
    "wezterm": "osc777", "xterm-ghostty": "osc777",
}  # fmt: skip
_BY_VARIABLE: Final = {
    "KITTY_WINDOW_ID": "osc99", "WEZTERM_PANE": "osc777", "GHOSTTY_RESOURCES_DIR": "osc777",
    "VTE_VERSION": "osc777",
}  # fmt: skip
# Markup of desktops, and what separates the fields of a sequence, as signs that do nothing.
_INERT: Final = str.maketrans({"<": "(", ">": ")", "&": "+", ";": ","})


def plain(text: str) -> str:
    """Return a text that does nothing in a title or notification, and is not long."""
    return cell_cut(safe(text[: 2 * _TEXT]).translate(_INERT), _TEXT)


def title(text: str, environment: Mapping[str, str]) -> str:
    """Return what sets the terminal's title; empty where it has none."""
    if environment.get("TERM", "") in _NO_OSC:
        return ""
    return f"\x1b]0;{cell_cut(plain(text), _TITLE)}\a"


def known_to(environment: Mapping[str, str]) -> str:
    """Return which notification a terminal knows: osc9, osc99 or osc777; empty for none."""
    if not _may_notify(environment):
        return ""
    if kind := _BY_PROGRAM.get(environment.get("TERM_PROGRAM", "")):
        return kind
    term = environment.get("TERM", "")
    for name, kind in _BY_TERM.items():
        if term.startswith(name):
            return kind
    if environment.get("LC_TERMINAL") == "iTerm2":
        return "osc9"
    return next((kind for name, kind in _BY_VARIABLE.items() if environment.get(name)), "")


def notification(kind: str, head: str, text: str, environment: Mapping[str, str]) -> str:
    """Return what has the terminal show a notification; empty where it can't be had."""
    if not _may_notify(environment):
        return ""
    head, text = plain(head), plain(text)
    sequence = {
        "osc9": f"\x1b]9;{head}: {text}\a",
        "osc777": f"\x1b]777;notify;{head};{text}\a",
        "osc99": f"\x1b]99;i=clubos:d=0:o=unfocused;{head}\x1b\\"
                 f"\x1b]99;i=clubos:d=1:p=body:o=unfocused;{text}\x1b\\",
    }.get(kind, "")  # fmt: skip
    if sequence and environment.get("TMUX"):
        sequence = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{sequence}\x1b\\"
    return sequence


def _may_notify(environment: Mapping[str, str]) -> bool:
    return environment.get("TERM", "") not in _NO_OSC and not environment.get("STY")
