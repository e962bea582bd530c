"""What happens on a key that decides: on lines, a hunk, a file, a folder, or all that is left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from clubos_tui.changes.decisions import Decision, Verdict
from clubos_tui.changes.manifest import TreeId
from clubos_tui.changes.needs import Missing
from clubos_tui.errors import Refused
from clubos_tui.ui import question
from clubos_tui.ui.question import Question
from clubos_tui.ui.screens.desk import Desk
from clubos_tui.ui.text import safe
from clubos_tui.ui.values import Line, count
from clubos_tui.ui.wording import decided

__all__ = ["Deciding"]


class Deciding:
    """The keys that decide; everything is a draft until it is sealed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.all: dict[str, Callable[[], Awaitable[None]]] = {
            "accept": self.accept,
            "reject": self.reject,
            "accept_file": self.accept_file,
            "reject_file": self.reject_file,
            "rest": self.rest,
            "clear": self.clear,
            "undo_decision": self.undo,
            "note": self.note,
            "edit": self.edit,
            "seal": self.seal,
        }

    async def accept(self) -> None:
        """Accept what is under the cursor and go to the next that is pending."""
        await self._decide(self._desk.reviewing.meant("accept"))

    async def reject(self) -> None:
        """Reject what is under the cursor; a file of the list with an optional note."""
        if self._desk.situation().at == "diff":
            await self._decide(self._desk.reviewing.meant("reject"))
            return
        from clubos_tui.ui.screens.confirm import Note

        change, asked = self._desk.situation().change, self._asked
        assert change
        note = await self._desk.ask(
            Note(
                f"Reject {change.path}",
                [("quiet", "It is left out when the rest is sealed."),
                 ("quiet", "With a note, the agent reads it at its next attempt.")],
                hint="Note (may stay empty)",
                yes="Reject the file",
            ),
            asked,
        )  # fmt: skip
        if note is not None:
            await self._decide([Decision(change.path, "reject", note)], asked=asked)

    async def accept_file(self) -> None:
        """Accept the whole file."""
        await self._whole("accept")

    async def reject_file(self) -> None:
        """Reject the whole file."""
        await self._whole("reject")

    async def _whole(self, verdict: Verdict) -> None:
        change = self._desk.situation().change
        assert change
        await self._decide([Decision(change.path, verdict)])

    async def clear(self) -> None:
        """Put what is under the cursor back to pending."""
        decisions = self._desk.reviewing.meant("pending", "")
        await self._decide(decisions, go_on=False)

    async def note(self) -> None:
        """Write a note on what is under the cursor; the verdict on it stays."""
        from clubos_tui.ui.screens.confirm import Note

        what, verdict, before = self._desk.reviewing.under_cursor()
        said = [("quiet", "The agent reads it at its next attempt, with the place it is about.")]
        if before:
            said.append(("quiet", f"It takes the place of: {before}"))
        asked = self._asked
        dialog = Note(f"Note on {what}", said, hint="Note", yes="Keep")  # type: ignore[arg-type]
        note = await self._desk.ask(dialog, asked)
        if note is not None:
            await self._decide(self._desk.reviewing.meant(verdict, note), go_on=False, asked=asked)

    @property
    def _asked(self) -> Question:
        """What is asked of a person who decides: on this change set, while it is a proposal."""
        view, now = self._desk.bridge.view, self._desk.situation()
        assert view
        return question.proposal(view, now.phase)

    @property
    def _all_asked(self) -> Question:
        """The same, where it rests on every decision there is."""
        view, now = self._desk.bridge.view, self._desk.situation()
        assert view
        return question.draft(view, now.phase)

    async def _decide(
        self,
        decisions: Sequence[Decision],
        *,
        go_on: bool = True,
        asked: Question | None = None,
    ) -> None:
        if not decisions:
            return
        now, by = self._desk.situation(), self._desk.bridge.who
        number, tree = now.phase, self._tree
        await self._desk.bridge.say(lambda run: run.decide(number, tree, decisions, by=by), asked)
        if len(decisions) > 1:
            self._desk.say("info", f"{decided(decisions)}; u takes that back")
        if go_on:
            self._desk.reviewing.go_on_from(decisions)

    @property
    def _tree(self) -> TreeId:
        view, now = self._desk.bridge.view, self._desk.situation()
        assert view
        return TreeId(now.shown or view.phase(now.phase).change_set)

    async def undo(self) -> None:
        """Take the last gesture back."""
        number, by = self._desk.situation().phase, self._desk.bridge.who
        await self._desk.bridge.say(lambda run: run.undo_decision(number, by=by), self._all_asked)
        self._desk.say("info", "the last decision was taken back")

    async def rest(self) -> None:
        """Accept or reject a folder of the selected file, or all that is left."""
        from clubos_tui.ui.screens.choose import Choose

        now, view = self._desk.situation(), self._desk.bridge.view
        review = self._desk.reviewing.review
        assert now.change
        assert view
        if review is None:
            return
        asked, draft = self._all_asked, view.phase(now.phase).draft
        choices: list[tuple[str, Sequence[Decision]]] = []
        for folder in (*_folders(now.change.path), ""):
            where = f"in {folder}/" if folder else "everywhere"
            for verdict, word in (("accept", "Accept"), ("reject", "Reject")):
                found = review.undecided(draft, verdict, folder)  # type: ignore[arg-type]
                if found:
                    text = f"{word} all that is left {where}: {_parts(found)}"
                    choices.append((text, found))
        if not choices:
            self._desk.say("info", "nothing is left to decide on")
            return
        dialog = Choose(
            "Decide on more at once",
            [("quiet", "What is decided already stays. u takes it all back at once.")],
            [text for text, _ in choices],
        )
        chosen = await self._desk.ask(dialog, asked)
        if chosen is not None:
            await self._decide(choices[chosen][1], asked=asked)

    async def edit(self) -> None:
        """Let the person edit the proposed file; what they save is proposed under a new id."""
        now, bridge = self._desk.situation(), self._desk.bridge
        assert now.change
        number, path, tree, by = now.phase, now.change.path, self._tree, bridge.who
        data = await bridge.content(number, path)
        if data is None:
            raise Refused(f"{path} has no content to edit", untouched="Nothing was changed.")
        if b"\0" in data[:8000]:
            raise Refused(
                f"{path} is binary", untouched="Nothing was changed.", cure="Reject it instead."
            )
        desk = self._desk
        mine = desk.editing.copy(desk.state_folder(), path, desk.reviewing.line, data)
        if mine is None:
            return
        if mine == data:
            self._desk.say("info", f"{path} is as it was proposed")
            return
        await bridge.say(lambda run: run.edit(number, tree, path, mine, by=by))

    async def seal(self) -> None:
        """Have the tree built of what is not rejected; warn of what will be missing in it."""
        from clubos_tui.ui.screens.confirm import Confirm

        number, by = self._desk.situation().phase, self._desk.bridge.who
        view, review = self._desk.bridge.view, self._desk.reviewing.review
        assert view
        asked = self._all_asked
        lacking = review.missing(view.phase(number).draft) if review else ()
        if lacking:
            lines: list[Line] = [("warn", _lacks(item)) for item in lacking]
            lines.append(("quiet", "What is left is checked again; this looks at names only."))
            title = f"Seal without {count(len(lacking), 'name')} that is used?"
            if not await self._desk.ask(Confirm(title, lines, yes="Seal", opened_by="s"), asked):
                return
        await self._desk.bridge.say(lambda run: run.seal(number, by=by), asked)


def _lacks(item: Missing) -> str:
    where = f"{safe(item.path)}:{item.line}"
    return f"{where} uses {safe(item.name)}; only a rejected part of {safe(item.defined_in)} has it"


def _folders(path: str) -> list[str]:
    """Return the folders a path lies in, the nearest first."""
    out = []
    folder = path.rpartition("/")[0]
    while folder:
        out.append(folder)
        folder = folder.rpartition("/")[0]
    return out


def _parts(decisions: Sequence[Decision]) -> str:
    files = len({decision.path for decision in decisions})
    hunks = sum(bool(decision.hunk) for decision in decisions)
    return count(files, "file") + (f", {count(hunks, 'hunk')} by themselves" if hunks else "")
