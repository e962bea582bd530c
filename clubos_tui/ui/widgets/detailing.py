"""Adds to the lines of a diff what a thread finds out about them, after they were painted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.widget import Widget

from clubos_tui.changes.patch import Hunk
from clubos_tui.ui.diff.detail import Wanted, details
from clubos_tui.ui.diff.layout import Place
from clubos_tui.ui.diff.scene import CHUNK, Scene

__all__ = ["Detailing"]

_AT_ONCE = 12
_KEPT_CHUNKS = 400


class Detailing:
    """Looks after one view. What was drawn last comes first; what is out of sight may never."""

    def __init__(self, view: Widget, repaint: Callable[[], None]) -> None:
        self._view = view
        self._repaint = repaint
        self._scene = Scene()
        self._wanted: dict[Wanted, None] = {}
        self._busy = False

    def attend(self, scene: Scene) -> None:
        """Look after another scene."""
        self._scene = scene
        self._wanted.clear()

    def drawn(self, place: Place, hunk: Hunk) -> None:
        """Note that a row of a hunk was drawn, and have found out what it still lacks."""
        for row in {place.row, place.right}:
            chunk = (row - hunk.rows.start) // CHUNK
            if row >= 0 and (hunk.id, chunk) not in self._scene.details:
                self._wanted[Wanted(place.file, place.hunk, chunk)] = None
        if self._wanted and not self._busy and self._view.is_attached:
            self._busy = True
            self._view.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._view.run_worker(self._find(), group="details")

    async def _find(self) -> None:
        coloured = not self._view.app.no_color
        try:
            while self._wanted:
                scene, wanted = self._scene, list(self._wanted)[-_AT_ONCE:]
                self._wanted.clear()
                found = await asyncio.to_thread(details, scene.patch, wanted, coloured=coloured)
                if len(scene.details) > _KEPT_CHUNKS:
                    scene.details.clear()
                scene.details.update(found)
                if scene is self._scene and any(map(any, found.values())):
                    self._repaint()
        finally:
            self._busy = False
