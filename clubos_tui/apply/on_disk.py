"""In which form a checkout holds the files of a change, and which have no file there at all.

Trees hold blobs; a work tree may hold them with other line ends, without execute bits or links,
or, in a sparse checkout, not at all. Reads only; what git would do is asked of
:mod:`clubos_tui.repository.rules`, which runs no filter.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from clubos_tui.apply.hooks import Hooks
from clubos_tui.apply.standing import entry_of, same
from clubos_tui.changes.manifest import (
    ANY_FILE,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    BlobId,
    Entry,
    Write,
)
from clubos_tui.disk import Found, read_path
from clubos_tui.errors import InTheWay
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.index import Index
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.rules import ATTRIBUTES, Rules, Sources, drivers, line_ends
from clubos_tui.repository.settings import Settings, read_settings
from clubos_tui.repository.workshop import Workshop

_REGULAR = frozenset({FILE, EXECUTABLE})
_BY_HAND = "Leave them out of the change, and change them with git."
Known = Callable[[str], Entry | None]


@dataclass(frozen=True, slots=True)
class Rows:
    """The writes of a transaction on a checkout: those to files, and those to the index alone."""

    writes: tuple[Write, ...]
    index_only: tuple[Write, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)  # of files git converts
    links: bool = True
    object_format: str = "sha1"

    @property
    def all(self) -> tuple[Write, ...]:
        """Both."""
        return (*self.writes, *self.index_only)

    def hooks(self, hooks: Hooks) -> Hooks:
        """Return ``hooks`` whose contents have the form that the work tree holds."""
        if self.links and not self.contents:
            return hooks

        def content(write: Write) -> Found:
            found = hooks.content(write)
            if same(entry_of(found, self.object_format), write.wanted):
                return found  # kept from this very work tree
            mode = FILE if found.mode == SYMLINK and not self.links else found.mode
            return Found(mode, self.contents.get(write.path, found.data), found.permissions)

        return replace(hooks, content=content)


def rows_on_disk(
    repository: Repository,
    workshop: Workshop,
    index: Index,
    rows: tuple[Write, ...],
    scratch: str,
) -> Rows:
    """Find the form each path has on disk before and after its write.

    Raises :class:`InTheWay` where only a program of the person's (a filter, as of Git LFS) or git
    itself (a submodule) knows that form.
    """
    settings = read_settings(repository.git)
    found = {row.path: _found(repository.root, row.path) for row in rows}
    hidden = _hidden(repository, workshop, index, rows, found, settings, scratch)
    shown = [row for row in rows if row.path not in hidden]
    refuse_foreign(repository, workshop, rows, index.first, scratch, settings)
    converted = _Converted(repository, workshop, index, settings, scratch)
    forms, contents = converted.forms(shown, found)
    links = settings.flag("core.symlinks", default=True)
    bits = settings.flag("core.filemode", default=True)
    forms = [_with_modes(row, found[row.path], bits=bits, links=links) for row in forms]
    still = {
        row.path
        for row in forms
        if row.before and row.after and row.expected == row.wanted
        and same(entry_of(found[row.path], workshop.object_format), row.expected)
    }  # fmt: skip
    by_path = {row.path: row for row in forms}
    return Rows(
        tuple(row for row in forms if row.path not in still),
        tuple(by_path.get(row.path, row) for row in rows if row.path in hidden | still),
        contents,
        links,
        workshop.object_format,
    )


def refuse_foreign(
    repository: Repository,
    workshop: Workshop,
    rows: Iterable[Write],
    known: Known,
    scratch: str,
    settings: Settings | None = None,
) -> None:
    """Raise :class:`InTheWay` for paths that only another program may write."""
    rows = list(rows)
    modules = [row.path for row in rows if GITLINK in _modes(row)]
    if modules:
        raise InTheWay(modules, "these are submodules, whose pointers only git moves", _BY_HAND)
    settings = settings or read_settings(repository.git)
    named = drivers(settings)
    if not named:
        return
    files = [row.path for row in rows if _is_regular(row)]
    wrong: dict[str, str] = {}
    for after in (False, True) if any(_is_attributes(row.path) for row in rows) else (False,):
        with _rules(repository, workshop, rows, known, settings, scratch, after=after) as rules:
            found = rules.attributes(files) if rules else {}
        filters = {path: values.get("filter", "") for path, values in found.items()}
        wrong.update({path: name for path, name in filters.items() if name in named})
    if wrong:
        names = ", ".join(sorted(set(wrong.values())))
        raise InTheWay(
            sorted(wrong),
            f"the filter {names!r} (filter.{names}.* in git's configuration) converts these files, "
            "and clubos runs no program that a repository names",
            _BY_HAND,
        )


class _Converted:
    """Line ends, encodings and ``$Id$``: what lies on disk for a blob."""

    def __init__(
        self,
        repository: Repository,
        workshop: Workshop,
        index: Index,
        settings: Settings,
        scratch: str,
    ) -> None:
        self._repository = repository
        self._workshop = workshop
        self._index = index
        self._settings = settings
        self._scratch = scratch

    def forms(
        self, rows: list[Write], found: Mapping[str, Found | None]
    ) -> tuple[list[Write], dict[str, bytes]]:
        """Return the rows with the forms in them, and the contents of the converted ones."""
        files = [row for row in rows if _is_regular(row)]
        if not files:
            return rows, {}
        changes_rules = any(_is_attributes(row.path) for row in rows)
        with self._rules(rows, after=False) as rules:
            old = self._before(rules, files, found) if rules else {}
            if rules and not changes_rules:
                new = self._after(rules, files)
        if changes_rules:
            with self._rules(rows, after=True) as rules:
                new = self._after(rules, files) if rules else {}
        elif not rules:
            new = {}
        return [self._with_forms(row, old, new) for row in rows], new

    def _rules(self, rows: Iterable[Write], *, after: bool) -> AbstractContextManager[Rules | None]:
        return _rules(
            self._repository, self._workshop, rows, self._index.first,
            self._settings, self._scratch, after=after,
        )  # fmt: skip

    def _with_forms(self, row: Write, old: Mapping[str, BlobId], new: Mapping[str, bytes]) -> Write:
        if row.before and row.path in old and not row.disk_before:
            row = replace(row, disk_before=Entry(row.before.mode, old[row.path]))
        if row.after and row.path in new and not row.disk_after:
            blob = BlobId(object_id("blob", new[row.path], self._workshop.object_format))
            row = replace(row, disk_after=Entry(row.after.mode, blob))
        return row

    def _converting(self, rules: Rules, rows: Iterable[Write]) -> set[str]:
        """Return the paths for which git may write other bytes than the blob's."""
        automatic = line_ends(self._settings) != "false"
        out = set()
        for path, values in rules.attributes([row.path for row in rows]).items():
            text = values.pop("text", "")
            values.pop("filter", None)
            if values or text not in {"", "unset"} or (automatic and text != "unset"):
                out.add(path)
        return out

    def _before(
        self, rules: Rules, rows: list[Write], found: Mapping[str, Found | None]
    ) -> dict[str, BlobId]:
        """Return path → the id of what lies there, where git takes that for the blob."""
        form = self._workshop.object_format
        lies = {path: object_id("blob", item.data, form) for path, item in found.items() if item}
        other = [row for row in rows
                 if row.before and row.before.mode in _REGULAR and not row.disk_before
                 and lies.get(row.path, row.before.blob) != row.before.blob]  # fmt: skip
        paths = self._converting(rules, other) if other else set()
        blobs = {row.path: row.before.blob for row in other if row.before and row.path in paths}
        written = rules.on_disk(blobs) if blobs else {}
        out = {}
        for path, blob in blobs.items():
            item = found[path]
            assert item
            if item.data == written[path] or rules.taken_for(path, item.data) == blob:
                out[path] = BlobId(lies[path])
        return out

    def _after(self, rules: Rules, rows: list[Write]) -> dict[str, bytes]:
        coming = [row for row in rows
                  if row.after and row.after.mode in _REGULAR and not row.disk_after]  # fmt: skip
        paths = self._converting(rules, coming) if coming else set()
        blobs = {row.path: row.after.blob for row in coming if row.after and row.path in paths}
        return rules.on_disk(blobs) if blobs else {}


