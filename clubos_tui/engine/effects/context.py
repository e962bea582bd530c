"""What every effect works with, and how long work leaves the event loop."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from clubos_tui.agents.base import Agent
from clubos_tui.apply.hooks import Cancelled, PathMoved, PathVerified
from clubos_tui.apply.record import Purpose
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.run import Run
from clubos_tui.engine.session import Session
from clubos_tui.engine.state import RunView
from clubos_tui.errors import CutShort, GitFailed, Stale
from clubos_tui.events import Event
from clubos_tui.repository.ignored import IgnoreRules
from clubos_tui.streams import StreamWriter
from clubos_tui.workspace.layout import Layout

T = TypeVar("T")


@dataclass(slots=True)
class Context:
    """One process's hold on a run while it drives."""

    session: Session
    run: Run
    agents: dict[tuple[int, int], Agent] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    attended: bool = False  # a person watches, who can answer an agent at once
    _workspace: Layout | None = None
    _benches: dict[int, Layout] = field(default_factory=dict)
    _bringing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def view(self) -> RunView:
        """The run as last folded."""
        return self.run.view

    @property
    def workspace(self) -> Layout:
        """The folder an agent works in; what is known of it holds as long as we drive."""
        if self._workspace is None:
            session = self.session
            rules = IgnoreRules(session.repository, session.paths.scratch)
            self._workspace = Layout(
                session.paths.workspace, session.workshop, hide=True, ignore=rules
            )
        return self._workspace

    def bench(self, tree: TreeId, number: int = 0) -> str:
        """Return a folder that holds a tree for a check's command, which may change it.

        Two commands that run at once need two, so each has its ``number``.
        """
        with self._bringing:
            bench = self._benches.get(number)
            if bench is None:
                place = self.session.paths.bench(number)
                bench = self._benches[number] = Layout(place, self.session.workshop, hide=True)
            bench.bring(tree, self.look)
            bench.hand_over()
            return bench.folder

    def forget(self) -> None:
        """Forget what was known of folders: another process may have driven since."""
        for layout in (self._workspace, *self._benches.values()):
            if layout:
                layout.close()
        self._workspace = None
        self._benches.clear()

    async def end_agents(self) -> None:
        """End every agent, with all that it has started."""
        while self.agents:
            _, agent = self.agents.popitem()
            await agent.aclose()

    def look(self, _done: int = 0, _total: int = 0) -> None:
        """Come back from long work when asked to."""
        if self.stop.is_set():
            raise Cancelled("interrupted", untouched="Nothing outside the workspace was written.")

    def say(self, *events: Event, durable: bool = True) -> None:
        """Append what the driver reports; a report nobody acts on need not be durable at once."""
        self._send(events)
        try:
            self.run.say(*events, durable=durable)
        except OSError as error:
            # What was done can't be called failed: the step is repeated and finds itself done.
            raise CutShort(
                f"the journal could not be written: {error.strerror or error}",
                untouched="What was done stays done, and nothing more was done.",
                cure="Free some space or mend the disk, then start clubos again: it goes on there.",
            ) from error

    def _send(self, events: Sequence[Event]) -> None:
        """Have other machines find what the events tell of, before they read of it."""
        if self.session.branches is None:
            return
        try:
            for event in events:
                self.session.branches.send(self.run, event)
        except (GitFailed, Stale, OSError) as error:
            raise CutShort(
                f"what was made could not be sent: {error}",
                untouched="It is not recorded as done; the step is taken up again.",
                cure=getattr(error, "cure", ""),
            ) from error

    async def in_thread(self, work: Callable[[], T], *, stands: bool = False) -> T:
        """Run blocking ``work`` beside the loop.

        A thread can't be ended from outside: when this is cancelled, ``stop`` is set, the work
        comes back at its next look at it, and only then does the cancellation go on. So nothing
        of ours still writes when the locks are given back. Work that ``stands`` and was done
        before it looked returns its result all the same, or nobody would record what it did.
        """
        self.stop.clear()
        task = asyncio.ensure_future(asyncio.to_thread(work))
        cancelled = False
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                cancelled = True
                self.stop.set()
        failed = task.exception()
        if cancelled and (isinstance(failed, Cancelled) or not stands):
            raise asyncio.CancelledError
        return task.result()

    def transaction_id(self, phase: int, purpose: Purpose) -> str:
        """Return a new transaction id; its first part is the UTC time."""
        return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{phase}-{purpose}-{secrets.token_hex(3)}"

    def moves(self, transaction: str) -> Moves:
        """Open the stream of a transaction, for whoever watches it happen."""
        path = self.session.paths.stream(self.run.id, f"{transaction}.jsonl")
        return Moves(StreamWriter(path))


@dataclass(slots=True)
class Moves:
    """Writes each path of a running transaction to its stream."""

    writer: StreamWriter

    def __call__(self, move: PathMoved) -> None:
        self.writer.write("path.moved", move._asdict(), time=time.monotonic())
        self.writer.flush()  # the next path may be long in coming, and people watch

    def verified(self, found: PathVerified) -> None:
        """Write that a path was compared afresh, and what was found."""
        self.writer.write("path.verified", found._asdict(), time=time.monotonic())

    def __enter__(self) -> Moves:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close(durable=False)


def time_of(transaction: str) -> tuple[str, str]:
    """Return a transaction's time as a branch name holds it, and as git's commit time."""
    stamp = transaction.split("-", 1)[0]
    moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return stamp, f"{int(moment.timestamp())} +0000"
