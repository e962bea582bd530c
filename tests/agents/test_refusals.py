"""What was refused to an agent: found in what is printed, told in the log, kept in the journal."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support.cli import Said, inside
from support.hostile import PLAN
from support.repo import Repo

from clubos_tui.agents import base as a
from clubos_tui.agents.tools.refusals import MOST, Refusals, told
from clubos_tui.engine.effects.denials import Denials
from clubos_tui.events import ActionFinished, decode, encode
from clubos_tui.workspace.sandbox.box import program

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")
KEY = "sk-ant-0123456789abcdefghijklmnop"


def of(*pieces: str) -> Refusals:
    found = Refusals()
    for piece in pieces:
        found.add(piece)
    found.end()
    return found


@pytest.mark.parametrize(
    "line",
    [
        "/bin/sh: 1: cannot create /usr/x: Read-only file system",
        "fatal: cannot change to '/home/pat/repo': No such file or directory",
        "fatal: not a git repository: '/home/pat/repo/.git'",
        "cat: ../../secret: No such file or directory",
        "bash: /dev/tty: No such device or address",
        "curl: (6) Could not resolve host: example.org",
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
        "PermissionError: [Errno 1] Operation not permitted",
    ],
)
def test_a_refusal_is_known_by_the_kernels_words(line: str) -> None:
    assert of(f"before\n{line}\nafter\n").lines == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "cat: notes.txt: No such file or directory",
        "/usr/bin/ls: cannot access 'a/b': No such file or directory",
        "cat: /workspace/a: No such file or directory",
        "fatal: not a git repository (or any of the parent directories): .git",
        "all 12 tests passed",
    ],
)
def test_what_is_just_not_there_is_none(line: str) -> None:
    assert of(line).count == 0


def test_a_line_may_come_in_pieces_and_without_an_end() -> None:
    assert of("cat: /etc/shadow: Perm", "ission den", "ied").lines == (
        "cat: /etc/shadow: Permission denied",
    )
    assert of("50%\rmount: Operation not permitted\r\n").lines == (
        "mount: Operation not permitted",
    )


def test_lines_are_bounded_and_all_are_counted() -> None:
    found = of(*(f"{number}: Permission denied\n" for number in range(100)))
    assert found.count == 100
    assert len(found.lines) == MOST + 1
    assert found.lines[-1] == f"and {100 - MOST} more"
    assert told(found.lines, found.count) == "The box refused: 0: Permission denied (and 99 more)"
    assert len(of("Permission denied " + "x" * 1_000_000).lines[0]) < 300
    again = of("Permission denied\n" * 3)
    assert again.lines == ("Permission denied", "and 2 more")


def test_a_flood_of_them_costs_little() -> None:
    began = time.monotonic()
    found = Refusals()
    for _ in range(100):
        found.add("x: no such file or directory\n" * 10_000)
    assert time.monotonic() - began < 5


def test_half_a_key_is_not_kept() -> None:
    line = f"{'x' * 225} {KEY}: Permission denied"
    assert "sk-ant" not in of(line).lines[0]


def test_each_command_is_told_and_all_are_kept() -> None:
    denials = Denials()
    said = []
    for number in range(3):
        call = a.ToolCall(str(number), "run", "execute", "in_progress")
        printed = a.TerminalOutput(f"{number}: Permission denied\n" * (number + 1))
        ended = a.ToolCall(str(number), "run", "execute", "completed")
        said += [denials.hear(event) for event in (call, printed, ended)]
    assert [notice.text for notice in said if notice] == [
        "The box refused: 0: Permission denied",
        "The box refused: 1: Permission denied (and 1 more)",
        "The box refused: 2: Permission denied (and 2 more)",
    ]
    denials.hear(a.TerminalOutput("last: Permission denied"))  # its end is never told
    assert denials.lines[-1] == "last: Permission denied"
    for number in range(100):
        denials.hear(a.TerminalOutput(f"{number}: Permission denied\n"))
        denials.hear(a.TurnEnded("end_turn"))
    assert len(denials.lines) == MOST + 1
    assert denials.lines[-1].endswith(" more")


def test_an_older_journal_is_read() -> None:
    tag, data = encode(ActionFinished(1, 1, "one", "success", "0" * 40))  # type: ignore[arg-type]
    data.pop("refused", None)
    event = decode(tag, data)
    assert isinstance(event, ActionFinished)
    assert event.refused == ()


def ran(repo: Repo, command: str) -> tuple[Said, list[dict[str, object]]]:
    file = repo.root.parent / "plan.toml"
    file.write_text(PLAN)
    said = inside(repo, "run", "--plan", str(file), "--agent", f"shell:{command}")
    lines = inside(repo, "log", "--json").out.splitlines()
    return said, [event for event in map(json.loads, lines) if event["type"] == "action.finished"]


@needs_box
@pytest.mark.parametrize("end", ["true", "exit 3", "ln -s /etc out"])
def test_p8_the_journal_holds_it_however_the_action_ended(repo: Repo, end: str) -> None:
    said, (ended,) = ran(repo, f"echo x > a.txt; echo x > /usr/x; {end}")
    line = "/bin/sh: 1: cannot create /usr/x: Read-only file system"
    assert ended["refused"] == [line]
    assert ended["status"] == ("success" if end == "true" else "failed")
    assert f"warning phase 1 The box refused: {line}" in said.out
    assert f"refused: {line}" in inside(repo, "log").out
    assert inside(repo, "verify").code == 0


@needs_box
def test_p12_a_key_in_it_is_redacted(repo: Repo, state: Path) -> None:
    """It comes from the command's own words; as everywhere, log and stream are without it."""
    repo.write("key.txt", KEY)
    repo.commit("a key that nobody knew of")
    said, (ended,) = ran(repo, 'echo x > "/usr/$(cat key.txt)"')
    assert ended["refused"] == ["/bin/sh: 1: cannot create /usr/[redacted]: Read-only file system"]
    assert KEY not in said.out + said.err
    for file in (*state.rglob("*.jsonl"),):
        assert KEY not in file.read_text()
