"""``clubos doctor`` on a machine with everything, on one with nothing, and among bad programs."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.cli import COMMAND, clubos
from support.programs import FLOODS, GARBAGE, HANGS, alive, everything, gone, link, nothing, put

from clubos_tui.agents.presets import PRESETS
from clubos_tui.machine.parts import KINDS

KEYS = {"name", "found", "version", "purpose", "needed", "cure"}
SECRET = "sk-never-to-be-seen-0123456789"
boxed = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


def bare(path: str, **extra: str) -> dict[str, str]:
    """Return the environment of a person of whom nothing is known."""
    return {"PATH": path, "CLUBOS_STATE_DIR": "/nonexistent", **extra}


def ask(env: dict[str, str], where: str = "/") -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code of doctor, and what it tells of each part."""
    done = subprocess.run(
        [*COMMAND, "--repo", where, "doctor", "--json"],
        env=env, cwd="/", capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    assert SECRET not in done.stdout.decode()
    import json

    return done.returncode, {part["name"]: part for part in json.loads(done.stdout)["parts"]}


def plain(env: dict[str, str], columns: int = 80) -> tuple[int, str]:
    """Return the exit code of doctor, and what a person reads."""
    said = clubos("/", "doctor", env={**env, "COLUMNS": str(columns)})
    assert SECRET not in said.out
    return said.code, said.out


@pytest.fixture
def all_of_it(tmp_path: Path) -> dict[str, str]:
    """A machine with everything, and somebody who is logged in everywhere."""
    home = tmp_path / "full"
    for preset in PRESETS.values():
        file = home / preset.needs.home[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
    keys = {name: SECRET for preset in PRESETS.values() for name in preset.needs.variables}
    return bare(
        everything(tmp_path / "bin"), HOME=str(home), EDITOR=f"nvim --cmd '{SECRET}'",
        TERM="xterm-256color", COLORTERM="truecolor", LANG="en_US.UTF-8", **keys,
    )  # fmt: skip


@boxed
def test_a_machine_with_everything(all_of_it: dict[str, str]) -> None:
    code, parts = ask(all_of_it)
    assert code == 0
    lacking = {name for name, part in parts.items() if not part["usable"]}
    assert lacking == {"terminal", "size"}, "there is no terminal around a test"
    versions = {name: part["version"] for name, part in parts.items()}
    assert {versions[name] for name in PRESETS} == {"1.2.3"}
    assert versions["psql"] == "17beta1"
    assert versions["server"] == "16.3"
    assert versions["node"] == "22.4.1"
    assert versions["tsc"] == "5.4.2"
    assert versions["editor"] == "0.10.1"
    assert versions["colours"] == "truecolor"
    assert all(not parts[name]["cure"] for name in versions if name not in lacking)
    assert "ANTHROPIC_API_KEY" in parts["claude"]["note"]
    assert parts["gemini"]["has"] == [
        "GEMINI_API_KEY", "GOOGLE_API_KEY", "~/.gemini/oauth_creds.json"
    ]  # fmt: skip


def test_a_machine_with_nothing(tmp_path: Path) -> None:
    """No home, no key, no terminal: what is missing has its cure, and nothing of it is needed."""
    code, parts = ask(bare(nothing(tmp_path / "bin"), TERM="dumb"))
    assert code == 0
    usable = {name for name, part in parts.items() if part["usable"]}
    assert usable == {
        "blueprint", "git", "python", "textual", "GitPython", "watchfiles", "anthropic"
    } | ({"server"} if parts["server"]["found"] else set())  # fmt: skip
    for name, part in parts.items():
        assert part["usable"] or part["cure"] or name == "size", name
    assert "bubblewrap" in parts["sandbox"]["cure"]
    assert parts["sandbox"]["found"] is False
    assert "no vi" in parts["editor"]["note"]
    assert "TERM" in parts["colours"]["cure"]
    assert plain(bare(nothing(tmp_path / "more"), TERM="dumb"))[0] == 0


def test_the_keys_of_the_json_and_its_groups(tmp_path: Path) -> None:
    _, parts = ask(bare(nothing(tmp_path / "bin")))
    assert all(set(part) > KEYS for part in parts.values())
    assert {part["kind"] for part in parts.values()} == set(KINDS)
    assert [name for name, part in parts.items() if part["needed"]] == [
        "git", "python", "textual", "GitPython", "watchfiles", "anthropic"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (None, ""),
        ("echo git version 2.37.9", "older than 2.38"),
        (HANGS, "did not answer"),
        (GARBAGE, "does not tell its version"),
    ],
)
def test_a_git_that_will_not_do_is_what_is_needed(
    tmp_path: Path, script: str | None, why: str
) -> None:
    (tmp_path / "bin").mkdir()
    if script:
        put(link(tmp_path / "bin", "sleep"), "git", script)
    code, parts = ask(bare(str(tmp_path / "bin")))
    assert code == 1
    assert parts["git"]["found"] is bool(script)
    assert why in parts["git"]["off"]
    assert "2.38" in parts["git"]["cure"]
    assert plain(bare(str(tmp_path / "bin")))[0] == 1


def test_programs_that_hang_flood_and_print_garbage(tmp_path: Path) -> None:
    """P11: nothing of what they print acts on a terminal, and none is waited for."""
    folder = link(tmp_path / "bin", "git", "sleep", "head")
    for name, script in (
        ("gemini", HANGS), ("opencode", FLOODS), ("goose", GARBAGE), ("codex-acp", HANGS),
        ("node", GARBAGE), ("tsc", "echo Version 5.0.1; " + HANGS), ("psql", "exit 3"),
        ("bwrap", HANGS),
    ):  # fmt: skip
        put(folder, name, script)
    (folder / "claude-agent-acp").write_bytes(b"\x7fELF")
    (folder / "claude-agent-acp").chmod(0o755)
    began = time.monotonic()
    code, parts = ask(bare(str(folder)))
    assert time.monotonic() - began < 12
    assert code == 0
    assert all(parts[name]["found"] for name in ("gemini", "opencode", "goose", "claude-code"))
    assert not any(parts[name]["version"] for name in ("gemini", "opencode", "goose", "node"))
    assert parts["tsc"]["version"] == "5.0.1"
    assert "does not tell" in parts["node"]["off"]
    assert "did not answer" in parts["sandbox"]["off"]
    assert "does not start" in parts["claude-code"]["off"]
    assert gone(str(folder))


def test_p11_what_the_environment_holds_is_shown_as_text(tmp_path: Path) -> None:
    """Variables too may come from anywhere."""
    bad = "\x1b[31mx\x1b]0;t\x07\u202e"
    env = {"TERM": f"x{bad}", "EDITOR": f"'{bad}'", "LANG": f"{bad}", "TMUX": bad}
    code, out = plain(bare(nothing(tmp_path / "bin"), **env))  # each call looks for escape codes
    assert code == 0
    assert "\u202e" not in out
    assert "␛" in out


@boxed
def test_p12_only_names_are_told(all_of_it: dict[str, str]) -> None:
    code, out = plain(all_of_it)
    assert code == 0
    assert "OPENAI_API_KEY" in out
    assert "~/.codex/auth.json" in out


def test_agents_run_only_in_the_sandbox(tmp_path: Path) -> None:
    """Without one, what is installed says that it is off, and what would turn it on (P8)."""
    folder = tmp_path / "bin"
    nothing(folder)
    put(folder, "gemini", "echo 0.9.1")
    _, parts = ask(bare(str(folder), ANTHROPIC_API_KEY=SECRET))
    gemini = parts["gemini"]
    assert (gemini["found"], gemini["usable"], gemini["version"]) == (True, False, "0.9.1")
    assert "sandbox" in gemini["off"]
    assert parts["blueprint"]["usable"]
    assert "no commands without the sandbox" in parts["claude"]["note"]
    assert parts["claude"]["usable"]


def test_a_box_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    """Bubblewrap tells its version, and then does nothing."""
    folder = link(tmp_path / "bin", "git", "sleep")
    os.mkfifo(folder / "never")
    script = f'[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit; : < {folder}/never'
    put(folder, "bwrap", script)
    began = time.monotonic()
    code, parts = ask(bare(str(folder)))
    assert time.monotonic() - began < 12
    assert code == 0
    assert parts["sandbox"]["version"] == "0.8.0"
    assert "within 5 seconds" in parts["sandbox"]["off"]
    assert not parts["sandbox"]["found"]
    for process in alive(str(folder)):  # nobody was left to end it
        os.kill(process, signal.SIGKILL)


def test_claude_is_found_by_a_profile_too(tmp_path: Path) -> None:
    folder = tmp_path / "home/.config/anthropic/configs"
    folder.mkdir(parents=True)
    (folder / "default.json").write_text(SECRET)
    _, parts = ask(bare(nothing(tmp_path / "bin"), HOME=str(tmp_path / "home")))
    assert parts["claude"]["found"]
    assert "profile" in parts["claude"]["note"]


@pytest.mark.parametrize(
    ("env", "found", "says"),
    [
        ({"VISUAL": "ed -x", "EDITOR": "gone"}, True, "ed, as VISUAL says"),
        ({"EDITOR": "gone --wait"}, False, "EDITOR names gone"),
        ({"EDITOR": "'open"}, False, "EDITOR is broken"),
        ({}, False, "neither VISUAL nor EDITOR is set"),
    ],
)
def test_the_editor(tmp_path: Path, env: dict[str, str], found: bool, says: str) -> None:
    put(tmp_path / "bin", "ed", f"touch {tmp_path}/started")
    _, parts = ask(bare(nothing(tmp_path / "bin"), **env))
    editor = parts["editor"]
    assert (editor["found"], bool(editor["cure"])) == (found, not found)
    assert says in editor["note"]
    assert not (tmp_path / "started").exists(), "not every editor only tells its version"


@pytest.mark.parametrize(
    ("env", "colours", "found"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor", True),
        ({"TERM": "xterm-256color"}, "256", True),
        ({"TERM": "linux"}, "16", True),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "", False),
        ({}, "", False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "none", True),
    ],
)
def test_colours(tmp_path: Path, env: dict[str, str], colours: str, found: bool) -> None:
    _, parts = ask(bare(nothing(tmp_path / "bin"), **env))
    assert (parts["colours"]["version"], parts["colours"]["found"]) == (colours, found)


