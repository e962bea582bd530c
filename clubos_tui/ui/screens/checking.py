"""Keys on checks: carry one out again, open a gate in spite of one, allow what judges a phase."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from clubos_tui.ui import question
from clubos_tui.ui.screens.desk import Desk

if TYPE_CHECKING:
    from clubos_tui.changes.patch import Patch
    from clubos_tui.engine.state import RunView
    from clubos_tui.events import CheckFinished

__all__ = ["Checking"]


class Checking:
    """Each method is one action of the table of keys."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.all: dict[str, Callable[[], Awaitable[None]]] = {
            "check": self.check,
            "check_all": self.check_all,
            "override": self.override,
        }

    @property
    def _view(self) -> RunView:
        view = self._desk.bridge.view
        assert view is not None, "BUG: asked for without a run"
        return view

    async def check(self) -> None:
        """Ask for the check under the cursor again, or for all of the phase."""
        check = self._desk.situation().check
        await self._ask_for((check,) if check else ())

    async def check_all(self) -> None:
        """Ask for all checks of the phase again."""
        await self._ask_for(())

    async def _ask_for(self, names: tuple[str, ...]) -> None:
        phase, by = self._desk.situation().phase, self._desk.bridge.who
        await self._desk.bridge.say(lambda run: run.check(phase, *names, by=by))

    async def override(self) -> None:
        """Open a gate in spite of the check under the cursor, or the first that keeps it shut.

        What a phase changes of its judges comes before all others, and has a review of its own.
        """
        from clubos_tui.checks.guard import TAMPER
        from clubos_tui.ui import evidence, sheets

        view, now = self._view, self._desk.situation()
        guard = None if view.merge_waits else evidence.judges(view, now.phase)
        checks = [check.check for check in sheets.closed(view, now.phase) if check.check != TAMPER]
        if guard is not None and now.check not in checks:
            await self._allow(guard)
        elif checks:
            await self._override(checks, now.check)

    async def next(self) -> None:
        """Do what the next step says, wherever the cursor is."""
        from clubos_tui.ui import evidence

        view, now = self._view, self._desk.situation()
        guard = None if view.merge_waits else evidence.judges(view, now.phase)
        if guard is not None:
            await self._allow(guard)
        else:
            await self.override()

    async def _override(self, checks: list[str], wanted: str) -> None:
        from clubos_tui.ui import sheets
        from clubos_tui.ui.checking import place_of
        from clubos_tui.ui.screens.confirm import Override

        view, phase = self._view, self._desk.situation().phase
        asked = question.override(view, phase)
        shown = place_of(view, phase)[1]
        which = "the merged tree" if view.merge_waits else f"phase {phase}"
        first = checks.index(wanted) if wanted in checks else 0
        dialog = Override(
            f"Override a check of {which}",
            sheets.override(view, phase, checks),
            checks,
            self._desk.bridge.who,
            first=first,
        )
        answer = await self._desk.ask(dialog, asked)
        if answer is not None:
            await self._desk.bridge.say(
                lambda run: run.override(
                    phase, answer.check, reason=answer.reason, by=answer.name, shown=shown
                ),
                asked,
            )

    async def _allow(self, guard: CheckFinished) -> None:
        """Take a yes to what a phase changes of its judges, and to nothing else."""
        from clubos_tui.ui import evidence, sheets
        from clubos_tui.ui.screens.judging import Judging

        view, phase = self._view, self._desk.situation().phase
        title = f"Phase {phase} changes what judges it"
        lines = [*evidence.judging(guard), *sheets.overriders(view, phase)]
        asked = question.override(view, phase)
        dialog = Judging(title, lines, self._desk.bridge.who, self._excerpt(guard))
        answer = await self._desk.ask(dialog, asked)
        if answer is not None:
            await self._desk.bridge.say(
                lambda run: run.override(
                    phase, guard.check, reason=answer.reason, by=answer.name, shown=guard.tree
                ),
                asked,
            )

    def _excerpt(self, guard: CheckFinished) -> Patch | None:
        """Return the diff of just the paths that judge the phase, once it is read."""
        from clubos_tui.checks.guard import guard_of, touched
        from clubos_tui.ui.screens.judging import excerpt

        review, view = self._desk.reviewing.review, self._view
        if review is None or review.change_set != guard.tree:
            return None
        rows = touched(view.phase(guard.phase).manifest, guard_of(view.plan))
        return excerpt(review.patch, [row.path for row, _ in rows])
