"""A run that is past, seen from the screen: a bridge that reads, plays, and says nothing.

It takes no lock, drives nothing and appends nothing; who asks it to is refused.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from clubos_tui import events as e
from clubos_tui.engine.copying import copied
from clubos_tui.engine.paths import StatePaths
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import RunView
from clubos_tui.errors import ClubosError, Failed, GitFailed, Refused, UsageError
from clubos_tui.events import Event, RunId
from clubos_tui.plan import Plan
from clubos_tui.ui import lasting
from clubos_tui.ui.bridge import Bridge, SessionFactory, problem_of, read_review, warm_up
from clubos_tui.ui.situation import REPLAY
from clubos_tui.ui.store import LOG_LIMIT
from clubos_tui.ui.tape import Tape, seconds_of
from clubos_tui.ui.values import LogNews, Position

if TYPE_CHECKING:
    from clubos_tui.engine.views import RollbackPreview
    from clubos_tui.journal import Record
    from clubos_tui.ui.question import Question
    from clubos_tui.ui.review import Review

__all__ = ["LONGEST", "SPEEDS", "Replay"]

LONGEST = 2.0  # seconds that a gap between two moments is played for
SPEEDS: Final = (1, 2, 4, 8, 16, 32, 64)
PLAYING = 0.008  # seconds of a frame that moments may take while playing
GOING = 0.025  # and on the way to a far event, with nothing else to be shown
REVIEWS = 8  # change sets that are kept, for who goes forth and back between them


class _Past(Run):
    """A run as it was: to be looked at, not spoken to."""

    def __init__(self, run_id: RunId, paths: StatePaths, view: Callable[[], RunView]) -> None:
        super().__init__(run_id, paths)
        self._then = view

    @property
    def view(self) -> RunView:
        """The state that is shown."""
        return self._then()

    def refresh(self) -> tuple[Record, ...]:
        """Read nothing on: the tape does."""
        return ()

    def say(self, *events: Event, durable: bool = True) -> None:  # noqa: ARG002
        """Refuse."""
        raise _refused()


def _refused() -> Refused:
    return Refused(
        REPLAY,
        untouched="Nothing was recorded and nothing was done.",
        cure="Leave it with q; `clubos` opens the dashboard on what is now.",
    )


class Replay(Bridge):
    """One run of a repository, played."""

    replays = True

    def __init__(
        self, path: str, run_id: str, *, session_factory: SessionFactory | None = None
    ) -> None:
        super().__init__(path, session_factory=session_factory, drive=False)
        self._id = RunId(run_id)
        self._source: Run | None = None
        self._tape = Tape(self._moves_of)
        self._target: int | None = None  # on the way there; beyond the last event: to the very end
        self._playing = False
        self._speed = 0
        self._waited = 0.0  # of the gap before the next moment, in played seconds
        self._ticked = time.monotonic()
        self._told = 0  # lines of the log that were handed out
        self._told_withdrawn = 0
        self._reviews: dict[object, Review] = {}

    @property
    def seen(self) -> int:
        """The number of the event that is shown."""
        return self._tape.at

    # --- opening and reading ------------------------------------------------------------------

    def _open(self) -> None:
        session = self._session()
        self.who = session.who
        self._source = session.run(self._id)
        records = self._source.journal.load()
        if not records:
            raise UsageError(f"run {self._id} has no event yet", untouched="Nothing was touched.")
        self.run = _Past(self._id, session.paths, self._then)
        self._tape.extend(records)
        self._tape.go(1)
        self.store = self._tape.store
        started = records[0].event
        assert isinstance(started, e.RunStarted), "BUG: a journal without its first event"
        self.store.plan = Plan.from_json(started.plan)
        warm_up()
        lasting.keep()
        self.session = session

    def _then(self) -> RunView:
        view = self._tape.view
        assert view is not None, "BUG: asked before the first event"
        return view

    def tick(self) -> bool:
        """Read what came to the journal, and go on as far as is due; tell whether it shows."""
        now = time.monotonic()
        passed, self._ticked = min(now - self._ticked, LONGEST), now  # it may have been suspended
        if not self.ready or self._source is None:
            return False
        tape = self._tape
        try:
            tape.extend(self._source.journal.new(len(tape.records)))
            changed = self._go() if self._target is not None else self._play(passed)
        except (ClubosError, OSError) as error:
            self.failure = problem_of(error)
            return True
        self.store = tape.store
        touched, self._touched = self._touched, False
        return changed or touched

    def _go(self) -> bool:
        """Go on to the event that was asked for; on the way there nothing is shown."""
        assert self._target is not None
        deadline, tape = time.monotonic() + GOING, self._tape
        last, there = len(tape.records), True
        if self._target <= last or tape.at < last:
            there = tape.go(min(self._target, last), deadline)
        while there and self._target > last and tape.advance():
            there = time.monotonic() < deadline
        if there:
            self._target, self._waited = None, 0.0
        return there

    def _play(self, passed: float) -> bool:
        if not self._playing:
            return False
        tape, changed = self._tape, False
        deadline = time.monotonic() + PLAYING
        self._waited += passed * SPEEDS[self._speed]
        while (gap := self._gap()) is not None and self._waited >= gap:
            self._waited -= gap
            tape.advance()
            changed = True
            if time.monotonic() >= deadline:
                self._waited = min(self._waited, LONGEST)  # what can't be kept up with is let go
                break
        if gap is None:  # what an open run does next comes as it comes
            self._waited = 0.0
            self._playing = not self._ended
        return changed

    def _gap(self) -> float | None:
        """Return how long the next moment is waited for, in played seconds."""
        upcoming = self._tape.upcoming()
        return None if upcoming is None else min(LONGEST, upcoming - self._tape.time)

    @property
    def _ended(self) -> bool:
        view = self._tape.view
        return view is not None and view.ending is not None

    def now(self) -> float:
        """Return the time in the run; a long gap passes faster."""
        tape, upcoming = self._tape, self._tape.upcoming()
        if upcoming is None or upcoming <= tape.time:
            return tape.time
        gap = upcoming - tape.time
        return tape.time + gap * min(1.0, self._waited / min(LONGEST, gap))

    def news(self) -> LogNews:
        """Return what came to the log; all of it where it went back."""
        tape = self._tape
        if tape.went_back:
            tape.went_back = False
            first = max(0, tape.count - LOG_LIMIT)
            news = LogNews(tape.lines[first : tape.count], list(tape.withdrawn), anew=True)
        else:
            withdrawn = tape.withdrawn[self._told_withdrawn :]
            news = LogNews(tape.lines[self._told : tape.count], withdrawn)
        self._told, self._told_withdrawn = tape.count, len(tape.withdrawn)
        return news

    def position(self) -> Position:
        """Return where it stands."""
        tape, now = self._tape, self.now()
        if not tape.records or tape.view is None:
            return Position()
        first, last = (seconds_of(tape.records[at].at, now) for at in (0, -1))
        moment = datetime.fromtimestamp(now).astimezone()
        return Position(
            at=tape.at,
            of=len(tape.records),
            event=e.tag_of(tape.records[tape.at - 1].event),
            mode=tape.view.mode,
            time=f"{moment:%H:%M:%S}",
            seconds=round(max(0.0, now - first)),
            total=round(max(0.0, last - first, now - first)),
            speed=SPEEDS[self._speed],
            playing=self._playing,
            turns=tape.turns,
        )

    # --- moving about -------------------------------------------------------------------------

    def play(self) -> None:
        """Play, or pause; at the end of a closed run, play from its beginning."""
        self._playing = not self._playing
        self._waited = 0.0
        if self._playing and self._ended and self._tape.upcoming() is None:
            self.go_to(1)

    def step(self, events: int) -> bool:
        """Go some events forth or back, and pause; tell whether there are so many."""
        self._playing = False
        return self._go_by(self._place + events)

    def turn(self, direction: int) -> bool:
        """Go to the next (1) or the last (-1) turning point; tell whether there is one."""
        turns, place = self._tape.turns, self._place
        at = bisect_right(turns, place) if direction > 0 else bisect_left(turns, place) - 1
        return 0 <= at < len(turns) and self._go_by(turns[at])

    def go_to(self, event: int) -> None:
        """Go to right after an event, from 1; beyond the last: also to what was said since."""
        self._target = max(1, event)

    def go_to_end(self) -> None:
        """Go to the newest that there is."""
        self.go_to(len(self._tape.records) + 1)

    def _go_by(self, to: int) -> bool:
        if not 1 <= to <= len(self._tape.records):
            return False
        self.go_to(to)
        return True

    @property
    def _place(self) -> int:
        place = self._tape.at if self._target is None else self._target
        return min(place, len(self._tape.records))

    def set_speed(self, steps: int) -> int:
        """Play faster or slower; return how many times the run's own pace."""
        now = self._speed + steps
        self._speed = max(0, min(now, len(SPEEDS) - 1))
        return SPEEDS[self._speed]

    # --- looking ------------------------------------------------------------------------------

    async def review(self, phase: int) -> Review:
        """Return a phase's change set as it was then.

        Raises ``ClubosError`` or ``PatchError`` where it can't be read.
        """
        session, run = self._opened
        now = run.view.phase(phase)
        key = (phase, now.base, now.change_set, now.before)
        if (known := self._reviews.get(key)) is not None:
            return known
        view = copied(run.view)  # the tape may go on meanwhile
        past = _Past(run.id, run.paths, lambda: view)
        try:
            read = await asyncio.to_thread(read_review, session, past, phase)
        except GitFailed as error:
            gone = f"{now.base[:12]} to {now.change_set[:12]}"
            raise Failed(
                f"The trees of this moment ({gone}) are not in the workshop any more.",
                untouched="Nothing was changed.",
                cure="All else is shown as the journal has it: files, checks, decisions.",
            ) from error
        if len(self._reviews) >= REVIEWS:
            self._reviews.pop(next(iter(self._reviews)))
        self._reviews[key] = read
        return read

    # --- what a replay never does -------------------------------------------------------------

    async def say(
        self,
        what: Callable[[Run], None],  # noqa: ARG002
        question: Question | None = None,  # noqa: ARG002
    ) -> None:
        """Refuse."""
        raise _refused()

    async def start_run(self) -> None:
        """Refuse."""
        raise _refused()

    async def rollback_preview(self, phase: int) -> RollbackPreview:  # noqa: ARG002
        """Refuse: what a rollback would do is a question of now."""
        raise _refused()
