"""Objects of the workshop that nothing names any more: find them, and drop them.

What is named is whatever id stands in a text of ours (a journal, a transaction's record), with all
that a tree or a commit of ours holds. A pack without a spare object stays as it is; of the others
what is named is packed anew and read back before the old ones go. Packs and loose objects that
were written lately are let be, as they may be a preview's that is being made.
"""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from clubos_tui.changes.manifest import GITLINK
from clubos_tui.disk import sync_file, sync_folder
from clubos_tui.errors import GitFailed
from clubos_tui.repository.copies import copies
from clubos_tui.repository.objects import new_hash
from clubos_tui.repository.trees import TREE_MODE, parse_tree
from clubos_tui.repository.workshop import Workshop

__all__ = ["SETTLED", "Spare", "drop", "find", "ids_in"]

SETTLED = 3600.0
"""Seconds after which nobody is in the middle of making what was written."""
_ID = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Spare:
    """What would be packed anew, what would go, and how much that is."""

    keep: tuple[str, ...]  # ids
    old: tuple[tuple[str, int], ...]  # paths of an index or a loose object, with their time
    bytes: int


def ids_in(text: bytes) -> set[str]:
    """Return all that could be an object's id in a text."""
    return {found.decode() for found in _ID.findall(text)}


def find(workshop: Workshop, named: Iterable[str]) -> Spare:
    """Return what of the workshop's own objects is neither in ``named`` nor held by what is."""
    before = time.time() - SETTLED
    sizes: dict[str, dict[str, int]] = {}  # path → id → bytes
    times: dict[str, int] = {}
    for path in (*_indexes(workshop), *_loose(workshop)):
        with suppress(OSError):  # it went meanwhile
            status = os.stat(_content(path))
            if status.st_mtime <= before:
                sizes[path], times[path] = _objects(path, workshop), status.st_mtime_ns
    ours = {name for held in sizes.values() for name in held}
    reached = _reached(workshop, named, ours) if ours else set()
    spare = {path: held for path, held in sizes.items() if not reached.issuperset(held)}
    rows = [row for held in spare.values() for row in held.items()]
    return Spare(
        tuple(sorted({name for name, _ in rows if name in reached})),
        tuple((path, times[path]) for path in sorted(spare)),
        sum(size for name, size in rows if name not in reached),
    )


def drop(workshop: Workshop, spare: Spare, scratch: str, put_away: Callable[[str], None]) -> None:
    """Pack what is kept anew and hand the rest to ``put_away``; may be cut short anywhere.

    Raises :class:`GitFailed` where the new pack can't be made or does not hold all that is kept;
    then nothing was put away.
    """
    made = _repacked(workshop, spare.keep, scratch) if spare.keep else ""
    for path, written in spare.old:
        with suppress(FileNotFoundError):
            if path == made or os.stat(_content(path)).st_mtime_ns != written:
                continue  # somebody has just used it
            for part in (path, *_parts(path)):  # without its index nobody looks for a pack
                if os.path.lexists(part):
                    put_away(part)
    workshop.close()


def _repacked(workshop: Workshop, keep: tuple[str, ...], scratch: str) -> str:
    """Write one pack of ``keep``; return the path of its index."""
    folder = os.path.join(workshop.path, "objects")
    with copies(scratch) as place:
        # git's own temporary files are in our folder too, should it be killed.
        env = {
            "GIT_OBJECT_DIRECTORY": place,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(folder),
        }
        os.makedirs(os.path.join(place, "pack"))
        name = workshop.git.run(
            "pack-objects", "-q", os.path.join(place, "pack", "pack"),
            stdin="".join(f"{item}\n" for item in keep).encode(), env=env, writes=True,
        ).decode().strip()  # fmt: skip
        made = os.path.join(place, "pack", f"pack-{name}.idx")
        workshop.git.run("verify-pack", made, env=env)
        if set(_objects(made, workshop)) != set(keep):
            raise GitFailed(
                "the workshop's new pack does not hold what it should",
                untouched="No object was let go.",
                cure=f"Look at the disk, and run: git --git-dir={workshop.path} fsck",
            )
        target = os.path.join(folder, "pack", f"pack-{name}.idx")
        for part in (*_parts(made), made):  # the index last: from then on git finds it
            if os.path.lexists(part):
                sync_file(part)
                os.rename(part, os.path.join(folder, "pack", os.path.basename(part)))
        sync_folder(os.path.join(folder, "pack"))
        return target


