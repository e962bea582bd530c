"""Where a program lies that is not among the system's, so that the box can hold it too.

People install their agents into their home, with npm, uv or an installer of the agent's own. Of
that the box gets what the program is made of, read-only and at the same place: the file, the
folder of packages or the virtual environment that it lies in, and what its first line names.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from clubos_tui.workspace.sandbox.box import PATH, Box

__all__ = ["equip", "programs_of"]

_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_WORD = re.compile(r"[^\s;&|()<>'\"`$=]+")
_DEEPEST = 8  # links and interpreters that lead from one to the next


def programs_of(command: str) -> Iterator[str]:
    """Yield the paths of the programs that a command line names, wherever in it they stand."""
    for word in dict.fromkeys(_WORD.findall(command)):
        if program := shutil.which(word):
            yield program


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
        if depth > _DEEPEST or not os.path.isfile(file):
            return
        if not depth and not self.holds(file):
            self.folders.append(os.path.dirname(file))
        if os.path.islink(file):
            self._link(file, depth)
            return
        if not self.holds(file):
            self._place(_root_of(file))
        if interpreter := _interpreter(file):
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
    if packages:
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
    return folder if marked and not os.path.exists(os.path.join(folder, ".git")) else ""


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
        return shutil.which(words[0]) or "" if words else ""
    return words[0] if words else ""
