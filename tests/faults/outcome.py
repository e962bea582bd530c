"""What a campaign of faults found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How many faults were injected, what each left behind, and which cases went wrong."""

    injected: int = 0
    before: int = 0
    after: int = 0
    held: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> Outcome:
        """Count another outcome into this one."""
        self.injected += other.injected
        self.before += other.before
        self.after += other.after
        self.held += other.held
        self.failed += other.failed
        return self
