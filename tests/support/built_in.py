"""What the built-in plan has built up to a phase, laid out in a folder, as its checks see it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from clubos_tui import planfile
from clubos_tui.changes.manifest import FILE, Change, Entry
from clubos_tui.checks import Subject
from clubos_tui.plan import CheckSpec, Plan
from clubos_tui.repository.objects import object_id


@functools.cache
def plan() -> Plan:
    """Return the built-in plan."""
    return planfile.built_in()


@functools.cache
def made_in(number: int) -> Mapping[str, bytes]:
    """Return the files that a phase (from 1) creates."""
    files: dict[str, bytes] = {}
    for action in plan().phase[number - 1].action:
        folder = Path(plan().home, action.blueprint)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def checks_of(number: int) -> dict[str, CheckSpec]:
    """Return the checks of a phase (from 1) by name."""
    return {spec.name: spec for spec in plan().phase[number - 1].check}


def text(number: int, path: str) -> str:
    """Return a file as it is after a phase."""
    for at in range(number, 0, -1):
        if path in made_in(at):
            return made_in(at)[path].decode()
    raise KeyError(path)


def subject(
    folder: Path, number: int, edits: Mapping[str, str | bytes | None] | None = None
) -> Subject:
    """Lay a phase's tree out in a folder, with other contents for some paths, ``None``: gone.

    The base is what the phases before it have built, the manifest what this one changes.
    """
    base: dict[str, bytes] = {}
    for at in range(1, number):
        base |= made_in(at)
    files = base | made_in(number)
    for path, data in (edits or {}).items():
        if data is None:
            del files[path]
        else:
            files[path] = data.encode() if isinstance(data, str) else data
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    before, after = _entries(base), _entries(files)
    return Subject(
        str(folder), after, before, manifest=tuple(_changes(before, after)),
        protected=plan().protected_in(number),
    )  # fmt: skip


def _entries(files: Mapping[str, bytes]) -> dict[str, Entry]:
    return {path: Entry(FILE, object_id("blob", data)) for path, data in sorted(files.items())}


def _changes(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[Change]:
    rows = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old != new:
            rows.append(Change(
                path, "create" if old is None else "delete" if new is None else "modify",
                old_mode=old.mode if old else "", old_blob=old.blob if old else "",
                new_mode=new.mode if new else "", new_blob=new.blob if new else "",
            ))  # fmt: skip
    return rows
