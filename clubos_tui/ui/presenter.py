"""Between bridge and dashboard: thirty times a second, what has changed goes to its pane.

Loaded after the first paint, because it knows the engine. It decides what is selected, which
diff is loaded, and what is shown where something went wrong.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from textual.app import SuspendNotSupported
from textual.screen import Screen

from clubos_tui.changes.attention import Attention
from clubos_tui.changes.decisions import Decision, Verdict
from clubos_tui.changes.manifest import Change, path_bytes, path_text
from clubos_tui.changes.patch_header import PatchError
from clubos_tui.changes.selection import Standing
from clubos_tui.engine.decide import next_for_person
from clubos_tui.engine.state import Status
from clubos_tui.errors import ClubosError
from clubos_tui.ui import panes
from clubos_tui.ui.actions import Situation, key_hints, next_step
from clubos_tui.ui.bridge import Bridge, problem_of
from clubos_tui.ui.review import Review, editor
from clubos_tui.ui.screens.requests import Requests
from clubos_tui.ui.store import Progress
from clubos_tui.ui.values import NextStep, Problem, StatusValues, Tone
from clubos_tui.ui.widgets.banner import Banner
from clubos_tui.ui.widgets.log_view import LogLine
from clubos_tui.ui.widgets.pane import Pane
from clubos_tui.ui.widgets.phase_list import PhaseList
from clubos_tui.ui.widgets.status_bar import KeyBar, NextLine, StatusBar
from clubos_tui.ui.widgets.views import DiffPane, FilesPane, LogPane

if TYPE_CHECKING:
    from clubos_tui.ui.app import ClubosApp
    from clubos_tui.ui.screens.dashboard import Dashboard

__all__ = ["Presenter"]

T = TypeVar("T")
FRAME = 1 / 30
CLOCK_SECONDS = 0.5


class Presenter:
    """Shows what the bridge reads; the desk that requests are made at."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dash = dashboard
        app: ClubosApp = dashboard.app  # type: ignore[assignment]
        self._app = app
        self.bridge: Bridge = app.make_bridge()
        self.log_phase: int | None = None
        self._requests = Requests(self)
        self._said: Problem | None = None  # what a request was refused with
        self._busy = False
        self._clock = 0.0
        self._files_key: object = None
        self._diff_key: object = None
        self._marks_key: object = None
        self.review: Review | None = None  # what is shown in the diff
        self._since = False  # only what changed since one looked last
        self._looked: set[str] = set()  # the change sets that were opened as "since"
        self._changes: dict[str, Change] = {}
        self._next_phase = 0
        self._listed: tuple[int, str] = (0, "")
        self._verb = ""
        self._watched: Progress | None = None
        self._seen = (0, 0)  # of the whole diff, while only a part of it is shown
        self._revealed: Problem | None = None  # what a hidden pane was shown for

    # --- opening and closing ------------------------------------------------------------------

    async def open(self) -> None:
        """Open the repository, show where things stand, and keep showing it."""
        await self.bridge.open()
        dash = self._dash
        if self.bridge.failure is not None:
            self._show_failure(self.bridge.failure)
            return
        self._show_phases()
        self._follow_next(first=True)
        self.show(everything=True)
        dash.set_interval(FRAME, self._tick)

    async def close(self) -> None:
        """Let the driver withdraw what is half done."""
        await self.bridge.close()

    def _show_failure(self, failure: Problem) -> None:
        dash = self._dash
        dash.query_one(Banner).problem = failure
        words = "This repository can't be opened.\n\nq leaves; the lines above say what helps."
        dash.query_one(DiffPane).show_empty(words)
        dash.query_one(FilesPane).show_note("Nothing to show.")
        dash.query_one(LogPane).show_empty("Nothing to show.")
        what = failure.what.partition("\n")[0]
        dash.query_one(NextLine).step = NextStep(failure.cure or what, "", "", "bad")
        dash.query_one(KeyBar).hints = key_hints(self.situation())

    def _tick(self) -> None:
        changed = self.bridge.tick()
        if self.bridge.failure is not None:
            self._show_failure(self.bridge.failure)
            return
        now = time.monotonic()
        if changed or now - self._clock >= CLOCK_SECONDS:
            self._clock = now
            self.show(everything=changed)

    # --- what is selected ---------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Whether LIVE is armed."""
        return self._dash.live

    @property
    def writing(self) -> bool:
        """Whether files are being written, and may still go back."""
        return self.bridge.store.progress is not None

    @property
    def _number(self) -> int:
        return self._dash.query_one(PhaseList).number

    def situation(self) -> Situation:
        """Return what is selected and how things stand."""
        failure = self.bridge.failure
        waiting = failure.what.partition("\n")[0] if failure else Situation().waiting
        path = self._dash.query_one(FilesPane).path
        if self._dash.used == "diff" and (at := self._dash.query_one(DiffPane).current_path):
            path = path_text(at) if path_text(at) in self._changes else path
        review = self.review
        return Situation(
            ready=self.bridge.ready,
            waiting=waiting,
            view=self.bridge.view,
            phase=self._number,
            change=self._changes.get(path) if path else None,
            live=self.live,
            who=self.bridge.who,
            shown=review.change_set if review else "",
            at=self._dash.used,
            since=self._since,
            has_since=bool(review and review.since),
            keys=self._app.keymap.keys,
        )

    def select_phase(self, number: int) -> None:
        """Select a phase, as if a person had."""
        self._dash.query_one(PhaseList).select(number)
        self.show(everything=True)

    def phase_selected(self, number: int) -> None:
        """Show the phase that a person has selected."""
        if self.log_phase:
            self.log_phase = number
            self._dash.filter_log()
        self.show(everything=True)

    def _follow_next(self, *, first: bool = False) -> None:
        """Select the phase of the next step when that changes, unless a person looks elsewhere."""
        view = self.bridge.view
        if view is None:
            return
        step = next_for_person(view)
        number = step.phase
        if view.queue:
            number = getattr(view.queue[0], "phase", 0)
        elif not number and (last := view.last_on_stage()):
            number = last.number
        if number and (first or (number != self._next_phase and self._number == self._next_phase)):
            self._dash.query_one(PhaseList).select(number)
        if number:
            self._next_phase = number
        if step.verb != self._verb and step.verb in {"approve", "approve merge"} and not first:
            self._dash.app.bell()
        self._verb = step.verb

    def file_selected(self, path: str | None) -> None:
        """Bring the diff to a file."""
        if path is not None:
            self._dash.query_one(DiffPane).go_to_file(path_bytes(path))
        self._show_lines()

    def file_in_diff(self, path: bytes | None) -> None:
        """Bring the list of files to the one in the diff."""
        if path is not None:
            self._dash.query_one(FilesPane).select(path_text(path))
        self._show_lines()

    def align_diff(self) -> None:
        """Bring the diff, which was hidden, to the selected file."""
        path = self._dash.query_one(FilesPane).path
        diff = self._dash.query_one(DiffPane)
        if path is not None and diff.current_path != path_bytes(path):
            diff.go_to_file(path_bytes(path))

    # --- what is under the cursor -------------------------------------------------------------

    @property
    def _diff(self) -> DiffPane:
        return self._dash.query_one(DiffPane)

    @property
    def line(self) -> int:
        """The line of the selected file under the cursor of the diff."""
        path = self.situation().change
        here = self._diff.current_path
        return self._diff.current_line if path and here == path_bytes(path.path) else 1

    def meant(self, verdict: Verdict, note: str | None = None) -> Sequence[Decision]:
        """Return the decisions that a verdict on what is under the cursor comes to."""
        now, diff, review = self.situation(), self._diff, self.review
        assert now.change
        if note is None:
            note = self.under_cursor()[2]
        file, hunk = diff.current_file, diff.current_hunk
        if now.at == "diff" and review and file and hunk:
            return review.on_hunk(file, hunk, diff.selected, verdict, note)
        return [Decision(now.change.path, verdict, note)]

    def under_cursor(self) -> tuple[str, Verdict, str]:
        """Return what is under the cursor in words, the verdict on it, and its note."""
        now, diff, review = self.situation(), self._diff, self.review
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
        """Return how many changed lines have been on the screen, and how many there are."""
        return self._seen if self._since else self._diff.seen

    def edited(self, path: str, line: int, data: bytes) -> bytes | None:
        """Let the person edit a copy of a file; return it, or ``None`` where there is no way."""
        name = os.path.basename(path) or "file"
        with tempfile.TemporaryDirectory(dir=self.state_folder(), prefix="edit-") as folder:
            copy = os.path.join(folder, name)
            with open(copy, "wb") as file:
                file.write(data)
            if not self.run_editor(copy, line):
                return None
            with open(copy, "rb") as file:
                return file.read()

    def run_editor(self, path: str, line: int) -> bool:
        """Give the terminal to the person's editor; say why where that did not work."""
        command = editor(path, line)
        try:
            with self._dash.app.suspend():
                code = subprocess.call(command)
        except SuspendNotSupported:
            self.say("warn", "this terminal can't be given to an editor")
            return False
        except OSError as error:
            self.say("warn", f"{command[0]}: {error.strerror}; set EDITOR to your editor")
            return False
        if code:
            self.say("warn", f"{command[0]} ended with {code}; nothing was taken over")
        return not code

    # --- moving about -------------------------------------------------------------------------

    def toggle_since(self) -> None:
        """Show what changed since one looked last, or the whole diff."""
        if self.review and self.review.since:
            self._show_patch(since=not self._since)

    def go_to(self, phase: int, path: str, hunk: str) -> bool:
        """Show the file, or hunk, that something is about; False where it is not there."""
        if phase and phase != self._number:
            self.select_phase(phase)
        found = self._dash.query_one(FilesPane).select(path)
        self._dash.action_pane("diff" if found else "files")
        return found and (
            bool(hunk and self._diff.go_to_hunk(hunk)) or self._diff.go_to_file(path_bytes(path))
        )

    def go_on_from(self, decisions: Sequence[Decision]) -> None:
        """Go to the next hunk or file that is pending."""
        path = decisions[-1].path
        if self._dash.used == "diff":
            self._diff.end_range()
            self.bridge.tick()
            self.show(everything=True)
            other = self._diff.next_pending()
            if other is not None:
                self._diff.go_to_hunk(other)
            return
        files = self._dash.query_one(FilesPane)
        other = files.after(path)
        if other is not None:
            files.select(other)
            self._dash.query_one(DiffPane).go_to_file(path_bytes(other))

    # --- requests -----------------------------------------------------------------------------

    async def request(self, name: str) -> None:
        """Do what a key asks for, one at a time; what is refused stays above the diff."""
        if self._busy:
            return
        self._busy, self._said = True, None
        try:
            await self._requests.all[name]()
        except (ClubosError, OSError) as error:
            self._said = problem_of(error)
            text = self._said.what.partition("\n")[0]
            self._dash.notify(text, severity="error", markup=False)
        finally:
            self._busy = False
            if self._dash.is_attached:
                self._dash.unsay_busy()
                self.bridge.tick()
                self.show(everything=True)

    async def may_quit(self) -> bool:
        """Ask while a step is running."""
        return self._busy is False and await self._requests.quit()

    async def ask(self, dialog: Screen[T]) -> T | None:
        """Show a dialog and wait for its answer."""
        return await self._dash.app.push_screen_wait(dialog)

    def say(self, tone: Tone, text: str) -> None:
        """Show a short sentence."""
        self._dash.say(tone, text)

    def set_live(self, live: bool) -> None:
        """Arm or disarm LIVE."""
        self._dash.set_live(live)

    def dismiss_problem(self) -> None:
        """Take away what was refused or recovered; what still stands stays."""
        self._said = None
        self.bridge.store.recovered = []
        self.show(everything=True)

    def state_folder(self) -> str:
        """Return where files for the person go: never into the repository."""
        session = self.bridge.session
        return session.paths.root if session else tempfile.gettempdir()

    # --- showing ------------------------------------------------------------------------------

    def show(self, *, everything: bool) -> None:
        """Bring every pane up to date; each repaints only where its values differ."""
        if not self.bridge.ready:
            return
        if everything:
            self._show_phases()
            self._follow_next()
            self._show_log()
            self._show_files()
            self._show_diff()
        self._show_lines()

    def _show_phases(self) -> None:
        store, dash = self.bridge.store, self._dash
        rows = panes.phases(store.view, store.plan)
        dash.query_one(PhaseList).show(rows)
        name = (store.view.plan if store.view else store.plan).name  # type: ignore[union-attr]
        dash.query_one("#phases", Pane).set_title(name)
        done = sum(row.status in {"validated", "merged"} for row in rows)
        dash.query_one("#phases", Pane).set_subtitle(f"{done} of {len(rows)} done")

    def _show_log(self) -> None:
        lines = self.bridge.store.drain()
        if lines:
            log = self._dash.query_one(LogPane)
            log.extend(
                LogLine(
                    line.time,
                    line.level,
                    line.phase,
                    line.text,
                    line.detail or None,
                    line.path,
                    line.hunk,
                )
                for line in lines
            )
            self.title_log()

    def title_log(self) -> None:
        """Say in the title whether the log follows."""
        log = self._dash.query_one(LogPane)
        text = "following" if log.following else f"{log.new_lines:,} new below, f follows"
        self._dash.query_one("#log", Pane).set_title(text)

    def _show_files(self) -> None:
        store, number = self.bridge.store, self._number
        progress = store.progress
        key = (
            number,
            self.bridge.seen,
            self.review and self.review.change_set,
            len(store.live),
            next(reversed(store.live), None),
            progress and (progress.done, progress.compared, progress.returning, progress.total),
        )
        if key == self._files_key:
            return
        self._files_key = key
        if progress and progress.purpose != "execute" and progress is not self._watched:
            self._watched = progress
            self._dash.reveal("files")
        reasons: dict[str, Attention] = {}
        standings: dict[str, Standing] = {}
        if store.view and self.review:
            phase = store.view.phase(number)
            if self.review.change_set == phase.change_set:
                reasons = {path_text(path): item for path, item in self.review.reasons.items()}
                standings = self.review.standings(phase.draft)
        values = panes.files(store, number, reasons, standings)
        if store.view:
            phase = store.view.phase(number)
            if (number, phase.change_set) != self._listed:
                self._listed = (number, phase.change_set)
                self._dash.query_one(FilesPane).restart()
            self._changes = {row.path: row for row in phase.manifest}
        self._dash.query_one(FilesPane).show(values)
        self._dash.query_one("#files", Pane).set_title(values.title)

    def _show_diff(self) -> None:
        view, number, dash = self.bridge.view, self._number, self._dash
        problem = panes.problem(self.bridge.store, number)
        dash.query_one(Banner).problem = self._said or problem
        stands = self.bridge.store.recovered or (view and view.failure)
        if stands and problem != self._revealed:
            self._revealed = problem
            dash.reveal("diff")
        diff, note = dash.query_one(DiffPane), panes.diff_note(view, number)
        pane = dash.query_one("#diff", Pane)
        if view is None or note:
            self.review = None
            if note != self._diff_key:
                self._diff_key = note
                diff.show_empty(note)
                pane.set_title(f"phase {number}" if view else "")
            return
        phase = view.phase(number)
        key = (number, phase.base, phase.change_set)
        if key != self._diff_key:
            self._diff_key, self._marks_key, self.review = key, None, None
            diff.show_loading(f"Reading the change set of phase {number}")
            dash.run_worker(self._load(number, key), group="patch", exclusive=True)
        outside = phase.moved_outside()
        settled = panes.settled(view, number)
        state, read = view.status(number), self.review is not None
        marks = (key, phase.draft.revision, outside, settled, self._since, read, state)
        if marks != self._marks_key:
            self._marks_key = marks
            diff.set_draft(None if self._since else phase.draft, settled=settled)
            words = {path_bytes(path): f"edited by {by}" for path, by in phase.edited.items()}
            words |= {path_bytes(path): "changed outside" for path in outside}
            diff.set_marks(words)
            left = ""
            if self.review and state is Status.PROPOSED:
                pending = self.review.pending(phase.draft)
                left = f" · {pending:,} left to decide" if pending else " · all decided"
            pane.set_title(f"phase {number}, attempt {phase.attempt}: {state}{left}")
        if self.review:
            self._requests.shown(phase.change_set)

    async def _load(self, number: int, key: object) -> None:
        diff = self._dash.query_one(DiffPane)
        try:
            review = await self.bridge.review(number)
        except (ClubosError, PatchError) as error:
            problem = problem_of(error)
            if key == self._diff_key:
                diff.show_empty(f"The diff can't be shown.\n\n{problem.what}\n{problem.cure}")
            return
        view = self.bridge.view
        if key != self._diff_key or view is None:
            return
        phase = view.phase(number)
        if review.change_set != phase.change_set:
            return
        self.review = review
        again = phase.attempt > 1 and review.change_set not in self._looked
        self._looked.add(review.change_set)
        self._show_patch(since=bool(again and review.since and not phase.edited))
        self.align_diff()

    def _show_patch(self, *, since: bool) -> None:
        """Show the whole change set, or what changed since one looked last."""
        review, view, number = self.review, self.bridge.view, self._number
        assert review
        assert view
        if self._since and not since:
            self._seen = (0, 0)
        elif since and not self._since:
            self._seen = self._diff.seen
        self._since = since
        title = panes.diff_title(view, number)
        if since and review.since:
            self._diff.show(
                review.since, title=f"{title}: what changed since you looked (t: the whole)"
            )
        else:
            self._diff.show(
                review.patch, title=title, reasons=review.reasons, alike=review.alike,
                fresh=review.fresh,
            )  # fmt: skip
        self.show(everything=True)

    def _show_lines(self) -> None:
        bridge, dash, number = self.bridge, self._dash, self._number
        now = self.situation()
        driver = ""
        if bridge.view is not None and bridge.drives is False:
            driver = "another clubos drives: watching"
        status: StatusValues = panes.status(
            bridge.store,
            number,
            live=self.live,
            agent=panes.agent_of(bridge.view, bridge.store.plan, number, bridge.agent),
            driver=driver,
            now=time.time(),
        )
        bar = dash.query_one(StatusBar)
        bar.values = status
        if bridge.session is not None:
            bar.where = os.path.basename(bridge.session.repository.root)
        dash.set_class(status.mode == "LIVE", "-live")
        dash.query_one(NextLine).step = next_step(now)
        dash.query_one(KeyBar).hints = key_hints(now)
