"""The change set that is under review: what the diff shows of it, and what is under the cursor."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from clubos_tui.changes.decisions import Decision, Verdict
from clubos_tui.changes.manifest import path_bytes
from clubos_tui.changes.patch_header import PatchError
from clubos_tui.engine.state import PhaseView, Status
from clubos_tui.errors import ClubosError
from clubos_tui.ui import panes
from clubos_tui.ui.bridge import problem_of
from clubos_tui.ui.diff.seen import Seen
from clubos_tui.ui.first_run import first_run
from clubos_tui.ui.review import Review
from clubos_tui.ui.values import NoteLine
from clubos_tui.ui.widgets.pane import Pane
from clubos_tui.ui.widgets.views import DiffPane, FilesPane

if TYPE_CHECKING:
    from clubos_tui.machine.parts import Part
    from clubos_tui.ui.presenter import Presenter
    from clubos_tui.ui.screens.dashboard import Dashboard

__all__ = ["Reviewing"]


class Reviewing:
    """Keeps the diff at the change set of the selected phase."""

    def __init__(self, presenter: Presenter, dashboard: Dashboard) -> None:
        self._presenter = presenter
        self._bridge = presenter.bridge
        self._dash = dashboard
        self.review: Review | None = None
        """What is shown; None while it is read and where there is nothing."""
        self.since = False
        """Whether only that is shown which changed since one looked last."""
        self._looked: set[str] = set()  # the change sets that were opened as "since"
        self._shown: object = None  # the key of what is shown or being read
        self._marked: object = None
        self._machine: Sequence[Part] | str | None = (
            None  # what it offers, or why that is not known
        )
        self._looking = False
        self._seen: dict[bool, Seen] = {}  # of the whole change set, and of what changed since

    @property
    def _diff(self) -> DiffPane:
        return self._dash.query_one(DiffPane)

    # --- showing ------------------------------------------------------------------------------

    def show(self, number: int) -> None:
        """Bring the diff to where the journal says that things stand in a phase."""
        view = self._bridge.view
        if view is None:
            self._say(first_run(self._machine), "no run yet")
            self._look()
            return
        if note := panes.diff_note(view, number):
            self._say(note, f"phase {number}")
            return
        phase = view.phase(number)
        key = (number, phase.base, phase.change_set)
        if key != self._shown:
            self._shown, self._marked, self.review, self._seen = key, None, None, {}
            self._diff.show_loading(f"Reading the change set of phase {number}")
            self._dash.run_worker(self._load(number, key), group="patch", exclusive=True)
        self._mark(key, phase, view.status(number), settled=panes.settled(view, number))

    def _say(self, note: str | tuple[NoteLine, ...], title: str) -> None:
        """Say why there is no diff."""
        self.review = None
        if note != self._shown:
            self._shown = note
            self._diff.show_empty(note)
            self._dash.query_one("#diff", Pane).set_title(title)

    def _look(self) -> None:
        """Look at the machine, once: nothing of it is needed where there is a run."""
        if not self._looking:
            self._looking = True
            self._dash.run_worker(self._examine(), group="machine")

    async def _examine(self) -> None:
        from clubos_tui.machine.examine import examine

        diff, stop = self._diff, threading.Event()
        try:
            self._machine = await asyncio.to_thread(examine, stop)
        except Exception as error:  # it only tells: a run goes without
            self._machine = f"{type(error).__name__}: {error}"
        finally:
            stop.set()  # who leaves does not wait for somebody's hanging program
        if diff.is_attached:
            self._presenter.show(everything=True)

    def _mark(self, key: object, phase: PhaseView, state: Status, *, settled: bool) -> None:
        outside, read = phase.moved_outside(), self.review is not None
        marked = (key, phase.draft.revision, outside, settled, self.since, read, state)
        if marked == self._marked:
            return
        self._marked = marked
        self._diff.set_draft(None if self.since else phase.draft, settled=settled)
        words = {path_bytes(path): f"edited by {by}" for path, by in phase.edited.items()}
        words |= {path_bytes(path): "changed outside" for path in outside}
        self._diff.set_marks(words)
        left = ""
        if self.review and state is Status.PROPOSED:
            pending = self.review.pending(phase.draft)
            left = f" · {pending:,} left to decide" if pending else " · all decided"
        title = f"phase {phase.number}, attempt {phase.attempt}: {state}{left}"
        self._dash.query_one("#diff", Pane).set_title(title)

    async def _load(self, number: int, key: object) -> None:
        try:
            review = await self._bridge.review(number)
        except (ClubosError, PatchError) as error:
            problem = problem_of(error)
            if key == self._shown and self._diff.is_attached:
                words = f"The diff can't be shown.\n\n{problem.what}\n{problem.cure}"
                self._diff.show_empty(words)
            return
        view = self._bridge.view
        if key != self._shown or view is None or not self._diff.is_attached:
            return  # something else is looked at by now, or the person has left
        phase = view.phase(number)
        if review.change_set != phase.change_set:
            return
        self.review = review
        again = phase.attempt > 1 and review.change_set not in self._looked
        self._looked.add(review.change_set)
        self._show_patch(since=bool(again and review.since and not phase.edited))
        self.align()

    def _show_patch(self, *, since: bool) -> None:
        review, view, number = self.review, self._bridge.view, self._presenter.number
        assert review
        assert view
        self.since = since
        title = panes.diff_title(view, number)
        if since and review.since:
            said = f"{title}: what changed since you looked (t: the whole)"
            self._diff.show(review.since, title=said, seen=self._seen.get(since))
        else:
            self._diff.show(
                review.patch, title=title, reasons=review.reasons, alike=review.alike,
                fresh=review.fresh, seen=self._seen.get(since),
            )  # fmt: skip
        self._seen[since] = self._diff.seen
        self._presenter.show(everything=True)

    def toggle_since(self) -> None:
        """Show what changed since one looked last, or the whole diff."""
        if self.review and self.review.since:
            self._show_patch(since=not self.since)

    def align(self) -> None:
        """Bring the diff, which was hidden, to the selected file."""
        path = self._dash.query_one(FilesPane).path
        if path is not None and self._diff.current_path != path_bytes(path):
            self._diff.go_to_file(path_bytes(path))

    # --- what is under the cursor -------------------------------------------------------------

    @property
    def line(self) -> int:
        """The line of the selected file under the cursor of the diff."""
        change = self._presenter.situation().change
        here = self._diff.current_path
        return self._diff.current_line if change and here == path_bytes(change.path) else 1

    def meant(self, verdict: Verdict, note: str | None = None) -> Sequence[Decision]:
        """Return the decisions that a verdict on what is under the cursor comes to.

        Without a note, one that is there stays.
        """
        now, diff, review = self._presenter.situation(), self._diff, self.review
        assert now.change
        if note is None:
            note = self.under_cursor()[2]
        file, hunk = diff.current_file, diff.current_hunk
        if now.at == "diff" and review and file and hunk:
            return review.on_hunk(file, hunk, diff.selected, verdict, note)
        return [Decision(now.change.path, verdict, note)]

    def under_cursor(self) -> tuple[str, Verdict, str]:
        """Return what is under the cursor in words, the verdict on it, and its note."""
        now, diff, review = self._presenter.situation(), self._diff, self.review
        assert now.change
        assert now.view
        path = now.change.path
        own = now.view.phase(now.phase).draft.of(path)
        hunk = diff.current_hunk
        if now.at == "diff" and review and hunk and path in review.parts:
            decision = own.hunks.get(hunk.id)
            row = diff.selected.first - hunk.rows.start + 1 if diff.selected else 0
            where = f"{path}:{diff.current_line}"
            return where, own.of(hunk.id, row), decision.note if decision else ""
        return path, own.verdict, own.whole.note if own.whole else ""

    def seen(self) -> tuple[int, int]:
        """Return how many changed lines of what is shown have been on the screen, and of how many.

        Where only what changed since the last look is shown, the rest was read then.
        """
        return self._diff.seen.count()

    # --- moving about -------------------------------------------------------------------------

    def go_to(self, path: str, hunk: str) -> bool:
        """Show a file, or a hunk of it; False where it is not there."""
        found = self._dash.query_one(FilesPane).select(path)
        self._dash.action_pane("diff" if found else "files")
        return found and (
            bool(hunk and self._diff.go_to_hunk(hunk)) or self._diff.go_to_file(path_bytes(path))
        )

    def go_to_line(self, path: str, line: int) -> bool:
        """Show a line of the proposed file; where no hunk shows it, the file."""
        return self.go_to(path, "") and (self._diff.go_to_line(path_bytes(path), line) or True)

    def go_on_from(self, decisions: Sequence[Decision]) -> None:
        """Go to the next hunk or file that is pending."""
        if self._dash.used == "diff":
            self._diff.end_range()
            self._bridge.tick()
            self._presenter.show(everything=True)
            self._diff.go_to_pending()
            return
        files = self._dash.query_one(FilesPane)
        path = files.after(decisions[-1].path)
        if path is not None:
            files.select(path)
            self._diff.go_to_file(path_bytes(path))
