"""A folder of ours that is brought from one tree to the next, so that cost follows the change.

The workspace and the stage are laid out once; after that a new base costs what differs from the
last one. Two files stand beside the folder: what is known of its files (:mod:`.known`), saved now
and then, and a mark that names the tree it holds now. The mark goes before anything may change a
file, so after a crash there is none, and the folder is looked at and mended.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from clubos_tui.changes.manifest import Entry, path_bytes, path_text
from clubos_tui.codec import canonical
from clubos_tui.disk import aside, looks_of, parent_of, sync_file_system
from clubos_tui.errors import GitFailed, HostilePath
from clubos_tui.repository.ignored import IGNORE, IgnoreRules
from clubos_tui.repository.workshop import Workshop
from clubos_tui.workspace.export import Progress, export, remove
from clubos_tui.workspace.known import Known, load
from clubos_tui.workspace.scan import Scan, Way, look, read_entry
from clubos_tui.workspace.secrets import is_secret, withheld
from clubos_tui.workspace.touched import Touched
from clubos_tui.workspace.untracked import Untracked, folders_of, lies_in


def _no_progress(_done: int, _total: int) -> None: ...


class Layout:
    """One folder, the tree it holds, and the way to the next tree.

    With ``hide``, tracked secrets are kept out of it (P12). With ``ignore``, what git ignores is
    left behind by a scan: it stays for the next one, and is gone when another tree is brought.
    """

    def __init__(
        self, folder: str, workshop: Workshop, *, hide: bool, ignore: IgnoreRules | None = None
    ) -> None:
        self.folder = folder
        self._workshop = workshop
        self._hide = hide
        self._ignore = ignore
        self._left: Collection[bytes] = ()
        self._known = (os.path.isdir(folder) and load(_note(folder))) or Known()
        self._touched: Touched | None = None
        self._sure = self._catch_up()

    def _catch_up(self) -> bool:
        """Bring what was saved to the tree that the mark names; ``False`` without a mark."""
        try:
            with open(_mark(self.folder), "rb") as file:
                mark = json.loads(file.read())
        except (OSError, ValueError):
            return False
        if not self._known.tree:
            return False
        try:
            _expect(self._known, self._workshop, mark["tree"], set(mark["hidden"]))
        except GitFailed:  # the person rewrote history, and git has thrown that tree away
            return False
        self._known.hidden = tuple(mark["hidden"])
        self._known.empty = tuple(map(path_bytes, mark["empty"]))
        self._left = frozenset(map(path_bytes, mark.get("left", ())))
        return True

    @property
    def holds(self) -> str:
        """The tree the folder holds; empty where that is not known."""
        return self._known.tree if self._sure else ""

    @property
    def hidden(self) -> tuple[str, ...]:
        """The paths of that tree that are withheld."""
        return self._known.hidden

    @property
    def left(self) -> tuple[str, ...]:
        """What the last scan left behind, as git ignores it; a folder ends in ``/``."""
        return tuple(map(path_text, sorted(self._left)))

    def bring(self, tree: str, progress: Progress = _no_progress, *, keep: bool = False) -> None:
        """Make the folder hold ``tree``, whatever an agent or a crash left in it.

        With ``keep``, what was left behind stays where the folder holds that tree already. It is
        gone after a crash: nobody could tell how far it had come.
        """
        kept = self._left if keep and self.holds == tree else ()
        if self._touched and self._written(self._touched.take()):
            self._doubt()  # somebody wrote there after the last look
        there = os.path.isdir(self.folder)
        if self.holds == tree and there and len(kept) == len(self._left):
            return
        sure = self._sure
        self._doubt()
        try:
            if not there:
                self._export(tree, progress)
            elif sure:
                self._clear()
                self._move(tree, progress)
            else:
                self._mend(tree, progress, kept)
        except (OSError, HostilePath, GitFailed):
            # An agent took permissions away, or made what no tree holds, or the tree it held is
            # no more: begin anew.
            self.close()
            remove(self.folder)
            self._export(tree, progress)
        self._left = kept if there and not sure else ()
        self.settle(tree)
        for raw in (self._touched.take() or ()) if self._touched else ():  # by us
            if raw.endswith(b"/") and self._touched:
                self._touched.watch_below(raw)

    def _written(self, touched: Collection[bytes] | None) -> bool:
        """Tell whether anything but what was left behind may have been written to."""
        return touched is None or not all(lies_in(raw, self._left) for raw in touched)

    def hand_over(self) -> None:
        """Let an agent in: from now on the folder may change, and what is touched is noted."""
        if self._touched is None:
            self._touched = Touched(self.folder)
            self._touched.watch_below(b"", self._left)
        self._doubt()

    def scan(self, stop: Callable[[], None] = lambda: None) -> Scan:
        """Find out what differs from the tree it held; :class:`HostilePath` as in ``scan``."""
        known = self._known
        touched = self._touched.take() if self._touched else None
        if self._touched is None or touched is None:
            self.close()
            self._touched = Touched(self.folder)  # it watches what the look enters
        elif any(raw.rpartition(b"/")[2] == IGNORE for raw in touched):
            touched = None  # other rules: what was left behind may be tracked now
        tree, known.tree = known.tree, ""  # a look that fails has learned a part
        with self.untracked(stop) as untracked:
            found = look(
                self.folder,
                known,
                object_format=self._workshop.object_format,
                touched=touched,
                stop=stop,
                way=Way(untracked, self._left, self._touched.watch),
            )
        known.tree, self._left = tree, frozenset(found.left)
        return found

    @contextmanager
    def untracked(self, stop: Callable[[], None] = lambda: None) -> Iterator[Untracked | None]:
        """Tell which paths a scan would leave behind now."""
        if self._ignore is None:
            yield None
            return
        with self._ignore.asked(self.folder, stop) as ignored:
            yield Untracked(self._known, ignored)

    def settle(self, tree: str) -> None:
        """Say that the folder holds ``tree``: what :meth:`scan` found was built into it."""
        known = self._known
        known.tree = tree
        known.let_in()
        if known.worth_saving or not os.path.exists(_note(self.folder)):
            known.save(_note(self.folder))
        mark = {
            "tree": tree, "hidden": known.hidden, "empty": list(map(path_text, known.empty)),
            "left": self.left,
        }  # fmt: skip
        part = f"{_mark(self.folder)}.part"
        with open(part, "wb") as file:
            file.write(canonical(mark))
        os.rename(part, _mark(self.folder))
        self._sure = True

    def close(self) -> None:
        """Stop noting what is touched."""
        if self._touched:
            self._touched.close()
            self._touched = None

    def _doubt(self) -> None:
        """Take the mark away: what the folder holds is not sure any more."""
        with suppress(FileNotFoundError):
            os.unlink(_mark(self.folder))
        self._sure = False

    def take_over(self, other: str, tree: str) -> bool:
        """Become the folder ``other`` of ours, if it holds ``tree`` to the last byte."""
        known = load(_note(other))
        if known is None or not known.tree:
            return False
        try:
            _expect(known, self._workshop, tree, set())
            if look(other, known, object_format=self._workshop.object_format).puts:
                return False
            os.rename(other, self.folder)
        except (OSError, HostilePath, GitFailed):
            return False
        self._known = known
        self.settle(tree)
        for left in notes(other):
            with suppress(FileNotFoundError):
                os.unlink(left)
        return True

    def become(self, folder: str) -> None:
        """Take the name ``folder``; from now on others write there."""
        self._doubt()
        sync_file_system(self.folder)  # a power cut must not leave empty files under that name
        os.rename(_note(self.folder), _note(folder))
        os.rename(self.folder, folder)
        self.folder = folder

    # --- ways ---------------------------------------------------------------------------------

    def _clear(self) -> None:
        """Remove what was left behind; an agent that is still there can't lead us elsewhere."""
        for path in self.left:
            with (
                suppress(FileNotFoundError),
                parent_of(self.folder, path.rstrip("/")) as (fd, name),
            ):
                if path.endswith("/"):
                    top = f"{aside().decode()}.left"
                    os.rename(name, os.path.join(self.folder, top), src_dir_fd=fd)
                    remove(os.path.join(self.folder, top))
                else:
                    os.unlink(name, dir_fd=fd)
            self._remove_emptied(path.rstrip("/").rpartition("/")[0])

    def _move(self, tree: str, progress: Progress) -> None:
        """Rewrite what differs between the tree it holds and ``tree``."""
        known, hidden = self._known, set(self._known.hidden)
        rows = self._workshop.trees.diff(known.tree, tree)
        for row in rows:
            if self._hide and is_secret(row.path):
                (hidden.add if row.after else hidden.discard)(row.path)
            elif row.before:
                self._take_out(row.path)
                known.put(row.path, None)
        for raw in known.empty:
            self._remove_emptied(path_text(raw))
        known.empty, known.hidden = (), tuple(sorted(hidden))
        puts = {row.path: row.after for row in rows if row.after and row.path not in hidden}
        self._write(puts, progress)

    def _export(self, tree: str, progress: Progress) -> None:
        self._known = Known()
        self._write(self._wanted(tree), progress)

    def _wanted(self, tree: str) -> dict[str, Entry]:
        """Return the files to lay out; notes which are withheld."""
        files = self._workshop.files(tree)
        self._known.hidden = withheld(files) if self._hide else ()
        hidden = set(self._known.hidden)
        return {path: entry for path, entry in files.items() if path not in hidden}

    def _write(self, files: dict[str, Entry], progress: Progress) -> None:
        export(self._workshop, files, self.folder, progress=progress, wrote=self._known.put)

    def _take_out(self, path: str) -> None:
        with suppress(FileNotFoundError), parent_of(self.folder, path) as (fd, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=fd)  # a submodule's
            else:
                os.unlink(name, dir_fd=fd)
        self._remove_emptied(path.rpartition("/")[0])

    def _remove_emptied(self, folder: str) -> None:
        with suppress(OSError):  # not empty, or gone
            while folder := folder.rstrip("/"):
                with parent_of(self.folder, folder) as (fd, name):
                    os.rmdir(name, dir_fd=fd)
                folder = folder.rpartition("/")[0]

    def _mend(self, tree: str, progress: Progress, kept: Collection[bytes]) -> None:
        """Look at all that is there, remove what ``tree`` does not hold, write what is missing."""
        self.close()
        wanted = {path_bytes(path): entry for path, entry in self._wanted(tree).items()}
        right = self._sweep(wanted, kept)
        known = self._known
        known.rows = {raw: row for raw, row in known.rows.items() if raw in right}
        known.empty = ()
        missing = {path_text(raw): entry for raw, entry in wanted.items() if raw not in right}
        self._write(missing, progress)

    def _sweep(self, wanted: dict[bytes, Entry], kept: Collection[bytes]) -> set[bytes]:
        """Remove what is not wanted; return the paths of files that are as they should be."""
        needed = folders_of(wanted, kept)
        right: set[bytes] = set()
        root = os.fsencode(self.folder)
        folders = [b""]
        while folders:
            prefix = folders.pop()
            with os.scandir(os.path.join(root, prefix)) as found:
                items = list(found)
            for item in items:
                raw = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    if raw + b"/" in kept:
                        continue
                    if raw + b"/" in needed:
                        folders.append(raw + b"/")
                    else:  # a submodule's folder too: it is made anew, and empty
                        remove(os.fsdecode(item.path))
                elif raw in wanted and self._holds(item, raw, wanted[raw]):
                    right.add(raw)
                elif raw not in kept:
                    os.unlink(item.path)
        return right

    def _holds(self, item: os.DirEntry[bytes], raw: bytes, wanted: Entry) -> bool:
        """Tell whether a file holds ``wanted``, without reading it where it looks as it did."""
        row, status = self._known.rows.get(raw), item.stat(follow_symlinks=False)
        if row and row[2] and row[2] == looks_of(status):
            return row[0] == wanted.mode and row[1] == wanted.blob
        root = os.fsencode(self.folder)
        entry, _, status = read_entry(root, raw, status, self._workshop.object_format)
        self._known.learn(raw, entry, status)
        return entry == wanted


def is_just(folder: str, workshop: Workshop, tree: str) -> bool:
    """Tell whether a folder of ours holds ``tree`` to the last byte and nothing else."""
    known = load(_note(folder))
    try:
        if known is None or not known.tree:
            rows = workshop.files(tree).items()
            known = Known(rows={path_bytes(path): (row.mode, row.blob, None) for path, row in rows})
        else:
            _expect(known, workshop, tree, set())
        return not look(folder, known, object_format=workshop.object_format).puts
    except (OSError, HostilePath, GitFailed):
        return False


def _expect(known: Known, workshop: Workshop, tree: str, hidden: set[str]) -> None:
    """Bring what is known from its tree to ``tree``; what differs has yet to be looked at."""
    for path, before, after in workshop.trees.diff(known.tree, tree):
        if before:
            known.put(path, None)
        if after and path not in hidden:
            known.expect(after, path_bytes(path))
    known.tree = tree


def notes(folder: str) -> tuple[str, str]:
    """Return the files that stand beside a folder brought by :class:`Layout`."""
    return _note(folder), _mark(folder)


def _note(folder: str) -> str:
    return f"{folder}.known"


def _mark(folder: str) -> str:
    return f"{folder}.holds"
