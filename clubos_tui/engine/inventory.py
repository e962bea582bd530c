"""What lies in the state folder: whose it is, how large, and what speaks for keeping it.

Reads only. What costs a look at every byte is looked at only where the budget asks for it.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from clubos_tui.agents import REPLAY
from clubos_tui.apply.record import has_ended
from clubos_tui.disk import exists
from clubos_tui.engine.effects.execute import trees_of_stage
from clubos_tui.engine.housekeeping import Kind, Standing, Thing, standing_of
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.vouched import changed_answers, changed_streams, sha256_of
from clubos_tui.errors import ClubosError
from clubos_tui.events import ApplyStarted, RolledBack, RunId
from clubos_tui.journal import Record
from clubos_tui.journal.files import FILE_NAME
from clubos_tui.locks import is_alive
from clubos_tui.repository import spare
from clubos_tui.repository.copies import COPIES
from clubos_tui.repository.objects import PART, object_id
from clubos_tui.workspace.layout import is_just

__all__ = ["Inventory", "take"]

_BENCH = re.compile(r"checks(-\d+)?")
_OF_DRIVER = re.compile(r"(?:rehearsal-(?P<one>.+)-\d+|merge-(?P<other>.+))")
_OWN: dict[str, Kind] = {"streams": "streams", "recording.jsonl": "recording", "edits": "edits"}
_NOTES = (".known", ".known.part", ".holds", ".holds.part")


@dataclass(slots=True)
class _Read:
    """A run as its journal tells it."""

    run: Run
    records: list[Record] = field(default_factory=list)
    standing: Standing = Standing("")

    @property
    def began(self) -> str:
        """When, as far as that is known."""
        return self.records[0].at if self.records else ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that lies in the state folder, the runs, and the objects that could go."""

    things: tuple[Thing, ...]
    runs: tuple[Standing, ...]
    spare: spare.Spare | None = None


def take(session: Session, budget: int) -> Inventory:
    """Look at the state folder; ``budget`` (bytes) says whether a closer look is worth it."""
    looking = _Looking(session)
    things = list(looking.all())
    runs = tuple(read.standing for read in looking.runs.values())
    if sum(thing.bytes for thing in things) <= budget:
        return Inventory(tuple(things), runs)
    things = [looking.closer(thing) for thing in things]
    damaged = next((run for run in runs if run.damage), None)
    if damaged:
        why = f"nobody knows what run {damaged.run} names of it: {damaged.damage}"
        things = [replace(it, stays=why) if it.kind == "workshop" else it for it in things]
        return Inventory(tuple(things), runs)
    found = spare.find(session.workshop, looking.named())
    return Inventory(tuple(_split(things, found.bytes)), runs, found)


def _split(things: list[Thing], bytes_: int) -> Iterator[Thing]:
    """Tell the spare objects from the workshop that they lie in."""
    for thing in things:
        if thing.kind != "workshop" or not bytes_:
            yield thing
            continue
        yield replace(thing, bytes=max(0, thing.bytes - bytes_))
        yield Thing("objects", f"{thing.name}/objects", (), min(bytes_, thing.bytes))


