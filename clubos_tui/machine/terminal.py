"""The terminal: whether there is one, and what it can show. And the editor, opened in it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from typing import Final

from clubos_tui.machine.parts import Part

__all__ = ["editor", "terminal"]

_SIZE: Final = (80, 24)  # from which on everything has its place
_SET_TERM: Final = "Set TERM to what the terminal is, such as xterm-256color."


def terminal() -> Iterator[Part]:
    """Yield what the terminal is, its size, its colours and its letters."""
    yield _itself()
    yield _size()
    yield _colours()
    yield _letters()


def editor() -> tuple[str, str]:
    """Return the program that opens a file to be edited, and which variable names it.

    Only the program is told: behind it may stand what is nobody's business.
    """
    for variable in ("VISUAL", "EDITOR"):
        if chosen := os.environ.get(variable):
            try:
                words = shlex.split(chosen)
            except ValueError:  # a quote that is not closed
                return "", variable
            return (words[0] if words else "vi"), variable
    return "vi", ""


def _itself() -> Part:
    term = os.environ.get("TERM", "")
    around = [
        words
        for variable, words in (("TMUX", "in tmux"), ("STY", "in screen"))
        if os.environ.get(variable)
    ]
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        around.append("over ssh")
    note = ", ".join([f"TERM={term}" if term else "TERM is not set", *around])
    there = _is_terminal()
    cure = off = ""
    if not there:
        cure = "Start clubos in a terminal to get the dashboard; all commands work without."
    elif term in {"", "dumb"}:
        off, cure = "it can't show a full screen, so clubos prints plain lines", _SET_TERM
    return Part(
        "terminal", "terminal", there, purpose="shows the dashboard", cure=cure, off=off, note=note
    )


def _size() -> Part:
    columns, rows = _measured()
    what = f"the dashboard wants {_SIZE[0]}x{_SIZE[1]}"
    if not columns or not rows:
        return Part("terminal", "size", False, purpose=what, note="not known without a terminal")
    small = columns < _SIZE[0] or rows < _SIZE[1]
    return Part(
        "terminal", "size", True, f"{columns}x{rows}", what,
        cure="Make the window larger." if small else "",
        off=f"smaller than {_SIZE[0]}x{_SIZE[1]}" if small else "",
    )  # fmt: skip


def _colours() -> Part:
    what = "they only repeat what marks and words say"
    if "NO_COLOR" in os.environ:
        return Part("terminal", "colours", True, "none", what, note="as NO_COLOR asks for")
    many = _depth(os.environ.get("TERM", ""), os.environ.get("COLORTERM", ""))
    cure = "" if many else _SET_TERM
    return Part("terminal", "colours", bool(many), many, what, cure)


def _depth(term: str, color_term: str) -> str:
    """Return how many colours a terminal says it has, as what draws the dashboard reads it."""
    if term.lower() in {"", "dumb", "unknown"}:
        return ""
    if color_term.strip().lower() in {"truecolor", "24bit"}:
        return "truecolor"
    return "256" if term.lower().endswith(("-256color", "-kitty")) else "16"


def _letters() -> Part:
    """Tell whether a locale names UTF-8; Python writes it in any case where none is set at all."""
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if sys.flags.utf8_mode and names[1] == "C.UTF-8":  # Python's own doing
        names[1] = ""
    name = next(filter(None, names), "")
    good = "utf8" in name.lower().replace("-", "")
    return Part(
        "terminal", "UTF-8", good, "", "draws lines, marks, and every letter",
        cure="" if good else "Set LANG to a locale with UTF-8, such as C.UTF-8.",
        note=name if good else f"the locale is {name}" if name else "no locale is set",
    )  # fmt: skip


def _is_terminal() -> bool:
    try:
        return os.isatty(0) and os.isatty(1)
    except OSError:
        return False


def _measured() -> tuple[int, int]:
    for fd in (1, 0, 2):
        try:
            return tuple(os.get_terminal_size(fd))  # type: ignore[return-value]
        except OSError:
            continue
    return 0, 0
