"""``clubos doctor``: what this machine offers and lacks, and what is unusual about a repository."""

from __future__ import annotations

import shutil
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Sequence

from clubos_tui import __version__
from clubos_tui.cli.output import emit, say
from clubos_tui.codec import Json
from clubos_tui.errors import ClubosError
from clubos_tui.machine.examine import examine
from clubos_tui.machine.parts import KINDS, Part
from clubos_tui.repository.discover import discover
from clubos_tui.repository.forms import Form, describe, unusual
from clubos_tui.ui.text import cell_width, safe

_WIDEST = 100  # columns; longer lines are hard to read
_ROOM = 24  # columns that a text needs beside names and versions


def doctor(options: Namespace) -> int:
    """Print what was found; exit code 1 where something that is needed is missing."""
    parts = examine()
    git = next(part for part in parts if part.name == "git")
    # A git that does not even tell its version would keep us waiting.
    forms = look_at(options.repo) if git.version else []
    if options.json:
        emit(
            {
                "clubos": __version__,
                "parts": [as_json(part) for part in parts],
                "repository": [
                    {"name": form.name, "means": form.means, "stops": form.stops} for form in forms
                ],
            }
        )
    else:
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        lines = [f"clubos {__version__}", *told(parts, width)]
        lines += [f"\nabout {options.repo}"] if forms else []
        for form in forms:
            state = "refused" if form.stops else "fine"
            about = _folded(f"{form.name}: {form.means}", width - 11, 11)
            lines += [f"  {state:<9}{about[0].lstrip()}", *about[1:]]
        for line in lines:
            say(line)
    return int(any(part.lacks for part in parts))


def look_at(path: str) -> list[Form]:
    """Name what is unusual about the repository around ``path``; reads only."""
    try:
        return unusual(discover(path))
    except ClubosError as error:
        return [describe(error)]


def as_json(part: Part) -> Json:
    """Return a part as other programs read it."""
    return {
        "kind": part.kind, "name": part.name, "found": part.found, "version": part.version,
        "purpose": part.purpose, "needed": part.needed, "cure": part.cure,
        "usable": part.usable, "off": part.off, "note": part.note, "has": list(part.has),
    }  # fmt: skip


def told(parts: Sequence[Part], width: int) -> Iterator[str]:
    """Yield plain lines: the groups, and what is in each in columns; what is long is folded."""
    names = max(cell_width(safe(part.name)) for part in parts)
    versions = max(cell_width(safe(part.version)) for part in parts)
    name_at = 2 + len("missing") + 2
    text_at = name_at + names + 2 + versions + 2
    text_at = text_at if width - text_at >= _ROOM else name_at
    for kind, title in KINDS.items():
        yield f"\n{title}"
        for part in (part for part in parts if part.kind == kind):
            name, version = safe(part.name), safe(part.version)
            line = f"  {part.state:<7}  {name:<{names}}  {version:<{versions}}  "
            if text_at == name_at:
                yield line.rstrip()
                line = ""
            lines = [*_folded(_about(part), width - text_at, text_at)]
            yield from [line.ljust(text_at) + lines[0].lstrip(), *lines[1:]]
            yield from _folded(part.cure, width - name_at, name_at)


def _about(part: Part) -> str:
    """Return what it is for, and what else is known of it."""
    off = f"off: {part.off}" if part.off else ""
    return "; ".join(filter(None, (part.purpose, off, part.note)))


def _folded(text: str, width: int, at: int) -> list[str]:
    """Return a text in lines of a width, each beginning at a column."""
    room = max(1, width)
    return [" " * at + line for line in textwrap.wrap(safe(text), room, break_on_hyphens=False)]