class _Looking:
    """One look at a state folder."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._paths = session.paths
        self.runs = _runs(session)

    def all(self) -> Iterator[Thing]:
        """Yield everything, in no order; each file is in one thing."""
        parts = {
            "workspaces": self._workspaces, "stages": self._stages, "scratch": self._scratch,
            "trash": self._trash, "runs": self._runs_files, "workshop.git": self._workshop,
            "backups": self._backups, "transactions": lambda: iter(()), "staging": self._staging,
        }  # fmt: skip
        for name in _names(self._paths.root):
            if name in parts and os.path.isdir(self._at(name)):
                yield from parts[name]()
            elif name.endswith(".lock"):
                yield self._thing("lock", name)
            else:
                yield self._thing("unknown", name)
        if not exists(self._at("backups")):
            yield from self._backups()

    def named(self) -> set[str]:
        """Return every id that a journal, a record or a note beside a folder names."""
        out: set[str] = set()
        texts = [self._at(f"runs/{name}/{FILE_NAME}") for name in self.runs]
        for name in ("transactions", "stages", "workspaces"):
            folder = self._at(name)
            texts += [os.path.join(folder, item) for item in _names(folder) if "." in item]
        for path in texts:
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    out |= spare.ids_in(file.read())
        return out

    def closer(self, thing: Thing) -> Thing:
        """Look at what the thing holds, where its run is over."""
        read = self.runs.get(thing.run)
        if thing.stays or read is None or read.standing.damage or read.standing.open:
            return thing
        looks = {
            "stage": self._in_stage, "streams": self._in_streams,
            "recording": self._in_recording, "edits": self._in_edits,
        }  # fmt: skip
        if thing.kind not in looks:
            return thing
        try:
            stays = looks[thing.kind](read, thing)
        except OSError as error:
            stays = f"it can't be read: {error.strerror}"
        return replace(thing, stays=stays)

    # --- parts ----------------------------------------------------------------------------------

    def _workspaces(self) -> Iterator[Thing]:
        for name, parts in self._folders("workspaces").items():
            if name == "agent":
                yield self._thing("workspace", f"workspaces/{name}", parts)
            elif _BENCH.fullmatch(name):
                yield self._thing("bench", f"workspaces/{name}", parts)
            else:
                yield self._thing("unknown", f"workspaces/{name}", parts)

    def _stages(self) -> Iterator[Thing]:
        for name, parts in self._folders("stages").items():
            half = name.removesuffix(".part")
            if name in self.runs or half == name:
                yield self._thing("stage", f"stages/{name}", parts, run=name)
            else:
                yield self._thing("left-over", f"stages/{name}", parts, run=half)

    def _scratch(self) -> Iterator[Thing]:
        for name in _names(self._paths.scratch):
            pid = _process(name, COPIES, "-")
            of_driver = _OF_DRIVER.fullmatch(name)
            if pid:
                yield self._of_process(f"scratch/{name}", pid)
            elif of_driver:
                run = of_driver["one"] or of_driver["other"]
                yield self._thing("left-over", f"scratch/{name}", run=run)
            else:
                yield self._thing("unknown", f"scratch/{name}")

    def _trash(self) -> Iterator[Thing]:
        for name in _names(self._paths.trash):
            yield self._thing("left-over", f"trash/{name}")

    def _runs_files(self) -> Iterator[Thing]:
        for run in _names(self._paths.runs):
            rest = []
            for name in _names(self._paths.run(run)) or [""]:
                place = f"runs/{run}/{name}".rstrip("/")
                if name in _OWN:
                    yield self._thing(_OWN[name], place, run=run)
                else:
                    rest.append(self._at(place))
            yield self._thing("journal", f"runs/{run}", rest, run=run)

    def _workshop(self) -> Iterator[Thing]:
        over = []
        packs = os.path.join(self._paths.workshop, "objects", "pack")
        for name in _names(packs):
            place = f"workshop.git/objects/pack/{name}"
            pid = _process(name, PART, "_")
            if pid:
                over.append(self._of_process(place, pid))
            elif name.endswith(".pack") and self._is_without_index(place):
                over.append(self._thing("left-over", place))
        yield from over
        whole = self._thing("workshop", "workshop.git")
        yield replace(whole, bytes=max(0, whole.bytes - sum(thing.bytes for thing in over)))

    def _is_without_index(self, place: str) -> bool:
        """Tell whether a pack has none and gets none: whoever was at it was killed."""
        age = time.time() - os.lstat(self._at(place)).st_mtime
        return age > spare.SETTLED and not exists(self._at(f"{place[:-5]}.idx"))

    def _backups(self) -> Iterator[Thing]:
        """Yield each transaction's record and vault together: one without the other is no use."""
        begun: dict[str, tuple[_Read, ApplyStarted]] = {}
        edits: set[str] = set()
        for read in self.runs.values():
            for record in read.records:
                event = record.event
                if isinstance(event, ApplyStarted):
                    begun[event.transaction] = read, event
                elif isinstance(event, RolledBack) and event.taken_out:
                    edits.add(event.transaction)
        names = dict.fromkeys(_names(self._at("backups")))
        names |= dict.fromkeys(
            name.removesuffix(".jsonl") for name in _names(self._paths.transactions)
        )
        for name in names:
            # The record first: with it and without its vault, a rollback is refused.
            parts = [
                path for path in (self._paths.transaction(name), self._paths.vault(name))
                if os.path.lexists(path)
            ]  # fmt: skip
            place = os.path.relpath(parts[-1], self._paths.root)
            told = begun.get(re.sub(r"-(alone|back-[0-9a-f]+)$", "", name))
            if told is None:
                yield self._thing("backup", place, parts, stays="no journal that is known names it")
                continue
            stays = ""
            if told[1].place == "checkout" or name.endswith("-alone"):
                stays = "what was replaced in your checkout can always be put back"
            elif name in edits:
                stays = "it holds edits of yours as they were"
            elif len(parts) == 2 and not has_ended(parts[0]):
                stays = "its operation has not ended; the next start settles it"
            yield self._thing("backup", place, parts, run=told[0].run.id, stays=stays)

    def _staging(self) -> Iterator[Thing]:
        for name in _names(self._paths.staging("")):
            yield self._thing("staging", f"staging/{name}")

    # --- a closer look --------------------------------------------------------------------------

    def _in_stage(self, read: _Read, thing: Thing) -> str:
        stage = self._at(thing.name)
        trees = trees_of_stage(read.run.view)
        if not exists(stage) or any(is_just(stage, self._session.workshop, tree) for tree in trees):
            return ""
        return "somebody worked in it"

    def _in_streams(self, read: _Read, _thing: Thing) -> str:
        return _evidence(changed_streams(read.run))

    def _in_recording(self, read: _Read, thing: Thing) -> str:
        for other in self.runs.values():
            if other.standing.open or other.standing.reopens:
                view, agent = other.run.view, REPLAY + self._at(thing.name)
                if any(view.agent_of(phase.number) == agent for phase in view.phases):
                    return f"run {other.run.id} replays it"
        return _evidence(changed_answers(read.run))

    def _in_edits(self, read: _Read, thing: Thing) -> str:
        named = spare.ids_in(read.run.journal.raw())
        form = self._session.repository.object_format
        for name in _names(self._at(thing.name)):
            path = os.path.join(self._at(thing.name), name)
            if sha256_of(path) != name:
                return "an edit in it is not as it was saved"
            with open(path, "rb") as file:
                if object_id("blob", file.read(), form) not in named:
                    return "an edit in it is in no change set"
        return ""

    # --- parts of parts -------------------------------------------------------------------------

    def _at(self, name: str) -> str:
        return os.path.join(self._paths.root, name)

    def _thing(
        self,
        kind: Kind,
        name: str,
        paths: list[str] | None = None,
        *,
        run: str = "",
        stays: str = "",
    ) -> Thing:
        parts = [self._at(name)] if paths is None else paths
        read = self.runs.get(run)
        return Thing(
            kind, name, tuple(parts), sum(map(_bytes, parts)), run, stays,
            read.began if read else "",
        )  # fmt: skip

    def _of_process(self, name: str, pid: int) -> Thing:
        stays = f"process {pid} is at work with it" if is_alive(pid) else ""
        return self._thing("left-over", name, stays=stays)

    def _folders(self, part: str) -> dict[str, list[str]]:
        """Return the folders of a part, each with the notes that stand beside it, by name."""
        out: dict[str, list[str]] = {}
        for name in _names(self._at(part)):
            note = next((end for end in _NOTES if name.endswith(end)), "")
            # The folder comes first in the order of names, and so it goes first.
            out.setdefault(name.removesuffix(note), []).append(self._at(f"{part}/{name}"))
        return out


