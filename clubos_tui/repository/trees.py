"""Trees: read only as far as they are asked about, compared, and patched into new ones.

A tree of a large repository has tens of thousands of entries and a change touches a few, so
nothing here reads more folders than lie on the way to what is wanted, but for a caller that
iterates over all of a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import NamedTuple

from clubos_tui.changes.manifest import EXECUTABLE, FILE, BlobId, Entry, path_bytes, path_text
from clubos_tui.errors import GitFailed
from clubos_tui.repository.objects import NewObject, ObjectReader, new_hash, object_id

TREE_MODE = "40000"
KEPT_FOLDERS = 8192

Rows = Mapping[bytes, tuple[str, str]]  # name → (mode, id)


class Difference(NamedTuple):
    """A path whose entry is not the same in two trees."""

    path: str
    before: Entry | None
    after: Entry | None


def parse_tree(data: bytes, id_bytes: int) -> dict[bytes, tuple[str, str]]:
    """Return name → (mode, id) of a tree object."""
    rows, at = {}, 0
    while at < len(data):
        space = data.index(b" ", at)
        nul = data.index(b"\0", space)
        end = nul + 1 + id_bytes
        rows[data[space + 1 : nul]] = (data[at:space].decode(), data[nul + 1 : end].hex())
        at = end
    return rows


def format_tree(rows: Rows) -> bytes:
    """Return the tree object of name → (mode, id); git sorts folders as if they ended in ``/``."""
    ordered = sorted(rows, key=lambda name: name + b"/" if rows[name][0] == TREE_MODE else name)
    return b"".join(
        rows[name][0].encode() + b" " + name + b"\0" + bytes.fromhex(rows[name][1])
        for name in ordered
    )


def _entry(mode: str, blob: str) -> Entry:
    """Return an entry with its mode as today's git writes it; old trees hold 100664 and such."""
    if mode.startswith("100"):
        mode = EXECUTABLE if int(mode, 8) & 0o100 else FILE
    return Entry(mode, BlobId(blob))


class Trees:
    """Reads, compares and patches the trees of one repository."""

    def __init__(self, reader: ObjectReader, object_format: str) -> None:
        self._reader = reader
        self._format = object_format
        self._id_bytes = new_hash(object_format).digest_size
        self._kept: dict[str, Rows] = {}
        self._lock = Lock()  # a screen and a driver's thread may ask at once
        self.empty = object_id("tree", b"", object_format)
        self._keep(self.empty, {})

    def rows(self, tree: str) -> Rows:
        """Return what one folder holds; :class:`GitFailed` where it is no tree, or missing."""
        found = self._kept.get(tree)
        if found is None:
            kind, data = self._reader.read(tree)
            if kind != "tree":
                raise GitFailed(f"{tree} is a {kind}, not a tree")
            found = parse_tree(data, self._id_bytes)
            self._keep(tree, found)
        return found

    def _keep(self, tree: str, rows: Rows) -> None:
        with self._lock:
            if len(self._kept) >= KEPT_FOLDERS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[tree] = rows

    def flatten(self, tree: str, prefix: bytes = b"") -> dict[str, Entry]:
        """Return every file of a tree by path."""
        out: dict[str, Entry] = {}
        folders = [(prefix, tree)]
        while folders:
            prefix, folder = folders.pop()
            for name, (mode, child) in self.rows(folder).items():
                if mode == TREE_MODE:
                    folders.append((prefix + name + b"/", child))
                else:
                    out[path_text(prefix + name)] = _entry(mode, child)
        return out

    def find(self, tree: str, path: str) -> tuple[str, str] | None:
        """Return mode and id of what lies at ``path``, a folder included, or ``None``."""
        *folders, name = path_bytes(path).split(b"/")
        for folder in folders:
            mode, child = self.rows(tree).get(folder, ("", ""))
            if mode != TREE_MODE:
                return None
            tree = child
        return self.rows(tree).get(name)

    def diff(self, old: str, new: str) -> list[Difference]:
        """Return the paths whose entries differ, in path order."""
        out: list[Difference] = []
        pairs = [(b"", old, new)] if old != new else []
        while pairs:
            prefix, one, other = pairs.pop()
            before, after = self.rows(one), self.rows(other)
            for name in before.keys() | after.keys():
                left, right = before.get(name), after.get(name)
                if left == right:
                    continue
                left_folder = left[1] if left and left[0] == TREE_MODE else self.empty
                right_folder = right[1] if right and right[0] == TREE_MODE else self.empty
                if left_folder != right_folder:
                    pairs.append((prefix + name + b"/", left_folder, right_folder))
                was = _entry(*left) if left and left[0] != TREE_MODE else None
                now = _entry(*right) if right and right[0] != TREE_MODE else None
                if was != now:
                    out.append(Difference(path_text(prefix + name), was, now))
        return sorted(out, key=lambda item: path_bytes(item.path))

    def patch(self, tree: str, puts: Mapping[str, Entry | None]) -> tuple[str, list[NewObject]]:
        """Return the id of ``tree`` with ``puts`` in it, and the tree objects that are new.

        ``None`` takes a path out; a folder that becomes empty goes with it. A file where a folder
        was, or the other way round, needs the old paths taken out in the same call.
        """
        made: list[NewObject] = []
        nested: dict[bytes, dict[str, Entry | None]] = {}
        rows = dict(self.rows(tree))
        # Take out before putting in, so that a file can make room for a folder.
        for path, entry in sorted(puts.items(), key=lambda item: item[1] is not None):
            head, slash, rest = path_bytes(path).partition(b"/")
            if slash:
                nested.setdefault(head, {})[path_text(rest)] = entry
            elif entry is None:
                rows.pop(head, None)
            else:
                rows[head] = (entry.mode, entry.blob)
        for name, inner in nested.items():
            mode, child = rows.get(name, (TREE_MODE, self.empty))
            if mode != TREE_MODE:
                if all(entry is None for entry in inner.values()):
                    continue
                raise GitFailed(f"{path_text(name)} is a file and cannot hold other files")
            child, new = self.patch(child, inner)
            made.extend(new)
            if child == self.empty:
                rows.pop(name, None)
            else:
                rows[name] = (TREE_MODE, child)
        data = format_tree(rows)
        built = object_id("tree", data, self._format)
        if built != tree:
            made.append(NewObject("tree", built, data))
            self._keep(built, rows)
        return built, made


