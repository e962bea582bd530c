"""What a tool's report says: cases and faults, and nothing where it can't be read to its end."""

import pytest

from clubos_tui.checks.reports import Counted, Unreadable, counted, junit, tap

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.1">
<testcase classname="test_a" name="test_good" time="0.01"/>
<testcase classname="test_a" name="test_bad"><failure message="assert 1 == 2">trace</failure>
</testcase>
<testcase classname="test_a" name="test_left"><skipped message="not here"/></testcase>
<testcase classname="test_b" name="test_broken"><error message="no fixture &#10; 'x'"/></testcase>
</testsuite></testsuites>"""


def test_junit_counts_what_ran_and_names_what_failed():
    assert junit(PYTEST) == Counted(
        3, ("test_a.test_bad: assert 1 == 2", "test_b.test_broken: no fixture 'x'")
    )


def test_junit_without_a_case_is_no_case():
    assert junit(b'<testsuites><testsuite tests="0"/></testsuites>') == Counted()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no XML"),
        (b"<testsuites><testsuite>", "no XML"),
        (PYTEST[:-30], "no XML"),
        (b"<html/>", "begins with <html>"),
        (b'<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuites>&a;</testsuites>', "entities"),
        (PYTEST.replace(b'tests="4"', b'tests="5"'), "says 5 cases and holds 4"),
        (PYTEST.replace(b'failures="1"', b'failures="3"'), "says 4 failures and holds 2"),
        (PYTEST.replace(b'tests="4"', b'tests="four"'), "no numbers"),
    ],
)
def test_junit_that_is_cut_or_bent_is_unreadable(data, why):
    with pytest.raises(Unreadable, match=why):
        junit(data)


TAP = """TAP version 13
ok 1 - reads
not ok 2 - writes
  ---
  message: 'no'
  ...
ok 3 - elsewhere # SKIP not here
not ok 4 - later # TODO one day
    ok 1 - of a subtest
1..4
"""


def test_tap_counts_what_ran_and_names_what_failed():
    assert tap(TAP) == Counted(3, ("writes",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no plan"),
        ("ok 1\n", "no plan"),
        ("1..3\nok 1\nok 2\n", "plans 3 cases and shows 2"),
        ("1..1\nok 1\nok 2\n", "plans 1 cases and shows 2"),
        ("1..2\nok 1\nBail out! no database\n", "ended early"),
    ],
)
def test_tap_that_is_cut_is_unreadable(text, why):
    with pytest.raises(Unreadable, match=why):
        tap(text)


def test_a_pattern_counts_its_lines_or_sums_its_group():
    text = "test result: ok. 12 passed; 0 failed\ntest result: ok. 3 passed; 0 failed\n"
    assert counted(text, r"^test result: .*? (\d+) passed") == Counted(15)
    assert counted("--- PASS: A\n    --- PASS: B\n--- FAIL: C\n", r"^\s*--- PASS: ") == Counted(2)
    with pytest.raises(Unreadable, match="nothing in its output"):
        counted("all good", r"(\d+) passed")
    with pytest.raises(Unreadable, match="holds no number"):
        counted("many passed", r"(\w+) passed")
