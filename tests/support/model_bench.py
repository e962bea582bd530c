"""An agent in a workspace, and a server in the place of the model."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from clubos_tui.agents import base as a
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.agents.claude.asking import Timing
from clubos_tui.plan import Action, Model, Phase, Plan
from clubos_tui.workspace.untracked import AskUntracked
from support.model_server import ModelServer
from support.scripted_model import Answer, ScriptedModel

PLAN = Plan(
    "Test",
    "A plan to test with.",
    agent="claude",
    protected=("never/",),
    phase=(
        Phase("First", "The first phase.", action=(Action("one", "One"), Action("two", "Two"))),
    ),
)
QUICK = Timing(silence=0.3, beat=0.01, chance=lambda: 0.0)


class Bench:
    """An agent in a workspace, and a server in the place of the model."""

    def __init__(self, server: ModelServer, folder: Path) -> None:
        self.server = server
        self.folder = folder / "workspace"
        self.folder.mkdir(exist_ok=True)
        self.recording = str(folder / "run" / "recording.jsonl")
        self.agents: list[ClaudeAgent] = []
        self.turns: list[a.TurnTaken] = []
        self.attempt = 1
        self.earlier: tuple[str, ...] = ()
        self.untracked: AskUntracked = nullcontext

    def script(self, **answers: list[Answer]) -> ScriptedModel:
        """Let the model answer by a script."""
        self.server.answer = model = ScriptedModel(answers)
        return model

    async def agent(self, timing: Timing = QUICK, **settings: Any) -> ClaudeAgent:
        """Start an agent; it goes on from what this bench has seen recorded."""
        made = ClaudeAgent(timing=timing)
        self.agents.append(made)
        taken = [event.turn for event in self.turns]
        await made.start(
            a.Workspace(
                str(self.folder), PLAN, 1, self.attempt,
                model=Model(base_url=self.server.url, **settings), recording=self.recording,
                turns=tuple(t.record_sha256 for t in taken if t.outcome == "answered"),
                earlier=self.earlier, requests=len(taken), untracked=self.untracked,
            )
        )  # fmt: skip
        return made

    async def ask(self, agent: ClaudeAgent, action: str = "one", **more: Any) -> list[a.AgentEvent]:
        """Give a prompt and return all that came."""
        out = []
        async for event in agent.prompt(a.Request(action, f"Do {action}.", **more)):
            if isinstance(event, a.TurnTaken):
                self.turns.append(event)
            out.append(event)
        return out

    async def close(self) -> None:
        """End what was started."""
        for agent in self.agents:
            await agent.aclose()


def ended(events: list[a.AgentEvent]) -> a.TurnEnded:
    """Return the end of the turn, which comes once and last."""
    assert [e for e in events if isinstance(e, a.TurnEnded)] == [events[-1]]
    assert isinstance(events[-1], a.TurnEnded)
    return events[-1]


def of(events: list[a.AgentEvent], kind: type[Any]) -> list[Any]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]
