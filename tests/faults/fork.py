"""Run part of a journey in a child of its own, that may be killed at a chosen point."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from support.journey import Journey
from support.kill import Points

NEVER = -1


@dataclass(frozen=True)
class Ended:
    """How a child ended: killed, or with what it returned; ``points`` is how many it passed."""

    killed: bool
    points: int
    error: str = ""


def fork(work: Callable[[], object]) -> int:
    """Do ``work`` in a child that ends with 0, or with 1 where it raised; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _end(work)
    return child


def _end(work: Callable[[], object]) -> NoReturn:
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def in_child(run: Journey, work: Callable[[Journey], object], at: int = NEVER) -> Ended:
    """Open the run in a child, recovery included, do ``work``, and kill it at point ``at``.

    The run must not be open here: the two would share a lock and a pipe.
    """
    read, write = os.pipe()

    def child() -> None:
        os.close(read)
        points = Points(at)
        points.install()
        try:
            run.open()
            work(run)
            os.write(write, f"{len(points.names)} ".encode())
        except BaseException as error:
            with suppress(OSError):
                os.write(write, f"{len(points.names)} {error!r}".encode())
            raise

    pid = fork(child)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return Ended(True, at)
    points, _, error = said.partition(" ")
    return Ended(False, int(points or 0), error)
