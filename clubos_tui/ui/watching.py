"""Two watches of the bridge: the workspace while an agent writes, the checkout while under review.

Hints, never authorities. What the workspace shows is a live list; what the checkout shows is
hashed again and noted in the journal, and an approval compares once more on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from clubos_tui.engine.state import Status
from clubos_tui.errors import ClubosError

if TYPE_CHECKING:
    from clubos_tui.changes.manifest import Change
    from clubos_tui.ui.bridge import Bridge

__all__ = ["Watches"]

SETTLE_SECONDS = 0.3
Reviewed = dict[int, frozenset[str]]


class Watches:
    """Begins and ends the two watches as the run's state asks for them."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._work: tuple[int, str] | None = None
        self._reviewed: list[tuple[int, tuple[Change, ...], dict[str, str]]] = []

    def tend(self) -> None:
        """Watch what the run's state asks for now, and nothing else."""
        view = self._bridge.view
        if view is None:
            return
        proposing = next((p for p in view.phases if p.state is Status.PROPOSING), None)
        work = (proposing.number, proposing.workspace) if proposing else None
        if self._work != work:
            self._work = work
            self._bridge.start("workspace", self._workspace(*work) if work else None)
        reviewed = [
            (phase.number, phase.manifest, phase.checkout)
            for phase in view.phases
            if phase.state in {Status.PROPOSED, Status.APPROVED}
        ]
        if self._reviewed != reviewed:  # nearly always the very same objects
            self._reviewed = reviewed
            paths = {
                number: frozenset(checkout) | {row.path for row in manifest}
                for number, manifest, checkout in reviewed
            }
            self._bridge.start("checkout", self._checkout(paths) if paths else None)

    async def _workspace(self, phase: int, folder: str) -> None:
        from clubos_tui.workspace.watch import watch_folder

        store, stop = self._bridge.store, asyncio.Event()
        try:
            async for paths in watch_folder(folder, stop):
                files = [path for path in paths if not os.path.isdir(os.path.join(folder, path))]
                store.touched(files, phase=phase)
                self._bridge.touch()
        except Exception as error:  # a hint only: nothing depends on it
            store.say("debug", f"the workspace can't be watched: {error}", phase=phase)
        finally:
            stop.set()

    async def _checkout(self, reviewed: Reviewed) -> None:
        from clubos_tui.workspace.watch import watch_paths

        assert self._bridge.session
        every = sorted(frozenset().union(*reviewed.values()))
        root, stop = self._bridge.session.repository.root, asyncio.Event()
        try:
            while True:
                # A watch takes a moment to begin, and sees only folders that are there then.
                again = asyncio.create_task(self._compare_twice(reviewed, set(every)))
                folders = _folders(root, every)
                async for touched in watch_paths(root, every, stop):
                    await self._compare(reviewed, touched)
                    if _folders(root, every) != folders:
                        break
                await again
        except Exception as error:  # approvals compare again on their own
            self._bridge.store.say("warning", f"outside edits can't be watched: {error}")
        finally:
            stop.set()

    async def _compare_twice(self, reviewed: Reviewed, paths: set[str]) -> None:
        await self._compare(reviewed, paths)
        await asyncio.sleep(SETTLE_SECONDS)
        await self._compare(reviewed, paths)

    async def _compare(self, reviewed: Reviewed, touched: set[str]) -> None:
        """Hash what lies at the touched paths, and have the journal note what differs."""
        from clubos_tui.engine import views

        session = self._bridge.session
        assert session
        found = await asyncio.to_thread(views.fingerprints, session, sorted(touched))
        for phase, paths in reviewed.items():
            news = {path: sha for path, sha in found.items() if path in paths}
            if news:
                with contextlib.suppress(ClubosError):  # the phase has moved on meanwhile
                    await self._bridge.note_outside(phase, news)


def _folders(root: str, paths: list[str]) -> set[str]:
    """Return the folders of `paths` that are there."""
    folders = {os.path.dirname(os.path.join(root, path)) for path in paths}
    return {folder for folder in folders if os.path.isdir(folder)}
