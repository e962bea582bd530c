"""The way back: which writes take transactions back, and where their bytes are kept.

Pure over records: reads no repository and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clubos_tui.apply.record import Folders, Record
from clubos_tui.apply.vault import Kept, read_vault, take
from clubos_tui.changes.manifest import Entry, Write, path_bytes
from clubos_tui.disk import Found


@dataclass(frozen=True, slots=True)
class Reverse:
    """The writes that undo, the vaults that hold the bytes, what is known of folders."""

    writes: tuple[Write, ...]
    sources: dict[str, tuple[str, Kept, Entry | None]]
    folders: Folders

    def holds(self, write: Write) -> bool:
        """Tell whether a vault holds the bytes that ``write`` brings to its path."""
        return write.path in self.sources and self.sources[write.path][2] == write.wanted

    def content(self, write: Write) -> Found:
        """Return the bytes that lay at a path before, compared with their SHA-256."""
        vault, kept, _ = self.sources[write.path]
        return take(vault, kept)


def reverse(records: Sequence[Record]) -> Reverse:
    """Take ``records`` (oldest first) back in one operation.

    A path goes from what the last of them wrote to what lay there before the first. Paths a
    transaction left alone are not its writes. Raises :class:`~clubos_tui.errors.BackupFailed`
    where a vault is damaged.
    """
    first: dict[str, tuple[Write, str]] = {}
    last: dict[str, Write] = {}
    made: dict[str, None] = {}
    modes: dict[str, int] = {}
    for record in records:
        left = {item.path for item in record.last.left}
        held = [replace(row, disk_before=row.expected, disk_after=row.wanted)
                for row in record.intent.writes]  # fmt: skip
        for write in (*held, *record.intent.index_only):
            if write.path not in left:
                first.setdefault(write.path, (write, record.intent.vault))
                last[write.path] = write
        made.update(dict.fromkeys(record.last.made))
        modes = record.last.modes | modes
    writes, sources = [], {}
    vaults: dict[str, dict[str, Kept]] = {}
    for path in sorted(first, key=path_bytes):
        (began, vault), ended = first[path], last[path]
        if began.before == ended.after:
            continue
        writes.append(Write(path, ended.after, began.before, ended.disk_after, began.disk_before))
        if began.before is not None:
            rows = vaults.get(vault)
            if rows is None:
                rows = vaults[vault] = read_vault(vault)
            if path in rows:  # what only the index holds had no file to keep
                sources[path] = (vault, rows[path], began.expected)
    folders = Folders(tuple(made), modes)
    return Reverse(tuple(writes), sources, folders)
