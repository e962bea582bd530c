"""Give an agent one action's prompt, and put what it says where it belongs.

Chatter goes to the stream; what was asked of a model, and what that came to, to the journal, and
durably so before the agent is asked for its next event.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from clubos_tui.agents import require
from clubos_tui.agents.base import (
    Agent,
    LimitReached,
    Notice,
    PermissionRequest,
    Request,
    TurnEnded,
    TurnTaken,
    Workspace,
)
from clubos_tui.agents.needs import needs_of
from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.effects.context import Context
from clubos_tui.engine.effects.denials import Denials
from clubos_tui.engine.effects.questions import Questions
from clubos_tui.engine.effects.voice import Voice
from clubos_tui.engine.state import PhaseView
from clubos_tui.errors import AgentFailed, ClubosError
from clubos_tui.events import TurnTaken as TurnRecorded
from clubos_tui.spending import Limit
from clubos_tui.streams import StreamWriter

__all__ = ["Ended", "converse"]

EVIDENCE = 5  # lines of a failed check that the agent is told
GRACE = 1.0  # seconds that an agent has to end its turn by itself when it is cancelled


@dataclass(frozen=True, slots=True)
class Ended:
    """How a prompt ended, and what stopped it."""

    turn: TurnEnded
    limit: Limit | None = None
    permission: PermissionRequest | None = None
    """What it would have waited for, with nobody there to answer."""


async def converse(
    context: Context, phase: PhaseView, action_id: str, writer: StreamWriter, refused: Denials
) -> Ended:
    """Carry out an action's prompt; what is cancelled still says how it ended.

    Raises:
        AgentFailed: The agent broke, or did not keep to the protocol.
    """
    flushing = asyncio.ensure_future(_flush_often(writer))
    try:
        agent = await _agent(context, phase)
        listening = asyncio.ensure_future(
            _listen(context, agent, phase, action_id, writer, refused)
        )
        try:
            await asyncio.wait({listening})
        except asyncio.CancelledError:
            with contextlib.suppress(ClubosError):
                await agent.cancel()
            await asyncio.wait({listening}, timeout=GRACE)
            raise
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return listening.result()
    except ClubosError:
        raise
    except Exception as error:  # whatever an agent does, it is the agent's failure
        raise AgentFailed(
            f"the agent broke: {type(error).__name__}: {error}",
            untouched="Nothing outside the workspace was written.",
            cure=f"Look at the log, then propose phase {phase.number} again.",
        ) from error
    finally:
        flushing.cancel()


async def _flush_often(writer: StreamWriter) -> None:
    """Show the last words of an agent that has gone quiet."""
    while True:
        await asyncio.sleep(writer.SECONDS)
        writer.flush()


async def _listen(
    context: Context, agent: Agent, phase: PhaseView, action_id: str, writer: StreamWriter,
    refused: Denials,
) -> Ended:  # fmt: skip
    ended: TurnEnded | None = None
    limit: Limit | None = None
    questions = Questions(context, agent, phase.number, action_id)
    voice = Voice(writer)
    if phase.withheld:
        files = "file is" if len(phase.withheld) == 1 else "files are"
        notice = Notice(f"{len(phase.withheld)} {files} withheld from the agent, as secrets")
        voice.say(notice)
    try:
        async for event in agent.prompt(_request(context, phase, action_id)):
            if ended is not None:
                raise AgentFailed("the agent went on after it had ended its turn")
            if said := refused.hear(event):
                voice.say(said)
            voice.say(event)
            if isinstance(event, TurnTaken):
                writer.flush()  # its words come before what they came to
                context.say(TurnRecorded(phase.number, phase.attempt, action_id, event.turn))
            if isinstance(event, PermissionRequest):
                await questions.put(event)
            if isinstance(event, LimitReached):
                limit = event.limit
            if isinstance(event, TurnEnded):
                ended = event
    finally:
        questions.close()
        voice.finish()
    if ended is None:
        raise AgentFailed(
            "the agent's stream ended without the end of its turn",
            cure=f"Propose phase {phase.number} again.",
        )
    return Ended(ended, limit, questions.unanswered)


def _request(context: Context, phase: PhaseView, action_id: str) -> Request:
    spec = next(item for item in phase.spec.action if item.id == action_id)
    rejection = phase.rejection if phase.seed != phase.base else None
    return Request(
        spec.id,
        spec.prompt or spec.name,
        rejection.reason if rejection else "",
        rejection.notes if rejection else (),
        _failed_checks(context, rejection.change_set if rejection else phase.previous),
        rejection is not None,
        context.view.limits(phase.number),
    )


def _failed_checks(context: Context, tree: TreeId) -> tuple[str, ...]:
    """Return what the checks had against a proposal, with the first lines of the evidence."""
    found = context.view.checks.get(("proposal", tree), {}).values()
    return tuple(
        "; ".join((f"{check.check}: {check.summary}", *check.evidence[:EVIDENCE]))
        for check in found
        if check.required and check.outcome != "passed"
    )


async def _agent(context: Context, phase: PhaseView) -> Agent:
    key = (phase.number, phase.attempt)
    agent = context.agents.get(key)
    if agent is None:
        agent = require(phase.agent, context.session.agents)()
        view = context.view
        workspace = Workspace(
            context.workspace.folder, view.plan, phase.number, phase.attempt, phase.withheld,
            view.started.model, context.session.paths.recording(context.run.id),
            phase.turns, phase.earlier, phase.requests,
            needs_of(phase.agent, view.plan, phase.number),
            context.workspace.untracked,
        )  # fmt: skip
        try:
            await agent.start(workspace)
        except BaseException:
            await agent.aclose()
            raise
        context.agents[key] = agent
    return agent
