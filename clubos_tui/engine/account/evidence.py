"""The evidence about a tree, a table for each time that it was gathered, and who overrode it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from clubos_tui import events as e
from clubos_tui.engine.account.blocks import Block, Facts, Heading, Quote, Rows, Words
from clubos_tui.engine.account.wording import seconds
from clubos_tui.journal import Record

_HEAD = ("check", "outcome", "needed", "what it says", "cases", "seconds", "tool")


@dataclass(slots=True)
class Evidence:
    """What was gathered and is not told yet."""

    gathered: list[e.CheckFinished] = field(default_factory=list)

    def tell(self, record: Record) -> Iterator[Block]:
        """Yield what an event says of checks, gates and rehearsals."""
        event = record.event
        match event:
            case e.ChecksRequested():
                which = ", ".join(event.checks) or "all checks"
                yield Words(f"{record.at}: {event.by} asked for {which} again.")
            case e.CheckFinished():
                self.gathered.append(event)
            case e.CheckProved():
                how = "finds" if event.caught else "does not find"
                yield Words(
                    f"{record.at}: {event.check} was tried by {event.by} on a seeded fault, which "
                    f"it {how}: {event.detail}"
                )
            case e.Rehearsed():
                said = event.detail
                if event.identical:
                    said = f"undo proven: {event.paths or event.files:,} paths identical"
                yield Words(f"{record.at}: rollback rehearsed: {said}")
            case e.ChecksFinished() if self.gathered:
                gate = "open" if event.open else "shut"
                yield Heading(3, f"Checks of the {event.scope}, tree {event.tree}: gate {gate}")
                yield Rows(_HEAD, tuple(map(_row, self.gathered)))
                yield from _failures(self.gathered)
                self.gathered = []
            case e.Overridden():
                yield Words(
                    f"{record.at}: {event.by} overrode {event.check} of the {event.scope}, tree "
                    f"{event.tree}:"
                )
                yield Quote(event.reason)
            case _:
                pass


def _row(found: e.CheckFinished) -> tuple[str, ...]:
    reused = " (as before)" if found.reused else ""
    needed = "required" if found.required else "if it can run"
    return (
        found.check, found.outcome + reused, needed, found.summary, f"{found.cases:,}",
        seconds(found.milliseconds), found.tool,
    )  # fmt: skip


def _failures(gathered: Sequence[e.CheckFinished]) -> Iterator[Block]:
    for found in gathered:
        if found.outcome != "passed" and found.evidence:
            yield Facts(tuple((found.check, line) for line in found.evidence))
