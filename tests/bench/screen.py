"""The program that is measured through a terminal: one widget, driven from within, in CPU time.

``python -m bench.screen diff 100000`` prints one JSON object to the file named by ``FIGURES``.
A frame's cost is the loop's CPU time from the key's action to the end of its refresh; the
longest block of the event loop is the longest gap between two beats of a 5 ms task.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import RichLog, Static

from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.patch import Patch, parse
from clubos_tui.ui.widgets.diff_view import DiffView
from clubos_tui.ui.widgets.log_view import LogLine, LogView

CODE = (
    "    result = compute(value, factor={n}, name='item {n}')  # keeps it apart",
    "    if result is None or result.count > {n}: raise ValueError('too many')",
    "export const value{n} = async (input: string): Promise<number> => input.length",
)


def patch_of(changed: int) -> bytes:
    """Return a patch of 50 files with so many changed lines, 24 to a hunk."""
    out, number, hunks = [], 0, changed // 24
    for file in range(50):
        name = f"src/part{file % 7}/module{file:02}.{'py' if file % 2 else 'ts'}"
        out.append(f"diff --git a/{name} b/{name}\nindex 1111..2222 100644\n")
        out.append(f"--- a/{name}\n+++ b/{name}\n")
        for hunk in range(hunks // 50):
            start = 1 + hunk * 40
            out.append(f"@@ -{start},18 +{start},18 @@ def part{hunk}():\n")
            out += [f" context {number + at}\n" for at in range(3)]
            lines = [CODE[(number + at) % 3] for at in range(12)]
            out += [f"-{line.format(n=number)}\n" for line in lines]
            out += [f"+{line.format(n=number + 1)}\n" for line in lines]
            out += [f" context {number + at}\n" for at in range(3)]
            number += 24
    return "".join(out).encode()


def memory() -> float:
    """Return the resident memory of this process in MB."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


class Measured(App[None]):
    """An app with one widget and a heartbeat."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.longest = 0.0

    def compose(self) -> ComposeResult:
        yield self.widget

    async def beat(self) -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before - 0.005)
            before = now

    async def frame(self, action: Callable[[], object]) -> float:
        """Return the CPU milliseconds of an action and the frame it causes."""
        done = asyncio.Event()
        began = time.thread_time()  # colours come later, from another thread
        action()
        self.call_after_refresh(done.set)
        await done.wait()
        return (time.thread_time() - began) * 1000

    async def on_mount(self) -> None:
        self.run_worker(self._measured())

    async def _measured(self) -> None:
        await asyncio.sleep(0.3)
        beat = asyncio.create_task(self.beat())
        figures = await MEASURES[sys.argv[1]](self, int(sys.argv[2]))
        beat.cancel()
        Path(os.environ["FIGURES"]).write_text(json.dumps(figures))
        self.exit()


def spread(values: list[float]) -> tuple[float, float]:
    """Return median and 95th percentile."""
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


async def diff(app: Measured, changed: int) -> dict[str, float]:
    """Measure the diff."""
    view = app.widget
    assert isinstance(view, DiffView)
    before = memory()
    text = patch_of(changed)
    read: Patch = await asyncio.to_thread(parse, text)
    draft = Draft()
    app.longest = 0.0

    def first() -> None:
        view.show(read, title="phase 1")
        view.set_draft(draft)
        view.focus()

    figures = {"first_ms": await app.frame(first)}
    await asyncio.sleep(0.3)
    figures["block_ms"] = app.longest * 1000
    lines = [await app.frame(lambda: view.action_move(1)) for _ in range(120)][40:]
    figures["line_ms"], figures["line95_ms"] = spread(lines)
    pages = [await app.frame(lambda: view.action_page(1)) for _ in range(60)]
    figures["page_ms"], _ = spread(pages)
    view.action_first()
    view.action_hunk(1)

    def decide() -> None:
        file, hunk = view.current_file, view.current_hunk
        assert file
        assert hunk
        draft.decide([Decision(file.path.decode(), "accept", hunk=hunk.id)])
        view.set_draft(draft)
        view.go_to_hunk(view.next_pending() or "")

    decided = [await app.frame(decide) for _ in range(60)]
    figures["decide_ms"], figures["decide95_ms"] = spread(decided)
    await asyncio.sleep(0.5)
    figures["mb"] = memory() - before - len(text) / 2**20
    return figures


async def static(app: Measured, changed: int) -> dict[str, float]:
    """Measure a `Static` with rich's `Syntax` on the same patch."""
    from rich.syntax import Syntax

    view = app.widget
    assert isinstance(view, Static)
    text = patch_of(changed).decode()
    app.longest = 0.0
    figures = {"first_ms": await app.frame(lambda: view.update(Syntax(text, "diff")))}
    await asyncio.sleep(0.1)
    figures["block_ms"] = app.longest * 1000
    return figures


async def log(app: Measured, lines: int) -> dict[str, float]:
    """Measure the log: flat out, and at 10,000 lines a second."""
    view = app.widget
    assert isinstance(view, LogView)
    batch = [LogLine("12:00:00", "info", 1, f"wrote src/file{at}.py") for at in range(1_000)]
    before, began = memory(), time.process_time()
    for at in range(lines // 1_000):
        view.extend([LogLine("12:00:00", "info", 1, f"{at} {line.text}") for line in batch])
        await asyncio.sleep(0)
    figures = {"per_second": lines / (time.process_time() - began), "mb": memory() - before}
    began, wall, keys = time.process_time(), time.perf_counter(), []
    for frame in range(90):  # three seconds at 30 Hz
        view.extend(batch[:333])
        if frame % 6 == 0:
            pressed = time.perf_counter()
            await app.frame(lambda: view.action_move(-1))
            keys.append((time.perf_counter() - pressed) * 1000)
            view.action_last()
        await asyncio.sleep(1 / 30)
    figures["share"] = (time.process_time() - began) / (time.perf_counter() - wall)
    figures["key95_ms"] = spread(keys)[1]
    return figures


async def richlog(app: Measured, lines: int) -> dict[str, float]:
    """Measure Textual's own `RichLog` with the same lines."""
    view = app.widget
    assert isinstance(view, RichLog)
    began = time.process_time()
    for at in range(lines):
        view.write(f"12:00:00 info P1 {at} wrote src/file.py")
        if at % 1_000 == 0:
            await asyncio.sleep(0)
    await app.frame(lambda: None)
    return {"per_second": lines / (time.process_time() - began)}


MEASURES = {"diff": diff, "static": static, "log": log, "richlog": richlog}
WIDGETS: dict[str, Callable[[], Widget]] = {
    "diff": DiffView,
    "static": Static,
    "log": LogView,
    "richlog": RichLog,
}

if __name__ == "__main__":
    Measured(WIDGETS[sys.argv[1]]()).run()
