"""Claude as an agent: one conversation a phase, one prompt an action, tools in the workspace.

A kill costs nothing that was answered: the records of the action under way are carried out once
more on the workspace as it was when the action began, and the conversation goes on after them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace

from clubos_tui.agents.base import (
    AgentEvent,
    Notice,
    Request,
    TerminalOutput,
    ToolCall,
    ToolStatus,
    TurnEnded,
    Workspace,
)
from clubos_tui.agents.claude.api import Api, Place, Source
from clubos_tui.agents.claude.asking import Asking, Stopped, Timing
from clubos_tui.agents.claude.conversation import Conversation, result, words
from clubos_tui.agents.claude.mailbox import Cancelled, Mailbox
from clubos_tui.agents.claude.money import Prices, prices_path, read_prices
from clubos_tui.agents.claude.prompts import GO_ON
from clubos_tui.agents.claude.purse import Purse
from clubos_tui.agents.claude.recording import Record, Recording
from clubos_tui.agents.claude.settings import choose, read_own, settings_path
from clubos_tui.agents.claude.turn import Turn
from clubos_tui.agents.task import task
from clubos_tui.agents.tools.printed import Printed
from clubos_tui.agents.tools.specs import Finish
from clubos_tui.agents.tools.toolbox import Done, Toolbox
from clubos_tui.codec import Json
from clubos_tui.errors import AgentFailed
from clubos_tui.spending import ModelTurn
from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.probe import probe

__all__ = ["ClaudeAgent"]

_BEAT = 0.1  # seconds between two looks at what a command prints
_ENDING = 5.0  # seconds that a command may take to be ended
_MISREAD = 3  # calls in a row that made no sense
_SUMMARY = 2_000  # characters
_LOST = "its result was not kept; look at the files"


class ClaudeAgent:
    """Asks a model, carries out what it calls, and says what happens."""

    def __init__(self, source: Source | None = None, *, timing: Timing | None = None) -> None:
        self._source: Source = source or Api()
        self._timing = timing or Timing()
        self._mail: Mailbox[Json | BaseException | None] = Mailbox()
        self._work: asyncio.Future[Done] | None = None
        self._purse = Purse((), Prices("", {}), "")
        self._asking: Asking | None = None
        self._misread = 0
        self._prompting = False
        self._printed = Printed()

    async def start(self, workspace: Workspace) -> None:
        """Find key, settings and prices, and what was answered before; nothing is sent."""
        self._workspace = workspace
        self._settings = choose(
            workspace.plan, workspace.phase, workspace.model, read_own(settings_path())
        )
        self._prices = read_prices(prices_path())
        self._recording = Recording(workspace.recording)
        holds = await asyncio.to_thread(probe)
        box = Box(workspace.folder) if holds.ok else None
        self._toolbox = Toolbox(
            workspace.folder, workspace.withheld, box=box, untracked=workspace.untracked
        )
        self._toolbox.listen(self._printed.add)
        await self._source.open(self._settings)
        past = await asyncio.to_thread(_past, self._recording, workspace, self._settings.model)
        self._settings = replace(self._settings, model=past.model)
        self._notices, self._untold = past.notices, past.untold
        self._talk, turns = Conversation.of(
            [*past.earlier, *past.records], commands=box is not None
        )
        own = list(zip(past.records, turns[len(past.earlier) :], strict=True))
        self._told = bool(own)
        self._begun = past.records[-1].action if own else ""
        # The answers of the action that was under way, and those of the ones before it.
        self._kept = [turn for record, turn in own if record.action == self._begun]
        self._before = [turn for record, turn in own if record.action != self._begun]
        self._last = turns[-1] if turns else None
        self._asking = Asking(
            self._source, self._settings, self._prices, self._recording, self._mail,
            timing=self._timing, requests=workspace.requests, answers=len(past.records),
        )  # fmt: skip

    async def cancel(self) -> None:
        """End the prompt under way, whatever it waits for."""
        if self._prompting:
            self._toolbox.stop()
            self._mail.cancel()

    async def aclose(self) -> None:
        """Close the connection."""
        self._mail.cancel()
        if self._work is not None:  # nothing may write any more when this comes back
            await asyncio.wait({self._work}, timeout=_ENDING)
        await self._source.aclose()

    async def prompt(self, request: Request) -> AsyncGenerator[AgentEvent, None]:
        """Carry out an action; what is cancelled or fails leaves no half of an answer."""
        assert self._asking, "BUG: prompt before start"
        limits = () if self._source.free else request.limits
        self._purse = Purse(limits, self._prices, self._settings.model)
        done: list[str] = []
        self._asking.begin()
        self._prompting = True
        try:
            async with contextlib.aclosing(self._carry_out(request, done)) as events:
                async for event in events:
                    yield event
        except Cancelled:
            if self._work is not None:  # a write is soon done; a search is not waited for
                await asyncio.wait({self._work}, timeout=0.08)
            for event in self._asking.withdrawn("cancelled", self._purse):
                yield event
            yield TurnEnded("cancelled")
        except Stopped as stopped:
            yield TurnEnded(stopped.reason, error=stopped.message, cure=stopped.cure)
        else:
            yield TurnEnded("end_turn", done[0])
        finally:
            self._prompting = False
            self._mail.rearm()

    # --- the loop -------------------------------------------------------------------------------

    async def _carry_out(
        self, request: Request, done: list[str]
    ) -> AsyncGenerator[AgentEvent, None]:
        """Go on until the action is done; its summary is then in `done`."""
        assert self._asking, "BUG: prompt before start"
        talk, workspace = self._talk, self._workspace
        for notice in self._notices:
            yield Notice(notice, "warning")
        for taken in self._untold:
            yield self._asking.adopt(taken, self._purse)
        self._notices, self._untold = (), ()
        before, self._before = self._before, []
        for call in (call for turn in before for call in turn.calls):
            await asyncio.to_thread(self._toolbox.know, call.name, call.raw)
        if request.action == self._begun and self._kept:
            kept, self._kept = self._kept, []
            said = "answer is" if len(kept) == 1 else "answers are"
            yield Notice(f"Going on: {len(kept)} {said} kept and not asked for again")
            for turn in kept:
                talk.pending = []
                async for _ in self._follow(turn, done, again=True):
                    pass
        else:
            if self._last is not None:
                talk.pending = [*_closed(self._last, talk.pending), *talk.pending]
            talk.pending.append(words(task(workspace, request, reviewed=self._told)))
            self._told = True
        place = Place(workspace.phase, workspace.attempt, request.action, 0, 0)
        while not done:
            answers: list[Turn] = []
            asked = self._asking.ask(talk, place, self._purse, answers)
            async with contextlib.aclosing(asked) as events:
                async for event in events:
                    yield event
            self._last = answers[0]
            async for event in self._follow(answers[0], done):
                yield event

    async def _follow(
        self, turn: Turn, done: list[str], *, again: bool = False
    ) -> AsyncGenerator[AgentEvent, None]:
        """Do what an answer says, and put what comes of it before the next request."""
        pending = self._talk.pending
        if turn.stop_reason == "max_tokens":
            pending.append(words(GO_ON))
        elif turn.stop_reason == "tool_use":
            finish: Finish | None = None
            failed = False
            for call in sorted(turn.calls, key=lambda call: call.name == "finish"):
                self._work = asyncio.ensure_future(
                    asyncio.to_thread(self._toolbox.carry_out, call.name, call.raw)
                )
                while not await self._mail.waited(self._work, _BEAT):
                    if text := self._printed.take():
                        yield TerminalOutput(text)
                came = self._work.result()
                if text := self._printed.take(end=True):
                    yield TerminalOutput(text)
                self._misread = self._misread + 1 if came.misread else 0
                if came.finish and failed:
                    came = came.refused("another call of this answer failed: look at it first")
                finish = came.finish or finish
                failed = failed or came.result.failed
                status: ToolStatus = "failed" if came.result.failed else "completed"
                detail = came.result.text if came.result.failed else came.outcome
                yield ToolCall(call.id, came.title, came.kind, status, came.path, detail)
                pending.append(result(call.id, came.result.text, failed=came.result.failed))
            if finish:
                for event in _notes(finish):
                    yield event
                done.append(_summary(finish))
            elif self._misread >= _MISREAD and not again:
                self._misread = 0
                raise Stopped(
                    "held",
                    f"{_MISREAD} tool calls in a row could not be read",
                    "Go on to let the model try again, or propose the phase anew.",
                )
        elif turn.stop_reason != "pause_turn":
            pending += [
                result(name, "not carried out: the answer had ended", failed=True)
                for name in turn.unanswered
            ]
            done.append(turn.text.strip()[:_SUMMARY])


@dataclass(frozen=True, slots=True)
class _Past:
    """What was said before this agent began."""

    earlier: list[Record]  # in the attempts that this one revises
    records: list[Record]  # in this one
    untold: tuple[ModelTurn, ...]  # those of them that the journal has not been told of
    model: str
    notices: tuple[str, ...]


def _past(recording: Recording, workspace: Workspace, model: str) -> _Past:
    """Return what to go on from; raises ``AgentFailed`` where that is not as it was.

    Thoughts are bound to the model that had them. So an attempt goes on with the model that it
    began with, and a revision that is to be made by another one begins anew.
    """
    records = recording.find(workspace.turns)
    if len(records) != len(workspace.turns):
        raise AgentFailed(
            f"{recording.path} does not hold what the journal says was answered",
            untouched="Nothing was sent.",
            cure=f"Propose phase {workspace.phase} again: that begins a new conversation.",
        )
    untold = recording.after(workspace.phase, workspace.attempt, workspace.requests)
    records += [record for _, record in untold]
    taken = tuple(replace(record.turn, record_sha256=name) for name, record in untold)
    notices = []
    if records and records[0].turn.model != model:
        notices.append(f"This attempt goes on with {records[0].turn.model}, as it began")
        model = records[0].turn.model
    earlier = recording.find(workspace.earlier)
    whole = len(earlier) == len(workspace.earlier)
    if not whole or any(record.turn.model != model for record in earlier):
        notices.append("It begins anew: what was said before is gone, or was with another model")
        earlier = []
    return _Past(earlier, records, taken, model, tuple(notices))


def _closed(turn: Turn, pending: list[Json]) -> list[Json]:
    """Return results for the calls that have none: a kill or a cancel came between."""
    answered = {block.get("tool_use_id") for block in pending}
    names = [*(call.id for call in turn.calls), *turn.unanswered]
    return [result(name, _LOST, failed=True) for name in names if name not in answered]


def _summary(finish: Finish) -> str:
    lines = [finish.summary.strip()]
    lines += [f"Look at: {note}" for note in finish.notes_for_reviewer]
    lines += [f"Open: {question}" for question in finish.open_questions]
    return "\n".join(lines)[:_SUMMARY]


def _notes(finish: Finish) -> Iterator[AgentEvent]:
    for note in finish.notes_for_reviewer:
        yield Notice(f"for the reviewer: {note}")
    for question in finish.open_questions:
        yield Notice(f"open question: {question}", "warning")
