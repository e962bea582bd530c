"""What may be typed. Only argparse, so that ``clubos --help`` costs next to nothing."""

from __future__ import annotations

import argparse
import os

from clubos_tui import __version__

_EXIT_CODES = """\
exit codes: 0 done · 1 failed and rolled back · 2 usage or bad plan · 3 waiting for a person ·
4 a required check is failed or unknown · 5 stale: base or change set moved · 6 another clubos
drives the run · 7 refused for safety · 130 interrupted

environment: DRY_RUN=false means --live, PHASE=N means --phase N, AUTO_APPROVE=true means --yes;
CLUBOS_STATE_DIR is where runs and backups are kept. A flag wins over the environment.
"""

_AUDIT = """\
exit codes: 0 integrity and completeness both hold
  1  integrity is broken: the chain, an approval, an anchor, a commit, a stream or an answer
     contradicts the journal; this outweighs whatever is missing
  4  integrity holds and something is missing that should be here: a commit the journal names, a
     stream or recording it vouches for, the run before this one, the end of a half record
An anchor is the trailer Audit-Head of a commit, and vouches for each event up to its own. The last
events of a run are always vouched for by nothing yet: that is said, and is no fault. Nor is what
can't be seen from here: streams that were not handed over, the run before an exported journal.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser for all commands."""
    parser = argparse.ArgumentParser(
        prog="clubos",
        description="Let an agent carry out a plan in phases on your repository: dry run, review, "
        "approve, apply with backups, check, merge, and take it back.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"clubos {__version__}")
    _common(parser)
    parser.add_argument(
        "--live", action="store_true", default=None, help="start the dashboard with LIVE armed"
    )
    parser.add_argument("--plan", metavar="FILE", help="plan for a new run")
    parser.add_argument("--agent", metavar="NAME", default="", help="agent for a new run")
    _model(parser)
    parser.add_argument("--as", dest="who", metavar="NAME", help="your name in the journal")
    parser.set_defaults(command="dashboard")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_running(commands)
    _add_deciding(commands)
    _add_back(commands)
    _add_showing(commands)
    _add_sharing(commands)
    return parser


def _add_running(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = _command(commands, "demo", "make a small sample repository and open the dashboard on it")
    demo.add_argument("dir", nargs="?", metavar="DIR", help="where (default: a temporary folder)")
    demo.add_argument("--agent", metavar="NAME", default=argparse.SUPPRESS,
                      help="agent for a new run")  # fmt: skip
    _model(demo, default=argparse.SUPPRESS)
    demo.add_argument("--no-dashboard", action="store_true", help="only make the repository")
    init = _command(commands, "init", "`git init` where needed, and an empty first commit")
    init.add_argument("dir", nargs="?", metavar="DIR", help="folder (default: --repo)")
    run = _command(commands, "run", "dry run of the next phase; --live executes what is approved")
    which = run.add_mutually_exclusive_group()
    which.add_argument("--phase", type=int, metavar="N", default=None, help="only this phase")
    which.add_argument("--all", action="store_true", help="every phase, in order")
    mode = run.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", dest="live", action="store_false", default=argparse.SUPPRESS,
                      help="propose and check, touch nothing (default)")  # fmt: skip
    mode.add_argument("--live", dest="live", action="store_true", default=argparse.SUPPRESS,
                      help="execute what is approved")  # fmt: skip
    run.add_argument("--yes", action="store_true", default=None, help="approve as the named user")
    # What stood before the command counts too, so what is missing here must not overwrite it.
    run.add_argument("--plan", metavar="FILE", default=argparse.SUPPRESS, help="plan for a new run")
    run.add_argument("--agent", metavar="NAME", default=argparse.SUPPRESS,
                     help="agent for a new run")  # fmt: skip
    _model(run, default=argparse.SUPPRESS)
    run.add_argument("--admit", action="store_true",
                     help="give the agent what it needs of this machine: network, files of your "
                     "home, credentials")  # fmt: skip
    run.add_argument("--explain", action="store_true",
                     help="say what a dry run would send to whom; send nothing")  # fmt: skip
    run.add_argument("--run-id", metavar="ID", help="name of a new run")
    run.add_argument("--log-file", metavar="FILE", help="write the action log there as JSON")
    _junit(run)
    _who(run)


def _add_deciding(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    approve = _command(commands, "approve", "say yes to exactly one change set")
    approve.add_argument("phase", type=int, metavar="PHASE")
    approve.add_argument("--id", required=True, metavar="ID", help="the id that `diff` shows")
    _who(approve)
    reject = _command(commands, "reject", "say no, with a reason for the next attempt")
    reject.add_argument("phase", type=int, metavar="PHASE")
    reject.add_argument("--id", required=True, metavar="ID", help="the id that `diff` shows")
    reject.add_argument("--reason", required=True, metavar="TEXT")
    _who(reject)
    override = _command(commands, "override", "open a gate in spite of one check; recorded")
    override.add_argument("phase", type=int, metavar="PHASE")
    override.add_argument("--check", required=True, metavar="NAME")
    override.add_argument("--reason", required=True, metavar="TEXT")
    _who(override)
    answer = _command(commands, "answer", "what an agent asks for; allows or denies it")
    answer.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    answer.add_argument("--id", metavar="ID", help="the question")
    says = answer.add_mutually_exclusive_group()
    says.add_argument("--allow", dest="allowed", action="store_true", default=None)
    says.add_argument("--deny", dest="allowed", action="store_false", default=None)
    answer.add_argument("--alike", action="store_true",
                        help="and all it asks of that kind in this attempt")  # fmt: skip
    _who(answer)
    limit = _command(commands, "limit", "what a phase or the run may use; sets a limit anew")
    limit.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    limit.add_argument("--run", action="store_true", help="the limit of the whole run")
    limit.add_argument("--dollars", metavar="N", help="0: no limit")
    for unit in ("tokens", "turns", "minutes"):
        limit.add_argument(f"--{unit}", metavar="N", type=int, help="0: no limit")
    _who(limit)
    merge = _command(commands, "merge", "merge what is validated into the branch it started from")
    merge.add_argument("--yes", action="store_true", default=None, help="do not ask")
    _who(merge)


def _add_back(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    back = _command(commands, "rollback", "take a phase and the later ones back, or the whole run")
    what = back.add_mutually_exclusive_group()
    what.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    what.add_argument("--run", action="store_true", help="all phases; ends the run")
    back.add_argument("--preview", action="store_true", help="only say what it would do")
    back.add_argument("--take-out", action="append", default=[], metavar="PATH",
                      help="keep your edit of this file, take only our part out")  # fmt: skip
    back.add_argument("--yes", action="store_true", default=None, help="do not ask")
    _who(back)
    undo = _command(commands, "undo", "take the last rollback back")
    undo.add_argument("--preview", action="store_true", help="only say what it would do")
    undo.add_argument("--yes", action="store_true", default=None, help="do not ask")
    _who(undo)
    _command(commands, "recover", "finish or undo an operation that was cut short")
    kept = _command(commands, "gc", "let go what no run needs any more, down to a budget")
    kept.add_argument("--budget", metavar="SIZE", default="2G",
                      help="of the state folder, as 500M or 2G (default: 2G)")  # fmt: skip
    kept.add_argument("--yes", action="store_true", default=None, help="do not ask")
    _who(kept)


def _add_showing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _command(commands, "status", "where the run stands and what comes next")
    diff = _command(commands, "diff", "the pending change set as a git patch")
    diff.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    log = _command(commands, "log", "everything that happened in the run")
    log.add_argument("--follow", "-f", action="store_true", help="go on as things happen")
    recording = _command(commands, "recording", "what a model was told and answered, without keys")
    recording.add_argument("file", nargs="?", metavar="FILE", help="write it there")
    told = _command(
        commands, "report", "a run as a readable account: who asked, saw, approved what"
    )
    told.add_argument("run", nargs="?", metavar="RUN", help="default: the present one")
    told.add_argument("--html", action="store_true", help="one page, instead of Markdown or JSON")
    told.add_argument("--output", metavar="FILE", help="write it there")
    out = _command(commands, "export", "the journal of a run, byte for byte, to verify elsewhere")
    out.add_argument("run", nargs="?", metavar="RUN", help="default: the present one")
    out.add_argument("file", nargs="?", metavar="FILE", help="write it there (default: to stdout)")
    out.add_argument("--streams", metavar="DIR", help="and what the agents said, into a new folder")
    audit = _command(commands, "verify", "hold a run's journal against its anchors in git")
    audit.add_argument("run", nargs="?", metavar="RUN", help="default: the present one")
    audit.add_argument("--journal", metavar="FILE",
                       help="one that `export` wrote, held against this clone, which may be "
                       "bare, a mirror or shallow; - reads standard input")  # fmt: skip
    audit.add_argument("--streams", metavar="DIR", help="the folder of streams that `export` wrote")
    audit.formatter_class = argparse.RawDescriptionHelpFormatter
    audit.epilog = _AUDIT
    played = _command(
        commands, "replay", "step through a run in time; nothing can be decided there"
    )
    played.add_argument("run", nargs="?", metavar="RUN", help="default: the present or last one")
    _command(commands, "doctor", "what this machine offers")
    checks = commands.add_parser("checks", help="the evidence, again, and whether it is any")
    tries = checks.add_subparsers(title="commands", metavar="COMMAND", required=True)
    seen = _command(tries, "show", "what the checks came to, with their evidence", "checks show")
    seen.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    _junit(seen)
    again = _command(tries, "run", "carry the checks of a phase out again", "checks run")
    again.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    again.add_argument("--check", action="append", default=[], metavar="NAME",
                       help="only this one; may be given more than once")  # fmt: skip
    _junit(again)
    _who(again)
    tried = _command(
        tries, "prove", "plant a fault for each check in a copy, and see it found", "checks prove"
    )
    tried.add_argument("phase", nargs="?", type=int, metavar="PHASE")
    plan = commands.add_parser("plan", help="the plan in force, a plan's faults, its JSON Schema")
    parts = plan.add_subparsers(title="commands", metavar="COMMAND", required=True)
    shown = _command(parts, "show", "the plan in force", name="plan show")
    shown.add_argument("--plan", metavar="FILE", default=argparse.SUPPRESS,
                       help="this plan instead")  # fmt: skip
    checked = _command(
        parts, "check", "say everything that is wrong with a plan file", "plan check"
    )
    checked.add_argument("file", metavar="FILE")
    _command(parts, "schema", "print the JSON Schema of a plan file", "plan schema")


def _add_sharing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    worker = _command(commands, "worker", "drive runs with no screen, until it is ended")
    worker.add_argument("dir", nargs="*", metavar="DIR", help="repositories (default: --repo)")
    worker.add_argument("--name", metavar="NAME", help="its stable name (default: the host's)")
    worker.add_argument("--limit", type=int, default=2, metavar="N",
                        help="of shared runs, at most so many at once (default: 2)")  # fmt: skip
    worker.add_argument("--everywhere", type=int, metavar="N",
                        help="and at most so many on all machines together")  # fmt: skip
    runs = commands.add_parser("runs", help="shared runs: all of them, a new one, a lost machine's")
    parts = runs.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(parts, "list", "every run, who drives it and whom it waits for", "runs list")
    start = _command(parts, "start", "start a shared run of this repository", "runs start")
    start.add_argument("--plan", metavar="FILE", default=argparse.SUPPRESS,
                       help="plan; it names the remote")  # fmt: skip
    start.add_argument("--agent", metavar="NAME", default=argparse.SUPPRESS,
                       help="agent for the run")  # fmt: skip
    _model(start, default=argparse.SUPPRESS)
    start.add_argument("--run-id", metavar="ID", help="its name")
    _who(start)
    adopt = _command(
        parts, "adopt", "have others go on with the runs of a worker that is gone", "runs adopt"
    )
    adopt.add_argument("--from", dest="worker", required=True, metavar="WORKER")
    adopt.add_argument("--yes", action="store_true", default=None, help="do not ask")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    word: str,
    text: str,
    name: str = "",
) -> argparse.ArgumentParser:
    parser = commands.add_parser(word, help=text, description=text[0].upper() + text[1:] + ".")
    # What stands before the command counts too, so a missing flag must not overwrite it.
    _common(parser, default=argparse.SUPPRESS)
    parser.set_defaults(command=name or word)
    return parser


def _common(parser: argparse.ArgumentParser, default: object = None) -> None:
    suppressed = default is argparse.SUPPRESS
    parser.add_argument(
        "--repo", metavar="DIR", default=default if suppressed else os.curdir,
        help="the repository (default: here)",
    )  # fmt: skip
    parser.add_argument(
        "--store", metavar="URL", default=default,
        help="a shared run: the database that holds its journal (default: $CLUBOS_STORE)",
    )  # fmt: skip
    parser.add_argument(
        "--shared", metavar="RUN", default=default,
        help="which shared run (default: the only open one)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", default=default if suppressed else False,
        help="print JSON, or JSON Lines",
    )  # fmt: skip


def _model(parser: argparse.ArgumentParser, default: object = None) -> None:
    for flag, metavar, text in (
        ("--model", "ID", "model for a new run, of an agent that asks one"),
        ("--effort", "HOW", "low, medium, high, xhigh or max, for a new run"),
        ("--base-url", "URL", "where the model of a new run is asked"),
    ):
        parser.add_argument(flag, metavar=metavar, default=default, help=text)


def _junit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--junit", metavar="FILE", help="write the evidence there as JUnit XML")


def _who(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as", dest="who", metavar="NAME", default=argparse.SUPPRESS,
        help="your name in the journal (default: git's)",
    )  # fmt: skip
