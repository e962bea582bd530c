"""A command as a check: it runs in the box, on a copy of the tree, and its report is the evidence.

An exit code alone proves little: a runner that found no test ends with 0 as well. So a command
passes only with a number of cases, from its report or from the files that it is about; and one
that was ended, is not there, or left a report that can't be read is unknown, never passed.
"""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from clubos_tui.checks.base import EVIDENCE_LINES, Checking, Subject, Verdict
from clubos_tui.checks.boxed import Ran, boxed
from clubos_tui.checks.reports import LARGEST, Counted, Unreadable, counted, junit, tap
from clubos_tui.plan import CheckSpec, Evidence
from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.sandbox.programs import equip, programs_of
from clubos_tui.workspace.sandbox.running import run
from clubos_tui.workspace.sandbox.watch import Limits

__all__ = ["PRESETS", "command", "counts_cases"]

REPORT: Final = ".clubos-report.xml"
_NOT_RUN: Final = {126: "it can't be executed", 127: "it is not there"}


@dataclass(frozen=True, slots=True)
class Preset:
    """How a well-known tool is run, and where its evidence is."""

    command: str
    evidence: Evidence
    report: str = ""
    pattern: str = ""


PRESETS: Final = {
    "pytest": Preset(
        f"python3 -m pytest -q -p no:cacheprovider --junit-xml={REPORT}", "junit", REPORT
    ),
    "vitest": Preset(
        f"npx --no-install vitest run --reporter=junit --outputFile={REPORT}", "junit", REPORT
    ),
    "cargo": Preset(
        "cargo test --offline", "count", pattern=r"^test result: .*? (\d+) passed"
    ),
    "go": Preset("go test -v ./...", "count", pattern=r"^\s*--- PASS: "),
}  # fmt: skip
"""By the name that a plan gives as ``preset``."""


def command(subject: Subject, spec: CheckSpec) -> Checking:
    """The command ends well, and shows at least as many cases as the plan asks for."""
    spec = _with_preset(spec)
    ran = yield from boxed(subject, spec, spec.command)
    if isinstance(ran, Verdict):
        return ran
    found = _judged(subject, spec, ran)
    tool = _tool(spec.command)
    return replace(found, tool=tool, evidence=(f"$ {spec.command}", *found.evidence))


def counts_cases(spec: CheckSpec) -> bool:
    """Tell whether a check's tool says itself how many cases there were."""
    counted = spec.kind == "command" and _with_preset(spec).evidence
    return counted in {"junit", "tap", "count"}


def _with_preset(spec: CheckSpec) -> CheckSpec:
    preset = PRESETS.get(spec.preset)
    if preset is None:
        return spec
    return replace(
        spec,
        command=spec.command or preset.command,
        evidence=preset.evidence if spec.evidence == "files" else spec.evidence,
        report=spec.report or preset.report,
        pattern=spec.pattern or preset.pattern,
    )


def _judged(subject: Subject, spec: CheckSpec, ran: Ran) -> Verdict:
    """Return what an end and a report come to; the worse of the two counts."""
    ended, said = ran.ended, ran.said
    last = tuple(said.strip().splitlines()[-EVIDENCE_LINES:])
    if ended.why:
        return Verdict("unknown", f"it was ended: {ended.why}", last)
    if ended.code in _NOT_RUN:
        return Verdict("unknown", f"{_NOT_RUN[ended.code]} (exit code {ended.code})", last)
    if ended.code > 128:
        return Verdict("unknown", f"signal {ended.code - 128} ended it", last)
    try:
        found = _counted(subject, spec, ran.folder, said)
    except Unreadable as error:
        # A tool that failed need not have written a report.
        if ended.code:
            return Verdict("failed", f"exit code {ended.code}", last)
        return Verdict("unknown", f"its report can't be read: {error}", last)
    if found.faults:
        shown = found.faults[:EVIDENCE_LINES]
        return Verdict(
            "failed", f"{len(found.faults)} of {found.cases} cases failed", shown, found.cases
        )
    if ended.code:
        words = f"exit code {ended.code}, although no case failed"
        return Verdict(
            "failed", words if found.cases else f"exit code {ended.code}", last, found.cases
        )
    if found.cases < spec.at_least:
        words = f"{found.cases} cases, at least {spec.at_least} expected"
        return Verdict("unknown", words, last, found.cases)
    return Verdict("passed", f"{found.cases} cases passed", (), found.cases)


def _counted(subject: Subject, spec: CheckSpec, folder: str, said: str) -> Counted:
    if spec.evidence == "junit":
        found = Counted()
        reports = _reports(folder, spec.report)
        if not reports:
            raise Unreadable(f"it wrote no {spec.report}")
        for report in reports:
            found = found.plus(junit(report))
        return found
    if spec.evidence == "tap":
        return tap(said)
    if spec.evidence == "count":
        return counted(said, spec.pattern)
    return Counted(len(subject.matching(spec)))


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
