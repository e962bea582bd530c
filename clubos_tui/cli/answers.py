"""``clubos answer``: what an agent asks for, and a person's word on it."""

from __future__ import annotations

from argparse import Namespace

from clubos_tui.cli.opened import phase_of, run_of, session_of, who_of
from clubos_tui.cli.output import emit, say
from clubos_tui.engine.run import Run
from clubos_tui.errors import UsageError


def answer(options: Namespace) -> int:
    """Answer one question; without an answer, show those that are open."""
    with session_of(options) as session:
        run = run_of(session)
        number = phase_of(run, options.phase)
        if options.allowed is None:
            _show(run, number, as_json=options.json)
            return 0
        if not options.id:
            raise UsageError(
                "which question is answered?",
                untouched="Nothing was recorded.",
                cure=f"clubos answer {number} shows them; give one with --id.",
            )
        by = who_of(options, session)
        run.answer(number, options.id, allowed=options.allowed, by=by, alike=options.alike)
        if options.json:
            emit({"phase": number, "id": options.id, "allowed": options.allowed})
        else:
            say(f"{'allowed' if options.allowed else 'denied'}; `clubos run` goes on")
    return 0


def _show(run: Run, number: int, *, as_json: bool) -> None:
    open_ones = list(run.view.phase(number).permissions.open.values())
    if as_json:
        rows = [
            {"id": item.permission, "kind": item.kind, "title": item.title, "detail": item.detail}
            for item in open_ones
        ]
        emit({"phase": number, "questions": rows})
        return
    for item in open_ones:
        say(f"{item.permission} {item.kind}: {item.title}")
        for line in item.detail.splitlines():
            say(f"  {line}")
    if not open_ones:
        say(f"the agent of phase {number} asks for nothing")