@contextmanager
def _rules(
    repository: Repository,
    workshop: Workshop,
    rows: Iterable[Write],
    known: Known,
    settings: Settings,
    scratch: str,
    *,
    after: bool,
) -> Iterator[Rules | None]:
    """Open the rules for these paths; ``None`` where no attribute and no setting converts."""
    rows = list(rows)
    sources = Sources.of(repository, settings)
    files = _attribute_files(repository, workshop, rows, known, after=after)
    if not files and not sources.any and line_ends(settings) == "false":
        yield None
        return
    rules = Rules(workshop, settings, sources, scratch, files)
    try:
        yield rules
    finally:
        rules.close()


def _attribute_files(
    repository: Repository, workshop: Workshop, rows: list[Write], known: Known, *, after: bool
) -> dict[str, bytes]:
    """Return the attribute files that speak about ``rows``: as on disk, else as in the index."""
    folders = {"/".join(row.path.split("/")[:depth]) for row in rows
               for depth in range(row.path.count("/") + 1)}  # fmt: skip
    changed = {row.path: row for row in rows} if after else {}
    out = {}
    for folder in folders:
        path = f"{folder}/{ATTRIBUTES}" if folder else ATTRIBUTES
        entry = known(path)
        if path in changed:
            entry = changed[path].after
            if entry is None:
                continue
        else:
            found = _found(repository.root, path)
            if found and found.mode in _REGULAR:
                out[path] = found.data
                continue
        if entry and entry.mode in _REGULAR:
            out[path] = workshop.objects.blob(entry.blob)
    return out