def _runs(session: Session) -> dict[str, _Read]:
    """Read every run there is, by name; one that can't be read says why."""
    out: dict[str, _Read] = {}
    for name in _names(session.paths.runs):
        read = _Read(session.run(RunId(name)))
        try:
            read.records = list(read.run.journal.load())
            if read.records:  # else it is what a crash before its first event left behind
                read.standing = standing_of(name, read.run.view, current=False)
                out[name] = read
        except (ClubosError, OSError, ValueError, KeyError, TypeError) as error:
            words = error.message if isinstance(error, ClubosError) else str(error)
            read.standing = Standing(name, damage=words)
            out[name] = read
    whole = [read for read in out.values() if not read.standing.damage]
    whole.sort(key=lambda read: (read.standing.open, read.began, read.run.id))
    for read in whole[-1:]:
        read.standing = standing_of(read.run.id, read.run.view, current=True)
    return out


def _evidence(changed: list[str]) -> str:
    return f"it is evidence: {changed[0]}" if changed else ""


def _process(name: str, prefix: str, separator: str) -> int:
    """Return the number of the process that a name bears; 0 for another's name."""
    found = re.match(rf"{re.escape(prefix)}(\d+){separator}.", name)
    return int(found[1]) if found else 0


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _bytes(path: str) -> int:
    """Return how much of the disk a file or a folder takes; nothing is reached through a link."""
    total, waiting = 0, [path]
    while waiting:
        place = waiting.pop()
        with suppress(OSError):  # it went meanwhile, or an agent took its permissions away
            status = os.lstat(place)
            total += status.st_blocks * 512
            if stat.S_ISDIR(status.st_mode):
                waiting += [os.path.join(place, name) for name in os.listdir(place)]
    return total
