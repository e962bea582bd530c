"""`Banner`: what went wrong, above the diff, until it is mended or another step is taken."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from clubos_tui.ui.text import safe
from clubos_tui.ui.values import TONE_MARKS, Problem
from clubos_tui.ui.widgets.phase_list import TONES

__all__ = ["Banner"]


class Banner(Widget):
    """What happened, what was left untouched, what to do; not there while there is nothing."""

    DEFAULT_CSS = """
    Banner {
        height: auto;
        max-height: 50%;
        overflow-y: auto;
        padding: 0 1;
        display: none;
        border-left: thick $error;
        background: $error 12%;
        &.-shown { display: block; }
        &.-warn { border-left: thick $warning; background: $warning 12%; }
        &:ansi { background: ansi_default; border-left: thick ansi_red; }
        &:ansi.-warn { background: ansi_default; border-left: thick ansi_yellow; }
    }
    """

    problem: reactive[Problem | None] = reactive(None, layout=True)

    def render(self) -> Content:
        """Draw the three parts, each on its own lines."""
        problem = self.problem
        if problem is None:
            return Content("")
        lines = [
            Content.assemble(
                (
                    f"{TONE_MARKS[problem.tone]} {safe(problem.what, lines=True)}",
                    TONES[problem.tone],
                )
            )
        ]
        if problem.untouched:
            lines.append(Content(safe(problem.untouched, lines=True)))
        if problem.cure:
            lines.append(Content.assemble(("Do: ", "bold"), safe(problem.cure, lines=True)))
        return Content("\n").join(lines)

    def watch_problem(self, problem: Problem | None) -> None:
        """Appear and go."""
        self.set_class(problem is not None, "-shown")
        self.set_class(problem is not None and problem.tone == "warn", "-warn")
