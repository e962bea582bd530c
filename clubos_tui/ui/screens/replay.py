"""The dashboard on a run that is past: its panes as they were at one event of its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from clubos_tui.ui.actions import REPLAY
from clubos_tui.ui.screens.dashboard import Dashboard
from clubos_tui.ui.values import StatusValues
from clubos_tui.ui.widgets.replay_bar import ReplayBar
from clubos_tui.ui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from clubos_tui.ui.replaying import Replay

__all__ = ["ReplayDashboard"]

SHOW_SECONDS = 0.1
_IDS = {action.id for action in REPLAY}


class ReplayDashboard(Dashboard):
    """The main screen of a replay."""

    # The panes have space, home and end too, for their rows: the replay comes first.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            action.key, f"do('{action.id}')", action.label, tooltip=action.tooltip, show=False,
            priority=True, id=action.id,
        )
        for action in REPLAY
    ]  # fmt: skip

    def compose(self) -> ComposeResult:
        """Put the line of the replay above all."""
        yield ReplayBar(id="replay")
        yield from super().compose()

    def on_mount(self) -> None:
        """Keep the line up to date; textual calls the dashboard's own as well."""
        self.query_one(StatusBar).values = StatusValues(mode="REPLAY")
        self.set_interval(SHOW_SECONDS, self._show_position)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to a field while somebody types there."""
        if action == "do" and parameters and parameters[0] in _IDS:
            return not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    @property
    def _replay(self) -> Replay:
        assert self.presenter is not None, "BUG: a key that is off before the replay is open"
        replay: Replay = self.presenter.bridge  # type: ignore[assignment]
        return replay

    def _show_position(self) -> None:
        if self.presenter is not None and self.presenter.bridge.ready:
            self.query_one(ReplayBar).position = self._replay.position()

    @on(ReplayBar.Sought)
    def _sought(self, event: ReplayBar.Sought) -> None:
        self._replay.go_to(event.event)

    def do_play(self) -> None:
        """Play, or pause."""
        self._replay.play()
        self._show_position()

    def do_forth(self) -> None:
        """Go to the next event."""
        if not self._replay.step(1):
            self.say("info", "this is the newest event")

    def do_back(self) -> None:
        """Go to the event before."""
        if not self._replay.step(-1):
            self.say("info", "this is the first event")

    def do_next_turn(self) -> None:
        """Go to the next turning point."""
        if not self._replay.turn(1):
            self.say("info", "there is no turning point after this one")

    def do_last_turn(self) -> None:
        """Go to the turning point before."""
        if not self._replay.turn(-1):
            self.say("info", "there is no turning point before this one")

    def do_faster(self) -> None:
        """Play twice as fast."""
        self._pace(1)

    def do_slower(self) -> None:
        """Play half as fast."""
        self._pace(-1)

    def _pace(self, steps: int) -> None:
        times = self._replay.set_speed(steps)
        self.say(
            "info", f"x{times}: {'the' if times == 1 else f'{times} times the'} run's own pace"
        )
        self._show_position()

    def do_begin(self) -> None:
        """Go to the first event."""
        self._replay.go_to(1)

    def do_newest(self) -> None:
        """Go to the newest event."""
        self._replay.go_to_end()
