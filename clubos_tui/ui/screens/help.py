"""Pages that are only read: all keys with why some are off, a log line's detail, too small."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from clubos_tui.ui.actions import ACTIONS, REPLAY, Situation, key_text
from clubos_tui.ui.screens.ask import sheet_content
from clubos_tui.ui.styles import sheet
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line
from clubos_tui.ui.widgets.phase_list import TONES

__all__ = ["Detail", "Evidence", "Help", "TooSmall", "key_page"]

_WORDS = (
    ("Dry run", "The agent works in a throw-away copy; nothing in your repository is touched."),
    ("Approval", "A yes to exactly the bytes shown. If anything moves, it is asked for again."),
    ("LIVE", "Armed with L. Execute writes a stage and a branch; only merge writes your files."),
    ("Roll back", "Takes back what was written, and only that; it shows first what it will do."),
)

_IN_PANES = (
    ("up down j k", "move"),
    ("pgup pgdn space", "page"),
    ("g G", "first and last row"),
    ("] [  } {", "diff: next and last hunk, next and last file"),
    (
        "enter",
        "phase: filter the log; file: open in the diff; diff: fold; log: detail; check: evidence",
    ),
    ("tab", "next pane"),
    ("ctrl+p", "all commands by name, and the themes"),
)


def _entry(head: str, text: str, width: int, indent: int, reason: str = "") -> Content:
    """Return an entry whose text hangs to the right of its head."""
    lines = wrap(text, max(20, width - indent)) or [""]
    out = Content.assemble((f"{head:<{indent}}", "bold $text-accent"), lines[0])
    for line in lines[1:]:
        out += Content(f"\n{'':<{indent}}{line}")
    for line in wrap(f"off: {safe(reason)}", max(20, width - indent)) if reason else ():
        out += Content.assemble(f"\n{'':<{indent}}", (line, TONES["warn"]))
    return out


def key_page(now: Situation, width: int) -> Content:
    """Return every key with what it does, and why it is off where it is."""
    lines: list[Content] = [_entry(name, text, width, 12) for name, text in _WORDS]
    group = ""
    for action in (*(REPLAY if now.replays else ()), *ACTIONS):
        if action.group != group:
            group = action.group
            lines.append(Content.assemble("\n", (group, "bold underline")))
        key = key_text(now.keys.get(action.id, action.key).replace(",", " ")) or "ctrl+p"
        text = f"{action.label}. {action.tooltip}"
        lines.append(_entry(key, text, width, 12, action.off(now) or ""))
    lines.append(Content.assemble("\n", ("In a pane", "bold underline")))
    for keys, text in _IN_PANES:
        lines.append(_entry(keys, text, width, 18))
    return Content("\n").join(lines)


class Page(ModalScreen[str]):
    """A page to read; esc, q or the key that opened it closes it."""

    CSS_PATH = sheet("help")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "leave", "Back", show=False),
        Binding("j", "screen.down", "Down", show=False),
    ]

    def __init__(self, title: str, content: Content, keys: str = "esc goes back") -> None:
        super().__init__()
        self._heading, self._text, self._keys = title, content, keys

    def compose(self) -> ComposeResult:
        """Show the content in a scrolling frame."""
        with Vertical(id="page") as page:
            page.border_title = Content(safe(self._heading))
            page.border_subtitle = Content(self._keys)
            with VerticalScroll(id="text"):
                yield Static(self._text, markup=False)

    def on_mount(self) -> None:
        """Let the arrow keys scroll at once."""
        self.query_one("#text").focus()

    def action_leave(self) -> None:
        """Go back."""
        if self.is_active:
            self.dismiss(None)


class Help(Page):
    """All keys."""

    def __init__(self, now: Situation, width: int) -> None:
        super().__init__("Help", key_page(now, width))


class Detail(Page):
    """All of one log line."""

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__(title, Content("\n".join(safe(line) for line in lines)))


class Evidence(Page):
    """All that is known of a check; answers with the action that it was left for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("J", "leave_for('jump')", "Jump", show=False),
        Binding("K", "leave_for('check')", "Check again", show=False),
        Binding("o", "leave_for('override')", "Override", show=False),
    ]

    def __init__(self, name: str, lines: Sequence[Line], *, jump: bool) -> None:
        keys = "K again · o override · esc goes back"
        keys = f"J to the line in the diff · {keys}" if jump else keys
        super().__init__(f"Check: {name}", sheet_content(lines), keys)

    def action_leave_for(self, action: str) -> None:
        """Go back, and do that to the check."""
        if self.is_active:
            self.dismiss(action)


class TooSmall(ModalScreen[None]):
    """Covers everything while the terminal is too small to decide anything in."""

    CSS_PATH = sheet("help")

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._needs = (width, height)

    def compose(self) -> ComposeResult:
        """Say how big it has to be."""
        width, height = self._needs
        text = f"This terminal is too small.\nPlease enlarge it to {width}x{height} or more."
        yield Static(text, id="too-small", markup=False)
