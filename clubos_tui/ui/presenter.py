"""Between bridge and dashboard: thirty times a second, what has changed goes to its pane.

Loaded after the first paint, because it knows the engine. It decides what is selected, which
diff is loaded, and what is shown where something went wrong.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from clubos_tui.changes.manifest import Change, path_bytes, path_text
from clubos_tui.engine.decide import next_for_person
from clubos_tui.errors import ClubosError
from clubos_tui.ui import checking, panes
from clubos_tui.ui.actions import Situation, key_hints, next_step
from clubos_tui.ui.asking import Asking
from clubos_tui.ui.bridge import Bridge
from clubos_tui.ui.editing import Editing
from clubos_tui.ui.listing import Listing
from clubos_tui.ui.question import Question
from clubos_tui.ui.reviewing import Reviewing
from clubos_tui.ui.screens.requests import Requests
from clubos_tui.ui.store import Progress
from clubos_tui.ui.values import NextStep, Problem, StatusValues, Tone
from clubos_tui.ui.waiting import moment
from clubos_tui.ui.widgets.banner import Banner
from clubos_tui.ui.widgets.log_view import LogLine
from clubos_tui.ui.widgets.pane import Pane
from clubos_tui.ui.widgets.phase_list import PhaseList
from clubos_tui.ui.widgets.status_bar import KeyBar, NextLine, StatusBar
from clubos_tui.ui.widgets.views import ChecksPane, DiffPane, FilesPane, LogPane

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
        self.editing = Editing(app, self.say)
        self.reviewing = Reviewing(self, dashboard)
        self._requests = Requests(self)
        self._asking = Asking(app, self.bridge)
        self._said: Problem | None = None  # what a request was refused with
        self._busy = False
        self._clock = 0.0
        self._files_key: object = None
        self._listing = Listing(())
        self._manifest: tuple[Change, ...] = ()
        self._next_phase = 0
        self._listed: tuple[int, str] = (0, "")
        self._watched: Progress | None = None
        self._revealed: Problem | None = None  # what a hidden pane was shown for

    # --- opening and closing ------------------------------------------------------------------

    async def open(self) -> None:
        """Open the repository, show where things stand, and keep showing it."""
        await self.bridge.open()
        dash = self._dash
        if not dash.is_attached:  # left before it was open
            return
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
        dash.query_one(ChecksPane).show_note("Nothing to show.")
        what = failure.what.partition("\n")[0]
        dash.query_one(NextLine).step = NextStep(failure.cure or what, "", "", "bad")
        dash.query_one(KeyBar).hints = key_hints(self.situation())

    def _tick(self) -> None:
        changed = self.bridge.tick()
        if self.bridge.failure is not None:
            self._show_failure(self.bridge.failure)
            return
        self._asking.look()
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
        return self.bridge.store.progress is not None and not self.bridge.replays

    @property
    def number(self) -> int:
        """The selected phase, from 1."""
        return self._dash.query_one(PhaseList).number

    def situation(self) -> Situation:
        """Return what is selected and how things stand."""
        failure = self.bridge.failure
        waiting = failure.what.partition("\n")[0] if failure else Situation().waiting
        path = self._dash.query_one(FilesPane).path
        if self._dash.used == "diff" and (at := self._dash.query_one(DiffPane).current_path):
            path = path_text(at) if path_text(at) in self._listing.at else path
        review = self.reviewing.review
        return Situation(
            ready=self.bridge.ready,
            waiting=waiting,
            view=self.bridge.view,
            phase=self.number,
            change=self._listing.change(path),
            live=self.live,
            who=self.bridge.who,
            shown=review.change_set if review else "",
            at=self._dash.used,
            since=self.reviewing.since,
            has_since=bool(review and review.since),
            keys=self._app.keymap.keys,
            doing=self.bridge.store.doing.words(self.bridge.now()),
            replays=self.bridge.replays,
            check=self._check if self._dash.used == "checks" else "",
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
        if number and (first or (number != self._next_phase and self.number == self._next_phase)):
            self._dash.query_one(PhaseList).select(number)
        if number:
            self._next_phase = number

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

    # --- moving about -------------------------------------------------------------------------

    def go_to(self, phase: int, path: str, hunk: str) -> bool:
        """Show the file, or hunk, that something is about; False where it is not there."""
        if phase and phase != self.number:
            self.select_phase(phase)
        return self.reviewing.go_to(path, hunk)

    async def content(self, path: bytes) -> bytes:
        """Return a file as the selected phase proposes it; empty where it has none."""
        return await self.bridge.content(self.number, path_text(path)) or b""

    # --- requests -----------------------------------------------------------------------------

    async def request(self, name: str) -> None:
        """Do what a key asks for, one at a time; what is refused stays above the diff."""
        if self._busy:
            return
        self._busy, self._said = True, None
        self._asking.begin()
        try:
            await self._requests.all[name]()
        except (ClubosError, OSError) as error:
            self._said = self._asking.refused(error, self.number)
            text = self._said.what.partition("\n")[0]
            severity = "warning" if self._said.tone == "warn" else "error"
            self._dash.notify(text, severity=severity, markup=False)  # type: ignore[arg-type]
        finally:
            self._busy = False
            if self._dash.is_attached:
                self._dash.unsay_busy()
                self.bridge.tick()
                self.show(everything=True)

    async def may_quit(self) -> bool:
        """Ask while a step is running."""
        return self._busy is False and await self._requests.quit()

    async def ask(self, dialog: Screen[T], question: Question | None = None) -> T | None:
        """Show a dialog and wait for its answer; a question that is settled takes none."""
        return await self._asking.ask(dialog, question)

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
        if everything or self.bridge.store.underway:
            self._show_checks()
        self._show_lines()

    def _show_checks(self) -> None:
        store, dash = self.bridge.store, self._dash
        now = self.bridge.now()
        values = checking.values(store.view, store.plan, self.number, store.underway, now)
        dash.query_one(ChecksPane).show(values)
        dash.query_one("#checks", Pane).set_title(values.title)

    @property
    def _check(self) -> str:
        name = self._dash.query_one(ChecksPane).name_at
        return "" if name == checking.UNDO else name

    def _show_phases(self) -> None:
        store, dash = self.bridge.store, self._dash
        rows = panes.phases(store.view, store.plan)
        dash.query_one(PhaseList).show(rows)
        name = (store.view.plan if store.view else store.plan).name  # type: ignore[union-attr]
        dash.query_one("#phases", Pane).set_title(name)
        done = sum(row.status in {"validated", "merged"} for row in rows)
        dash.query_one("#phases", Pane).set_subtitle(f"{done} of {len(rows)} done")

    def _show_log(self) -> None:
        news, log = self.bridge.news(), self._dash.query_one(LogPane)
        if news.anew:
            log.clear()
        if news.lines:
            log.extend(
                LogLine(
                    line.time,
                    line.level,
                    line.phase,
                    line.text,
                    line.detail or None,
                    line.path,
                    line.hunk,
                    line.turn,
                )
                for line in news.lines
            )
            self.title_log()
        if news.withdrawn:
            log.withdraw(news.withdrawn)

    def title_log(self) -> None:
        """Say in the title whether the log follows."""
        log = self._dash.query_one(LogPane)
        text = "following" if log.following else f"{log.new_lines:,} new below, f follows"
        self._dash.query_one("#log", Pane).set_title(text)

    def _show_files(self) -> None:
        store, number, review = self.bridge.store, self.number, self.reviewing.review
        progress = store.progress
        key = (
            number,
            self.bridge.seen,
            review and review.change_set,
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
        values = panes.files(store, number, self._list(number))
        if store.view:
            listed = (number, store.view.phase(number).change_set)
            if listed != self._listed:
                self._listed = listed
                self._dash.query_one(FilesPane).restart()
        self._dash.query_one(FilesPane).show(values)
        self._dash.query_one("#files", Pane).set_title(values.title)

    def _list(self, number: int) -> Listing:
        """Return the files of a phase, listed anew only where they are others."""
        view, review = self.bridge.view, self.reviewing.review
        manifest = view.phase(number).manifest if view else ()
        if review and view and review.change_set == view.phase(number).change_set:
            self._listing = review.listing
        elif self._manifest is not manifest:
            self._listing = Listing(manifest)
        self._manifest = manifest
        return self._listing

    def _show_diff(self) -> None:
        view, number, dash = self.bridge.view, self.number, self._dash
        problem = panes.problem(self.bridge.store, number)
        dash.query_one(Banner).problem = self._said or problem
        stands = self.bridge.store.recovered or (view and view.failure)
        if stands and problem != self._revealed:
            self._revealed = problem
            dash.reveal("diff")
        self.reviewing.show(number)
        if (review := self.reviewing.review) is not None:
            self._requests.shown(review.change_set)

    def _show_lines(self) -> None:
        bridge, dash, number = self.bridge, self._dash, self.number
        now = self.situation()
        driver = bridge.driver if bridge.view is not None else ""
        if bridge.took_over:
            self.say("info", bridge.took_over)
            bridge.took_over = ""
        status: StatusValues = panes.status(
            bridge.store,
            number,
            self._list(number).counts,
            live=self.live,
            agent=panes.agent_of(bridge.view, bridge.store.plan, number, bridge.agent),
            driver=driver,
            now=bridge.now(),
        )
        if bridge.replays:
            status = replace(status, mode="REPLAY")
        bar = dash.query_one(StatusBar)
        bar.values = status
        if bridge.session is not None:
            bar.where = os.path.basename(bridge.session.repository.root)
            now_at = moment(bridge.view, bridge.store.work, stopped=bridge.stopped)
            self._app.summons.see(now_at, bar.where)
        dash.set_class(status.mode == "LIVE", "-live")
        dash.query_one(NextLine).step = next_step(now)
        dash.query_one(KeyBar).hints = key_hints(now)