@pytest.mark.parametrize(
    ("env", "good"),
    [
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({}, False),
    ],
)
def test_letters(tmp_path: Path, env: dict[str, str], good: bool) -> None:
    _, parts = ask(bare(nothing(tmp_path / "bin"), **env))
    assert parts["UTF-8"]["found"] is good


def on_a_terminal(env: dict[str, str], columns: int, rows: int) -> str:
    """Run doctor on a terminal of a size, and return what it prints."""
    import fcntl
    import struct
    import termios

    pid, fd = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*COMMAND, "--repo", "/", "doctor"], env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    said = b""
    try:
        while piece := os.read(fd, 65536):
            said += piece
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(fd)
    os.waitpid(pid, 0)
    return said.decode().replace("\r\n", "\n")


def test_the_terminal_and_its_size(tmp_path: Path) -> None:
    env = bare(nothing(tmp_path / "bin"), TERM="tmux-256color", TMUX="/tmp/x", SSH_TTY="/dev/1")
    said = on_a_terminal(env, 120, 40)
    assert "TERM=tmux-256color, in tmux, over ssh" in said
    assert "120x40" in said
    assert "\x1b" not in said
    said = " ".join(on_a_terminal(env, 70, 30).split())
    assert "off: smaller than 80x24" in said
    said = " ".join(on_a_terminal({**env, "TERM": "dumb"}, 80, 24).split())
    assert "prints plain lines" in said


@pytest.mark.parametrize("columns", [40, 80, 100, 300])
def test_lines_fit_and_long_texts_are_folded_under_their_column(
    all_of_it: dict[str, str], columns: int
) -> None:
    code, out = plain(all_of_it, columns)
    assert code == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= columns
    for title in KINDS.values():
        assert title in lines
    if columns >= 80:
        column = next(line for line in lines if "blueprint" in line).index("the built-in")
        after = lines[lines.index(next(line for line in lines if " opencode " in line)) + 1]
        assert after[:column].isspace()
        assert not after[column].isspace()
