r"""A git patch as values: parse and format, nothing else.

Words: a *patch* has files, a file has hunks, a hunk has rows. A *row* is one line of the patch
below a hunk header; its *kind* is its sign (`CONTEXT`, `ADDED`, `REMOVED` or `NO_NEWLINE`). Rows
lie in columns over the whole patch, so that a hundred thousand of them cost four objects and not
a hundred thousand; a hunk is a span of row numbers. Decisions are kept beside the patch, by path
or by `Hunk.id`, and what a screen folds or inserts is its own list over these spans.

Algorithm: one pass; the counts in ``@@ -a,b +c,d @@`` alone say where a hunk ends, so a removed
line that reads ``-- a/x`` or an added ``diff --git`` is content. Whatever is accepted, `format`
gives back byte for byte; whatever does not add up (counts, offsets between hunks, names that
disagree) is a `PatchError` with its line, never a shorter result.
"""

import re
from array import array
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

from clubos_tui.changes.patch_header import (
    Binary,
    Header,
    Lines,
    PatchError,
    read_binary,
    read_header,
)

__all__ = [
    "ADDED",
    "CONTEXT",
    "NO_NEWLINE",
    "REMOVED",
    "SYMLINK",
    "Binary",
    "FilePatch",
    "Hunk",
    "Kind",
    "Patch",
    "PatchError",
    "format",
    "parse",
]

CONTEXT: Final = 0x20
ADDED: Final = 0x2B
REMOVED: Final = 0x2D
NO_NEWLINE: Final = 0x5C
r"""The row that says ``\ No newline at end of file``; it counts on neither side."""

Kind = Literal["create", "modify", "delete", "rename", "mode", "symlink", "binary"]
SYMLINK: Final = "120000"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Changed lines with their context; line numbers count from 1, as in the patch."""

    id: str
    """Hash of path and content without line numbers: the same hunk further down keeps its id."""
    old_start: int
    """First line, or where `old_count` is 0 the line before the place."""
    old_count: int
    new_start: int
    new_count: int
    heading: bytes
    """What git printed behind the second ``@@``, mostly the function."""
    rows: range


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What happens to a path; ids and modes are None where unsaid or the side doesn't exist.

    A file that becomes a link is two of these, a deletion and a creation with one path.
    """

    path: bytes
    old_path: bytes | None
    """The former path of a rename, else None."""
    kind: Kind
    """The first that holds: rename, delete, symlink, binary, create, mode, modify."""
    old_mode: str | None
    new_mode: str | None
    old_blob: str | None
    new_blob: str | None
    similarity: int | None
    """Per cent, for a rename."""
    added: int
    removed: int
    hunks: tuple[Hunk, ...]
    binary: Binary | None
    rows: range
    header: tuple[bytes, ...]
    """The lines from ``diff --git`` to the first hunk, as git wrote them."""


@dataclass(frozen=True, slots=True)
class Patch:
    """All files, and the rows of all hunks in columns of equal length."""

    files: tuple[FilePatch, ...]
    kinds: bytearray = field(repr=False)
    old_lines: "array[int]" = field(repr=False)
    """Line number on the old side, 0 where the row isn't on it."""
    new_lines: "array[int]" = field(repr=False)
    lines: list[bytes] = field(repr=False)
    """The rows as they stand in the patch, sign included, line end not."""

    @property
    def added(self) -> int:
        """Lines added in all files."""
        return sum(file.added for file in self.files)

    @property
    def removed(self) -> int:
        """Lines removed in all files."""
        return sum(file.removed for file in self.files)

    def text(self, row: int) -> bytes:
        """Return the content of a row: no sign, no line end, but its carriage return."""
        return self.lines[row][1:]

    def target(self, file: FilePatch) -> bytes:
        """Return where a symlink will point; of a removed one, where it pointed."""
        wanted = ADDED if file.added else REMOVED
        return b"\n".join(self.text(row) for row in file.rows if self.kinds[row] == wanted)


def parse(patch: bytes) -> Patch:
    """Read what ``git diff-tree -p --binary --full-index -M base new`` prints.

    Raises:
        PatchError: the text is no such patch, is cut off, or contradicts itself.
    """
    return _Reader(patch).patch()


def format(patch: Patch) -> bytes:  # noqa: A001 - parse and format are the words of this module
    """Return the text that `parse` read."""
    out: list[bytes] = []
    for file in patch.files:
        out += file.header
        if file.binary:
            out += file.binary.lines
        for hunk in file.hunks:
            out.append(_hunk_line(hunk))
            out += patch.lines[hunk.rows.start : hunk.rows.stop]
    return b"".join(line + b"\n" for line in out)


_HUNK = re.compile(
    rb"@@ -(\d{1,10})(?:,(\d{1,10}))? \+(\d{1,10})(?:,(\d{1,10}))? @@(?: (.*))?", re.DOTALL
)


