"""A phase that changes what judges it: a review of its own, in red, with the diff of just that."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input

from clubos_tui.changes.manifest import path_bytes
from clubos_tui.changes.patch import Patch
from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.styles import sheet
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line
from clubos_tui.ui.widgets.diff_view import DiffView

__all__ = ["Excerpt", "Judging", "JudgingAnswer", "excerpt"]


class JudgingAnswer(NamedTuple):
    """Who lets the phase change what judges it, and why."""

    name: str
    reason: str


class Judging(Ask[JudgingAnswer]):
    """Takes a name and a reason for just that; neither is ever filled in."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [sheet("dialog"), sheet("judging")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "look", "See the diff", show=False),
    ]

    def __init__(
        self, title: str, lines: Sequence[Line], who: str, excerpt: Patch | None
    ) -> None:  # fmt: skip
        super().__init__(title, lines, opened_by="o")
        self._who, self._excerpt = who, excerpt

    def fields(self) -> Sequence[Widget]:
        """Return name and reason."""
        return (
            Input(placeholder=f"Your name, as in {safe(self._who)}", id="name"),
            Input(placeholder="Why the phase may change that", id="reason"),
        )

    def buttons(self) -> Sequence[Button]:
        """Return back, the diff, and the yes to just that."""
        look = Button("See just these files (f3)", id="look", compact=True)
        look.disabled = self._excerpt is None
        return (
            Button("Back (esc)", id="no", compact=True),
            look,
            Button("Allow just that", id="yes", variant="error", compact=True),
        )

    def safest(self) -> str:
        """Focus the name."""
        return "#name"

    def on_mount(self) -> None:
        """Say where the diff is missing."""
        super().on_mount()
        if self._excerpt is None:
            self.wrong("The diff is still being read; esc, and o again, has it here.")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; from the last one, allow."""
        event.stop()
        if event.input.id == "name":
            self.query_one("#reason").focus()
        else:
            self.action_answer("yes", "enter")

    def action_look(self) -> None:
        """Show the diff of just these files; what is typed stays."""
        if self._excerpt is not None and self.is_active:
            self.app.push_screen(Excerpt(self._heading, self._excerpt))

    def answered(self, answer: str) -> None:
        """Close with the answer, if it is whole."""
        name = self.query_one("#name", Input).value.strip()
        reason = self.query_one("#reason", Input).value.strip()
        if answer == "no":
            self.finish(None)
        elif answer == "look":
            self.action_look()
        elif not name or not reason:
            self.wrong("Both a name and a reason are needed.")
        else:
            self.finish(JudgingAnswer(name, reason))


class Excerpt(ModalScreen[None]):
    """The diff of some files, to be looked at; decisions are made elsewhere."""

    CSS_PATH = sheet("judging")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f3", "leave", "Back", show=False),
    ]

    def __init__(self, title: str, patch: Patch) -> None:
        super().__init__()
        self._heading, self._patch = title, patch

    def compose(self) -> ComposeResult:
        """Show the diff in a frame."""
        with Vertical(id="excerpt") as frame:
            frame.border_title = Content(safe(self._heading))
            frame.border_subtitle = Content("] [ hunk  } { file  enter folds  esc goes back")
            yield DiffView(id="judges")

    def on_mount(self) -> None:
        """Show what was given."""
        view = self.query_one(DiffView)
        view.show(self._patch)
        view.focus()

    def action_leave(self) -> None:
        """Go back."""
        if self.is_active:
            self.dismiss(None)


def excerpt(patch: Patch, paths: Collection[str]) -> Patch:
    """Return the files of a patch that have one of these paths, under its new name or its old."""
    wanted = {path_bytes(path) for path in paths}
    files = tuple(file for file in patch.files if {file.path, file.old_path} & wanted)
    return dataclasses.replace(patch, files=files)
