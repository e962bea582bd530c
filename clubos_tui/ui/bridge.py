"""The only module that knows both the engine and the screen.

It opens the repository beside the loop, reads journal and streams at the screen's pace and within
a time budget, lets a driver run in a thread of its own, and says what people decide. Three
readings of one journal (the screen's, the driver's, and the voice's) share nothing, so that none
waits for another.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from clubos_tui.engine.run import Run
from clubos_tui.engine.state import RunView
from clubos_tui.errors import ClubosError, Refused
from clubos_tui.journal import Record
from clubos_tui.plan import Model, Plan
from clubos_tui.ui import lasting
from clubos_tui.ui.following import CHUNK, Streams
from clubos_tui.ui.other_runs import follow_runs, go_over, lost, see_workers, who_drives
from clubos_tui.ui.store import Store
from clubos_tui.ui.values import LogNews, Problem
from clubos_tui.ui.watching import Watches

if TYPE_CHECKING:
    from clubos_tui.engine.driver import DriverThread
    from clubos_tui.engine.session import Session
    from clubos_tui.engine.views import RollbackPreview
    from clubos_tui.ui.question import Question
    from clubos_tui.ui.review import Review

__all__ = ["Bridge", "PlanLoader", "SessionFactory", "problem_of", "read_review", "warm_up"]

PlanLoader = Callable[[], tuple[Plan, str]]
SessionFactory = Callable[[str], "Session"]

BUDGET = 0.008  # seconds of a frame that reading may take
RETRY_SECONDS = 1.0


def problem_of(error: BaseException) -> Problem:
    """Return an error as what happened, what was left as it was, what to do."""
    if isinstance(error, ClubosError):
        return Problem(error.message, error.untouched, error.cure)
    if isinstance(error, OSError):
        what = f"{error.strerror or error} {error.filename or ''}".strip()
        return Problem(what, "Nothing was recorded.", "Mend that, then press the key again.")
    return Problem(f"{type(error).__name__}: {error}", "", "`clubos doctor` may know more.")


def warm_up() -> None:
    """Import beside the loop what the first key would otherwise import on it."""
    for name in ("ui.review", "engine.driver", "engine.views", "workspace.watch"):
        importlib.import_module(f"clubos_tui.{name}")
    with contextlib.suppress(ImportError):
        importlib.import_module("watchfiles")


def read_review(session: Session, run: Run, phase: int) -> Review:
    """Read a phase's change set as it is looked at; slow, so not on the loop."""
    from clubos_tui.checks.guard import guard_of, touched
    from clubos_tui.engine import views
    from clubos_tui.ui.review import review

    view = run.view
    before, since = views.patches_before(session, run, phase)
    protected = view.plan.protected_in(phase)
    patch = views.patch(session, run, phase)
    now = view.phase(phase)
    judging = {row.path: why for row, why in touched(now.manifest, guard_of(view.plan))}
    read = review(now.change_set, now.manifest, patch, protected, before, since, judging)
    lasting.keep_patch(read.patch)
    return read


