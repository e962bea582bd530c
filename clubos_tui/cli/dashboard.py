"""``clubos`` and ``clubos demo``: open the dashboard, or say why it can't be opened here."""

from __future__ import annotations

import os
import sys
from argparse import Namespace

from clubos_tui.cli.output import flag, say


def dashboard(options: Namespace) -> int:
    """Open the dashboard; where there is no terminal for it, print the status instead."""
    if options.json or not has_terminal():
        from clubos_tui.cli.show import status

        return status(options)
    return _open(options.repo, options)


def has_terminal() -> bool:
    """Tell whether a full-screen program can be shown: Textual itself would paint into a pipe."""
    return (
        os.environ.get("TERM", "dumb") != "dumb"
        and bool(sys.stdin and sys.stdin.isatty())
        and bool(sys.stdout and sys.stdout.isatty())
    )


def demo(options: Namespace) -> int:
    """Make a small sample repository and open the dashboard on it."""
    from clubos_tui.cli.sample import make_sample

    folder = make_sample(options.dir)
    if options.no_dashboard or options.json or not has_terminal():
        say(f"The sample repository is in {folder}")
        say(f"  clubos --repo {folder}")
        return 0
    code = _open(folder, options)
    say(f"The sample repository stays in {folder}; go on with: clubos --repo {folder}")
    return code


def _open(folder: str, options: Namespace) -> int:
    from clubos_tui.cli.opened import agent_of, model_of, session_factory, store_of
    from clubos_tui.ui.app import ClubosApp

    app = ClubosApp(
        folder,
        session_factory=session_factory(options),
        drive=not store_of(options),
        live=flag(options, "live", "DRY_RUN", on="false"),
        who=getattr(options, "who", None),
        plan_file=options.plan,
        agent=agent_of(options),
        model=model_of(options),
    )
    app.run()
    return app.return_code or 0
