"""Calls the person when a run that was at work comes to wait for them.

The bell rings once for each wait, and never for what the person at this very screen has just
caused; a notification of the desktop comes only where nobody looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping

from textual.app import App
from textual.timer import Timer

from clubos_tui.config import without_keys
from clubos_tui.ui import escape
from clubos_tui.ui.notify import Notify
from clubos_tui.ui.values import Moment

__all__ = ["Summons"]

OWN_SECONDS = 1.0  # what comes this soon after a key was caused by it
SETTLE_SECONDS = 0.4  # a wait that somebody else ends at once calls nobody
AWAY_SECONDS = 60.0  # without a key, where the terminal never says whether it has the focus
COMMAND_SECONDS = 10.0


class Summons:
    """Title, bell and notifications of one app."""

    def __init__(
        self,
        app: App[None],
        settings: Notify,
        write: Callable[[str], None],
        *,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._app = app
        self._write = write
        self._environment = environment
        self._clock = clock
        self._pressed = clock()  # the program was started by a key
        self._focus_known = False
        self._where = ""
        self._moment = Moment()
        self._work: int | None = None  # behind the last wait; None: none was seen yet
        self._title: str | None = None  # what it is; None: not ours
        self._timer: Timer | None = None
        self._told: set[str] = set()

    # --- what happens -----------------------------------------------------------------------------

    def begin(self, where: str) -> None:
        """Take the title, which names the place."""
        self._where = where
        if self.settings.title and escape.title("", self._environment) and self._title is None:
            self._write(escape.KEEP_TITLE)
            self._title = ""
            self._show()

    def end(self) -> None:
        """Give the title back, and call no more."""
        self._hold()
        if self._title is not None:
            self._write(escape.RESTORE_TITLE)
            self._title = None

    def resume(self) -> None:
        """Take the title again after another program had the terminal."""
        self.pressed()
        self.begin(self._where)

    def pressed(self) -> None:
        """Note that the person does something here."""
        self._pressed = self._clock()

    def focus_is_known(self) -> None:
        """Note that this terminal says whether it has the focus."""
        self._focus_known = True

    def see(self, moment: Moment, where: str) -> None:
        """Take in what the run is at; call when it has come to wait, with more work behind it."""
        if (moment, where) == (self._moment, self._where):
            return
        self._moment, self._where = moment, where
        self._show()
        if moment.working:
            self._hold()
            return
        before, self._work = self._work, moment.work
        if before is not None and before != moment.work:
            self._hold()
            began = self._clock()
            self._timer = self._app.set_timer(SETTLE_SECONDS, lambda: self._call(began))

    def _hold(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def ring(self) -> None:
        """Ring the bell."""
        if self.settings.bell:
            self._write(escape.BELL)

    # --- what comes of it -------------------------------------------------------------------------

    def _show(self) -> None:
        where, words = escape.plain(self._where), self._moment.words
        text = f"clubos: {words} — {where}" if words else f"clubos — {where}"
        if self._title is not None and text != self._title:
            self._title = text
            self._write(escape.title(text, self._environment))

    def _call(self, began: float) -> None:
        if self._timer is None:  # held while the timer's message was under way
            return
        self._timer = None
        if self._app.app_focus and began - self._pressed < OWN_SECONDS:
            return
        self.ring()
        if self._away:
            self._notify()

    @property
    def _away(self) -> bool:
        if self._focus_known:
            return not self._app.app_focus
        return self._clock() - self._pressed >= AWAY_SECONDS

    def _notify(self) -> None:
        settings, words = self.settings, escape.plain(self._moment.words)
        where = escape.plain(self._where)
        kind = settings.desktop
        if kind == "auto":
            kind = "" if settings.command else escape.known_to(self._environment)
        if said := escape.notification(kind, f"clubos — {where}", words, self._environment):
            self._write(said)
        if settings.command:
            text = f"{words} — {where}"
            self._app.run_worker(self._run(text), group="summons", exit_on_error=False)

    async def _run(self, text: str) -> None:
        """Run the person's own program; what goes wrong with it is told once."""
        name = self.settings.command[0]
        try:
            process = await asyncio.create_subprocess_exec(
                *self.settings.command, text,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL, env=without_keys(self._environment),
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._tell(f"notify.toml: {name}: {error.strerror}")
            return
        try:
            code = await asyncio.wait_for(process.wait(), COMMAND_SECONDS)
        except TimeoutError:
            self._tell(f"notify.toml: {name} took more than {COMMAND_SECONDS:.0f} s and was ended")
        else:
            if code:
                self._tell(f"notify.toml: {name} ended with {code}")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _tell(self, problem: str) -> None:
        if problem not in self._told:
            self._told.add(problem)
            self._app.notify(problem, severity="warning", timeout=15, markup=False)
