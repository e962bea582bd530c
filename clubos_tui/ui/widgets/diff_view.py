"""`DiffView`: a whole patch in one scroll, every file with its decision, nothing left out.

Display rows are not patch rows: a title, a header for each file and one for each hunk stand
between them. `_Layout` lists where each of these blocks begins; a row is found by bisection, so
folding or rows of another kind are other blocks in that list and nothing else.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message

from clubos_tui.changes.patch import ADDED, NO_NEWLINE, REMOVED, SYMLINK, FilePatch, Hunk, Patch
from clubos_tui.ui.text import safe, visible
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import MAX_CELLS, Row, clip

__all__ = ["DECISIONS", "KINDS", "DiffView"]

DECISIONS: Final[Mapping[str, str]] = {"pending": "·", "accepted": "✔", "rejected": "✘"}
"""The words `DiffView.set_decisions` knows, and the mark of each."""

KINDS: Final[Mapping[str, str]] = {
    "create": "+",
    "modify": "~",
    "delete": "-",
    "rename": ">",
    "mode": "*",
    "symlink": "@",
    "binary": "#",
}
"""What can happen to a file, and the sign of each."""

_LOOKS = {ADDED: "diff--added", REMOVED: "diff--removed", NO_NEWLINE: "diff--note"}


class _Layout:
    """Where each block of rows begins: (-1, -1) the title, (f, -1) file f, (f, h) a hunk of it."""

    def __init__(self, files: tuple[FilePatch, ...] = (), *, title: bool = False) -> None:
        self.starts: list[int] = []
        self.blocks: list[tuple[int, int]] = []
        self.files: list[int] = []
        self.hunks: list[int] = []
        row = 0
        if title:
            self.starts.append(row)
            self.blocks.append((-1, -1))
            row += 1
        for f, file in enumerate(files):
            self.files.append(row)
            self.starts.append(row)
            self.blocks.append((f, -1))
            row += 1
            for h, hunk in enumerate(file.hunks):
                self.hunks.append(row)
                self.starts.append(row)
                self.blocks.append((f, h))
                row += 1 + len(hunk.rows)
        self.rows = row

    def at(self, row: int) -> tuple[int, int, int]:
        """Return file and hunk of a display row and how far into its block it is."""
        block = bisect_right(self.starts, row) - 1
        return *self.blocks[block], row - self.starts[block]


class DiffView(LineView):
    """Shows a `Patch`. The owner gives patch, decisions and marks; keys only move about."""

    HELP = "The change set: one header a file, then its hunks. Colours only repeat the signs."

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "diff--title",
        "diff--file",
        "diff--pending",
        "diff--accepted",
        "diff--rejected",
        "diff--outside",
        "diff--hunk",
        "diff--context",
        "diff--added",
        "diff--removed",
        "diff--sign-added",
        "diff--sign-removed",
        "diff--number",
        "diff--note",
    }

    DEFAULT_CSS = """
    DiffView {
        & > .diff--title { text-style: bold; }
        & > .diff--file { background: $panel; text-style: bold; }
        & > .diff--pending { background: $panel; color: $text-muted; }
        & > .diff--accepted { background: $panel; color: $text-success; text-style: bold; }
        & > .diff--rejected { background: $panel; color: $text-error; text-style: bold; }
        & > .diff--outside { background: $panel; color: $text-warning; text-style: bold; }
        & > .diff--hunk { color: $text-accent; }
        & > .diff--added { background: $success 12%; }
        & > .diff--removed { background: $error 12%; }
        & > .diff--sign-added { background: $success 12%; color: $text-success; text-style: bold; }
        & > .diff--sign-removed { background: $error 12%; color: $text-error; text-style: bold; }
        & > .diff--number { color: $text-muted; }
        & > .diff--note { color: $text-muted; text-style: italic; }
        &:ansi {
            & > .diff--file, & > .diff--pending { background: ansi_default; }
            & > .diff--file { text-style: bold underline; color: ansi_default; }
            & > .diff--pending { color: ansi_default; }
            & > .diff--accepted { background: ansi_default; color: ansi_green; }
            & > .diff--rejected { background: ansi_default; color: ansi_red; }
            & > .diff--outside { background: ansi_default; color: ansi_yellow; }
            & > .diff--hunk { color: ansi_cyan; }
            & > .diff--added { background: ansi_default; color: ansi_green; }
            & > .diff--removed { background: ansi_default; color: ansi_red; }
            & > .diff--sign-added { background: ansi_default; color: ansi_green; }
            & > .diff--sign-removed { background: ansi_default; color: ansi_red; }
            & > .diff--number { color: ansi_default; text-style: dim; }
            & > .diff--note { color: ansi_default; text-style: dim; }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "hunk(1)", "Next hunk", key_display="]", id="hunk-next"),
        Binding(
            "left_square_bracket", "hunk(-1)", "Last hunk", key_display="[", id="hunk-previous"
        ),
        Binding("right_curly_bracket", "file(1)", "Next file", key_display="}", id="file-next"),
        Binding("left_curly_bracket", "file(-1)", "Last file", key_display="{", id="file-previous"),
    ]

    class FileChanged(Message):
        """The cursor stands in another file, or in none (`path` is None)."""

        def __init__(self, view: "DiffView", path: bytes | None) -> None:
            super().__init__()
            self.view = view
            self.path = path

        @property
        def control(self) -> "DiffView":
            """The view that says so."""
            return self.view

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own word
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._patch: Patch | None = None
        self._title = ""
        self._blocks = _Layout()
        self._digits = 1
        self._decisions: Mapping[bytes, str] = {}
        self._marks: Mapping[bytes, str] = {}
        self._path: bytes | None = None

    # What the owner gives

    def show(self, patch: Patch, *, title: str = "") -> None:
        """Show `patch`; the cursor goes back to the file it was in, if that is still there.

        Args:
            patch: What to show. A patch without files shows the last message of `show_empty`.
            title: A first row above all files (any text).
        """
        self._patch = patch
        self._title = visible(title)
        self._blocks = _Layout(patch.files, title=bool(title and patch.files))
        ends = [max(h.old_start + h.old_count, h.new_start + h.new_count) for h in _last(patch)]
        self._digits = len(str(max(ends, default=1)))
        longest = max(map(len, patch.lines), default=0)
        self.rows_changed(widest=min(longest, MAX_CELLS) + 2 * self._digits + 5)
        if self._path is None or not self.go_to_file(self._path):
            self.go_to(0, top=True)

    def show_empty(self, message: str) -> None:
        """Show `message` (any text) instead of a patch: why there is none, and what helps."""
        self._clear(message)

    def show_loading(self, message: str) -> None:
        """Show what is being waited for (any text) instead of a patch."""
        self._clear(f"… {message}")

    def _clear(self, message: str) -> None:
        self._patch = None
        self._blocks = _Layout()
        self.show_note(message)
        self.go_to(0, top=True)

    def set_decisions(self, decisions: Mapping[bytes, str]) -> None:
        """Set the decision on each path: pending (also where none is given), accepted, rejected.

        Raises:
            ValueError: a word that is not in `DECISIONS`.
        """
        for path, word in decisions.items():
            if word not in DECISIONS:
                raise ValueError(f"no such decision on {path!r}: {word!r}")
        self._decisions = dict(decisions)
        self.repaint_rows()

    def set_marks(self, marks: Mapping[bytes, str]) -> None:
        """Set what to warn of on a path (any text, "changed outside"), shown behind a ``!``."""
        self._marks = dict(marks)
        self.repaint_rows()

    # Where we are

    @property
    def current_path(self) -> bytes | None:
        """The path of the file under the cursor; None in the title and where there is no patch."""
        file = self._current()[0]
        return file.path if file else None

    @property
    def current_hunk(self) -> Hunk | None:
        """The hunk under the cursor; None in a file header."""
        return self._current()[1]

    def _current(self) -> tuple[FilePatch | None, Hunk | None]:
        if self._patch is None or not self._blocks.rows:
            return None, None
        f, h, _ = self._blocks.at(self.cursor_row)
        file = self._patch.files[f] if f >= 0 else None
        return file, file.hunks[h] if file and h >= 0 else None

    def go_to_file(self, path: bytes) -> bool:
        """Bring the header of a file to the top; False if the patch has no such file."""
        for row, file in zip(self._blocks.files, self._files(), strict=True):
            if file.path == path:
                self.go_to(row, top=True)
                return True
        return False

    def _files(self) -> tuple[FilePatch, ...]:
        return self._patch.files if self._patch else ()

    def cursor_moved(self, *, by_user: bool) -> None:  # noqa: ARG002
        """Tell when the cursor has come into another file."""
        path = self.current_path
        if path != self._path:
            self._path = path
            self.post_message(self.FileChanged(self, path))

    def action_hunk(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) hunk."""
        self._jump(self._blocks.hunks, step)

    def action_file(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) file."""
        self._jump(self._blocks.files, step)

    def _jump(self, rows: list[int], step: int) -> None:
        if step > 0:
            at = bisect_right(rows, self.cursor_row)
        else:
            at = bisect_left(rows, self.cursor_row) - 1
        if 0 <= at < len(rows):
            self.go_to(rows[at], top=True, by_user=True)

    # Rows

    def count_rows(self) -> int:
        """Return the number of display rows."""
        return self._blocks.rows

    def draw_row(self, row: int) -> Row:
        """Draw a title, a file header, a hunk header or a line."""
        patch = self._patch
        assert patch is not None
        f, h, at = self._blocks.at(row)
        if f < 0:
            return self._draw_title(patch)
        file = patch.files[f]
        if h < 0:
            return self._draw_file(patch, file)
        hunk = file.hunks[h]
        return self._draw_line(patch, hunk.rows[at - 1]) if at else self._draw_hunk(hunk)

    def _draw_title(self, patch: Patch) -> Row:
        count = len(patch.files)
        style = self.look("diff--title")
        files = "1 file" if count == 1 else f"{count:,} files"
        text = f"{self._title}  {files}, +{patch.added:,} -{patch.removed:,}"
        return Row([], [Segment(text, style)], style)

    def _draw_file(self, patch: Patch, file: FilePatch) -> Row:
        style, quiet = self.look("diff--file"), self.look("diff--pending")
        word = self._decisions.get(file.path, "pending")
        gutter = [Segment(f"{DECISIONS[word]} {word:<8}  ", self.look(f"diff--{word}"))]
        body = []
        if mark := self._marks.get(file.path):
            body.append(Segment(f"! {safe(mark)}  ", self.look("diff--outside")))
        name, hidden = clip(file.path)
        if file.old_path is not None:
            name = f"{safe(file.old_path)} -> {name}"
        body.append(Segment(f"{KINDS[file.kind]} {file.kind}  {name}", style))
        body += [Segment(f"  {detail}", quiet) for detail in _details(patch, file)]
        return Row(gutter, body, style, hidden)

    def _draw_hunk(self, hunk: Hunk) -> Row:
        style = self.look("diff--hunk")
        heading, hidden = clip(hunk.heading)
        place = f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
        gutter = [Segment(" " * (2 * self._digits + 4), style)]
        return Row(gutter, [Segment(f"{place} {heading}".rstrip(), style)], style, hidden)

    def _draw_line(self, patch: Patch, at: int) -> Row:
        kind, width = patch.kinds[at], self._digits
        style = self.look(_LOOKS.get(kind, "diff--context"))
        sign = style
        if kind == ADDED:
            sign = self.look("diff--sign-added")
        elif kind == REMOVED:
            sign = self.look("diff--sign-removed")
        number = self.look("diff--number")
        old, new = patch.old_lines[at] or "", patch.new_lines[at] or ""
        text, hidden = clip(patch.text(at))
        gutter = [
            Segment(f"{old:>{width}} {new:>{width}} ", style + Style(color=number.color)),
            Segment(f"{chr(kind)} ", sign),
        ]
        return Row(gutter, [Segment(text, style)], style, hidden)

    def find_rows(self, pattern: "re.Pattern[str]") -> Iterator[int]:
        """Search headers as shown and lines as the bytes they are, which is a lot faster."""
        patch, layout = self._patch, self._blocks
        if patch is None:
            return
        raw = None
        if pattern.pattern.isascii():
            raw = re.compile(pattern.pattern.encode(), pattern.flags & re.IGNORECASE).search
        for start, (f, h) in zip(layout.starts, layout.blocks, strict=True):
            if h < 0:
                if pattern.search(self.row_text(start)):
                    yield start
                continue
            hunk = patch.files[f].hunks[h]
            if pattern.search(safe(hunk.heading)):
                yield start
            rows = hunk.rows
            for row, line in enumerate(patch.lines[rows.start : rows.stop], start + 1):
                if raw(line, 1) if raw else pattern.search(safe(line), 1):
                    yield row


