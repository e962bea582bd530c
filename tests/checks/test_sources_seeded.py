"""Each seeded fault is found by the check that is there for it, with its line (P7)."""

import re
from collections import Counter

import pytest
from checks.seeded_faults import SEEDED
from support import built_in

from clubos_tui.checks import BOXED, run


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{row.phase}-{row.check}-{row.says}") for row in SEEDED]
)
def test_p7_a_seeded_fault_is_found_with_its_line(tmp_path, row):
    subject = built_in.subject(tmp_path, row.phase, row.texts())
    verdict = run(built_in.checks_of(row.phase)[row.check], subject)
    assert verdict.outcome == "failed", verdict
    place = re.compile(rf"{re.escape(row.place())}(?!\d)")
    lines = [line for line in verdict.evidence if place.match(line) and row.says in line]
    assert lines, (row.place(), row.says, verdict.evidence)
    # A fault that breaks everything would be found by accident.
    assert len(verdict.evidence) <= 12, verdict.evidence


PHASES = range(1, len(built_in.plan().phase) + 1)


@pytest.mark.parametrize("number", PHASES)
def test_every_check_passes_on_the_unedited_tree(tmp_path, number):
    subject = built_in.subject(tmp_path, number)
    for spec in built_in.checks_of(number).values():
        if spec.kind not in BOXED:
            verdict = run(spec, subject)
            assert verdict.outcome == "passed", (spec.name, verdict)


def test_there_are_enough_faults_and_every_check_on_sources_has_some():
    assert len(SEEDED) >= 45
    kinds = Counter(built_in.checks_of(row.phase)[row.check].kind for row in SEEDED)
    assert {"syntax", "routes", "access", "calls", "reachable", "references", "env"} <= set(kinds)
