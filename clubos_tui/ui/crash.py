"""What a person sees when clubos itself breaks: a short panel, and a report without values.

Textual prints the local variables of every frame, which may hold a key. The report holds frames
and source lines only, and passes the choke point that redacts.
"""

from __future__ import annotations

import os
import tempfile
import time
import traceback

from rich.console import RenderableType
from rich.panel import Panel
from rich.text import Text

from clubos_tui.ui.text import safe

__all__ = ["panel", "write_report"]


def write_report(error: BaseException, folder: str | None) -> str:
    """Write the frames of `error` to a new file, readable by its owner only; return its path."""
    from clubos_tui.journal import redact

    text = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
    name = f"crash-{time.strftime('%Y%m%dT%H%M%S')}-"
    for place in (folder, None):
        try:
            fd, path = tempfile.mkstemp(".txt", name, place)
        except OSError:
            continue
        with os.fdopen(fd, "wb") as file:
            file.write(redact(text))
        return path
    return ""


def panel(error: BaseException, report: str) -> RenderableType:
    """Return what is printed once the terminal is the shell's again."""
    what = safe(f"{type(error).__name__}: {error}")
    lines = [
        f"clubos stopped because of a fault of its own: {what[:300]}",
        "Your repository is as the journal says; what was under way is finished or undone later.",
        f"Report: {safe(report)}" if report else "No report could be written.",
        "Do: start clubos again, it goes on where it was; `clubos recover` mends and tells.",
    ]
    return Panel(Text("\n".join(lines)), title="clubos", border_style="red", expand=False)
