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
import fcntl
import hashlib
import json
import os
import pty
import random
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple

from textual import events
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget

# --- the patch ------------------------------------------------------------------------------------

FILES = 50
A_HUNK = 25  # changed rows
CONTEXT = 3
APART = 20  # unchanged lines between two hunks

_PYTHON = (
    "    {a} = self.{b}.get({n}, default={c})",
    "    if {a} is None or {b} > {n}:",
    '        raise ValueError(f"{a} {{{b}}} is beyond {n}")  # {c} keeps them apart',
    "    for {a}, {b} in enumerate({c}, start={n}):",
    "        {a}.append(({b}, {c} + {n}))",
    "    return [{a}({b}) for {b} in {c} if {b} != {n}]",
)
_TYPESCRIPT = (
    "  const {a} = await this.{b}.find({{ id: {n}, {c} }});",
    "  if (!{a} || {b}.length > {n}) {{",
    "    throw new RangeError(`{a} ${{{b}}} is beyond {n}`); // {c}",
    "  export async function {a}({b}: string, {c} = {n}): Promise<number> {{",
    "    {a}.push({{ {b}, {c}: {c} + {n} }});",
    "  return {a}.filter(({b}) => {b}.{c} !== {n});",
)
_NAMES = ("member", "event", "season", "invoice", "balance", "guest", "court", "coach", "total")


class Version(NamedTuple):
    """A file before and after."""

    path: str
    old: str
    new: str


class Made(NamedTuple):
    """A patch, and the same as pairs of texts for widgets that take no patch."""

    patch: str
    files: list[Version]
    rows: int
    hunks: int


