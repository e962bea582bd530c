"""Every check of the built-in plan passes on what the plan builds, and can fail (P7)."""

import pytest
from support import built_in

from clubos_tui.checks import BOXED, run
from clubos_tui.checks.canaries import fault_for, found, plant

CHECKS = [
    pytest.param(number, name, id=f"{number}-{name}")
    for number in range(1, len(built_in.plan().phase) + 1)
    for name, spec in built_in.checks_of(number).items()
    if spec.kind not in BOXED  # tests/checks/test_migrations.py
]


@pytest.mark.parametrize(("number", "name"), CHECKS)
def test_p7_each_check_of_the_built_in_plan_can_fail(tmp_path, number, name):
    spec = built_in.checks_of(number)[name]
    subject = built_in.subject(tmp_path, number)
    before = run(spec, subject)
    assert before.outcome == "passed", before
    fault = fault_for(spec, subject)
    assert fault is not None
    after = run(spec, plant(fault, subject, str(tmp_path)))
    assert found(fault, after), after
