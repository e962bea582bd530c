"""Requests that wait, and those that are served; what several kinds of event do alike."""

from __future__ import annotations

from clubos_tui.changes.manifest import TreeId
from clubos_tui.engine.state import RunView
from clubos_tui.events import Event, ProposalRequested, ResumeRequested, Scope

PROPOSING = (ProposalRequested, ResumeRequested)


def request(view: RunView, event: Event) -> None:
    """Let a request wait for its turn."""
    if view.merge_waits:  # the person turned to something else
        view.queue.clear()
        view.merge.prepare(None)
    view.queue.append(event)
    view.failure = view.paused = None


def served(view: RunView, *kinds: type[Event], phase: int | None = None) -> None:
    """Take the first request of these kinds, about a phase or any, off the queue."""
    for at, waiting in enumerate(view.queue):
        if isinstance(waiting, kinds) and phase in {None, getattr(waiting, "phase", None)}:
            del view.queue[at]
            return


def forget_evidence(view: RunView, scope: Scope, tree: TreeId) -> None:
    """Evidence is about one look at a tree; the next look starts from nothing."""
    view.gates.pop((scope, tree), None)
    view.checks.pop((scope, tree), None)
    for key in [key for key in view.overridden if key[:2] == (scope, tree)]:
        del view.overridden[key]
