"""The three lines at the bottom: where we are, what is next, and which keys there are."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from clubos_tui.ui.text import cell_cut, cell_width, safe
from clubos_tui.ui.values import TONE_MARKS, KeyHint, NextStep, StatusValues, Tone, clock
from clubos_tui.ui.widgets.phase_list import TONES

__all__ = ["KeyBar", "NextLine", "StatusBar"]


class StatusBar(Widget):
    """One line: the mode first, then agent, time, counts, decisions, who drives."""

    DEFAULT_CSS = """
    StatusBar {
        height: 1; background: $panel; color: $foreground;
        &:ansi { background: ansi_default; color: ansi_default; }
    }
    """

    values: reactive[StatusValues] = reactive(StatusValues())
    where: reactive[str] = reactive("")

    def render(self) -> Content:
        """Draw as much as fits; the mode always does."""
        values, width = self.values, self.size.width
        if values.mode == "LIVE":
            mode: tuple[str, str] = (" [LIVE] ", "bold $text-error on $error-muted")
            if self.app.native_ansi_color:
                mode = (" [LIVE] ", "bold reverse ansi_red")
        elif values.mode == "REPLAY":
            mode = (" [REPLAY] ", "bold $text-primary on $primary-muted")
            if self.app.native_ansi_color:
                mode = (" [REPLAY] ", "bold reverse")
        else:
            mode = (" [DRY RUN] ", "bold $text-success on $success-muted")
            if self.app.native_ansi_color:
                mode = (" [DRY RUN] ", "bold")
        room = width - cell_width(mode[0])
        parts: list[str] = []
        for text in self._facts(wide=width >= 110):
            if sum(cell_width(part) + 3 for part in parts) + cell_width(text) + 2 <= room:
                parts.append(text)
        return Content.assemble(mode, " " + " │ ".join(parts))

    def _facts(self, *, wide: bool) -> list[str]:
        values = self.values
        facts = [safe(values.agent)] if values.agent else []
        if values.driver:
            facts.append(safe(values.driver))
        if values.running and values.seconds is not None:
            facts.append(f"running {clock(values.seconds)}")
        if values.spent:
            facts.append(values.spent)
        if values.create or values.modify or values.delete or wide:
            facts.append(f"{values.create} create, {values.modify} modify, {values.delete} delete")
        if values.pending:
            facts.append(f"{values.pending} pending")
        if not values.running and values.seconds is not None:
            facts.append(f"took {clock(values.seconds)}")
        if self.where and wide:
            facts.append(safe(self.where))
        return facts


class NextLine(Widget):
    """One line: the next step and its key, or for a moment why a key is off."""

    DEFAULT_CSS = """
    NextLine { height: 1; padding: 0 1; }
    """

    step: reactive[NextStep] = reactive(NextStep(""))
    said: reactive[tuple[Tone, str] | None] = reactive(None)

    def render(self) -> Content:
        """Draw the key where it catches the eye, then the words."""
        width = self.size.width
        if self.said is not None:
            tone, text = self.said
            return Content.assemble(
                (cell_cut(f"{TONE_MARKS[tone]} {safe(text)}", width), TONES[tone])
            )
        step = self.step
        parts: list[str | tuple[str, str]] = [
            ("Next: ", "bold"),
            (safe(step.words), TONES[step.tone]),
        ]
        if step.key:
            style = (
                "bold reverse"
                if self.app.native_ansi_color
                else "bold $text-primary on $primary-muted"
            )
            parts += ["  press ", (f" {step.key} ", style)]
        if step.also:
            parts.append((f" {safe(step.also)}", "$foreground 65%"))
        return Content.assemble(*parts)


class KeyBar(Widget):
    """One line of keys; what is off now is dim, the next step's key is bold."""

    DEFAULT_CSS = """
    KeyBar {
        height: 1; padding: 0 1; background: $panel;
        &:ansi { background: ansi_default; }
    }
    """

    hints: reactive[Sequence[KeyHint]] = reactive(())

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, id: str) -> None:  # noqa: A002 - the action's id
            super().__init__()
            self.id = id

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._spans: list[tuple[int, int, str]] = []

    def render(self) -> Content:
        """Draw what fits; where not all do, those that are off now go first."""
        ansi = self.app.native_ansi_color
        parts: list[str | tuple[str, str]] = []
        self._spans, at = [], 0
        for hint in self._fitting():
            key_style = "bold $text-accent" if hint.on else "$foreground 45%"
            text_style = "bold" if hint.is_next else "" if hint.on else "$foreground 45%"
            if ansi:
                key_style = "bold" if hint.on else "dim"
                text_style = "bold" if hint.is_next else "" if hint.on else "dim"
            text = f"{hint.key} {hint.label}"
            parts += [(hint.key, key_style), (f" {hint.label}", text_style), "  "]
            self._spans.append((at, at + len(text), hint.id))
            at += len(text) + 2
        return Content.assemble(*parts)

    def _fitting(self) -> list[KeyHint]:
        hints = list(self.hints)

        def width() -> int:
            return sum(len(hint.key) + len(hint.label) + 3 for hint in hints)

        while hints and width() - 2 > self.size.width - 2:
            off = [hint for hint in hints if not hint.on and not hint.is_next]
            rest = [hint for hint in hints if not hint.is_next and hint.id not in {"help", "quit"}]
            hints.remove((off or rest or hints)[-1])
        return hints

    def on_click(self, event: events.Click) -> None:
        """Tell which key was clicked."""
        for start, end, action in self._spans:
            if start <= event.x - 1 < end:
                self.post_message(self.Pressed(action))
