"""`FileList`: the changed files of a phase, with notes between them: progress, results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message

from clubos_tui.ui.text import cell_cut, cell_width, safe
from clubos_tui.ui.values import KINDS, TONE_MARKS, FileRow, FilesValues, NoteRow
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.rows import Row, clip

__all__ = ["FileList"]

_DECIDED = {"pending": "·", "accepted": "✔", "rejected": "✘", "partly": "±"}


class FileList(LineView):
    """Shows `FilesValues`; the row under the cursor is the selected file."""

    threaded: ClassVar[bool] = True
    HELP = "The changed files. Enter opens one in the diff; a accepts, r rejects it."

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "files--pending",
        "files--accepted",
        "files--rejected",
        "files--partly",
        "files--outside",
        "files--quiet",
        "files--quiet-note",
        "files--info",
        "files--good",
        "files--warn",
        "files--bad",
        "files--busy",
    }

    DEFAULT_CSS = """
    FileList {
        & > .files--pending { color: $text-muted; }
        & > .files--quiet-note { color: $text-muted; }
        & > .files--accepted { color: $text-success; text-style: bold; }
        & > .files--rejected { color: $text-error; text-style: bold; }
        & > .files--partly { color: $text-warning; text-style: bold; }
        & > .files--outside { color: $text-warning; text-style: bold; }
        & > .files--quiet { color: $text-muted; }
        & > .files--info { color: $text-primary; }
        & > .files--good { color: $text-success; }
        & > .files--warn { color: $text-warning; text-style: bold; }
        & > .files--bad { color: $text-error; text-style: bold; }
        & > .files--busy { color: $text-accent; text-style: bold; }
        &:ansi {
            & > .files--pending { color: ansi_default; }
            & > .files--quiet-note { color: ansi_default; text-style: dim; }
            & > .files--accepted { color: ansi_green; }
            & > .files--rejected { color: ansi_red; }
            & > .files--partly { color: ansi_yellow; }
            & > .files--outside { color: ansi_yellow; }
            & > .files--quiet { color: ansi_default; }
            & > .files--info { color: ansi_default; }
            & > .files--good { color: ansi_green; }
            & > .files--warn { color: ansi_yellow; }
            & > .files--bad { color: ansi_red; }
            & > .files--busy { color: ansi_cyan; }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open in the diff", show=False, id="file-choose"),
    ]

    class Highlighted(Message):
        """The cursor stands on another file, or on none."""

        def __init__(self, path: str | None) -> None:
            super().__init__()
            self.path = path

    class Chosen(Message):
        """Enter was pressed on a file."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._values = FilesValues()
        self._at: Mapping[str, int] = {}  # ascending
        self._path: str | None = None

    def restart(self) -> None:
        """Forget which file was selected: what comes next is another change set."""
        self._path = None
        self.go_to(0)

    def show(self, values: FilesValues) -> None:
        """Show other rows; the cursor stays on its file, or at the end while notes come in."""
        rows = len(self._values.rows)
        at_end = rows > 1 and self.cursor_row == rows - 1 and self._path is None
        self._values = values
        if values.at is not None:
            self._at = values.at
        else:
            each = enumerate(values.rows)
            self._at = {row.path: at for at, row in each if isinstance(row, FileRow)}
        self.show_note(values.empty)
        if self._path is not None and self._path in self._at:
            self.go_to(self._at[self._path])
        elif at_end and values.rows and isinstance(values.rows[-1], NoteRow):
            self.go_to(len(values.rows) - 1)
        else:
            self.go_to(next(iter(self._at.values()), 0))

    def select(self, path: str) -> bool:
        """Put the cursor on a file; False if it is not here."""
        if path not in self._at:
            return False
        self._path = path
        self.go_to(self._at[path])
        return True

    @property
    def path(self) -> str | None:
        """The selected file."""
        row = self._row_at(self.cursor_row)
        return row.path if isinstance(row, FileRow) else None

    def after(self, path: str) -> str | None:
        """Return the next pending file after `path`, around the end."""
        rows = self._values.rows
        at = self._at.get(path, -1) + 1
        for row in chain(range(at, len(rows)), range(at)):
            other = rows[row]
            if isinstance(other, FileRow) and other.decision == "pending" and other.path != path:
                return other.path
        return None

    def _row_at(self, row: int) -> FileRow | NoteRow | None:
        return self._values.rows[row] if 0 <= row < len(self._values.rows) else None

    def cursor_moved(self, *, by_user: bool) -> None:
        """Tell that another file is selected."""
        path = self.path
        if path != self._path:
            self._path = path
            if by_user:
                self.post_message(self.Highlighted(path))

    def action_choose(self) -> None:
        """Post the file under the cursor."""
        if self.path is not None:
            self.post_message(self.Chosen(self.path))

    def count_rows(self) -> int:
        """Return the number of files and notes."""
        return len(self._values.rows)

    def draw_row(self, row: int) -> Row:
        """Draw decision, kind, path, action, marks; or a note."""
        fill = self.look("line--text")
        value = self._values.rows[row]
        if isinstance(value, NoteRow):
            look = self.look(f"files--{value.tone}")
            word = f"{value.word} " if value.word else ""
            text, hidden = clip(value.text)
            why = f" ({safe(value.why)})" if value.why else ""
            if word:
                text = _short(text, self.columns - 4 - cell_width(word) - cell_width(why))
            mark = Segment(f"{TONE_MARKS[value.tone]} {word}", look)
            said = Segment(text, look if not word else fill)
            return Row([mark], [said, Segment(why, look)], fill, hidden)
        text, hidden = clip(value.path)
        wanted = 9 * (value.decision == "rejected") + 2 * bool(value.reason or value.edited)
        text = _short(text, self.columns - 6 - wanted)
        quiet = self.look("files--quiet-note")
        gutter = [
            Segment(f"{_DECIDED[value.decision]} ", self.look(f"files--{value.decision}")),
            Segment(f"{KINDS.get(value.kind, '~')} ", fill),
        ]
        body: list[Segment] = []
        if value.outside:
            body.append(Segment("! changed outside ", self.look("files--outside")))
        if value.decision == "rejected":
            body.append(Segment("rejected ", self.look("files--rejected")))
        if value.reason or value.edited:  # in front: the words behind the name may not fit
            body.append(Segment("! ", self.look("files--warn")))
        body.append(Segment(text, fill))
        if value.edited:
            body.append(Segment(f"  edited by {safe(value.edited)}", self.look("files--warn")))
        if value.reason:
            body.append(Segment(f"  {safe(value.reason)}", self.look("files--warn")))
        if value.old_path:
            body.append(Segment(f" <- {safe(value.old_path)}", quiet))
        words = [value.kind] + ([value.action] if value.action else [])
        aside = f"  {safe(' · '.join(words))}"
        room = self.columns - 6 - sum(cell_width(segment.text) for segment in body)
        if cell_width(aside) <= room:
            body.append(Segment(aside, quiet))
        if value.note:
            body.append(Segment(f"  note: {safe(value.note)}", self.look("files--warn")))
        return Row(gutter, body, fill, hidden)

    def find_rows(self, pattern: re.Pattern[str]) -> Iterator[int]:
        """Search whole paths, also those that are shortened on the screen."""
        return _found(self._values, pattern)


def _found(values: FilesValues, pattern: re.Pattern[str]) -> Iterator[int]:
    rows, at = values.rows, values.at
    notes = len(rows) - len(at) if at is not None else len(rows)
    for row in range(notes):
        value = rows[row]
        if pattern.search(value.path if isinstance(value, FileRow) else value.text):
            yield row
    yield from (row for path, row in (at or {}).items() if pattern.search(path))


def _short(path: str, room: int) -> str:
    """Return a path in `room` cells; the folders in front go first, the name stays."""
    folders, slash, name = path.rpartition("/")
    if not folders or cell_width(path) <= room:
        return path
    keep = room - cell_width(name) - 2
    if keep <= 0:
        return cell_cut(f"…/{name}", room)
    return f"{folders[: keep // 2]}…{folders[len(folders) - (keep - keep // 2) :]}{slash}{name}"
