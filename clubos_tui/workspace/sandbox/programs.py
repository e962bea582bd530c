"""Where a program lies that is not among the system's, so that the box can hold it too.

People install their agents into their home, with npm, uv or an installer of the agent's own. Of
that the box gets what the program is made of, read-only and at the same place: the file, the
folder of packages or the virtual environment that it lies in, and what its first line names.

A command line may come from a repository, and so may a file that it names. So only a bare name is
looked up, in the folders of the person's own PATH and in the environment that this very program
was installed into (or CLUBOS_TOOLS), and only what can be run is taken: nothing else that lies
below the folder one stands in, which is the repository, and never a whole home.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from clubos_tui.workspace.sandbox.box import PATH, Box

__all__ = ["equip", "is_there", "programs_of", "words_of"]

_SYSTEM: Final = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives",
)  # fmt: skip
_WORD = re.compile(r"[^\s;&|()<>'\"`$=]+")
_DEEPEST = 8  # links and interpreters that lead from one to the next


def words_of(command: str) -> Iterator[str]:
    """Yield the words of a command line of which any may be a program, each once."""
    yield from dict.fromkeys(_WORD.findall(command))


def is_there(name: str) -> bool:
    """Tell whether the box has a program of this bare name, or would be given it."""
    return bool(_look_up(name) or shutil.which(name, path=PATH))


def programs_of(command: str) -> Iterator[str]:
    """Yield the paths of the programs that a command line names, wherever in it they stand."""
    for word in words_of(command):
        if program := _look_up(word):
            yield program


def _look_up(name: str) -> str:
    """Return where a program lies; empty where there is none that may be taken."""
    if "/" in name:
        # Ours is where we run, and tests name it whole.
        return name if _real(name) == _real(sys.executable) else ""
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if folder.startswith("/") and not _beneath(folder) and not folder.endswith("/shims")
    ]
    # With it come the tools of its extras.
    folders.append(os.environ.get("CLUBOS_TOOLS") or sysconfig.get_path("scripts"))
    found = shutil.which(name, path=os.pathsep.join(folders))
    return found if found and _runs(found) else ""


def _is_on_path(program: str) -> bool:
    return _look_up(os.path.basename(program)) == program


def _beneath(path: str) -> bool:
    """Tell whether something lies below the folder that one stands in, but in no environment.

    One that a person has activated is theirs, wherever it lies.
    """
    here, real = os.path.realpath(os.curdir), os.path.realpath(path)
    active = os.environ.get("VIRTUAL_ENV", "")
    if active and _within(real, os.path.realpath(active)):
        return False
    return here != "/" and _within(real, here)


def _runs(file: str) -> bool:
    """Tell whether a file is a program: one for the machine, or a script for another program."""
    try:
        with open(file, "rb") as opened:
            first = opened.read(4)
    except OSError:
        return False
    return os.access(file, os.X_OK) and (first == b"\x7fELF" or first[:2] == b"#!")


def _real(file: str) -> str:
    return os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))


def equip(box: Box, command: str) -> Box:
    """Return a box that also holds the programs of a command line."""
    found = _Found()
    for program in programs_of(command):
        found.add(program)
    folders = ":".join((*found.folders, PATH))
    return replace(
        box,
        readable=(*box.readable, *((place, place) for place in found.places)),
        links=(*box.links, *(link for link in found.links if not found.holds(link[1]))),
        variables={**box.variables, "PATH": folders},
    )


@dataclass(slots=True)
class _Found:
    """What the box has to hold."""

    places: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # what each holds, and its place
    folders: list[str] = field(default_factory=list)  # in which they are looked for

    def add(self, file: str, depth: int = 0) -> None:
        """Add a program, and what it can't run without."""
        file = os.path.abspath(file)
        if depth > _DEEPEST or not os.path.isfile(file) or not _runs(file):
            return
        if not depth and not self.holds(file):
            self.folders.append(os.path.dirname(file))
        if os.path.islink(file):
            self._link(file, depth)
            return
        if not self.holds(file):
            self._place(_root_of(file))
        interpreter = _interpreter(file)
        if self.holds(interpreter) or (interpreter and _is_on_path(interpreter)):
            if not self.holds(interpreter):
                self.folders.append(os.path.dirname(interpreter))
            self.add(interpreter, depth + 1)

    def _link(self, file: str, depth: int) -> None:
        held = os.readlink(file)
        environment = _environment(file)
        if environment:  # its own python is a link too, and needs what lies around it
            self._place(environment)
        elif not self.holds(file):
            self.links.append((held, file))
        self.add(os.path.join(os.path.dirname(file), held), depth + 1)

    def _place(self, place: str) -> None:
        if place and not self.holds(place):
            self.places.append(place)

    def holds(self, file: str) -> bool:
        """Tell whether the box has a file already."""
        return any(_within(file, place) for place in (*_SYSTEM, *self.places))


def _within(file: str, folder: str) -> bool:
    return file == folder or file.startswith(folder + "/")


def _root_of(file: str) -> str:
    """Return the folder that a program is made of, or the file where it is all there is."""
    before, packages, _ = file.partition("/node_modules/")
    if packages and not _within(_home(), f"{before}/node_modules"):
        return f"{before}/node_modules"
    if environment := _environment(file):
        return environment
    prefix = os.path.dirname(os.path.dirname(file))
    name = os.path.basename(file)
    if name.startswith("python3.") and os.path.isdir(os.path.join(prefix, "lib", name)):
        return prefix  # an interpreter that is not the system's, with its library
    return file


def _environment(file: str) -> str:
    """Return the virtual environment that a file lies in; no folder that is also a repository."""
    folder = os.path.dirname(os.path.dirname(file))
    marked = os.path.isfile(os.path.join(folder, "pyvenv.cfg"))
    inside = os.path.exists(os.path.join(folder, ".git")) or _within(_home(), folder)
    return folder if marked and not inside else ""


def _home() -> str:
    return os.path.realpath(os.path.expanduser("~"))


def _interpreter(file: str) -> str:
    """Return the path of what the first line of a script names; empty where it is none."""
    try:
        with open(file, "rb") as script:
            first = script.readline(1024)
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return ""
    words = first[2:].decode("utf-8", "replace").split()
    if words and os.path.basename(words[0]) == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return _look_up(words[0]) if words else ""
    return words[0] if words and words[0].startswith("/") else ""
