"""Keys on checks: carry one out again, open a gate in spite of one, allow what judges a phase."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from clubos_tui.ui.screens.desk import Desk

__all__ = ["Checking"]


class Checking:
    """Each method is one action of the table of keys."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.all: dict[str, Callable[[], Awaitable[None]]] = {
            "check": self.check,
            "override": self.override,
        }

    async def check(self) -> None:
        """Ask for the check under the cursor again, or for all of the phase."""
        now, by = self._desk.situation(), self._desk.bridge.who
        names = (now.check,) if now.check else ()
        await self._desk.bridge.say(lambda run: run.check(now.phase, *names, by=by))

    async def override(self) -> None:
        """Open a gate in spite of a check, with a typed name and reason."""
        from clubos_tui.checks.guard import TAMPER
        from clubos_tui.ui import checking, sheets
        from clubos_tui.ui.screens.confirm import Override

        view, now = self._desk.bridge.view, self._desk.situation()
        assert view is not None, "BUG: asked for without a run"
        checks = [check.check for check in sheets.closed(view, now.phase)]
        who = self._desk.bridge.who
        if TAMPER in checks and now.check in {"", TAMPER}:
            title = f"Phase {now.phase} changes what judges it"
            lines = checking.tampering(view, now.phase)
            dialog = Override(title, lines, [TAMPER], who, yes="Allow just that", why="Why it may")
        else:
            title = f"Override a check of phase {now.phase}"
            if view.merge_waits:
                title = "Override a check of the merged tree"
            first = checks.index(now.check) if now.check in checks else 0
            dialog = Override(title, sheets.override(view, now.phase), checks, who, first=first)
        answer = await self._desk.ask(dialog)
        if answer is not None:
            await self._desk.bridge.say(
                lambda run: run.override(
                    now.phase, answer.check, reason=answer.reason, by=answer.name
                )
            )