def _last(patch: Patch) -> Iterator[Hunk]:
    """Return the last hunk of each file: it has the highest line numbers."""
    return (file.hunks[-1] for file in patch.files if file.hunks)


def _details(patch: Patch, file: FilePatch) -> Iterator[str]:
    """Say what the lines below a file header don't show: modes, targets, sizes, ids, counts."""
    modes = (file.old_mode, file.new_mode)
    if file.kind in ("symlink", "binary") and file.old_mode is None:
        yield "new"
    if None not in modes and file.old_mode != file.new_mode:
        yield f"mode {file.old_mode} -> {file.new_mode}"
    elif file.old_mode is None and file.new_mode not in (None, "100644", SYMLINK):
        yield f"mode {file.new_mode}"
    if SYMLINK in modes and file.hunks:
        yield ("was a link to " if file.kind == "delete" else "-> ") + clip(patch.target(file))[0]
    if file.similarity is not None:
        yield f"{file.similarity}% the same"
    if file.binary:
        old, new = file.binary.old_size, file.binary.new_size
        sizes = [f"{size:,}" for size in (old, new) if size is not None]
        if file.old_blob is None or file.new_blob is None:
            # The side that doesn't exist counts as 0 bytes in a binary patch.
            sizes = sizes[-1:] if file.old_blob is None else sizes[:1]
        kind = "" if file.kind == "binary" else "binary, "
        yield f"{kind}{' -> '.join(sizes)} bytes" if sizes else f"{kind}size not given"
        blobs = [blob[:12] for blob in (file.old_blob, file.new_blob) if blob]
        yield "blob " + " -> ".join(blobs)
    elif file.hunks:
        yield f"+{file.added:,} -{file.removed:,}"
    elif file.kind in ("create", "delete"):
        yield "empty file"
