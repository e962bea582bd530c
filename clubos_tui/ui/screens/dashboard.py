"""The dashboard: phases, changed files, diff, log and checks, and the three lines below them.

It owns the panes and moves between them. What a key does to the run is in
:mod:`~clubos_tui.ui.screens.requests`; what the panes show comes from the bridge, thirty times a
second at most, and only where it has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input

from clubos_tui.ui.actions import ACTIONS, BY_ID, Situation, key_of
from clubos_tui.ui.screens.viewing import Viewing
from clubos_tui.ui.values import NextStep, Tone
from clubos_tui.ui.widgets.banner import Banner
from clubos_tui.ui.widgets.check_list import CheckList
from clubos_tui.ui.widgets.diff_view import DiffView
from clubos_tui.ui.widgets.file_list import FileList
from clubos_tui.ui.widgets.line_view import LineView
from clubos_tui.ui.widgets.log_view import Level, LogView
from clubos_tui.ui.widgets.pane import Pane
from clubos_tui.ui.widgets.phase_list import PhaseList
from clubos_tui.ui.widgets.search_box import SearchBox
from clubos_tui.ui.widgets.status_bar import KeyBar, NextLine, StatusBar
from clubos_tui.ui.widgets.views import ChecksPane, DiffPane, FilesPane, LogPane

if TYPE_CHECKING:
    from clubos_tui.ui.presenter import Presenter

__all__ = ["Dashboard"]

T = TypeVar("T")

PANES = ("phases", "files", "diff", "log", "checks")
SAID_SECONDS = 8.0
_LEVELS: tuple[Level | None, ...] = (None, "info", "warning")


class Dashboard(Screen[None]):
    """The main screen."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-high")]
    AUTO_FOCUS = "#phase-list"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "settle", "Back", show=False),
        *(
            Binding(
                action.key.replace("?", "question_mark").replace("/", "slash"),
                action.id if "(" in action.id else f"do('{action.id}')",
                action.label,
                tooltip=action.tooltip,
                show=False,
                id=action.id,
            )
            for action in ACTIONS
            if action.key and action.id not in {"interrupt", "quit"}
        ),
    ]

    def __init__(self, *, live: bool) -> None:
        super().__init__()
        self.live = live
        self.presenter: Presenter | None = None
        self._at = "diff"
        self._searched: LineView | None = None
        self._level = 0
        self._viewing = Viewing(self)

    def compose(self) -> ComposeResult:
        """Lay the panes out; where each stands is a matter of the style sheet."""
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield Pane("phases", 1, "Phases", PhaseList(id="phase-list"))
                yield Pane("files", 2, "Files", FilesPane(id="file-list"))
            with Vertical(id="right"):
                yield Pane("diff", 3, "Diff", Banner(id="problem"), DiffPane(id="diff-view"))
                yield Pane("log", 4, "Log", LogPane(id="log-view"))
                yield Pane("checks", 5, "Checks", ChecksPane(id="check-list"))
        yield StatusBar(id="status")
        yield NextLine(id="next")
        yield SearchBox(id="search")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Paint words first; everything slow begins after that."""
        self.add_class("-show-diff")
        self.query_one(StatusBar).values = self.query_one(StatusBar).values
        self.query_one(NextLine).step = NextStep("Opening the repository ...", "", "", "busy")
        self.query_one(DiffPane).show_loading("Opening the repository and reading its journal")
        self.query_one(FilesPane).show_note("Not read yet.")
        self.query_one(LogPane).show_empty("The log begins with the first run.")
        self.query_one(ChecksPane).show_note("Not read yet.")
        keys = "enter evidence · J line · K again · o override"
        self.query_one("#checks", Pane).set_subtitle(keys)
        self.call_after_refresh(self._begin)

    @work(group="open")
    async def _begin(self) -> None:
        import asyncio

        def load() -> type[Presenter]:
            from clubos_tui.ui.presenter import Presenter

            return Presenter

        presenter = await asyncio.to_thread(load)
        self.presenter = presenter(self)
        await self.presenter.open()

    async def on_unmount(self) -> None:
        """Give back what is held, however the screen came to its end."""
        if self.presenter is not None:
            await self.presenter.close()

    # --- keys ---------------------------------------------------------------------------------

    def situation(self) -> Situation:
        """Return what is selected and how things stand."""
        return self.presenter.situation() if self.presenter else Situation()

    def action_do(self, name: str) -> None:
        """Do what a key says, or say why it is off."""
        action, now = BY_ID[name], self.situation()
        self.unsay()
        reason = action.off(now)
        if reason is not None:
            key = key_of(action, now)
            self.say("warn", f"{key or action.label} is off: {reason}")
            return
        local = self._viewing.all.get(name) or getattr(self, f"do_{name}", None)
        if local is not None:
            local()
        elif self.presenter is not None:
            self._request(name)

    @work(group="request")
    async def _request(self, name: str) -> None:
        if self.presenter is not None:
            await self.presenter.request(name)

    def do_live(self) -> None:
        """Arm LIVE or disarm it."""
        self.set_live(not self.live)

    def set_live(self, live: bool) -> None:
        """Arm LIVE or disarm it; say what that means."""
        self.live = live
        if live:
            self.say("warn", "LIVE: X executes for real, m merges; L goes back to dry run")
        else:
            self.say("info", "DRY RUN: execute and merge are off")
        if self.presenter is not None:
            self.presenter.show(everything=True)

    def do_help(self) -> None:
        """Show all keys."""
        from clubos_tui.ui.screens.help import Help

        self.app.push_screen(Help(self.situation(), min(104, self.size.width - 9)))

    def do_screenshot(self) -> None:
        """Save the screen; never inside the repository."""
        import tempfile

        folder = self.presenter.state_folder() if self.presenter else tempfile.gettempdir()
        path = self.app.save_screenshot(path=folder)
        self.say("good", f"saved {path}")

    # --- the diff -----------------------------------------------------------------------------

    @property
    def used(self) -> str:
        """The name of the pane that is used."""
        return self._at if self.query_one(f"#{self._at}").has_focus_within else "phases"

    @on(DiffView.LinesWanted)
    @work(group="lines")
    async def _lines_wanted(self, event: DiffView.LinesWanted) -> None:
        presenter = self.presenter
        if presenter is not None:
            data = await presenter.content(event.path)
            lines = data.split(b"\n")
            event.view.give_lines(event.path, lines[:-1] if not lines[-1] else lines)

    # --- the log ------------------------------------------------------------------------------

    def do_follow(self) -> None:
        """Let the log follow, or stop."""
        self.query_one(LogPane).action_follow()

    def do_levels(self) -> None:
        """Show all lines of the log, or those from info or from warning on."""
        self._level = (self._level + 1) % len(_LEVELS)
        self.filter_log()

    def filter_log(self) -> None:
        """Filter the log as chosen, and say so in its border."""
        level, phase = _LEVELS[self._level], self.presenter.log_phase if self.presenter else None
        self.query_one(LogPane).filter(phase=phase, level=level)
        words = [f"phase {phase} only, enter on it shows all"] if phase else []
        words += [f"from {level} on (l)"] if level else []
        self.query_one("#log", Pane).set_subtitle(" · ".join(words))

    @on(KeyBar.Pressed)
    def _key_clicked(self, event: KeyBar.Pressed) -> None:
        if event.id in {"interrupt", "quit"}:
            self.app.call_next(self.app.run_action, f"app.{event.id}")
        else:
            self.action_do(event.id)

    # --- panes --------------------------------------------------------------------------------

    def action_pane(self, name: str) -> None:
        """Go to a pane and show it where it is hidden."""
        self._at = name
        if name in {"log", "checks"}:  # one place for both
            self.set_class(name == "checks", "-checks")
        if name != "phases":
            for other in PANES[1:]:
                self.set_class(other == name, f"-show-{other}")
        for other in PANES:
            self.set_class(other == name, f"-at-{other}")
        view = self.query_one(f"#{name}", Pane).query("OptionList, LineView").first()
        view.focus()
        self.call_after_refresh(self._shown, name)

    def on_resize(self, event: events.Resize) -> None:
        """Name the hidden panes where only one is shown at a time."""
        narrow = event.size.width < self.HORIZONTAL_BREAKPOINTS[1][0]
        names = {"files": "2 Files", "diff": "3 Diff", "log": "4 Log", "checks": "5 Checks"}
        beside = {"log": names["checks"], "checks": names["log"]}  # one hides the other
        for name in names:
            others = "  ".join(text for other, text in names.items() if other != name)
            self.query_one(f"#{name}", Pane).set_tabs(others if narrow else beside.get(name, ""))

    def reveal(self, name: str) -> None:
        """Show a pane that is hidden behind another, because something happens there."""
        if self.has_class("-narrow") and self._at != "phases":
            self.action_pane(name)
        elif self.has_class("-narrow"):
            for other in PANES[1:]:
                self.set_class(other == name, f"-show-{other}")

    def _shown(self, name: str) -> None:
        if name == "diff" and self.presenter is not None:
            self.presenter.reviewing.align()

    @on(events.DescendantFocus)
    def _pane_used(self) -> None:
        """Remember the pane that is used."""
        for name in PANES:
            if self.query_one(f"#{name}").has_focus_within:
                self._at = name
                for other in PANES:
                    self.set_class(other == name, f"-at-{other}")

    def do_zoom(self) -> None:
        """Show one pane, or all."""
        self.toggle_class("-zoomed")

    def action_settle(self) -> None:
        """End, one after the other: a write, a search, a zoom, a log filter, what was said."""
        if self.presenter is not None and self.presenter.writing:
            self.action_do("interrupt")
            return
        if self.query_one(DiffPane).selected is not None:
            self.query_one(DiffPane).end_range()
        elif self._searched is not None:
            self._searched.end_search()
            self._searched = None
            self.unsay()
        elif self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.presenter is not None and self.presenter.log_phase:
            self.presenter.log_phase = None
            self.filter_log()
        elif self.presenter is not None:
            self.presenter.dismiss_problem()
        self.unsay()

    # --- search -------------------------------------------------------------------------------

    def do_search(self) -> None:
        """Open the field; it searches the pane that is used."""
        at = self._at if self._at != "phases" else "diff"
        self._searched = self.query_one(f"#{at}").query("LineView").first(LineView)  # type: ignore[type-abstract]
        self.query_one(SearchBox).open(f"Search the {at}; enter finds, esc leaves")

    @on(Input.Submitted, "#search")
    def _search(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(SearchBox).close()
        if self._searched is not None:
            self._searched.focus()
            self._find(self._searched, event.value)

    @work(group="search", exclusive=True)
    async def _find(self, view: LineView, needle: str) -> None:
        self.say("busy", f"searching for {needle} ...", stay=True)
        found = await view.search(needle)
        self.unsay()
        if view is self._searched:
            if found:
                self.say("info", f"{found:,} rows; n and N walk, esc ends", stay=True)
            else:
                self.say("warn", f"nothing found for {needle}")
                self._searched = None

    @on(SearchBox.Left)
    def _search_left(self) -> None:
        view, self._searched = self._searched, None
        if view is not None:
            view.end_search()
            view.focus()

    # --- words --------------------------------------------------------------------------------

    def say(self, tone: Tone, text: str, *, stay: bool = False) -> None:
        """Show a sentence in place of the next step, for a while or until it is taken back."""
        line = self.query_one(NextLine)
        line.said = (tone, text)
        if not stay:
            self.set_timer(SAID_SECONDS, lambda said=line.said: self.unsay(said))

    def unsay(self, only: tuple[Tone, str] | None = None) -> None:
        """Show the next step again."""
        line = self.query_one(NextLine)
        if only is None or line.said is only:
            line.said = None

    def unsay_busy(self) -> None:
        """Take back a sentence that told of something under way."""
        said = self.query_one(NextLine).said
        if said is not None and said[0] == "busy":
            self.unsay()

    # --- what the panes say -------------------------------------------------------------------

    @on(PhaseList.Selected)
    def _phase_selected(self, event: PhaseList.Selected) -> None:
        if self.presenter is not None:
            self.presenter.phase_selected(event.number)

    @on(PhaseList.Entered)
    def _phase_entered(self, event: PhaseList.Entered) -> None:
        if self.presenter is not None:
            same = self.presenter.log_phase == event.number
            self.presenter.log_phase = None if same else event.number
            self.filter_log()

    @on(FileList.Highlighted)
    def _file_highlighted(self, event: FileList.Highlighted) -> None:
        if self.presenter is not None:
            self.presenter.file_selected(event.path)

    @on(FileList.Chosen)
    def _file_chosen(self, event: FileList.Chosen) -> None:
        self.action_pane("diff")
        if self.presenter is not None:
            self.presenter.file_selected(event.path)

    @on(DiffView.FileChanged)
    def _file_in_diff(self, event: DiffView.FileChanged) -> None:
        if self.presenter is not None and self.query_one(DiffPane).has_focus:
            self.presenter.file_in_diff(event.path)

    @on(CheckList.Chosen)
    def _check_chosen(self, event: CheckList.Chosen) -> None:
        self._viewing.evidence(event.name)

    @on(LogView.FollowChanged)
    def _follow_changed(self) -> None:
        if self.presenter is not None:
            self.presenter.title_log()

    @on(LogView.LineChosen)
    def _line_chosen(self, event: LogView.LineChosen) -> None:
        from clubos_tui.ui.screens.help import Detail

        line = event.line
        more = (line.detail or "").split("\n")
        self.app.push_screen(Detail(f"{line.time} phase {line.phase}", [line.text, "", *more]))
