"""What others do beside this screen: drive the run, or start another where this one has ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from clubos_tui.errors import ClubosError

if TYPE_CHECKING:
    from clubos_tui.ui.bridge import Bridge

__all__ = ["follow_runs", "go_over", "lost", "see_workers", "who_drives"]

LOOK_SECONDS = 1.0


def who_drives(holder: Mapping[str, str | int]) -> str:
    """Return a process in words, from what it wrote about itself."""
    pid, host = holder.get("pid"), holder.get("host", "")
    name = f"process {pid}" if pid else "another clubos"
    return f"{name} on {host}" if host and host != socket.gethostname() else name


async def see_workers(bridge: Bridge) -> None:
    """Say of a shared run which worker drives it, or did last; decisions count all the same."""
    while True:
        worker = bridge.view.worker if bridge.view else ""
        words = f"worker {worker}; decisions count" if worker else "no worker yet: clubos worker"
        if bridge.driver != words:
            bridge.driver = words
            bridge.touch()
        await asyncio.sleep(LOOK_SECONDS)


def lost(bridge: Bridge, error: OSError) -> bool:
    """Say once that the journal can't be read just now; tell whether that was said."""
    words = f"{error.strerror or error}; this screen goes on once it answers"
    if bridge.driver == words:
        return False
    bridge.driver = words
    bridge.store.say("warning", words)
    return True


async def follow_runs(bridge: Bridge) -> None:
    """Look once a second whether there is another run, while none is open here."""
    assert bridge.session
    folder, known, again = bridge.session.paths.runs, -1, False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if bridge.run is not None and (bridge.view is None or bridge.view.ending is None):
            continue
        with contextlib.suppress(OSError, ClubosError):  # looked at again; opening would say it
            runs = len(await asyncio.to_thread(os.listdir, folder))
            if runs != known or again:
                await go_over(bridge)
                # The folder of a run is there a moment before its first event.
                known, again = runs, runs != known


async def go_over(bridge: Bridge) -> bool:
    """Show the run that is open now; tell whether it is another one."""
    assert bridge.session
    async with bridge.switching:
        run = await asyncio.to_thread(bridge.session.current)
        if run is None or (bridge.run is not None and run.id == bridge.run.id):
            return False
        await bridge.switch(run)
    return True
