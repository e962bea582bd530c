"""Run a command line for a check: in the box, on a copy of the tree, and only so long."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Final

from clubos_tui.checks.base import Subject, Verdict
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.probe import probe
from clubos_tui.workspace.sandbox.programs import equip
from clubos_tui.workspace.sandbox.running import Ended, run
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["Ran", "boxed"]

_TAIL: Final = 512_000  # bytes of the output that are looked at
_BEAT: Final = 0.1  # seconds between two looks at what it prints


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended, the folder it ran in, and the end of what it printed."""

    ended: Ended
    folder: str
    said: str


def boxed(
    subject: Subject, spec: CheckSpec, line: str, holding: Box | None = None
) -> Generator[str, None, Ran | Verdict]:
    """Yield what a command line prints; return how it ended, or why it could not be run.

    Args:
        subject: What it runs on a copy of.
        spec: The check, with its time limit and the folder it runs in.
        line: For ``sh``.
        holding: A box with what this one holds as well.
    """
    holds = probe()
    if not holds.ok:
        why = f"no command is run without a sandbox: {holds.why}"
        return Verdict("unknown", why, (holds.cure,), missing=True)
    folder = subject.copy()
    printed: SimpleQueue[bytes] = SimpleQueue()
    done: list[Ended | OSError] = []
    box = equip(replace(holding or Box(""), workspace=folder), line)
    limits = Limits(seconds=float(spec.seconds))

    def work() -> None:
        arguments = ["/bin/sh", "-c", line]
        try:
            done.append(
                run(
                    box, arguments, folder=spec.folder, output=printed.put, stop=subject.stop,
                    limits=limits,
                )
            )  # fmt: skip
        except OSError as error:
            done.append(error)

    thread = threading.Thread(target=work, name=f"check {spec.name}", daemon=True)
    thread.start()
    tail = b""
    try:
        while thread.is_alive() or not printed.empty():
            try:
                piece = printed.get(timeout=_BEAT)
            except Empty:
                yield ""
                continue
            tail = (tail + piece)[-_TAIL:]
            yield piece.decode("utf-8", "backslashreplace")
    finally:
        thread.join()
    ended = done[0]
    if isinstance(ended, OSError):
        return Verdict("unknown", f"the box could not be built: {ended.strerror or ended}")
    return Ran(ended, folder, tail.decode("utf-8", "backslashreplace"))