def _hidden(
    repository: Repository,
    workshop: Workshop,
    index: Index,
    rows: tuple[Write, ...],
    found: Mapping[str, Found | None],
    settings: Settings,
    scratch: str,
) -> set[str]:
    """Return the paths that a sparse checkout has no file for, and none of the person's lies at."""
    absent = [row for row in rows if found[row.path] is None]
    out = {row.path for row in absent if index.skips(row.path)}
    new = {row.path for row in absent if row.before is None and row.after}
    patterns = os.path.join(repository.git_dir, "info", "sparse-checkout")
    if not new or not settings.flag("core.sparsecheckout") or not os.path.isfile(patterns):
        return out
    with open(patterns, "rb") as file:
        text = file.read()
    rules = Rules(workshop, settings, Sources(b"", b""), scratch, {})
    try:
        return out | rules.outside(new, text, cone=settings.flag("core.sparsecheckoutcone"))
    finally:
        rules.close()


def _with_modes(row: Write, found: Found | None, *, bits: bool, links: bool) -> Write:
    """Return ``row`` with the modes this disk can show."""
    before, after = row.disk_before or row.before, row.disk_after or row.after
    shown_before = _mode(before, bits=bits, links=links or bool(found and found.mode == SYMLINK))
    shown_after = _mode(after, bits=bits, links=links)
    return replace(
        row,
        disk_before=shown_before if shown_before != row.before else row.disk_before,
        disk_after=shown_after if shown_after != row.after else row.disk_after,
    )


def _mode(entry: Entry | None, *, bits: bool, links: bool) -> Entry | None:
    if entry and entry.mode in _REGULAR and not bits:
        return Entry(ANY_FILE, entry.blob)
    if entry and entry.mode == SYMLINK and not links:
        return Entry(FILE if bits else ANY_FILE, entry.blob)
    return entry


def _is_regular(row: Write) -> bool:
    return bool(_REGULAR & _modes(row))


def _modes(row: Write) -> set[str]:
    return {entry.mode for entry in (row.before, row.after) if entry}


def _is_attributes(path: str) -> bool:
    return path.rsplit("/", 1)[-1] == ATTRIBUTES


def _found(root: str, path: str) -> Found | None:
    try:
        return read_path(root, path)
    except OSError:
        return None  # a folder, a pipe: the transaction looks again and says so