class Bridge:
    """One repository, seen and steered from one screen."""

    replays = False
    """Whether what is shown is past, and nothing can be decided."""

    def __init__(
        self,
        path: str,
        *,
        who: str | None = None,
        plan_file: str | None = None,
        plan_loader: PlanLoader | None = None,
        agent: str = "",
        model: Model | None = None,
        session_factory: SessionFactory | None = None,
        drive: bool = True,
    ) -> None:
        self.path = path
        self.who = who or ""
        self.agent = agent
        self._model = model
        self.store = Store()
        self.session: Session | None = None
        self.run: Run | None = None
        self.failure: Problem | None = None
        self.drives: bool | None = None  # None: not known yet
        self.driver = ""  # who else drives, or that nobody does, in words
        self.stopped = False  # the driver, by an error
        self.took_over = ""  # from whom, until that is said
        self.switching = asyncio.Lock()  # from one run to another
        self._factory = session_factory
        self._plan_file = plan_file
        self._plan_loader = plan_loader
        self._wants_to_drive = drive
        self._voice: Run | None = None
        self._speaking = asyncio.Lock()
        self._seen = 0
        self._waiting: deque[Record] = deque()
        self._streams = Streams(self._moves_of)
        self._driver: DriverThread | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watches = Watches(self)
        self._touched = False

    def touch(self) -> None:
        """Have the next tick say that something has changed."""
        self._touched = True

    @property
    def ready(self) -> bool:
        """Whether the repository is open and sound."""
        return self.session is not None and self.failure is None

    @property
    def _opened(self) -> tuple[Session, Run]:
        assert self.session is not None, "BUG: asked before the repository is open"
        assert self.run is not None, "BUG: asked before there is a run"
        return self.session, self.run

    @property
    def seen(self) -> int:
        """How many records of the journal the screen has read."""
        return self._seen - len(self._waiting)

    @property
    def view(self) -> RunView | None:
        """The run's state as this screen has read it."""
        return self.store.view

    def now(self) -> float:
        """Return the time that the screen shows, in seconds."""
        return time.time()

    def news(self) -> LogNews:
        """Return what came to the log since the last call."""
        return LogNews(self.store.drain(), self.store.drain_withdrawn())

    @property
    def mark(self) -> tuple[str, int]:
        """How far the screen has read: the run, and the number of the last record."""
        return (self.run.id if self.run else ""), self.seen

    def since(self, run: str, seq: int) -> Sequence[Record]:
        """Return what was recorded after a mark."""
        if self.run is None:
            return ()
        return self.run.journal.new(seq if run == self.run.id else 0)

    # --- opening and closing ------------------------------------------------------------------

    async def open(self) -> None:
        """Open the repository and read all there is; never raises for what a person can mend."""
        try:
            run = await asyncio.to_thread(self._open)
        except (ClubosError, OSError) as error:
            self.failure = problem_of(error)
            return
        if run is not None:
            self.start("driver", self._drive())
        self.start("runs", follow_runs(self))

    def _session(self) -> Session:
        if self._factory is not None:
            return self._factory(self.path)
        from clubos_tui.engine.session import Session

        return Session.open(self.path)

    def _open(self) -> Run | None:
        session = self._session()
        self.who = self.who or session.who
        run = session.current()
        plan = Plan.from_json(run.view.started.plan) if run else self._plan(session)[0]
        self._adopt(session, run)
        self.store.plan = plan
        self.store.replaying = True
        while self._read(float("inf")):
            pass
        self.store.replaying = False
        warm_up()
        lasting.keep()
        self.session = session
        return run

    def _plan(self, session: Session) -> tuple[Plan, str]:
        return self._plan_loader() if self._plan_loader else session.plan(self._plan_file)

    def _adopt(self, session: Session, run: Run | None) -> None:
        self.store.forget()
        self._seen, self._streams = 0, Streams(self._moves_of)
        self._waiting.clear()
        self.run = session.run(run.id) if run else None
        self._voice = session.run(run.id) if run else None

    async def close(self) -> None:
        """Withdraw the step under way, give the locks back, end every task."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        await self._stop_driving()
        if self.session is not None:
            with contextlib.suppress(Exception):
                await asyncio.to_thread(self.session.close)

    def start(self, name: str, work: Coroutine[Any, Any, None] | None) -> None:
        """Run `work` in the place of what ran under this name; ``None`` just ends that."""
        if old := self._tasks.pop(name, None):
            old.cancel()
        if work is not None:
            self._tasks[name] = asyncio.create_task(work, name=name)

    # --- reading ------------------------------------------------------------------------------

    def tick(self) -> bool:
        """Read what is new within the budget; tell whether there was anything."""
        if self.session is None or self.run is None or self.failure is not None:
            return False
        try:
            changed = self._read(time.monotonic() + BUDGET)
        except (ClubosError, OSError) as error:
            if self.session.branches and isinstance(error, OSError):
                return lost(self, error)  # a database comes back
            self.failure = problem_of(error)
            return True
        if changed:
            self._watches.tend()
        touched, self._touched = self._touched, False
        return changed or touched

    def _read(self, deadline: float) -> bool:
        run, store = self.run, self.store
        if run is None:
            return False
        news = run.since(self._seen)
        self._seen += len(news)
        self._waiting.extend(news)
        if self._seen:
            store.view = run.view
        changed = False
        while True:
            if self._hear():
                changed = True
            elif self._waiting:
                record = self._waiting.popleft()
                store.take(record)
                self._streams.follow(record.event)
                changed = True
            else:
                return changed
            if time.monotonic() >= deadline:
                return True

    def _hear(self) -> bool:
        """Read a piece of the streams under way; an action's words come before its end."""
        heard, streams, store = False, self._streams, self.store
        if streams.chatter:
            for record in streams.chatter.read(CHUNK):
                store.hear(record, phase=streams.chatter.phase)
                heard = True
        if streams.moves:
            for record in streams.moves.read(CHUNK):
                store.move(record)
                heard = True
        if streams.checks:
            for record in streams.checks.read(CHUNK):
                store.check(record)
                heard = True
        return heard

    def _moves_of(self, transaction: str) -> str:
        assert self.run
        return self.run.paths.stream(self.run.id, f"{transaction}.jsonl")

    # --- saying -------------------------------------------------------------------------------

    async def say(self, what: Callable[[Run], None], question: Question | None = None) -> None:
        """Say something to the run beside the loop; raises ``ClubosError`` where it is refused.

        An answer to a `question` is refused where that does not stand any more.
        """
        voice = self._voice
        assert voice is not None, "BUG: said before there is a run"

        def speak() -> None:
            with voice.provided(question.stands) if question else contextlib.nullcontext():
                what(voice)

        async with self._speaking:
            await asyncio.to_thread(speak)
        driving = self._tasks.get("driver")
        if driving is None or driving.done():
            self.stopped = False
            self.start("driver", self._drive())  # it had died; what was said wants it back

    async def note_outside(self, phase: int, paths: dict[str, str]) -> None:
        """Record what lies at touched paths now; what is as it was is not recorded."""
        await self.say(lambda run: run.note_outside(phase, paths))

    async def start_run(self) -> None:
        """Start a run with the plan in force and make it the one on the screen.

        Raises :class:`Refused` where somebody else has just done so; theirs is shown then.
        """
        session = self.session
        assert session is not None, "BUG: a run started before the repository is open"

        def start() -> Run:
            plan, source = self._plan(session)
            return session.start(plan, source, by=self.who, agent=self.agent, model=self._model)

        try:
            async with self.switching:
                await self.switch(await asyncio.to_thread(start))
        except Refused:
            await go_over(self)
            raise

    async def switch(self, run: Run) -> None:
        """Make a run the one on the screen."""
        session = self.session
        assert session is not None, "BUG: switched before the repository is open"
        if old := self._tasks.pop("driver", None):
            old.cancel()
            await asyncio.gather(old, return_exceptions=True)
        await self._stop_driving()
        self._adopt(session, run)
        self._read(time.monotonic() + BUDGET)
        self.start("driver", self._drive())

    # --- looking ------------------------------------------------------------------------------

    async def review(self, phase: int) -> Review:
        """Return a phase's change set as it is looked at.

        Raises ``ClubosError`` or ``PatchError`` where it can't be read.
        """
        session, run = self._opened

        return await asyncio.to_thread(read_review, session, run, phase)

    async def content(self, phase: int, path: str) -> bytes | None:
        """Return a file as a phase proposes it; ``None`` where it has no such file."""
        from clubos_tui.engine import views

        session, run = self._opened
        return await asyncio.to_thread(views.content, session, run, phase, path)

    async def rollback_preview(self, phase: int) -> RollbackPreview:
        """Return what a rollback from ``phase`` on would do; 0 asks for the undo of the last."""
        from clubos_tui.engine import views

        session, run = self._opened
        if not phase:
            return await asyncio.to_thread(views.undo_preview, session, run)
        return await asyncio.to_thread(views.rollback_preview, session, run, phase)

    # --- driving ------------------------------------------------------------------------------

    async def _drive(self) -> None:
        """Drive while nobody else does; else look again every second."""
        session, run = self._opened
        if not self._wants_to_drive:
            if session.branches:
                await see_workers(self)
            return
        from clubos_tui.engine.driver import DriverThread

        holder = ""
        while True:
            driver = DriverThread(session, run.id)
            start = asyncio.ensure_future(asyncio.to_thread(driver.start))
            try:
                self.drives = await asyncio.shield(start)
            except asyncio.CancelledError:  # the thread can't be; it must not keep the lock
                with contextlib.suppress(ClubosError, OSError):
                    await start
                await asyncio.to_thread(driver.stop)
                raise
            except (ClubosError, OSError) as error:
                self._complain(problem_of(error))
                return
            if not self.drives:
                holder = who_drives(driver.holder())
                self.driver, self._touched = f"{holder} drives; decisions count", True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if holder:
                self.took_over = f"{holder} has gone: this dashboard drives now"
                self.store.say("info", self.took_over)
            self._driver, self._touched, self.driver = driver, True, ""
            while driver.error is None:  # noqa: ASYNC110 - it ends in another thread
                await asyncio.sleep(RETRY_SECONDS / 4)
            await self._stop_driving()
            self._complain(problem_of(driver.error))
            return

    def _complain(self, problem: Problem) -> None:
        self.drives, self.driver, self._touched = False, "the driver stopped", True
        self.stopped = True
        self.store.say("error", f"The driver stopped: {problem.what}", detail=problem.cure)

    async def _stop_driving(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            await asyncio.to_thread(driver.stop)
        self.drives = None
