"""What is measured on a screen: each subject is one widget, ours or another's, and its data.

Every use of the program's own widgets is here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.clocks import Stamp, memory
from textual.containers import VerticalScroll
from textual.widget import Widget

if TYPE_CHECKING:
    from bench.screen import Measured


class Subject:
    """A widget, empty at first, and what the harness's keys do with it."""

    def __init__(self, data: str) -> None:
        self.data = data

    def widget(self) -> Widget:
        """Make the empty widget."""
        raise NotImplementedError

    async def read(self) -> None:
        """Bring the data into memory, as the widget wants it."""

    async def load(self, app: Measured) -> None:
        """Show the data."""

    async def feed(self, app: Measured) -> None:
        """Let events come for a while."""

    def decide(self) -> None:
        """Decide on the hunk under the cursor and go to the next."""


class Ours(Subject):
    """The diff of this program; every use of it is here."""

    def widget(self) -> Widget:
        from clubos_tui.ui.widgets.diff_view import DiffView

        self.view = DiffView()
        return self.view

    async def read(self) -> None:
        from clubos_tui.changes.patch import parse
        from clubos_tui.ui import lasting

        def work() -> Any:
            patch = parse(Path(self.data).read_bytes())
            lasting.keep()  # as the dashboard does
            lasting.keep_patch(patch)
            return patch

        self.patch = await asyncio.to_thread(work)

    async def load(self, app: Measured) -> None:
        from clubos_tui.changes.decisions import Draft

        self.draft = Draft()
        self.view.show(self.patch, title="phase 1")
        self.view.set_draft(self.draft)
        self.view.focus()

    def decide(self) -> None:
        # The one place that decides, by the widget's own means: the dashboard asks its driver to
        # write the decision down and comes here when it reads it back. Replace it all at once.
        from clubos_tui.changes.decisions import Decision

        file, hunk = self.view.current_file, self.view.current_hunk
        assert file
        assert hunk
        self.draft.decide([Decision(file.path.decode(), "accept", hunk=hunk.id)])
        self.view.set_draft(self.draft)
        self.view.go_to_pending()


class TextualDiffView(Subject):
    """`textual-diff-view`, a widget for each file, prepared in a thread as its author advises."""

    def widget(self) -> Widget:
        self.box = VerticalScroll()
        return self.box

    async def read(self) -> None:
        from textual_diff_view import DiffView

        self.views = []
        for path, old, new in json.loads(Path(self.data).read_text()):
            view = DiffView(path, path, old, new, split=False)
            await view.prepare()
            self.views.append(view)

    async def load(self, app: Measured) -> None:
        self.box.focus()
        await self.box.mount_all(self.views)


class StaticSyntax(Subject):
    """A `Static` that shows the patch through rich's `Syntax`."""

    def widget(self) -> Widget:
        from textual.widgets import Static

        self.static = Static()
        self.box = VerticalScroll(self.static)
        return self.box

    async def read(self) -> None:
        from rich.syntax import Syntax

        self.syntax = Syntax(Path(self.data).read_text(), "diff")

    async def load(self, app: Measured) -> None:
        self.box.focus()
        self.static.update(self.syntax)


BATCH = 1_000
FRAMES = 30  # a second
RATE = 10_000


class OurLog(Subject):
    """The log of this program."""

    flat = 1_000_000
    seconds = 5.0

    def widget(self) -> Widget:
        from clubos_tui.ui.widgets.log_view import LogView

        self.view: Any = LogView()
        return self.view

    def add(self, first: int, count: int) -> None:
        """Make lines as they are made of events, and add them."""
        from clubos_tui.ui.widgets.log_view import LogLine

        self.view.extend(
            [
                LogLine("12:00:00", "info", 1, f"wrote src/part{at % 7}/file{at}.py")
                for at in range(first, first + count)
            ]
        )

    async def load(self, app: Measured) -> None:
        self.view.focus()
        app.run_worker(self._flat_out(app))

    async def _flat_out(self, app: Measured) -> None:
        before, began = memory(), Stamp.now()
        for first in range(0, self.flat, BATCH):
            self.add(first, min(BATCH, self.flat - first))
            await asyncio.sleep(0)
        took = time.process_time() - began.process
        await asyncio.sleep(0.2)
        app.tell("flat", per_second=self.flat / took, mb=memory() - before)

    async def feed(self, app: Measured) -> None:
        began, at = Stamp.now(), 0
        while at < RATE * self.seconds:
            due = int(RATE * (time.perf_counter() - began.wall))
            count = min(due, int(RATE * self.seconds)) - at
            self.add(at, count)
            at += count
            await asyncio.sleep(1 / FRAMES)
        end = Stamp.now()
        # By the time it should have taken: who falls behind needs more than there is.
        share = (end.process - began.process) / self.seconds
        app.tell("fed", share=share, seconds=end.wall - began.wall)


