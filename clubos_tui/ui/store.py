"""What the screen knows beside the run's state: log lines, live files, the progress of a write.

Pure: records, stream records and paths go in; lines and rows come out. No clock but the one in
the records, no file, no textual. :mod:`clubos_tui.ui.panes` turns it into what the panes show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from clubos_tui import events as e
from clubos_tui.agents import base as a
from clubos_tui.changes.manifest import path_text
from clubos_tui.codec import DecodeError, Json
from clubos_tui.engine.copying import copied
from clubos_tui.engine.state import RunView
from clubos_tui.journal import Record
from clubos_tui.plan import Plan
from clubos_tui.ui import wording
from clubos_tui.ui.doing import Doing
from clubos_tui.ui.speech import Speech
from clubos_tui.ui.underway import Underway, begun
from clubos_tui.ui.values import Level, LogEntry, NoteRow, Tone

__all__ = ["Progress", "Store"]

LOG_LIMIT = 100_000

_OWN = ("_new", "_speech")  # what hands lines on, and to whom

_REQUESTS = (
    e.ProposalRequested, e.ResumeRequested, e.SealRequested, e.EditRequested, e.ChecksRequested,
    e.ExecutionRequested, e.MergeRequested, e.RollbackRequested, e.UndoRequested,
)  # fmt: skip

_ENDS = (
    e.ChecksFinished, e.ProposedNothing, e.ProposalFailed, e.Validated, e.Unvalidated, e.Merged,
    e.RolledBack, e.Undone, e.StepFailed, e.Paused, e.ActionHeld,
)  # fmt: skip

_MOVED = {
    "rollback": {"create": "put back", "replace": "restored", "delete": "deleted"},
    "undo": {"create": "put back", "replace": "restored", "delete": "deleted"},
    "execute": {"create": "created", "replace": "changed", "delete": "deleted"},
    "merge": {"create": "created", "replace": "changed", "delete": "deleted"},
}


@dataclass(slots=True)
class Progress:
    """A transaction as it is written, and then compared, path by path."""

    purpose: str
    phase: int
    place: str
    total: int
    done: int = 0
    verified: int = 0  # paths that a fresh comparison found as they should be
    compared: int = 0
    returning: bool = False  # interrupted: the paths go back
    rows: dict[str, NoteRow] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How far it came, in the words of the files pane."""
        if self.compared:
            word = "as before" if self.returning else "verified"
            return f"{word} {self.verified} of {self.total}"
        return f"{'back' if self.returning else 'written'} {self.done} of {self.total}"


