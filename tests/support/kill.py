"""Kill a child at a chosen point of an operation, the way a power button would."""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from clubos_tui.apply import checkout, exchange, prepare, record, transaction, vault
from clubos_tui.engine.run import Run
from clubos_tui.repository import refs
from support.journey import Journey

# Where a kill is worth most: before and after each of these.
PLACES: tuple[tuple[Any, str], ...] = (
    (record.Record, "add"),
    (record.Record, "begin"),
    (vault.VaultWriter, "add"),
    (vault.VaultWriter, "seal"),
    (transaction.Transaction, "look_again"),
    (transaction.Transaction, "finish"),
    (transaction.Transaction, "clear_staging"),
    (transaction.Transaction, "_announce"),
    (checkout.Checkout, "_prepare_index"),
    (checkout.Checkout, "take_index"),
    (checkout, "release_index"),
    (refs._Commit, "__call__"),
    (refs, "write_pack"),
    (refs, "create_branch"),
    (refs, "move"),
    (prepare, "make_file"),
    (exchange, "exchange"),
    (exchange, "move_new"),
    (Run, "say"),
)


class Points:
    """Counts the points an operation passes; at number ``at`` it kills its own process."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        if len(self.names) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.names.append(name)

    def install(self) -> None:
        """Pass through here before and after each place."""
        for owner, name in PLACES:
            found = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
            inner = found.__func__ if isinstance(found, classmethod) else found
            wrapped = self._around(inner, f"{getattr(owner, '__name__', owner)}.{name}")
            setattr(owner, name, classmethod(wrapped) if inner is not found else wrapped)

    def _around(self, inner: Callable[..., Any], name: str) -> Callable[..., Any]:
        def around(*arguments: Any, **named: Any) -> Any:
            self(f"before {name}")
            result = inner(*arguments, **named)
            self(f"after {name}")
            return result

        return around


def in_child(journey: Journey, work: Callable[[Journey], object], at: int) -> int:
    """Do ``work`` on the journey in a child killed at point ``at``; return the points it passed.

    The child opens everything anew, so that it shares no pipe and no lock with this process.
    """
    journey.close()
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _work(journey, work, at, write)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        counted = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return at
    assert os.WEXITSTATUS(status) == 0, counted.decode()
    return int(counted)


def _work(journey: Journey, work: Callable[[Journey], object], at: int, write: int) -> NoReturn:
    code = 1
    try:
        points = Points(at)
        journey.open()
        points.install()
        work(journey)
        os.write(write, str(len(points.names)).encode())
        code = 0
    except BaseException as error:
        with suppress(OSError):
            os.write(write, repr(error).encode())
    finally:
        os._exit(code)


class Snapshot:
    """A copy of folders that can be laid out again at the same place."""

    def __init__(self, store: Path, *folders: Path) -> None:
        self._pairs = [(folder, store / str(at)) for at, folder in enumerate(folders)]
        for folder, copy in self._pairs:
            shutil.copytree(folder, copy, symlinks=True)

    def restore(self) -> None:
        """Put everything back as it was."""
        for folder, copy in self._pairs:
            shutil.rmtree(folder)
            shutil.copytree(copy, folder, symlinks=True)
