"""The question that is open on this screen, and what becomes of it when somebody else is faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from textual.app import App
from textual.screen import Screen

from clubos_tui.errors import ClubosError, GateClosed, Refused, Stale
from clubos_tui.journal import Record
from clubos_tui.ui.bridge import Bridge, problem_of
from clubos_tui.ui.question import Question, ago, settled_by, told
from clubos_tui.ui.screens.ask import Ask
from clubos_tui.ui.values import Problem

__all__ = ["Asking"]

T = TypeVar("T")
_OTHERWISE = "Things stand otherwise than when this was asked"


class Asking:
    """Asks one question at a time."""

    def __init__(self, app: App[None], bridge: Bridge) -> None:
        self._app = app
        self._bridge = bridge
        self._open: tuple[Screen[object], Question] | None = None
        self._since = ("", 0)

    def begin(self) -> None:
        """Note how things stand on the screen when a key is pressed."""
        self._since = self._bridge.mark

    async def ask(self, dialog: Screen[T], question: Question | None = None) -> T | None:
        """Show a dialog and wait for its answer; a question that is settled takes none."""
        if question is not None:
            self._open = (dialog, question)  # type: ignore[assignment]
        try:
            return await self._app.push_screen_wait(dialog)
        finally:
            self._open = None

    def look(self) -> None:
        """Settle the open question where it is none any more."""
        if self._open is None or self._bridge.view is None:
            return
        dialog, question = self._open
        if isinstance(dialog, Ask) and dialog.is_mounted and not question.stands(self._bridge.view):
            self._open = None
            dialog.settle(self._words(question.phase))

    def refused(self, error: ClubosError | OSError, number: int) -> Problem:
        """Return a refusal as it is shown: with who was faster, where that is why."""
        problem = problem_of(error)
        if isinstance(error, Refused | Stale | GateClosed) and (last := self._last(number)):
            what = f"{told(last.event)}, {ago(last.at, time.time())}: {problem.what}"
            return replace(problem, what=what, tone="warn")
        return problem

    def _words(self, number: int) -> Callable[[], str]:
        last = self._last(number)
        if last is None:
            return lambda: _OTHERWISE
        said = told(last.event)
        return lambda: f"{said}, {ago(last.at, time.time())}"

    def _last(self, number: int) -> Record | None:
        run, seq = self._since
        news: Sequence[Record] = self._bridge.since(run, seq)
        if run and news and run != self._bridge.mark[0]:
            return news[0]  # another run has begun
        return settled_by(news, number)
