"""A change set of very many files: what a key costs then, next to the same with a thousand.

``FILES=1000000`` measures a million; that takes a minute and two gigabytes.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
from collections.abc import Callable

import pytest
from bench.clocks import memory
from textual.app import App, ComposeResult
from textual.containers import Horizontal

from clubos_tui.changes.decisions import Decision, Draft
from clubos_tui.changes.manifest import Change
from clubos_tui.engine.state import PhaseView
from clubos_tui.plan import Phase
from clubos_tui.ui.lasting import keep_patch
from clubos_tui.ui.listing import FileRows
from clubos_tui.ui.review import Review, review
from clubos_tui.ui.values import FilesValues
from clubos_tui.ui.widgets.diff_view import DiffView
from clubos_tui.ui.widgets.file_list import FileList

pytestmark = pytest.mark.bench

MANY = int(os.environ.get("FILES", "100000"))


class Both(App[None]):
    """The list of files beside the diff."""

    CSS = "FileList { width: 40; } DiffView { width: 1fr; }"

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield FileList()
            yield DiffView()


def make(files: int) -> tuple[tuple[Change, ...], bytes]:
    """Return the manifest and the patch of so many new files of one line."""
    paths = [f"src/part{number % 977}/file{number}.txt" for number in range(files)]
    manifest = tuple(
        Change(path, "create", new_mode="100644", new_blob="1" * 40) for path in paths
    )  # fmt: skip
    patch = "".join(
        f"diff --git a/{path} b/{path}\nnew file mode 100644\nindex 0000000..1111111\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+number {number}\n"
        for number, path in enumerate(paths)
    )
    return manifest, patch.encode()


async def measured(files: int) -> dict[str, float]:
    """Return what each thing a person does costs, in ms of the loop's thread."""
    manifest, patch = make(files)
    app, found = Both(), {}
    async with app.run_test(size=(120, 40)) as pilot:
        before, began = memory(), time.perf_counter()
        read: Review = await asyncio.to_thread(review, "t", manifest, patch, (), b"", b"")
        keep_patch(read.patch)
        found["read, s"] = time.perf_counter() - began
        phase = PhaseView(1, Phase("Many"), [])
        phase.manifest = manifest
        diff, listed = app.query_one(DiffView), app.query_one(FileList)

        def show() -> None:
            diff.show(read.patch, title="x", reasons=read.reasons, alike=read.alike)
            diff.set_draft(phase.draft)
            diff.focus()

        def list_files() -> None:
            rows = FileRows([], read.listing, phase, settled=False)
            listed.show(FilesValues(rows, f"{read.listing.pending(phase.draft.files)}", at=rows.at))

        def decide() -> None:
            file = diff.current_file
            assert file
            decision = Decision(file.path.decode(), "accept", hunk=file.hunks[0].id)
            phase.draft.decide([decision])
            assert read.pending(phase.draft) == files - len(phase.draft.files)
            diff.set_draft(phase.draft)
            diff.go_to_pending()
            list_files()

        async def frame(action: Callable[[], object]) -> float:
            done = asyncio.Event()
            began = time.thread_time()
            action()
            app.call_after_refresh(done.set)
            await done.wait()
            return (time.thread_time() - began) * 1000

        async def often(action: Callable[[], object]) -> float:
            costs = []
            for _ in range(20):
                costs.append(await frame(action))
                await pilot.pause(0.02)
            return statistics.median(costs)

        found["first frame"] = await frame(show)
        found["list of files"] = await frame(list_files)
        found["page"] = await often(lambda: diff.action_page(1))
        found["to the end"] = await frame(diff.action_last)
        last = read.patch.files[-1].path
        found["to a file"] = await often(lambda: diff.go_to_file(last))
        await frame(diff.action_first)
        diff.action_hunk(1)
        found["decide"] = await often(decide)
        assert isinstance(phase.draft, Draft)
        began = time.perf_counter()
        assert await diff.search(f"number {files - 1}") == 1
        found["search, s"] = time.perf_counter() - began
        found["memory, MB"] = memory() - before
        gc.unfreeze()
    return found


async def test_keys_cost_the_same_for_many_files() -> None:
    """What is pressed again and again does not depend on how many files there are."""
    few, many = await measured(1_000), await measured(MANY)
    print(f"\n| | 1,000 files | {MANY:,} files |\n| --- | --- | --- |")
    for name in few:
        print(f"| {name} | {few[name]:,.1f} | {many[name]:,.1f} |")
    for name in ("page", "decide", "list of files", "to a file"):
        assert many[name] < 3 * few[name] + 5, name
