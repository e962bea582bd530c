"""The way back: which writes take transactions back, and where their bytes are kept.

Pure over records: reads no repository and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clubos_tui.apply.record import Record
from clubos_tui.apply.vault import Kept, read_vault, take
from clubos_tui.changes.manifest import Entry, Write, path_bytes
from clubos_tui.disk import Found


@dataclass(frozen=True, slots=True)
class Reverse:
    """The writes that undo, the vaults that hold the bytes, the folders that may go again."""

    writes: tuple[Write, ...]
    sources: dict[str, tuple[str, Kept, Entry]]
    removable: tuple[str, ...]

    def holds(self, write: Write) -> bool:
        """Tell whether a vault holds the bytes that ``write`` brings to its path."""
        return write.path in self.sources and self.sources[write.path][2] == write.after

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
    first: dict[str, tuple[Entry | None, str]] = {}
    last: dict[str, Entry | None] = {}
    folders: dict[str, None] = {}
    for record in records:
        left = {item.path for item in record.last.left}
        for write in record.intent.writes:
            if write.path not in left:
                first.setdefault(write.path, (write.before, record.intent.vault))
                last[write.path] = write.after
        folders.update(dict.fromkeys(record.last.made))
    writes, sources = [], {}
    vaults: dict[str, dict[str, Kept]] = {}
    for path in sorted(first, key=path_bytes):
        before, vault = first[path]
        if before == last[path]:
            continue
        writes.append(Write(path, last[path], before))
        if before is not None:
            rows = vaults.get(vault)
            if rows is None:
                rows = vaults[vault] = read_vault(vault)
            sources[path] = (vault, rows[path], before)
    return Reverse(tuple(writes), sources, tuple(folders))
