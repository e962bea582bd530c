"""What happens on a key that moves the run: ask what must be asked, then say it.

Each method may wait for dialogs; the dashboard runs one at a time. A refusal is raised and shown.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from clubos_tui.ui import question
from clubos_tui.ui.actions import next_action
from clubos_tui.ui.bridge import Bridge
from clubos_tui.ui.question import Question
from clubos_tui.ui.screens.checking import Checking
from clubos_tui.ui.screens.deciding import Deciding
from clubos_tui.ui.screens.desk import Desk
from clubos_tui.ui.values import Line, count

if TYPE_CHECKING:
    from clubos_tui.engine.run import Run
    from clubos_tui.engine.state import RunView

__all__ = ["Requests"]


class Requests:
    """The keys that move the run."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checking = Checking(desk)
        self._shown: dict[str, float] = {}  # change set -> when its diff was first on the screen
        self.all: dict[str, Callable[[], Awaitable[None]]] = {
            "next": self.next,
            "propose": self.propose,
            "resume": self.resume,
            "answer": self.answer,
            "limits": self.limits,
            **Deciding(desk).all,
            **self._checking.all,
            "approve": self.approve,
            "execute": self.execute,
            "merge": self.merge,
            "roll_back": self.roll_back,
            "undo": self.undo,
            "abandon": self.abandon,
            "interrupt": self.interrupt,
        }

    def shown(self, change_set: str) -> None:
        """Note that a change set is on the screen."""
        self._shown.setdefault(change_set, time.monotonic())

    @property
    def _bridge(self) -> Bridge:
        return self._desk.bridge

    @property
    def _view(self) -> RunView:
        view = self._bridge.view
        assert view is not None, "BUG: asked for without a run"
        return view

    async def next(self) -> None:
        """Do what the next step is, through the same confirmations as its own key."""
        action, phase = next_action(self._desk.situation())
        if not action:
            self._desk.say("info", "there is no next step")
            return
        if phase:
            self._desk.select_phase(phase)
        if action == "live":
            self._desk.set_live(True)
            return
        await (self._checking.next() if action == "override" else self.all[action]())

    async def propose(self) -> None:
        """Ask for a dry run; start a run first where none is open."""
        number, by = self._desk.situation().phase, self._bridge.who
        if self._bridge.view is None or self._bridge.view.ending:
            if not await self._may_start():
                return
            await self._bridge.start_run()
            number = 1
            self._desk.select_phase(1)
        if not await self._admitted(number):
            return
        asked = question.proposal(view, number) if (view := self._bridge.view) else None
        await self._bridge.say(lambda run: run.propose(number, by=by), asked)

    async def resume(self) -> None:
        """Go on with a dry run that is held."""
        number, by = self._desk.situation().phase, self._bridge.who
        asked = question.proposal(self._view, number)
        await self._bridge.say(lambda run: run.resume(number, by=by), asked)

    async def _admitted(self, number: int) -> bool:
        """Show what an agent needs of this machine before its first run, and ask."""
        from clubos_tui.agents.needs import needs_of
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.confirm import Confirm

        view, by = self._bridge.view, self._bridge.who
        if view is None:  # the first record of a new run is still to be read
            return True
        agent = view.agent_of(number)
        needs = needs_of(agent, view.plan, number)
        if view.admits(agent, needs):
            return True
        lines = sheets.needs(agent, needs)
        dialog = Confirm("What the agent needs", lines, yes="Give it that", opened_by="d")
        asked = question.admission(view, number, agent, needs)
        if not await self._desk.ask(dialog, asked):
            return False
        await self._bridge.say(lambda run: run.admit(agent, needs, by=by), asked)
        return True

    async def answer(self) -> None:
        """Show what the agent asks for, and take a person's word on it."""
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.permission import Permission

        number, by = self._desk.situation().phase, self._bridge.who
        phase = self._view.phase(number)
        asked = next(iter(phase.permissions.open.values()), None)
        if asked is None:
            return
        stands = question.permission(self._view, number, asked.permission)
        answer = await self._desk.ask(
            Permission("May the agent do this?", sheets.permission(self._view, asked)), stands
        )
        if answer is None:
            return
        held = phase.held

        def answer_and_go_on(run: Run) -> None:
            run.answer(number, asked.permission, allowed=answer.allowed, by=by, alike=answer.alike)
            if held:
                run.resume(number, by=by)

        await self._bridge.say(answer_and_go_on, stands)

    async def limits(self) -> None:
        """Show what was used; set a limit anew, and go on where one had held a dry run."""
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.limits import Limits

        number, by = self._desk.situation().phase, self._bridge.who
        held = self._view.phase(number).held
        asked = question.limits(self._view, number)
        answer = await self._desk.ask(
            Limits(
                f"Limits of phase {number}",
                sheets.limits(self._view, number),
                held.limit if held else None,
            ),
            asked,
        )
        if answer is None:
            return
        scope, unit, most = answer

        def set_and_go_on(run: Run) -> None:
            run.set_limits(scope, number, {unit: most}, by=by)
            if held and held.limit:
                run.resume(number, by=by)

        await self._bridge.say(set_and_go_on, asked)

    async def _may_start(self) -> bool:
        """Ask before a new run takes the place of one that could still be rolled back or undone."""
        from clubos_tui.ui.screens.confirm import Confirm

        view = self._bridge.view
        if view is None:
            return True
        lines: list[Line] = [
            ("warn", f"This run is {view.ending}. A new one takes its place on the screen."),
            ("quiet", "What it did can then be taken back with git only (its branches are kept)."),
        ]
        dialog = Confirm("Start a new run?", lines, yes="New run", opened_by="n")
        return await self._desk.ask(dialog, question.ending(view)) is True

    # --- approval -----------------------------------------------------------------------------

    async def approve(self) -> None:
        """Show everything that a yes binds; record the answer."""
        from clubos_tui.engine.approvers import of_phase
        from clubos_tui.engine.decide import next_for_person
        from clubos_tui.events import Shown
        from clubos_tui.ui import sheets
        from clubos_tui.ui.review import hasty
        from clubos_tui.ui.screens.approval import Approval

        view, who = self._view, self._bridge.who
        if next_for_person(view).verb == "approve merge":
            await self._approve_merge()
            return
        number = self._desk.situation().phase
        asked, phase = question.approval(view, number), view.phase(number)
        tree, attempt, files = phase.change_set, phase.attempt, len(phase.manifest)
        closed = sheets.closed(view, number)
        shut = ", ".join(f"{check.check} ({check.outcome})" for check in closed)
        if not shut and view.reviewable(number) is False:
            shut = "its rollback could not be proven"
        seen, lines = self._desk.reviewing.seen()
        reach = sheets.reach(self._desk.reviewing.review, seen, lines)
        answer = await self._desk.ask(
            Approval(
                f"Approve phase {number} of {len(view.phases)}?",
                sheets.approval(view, number, who, reach),
                shut=shut,
                barred=of_phase(phase).refusal(who) or "",
            ),
            asked,
        )
        if answer == "approve":
            seconds = time.monotonic() - self._shown.get(tree, time.monotonic())
            too_fast = hasty(lines, seconds)
            if too_fast and not await self._really(lines, seen, seconds, asked):
                return
            shown = Shown(files, round(seconds), "dashboard", lines, seen, too_fast)
            await self._bridge.say(
                lambda run: run.approve(number, tree, attempt, by=who, shown=shown), asked
            )
        elif answer == "reject":
            await self._reject_all(number, tree, attempt, asked)

    async def _really(self, lines: int, seen: int, seconds: float, asked: Question) -> bool:
        """Ask once more where nobody can have read what is approved."""
        from clubos_tui.ui.screens.confirm import Confirm

        said: list[Line] = [
            ("warn", f"{count(lines, 'changed line')} in {seconds:.0f} s: nobody reads that fast."),
            ("quiet", f"{seen:,} of them have been on the screen."),
            ("quiet", "The journal keeps what was shown, for how long, and that you were asked."),
        ]
        dialog = Confirm(
            "Approve what was not read?", said, yes="Approve", no="Look", opened_by="y"
        )
        return await self._desk.ask(dialog, asked) is True

    async def _reject_all(self, number: int, tree: str, attempt: int, asked: Question) -> None:
        from clubos_tui.changes.manifest import TreeId
        from clubos_tui.ui.screens.confirm import Note

        reason = await self._desk.ask(
            Note(
                f"Reject phase {number}",
                [("quiet", "Nothing is applied. The agent reads the reason and your notes on")
                 , ("quiet", "files at its next attempt.")],
                hint="Why",
                yes="Reject",
                required=True,
            ),
            asked,
        )  # fmt: skip
        if reason:
            by = self._bridge.who
            await self._bridge.say(
                lambda run: run.reject(number, TreeId(tree), attempt, reason=reason, by=by), asked
            )

    async def _approve_merge(self) -> None:
        from clubos_tui.engine.approvers import of_merge
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.approval import Approval

        view, who = self._view, self._bridge.who
        prepared = view.merge.prepared
        assert prepared
        tree = prepared.tree
        if view.closed_checks("merge", tree):  # a yes would be refused
            await self._checking.next()
            return
        lines = sheets.merge_approval(view, who)
        barred = of_merge(view).refusal(who) or ""
        dialog = Approval("Approve the merged tree?", lines, barred=barred, reject=False)
        asked = question.merge_approval(view)
        if await self._desk.ask(dialog, asked) == "approve":
            await self._bridge.say(lambda run: run.approve_merge(tree, by=who), asked)

    # --- for real -----------------------------------------------------------------------------

    async def execute(self) -> None:
        """Execute for real; typed where there is no way back."""
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.confirm import Confirm, TypedConfirm

        number, by = self._desk.situation().phase, self._bridge.who
        asked, spec = question.execution(self._view, number), self._view.phase(number).spec
        title, lines = f"LIVE: execute phase {number}?", sheets.execution(self._view, number, by)
        if spec.rollbackable:
            yes = await self._desk.ask(
                Confirm(title, lines, yes="Execute", harmless=True, opened_by="X"), asked
            )
        else:
            typed = TypedConfirm(title, lines, name=spec.name, yes="Execute")
            yes = await self._desk.ask(typed, asked)
        if yes:
            await self._bridge.say(lambda run: run.execute(number, by=by), asked)

    async def merge(self) -> None:
        """Merge what is validated."""
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.confirm import Confirm

        by, asked = self._bridge.who, question.merge(self._view)
        lines = sheets.merge(self._view, by)
        if await self._desk.ask(Confirm("LIVE: merge?", lines, yes="Merge", opened_by="m"), asked):
            await self._bridge.say(lambda run: run.merge(by=by), asked)

    async def roll_back(self) -> None:
        """Show the loss statement, then roll back."""
        number = self._desk.situation().phase
        await self._take_back(number, close=False)

    async def abandon(self) -> None:
        """Show the loss statement, then take everything back and close the run."""
        await self._take_back(1, close=True)

    async def _take_back(self, number: int, *, close: bool) -> None:
        from clubos_tui.errors import Refused
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.confirm import Confirm
        from clubos_tui.ui.screens.rollback import Rollback

        back = question.rollback(self._view, number, close=close)
        self._desk.say("busy", "comparing what would be taken back ...")
        preview = await self._bridge.rollback_preview(number)
        if preview.refusal and not (close and not preview.phases):
            error = preview.error
            raise error or Refused(preview.refusal, untouched="Nothing was taken back.")
        lines = sheets.rollback(self._view, preview)
        title = f"Roll back {sheets.taken_back(self._view, number)}?"
        if close:
            title = "Take everything back and close the run?"
        take_out: tuple[str, ...] = ()
        mergeable = [item.path for item in preview.asked if not item.refusal]
        if mergeable:
            chosen = await self._desk.ask(Rollback(title, lines, mergeable, opened_by="R"), back)
            yes, take_out = chosen is not None, chosen or ()
        else:
            asked = Confirm(title, lines, yes="Roll back", opened_by="R")
            yes = await self._desk.ask(asked, back) is True
        if yes:
            by = self._bridge.who
            await self._bridge.say(
                lambda run: run.roll_back(number, by=by, close=close, take_out=take_out), back
            )

    async def undo(self) -> None:
        """Show what undoing the last rollback does, then do it."""
        from clubos_tui.errors import Refused
        from clubos_tui.ui import sheets
        from clubos_tui.ui.screens.confirm import Confirm

        asked = question.undo(self._view)
        preview = await self._bridge.rollback_preview(0)
        if preview.refusal:
            raise preview.error or Refused(preview.refusal, untouched="Nothing was changed.")
        lines = sheets.undo(preview)
        if await self._desk.ask(
            Confirm("Undo the last rollback?", lines, yes="Undo", opened_by="U"), asked
        ):
            by = self._bridge.who
            await self._bridge.say(lambda run: run.undo(by=by), asked)

    async def interrupt(self) -> None:
        """Interrupt the step under way, whichever process drives it."""
        by = self._bridge.who
        self._desk.say("busy", "interrupting: the step under way is being undone ...")
        await self._bridge.say(lambda run: run.pause(by=by))

    async def quit(self) -> bool:
        """Ask while a step is running; tell whether to leave."""
        from clubos_tui.ui.screens.confirm import Confirm

        view = self._bridge.view
        if view is None or not view.queue or not self._bridge.drives:
            return True
        lines: list[Line] = [
            ("warn", f"{count(len(view.queue), 'step')} still to do."),
            ("quiet", "Leaving withdraws what is half done; clubos goes on with it when it is"),
            ("quiet", "opened again. ctrl+c interrupts it for good."),
        ]
        dialog = Confirm("Leave while a step is running?", lines, yes="Leave", no="Stay")
        leave = await self._desk.ask(dialog)
        return leave is True