def _quoted(folder: str) -> str:
    """Return a folder for git's list of them, which a colon would end."""
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# --- what there is ------------------------------------------------------------------------------


def _indexes(workshop: Workshop) -> list[str]:
    folder = os.path.join(workshop.path, "objects", "pack")
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".idx")]


def _loose(workshop: Workshop) -> list[str]:
    out = []
    top = os.path.join(workshop.path, "objects")
    for folder in os.listdir(top):
        if re.fullmatch(r"[0-9a-f]{2}", folder):
            names = os.listdir(os.path.join(top, folder))
            out += [os.path.join(top, folder, name) for name in names if _is_rest(name)]
    return out


def _is_rest(name: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{38}|[0-9a-f]{62}", name) is not None


def _content(path: str) -> str:
    """Return the file whose time git renews when it meets an object again."""
    return f"{path[:-4]}.pack" if path.endswith(".idx") else path


def _parts(path: str) -> tuple[str, ...]:
    """Return what else belongs to a pack, given its index; nothing for a loose object."""
    stem = path[:-4] if path.endswith(".idx") else ""
    return (f"{stem}.pack", f"{stem}.rev") if stem else ()


def _objects(path: str, workshop: Workshop) -> dict[str, int]:
    """Return the objects of a pack, given its index, or a loose one; with their bytes."""
    if not path.endswith(".idx"):
        folder, name = os.path.split(path)
        return {os.path.basename(folder) + name: os.stat(path).st_size}
    width = new_hash(workshop.object_format).digest_size
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"\377tOc\0\0\0\2":
        raise GitFailed(f"{path} is no index of a pack, version 2", untouched="Nothing was done.")
    (count,) = struct.unpack_from(">I", data, 8 + 255 * 4)
    names = 8 + 256 * 4
    offsets = names + count * (width + 4)
    far = offsets + count * 4
    places = []
    for number, (near,) in enumerate(struct.iter_unpack(">I", data[offsets:far])):
        at = near
        if near >> 31:
            (at,) = struct.unpack_from(">Q", data, far + (near & 0x7FFFFFFF) * 8)
        places.append((at, data[names + number * width : names + (number + 1) * width].hex()))
    places.sort()
    ends = [at for at, _ in places[1:]] + [os.path.getsize(_content(path)) - width]
    return {name: end - at for (at, name), end in zip(places, ends, strict=True)}


# --- what is named ------------------------------------------------------------------------------


def _reached(workshop: Workshop, named: Iterable[str], ours: set[str]) -> set[str]:
    """Return what of ``ours`` is named, or held by what is.

    Of the person's own history only the trees are looked into: no commit of theirs has one of
    ours before it, but for those that are named themselves.
    """
    width = new_hash(workshop.object_format).digest_size
    kinds = _kinds(workshop, named)
    reached = set(kinds)
    waiting = [(name, kind) for name, kind in kinds.items() if kind != "blob"]
    while waiting:
        name, kind = waiting.pop()
        try:
            _, data = workshop.objects.read(name)
        except GitFailed:  # the person's git has thrown it away
            continue
        for held, its_kind in _held(data, kind, width, ours):
            if held not in reached:
                reached.add(held)
                if its_kind != "blob":
                    waiting.append((held, its_kind))
    return reached & ours


def _held(data: bytes, kind: str, width: int, ours: set[str]) -> Iterable[tuple[str, str]]:
    if kind == "tree":
        for mode, child in parse_tree(data, width).values():
            if mode != GITLINK:
                yield child, "tree" if mode == TREE_MODE else "blob"
        return
    for line in data.split(b"\n\n", 1)[0].split(b"\n"):
        word, _, value = line.partition(b" ")
        if word == b"tree":
            yield value.decode(), "tree"
        elif word == b"parent" and value.decode() in ours:
            yield value.decode(), "commit"


def _kinds(workshop: Workshop, named: Iterable[str]) -> dict[str, str]:
    """Return the kind of each object that is there."""
    length = 2 * new_hash(workshop.object_format).digest_size
    asked = "".join(f"{name}\n" for name in sorted(named) if len(name) == length)
    answer = workshop.git.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked.encode()
    )
    rows = [line.split(" ") for line in answer.decode().splitlines()]
    return {name: kind for name, kind in rows if kind in {"blob", "tree", "commit"}}
