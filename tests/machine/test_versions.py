"""Programs that are asked for their version: all at once, and none of them trusted."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from support.programs import FLOODS, GARBAGE, HANGS, gone, put

from clubos_tui.machine.versions import ask, at_least, find

PRINTED = [
    ("git version 2.39.5 (Apple Git-154)", "2.39.5"),
    ("v22.4.1", "22.4.1"),
    ("psql (PostgreSQL) 15.9 (Debian 15.9-0+deb12u1)", "15.9"),
    ("initdb (PostgreSQL) 17beta1", "17beta1"),
    ("gemini/0.1.9-nightly.250", "0.1.9"),
    ("\x1b[1m\x1b[32m0.3.1\x1b[0m", "0.3.1"),
    ("\x1b]0;1.2.3\x07tool 4.5", "4.5"),
    ("Version 5.4.2", "5.4.2"),
    ("no number", ""),
    ("abc1.2.3", ""),
    ("", ""),
]


def one(folder: Path, script: str, **options: float) -> tuple[str, str]:
    program = str(put(folder, "tool", script))
    answer = ask([program], **options)[program]
    return answer.version, answer.why


@pytest.mark.parametrize(("printed", "version"), PRINTED)
def test_a_version_is_found_in_what_is_printed(tmp_path: Path, printed: str, version: str) -> None:
    (tmp_path / "said").write_text(printed)
    found, why = one(tmp_path, f"exec cat {tmp_path}/said")
    assert found == version
    assert bool(why) == (not version)


def test_one_that_tells_it_among_its_errors_is_heard_too(tmp_path: Path) -> None:
    assert one(tmp_path, "echo warning; echo tool 1.2 >&2; exit 1") == ("1.2", "")


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    version, why = one(tmp_path, f": {tmp_path}; (sleep 1000; : {tmp_path}) & {HANGS}", seconds=0.5)
    assert time.monotonic() - began < 3
    assert version == ""
    assert "0.5 seconds" in why
    assert gone(str(tmp_path / "tool"))


def test_what_was_said_before_it_hung_counts(tmp_path: Path) -> None:
    assert one(tmp_path, f"echo 3.1; {HANGS}", seconds=0.5) == ("3.1", "")


def test_a_child_that_keeps_the_pipe_open_is_not_waited_for(tmp_path: Path) -> None:
    """As an update check does that goes on behind its back."""
    began = time.monotonic()
    assert one(tmp_path, "sleep 6 & echo 3.1", seconds=5.0) == ("3.1", "")
    assert time.monotonic() - began < 2


def test_endless_output_is_not_read_to_its_end(tmp_path: Path) -> None:
    began = time.monotonic()
    version, why = one(tmp_path, FLOODS)
    assert time.monotonic() - began < 3
    assert (version, why) == ("", "it answers --version with more than a version")


def test_garbage_has_no_version_and_is_not_passed_on(tmp_path: Path) -> None:
    version, why = one(tmp_path, GARBAGE)
    assert version == ""
    assert why.isascii()
    assert why.isprintable()


def test_one_that_can_not_start_says_why(tmp_path: Path) -> None:
    script = put(tmp_path, "broken", "")
    script.write_bytes(b"\x7fELFnot")
    other = put(tmp_path, "lost", "")
    other.write_text("#!/no/such/interpreter\n")
    answers = ask([str(script), str(other)])
    assert "does not start" in answers[str(script)].why
    assert "does not start" in answers[str(other)].why
    assert "127" in one(tmp_path, "no-such-program-at-all")[1]


def test_all_are_asked_at_once(tmp_path: Path) -> None:
    programs = [str(put(tmp_path, f"t{n}", f"sleep 0.4; echo {n}.0")) for n in range(8)]
    began = time.monotonic()
    answers = ask(programs)
    assert time.monotonic() - began < 2
    assert [answers[path].version for path in programs] == [f"{n}.0" for n in range(8)]


def test_who_waits_can_end_it(tmp_path: Path) -> None:
    stop, program = threading.Event(), str(put(tmp_path, "tool", HANGS))
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    ask([program], seconds=30, stop=stop)
    assert time.monotonic() - began < 3
    assert gone(program)


def test_p12_no_key_is_in_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "MY_TOKEN", "DB_PASSWORD", "GIT_DIR"):
        monkeypatch.setenv(name, "12.34.56")
    assert one(tmp_path, "env | grep -F 12.34.56; exit 3") == ("", "--version ends with 3")


def test_only_whole_paths_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that is stood in brings no programs."""
    put(tmp_path, "gemini", "echo 6.6.6")
    monkeypatch.chdir(tmp_path)
    for path in (".", "", f"{os.curdir}:", os.pathsep):
        monkeypatch.setenv("PATH", path)
        assert find("gemini") == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find("gemini") == str(tmp_path / "gemini")


@pytest.mark.parametrize(
    ("version", "new"), [("2.38", True), ("2.37.9", False), ("3.0", True), ("", False), ("3", True)]
)
def test_versions_are_compared_as_numbers(version: str, new: bool) -> None:
    assert at_least(version, (2, 38)) is new
