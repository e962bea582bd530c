"""The person's own editor: the terminal is theirs until it ends."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable

from textual.app import App, SuspendNotSupported

from clubos_tui.config import without_keys
from clubos_tui.ui.review import editor
from clubos_tui.ui.values import Tone

__all__ = ["Editing"]


class Editing:
    """Runs the editor for one app; what did not work is said."""

    def __init__(self, app: App[None], say: Callable[[Tone, str], None]) -> None:
        self._app = app
        self._say = say

    def copy(self, folder: str, path: str, line: int, data: bytes) -> bytes | None:
        """Let the person edit a copy of a file, which is made in ``folder``.

        Returns:
            What they saved, or ``None`` where nothing is to be taken over.
        """
        name = os.path.basename(path) or "file"
        with tempfile.TemporaryDirectory(dir=folder, prefix="edit-") as place:
            copy = os.path.join(place, name)
            with open(copy, "wb") as file:
                file.write(data)
            if not self.open(copy, line):
                return None
            with open(copy, "rb") as file:
                return file.read()

    def open(self, path: str, line: int) -> bool:
        """Open a file at a line; tell whether the editor came to a good end."""
        command = editor(path, line)
        try:
            with self._app.suspend():
                code = subprocess.call(command, env=without_keys(os.environ))
        except SuspendNotSupported:
            self._say("warn", "this terminal can't be given to an editor")
            return False
        except OSError as error:
            self._say("warn", f"{command[0]}: {error.strerror}; set EDITOR to your editor")
            return False
        if code:
            self._say("warn", f"{command[0]} ended with {code}; nothing was taken over")
        return not code
