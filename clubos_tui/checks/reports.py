"""What a tool's own report says: how many cases there were, and which did not pass. Pure.

A case that was skipped proves nothing and is not counted. A report that can't be read to its end
is no evidence at all.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

__all__ = ["LARGEST", "Counted", "Lacking", "Unreadable", "counted", "junit", "tap"]

LARGEST: Final = 32 << 20
"""Bytes of a report."""
_WORDS: Final = 200  # characters of a fault


class Unreadable(Exception):
    """A report that is not what it should be."""


class Lacking(Unreadable):
    """It says that something was missing, so that the tool could not look."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a report says."""

    cases: int = 0
    faults: tuple[str, ...] = ()

    def plus(self, other: Counted) -> Counted:
        """Return both together."""
        return Counted(self.cases + other.cases, self.faults + other.faults)


def junit(data: bytes) -> Counted:
    """Read a report in JUnit's XML, as pytest, vitest and most others write it.

    Raises:
        Unreadable: It is none, or its own totals say something else than its cases.
    """
    if len(data) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST >> 20} MiB")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable("it declares entities, which no report needs")
    try:
        root = ET.fromstring(data)  # noqa: S314 - without entities it can't grow
    except ET.ParseError as error:
        raise Unreadable(f"it is no XML: {error}") from None
    if root.tag not in {"testsuites", "testsuite"}:
        raise Unreadable(f"it begins with <{root.tag}>, not with <testsuites>")
    found = list(root.iter("testcase"))
    faults = tuple(fault for case in found for fault in _faults_of(case))
    skipped = sum(
        case.find("skipped") is not None or case.get("status") in _NOT_RUN for case in found
    )
    _require_totals(root, len(found), len(faults))
    return Counted(len(found) - skipped, faults)


_NOT_RUN = {"notrun", "disabled", "skipped"}  # as googletest and others say it


def _faults_of(case: ET.Element) -> Iterable[str]:
    for kind in ("failure", "error"):
        for fault in case.findall(kind):
            name = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
            words = fault.get("message") or (fault.text or "").strip() or kind
            yield f"{name}: {' '.join(words.split())}"[:_WORDS]


def _require_totals(root: ET.Element, cases: int, faults: int) -> None:
    """Suites say how many cases they hold; one that names fewer was cut short or bent."""
    suites = [root] if root.tag == "testsuite" else root.findall("testsuite")
    try:
        said = sum(int(suite.get("tests") or 0) for suite in suites)
        bad = sum(int(suite.get(kind) or 0) for suite in suites for kind in ("failures", "errors"))
    except ValueError:
        raise Unreadable("its totals are no numbers") from None
    if any(suite.get("tests") for suite in suites) and said != cases:
        raise Unreadable(f"it says {said} cases and holds {cases}")
    if bad > faults:
        raise Unreadable(f"it says {bad} failures and holds {faults}")


_TAP_LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*([^#]*?)\s*(?:#\s*(\w+).*)?$")
_TAP_PLAN = re.compile(r"^1\.\.(\d+)")


def tap(text: str) -> Counted:
    """Read output in the Test Anything Protocol; cases of subtests count with their parent.

    Raises:
        Unreadable: There is no plan, or the cases are not those it names.
    """
    planned: int | None = None
    seen = skipped = 0
    faults: list[str] = []
    for line in text.splitlines():
        if line.startswith("Bail out!"):
            raise Unreadable(f"it ended early: {line}"[:_WORDS])
        if plan := _TAP_PLAN.match(line):
            planned = int(plan[1])
        if not (found := _TAP_LINE.match(line)):
            continue
        seen += 1
        directive = (found[4] or "").upper()
        if directive == "SKIP":
            skipped += 1
        elif found[1] and directive != "TODO":
            faults.append(f"{found[3] or f'case {seen}'}"[:_WORDS])
    if planned is None:
        raise Unreadable("it names no plan (1..N)")
    if planned != seen:
        raise Unreadable(f"it plans {planned} cases and shows {seen}")
    return Counted(seen - skipped, tuple(faults))


def counted(text: str, pattern: str) -> Counted:
    """Count by a pattern: the sum of its first group, or how often it is found.

    Raises:
        Unreadable: It is not found, or its group is no number.
    """
    found = list(re.finditer(pattern, text, re.MULTILINE))
    if not found:
        raise Unreadable(f"nothing in its output is like {pattern!r}")
    if not found[0].re.groups:
        return Counted(len(found))
    try:
        return Counted(sum(int(match[1]) for match in found))
    except (TypeError, ValueError):
        raise Unreadable(f"{found[0][0]!r} holds no number") from None
