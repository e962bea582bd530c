"""How a fault is seeded in what the built-in plan builds, and which line must be named for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from support import built_in

__all__ = ["Edit", "Of", "Seeded"]

SRC, UI, AI, ENV = "clubos/src/", "clubos/ui/src/", "clubos/ai/", "clubos/config/env/"
ROUTES, API = f"{SRC}routes/", f"{UI}api/client.ts"
CONFIG, TEMPLATE = f"{SRC}config/env.ts", "clubos/.env.example"
SEEDS, ENUM = (
    "clubos/database/seeds/club.sql",
    "clubos/database/migrations/0004_conversations.up.sql",
)
# Of parts, so that no scanner takes the seeded fault for a real one.
KEY = "AKIA" + "SEEDED" + "0123456789"


@dataclass(frozen=True)
class Edit:
    """A text in place of another one; without the other one it is added at the end."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Seeded:
    """What is done to a phase's tree, and what a check of it must say of which line."""

    phase: int
    check: str
    edits: tuple[Edit, ...]
    says: str
    at: tuple[str, str] | None = None
    """The file and a text in the line that is named; default: the first edit and its new text."""
    line: int = 0
    """The number of the line, where no text marks it."""

    def texts(self) -> dict[str, str]:
        """Return the files as they are with the fault."""
        texts: dict[str, str] = {}
        for edit in self.edits:
            try:
                text = texts.get(edit.path) or built_in.text(self.phase, edit.path)
            except KeyError:
                text = ""
            assert edit.old in text, f"{edit.path} holds no {edit.old!r}"
            new = text.replace(edit.old, edit.new, 1) if edit.old else f"{text}{edit.new}\n"
            texts[edit.path] = new
        return texts

    def place(self) -> str:
        """Return the file and the number of the line that the check must name."""
        first = self.edits[0]
        path, mark = self.at or (first.path, "")
        if self.line:
            return f"{path}:{self.line}"
        text = self.texts().get(path) or built_in.text(self.phase, path)
        assert mark in text, f"{path} holds no {mark!r}"
        place = text.index(mark) if self.at else self._edited(first)
        return f"{path}:{text.count(chr(10), 0, place) + 1}"

    def _edited(self, edit: Edit) -> int:
        before = built_in.text(self.phase, edit.path)
        place = before.index(edit.old) if edit.old else len(before)
        return place + len(edit.new) - len(edit.new.lstrip())


@dataclass
class Of:
    """The faults that one check of a phase must find."""

    phase: int
    check: str
    rows: list[Seeded] = field(default_factory=list)

    def add(self, path, old, new, says, *, at=None, line=0, more=()) -> Of:
        edits = (Edit(path, old, new), *(Edit(*one) for one in more))
        self.rows.append(Seeded(self.phase, self.check, edits, says, at, line))
        return self
