"""What the panes are given: frozen values that know neither the engine nor textual.

The store makes them, widgets draw them, and two equal ones need no repaint. Texts may be hostile;
each is made safe where it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "KINDS",
    "TONE_MARKS",
    "CheckRow",
    "ChecksValues",
    "FileRow",
    "FilesValues",
    "KeyHint",
    "Level",
    "Line",
    "LogEntry",
    "LogNews",
    "Mode",
    "Moment",
    "NextStep",
    "NoteLine",
    "NoteRow",
    "PhaseRow",
    "Position",
    "Problem",
    "StatusValues",
    "Tone",
    "clock",
    "count",
]

Level = Literal["debug", "info", "success", "warning", "error"]
Line = tuple["Tone | None", str]
"""A line of a dialog; without a tone it is a heading."""
Mode = Literal["DRY RUN", "LIVE", "REPLAY"]
Standing = Literal["pending", "accepted", "rejected", "partly"]
Tone = Literal["quiet", "info", "good", "warn", "bad", "busy"]

TONE_MARKS: dict[Tone, str] = {
    "quiet": "·",
    "info": "•",
    "good": "✔",
    "warn": "!",
    "bad": "✘",
    "busy": "▶",
}
"""A mark for each tone, so that colour is never the only carrier."""

KINDS: dict[str, str] = {
    "create": "+",
    "modify": "~",
    "delete": "-",
    "rename": ">",
    "mode": "*",
    "symlink": "@",
    "binary": "#",
}
"""The sign of each kind of change, as the diff shows it."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the log."""

    time: str
    level: Level
    phase: int
    text: str
    detail: str = ""
    path: str = ""
    """The file it is about, and in it the hunk."""
    hunk: str = ""
    turn: int = 0
    """Of what an agent said: what was said in one turn can be withdrawn."""


@dataclass(frozen=True, slots=True)
class LogNews:
    """What came to the log."""

    lines: Sequence[LogEntry] = ()
    withdrawn: Sequence[int] = ()
    """The turns whose words were taken back."""
    anew: bool = False
    """Whether the lines are all there are, and not those that came since."""


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """One phase as the list shows it."""

    number: int
    name: str
    status: str
    mark: str
    tone: Tone
    approval: str
    checks: str
    checks_tone: Tone = "quiet"
    note: str = ""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One changed file of a phase."""

    path: str
    kind: str
    decision: Standing = "pending"
    action: str = ""
    old_path: str = ""
    note: str = ""
    outside: bool = False
    reason: str = ""
    """Why it wants attention."""
    edited: str = ""
    """Who edited the proposal there."""


@dataclass(frozen=True, slots=True)
class NoteRow:
    """A line in the files pane that is no changed file: progress, a result, a path left alone."""

    tone: Tone
    text: str
    word: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A line of what stands in place of rows: a text, or a name with its mark and a text."""

    text: str = ""
    name: str = ""
    tone: Tone = "quiet"
    label: str = ""
    """The group that begins here; without a name it is a heading."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What happened, what was left as it was, and what to do next."""

    what: str
    untouched: str = ""
    cure: str = ""
    tone: Tone = "bad"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a run is at, or waits for a person to do."""

    words: str = ""
    working: bool = False
    work: int = 0
    """How much work there was so far: a wait with more of it than the last is another one."""


@dataclass(frozen=True, slots=True)
class StatusValues:
    """The status line."""

    mode: Mode = "DRY RUN"
    agent: str = ""
    running: bool = False
    seconds: int | None = None
    create: int = 0
    modify: int = 0
    delete: int = 0
    pending: int = 0
    driver: str = ""
    spent: str = ""
    """What asking a model has used."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a replay stands."""

    at: int = 0
    """The number of the last event shown, from 1."""
    of: int = 0
    event: str = ""
    """What it was."""
    mode: str = ""
    """Of the run, then."""
    time: str = ""
    """Time of day, as the log has it."""
    seconds: int = 0
    """Since the run began."""
    total: int = 0
    """Seconds from its first event to its last."""
    speed: int = 1
    playing: bool = False
    turns: Sequence[int] = ()
    """The numbers of the turning points."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one step that takes the run forward, and its key."""

    words: str
    key: str = ""
    also: str = ""
    tone: Tone = "info"


@dataclass(frozen=True, slots=True)
class KeyHint:
    """One key of the bottom line."""

    id: str
    key: str
    label: str
    on: bool = True
    is_next: bool = False


@dataclass(frozen=True, slots=True)
class FilesValues:
    """The files pane: rows, its title's counts, and words where there are no rows."""

    rows: Sequence[FileRow | NoteRow] = ()
    title: str = ""
    empty: str = ""
    at: Mapping[str, int] | None = None
    """Where the row of each path is, where that is known already."""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check; without a name a line of words."""

    name: str
    tone: Tone
    word: str
    """What it came to, or is at."""
    text: str
    """What it says."""
    facts: tuple[tuple[Tone, str], ...] = ()
    """What else is known of it, the most important first."""


@dataclass(frozen=True, slots=True)
class ChecksValues:
    """The checks pane: rows, what its title says of them, and words where there are no rows."""

    rows: Sequence[CheckRow] = ()
    title: str = ""
    empty: str = ""


def count(number: int, word: str) -> str:
    """Return "1 file", "2 files"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def clock(seconds: int) -> str:
    """Return mm:ss, with hours where there are any."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