def make_patch(changed: int) -> Made:
    """Return a patch of 50 files with so many changed rows, about 25 to a hunk."""
    choose = random.Random(changed)
    patch: list[str] = []
    files: list[Version] = []
    hunks = 0
    for number in range(FILES):
        python = number % 2 == 0
        path = f"src/part{number % 7}/module{number:02}.{'py' if python else 'ts'}"
        lines = _PYTHON if python else _TYPESCRIPT
        old: list[str] = []
        new: list[str] = []
        patch += [
            f"diff --git a/{path} b/{path}\n",
            f"index {number + 1:040x}..{number + 91:040x} 100644\n",
            f"--- a/{path}\n",
            f"+++ b/{path}\n",
        ]

        def some(count: int, lines: Sequence[str] = lines) -> list[str]:
            return [
                choose.choice(lines).format(
                    a=choose.choice(_NAMES), b=choose.choice(_NAMES), c=choose.choice(_NAMES),
                    n=choose.randrange(10_000),
                ) + "\n"
                for _ in range(count)
            ]  # fmt: skip

        left = (number + 1) * changed // FILES - number * changed // FILES
        while left:
            size = min(A_HUNK, left)
            left -= size
            gap = some(APART)
            removed = some(size // 2)
            added = [line.replace("(", "(0, ", 1).replace("  ", "   ", 1) for line in removed]
            added += some(size - 2 * (size // 2))
            before, after = some(CONTEXT), some(CONTEXT)
            old += gap
            new += gap
            spans = (
                f"-{len(old) + 1},{2 * CONTEXT + len(removed)}",
                f"+{len(new) + 1},{2 * CONTEXT + len(added)}",
            )
            name = choose.choice(_NAMES)
            heading = f"def {name}{hunks}(self):" if python else f"export class {name} {{"
            patch.append(f"@@ {' '.join(spans)} @@ {heading}\n")
            for sign, part in ((" ", before), ("-", removed), ("+", added), (" ", after)):
                patch += [sign + line for line in part]
            old += before + removed + after
            new += before + added + after
            hunks += 1
        files.append(Version(path, "".join(old), "".join(new)))
    return Made("".join(patch), files, len(patch), hunks)


# --- the clocks -----------------------------------------------------------------------------------


class Stamp(NamedTuple):
    """A moment: CPU seconds of the process, of the loop's thread alone, and the wall's."""

    process: float
    loop: float
    wall: float

    @classmethod
    def now(cls) -> Stamp:
        """Read all three clocks."""
        return cls(time.process_time(), time.thread_time(), time.perf_counter())


def memory() -> float:
    """Return the resident memory of this process in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


BEAT = 0.005


class Heart:
    """Beats every 5 ms and notes the longest gap between two beats."""

    def __init__(self) -> None:
        self.block = self.gap = 0.0

    async def beat(self) -> None:
        """Beat until cancelled."""
        before = Stamp.now()
        while True:
            await asyncio.sleep(BEAT)
            now = Stamp.now()
            gap = now.wall - before.wall - BEAT
            self.gap = max(self.gap, gap)
            self.block = max(self.block, min(gap, now.process - before.process))
            before = now

    def take(self) -> dict[str, float]:
        """Return the longest gaps in ms since the last call: ours, and by the wall's clock."""
        found = {"block": self.block * 1000, "gap": self.gap * 1000}
        self.block = self.gap = 0.0
        return found


# --- what is measured: each subject is one widget and how to fill it ------------------------------


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
        self.view.go_to_hunk(self.view.next_pending() or "")


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
        from clubos_tui.journal import Journal
        from clubos_tui.streams import StreamWriter

        journal, writer = Journal(self.data), StreamWriter(path)
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
    from clubos_tui.journal import Journal
    from clubos_tui.streams import StreamReader

    path = folder / "streams" / "1-1-burst.jsonl"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    reader, count = StreamReader(str(path)), 0
    while records := reader.read():
        for record in records:
            assert record["text"] == f"event {count}"
            count += 1
    events_ = [record.event for record in Journal(str(folder)).load()]
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


# --- the terminal around it -----------------------------------------------------------------------

WIDTH, HEIGHT = 120, 40
PATIENCE = 90.0  # seconds

KEYS = {
    "f5": b"\x1b[15~", "f6": b"\x1b[17~", "f7": b"\x1b[18~", "f10": b"\x1b[21~",
    "down": b"\x1b[B", "up": b"\x1b[A", "end": b"\x1b[F", "pagedown": b"\x1b[6~",
    "right_square_bracket": b"]",
}  # fmt: skip
TESTS = Path(__file__).parent.parent


class Key(NamedTuple):
    """What one key cost, in ms: CPU of the process and of the loop's thread, and key to paint."""

    cpu: float
    loop: float
    wall: float
    painted: bool


class Terminal:
    """A program in a pseudo terminal of 120x40 whose output is read and thrown away."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """Start the program; ``{report}`` in its command becomes the number of its pipe."""
        drop = {"COLUMNS", "LINES", "NO_COLOR"}
        env = {name: value for name, value in os.environ.items() if name not in drop}
        env |= {
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none",
            "PYTHONPATH": str(TESTS), **(environment or {}),
        }  # fmt: skip
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self._pipe, report = os.pipe()
        self._lines = b""
        self._told: list[dict[str, Any]] = []
        self._seen = b""
        self._lock = threading.Lock()
        try:
            self._child = subprocess.Popen(
                [part.replace("{report}", str(report)) for part in command],
                stdin=slave, stdout=slave, stderr=slave, env=env, pass_fds=(report,),
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(slave)
            os.close(report)
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    @classmethod
    def of(cls, subject: str, data: Path) -> Terminal:
        """Start the measured app with a subject and wait until its data is in memory."""
        made = cls([sys.executable, "-m", "bench.screen", subject, str(data), "{report}"])
        try:
            made.told("ready")
        except BaseException:
            made.close()
            raise
        return made

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """End the program, where it has not ended, and whatever it wrote to."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._reader.join(5)
        os.close(self._master)
        os.close(self._pipe)

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._child.pid

    def _drain(self) -> None:
        try:
            while data := os.read(self._master, 1 << 16):
                with self._lock:
                    self._seen = (self._seen + data)[-200_000:]
        except OSError:
            pass  # the program has closed its end

    def until(self, text: bytes) -> None:
        """Wait until the program has written a text, and forget everything before."""
        end = time.monotonic() + PATIENCE
        while text not in self._seen:
            if time.monotonic() > end or self._child.poll() is not None:
                raise AssertionError(f"waited in vain for {text!r}: {self._seen[-3000:]!r}")
            time.sleep(0.02)
        with self._lock:
            self._seen = b""

    def type(self, key: str) -> float:
        """Type a key; return when."""
        at = time.perf_counter()
        os.write(self._master, KEYS.get(key) or key.encode())
        return at

    def told(self, what: str, key: str = "") -> dict[str, Any]:
        """Wait for a line of the program about something; others wait for who asks for them."""
        end = time.monotonic() + PATIENCE
        while True:
            *lines, self._lines = self._lines.split(b"\n")
            self._told += map(json.loads, lines)
            for at, found in enumerate(self._told):
                if found["what"] == what and (not key or found["key"] == key):
                    return self._told.pop(at)
            if not select.select([self._pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"it never told {what!r}: {self._seen[-3000:]!r}")
            data = os.read(self._pipe, 1 << 16)
            if not data:
                raise AssertionError(f"it ended before {what!r}: {self._seen[-3000:]!r}")
            self._lines += data

    def figures(self) -> dict[str, Any]:
        """Ask for memory and the longest block since the last time."""
        self.type("f6")
        return self.told("figures")

    def press(self, key: str) -> Key:
        """Type a key and wait for its frame."""
        sent = self.type(key)
        found = self.told("frame", key)
        # Both processes read the same clock: this is from the typing to the frame.
        wall = (found["at"] - sent) * 1000
        return Key(found["cpu"], found["loop"], wall, found["painted"])

    def presses(self, key: str, times: int, *, pause: float) -> list[Key]:
        """Type a key again and again, each a while after the frame of the one before.

        A key that paints nothing ends it: it has come to the end of what there is.
        """
        found: list[Key] = []
        while len(found) < times and (pressed := self.press(key)).painted:
            found.append(pressed)
            time.sleep(pause)
        return found

    def ended(self) -> float:
        """Wait until the program has ended; return when."""
        self._child.wait(PATIENCE)
        return time.perf_counter()


def main(arguments: Sequence[str]) -> None:
    """Run the measured app."""
    subject, data, report = arguments
    Measured(SUBJECTS[subject](data), int(report)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
