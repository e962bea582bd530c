"""A recording in the place of the API: the same answers, in the same order, for nothing.

What the model called is carried out anew, so a replay makes the same changes; what failed then
fails again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

from clubos_tui.agents.claude.api import Answer, Place
from clubos_tui.agents.claude.recording import Record, read_records
from clubos_tui.agents.claude.settings import Settings
from clubos_tui.agents.claude.turn import StreamFault
from clubos_tui.codec import Json
from clubos_tui.errors import AgentFailed

__all__ = ["Tape"]

_PIECE = 48  # characters that are shown at once
_PAUSE = 0.004  # seconds between two


class Tape:
    """A file that a run has recorded."""

    free = True

    def __init__(self, file: str) -> None:
        self._file = file
        # By phase and attempt: for each answer what failed before it, and then the answer.
        self._answers: dict[tuple[int, int], list[list[Record]]] = {}

    async def open(self, settings: Settings) -> None:  # noqa: ARG002
        """Read the file."""
        try:
            records = await asyncio.to_thread(read_records, self._file)
        except OSError as error:
            raise AgentFailed(
                f"the recording {self._file} can't be read: {error.strerror}",
                untouched="Nothing was written.",
                cure="Name a file that `clubos recording` wrote.",
            ) from error
        if not records:
            raise AgentFailed(
                f"{self._file} holds no recording",
                untouched="Nothing was written.",
                cure="Name a file that `clubos recording` wrote.",
            )
        for item in records:
            answers = self._answers.setdefault((item.phase, item.attempt), [[]])
            answers[-1].append(item)
            if item.turn.outcome == "answered":
                answers.append([])

    async def ask(self, body: Json, place: Place, answer: Answer) -> AsyncGenerator[Json, None]:  # noqa: ARG002
        """Yield the events of the request that was made at the same place then."""
        attempts = [attempt for phase, attempt in self._answers if phase == place.phase]
        attempt = min(place.attempt, max(attempts, default=0))
        answers = self._answers.get((place.phase, attempt), [])
        tries = answers[place.answers] if place.answers < len(answers) else []
        record = tries[min(place.failures, len(tries) - 1)] if tries else None
        if record is None or record.action != place.action:
            raise StreamFault(
                "end_of_recording",
                f"the recording holds no request {place.answers + 1} for {place.action}, "
                f"attempt {place.attempt}",
            )
        for event in record.events:
            for piece in _pieces(event):
                yield piece
                await asyncio.sleep(_PAUSE)
        if record.kind:
            raise StreamFault(record.kind, record.turn.error)

    async def models(self) -> list[str]:
        """Return none."""
        return []

    async def aclose(self) -> None:
        """Hold nothing."""
        self._answers = {}


def _pieces(event: Json) -> Iterator[Json]:
    """Yield long words piece by piece, as they had come."""
    delta = event.get("delta") or {}
    for name in ("text", "thinking"):
        words = delta.get(name)
        if isinstance(words, str) and len(words) > _PIECE:
            for at in range(0, len(words), _PIECE):
                yield {**event, "delta": {**delta, name: words[at : at + _PIECE]}}
            return
    yield event