def _hunk_line(hunk: Hunk) -> bytes:
    def span(start: int, count: int) -> bytes:
        return b"%d" % start if count == 1 else b"%d,%d" % (start, count)

    old, new = span(hunk.old_start, hunk.old_count), span(hunk.new_start, hunk.new_count)
    return b"@@ -%b +%b @@%b" % (old, new, hunk.heading and b" " + hunk.heading)


class _Reader:
    """The lines and the columns so far."""

    def __init__(self, patch: bytes) -> None:
        self.source = Lines(patch)
        self.kinds = bytearray()
        self.old: array[int] = array("i")
        self.new: array[int] = array("i")
        self.lines: list[bytes] = []
        self.seen: dict[str, int] = {}

    def patch(self) -> Patch:
        files = []
        while self.source.at < len(self.source.raw):
            files.append(self.file())
        return Patch(tuple(files), self.kinds, self.old, self.new, self.lines)

    def file(self) -> FilePatch:
        row = len(self.lines)
        head = read_header(self.source)
        hunks = self.hunks(head.path) if head.has_hunks else ()
        binary = None if head.has_hunks else read_binary(self.source)
        return FilePatch(
            head.path,
            head.old_path if head.renamed else None,
            _kind(head, binary),
            head.old_mode,
            head.new_mode,
            head.old_blob,
            head.new_blob,
            head.similarity,
            self.kinds.count(ADDED, row),
            self.kinds.count(REMOVED, row),
            hunks,
            binary,
            range(row, len(self.lines)),
            head.lines,
        )

    def hunks(self, path: bytes) -> tuple[Hunk, ...]:
        source, hunks = self.source, []
        old_end = offset = 0
        while match := _HUNK.fullmatch(source.peek()):
            old_start, new_start = int(match[1]), int(match[3])
            old_count = 1 if match[2] is None else int(match[2])
            new_count = 1 if match[4] is None else int(match[4])
            # An empty side names the line before it.
            old_first, new_first = old_start + (not old_count), new_start + (not new_count)
            if old_first <= old_end or new_first - old_first != offset:
                raise source.fail("this hunk does not follow from those before it")
            if old_first + old_count > 2**31 or new_first + new_count > 2**31:
                raise source.fail("no file has so many lines")
            old_end, offset = old_first + old_count - 1, offset + new_count - old_count
            head, start = source.at, len(self.lines)
            source.at += 1
            self.body(old_first, old_count, new_first, new_count)
            rows = range(start, len(self.lines))
            name, heading = self.hunk_id(path, rows), match[5] or b""
            hunk = Hunk(name, old_start, old_count, new_start, new_count, heading, rows)
            if _hunk_line(hunk) != source.raw[head]:
                raise PatchError(head + 1, "not how git writes a hunk header")
            hunks.append(hunk)
        if not hunks:
            raise source.fail("expected a hunk")
        return tuple(hunks)

    def hunk_id(self, path: bytes, rows: range) -> str:
        content = b"\n".join(self.lines[rows.start : rows.stop])
        digest = sha256(path + b"\0" + content).hexdigest()[:16]
        count = self.seen[digest] = self.seen.get(digest, 0) + 1
        return digest if count == 1 else f"{digest}.{count}"

    def body(self, old: int, old_count: int, new: int, new_count: int) -> None:
        """Read rows until both counts are used up: the hot loop."""
        source = self.source
        raw, at, end = source.raw, source.at, len(source.raw)
        kind, old_line, new_line = self.kinds.append, self.old.append, self.new.append
        old_end, new_end = old + old_count, new + new_count
        last = 0
        while old < old_end or new < new_end or (at < end and raw[at][:2] == b"\\ "):
            if at >= end:
                source.at = at
                raise source.fail("the hunk is cut off")
            line = raw[at]
            sign = line[0] if line else CONTEXT  # git may drop the blank of an empty context line
            if sign == ADDED:
                old_line(0)
                new_line(new)
                new += 1
            elif sign == REMOVED:
                old_line(old)
                new_line(0)
                old += 1
            elif sign == CONTEXT:
                old_line(old)
                new_line(new)
                old += 1
                new += 1
            else:
                ended = {ADDED: new == new_end, REMOVED: old == old_end}
                ended[CONTEXT] = ended[ADDED] and ended[REMOVED]
                if sign != NO_NEWLINE or not ended.get(last, False):
                    source.at = at
                    raise source.fail("this line can't stand here in a hunk")
                old_line(0)
                new_line(0)
            kind(sign)
            last = sign
            at += 1
        if old > old_end or new > new_end:
            source.at = at - 1
            raise source.fail("the hunk holds more lines than its header says")
        self.lines += raw[source.at : at]
        source.at = at


def _kind(head: Header, binary: Binary | None) -> Kind:
    if head.renamed:
        return "rename"
    if head.deleted:
        return "delete"
    if SYMLINK in (head.old_mode, head.new_mode):
        return "symlink"
    if binary:
        return "binary"
    if head.created:
        return "create"
    return "modify" if head.new_blob else "mode"
