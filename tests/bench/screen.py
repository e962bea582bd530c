"""One widget in a small app in a real terminal: what a key costs until its frame is painted.

The test opens a pseudo terminal and starts this module in it. The app there holds one widget (ours
or another's), hears keys as from any terminal and writes what it measured, one JSON object a line,
to a pipe of its own. CPU is counted from the moment a key is handled to the end of the frame that
it caused; what Textual sleeps between two frames (60 a second at most) does not count.

The longest block of the loop is the longest gap between two beats of a task that wakes every 5 ms,
but never more than the process computed in that gap: what else the machine did is not ours. The
data is read and parsed before the beats begin. Memory is what the process grew by since it showed
the same widget empty.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from bench.clocks import Heart, Stamp, memory
from bench.subjects import SUBJECTS, Subject
from textual import events
from textual.app import App, ComposeResult
from textual.screen import Screen

NO_FRAME = 1.0  # seconds without one until a key counts as one that painted nothing


class Measured(App[None]):
    """An app with one widget. F5 loads, F6 tells memory and blocks, F7 feeds, F10 leaves."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[Any]] = [
        ("f5", "load", "Load"),
        ("f6", "figures", "Figures"),
        ("f7", "feed", "Feed"),
        ("f10", "leave", "Leave"),
        ("a", "decide", "Decide"),
    ]
    SILENT = frozenset({"f6", "f7", "f10"})

    def __init__(self, subject: Subject, report: int) -> None:
        super().__init__()
        self.subject = subject
        self.heart = Heart()
        self._report = report
        self._began = self._painted = Stamp.now()
        self._expected: tuple[str, Stamp] | None = None
        self._empty = 0.0

    def tell(self, what: str, **figures: object) -> None:
        """Write a line for the test."""
        os.write(self._report, json.dumps({"what": what, **figures}).encode() + b"\n")

    def compose(self) -> ComposeResult:
        yield self.subject.widget()

    def on_mount(self) -> None:
        self.run_worker(self._get_ready())

    async def _get_ready(self) -> None:
        await asyncio.sleep(0.5)
        self._empty = memory()
        await self.subject.read()
        self.run_worker(self.heart.beat())
        await asyncio.sleep(0.1)
        self.heart.take()
        self.tell("ready")

    # From a key to the end of its frame

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            self._began = Stamp.now()
        await super().on_event(event)

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        handled = await super()._check_bindings(key, priority)
        if handled and key not in self.SILENT:
            began = self._began
            if key == "f5":  # widgets that are mounted are painted more than once until they stand
                (self.focused or self).call_after_refresh(self._tell_frame, key, began)
            else:
                # When the widget hears this, what the key did is on its way to the screen.
                (self.focused or self).call_later(self._expect, key, began)
        return handled

    def _expect(self, key: str, began: Stamp) -> None:
        """Take the next frame for the one that the key caused, if one comes."""
        self._expected = key, began
        self.set_timer(NO_FRAME, lambda: self._give_up(began))

    def _give_up(self, began: Stamp) -> None:
        if self._expected and self._expected[1] is began:
            self._tell_frame(*self._expected)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, renderable)
        self._painted = Stamp.now()
        if self._expected:
            self._tell_frame(*self._expected)

    def _tell_frame(self, key: str, began: Stamp) -> None:
        self._expected, end = None, self._painted
        self.tell(
            "frame", key=key, painted=end.wall > began.wall, at=end.wall,
            cpu=(end.process - began.process) * 1000, loop=(end.loop - began.loop) * 1000,
        )  # fmt: skip

    async def action_load(self) -> None:
        await self.subject.load(self)

    def action_figures(self) -> None:
        self.tell("figures", mb=memory() - self._empty, **self.heart.take())

    def action_feed(self) -> None:
        self.run_worker(self.subject.feed(self))

    def action_decide(self) -> None:
        self.subject.decide()

    def action_leave(self) -> None:
        self.exit()


def main(arguments: Sequence[str]) -> None:
    """Run the measured app."""
    subject, data, report = arguments
    Measured(SUBJECTS[subject](data), int(report)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
