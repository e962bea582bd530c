"""A program from somebody's home runs in the box, and nothing else of that home is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clubos_tui.workspace.sandbox.box import Box, program
from clubos_tui.workspace.sandbox.programs import equip, programs_of
from clubos_tui.workspace.sandbox.running import run

needs_box = pytest.mark.skipif(not program(), reason="bubblewrap is not installed")


@pytest.fixture
def place(home: Path, tmp_path: Path) -> Path:
    """A home with a secret, and a workspace beside it."""
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_rsa").write_text("never\n")
    (tmp_path / "workspace").mkdir()
    return home


def said(place: Path, command: str) -> str:
    printed = bytearray()
    box = equip(Box(str(place.parent / "workspace")), command)
    run(box, ["/bin/sh", "-c", f"{command}; cat {place}/.ssh/id_rsa"], output=printed.extend)
    text = printed.decode()
    assert "never" not in text
    return text


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@needs_box
def test_a_single_file_is_all_there_is_of_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(place / "bin" / "my-agent", "#!/bin/sh\necho mine; ls $(dirname $0)\n")
    (place / "bin" / "other").write_text("not asked for\n")
    monkeypatch.setenv("PATH", f"{place / 'bin'}:{os.environ['PATH']}")
    assert said(place, "my-agent").splitlines()[:2] == ["mine", "my-agent"]


@needs_box
def test_a_program_of_which_the_system_has_several_is_the_systems(place: Path) -> None:
    """On many a system `awk` is a link into /etc/alternatives, which the box has already."""
    assert said(place, "echo 1 | awk '{ print $1 + 1 }'").splitlines()[0] == "2"


@needs_box
def test_what_npm_installs_runs_with_its_packages_and_interpreter(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to a script among its packages, whose first line names an interpreter by PATH."""
    version = place / ".nvm" / "v20"
    executable(version / "bin" / "own-sh", '#!/bin/sh\nexec /bin/sh "$@"\n')
    package = version / "lib" / "node_modules" / "agent"
    script = '#!/usr/bin/env own-sh\ncat "$(dirname "$(readlink -f "$0")")/words.txt"\n'
    executable(package / "cli.js", script)
    (package / "words.txt").write_text("of the package\n")
    (version / "bin" / "npm-agent").symlink_to("../lib/node_modules/agent/cli.js")
    monkeypatch.setenv("PATH", f"{version / 'bin'}:{os.environ['PATH']}")
    assert said(place, "FOO=1 npm-agent --acp").startswith("of the package\n")


@needs_box
def test_what_lies_in_an_environment_of_python_finds_its_packages(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = place / "tools" / "agent"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next((environment / "lib").glob("python3*/site-packages"))
    (packages / "hers.py").write_text("print('of the environment')\n")
    python = environment / "bin" / "python"
    executable(environment / "bin" / "agent", f"#!{python}\nimport hers\n")
    monkeypatch.setenv("PATH", f"{environment / 'bin'}:{os.environ['PATH']}")
    assert said(place, "agent").startswith("of the environment\n")


@needs_box
def test_programs_of_the_system_need_nothing(place: Path) -> None:
    box = Box(str(place.parent / "workspace"))
    equipped = equip(box, "/bin/sh -c 'cat x | grep y'")
    assert (equipped.readable, equipped.links) == (box.readable, box.links)


@needs_box
def test_p8_an_environment_that_is_a_repository_or_the_home_stays_outside(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is laid open because a program lies in it."""
    for folder in (place / "work", place):
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
        script = executable(folder / "bin" / "my-agent", "#!/bin/sh\ncat ../secret.txt\n")
        if folder != place:
            (folder / ".git").mkdir()
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")
        box = equip(Box(str(place.parent / "workspace")), "my-agent")
        assert box.readable == ((str(script), str(script)),)


@pytest.mark.parametrize(
    "first",
    ["#!../.ssh/id_rsa", "#!{home}/.ssh/id_rsa", "#!.env", "#!{home}/bin/deploy.sh",
     "#!/usr/bin/env ../.ssh/id_rsa"],
)  # fmt: skip
def test_p8_a_repository_names_no_file_of_the_host(
    place: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Not by a path, not by the first line of a script, not by a PATH that leads into it."""
    repository = place / "repo"
    executable(repository / "tools" / "lint", first.format(home=place) + "\n")
    executable(place / "bin" / "deploy.sh", "#!/bin/sh\n# a password\n")
    (repository / ".env").write_text("PASSWORD=never\n")
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PATH", f"{repository / 'tools'}:tools:/usr/bin:/bin")
    names = ("tools/lint", "./tools/lint", f"{repository}/tools/lint", "lint",
             f"{place}/bin/deploy.sh", f"{place}/.ssh/id_rsa", ": lint tools/lint")  # fmt: skip
    for line in names:
        box = equip(Box(str(place.parent / "workspace")), line)
        assert (box.readable, box.links) == ((), ()), line


def test_an_environment_that_was_activated_is_taken_wherever_it_lies(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = place / "repo" / ".venv"
    environment.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\n")
    executable(environment / "bin" / "my-linter", "#!/bin/sh\n")
    monkeypatch.chdir(place / "repo")
    monkeypatch.setenv("PATH", f"{environment / 'bin'}:/usr/bin:/bin")
    box = Box(str(place.parent / "workspace"))
    assert equip(box, "my-linter").readable == ()
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    assert equip(box, "my-linter").readable == ((str(environment), str(environment)),)


def test_a_shim_is_left_to_the_systems_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(place / ".pyenv" / "shims" / "sh", "#!/bin/sh\nexec pyenv\n")
    monkeypatch.setenv("PATH", f"{place / '.pyenv' / 'shims'}:/usr/bin:/bin")
    assert equip(Box(str(place.parent / "workspace")), "sh -c true").readable == ()


def test_every_program_that_a_line_names_is_found(place: Path) -> None:
    found = list(programs_of("A=1 env -i sh -c 'cat x|grep y & no-such-program'"))
    assert [os.path.basename(path) for path in found] == ["env", "sh", "cat", "grep"]
