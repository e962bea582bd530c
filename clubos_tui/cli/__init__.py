"""The command line: parse, call, print. Imports its rooms inside the commands, so help is fast.

Exit codes: 0 done · 1 failed and rolled back · 2 usage or bad plan · 3 waiting for a person ·
4 a required check is failed or unknown · 5 stale · 6 another clubos drives · 7 refused for safety
· 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from clubos_tui.cli.parser import build_parser

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code; prints errors, raises none of ours."""
    options = build_parser().parse_args(arguments)
    try:
        return int(_command(options.command)(options))
    except KeyboardInterrupt:
        print("Interrupted; the step under way was undone.", file=sys.stderr)
        return 130
    except Exception as error:
        from clubos_tui.cli.output import report

        return report(error, as_json=getattr(options, "json", False))


def _command(name: str):  # type: ignore[no-untyped-def]
    import importlib

    module, function = COMMANDS[name]
    return getattr(importlib.import_module(f"clubos_tui.cli.{module}"), function)


# command → (module, function); imported only when chosen
COMMANDS = {
    "dashboard": ("dashboard", "dashboard"),
    "demo": ("dashboard", "demo"),
    "init": ("start", "init"),
    "run": ("drive", "run"),
    "merge": ("drive", "merge"),
    "answer": ("answers", "answer"),
    "limit": ("limits", "limit"),
    "recording": ("recordings", "recording"),
    "rollback": ("back", "rollback"),
    "undo": ("back", "undo"),
    "recover": ("back", "recover"),
    "approve": ("review", "approve"),
    "reject": ("review", "reject"),
    "override": ("review", "override"),
    "diff": ("show", "diff"),
    "status": ("show", "status"),
    "log": ("show", "log"),
    "report": ("accounts", "report"),
    "export": ("auditing", "export"),
    "verify": ("auditing", "verify"),
    "gc": ("gc", "gc"),
    "replay": ("replays", "replay"),
    "doctor": ("doctor", "doctor"),
    "worker": ("workers", "worker"),
    "runs list": ("shared", "list_runs"),
    "runs start": ("shared", "start"),
    "runs adopt": ("shared", "adopt"),
    "checks show": ("checks", "show_checks"),
    "checks run": ("checks", "run_checks"),
    "checks prove": ("checks", "prove_checks"),
    "plan show": ("plans", "show"),
    "plan check": ("plans", "check"),
    "plan schema": ("plans", "schema"),
}
