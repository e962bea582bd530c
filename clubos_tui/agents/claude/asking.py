"""Asks for one answer: within the limits, again where that may help, and all of it in sight.

An answer is recorded before anything in it is carried out. One that broke off is withdrawn: its
words go from the screen, and only what it cost is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from clubos_tui.agents.base import (
    AgentEvent,
    LimitReached,
    RetryScheduled,
    StopReason,
    ToolCall,
    TurnReset,
    TurnTaken,
    Usage,
)
from clubos_tui.agents.claude.api import Answer, Place, Source
from clubos_tui.agents.claude.conversation import Conversation
from clubos_tui.agents.claude.failures import Failure, delay, failure_of
from clubos_tui.agents.claude.mailbox import Cancelled, Mailbox, Silence
from clubos_tui.agents.claude.money import Prices, Tokens, prices_path
from clubos_tui.agents.claude.purse import Purse
from clubos_tui.agents.claude.recording import Record, Recording
from clubos_tui.agents.claude.settings import Settings
from clubos_tui.agents.claude.turn import StreamFault, Turn
from clubos_tui.agents.tools.toolbox import call_title
from clubos_tui.codec import Json, canonical
from clubos_tui.spending import UNKNOWN, Limit, ModelTurn

__all__ = ["HIGHEST", "Asking", "Stopped", "Timing"]

HIGHEST: Final = 128_000
"""Tokens; no model answers with more."""
_PER_TOKEN = 4  # characters, for what the API has not counted yet
_USABLE = frozenset({"tool_use", "end_turn", "stop_sequence", "pause_turn"})


class Stopped(Exception):
    """The prompt can't go on; what was recorded is kept."""

    def __init__(self, reason: StopReason, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.reason, self.message, self.cure = reason, message, cure


@dataclass(frozen=True, slots=True)
class Timing:
    """How long is too long, in seconds."""

    silence: float = 90.0
    """Without an event that is more than a sign of life."""
    beat: float = 1.0
    """Between two signs of life to the person."""
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class _Under:
    """The request under way."""

    turn: Turn
    answer: Answer
    number: int
    prompt_sha256: str
    began: float


class Asking:
    """The requests of one prompt."""

    def __init__(
        self,
        source: Source,
        settings: Settings,
        prices: Prices,
        recording: Recording,
        mail: Mailbox[Json | BaseException | None],
        *,
        timing: Timing,
        requests: int,
        answers: int,
    ) -> None:
        self._source, self._settings, self._prices = source, settings, prices
        self._recording, self._mail, self._timing = recording, mail, timing
        self.requests, self.answers = requests, answers
        self._most = settings.max_tokens
        self._under: _Under | None = None
        self._tokens, self._microcents = Tokens(), 0

    def begin(self) -> None:
        """Count anew: another prompt has begun."""
        self._tokens, self._microcents = Tokens(), 0
        self._most = self._settings.max_tokens

    async def ask(
        self, talk: Conversation, place: Place, purse: Purse, answers: list[Turn]
    ) -> AsyncGenerator[AgentEvent, None]:
        """Ask until there is a whole answer, which is recorded and put at the end of `answers`.

        Raises:
            Stopped: There is none, and a person has to say how to go on.
            Cancelled: Somebody wanted it ended.
        """
        tries = failed = 0
        while True:
            allowed = purse.allows(talk.estimate(), self._most)
            if not isinstance(allowed, int):
                yield LimitReached(allowed)
                raise self._no_room(allowed)
            self.requests += 1
            asked = replace(place, answers=self.answers, failures=tries)
            failure: Failure | None = None
            try:
                request = self._request(talk.body(self._settings, allowed), asked)
                async with contextlib.aclosing(request) as events:
                    async for event in events:
                        yield event
            except Cancelled:
                raise
            except Exception as error:
                failure = failure_of(error)
                if failure is None:
                    raise
            assert self._under, "BUG: a request that was never made"
            turn = self._under.turn
            why = str(failure) if failure else _unusable(turn)
            if not why:
                taken = await self._keep(talk, asked, purse)
                yield TurnTaken(taken)
                if taken.outcome == "withdrawn":
                    yield TurnReset(taken.error)
                    raise Stopped("held", taken.error, "Free some space or mend the disk; go on.")
                self.answers += 1
                talk.took(turn)
                answers.append(turn)
                yield self._usage()
                return
            tries += 1
            for event in self._withdraw(why, purse, asked, failure.kind if failure else ""):
                yield event
            yield self._usage()
            if failure is None:
                self._allow_longer(turn, allowed)
                continue
            failed += 1
            wait = delay(failure, failed, chance=self._timing.chance)
            if wait is None:
                raise Stopped("held", why, await self._cure(failure, failed))
            yield RetryScheduled(why, failed + 1, round(wait * 1000))
            await self._mail.sleep(wait)

    def withdrawn(self, why: str, purse: Purse) -> Iterator[AgentEvent]:
        """Yield what takes back a request that is still under way."""
        if self._under is not None:
            yield from self._withdraw(why, purse)

    def adopt(self, taken: ModelTurn, purse: Purse) -> AgentEvent:
        """Return the event of an answer that was recorded, and nobody was told of."""
        self.requests = max(self.requests, taken.number)
        self._tokens += Tokens(taken.input_tokens, taken.output_tokens, taken.cache_read_tokens,
                               taken.cache_write_tokens)  # fmt: skip
        self._count(taken)
        purse.pay(taken)
        return TurnTaken(taken)

    # --- one request ----------------------------------------------------------------------------

    async def _request(self, body: Json, place: Place) -> AsyncGenerator[AgentEvent, None]:
        sha256 = hashlib.sha256(canonical(body)).hexdigest()
        turn, answer = Turn(), Answer()
        self._under = _Under(turn, answer, self.requests, sha256, time.monotonic())
        self._mail.clear()
        reading = asyncio.ensure_future(self._read(body, place, answer))
        shown = time.monotonic()
        try:
            while not turn.complete:
                for event in turn.feed(await self._next()):
                    yield event
                now = time.monotonic()
                if now - shown >= self._timing.beat:
                    shown = now
                    if writing := turn.writing:
                        name, tool, size = writing
                        so_far = f"{size:,} characters so far"
                        yield ToolCall(name, tool, "other", "in_progress", detail=so_far)
                    yield self._usage()
            if turn.stop_reason == "tool_use" and not turn.calls:
                raise StreamFault("malformed_stream", "it waits for tools and calls none")
        finally:
            reading.cancel()
            await asyncio.wait({reading}, timeout=0.05)

    async def _read(self, body: Json, place: Place, answer: Answer) -> None:
        """Bring the events of the stream; ``None`` is its end, an exception what broke it."""
        try:
            events = self._source.ask(body, place, answer)
            async with contextlib.aclosing(events):
                async for event in events:
                    await self._mail.put(event)
            await self._mail.put(None)
        except Exception as error:
            await self._mail.put(error)

    async def _next(self) -> Json:
        seconds = self._timing.silence
        try:
            thing = await self._mail.get(seconds)
        except Silence:
            raise StreamFault("connection", f"nothing came for {seconds:.0f} s") from None
        if isinstance(thing, BaseException):
            raise thing
        if thing is None:
            raise StreamFault("malformed_stream", "the answer ended before it was whole")
        return thing

    # --- what comes of it -----------------------------------------------------------------------

    async def _keep(self, talk: Conversation, place: Place, purse: Purse) -> ModelTurn:
        """Record the answer, and only then let anyone know of it; what can't be kept is lost."""
        under, self._under = self._under, None
        assert under, "BUG: kept an answer that nobody asked for"
        taken = self._taken(under, "answered", purse)
        record = _record(under, place, taken, tuple(talk.pending))
        try:
            sha256 = await asyncio.to_thread(self._recording.add, record)
        except OSError as error:
            why = f"the answer could not be kept: {error.strerror or error}"
            return replace(taken, outcome="withdrawn", error=why)
        return replace(taken, record_sha256=sha256)

    def _withdraw(
        self, why: str, purse: Purse, place: Place | None = None, kind: str = ""
    ) -> Iterator[AgentEvent]:
        """Take a request back; what a replay would make of it is recorded, if it can be."""
        under, self._under = self._under, None
        assert under, "BUG: withdrew what nobody asked for"
        taken = self._taken(under, "withdrawn", purse, why)
        if place is not None:
            with contextlib.suppress(OSError):
                self._recording.add(_record(under, place, taken, (), kind))
        yield TurnTaken(taken)
        if under.turn.received:
            yield TurnReset(why)

    def _taken(
        self, under: _Under, outcome: Literal["answered", "withdrawn"], purse: Purse, why: str = ""
    ) -> ModelTurn:
        turn, tokens = under.turn, self._used(under.turn)
        taken = ModelTurn(
            under.number,
            outcome,
            self._settings.model,
            under.prompt_sha256,
            turn.model,
            "",
            turn.stop_reason or "",
            tokens.input,
            tokens.cache_read,
            tokens.cache_write + tokens.cache_write_long,
            tokens.output,
            self._cost(turn, tokens),
            estimated=turn.stop_reason is None and tokens != Tokens(),
            tools=tuple(call_title(call.name, call.raw) for call in turn.calls),
            request_id=under.answer.request_id,
            error=why,
            milliseconds=round((time.monotonic() - under.began) * 1000),
        )
        self._tokens += tokens
        self._count(taken)
        if not self._source.free:
            purse.pay(taken)
        return taken

    def _count(self, taken: ModelTurn) -> None:
        lost = UNKNOWN in {taken.microcents, self._microcents} and taken.tokens > 0
        self._microcents = UNKNOWN if lost else self._microcents + max(0, taken.microcents)

    def _used(self, turn: Turn) -> Tokens:
        """Return the tokens of an answer, estimated as long as the API has not said."""
        found = turn.tokens
        if turn.stop_reason is not None:
            return found
        output = max(found.output, -(-turn.received // _PER_TOKEN))
        return Tokens(
            found.input, output, found.cache_read, found.cache_write, found.cache_write_long
        )

    def _cost(self, turn: Turn, tokens: Tokens) -> int:
        if self._source.free or tokens == Tokens():
            return 0
        asked = self._prices.cost(self._settings.model, tokens)
        return asked if asked != UNKNOWN else self._prices.cost(turn.model, tokens)

    def _usage(self) -> Usage:
        tokens, microcents, estimated = self._tokens, self._microcents, False
        if self._under is not None:
            now = self._used(self._under.turn)
            cost = self._cost(self._under.turn, now)
            tokens, estimated = tokens + now, True
            microcents = UNKNOWN if UNKNOWN in {cost, microcents} else microcents + cost
        return Usage(tokens.prompt, tokens.output, microcents, estimated)

    # --- going on -------------------------------------------------------------------------------

    def _no_room(self, limit: Limit) -> Stopped:
        if limit.unit == "cents" and self._settings.model not in self._prices.models:
            return Stopped(
                "held",
                f"{self._settings.model} has no price here, so {limit} can't be kept",
                f"Add its price to {prices_path()}, or take that limit away and set one in tokens.",
            )
        return Stopped(
            "held",
            f"the next request could go beyond {limit}",
            "Raise the limit, then go on; what was answered is kept.",
        )

    def _allow_longer(self, turn: Turn, allowed: int) -> None:
        """Let the next answer be longer where that helps; raise :class:`Stopped` where it can't."""
        if turn.stop_reason != "max_tokens":
            raise _stopped(turn)
        if allowed < self._most:
            raise Stopped(
                "held",
                f"the answer needs more than the {allowed:,} tokens that the limits leave it",
                "Raise the limit, then go on; what was answered is kept.",
            )
        if self._most >= HIGHEST:
            raise Stopped(
                "held",
                f"the answer is longer than {HIGHEST:,} tokens",
                "Split the action into smaller ones.",
            )
        self._most = min(HIGHEST, self._most * 2)

    async def _cure(self, failure: Failure, failed: int) -> str:
        if failure.kind == "not_found_error":
            names = await self._source.models()
            if names:
                return f"This key may ask: {', '.join(names)}. Name one with --model."
        if failure.passing and failed > 1:
            return (
                "It was tried several times. Wait a while, then go on; what was answered is kept."
            )
        if failure.after and failure.passing:
            return f"Wait {failure.after / 60:.0f} minutes, then go on; what was answered is kept."
        return failure.cure


def _record(
    under: _Under, place: Place, taken: ModelTurn, user: tuple[Json, ...], kind: str = ""
) -> Record:
    events = tuple(under.turn.events())
    return Record(place.phase, place.attempt, place.action, taken, user, events, kind)


def _unusable(turn: Turn) -> str:
    """Return why an answer that came whole is none; empty for one that can be used."""
    if turn.stop_reason == "max_tokens":
        return "" if turn.may_go_on else "it was cut off at its length limit"
    return "" if turn.stop_reason in _USABLE else f"it ended with {turn.stop_reason}"


def _stopped(turn: Turn) -> Stopped:
    """Return the end that an answer puts to its prompt."""
    if turn.stop_reason == "refusal":
        details = turn.stop_details or {}
        what = f" ({details['category']})" if details.get("category") else ""
        why = f": {details['explanation']}" if details.get("explanation") else ""
        return Stopped(
            "refusal",
            f"the model refuses{what}{why}",
            "Word the action differently, or choose another model or agent.",
        )
    if turn.stop_reason == "model_context_window_exceeded":
        return Stopped(
            "failed",
            "the conversation has outgrown what the model can hold",
            "Propose the phase again: that begins a new one. Smaller actions need less.",
        )
    return Stopped(
        "failed",
        f"the model stopped for a reason that is not known here: {turn.stop_reason}",
        "Look at the log, then propose the phase again.",
    )
