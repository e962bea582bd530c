"""A command as a check: the gate opens on evidence only, whatever the command says of itself."""

import os
import shutil
import sys
import threading
import time

import pytest

from clubos_tui import checks
from clubos_tui.changes.manifest import FILE, Entry
from clubos_tui.checks import Subject
from clubos_tui.plan import CheckSpec
from clubos_tui.repository.objects import object_id
from clubos_tui.workspace.sandbox.box import program
from clubos_tui.workspace.sandbox.probe import Holds

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
GOOD = '<testsuite tests="2"><testcase name="a"/><testcase name="b"/></testsuite>'
BAD = '<testsuite tests="1"><testcase name="a"><failure message="no"/></testcase></testsuite>'


@pytest.fixture
def tree(home, tmp_path):
    """Return a function that checks a tree with a command."""
    folder = tmp_path / "tree"
    folder.mkdir()
    files = {}
    made = []

    def add(name, data):
        (folder / name).write_bytes(data)
        files[name] = Entry(FILE, object_id("blob", data))

    add("a.txt", b"one\n")
    add("b.txt", b"two\n")

    def copy():
        made.append(tmp_path / f"copy-{len(made)}")
        shutil.copytree(folder, made[-1])
        return str(made[-1])

    def check(command, *, stop=None, **fields):
        fields = {"evidence": "files", "paths": ("*.txt",), "seconds": 20, **fields}
        spec = CheckSpec("command", "command", command=command, **fields)
        subject = Subject(str(folder), files, files, (), copy=copy, stop=stop or threading.Event())
        said = []
        found = checks.run(spec, subject, progress=said.append)
        assert sorted(os.listdir(folder)) == sorted(files), "the tree itself is left alone"
        check.said = "".join(said)
        return found

    check.add = add
    return check


# The command, what it gives as evidence, how that is judged, and a word of why.
MATRIX = {
    "exit 0, files": ("true", {}, "passed", "2 cases passed"),
    "exit 0, no files": ("true", {"paths": ("*.md",)}, "unknown", "0 cases"),
    "exit 0, too few": ("true", {"at_least": 3}, "unknown", "2 cases, at least 3"),
    "exit 1": ("echo wrong: a.txt:1; exit 1", {}, "failed", "exit code 1"),
    "exit 2": ("exit 2", {}, "failed", "exit code 2"),
    "exit 126": ("./a.txt", {}, "unknown", "can't be executed"),
    "exit 127": ("no-such-tool", {}, "unknown", "not there"),
    "exit 137": ("kill -9 $$", {}, "unknown", "signal 9"),
    "hangs": ("sleep 60", {"seconds": 1}, "unknown", "longer than 1 s"),
    "100 MB": ("head -c 100000000 /dev/zero", {}, "unknown", "printed more than"),
    "no report": ("true", {"evidence": "junit", "report": "r.xml"}, "unknown", "wrote no r.xml"),
    "a report": (f"echo '{GOOD}' > r.xml", {"evidence": "junit", "report": "r.xml"}, "passed",
                 "2 cases"),
    "two reports": (f"mkdir d; echo '{GOOD}' > d/1.xml; echo '{GOOD}' > d/2.xml",
                    {"evidence": "junit", "report": "d/*.xml"}, "passed", "4 cases"),
    "a report of no test": ("echo '<testsuite tests=\"0\"/>' > r.xml",
                            {"evidence": "junit", "report": "r.xml"}, "unknown", "0 cases"),
    "a failure and exit 0": (f"echo '{BAD}' > r.xml", {"evidence": "junit", "report": "r.xml"},
                             "failed", "1 of 1 cases failed"),
    "success and exit 1": (f"echo '{GOOD}' > r.xml; exit 1",
                           {"evidence": "junit", "report": "r.xml"}, "failed",
                           "exit code 1, although no case failed"),
    "half a report": ("echo '<testsuite>' > r.xml", {"evidence": "junit", "report": "r.xml"},
                      "unknown", "can't be read"),
    "a report by a link": ("ln -s /etc/os-release r.xml", {"evidence": "junit", "report": "r.xml"},
                           "unknown", "through a link"),
    "tap": ("printf '1..1\\nok 1\\n'", {"evidence": "tap"}, "passed", "1 cases"),
    "tap cut short": ("printf '1..2\\nok 1\\n'", {"evidence": "tap"}, "unknown", "plans 2"),
    "a count": ("echo 12 passed", {"evidence": "count", "pattern": r"(\d+) passed"}, "passed",
                "12 cases"),
    "no count": ("echo all good", {"evidence": "count", "pattern": r"(\d+) passed"}, "unknown",
                 "nothing in its output"),
    "a count of none": ("echo 0 passed", {"evidence": "count", "pattern": r"(\d+) passed"},
                        "unknown", "0 cases"),
}  # fmt: skip


@needs_box
@pytest.mark.parametrize("name", MATRIX)
def test_p7_the_gate_opens_on_evidence_only(tree, name):
    command, fields, outcome, why = MATRIX[name]
    found = tree(command, **fields)
    assert (found.outcome, why in found.summary) == (outcome, True), found
    assert found.evidence[0] == f"$ {command}"


@needs_box
def test_the_lines_that_matter_and_the_tool_are_kept(tree):
    found = tree("sh -c 'seq 100; echo a.txt:1: wrong; exit 1'")
    assert found.evidence[-1] == "a.txt:1: wrong"
    assert found.tool.startswith("sh")
    python = tree(f"{sys.executable} -c 'print(1)'")
    assert python.tool.startswith("python")
    assert python.tool.endswith(".".join(map(str, sys.version_info[:3])))


@needs_box
def test_p8_a_command_has_no_network_and_reaches_nothing(tree, home):
    (home / "secret").write_text("never")
    found = tree(f"cat {home}/secret; test $(grep -c : /proc/net/dev) -eq 1")
    assert found.outcome == "passed"
    assert "never" not in tree.said


@needs_box
def test_what_it_leaves_behind_has_ended(tree, tmp_path):
    found = tree("(setsid sh -c 'while :; do date > alive; sleep 0.05; done' &) ; sleep 0.3")
    assert found.outcome == "passed"
    alive = next(tmp_path.glob("copy-*")) / "alive"
    before = alive.stat().st_mtime_ns
    time.sleep(0.2)
    assert alive.stat().st_mtime_ns == before


@needs_box
def test_it_can_be_cancelled(tree):
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    assert tree("sleep 60", stop=stop, seconds=60).outcome == "unknown"
    assert time.monotonic() - began < 5


@needs_box
def test_p7_a_real_runner_is_believed_where_it_says_how_many(tree):
    """A preset knows where the report is; here of the one tool that is always there."""
    spec = {"preset": "pytest", "paths": ()}
    line = f"{sys.executable} -m pytest -q -p no:cacheprovider --junit-xml=.clubos-report.xml"
    assert tree(line, **spec).outcome == "failed", "there is no test"
    tree.add("test_one.py", b"def test_good(): pass\ndef test_other(): pass\n")
    assert tree(line, **spec).summary == "2 cases passed"
    tree.add("test_two.py", b"def test_bad(): assert 1 == 2\n")
    found = tree(line, **spec)
    assert found.outcome == "failed"
    assert found.evidence[1].startswith("test_two.test_bad: ")


def test_p8_without_a_sandbox_nothing_is_run(tree, monkeypatch):
    monkeypatch.setattr("clubos_tui.checks.boxed.probe", lambda: Holds(False, "no bwrap", "get it"))
    found = tree("true")
    assert (found.outcome, found.evidence) == ("unknown", ("get it",))
