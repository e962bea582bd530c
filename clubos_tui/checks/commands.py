"""A command as a check: it runs in the box, on a copy of the tree, and its report is the evidence.

An exit code alone proves little: a runner that found no test ends with 0 as well. So a command
passes only with a number of cases, from its report or from the files that it is about; and one
that was ended, is not there, or left a report that can't be read is unknown, never passed.
"""

from __future__ import annotations

import contextlib
import glob
import os
import posixpath
import re
import shlex
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from clubos_tui.changes.manifest import GITLINK
from clubos_tui.changes.paths import matches
from clubos_tui.checks.base import EVIDENCE_LINES, Checking, Subject, Verdict, below_of, verdict
from clubos_tui.checks.boxed import Ran, boxed
from clubos_tui.checks.hooks import hooks, store
from clubos_tui.checks.packages import compiler, named, packages, version_of
from clubos_tui.checks.presets import NODE_MODULES, Preset, preset_of, with_preset
from clubos_tui.checks.problems import listed, problems
from clubos_tui.checks.reports import LARGEST, Counted, Lacking, Unreadable, counted, junit, tap
from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.programs import equip, is_there, programs_of, words_of
from clubos_tui.workspace.sandbox.running import run
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["command", "counts_cases"]

_LONGEST: Final = 120_000  # bytes of a command line; the kernel takes 128 KiB
_NOT_FOUND: Final = re.compile(
    r"^(?:/bin/)?sh: (?:line )?\d+: ([^\s:/]+): (?:command )?not found$", re.MULTILINE
)
_NOT_RUN: Final = {126: "it can't be executed", 127: "it is not there"}


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A command line that can be run, and what the box has to hold for it."""

    line: str
    readable: tuple[tuple[str, str], ...] = ()
    tool: str = ""


def command(subject: Subject, spec: CheckSpec) -> Checking:
    """The command ends well, and shows at least as many cases as the plan asks for."""
    spec, preset = with_preset(spec), preset_of(spec)
    if preset.silenced and (faults := _silenced(subject, spec, preset)):
        return verdict(len(subject.matching(spec)), faults, spec, "files that are not silent")
    made = _prepared(subject, spec, preset)
    if isinstance(made, Verdict):
        return made
    first: Verdict | None = None
    tried = 0
    while True:
        tried += 1
        ran = yield from boxed(subject, spec, made.line, Box("", readable=made.readable))
        if isinstance(ran, Verdict):
            return ran
        found = _told(_judged(subject, spec, ran), made, preset)
        # What could not be judged is not tried until it looks well.
        if found.outcome != "failed" or tried > spec.retries:
            break
        first = first or found
    if first is None or found.outcome != "passed":
        return found
    words = f"{found.summary}, at try {tried} of {spec.retries + 1}"
    return replace(
        found, summary=words, evidence=(f"the first time: {first.summary}", *first.evidence)
    )


def _told(found: Verdict, made: _Prepared, preset: Preset) -> Verdict:
    """Return a verdict with what was run, and how to get what may be missing."""
    cure = (f"To get it: {preset.cure}",) if found.outcome == "unknown" and preset.cure else ()
    rows = (f"$ {made.line}", *found.evidence, *cure)
    return replace(found, tool=made.tool or _tool(preset.program or made.line), evidence=rows)


def counts_cases(spec: CheckSpec) -> bool:
    """Tell whether a check's tool says itself how many cases there were."""
    counted = spec.kind == "command" and with_preset(spec).evidence
    # One that looks at what is changed rests on the base as well.
    return counted in {"junit", "tap", "count"} or "{changed}" in with_preset(spec).command


