"""What stands where the diff will be before there is a run: what to do, and what is here for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from clubos_tui.machine.parts import KINDS, Part, State
from clubos_tui.ui.values import NoteLine, Tone

__all__ = ["first_run"]

_TONES: Final[dict[State, Tone]] = {"found": "good", "off": "warn", "missing": "quiet"}
_DO: Final = (
    NoteLine(label="No run yet."),
    NoteLine(),
    NoteLine("Press n or d to see what phase 1 would change: that is a dry run."),
    NoteLine("Nothing in your repository is touched by that."),
    NoteLine(),
)


def first_run(parts: Sequence[Part] | str | None) -> tuple[NoteLine, ...]:
    """Return the lines to be shown.

    Args:
        parts: What this machine offers, or why that is not known; ``None`` while it is looked at.
    """
    if parts is None:
        return (*_DO, NoteLine("Looking at this machine ..."))
    if isinstance(parts, str):
        return (*_DO, NoteLine(f"This machine could not be looked at: {parts}"))
    head = NoteLine(label="What this machine offers (press 3, then j and k scroll)")
    return (*_DO, head, NoteLine(), *_lines(_worth_telling(parts)))


def _worth_telling(parts: Sequence[Part]) -> Iterator[Part]:
    """Leave out what has to be there for this very screen to be seen."""
    plain = ("size", *(part.name for part in parts if part.kind == "clubos"))
    return (part for part in parts if part.state != "found" or part.name not in plain)


def _lines(parts: Iterable[Part]) -> Iterator[NoteLine]:
    last = ""
    for part in parts:
        label = KINDS[part.kind] if part.kind != last else ""
        last = part.kind
        name = f"{part.name} {part.version}".strip()
        yield NoteLine(_about(part), name, "bad" if part.lacks else _TONES[part.state], label)


def _about(part: Part) -> str:
    """Return what is worth knowing in one line: how it is here, or how to get it."""
    if part.state == "found":
        return ". ".join(filter(None, (part.note or part.purpose, part.cure)))
    why = f"off: {part.off}" if part.off else part.note or "not found"
    return f"{why}. {part.cure}" if part.cure else why
