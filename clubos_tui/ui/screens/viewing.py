"""What keys do to the diff without doing anything to the run: fold, split, unfold, copy, open."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from clubos_tui.ui.values import Line
from clubos_tui.ui.widgets.views import ChecksPane, DiffPane, LogPane

if TYPE_CHECKING:
    from clubos_tui.ui.screens.dashboard import Dashboard

__all__ = ["Viewing"]


class Viewing:
    """Each method is one action of the table of keys."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dash = dashboard
        self.all: Final[dict[str, Callable[[], None]]] = {
            "since": self.since,
            "range": self.range,
            "split": self.split,
            "wrap": self.wrap,
            "more": self.more,
            "less": self.less,
            "fold_all": self.fold_all,
            "copy": self.copy,
            "open": self.open,
            "jump": self.jump,
        }

    @property
    def _diff(self) -> DiffPane:
        return self._dash.query_one(DiffPane)

    def since(self) -> None:
        """Show what changed since one looked last, or the whole diff."""
        if self._dash.presenter is not None:
            self._dash.presenter.reviewing.toggle_since()

    def range(self) -> None:
        """Begin or end a range of lines."""
        if self._diff.start_range():
            said = "move to stretch it; a accepts, r rejects just these lines, esc ends"
            self._dash.say("info", said)
        else:
            self._dash.say("warn", "put the cursor on a changed line of the diff first")

    def split(self) -> None:
        """Show old and new side by side, or below each other."""
        if self._diff.toggle_split() and not self._diff.split_now:
            said = "side by side as soon as the pane is wide enough: z shows only it"
            self._dash.say("warn", said)

    def wrap(self) -> None:
        """Fold long lines, or let them run on."""
        wrapped = self._diff.toggle_wrap()
        said = "long lines are folded" if wrapped else "long lines run on: left, right"
        self._dash.say("info", said)

    def more(self) -> None:
        """Show more unchanged lines around the hunk."""
        self._unfold(1)

    def less(self) -> None:
        """Show fewer of them."""
        self._unfold(-1)

    def _unfold(self, steps: int) -> None:
        if not self._diff.more_context(steps):
            self._dash.say("warn", "there is nothing more around this: put the cursor into a hunk")

    def fold_all(self) -> None:
        """Fold every file, or unfold."""
        self._diff.fold_all()

    def copy(self) -> None:
        """Copy the hunk."""
        from clubos_tui.ui.review import copied

        hunk = self._diff.current_hunk
        if hunk is None:
            self._dash.say("warn", "put the cursor into a hunk of the diff first")
            return
        self._dash.app.copy_to_clipboard(copied(self._diff.patch, hunk))
        self._dash.say("good", f"{len(hunk.rows)} rows of the hunk are on the clipboard")

    def open(self) -> None:
        """Open the person's own copy of the selected file."""
        presenter, change = self._dash.presenter, self._dash.situation().change
        if presenter is None or change is None or presenter.bridge.session is None:
            return
        path = os.path.join(presenter.bridge.session.repository.root, change.path)
        if not os.path.lexists(path):
            said = f"{change.path} is not in your checkout yet: e edits the proposed one"
            self._dash.say("warn", said)
        else:
            presenter.editing.open(path, presenter.reviewing.line)

    def jump(self) -> None:
        """Go to what a line of the log, or the evidence of a check, is about."""
        if self._dash.used == "checks":
            self._dash.run_worker(self._jump_from_check(), group="jump", exclusive=True)
            return
        line, presenter = self._dash.query_one(LogPane).current_line, self._dash.presenter
        if line is None or not line.path:
            self._dash.say("warn", "this line of the log is about no file")
        elif presenter is None or not presenter.go_to(line.phase, line.path, line.hunk):
            self._dash.say("warn", f"{line.path} is not in the change set that is shown")

    def evidence(self, name: str) -> None:
        """Show all the evidence of a check; a key on that page does to the check what it says."""
        from clubos_tui.ui import evidence
        from clubos_tui.ui.screens.help import Evidence

        presenter = self._dash.presenter
        if presenter is None or presenter.bridge.view is None:
            self._dash.say("info", "there is no evidence yet: d makes a dry run")
            return
        view, number = presenter.bridge.view, presenter.number
        lines = evidence.evidence(view, number, name, presenter.bridge.store.underway)
        page = Evidence(name, lines, jump=bool(evidence.spots(view, number, name)))
        self._dash.app.push_screen(page, self._left_evidence)

    def _left_evidence(self, action: str | None) -> None:
        if action:
            self._dash.action_do(action)

    async def _jump_from_check(self) -> None:
        """Go to the line that the evidence under the cursor names; where it names many, ask."""
        from clubos_tui.ui import evidence
        from clubos_tui.ui.screens.choose import Choose

        name, presenter = self._dash.query_one(ChecksPane).name_at, self._dash.presenter
        found: Sequence[evidence.Spot] = ()
        if presenter is not None and presenter.bridge.view is not None:
            found = evidence.spots(presenter.bridge.view, presenter.number, name)
        if presenter is None or not found:
            self._dash.say("warn", "its evidence names no line of a file that this phase changes")
            return
        at: int | None = 0
        if len(found) > 1:
            about: Line = ("quiet", f"{name} names {len(found)} lines of the change set.")
            dialog = Choose("Go to which line?", [about], [spot.text for spot in found])
            at = await self._dash.app.push_screen_wait(dialog)
        if at is not None and not presenter.reviewing.go_to_line(found[at].path, found[at].line):
            self._dash.say("warn", f"{found[at].path} is not in the diff that is shown")
