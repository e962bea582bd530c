"""A decision that rests on what a person saw is refused where somebody was faster."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import agents
from support.journey import Journey

from clubos_tui import events as e
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import RunView, Status
from clubos_tui.errors import Stale

Start = Callable[..., Journey]


def proposed(view: RunView) -> bool:
    return view.status(1) is Status.PROPOSED


def test_p2_who_is_overtaken_between_reading_and_writing_is_refused(journey: Start) -> None:
    """The table alone would let a no undo a yes that the person never saw."""
    run = journey(agents.write("a.txt", "a\n")).propose()
    late, pending = Run(run.run.id, run.session.paths), run.phase()
    append = late.journal.append

    def overtaken(*events: e.Event, **options: object) -> object:
        late.journal.append = append  # type: ignore[method-assign]
        run.run.approve(1, pending.change_set, pending.attempt, by="Sam")
        return append(*events, **options)  # type: ignore[arg-type]

    late.journal.append = overtaken  # type: ignore[assignment,method-assign]
    with late.provided(proposed), pytest.raises(Stale) as refused:
        late.reject(1, pending.change_set, pending.attempt, reason="no", by="Ada")
    assert "Nothing was recorded" in refused.value.untouched
    run.run.refresh()
    assert run.phase().state is Status.APPROVED
    late.reject(1, pending.change_set, pending.attempt, reason="I saw it", by="Ada")


def test_what_is_said_next_builds_on_what_was_said(journey: Start) -> None:
    run = journey(agents.write("a.txt", "a\n")).propose()
    pending = run.phase()
    with run.run.provided(proposed):
        run.run.approve(1, pending.change_set, pending.attempt, by="Sam")
        run.run.execute(1, by="Sam")
    assert isinstance(run.view.queue[0], e.ExecutionRequested)
