"""The Textual app around the dashboard: themes, the palette, leaving, and what a crash shows.

Nothing of the engine is imported here or by what the first paint needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import Monochrome, NoColor
from textual.screen import Screen
from textual.worker import WorkerFailed

from clubos_tui.ui.actions import ACTIONS, REPLAY
from clubos_tui.ui.keymap import keymap_path, read_keymap
from clubos_tui.ui.notify import notify_path, read_notify
from clubos_tui.ui.screens.dashboard import Dashboard
from clubos_tui.ui.styles import sheet
from clubos_tui.ui.summons import Summons

if TYPE_CHECKING:
    from clubos_tui.engine.session import Session
    from clubos_tui.plan import Model, Plan
    from clubos_tui.ui.bridge import Bridge

__all__ = ["ClubosApp"]

SMALLEST = (60, 16)


class ClubosApp(App[None]):
    """The dashboard on one repository."""

    TITLE = "clubos"
    CSS_PATH = [sheet("dashboard"), sheet("replay")]  # textual loads none of a default screen
    ENABLE_COMMAND_PALETTE = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Interrupt", show=False, system=True, id="interrupt"),
        Binding("q", "quit", "Quit", show=False, id="quit"),
        Binding("ctrl+q", "quit", "Quit", show=False, system=True, priority=True),
    ]

    def __init__(
        self,
        path: str,
        *,
        live: bool = False,
        who: str | None = None,
        plan_file: str | None = None,
        plan_loader: Callable[[], tuple[Plan, str]] | None = None,
        agent: str = "",
        model: Model | None = None,
        session_factory: Callable[[str], Session] | None = None,
        drive: bool = True,
        replay: str = "",
    ) -> None:
        """Make the app; with ``replay``, the id of a run, it only plays that."""
        super().__init__()
        self._path = path
        self._live = live
        self._who = who
        self._plan_file = plan_file
        self._plan_loader = plan_loader
        self._agent = agent or ""
        self._model = model
        self._session_factory = session_factory
        self._drive = drive
        self._replay = replay
        self.keymap = read_keymap(keymap_path())
        self.summons = Summons(self, read_notify(notify_path()), self._write_beside)
        if self.no_color and "TEXTUAL_THEME" not in os.environ:
            # The default theme would still send greys; an ansi theme sends no colour at all.
            self.theme = "ansi-dark"
            self._filters = [f for f in self._filters if not isinstance(f, Monochrome)]
            self._filters.append(NoColor())

    def on_mount(self) -> None:
        """Take the person's own settings over, and say what is wrong with them."""
        self.set_keymap(self.keymap.keys)
        for problem in (*self.keymap.problems, *self.summons.settings.problems):
            self.notify(problem, severity="warning", timeout=15, markup=False)
        self.summons.begin(os.path.basename(os.path.realpath(self._path)))
        # At once: an editor takes the terminal in the very same turn of the loop.
        self.app_suspend_signal.subscribe(self, lambda _: self.summons.end(), immediate=True)
        self.app_resume_signal.subscribe(self, lambda _: self.summons.resume(), immediate=True)

    def on_unmount(self) -> None:
        """Give the terminal its title back."""
        self.summons.end()

    async def on_event(self, event: events.Event) -> None:
        """Note what the person does here, before it does anything."""
        if isinstance(event, (events.Key, events.Paste, events.MouseDown)):
            self.summons.pressed()
        elif isinstance(event, (events.AppFocus, events.AppBlur)):
            self.summons.focus_is_known()
        await super().on_event(event)

    def _write_beside(self, sequence: str) -> None:
        """Hand the terminal what is no part of the screen, between two frames of it.

        Textual has no door for that but its own bell's and clipboard's, which is this one.
        """
        if self._driver is not None and not self._driver.is_headless:
            self._driver.write(sequence)

    def make_bridge(self) -> Bridge:
        """Return a bridge to the repository; it imports the engine, so not before first paint."""
        from clubos_tui.ui.bridge import Bridge

        if self._replay:
            from clubos_tui.ui.replaying import Replay

            return Replay(self._path, self._replay, session_factory=self._session_factory)
        return Bridge(
            self._path,
            who=self._who,
            plan_file=self._plan_file,
            plan_loader=self._plan_loader,
            agent=self._agent,
            model=self._model,
            session_factory=self._session_factory,
            drive=self._drive,
        )

    def get_default_screen(self) -> Screen[None]:
        """Begin with the dashboard."""
        if self._replay:
            from clubos_tui.ui.screens.replay import ReplayDashboard

            return ReplayDashboard(live=False)
        return Dashboard(live=self._live)

    @property
    def dashboard(self) -> Dashboard:
        """The dashboard, whatever stands in front of it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, Dashboard)
        return screen

    # --- commands -----------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every action by name; what is off says why when it is chosen."""
        if isinstance(screen, Dashboard):
            for action in (*(REPLAY if self._replay else ()), *ACTIONS):
                yield SystemCommand(action.label, action.tooltip, self._command(action.id))
        for command in super().get_system_commands(screen):
            if command.title in {"Theme"}:
                yield command

    def _command(self, name: str) -> Callable[[], None]:
        def run() -> None:
            dashboard = self.dashboard
            if name == "interrupt":
                self.action_interrupt()
            elif name == "quit":
                self._leave()
            elif "(" in name:
                dashboard.action_pane(name.split("'")[1])
            else:
                dashboard.action_do(name)

        return run

    # --- leaving ------------------------------------------------------------------------------

    def action_interrupt(self) -> None:
        """Interrupt the running step; with none, say how to leave."""
        self.dashboard.action_do("interrupt")

    async def action_quit(self) -> None:
        """Leave; ask while a step is running."""
        self._leave()

    @work(group="quit", exclusive=True)
    async def _leave(self) -> None:
        from clubos_tui.ui.screens.help import TooSmall

        presenter = self.dashboard.presenter
        if presenter is not None:
            small = isinstance(self.screen, TooSmall)  # no room to ask; what runs goes on later
            if not small and not isinstance(self.screen, Dashboard):
                return  # a dialog is open: esc leaves that first
            if not small and not await presenter.may_quit():
                return
            self.dashboard.say("busy", "leaving: withdrawing what is half done ...", stay=True)
            await presenter.close()
        self.exit()

    # --- too small ----------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Cover everything while the terminal is too small, and only then."""
        from clubos_tui.ui.screens.help import TooSmall

        small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        covered = isinstance(self.screen, TooSmall)
        if small and not covered:
            self.push_screen(TooSmall(*SMALLEST))
        elif covered and not small:
            self.pop_screen()

    # --- crash --------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """Leave with a short panel and a report; Textual would print every local variable."""
        from clubos_tui.ui.crash import panel, write_report

        self._return_code = 1
        if self._exception is None:
            self._exception = error  # a test harness raises it again
            self._exception_event.set()
        presenter = self.dashboard.presenter if self.screen_stack else None
        cause = error.error if isinstance(error, WorkerFailed) else error
        report = write_report(cause, presenter.state_folder() if presenter else None)
        self.summons.ring()
        self._exit_renderables.append(panel(cause, report))
        self._close_messages_no_wait()