def _prepared(subject: Subject, spec: CheckSpec, preset: Preset) -> _Prepared | Verdict:
    """Return the command line with what is to be put into it, or why it can't be run."""
    line, tool = spec.command, ""
    if preset.program and not next(programs_of(preset.program), ""):
        why = f"{preset.program} is not installed"
        return Verdict("unknown", why, (f"To get it: {preset.cure}",), missing=True)
    readable: tuple[tuple[str, str], ...] = ()
    if preset.packages:
        if _brings_packages(subject, spec) and not named():
            why = "the tree brings packages of its own, which no person has installed"
            return Verdict("unknown", why)
        place = packages(subject.checkout, spec.folder)
        tsc = compiler(place) if place else ""
        if not place or ("{tsc}" in line and not tsc):
            why = "the packages of the project are not installed"
            return Verdict("unknown", why, (f"To get them: {preset.cure}",), missing=True)
        tool = version_of(place, "typescript") if "{tsc}" in line else ""
        line, readable = line.replace("{tsc}", tsc), ((place, NODE_MODULES),)
    if "{store}" in line:
        place = os.path.abspath(store())
        readable += ((place, place),) if os.path.isdir(place) else ()
        line = line.replace("{store}", shlex.quote(place))
    if "{paths}" in line or "{changed}" in line:
        about = _about(subject, spec)
        if not about and "{changed}" in line:
            return Verdict("unknown", "nothing that it is about is changed")
        inside = [posixpath.relpath(path, spec.folder or ".") for path in about]
        quoted = shlex.join(f"./{path}" for path in inside)
        line = line.replace("{paths}", quoted).replace("{changed}", quoted)
        if len(line.encode()) > _LONGEST:
            return Verdict("unknown", f"{len(inside):,} files are too many for one command line")
    return _Prepared(line, readable, tool)


def _brings_packages(subject: Subject, spec: CheckSpec) -> bool:
    """Tell whether the tree or its base holds packages: then no person has installed them."""
    place = posixpath.join(spec.folder, "node_modules")
    return any(
        place in files or next(iter(below_of(files, place)), "")
        for files in (subject.files, subject.base)
    )


def _about(subject: Subject, spec: CheckSpec) -> list[str]:
    """Return the files that a command is about: all that match, or what is changed of them."""
    if "{changed}" not in spec.command:
        return subject.matching(spec)
    return sorted(
        row.path
        for row in subject.manifest
        if row.after
        and row.after.mode != GITLINK
        and row.path not in subject.withheld
        and (not spec.paths or matches(row.path, spec.paths))
    )


def _silenced(subject: Subject, spec: CheckSpec, preset: Preset) -> list[str]:
    """Return the lines of files that keep the tool from telling what it finds."""
    silent = re.compile(preset.silenced)
    faults = []
    for path in subject.matching(spec):
        text = subject.read(path).decode("utf-8", "replace")
        for found in silent.finditer(text):
            row = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0]
            number = text.count("\n", 0, found.start()) + 1
            faults.append(f"{path}:{number}: {row.strip()[:120]}")
    return faults


def _judged(subject: Subject, spec: CheckSpec, ran: Ran) -> Verdict:
    """Return what an end and a report come to; the worse of the two counts."""
    ended, said = ran.ended, ran.said
    last = tuple(said.strip().splitlines()[-EVIDENCE_LINES:])
    if ended.why:
        return Verdict("unknown", f"it was ended: {ended.why}", last, cut=True)
    if ended.code in _NOT_RUN:
        words = f"{_NOT_RUN[ended.code]} (exit code {ended.code})"
        return Verdict("unknown", words, last, missing=_is_missing(spec.command, said))
    if ended.code > 128:
        return Verdict("unknown", f"signal {ended.code - 128} ended it", last, cut=True)
    try:
        found = _counted(subject, spec, ran)
    except Unreadable as error:
        # A tool that failed need not have written a report.
        if isinstance(error, Lacking):
            return Verdict("unknown", str(error), last)
        if ended.code:
            return Verdict("failed", f"exit code {ended.code}", last)
        return Verdict("unknown", f"its report can't be read: {error}", last)
    if found.faults:
        shown = found.faults[:EVIDENCE_LINES]
        words = f"{len(found.faults)} of {found.cases} cases failed"
        if spec.evidence == "problems":
            words = f"{len(found.faults)} problems in {found.cases} files"
        return Verdict("failed", words, shown, found.cases)
    if ended.code:
        words = f"exit code {ended.code}, although no case failed"
        return Verdict(
            "failed", words if found.cases else f"exit code {ended.code}", last, found.cases
        )
    if found.cases < spec.at_least:
        words = f"{found.cases} cases, at least {spec.at_least} expected"
        return Verdict("unknown", words, last, found.cases)
    words = f"{found.cases} cases passed"
    if spec.evidence == "problems":
        words = f"no problem in {found.cases} files"
    return Verdict("passed", words, (), found.cases)


