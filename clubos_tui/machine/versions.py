"""What programs say of their version: all are asked at once, and none is trusted to answer.

One may hang, print without end, or print what no terminal should see. So all have one deadline,
only the beginning of what they print is looked at, and of that only the digits and dots of a
version are kept.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from clubos_tui.repository.git import clean_environment

__all__ = ["SECONDS", "Answer", "ask", "at_least", "find"]

SECONDS: Final = 5.0
"""How long all programs together may take."""

_MOST: Final = 1 << 16  # bytes that a version may be found in
_LOOK: Final = 0.05  # seconds between two looks at who has ended
_LAST: Final = 0.5  # seconds that an ended program may take to be gone
_NICE: Final = 10  # nobody waits for them as one waits for a screen
_NOT_STARTED: Final = (126, 127)  # how a shell and `env` say that what runs it is not there
_ESCAPES: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_VERSIONS: Final = (
    re.compile(rb"(?<![\w.])[vV]?(\d{1,4}(?:\.\d{1,6}){1,3})"),
    re.compile(rb"(?<![\w.])[vV]?(\d{1,4}(?:alpha|beta|rc|devel)\d{0,3})\b"),
)
_SECRET: Final = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one program said."""

    version: str = ""
    why: str = ""
    """Why there is no version."""
    starts: bool = True
    """Whether it is a program that this machine can run."""


def find(name: str) -> str:
    """Return the path of a program; empty where there is none.

    Only whole paths in PATH count: with ``.`` in it, a repository could bring the program.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    whole = (folder for folder in folders if folder.startswith(os.sep))
    found = shutil.which(name, path=os.pathsep.join(whole))
    return os.path.abspath(found) if found else ""


def at_least(version: str, wanted: tuple[int, int]) -> bool:
    """Tell whether a version is as new as the wanted one; one that is not known is not."""
    numbers = re.findall(r"\d+", version)[:2]
    return tuple(map(int, numbers)) >= wanted


def ask(
    programs: Iterable[str], *, seconds: float = SECONDS, stop: threading.Event | None = None
) -> dict[str, Answer]:
    """Run ``--version`` of programs, all at once; blocking, and never longer than it may take.

    Args:
        programs: Their paths.
        seconds: How long all of them together may take.
        stop: Ends it when set.
    """
    until = time.monotonic() + seconds
    asked = {path: _Asked(path, seconds) for path in dict.fromkeys(programs)}
    try:
        with selectors.DefaultSelector() as heard:
            for one in asked.values():
                one.begin(heard)
            while heard.get_map() and not (stop and stop.is_set()):
                left = until - time.monotonic()
                if left <= 0:
                    break
                ended = [one for one in asked.values() if one.has_ended()]
                said = {key.data[0] for key, _ in _ready(heard, min(left, _LOOK))}
                for one in ended:  # what it started may hold its pipes for ever
                    if one.path not in said:
                        one.leave(heard)
    finally:
        for one in asked.values():
            one.end()
    return {path: one.answer() for path, one in asked.items()}


def _ready(
    heard: selectors.BaseSelector, seconds: float
) -> list[tuple[selectors.SelectorKey, int]]:
    """Read what there is to read, and say from whom."""
    ready = heard.select(seconds)
    for key, _ in ready:
        _, data = key.data
        try:
            piece = os.read(key.fd, _MOST)
        except OSError:
            piece = b""
        data += piece
        if not piece or len(data) > _MOST:
            heard.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]
    return ready


@dataclass(slots=True)
class _Asked:
    """One program that is asked."""

    path: str
    seconds: float
    process: subprocess.Popen[bytes] | None = None
    out: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    why: str = ""

    def begin(self, heard: selectors.BaseSelector) -> None:
        """Start it, with nothing to read, no key, and no folder of anybody's around it."""
        try:
            self.process = subprocess.Popen(
                [self.path, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=_environment(), cwd="/", start_new_session=True,
                bufsize=0,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            self.why = f"it does not start: {getattr(error, 'strerror', None) or error}"
            return
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.process.pid, _NICE)
        for pipe, data in ((self.process.stdout, self.out), (self.process.stderr, self.errors)):
            assert pipe
            heard.register(pipe, selectors.EVENT_READ, (self.path, data))

    def has_ended(self) -> bool:
        """Tell whether it has ended, so that nothing new can come from itself."""
        return self.process is not None and self.process.poll() is not None

    def leave(self, heard: selectors.BaseSelector) -> None:
        """Listen no longer."""
        assert self.process
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe and not pipe.closed:
                heard.unregister(pipe)
                pipe.close()

    def end(self) -> None:
        """End it with all that it started, however far it has come."""
        process = self.process
        if process is None:
            return
        for pipe in (process.stdout, process.stderr):
            if pipe:
                self.why = self.why or ("" if pipe.closed else self._late())
                pipe.close()
        if process.returncode is None:  # else the number may be another's by now
            if not self.why:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LAST)
            with contextlib.suppress(OSError):
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LAST)

    def _late(self) -> str:
        return f"it did not answer --version within {self.seconds:g} seconds"

    def answer(self) -> Answer:
        """Return what it said; a version that it printed before it hung is one too."""
        for data in (self.out, self.errors):
            if len(data) <= _MOST and (version := _version_in(bytes(data))):
                return Answer(version)
        if self.process is None:
            return Answer(why=self.why, starts=False)
        if self.why:
            return Answer(why=self.why)
        if len(self.out) > _MOST or len(self.errors) > _MOST:
            return Answer(why="it answers --version with more than a version")
        code = self.process.returncode
        if code in _NOT_STARTED:
            return Answer(why=f"it does not start: it ends with {code}", starts=False)
        if code:
            return Answer(why=f"--version ends with {code if code > 0 else f'signal {-code}'}")
        return Answer(why="it does not tell its version")


def _version_in(data: bytes) -> str:
    plain = _ESCAPES.sub(b"", data)
    for pattern in _VERSIONS:
        if found := pattern.search(plain):
            return found[1].decode("ascii")
    return ""


def _environment() -> Mapping[str, str]:
    kept = {name: value for name, value in clean_environment().items() if not _SECRET.search(name)}
    return {**kept, "TERM": "dumb", "NO_COLOR": "1", "NO_UPDATE_NOTIFIER": "1"}
