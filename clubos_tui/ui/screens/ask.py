"""`Ask`: the base of every dialog. What is typed ahead never decides.

A deciding key or button counts only when the dialog has been there for 300 ms, and a key that is
held down or pressed again at once (also the one that opened the dialog) does not count at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from time import monotonic
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static

from clubos_tui.ui.styles import sheet
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import TONE_MARKS, Line
from clubos_tui.ui.widgets.phase_list import TONES

__all__ = ["AGAIN_SECONDS", "ARM_SECONDS", "Ask", "sheet_content"]

ARM_SECONDS = 0.3
AGAIN_SECONDS = 0.7  # longer than a keyboard waits before it repeats a held key

T = TypeVar("T")


def sheet_content(lines: Sequence[Line]) -> Content:
    """Return the lines of a sheet, each with the mark and colour of its tone."""
    out: list[Content] = []
    for tone, text in lines:
        shown = safe(text)
        if tone is None:
            out.append(Content.assemble(("\n" if out else "", ""), (shown, "bold")))
        elif tone == "quiet":
            out.append(Content(f"  {shown}"))
        else:
            out.append(Content.assemble((f"{TONE_MARKS[tone]} {shown}", TONES[tone])))
    return Content("\n").join(out)


class Ask(ModalScreen[T]):
    """Shows a title, a scrolling sheet, perhaps fields, and buttons; answers once."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [sheet("dialog")]
    AUTO_FOCUS = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "later", "Back", show=False),
        Binding("pagedown,down", "sheet(1)", "Down", show=False),
        Binding("pageup,up", "sheet(-1)", "Up", show=False),
        Binding("left", "app.focus_previous", "Left", show=False),
        Binding("right", "app.focus_next", "Right", show=False),
    ]

    LATER: ClassVar[object] = None
    """The answer of Esc: nothing was decided."""

    def __init__(self, title: str, lines: Sequence[Line], *, opened_by: str = "") -> None:
        super().__init__()
        self._heading = title
        self._lines = lines
        self._pressed: dict[str, float] = {opened_by: monotonic()} if opened_by else {}
        self._since = float("inf")
        self._settled: Callable[[], str] | None = None

    def compose(self) -> ComposeResult:
        """Lay out title, sheet, fields, buttons and a line of keys."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content(safe(self._heading))
            with VerticalScroll(id="sheet", can_focus=False):
                yield Static(sheet_content(self._lines), markup=False)
            for field in self.fields():
                field.add_class("field")
                yield field
            yield Static("", id="wrong", markup=False)
            with Horizontal(id="buttons"):
                yield from self.buttons()

    def fields(self) -> Sequence[Widget]:
        """Return what a person fills in."""
        return ()

    def buttons(self) -> Sequence[Button]:
        """Return the buttons; each one's id is its answer."""
        return ()

    def safest(self) -> str:
        """Return the selector of what has the focus first."""
        return "Button"

    def on_mount(self) -> None:
        """Begin to count, and put the focus where enter does no harm."""
        self._since = monotonic()
        self.query_one(self.safest()).focus()
        self.call_after_refresh(self._fit)

    def on_resize(self) -> None:
        """Keep the buttons in sight."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Give the sheet the rows that fields and buttons leave; it scrolls in them."""
        view = self.query_one("#sheet")
        others = [child for child in self.query_one("#dialog").children if child is not view]
        taken = sum(child.outer_size.height + child.styles.margin.height for child in others)
        room = self.size.height * 96 // 100 - taken - 2 - view.styles.margin.height
        view.styles.max_height = max(2, room)

    def armed(self, key: str) -> bool:
        """Tell whether a deciding key counts now; each press is remembered."""
        now = monotonic()
        before = self._pressed.get(key, float("-inf"))
        self._pressed[key] = now
        return now - self._since >= ARM_SECONDS and now - before >= AGAIN_SECONDS

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take a button as its key."""
        event.stop()
        self.action_answer(event.button.id or "", "enter")

    def action_answer(self, answer: str, key: str) -> None:
        """Take an answer, unless the key came too soon to be meant."""
        if not self.armed(key):
            return
        if self._settled is None:
            self.answered(answer)
        elif answer == "close":
            self.finish(None)

    def settle(self, words: Callable[[], str]) -> None:
        """Say that somebody else has decided; nothing that is typed here decides from now on.

        Args:
            words: Who decided what, and how long ago.
        """
        if self._settled is not None:
            return
        self._settled, self._since = words, monotonic()  # enter may be under way
        self.query(Button).set(display=False, disabled=True)
        self.query(".field").set(disabled=True)
        close = Button("Close (esc)", id="close", variant="primary", compact=True)
        self.query_one("#buttons").mount(close)
        self.call_after_refresh(close.focus)
        self.add_class("-settled")
        self._tell()
        self.set_interval(1.0, self._tell)

    def _tell(self) -> None:
        if self._settled is not None:
            self.query_one("#wrong", Static).update(
                sheet_content((("warn", f"{self._settled()}."),
                               ("quiet", "Your answer is not needed; nothing of it was recorded.")))
            )  # fmt: skip
            self.call_after_refresh(self._fit)

    def answered(self, answer: str) -> None:
        """Act on an answer that was meant."""

    def action_later(self) -> None:
        """Leave without a decision."""
        self.finish(None)

    def finish(self, result: T | None) -> None:
        """Close with `result`; a dialog that is covered or gone does nothing."""
        if self.is_active:
            self.dismiss(result)

    def wrong(self, text: str) -> None:
        """Say in the dialog what is missing."""
        self.query_one("#wrong", Static).update(Content.assemble((safe(text), TONES["bad"])))

    def action_sheet(self, pages: int) -> None:
        """Scroll the sheet."""
        view = self.query_one("#sheet", VerticalScroll)
        step = max(1, view.size.height - 1)
        view.scroll_relative(y=pages * step, animate=False)