def _is_missing(line: str, said: str) -> bool:
    """Tell whether a command line names a program that this machine has not.

    What runs may end and talk as the shell does then; so what it names is looked for as well.
    """
    named = set(words_of(line))
    return any(name in named and not is_there(name) for name in _NOT_FOUND.findall(said))


def _counted(subject: Subject, spec: CheckSpec, ran: Ran) -> Counted:
    said = ran.said
    if spec.evidence == "junit":
        found = Counted()
        reports = _reports(ran.folder, spec.report)
        if not reports:
            raise Unreadable(f"it wrote no {spec.report}")
        for report in reports:
            found = found.plus(junit(report))
        return found
    if spec.evidence == "problems":
        return _problems(subject, spec, ran)
    if spec.evidence == "hooks":
        return hooks(said)
    if spec.evidence == "tap":
        return tap(said)
    if spec.evidence == "count":
        return counted(said, spec.pattern)
    return Counted(len(subject.matching(spec)))


def _problems(subject: Subject, spec: CheckSpec, ran: Ran) -> Counted:
    preset, paths, said = preset_of(spec), _about(subject, spec), ran.said
    found = problems(
        said, subject.files, folder=spec.folder, wanted=spec.pattern, lacking=preset.lacking,
        from_zero=preset.from_zero,
    )  # fmt: skip
    # One that did not end well need not have come to its list; its own words say why.
    lists = preset.lists and not found.faults and not ran.ended.code
    unseen = listed(said, paths, folder=spec.folder) if lists else []
    faults = (*found.faults, *(f"{path}:1: the tool did not look at it" for path in unseen))
    return Counted(len(paths), faults)


def _reports(folder: str, pattern: str) -> list[bytes]:
    out = []
    for name in sorted(glob.glob(pattern, root_dir=folder, recursive=True, include_hidden=True)):
        place = os.path.join(folder, name)
        if os.path.realpath(place) != os.path.join(os.path.realpath(folder), name):
            raise Unreadable(f"{name} is reached through a link")
        try:
            fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise Unreadable(f"{name}: {error.strerror}") from None
        with os.fdopen(fd, "rb") as file:
            out.append(file.read(LARGEST + 1))
    return out


def _tool(line: str) -> str:
    """Return the program that does the work, with its version."""
    program = next(iter(programs_of(line)), "")
    name = os.path.basename(program)
    return f"{name} {_version(program)}".strip() if program else line.split(" ", maxsplit=1)[0]


@cache
def _version(program: str) -> str:
    """Return what a program says its version is; run in a box as well."""
    printed = bytearray()
    named = f"{program} {os.path.basename(program)}"  # one of the two is what may be looked up
    with (
        contextlib.suppress(OSError),
        tempfile.TemporaryDirectory(prefix="clubos-version-") as folder,
    ):
        run(
            equip(Box(folder), named), [program, "--version"], output=printed.extend,
            limits=Limits(seconds=5.0, output=1 << 16),
        )  # fmt: skip
    words = printed.decode("utf-8", "replace").split()
    return next((word.lstrip("v") for word in words if word.lstrip("v")[:1].isdigit()), "")[:40]
