"""``clubos replay``: a run as it was after each of its events, on the dashboard or line by line."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator

from clubos_tui.cli.dashboard import has_terminal
from clubos_tui.cli.opened import named_run, session_factory, session_of
from clubos_tui.cli.output import emit, say
from clubos_tui.codec import Json
from clubos_tui.engine.decide import next_for_person
from clubos_tui.engine.fold import apply
from clubos_tui.engine.run import Run
from clubos_tui.engine.state import RunView
from clubos_tui.events import TAGS, tag_of
from clubos_tui.journal import Record
from clubos_tui.ui.wording import sentence


def replay(options: Namespace) -> int:
    """Play a run, the present one or one that is named; nothing is driven, said or locked."""
    with session_of(options) as session:
        run = named_run(session, options.run)
        if options.json or not has_terminal():
            for record, view in _states(run):
                if options.json:
                    emit(_as_json(record, view))
                else:
                    _print(record, view)
            return 0
    from clubos_tui.ui.app import ClubosApp

    app = ClubosApp(options.repo, replay=run.id, session_factory=session_factory(options))
    app.run()
    return app.return_code or 0


def _states(run: Run) -> Iterator[tuple[Record, RunView]]:
    """Yield each record with the state after it; the next one changes that state."""
    view: RunView | None = None
    for record in run.journal.load():
        view = apply(view, record.event)
        yield record, view


def _as_json(record: Record, view: RunView) -> Json:
    following, line = next_for_person(view), sentence(record.event)
    return {
        "seq": record.seq,
        "at": record.at,
        "type": TAGS[type(record.event)],
        "text": line[2] if line else "",
        "mode": view.mode,
        "ending": view.ending,
        "next": {"verb": following.verb, "phase": following.phase, "words": following.words},
        "phases": [
            {
                "number": phase.number,
                "name": phase.spec.name,
                "status": str(view.status(phase.number)),
                "attempt": phase.attempt,
                "id": phase.change_set,
            }
            for phase in view.phases
        ],
    }


def _print(record: Record, view: RunView) -> None:
    line = sentence(record.event)
    phase, text = (line[1], line[2]) if line else (0, "")
    where = f"phase {phase}" if phase else "run"
    states = Counter(str(view.status(each.number)) for each in view.phases)
    stand = ", ".join(f"{number} {state}" for state, number in states.items())
    say(f"{record.seq:>5} {record.at[11:19]} {where:<8} {text or tag_of(record.event)}")
    say(f"{'':15}[{view.mode}] {stand}; next: {next_for_person(view).words}")