class TextualLog(OurLog):
    """Textual's own `RichLog` with the same lines."""

    flat = 20_000
    seconds = 2.0

    def widget(self) -> Widget:
        from textual.widgets import RichLog

        self.view = RichLog(max_lines=100_000)
        return self.view

    def add(self, first: int, count: int) -> None:
        for at in range(first, first + count):
            self.view.write(f"12:00:00 • info    P1  wrote src/part{at % 7}/file{at}.py")


BURST, BURST_SECONDS = 50_000, 2.0


class Burst(Subject):
    """A burst is written to a stream by a thread and read from it by the loop, as in a run."""

    def widget(self) -> Widget:
        from clubos_tui.ui.widgets.log_view import LogView

        self.view = LogView()
        return self.view

    async def load(self, app: Measured) -> None:
        self.view.focus()
        app.run_worker(self._burst(app))

    async def _burst(self, app: Measured) -> None:
        from clubos_tui.streams import StreamReader
        from clubos_tui.ui.bridge import CHUNK
        from clubos_tui.ui.widgets.log_view import LogLine

        path = str(Path(self.data) / "streams" / "1-1-burst.jsonl")
        reader, heard = StreamReader(path), 0
        writing = asyncio.create_task(asyncio.to_thread(self._write, path))
        began = Stamp.now()
        while True:
            over = writing.done()
            while records := reader.read(CHUNK):
                heard += len(records)
                self.view.extend(
                    [LogLine(record["at"][11:19], "info", 1, record["text"]) for record in records]
                )
                await asyncio.sleep(0)
            if over:
                break
            await asyncio.sleep(1 / FRAMES)
        rate, digest = await writing
        end = Stamp.now()
        app.tell(
            "burst", rate=rate, digest=digest, heard=heard,
            cores=(end.process - began.process) / (end.wall - began.wall),
        )  # fmt: skip

    def _write(self, path: str) -> tuple[float, str]:
        from clubos_tui.events import ActionFinished, ActionStarted, PauseRequested
        from clubos_tui.journal import FileJournal
        from clubos_tui.streams import StreamWriter

        journal, writer = FileJournal(self.data), StreamWriter(path)
        journal.append(ActionStarted(1, 1, "burst", path), durable=False)
        total, at = int(BURST * BURST_SECONDS), 0
        began = time.perf_counter()
        while at < total:
            due = min(total, int(BURST * (time.perf_counter() - began)))
            while at < due:
                writer.write("text", {"text": f"event {at}"}, time=time.monotonic())
                if at % (total // SAID) == 0:  # meanwhile somebody says something
                    journal.append(PauseRequested(f"Ada {at * SAID // total}"))
                at += 1
            time.sleep(0.001)
        rate = total / (time.perf_counter() - began)
        digest = writer.close()
        journal.append(
            ActionFinished(1, 1, "burst", "success", "0" * 40, stream_sha256=digest)  # type: ignore[arg-type]
        )
        return rate, digest


SAID = 20  # events that go into the journal during the burst


def read_back(folder: Path, digest: str) -> tuple[int, int]:
    """Read a burst's stream and journal anew; return how many records of each are there.

    They are counted as far as they are the ones that were written, in their order.
    """
    from clubos_tui.events import ActionFinished, PauseRequested
    from clubos_tui.journal import FileJournal
    from clubos_tui.streams import StreamReader

    path = folder / "streams" / "1-1-burst.jsonl"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    reader, count = StreamReader(str(path)), 0
    while records := reader.read():
        for record in records:
            assert record["text"] == f"event {count}"
            count += 1
    events_ = [record.event for record in FileJournal(str(folder)).load()]
    said = [event.by for event in events_ if isinstance(event, PauseRequested)]
    assert said == [f"Ada {number}" for number in range(len(said))]
    last = events_[-1]
    assert isinstance(last, ActionFinished)
    assert last.stream_sha256 == digest
    return count, len(events_)


SUBJECTS: dict[str, type[Subject]] = {
    "ours": Ours,
    "textual-diff-view": TextualDiffView,
    "static": StaticSyntax,
    "log": OurLog,
    "richlog": TextualLog,
    "burst": Burst,
}


# --- the app that is measured ---------------------------------------------------------------------
