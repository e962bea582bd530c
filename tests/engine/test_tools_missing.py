"""What a plan lets be missing is only that: a tool that is there and did not get through shuts."""

import pytest
from support.agents import write
from support.journey import Journey

from clubos_tui.plan import CheckSpec
from clubos_tui.workspace.sandbox.box import program

BOXED = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
NEW = write("new.txt", "new\n")

# The command, more of the check, how it is shown, and whether the gate is shut by it.
ENDS = {
    "the tool is not there": ("no-such-tool", {}, "not run", False),
    "a part of the line is not there": ("true && no-such-tool x", {}, "not run", False),
    "it ends as if it were not there": ("sh -c 'exit 127'", {}, "unknown", True),
    "it says that it is not there": (
        "sh -c 'echo /bin/sh: 1: sh: not found; exit 127'", {}, "unknown", True,
    ),
    "it says so of what nobody named": (
        "sh -c 'echo /bin/sh: 1: elsewhere: not found; exit 127'", {}, "unknown", True,
    ),
    "it takes too long": ("sleep 30", {"seconds": 1}, "unknown", True),
    "it is killed": ("kill -9 $$", {}, "unknown", True),
    "its report can't be read": ("echo x", {"evidence": "tap"}, "unknown", True),
    "it looked at too little": ("true", {"at_least": 9}, "unknown", True),
    "it passes": ("true", {}, "passed", False),
}  # fmt: skip


@BOXED
@pytest.mark.parametrize("what", ENDS)
def test_p7_only_what_is_missing_may_be_missing(repo, what) -> None:
    line, fields, shown, shut = ENDS[what]
    specs = (
        CheckSpec("there", "paths", ("new.txt",)),
        CheckSpec("it", "command", ("*.txt",), command=line, if_available=True, **fields),
    )
    journey = Journey(repo, NEW, check=specs)
    journey.propose()
    tree = journey.phase().change_set
    found = journey.view.checks["proposal", tree]["it"]
    assert found.outcome == shown, found
    closed = [check.check for check in journey.view.closed_checks("proposal", tree)]
    assert closed == (["it"] if shut else [])
    journey.close()