class Store:
    """Folds what comes in; holds nothing that can't be read again from journal and streams."""

    def __init__(self, *, limit: int = LOG_LIMIT) -> None:
        self.view: RunView | None = None
        self.plan: Plan | None = None
        self.live: dict[str, None] = {}
        self.progress: Progress | None = None
        self.result: list[NoteRow] = []
        self.result_text = ""
        self.moved: list[NoteRow] = []  # the paths of the last merge, rollback or undo
        self.moved_title = ""
        self.result_phases: tuple[int, ...] = ()
        self.recovered: list[e.Recovered] = []  # to be shown until something is asked for
        self.replaying = False  # what comes is history, and was seen when it came
        self.doing = Doing()
        self.underway: Underway | None = None  # checks that have begun and are not recorded
        self.since = 0.0  # when the last request was made
        self.ended = 0.0  # when what it asked for had ended
        self.last = 0.0  # when the last record was
        self.work = 0  # how often something was asked for, of the engine or by an agent
        self._second = ("", "")
        self._new: deque[LogEntry] = deque(maxlen=limit)
        self._speech = Speech(self._new.append)

    def forget(self) -> None:
        """Begin with another run."""
        self.__init__(limit=self._new.maxlen or LOG_LIMIT)  # type: ignore[misc]

    def copy(self) -> Store:
        """Return a store that stands where this one does, without lines to be drained."""
        other = Store(limit=self._new.maxlen or LOG_LIMIT)
        own = {name: value for name, value in vars(self).items() if name not in _OWN}
        vars(other).update(copied(own))
        other._speech.go_on_from(self._speech)
        return other

    def drain(self) -> list[LogEntry]:
        """Return the lines that came since the last call."""
        lines = list(self._new)
        self._new.clear()
        return lines

    def drain_withdrawn(self) -> list[int]:
        """Return the turns whose words were taken back since the last call."""
        return self._speech.drain()

    def say(self, level: Level, text: str, *, phase: int = 0, detail: str = "") -> None:
        """Add a line of our own; its time is that of the last record."""
        at = datetime.fromtimestamp(self.last) if self.last else None
        self._new.append(LogEntry(f"{at:%H:%M:%S}" if at else "", level, phase, text, detail))

    # --- the journal --------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Fold one record of the journal in."""
        event, time = record.event, self._time(record.at)
        self._speech.finish(getattr(event, "phase", 0), time)
        # What a model was asked is told by the stream, among the words that it is about.
        if not isinstance(event, e.TurnTaken) and (line := wording.sentence(event)):
            level, phase, text, detail = line
            path, hunk = _about(event)
            self._new.append(LogEntry(time, level, phase, text, detail, path, hunk))
        if isinstance(event, (*_REQUESTS, e.PermissionAsked)):
            self.work += 1
        if isinstance(event, _REQUESTS):
            self.since = self.last
            self.progress, self.result, self.moved, self.result_phases = None, [], [], ()
            self.recovered = [item for item in self.recovered if item.direction == "held"]
        if isinstance(event, _ENDS):
            self.ended = self.last
        match event:
            case e.AttemptStarted():
                self.live.clear()
            case e.ActionStarted():
                self.doing = Doing()
            case e.TurnTaken():
                self.doing.told(event.turn)
            case e.CheckStarted():
                self.doing = Doing(f"checking: {event.check}")
                self.underway = begun(self.underway, event, record.at)
            case e.ChecksFinished():
                self.doing, self.underway = Doing(), None
            case e.Proposed() | e.ProposedNothing() | e.ProposalFailed() | e.ActionHeld():
                self.live.clear()
                self.progress = None
                self.doing = Doing()
            case e.Paused():
                self.live.clear()
                self.underway = None
                again = wording.AGAIN.get(event.step, "n")
                rows = [
                    NoteRow("warn", f"Interrupted: {event.step} was undone"),
                    NoteRow("info", f"{again} asks for it again"),
                ]
                self._went_back(rows, event.left)
            case e.StepFailed():
                self.live.clear()
                self.underway = None
                self._went_back([NoteRow("bad", f"Failed: {event.step} was undone")], ())
            case e.ApplyStarted():
                self.progress = Progress(event.purpose, event.phase, event.place, event.files)
            case e.ApplyFinished():
                self._applied()
            case e.Executed():
                self.progress = None
                self._result(f"Phase {event.phase} is on branch {event.branch}", (event.phase,))
            case e.Merged():
                self._applied()
                target = event.target.removeprefix("refs/heads/")
                self._result(f"Merged into {target} as {event.commit[:10]}", ())
            case e.RolledBack():
                self._taken_back(wording.rolled_back(event), event)
            case e.Recovered():
                others = [x for x in self.recovered if x.transaction != event.transaction]
                news = event.direction == "held" or not self.replaying
                self.recovered = [*others, event] if news else others
            case e.Undone():
                self._taken_back(wording.undone(event), event)
            case _:
                pass

    def _time(self, at: str) -> str:
        if at[:19] != self._second[0]:  # thousands of records share a second
            try:
                moment = datetime.fromisoformat(at).astimezone()
            except ValueError:  # of a damaged line
                return ""
            self.last = moment.timestamp()
            self._second = at[:19], f"{moment:%H:%M:%S}"
        return self._second[1]

    def _applied(self) -> None:
        if self.progress and self.progress.purpose != "execute":
            self.moved, self.moved_title = [*self.progress.rows.values()], self.progress.title
        self.progress = None

    def _went_back(self, rows: list[NoteRow], left: tuple[e.Left, ...]) -> None:
        """Keep showing which files an interrupted write had touched, and that they are back."""
        if self.progress and self.progress.returning:
            self._applied()
            self.result = [*rows, *_left_alone(left)]
        self.progress = None

    def _result(self, text: str, phases: tuple[int, ...]) -> None:
        self.result = [NoteRow("good", text)]
        self.result_phases = phases

    def _taken_back(self, text: str, event: e.RolledBack | e.Undone) -> None:
        if self.progress:
            self._applied()
        what = text.partition(": ")[0]
        counts = f"{event.restored} restored, {event.deleted} deleted"
        counts += f", {len(event.left)} left alone" if event.left else ""
        tone: Tone = "warn" if event.left else "good"
        self.result, self.result_text = [NoteRow(tone, what), NoteRow(tone, counts)], text
        if isinstance(event, e.RolledBack):
            self.result += [NoteRow("good", path, "only our part") for path in event.taken_out]
        self.result += _left_alone(event.left)
        self.result_phases = event.phases

    # --- streams ------------------------------------------------------------------------------

    def hear(self, record: Json, *, phase: int) -> None:
        """Fold one record of an agent's stream in."""
        time = self._time(record["at"]) if "at" in record else ""
        try:
            event = a.decode(record)
        except DecodeError:
            return
        if event is not None:
            self.doing.hear(event, self.last)
        if isinstance(event, a.MessageChunk | a.ThoughtChunk):
            level: Level = "info" if isinstance(event, a.MessageChunk) else "debug"
            self._speech.chunk(phase, time, level, event.text)
            return
        if isinstance(event, a.TerminalOutput):
            self._speech.chunk(phase, time, "debug", event.text)
            return
        self._speech.finish(phase, time)
        if isinstance(event, a.TurnReset):
            self._speech.withdraw()
        elif isinstance(event, a.ToolCall) and event.status in {"completed", "failed"}:
            self._speech.end_turn()
        if isinstance(event, a.ToolCall) and event.path and event.kind in {"edit", "move"}:
            self.live.pop(event.path, None)
            self.live[event.path] = None
        if event is not None and (line := wording.agent_line(event)):
            path = getattr(event, "path", "")
            self._new.append(LogEntry(time, line[0], phase, line[1], line[2], path))

    def check(self, record: Json) -> None:
        """Fold one word of a check under way in."""
        if self.underway is None:
            return
        self._time(str(record.get("at", "")))
        self.underway.hear(record, self.last)
        if said := self.underway.doing:
            self.doing = Doing(f"checking: {said}")

    def move(self, record: Json) -> None:
        """Fold one path of a running transaction in."""
        progress = self.progress
        if progress is None:
            return
        if record.get("type") == "path.verified":
            _verify(progress, record)
            return
        if record.get("type") != "path.moved":
            return
        path, effect = str(record.get("path", "")), str(record.get("effect", "replace"))
        progress.total = int(record.get("total", progress.total))
        if effect == "return":
            progress.done = progress.done + 1 if progress.returning else 1
            progress.returning = True
            row = NoteRow("busy", path, "going back")
        elif record.get("left"):
            row = NoteRow("warn", path, "left alone")
        else:
            word = _MOVED.get(progress.purpose, _MOVED["execute"]).get(effect, effect)
            row = NoteRow("busy", path, word)
        if effect != "return":
            progress.done = int(record.get("done", progress.done + 1))
        progress.rows[path] = row
        time = self._time(record["at"]) if "at" in record else ""
        level: Level = "warning" if record.get("left") else "debug"
        text = f"{row.word} {path}"
        self._new.append(LogEntry(time, level, progress.phase, text, path=path))

    # --- the workspace ------------------------------------------------------------------------

    def touched(self, paths: Iterable[str | bytes], *, phase: int) -> None:
        """Note paths that were just written in the workspace; the last one comes last."""
        for raw in sorted(path if isinstance(path, str) else path_text(path) for path in paths):
            if raw not in self.live:
                self.say("debug", f"on disk: {raw}", phase=phase)
            self.live.pop(raw, None)
            self.live[raw] = None


def _verify(progress: Progress, record: Json) -> None:
    """Fold one path of the fresh comparison in: only it makes a row good."""
    path, wanted = str(record.get("path", "")), record.get("wanted")
    progress.returning = wanted == "before"
    progress.compared += 1
    progress.verified = int(record.get("done", progress.verified))
    progress.total = int(record.get("total", progress.total))
    row = progress.rows.get(path)
    if record.get("found") != wanted:
        progress.rows[path] = NoteRow("warn", path, "left alone", "changed since")
    elif progress.returning:
        progress.rows[path] = NoteRow("good", path, "as before")
    elif row is not None:
        progress.rows[path] = NoteRow("good", path, row.word)


def _about(event: e.Event) -> tuple[str, str]:
    """Return the file and the hunk an event is about, where it is about one."""
    match event:
        case e.Decided(decisions=(one, *_)):
            return one.path, one.hunk
        case e.FileDecided():
            return event.decision.path, ""
        case e.DecisionCleared() | e.EditRequested() | e.Edited():
            return event.path, ""
    return "", ""


def _left_alone(left: Iterable[e.Left]) -> list[NoteRow]:
    return [NoteRow("warn", item.path, "left alone", item.reason) for item in left]