class Tree(Mapping[str, Entry]):
    """A tree's files by path; only what is asked for is read."""

    def __init__(self, trees: Trees, tree: str) -> None:
        self._trees = trees
        self.id = tree
        self._all: dict[str, Entry] | None = None

    def __getitem__(self, path: str) -> Entry:
        if self._all is not None:
            return self._all[path]
        found = self._trees.find(self.id, path)
        if found is None or found[0] == TREE_MODE:
            raise KeyError(path)
        return _entry(*found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tree) and other.id == self.id:
            return True
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def under(self, folder: str) -> Mapping[str, Entry]:
        """Return what lies below ``folder`` (all of it for ``""``), by its whole path."""
        if not folder:
            return self._whole()
        found = self._trees.find(self.id, folder)
        if found is None or found[0] != TREE_MODE:
            return {}
        return self._trees.flatten(found[1], path_bytes(folder) + b"/")

    def directly(self, folder: str) -> Mapping[str, Entry]:
        """Return the files that lie in ``folder`` itself, by their whole path."""
        before = f"{folder}/" if folder else ""
        return {
            before + path_text(raw): _entry(mode, blob)
            for raw, (mode, blob) in self._rows(folder).items()
            if mode != TREE_MODE
        }

    def folders(self, folder: str) -> frozenset[str]:
        """Return the folders that lie in ``folder`` itself, by their whole path."""
        before = f"{folder}/" if folder else ""
        rows = self._rows(folder).items()
        return frozenset(before + path_text(raw) for raw, (mode, _) in rows if mode == TREE_MODE)

    def alike(self, paths: Iterable[str], fold: Callable[[str], str]) -> Iterator[str]:
        """Yield the files that, spelled by ``fold``, are one of ``paths``, or are above or below.

        Of the files below a folder one stands for all. A path that is in the tree yields itself.
        """
        spelled: dict[str, dict[str, list[bytes]]] = {}
        for path in paths:
            folders = [""]
            *above, last = path.split("/")
            for part in above:
                found = [item for folder in folders for item in
                         self._spelled(folder, part, fold, spelled)]  # fmt: skip
                yield from (item for item, is_folder in found if not is_folder)
                folders = [f"{item}/" for item, is_folder in found if is_folder]
            for folder in folders:
                for item, is_folder in self._spelled(folder, last, fold, spelled):
                    yield next(iter(self.under(item))) if is_folder else item

    def _spelled(
        self,
        folder: str,
        name: str,
        fold: Callable[[str], str],
        known: dict[str, dict[str, list[bytes]]],
    ) -> Iterator[tuple[str, bool]]:
        """Yield what is spelled like ``name`` in a folder, and whether it is one itself."""
        rows = self._rows(folder)
        names = known.get(folder)
        if names is None:
            names = known[folder] = {}
            for raw in rows:
                names.setdefault(fold(path_text(raw)), []).append(raw)
        for raw in names.get(fold(name), ()):
            yield folder + path_text(raw), rows[raw][0] == TREE_MODE

    def _rows(self, folder: str) -> Rows:
        found = self._trees.find(self.id, folder.rstrip("/")) if folder else (TREE_MODE, self.id)
        return self._trees.rows(found[1]) if found and found[0] == TREE_MODE else {}

    def _whole(self) -> dict[str, Entry]:
        if self._all is None:
            self._all = self._trees.flatten(self.id)
        return self._all
