"""What each tool takes: one dataclass, from which both the schema and the strict reading come.

The order and the words are part of every request's cached beginning; nothing in them may depend on
the time, the run or the machine.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Final

from clubos_tui.codec import DecodeError, Json, structure

__all__ = [
    "DeleteFile", "EditFile", "Finish", "Input", "InvalidInput", "ListFiles", "MoveFile",
    "ReadFile", "RunCommand", "Search", "WriteFile", "parse", "specs",
]  # fmt: skip

_PATH = "Path within the workspace, with / between folders"
_GLOB = "Only paths that match: * stays within a folder, ** does not"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Read a text file. Lines are numbered; a large file needs a range of lines."""

    path: Annotated[str, _PATH]
    start_line: Annotated[int, "First line, from 1"] = 1
    end_line: Annotated[int, "Last line; 0 for the end of the file"] = 0


@dataclass(frozen=True, slots=True)
class ListFiles:
    """List files and links below a folder, with their sizes."""

    path: Annotated[str, "Folder within the workspace; empty for all of it"] = ""
    glob: Annotated[str, _GLOB] = "**"
    limit: Annotated[int, "How many at most"] = 500


@dataclass(frozen=True, slots=True)
class Search:
    """Search the lines of text files by a regular expression."""

    pattern: Annotated[str, "Regular expression"]
    path: Annotated[str, "Folder or file within the workspace; empty for all of it"] = ""
    glob: Annotated[str, _GLOB] = "**"
    max_results: Annotated[int, "How many lines at most"] = 100


@dataclass(frozen=True, slots=True)
class EditFile:
    """Replace a piece of a text file, which must stand there exactly once unless all are meant."""

    path: Annotated[str, _PATH]
    old_string: Annotated[str, "What stands there now, exactly, without line numbers"]
    new_string: Annotated[str, "What takes its place"]
    replace_all: Annotated[bool, "Replace every occurrence"] = False


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Create a file, or replace one that was read before, as a whole."""

    path: Annotated[str, _PATH]
    content: Annotated[str, "All of the file"]


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Delete a file or a link."""

    path: Annotated[str, _PATH]


@dataclass(frozen=True, slots=True)
class MoveFile:
    """Move or rename a file; nothing may be at its new place."""

    from_path: Annotated[str, _PATH]
    to_path: Annotated[str, _PATH]


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run a command in the workspace's sandbox, without network."""

    command: Annotated[str, "Command line for the shell"]
    timeout_seconds: Annotated[int, "It is ended after so long"] = 60
    folder: Annotated[str, "Folder within the workspace; empty for its top"] = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """Say that the action is done, for the person who reviews it."""

    summary: Annotated[str, "What was done and why, in a few sentences"]
    notes_for_reviewer: Annotated[tuple[str, ...], "What to look at closely"] = ()
    open_questions: Annotated[tuple[str, ...], "What a person has to decide"] = ()


Input = (
    ReadFile | ListFiles | Search | EditFile | WriteFile | DeleteFile | MoveFile | RunCommand
    | Finish
)  # fmt: skip

TOOLS: Final[dict[str, type[Input]]] = {
    "read_file": ReadFile,
    "list_files": ListFiles,
    "search": Search,
    "edit_file": EditFile,
    "write_file": WriteFile,
    "delete_file": DeleteFile,
    "move_file": MoveFile,
    "run_command": RunCommand,
    "finish": Finish,
}
"""By the name the model calls, in the order it is told."""


class InvalidInput(ValueError):
    """A call that can't be carried out as it was written; the message is for the model."""


def specs(*, commands: bool) -> list[Json]:
    """Return the tools as the Messages API takes them, ``run_command`` only where it works."""
    return [
        _spec(name, cls) for name, cls in TOOLS.items() if commands or cls is not RunCommand
    ]  # fmt: skip


def parse(name: str, raw: str) -> Input:
    """Read the input of a call strictly, from the very text that was streamed.

    A cut-off text is no shorter input: raises :class:`InvalidInput`, as for another type, an
    unknown field or a missing one.
    """
    cls = TOOLS.get(name)
    if cls is None:
        raise InvalidInput(f"there is no tool {name!r}; there are: {', '.join(TOOLS)}")
    try:
        data = json.loads(raw or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the input is no complete JSON: {error}") from None
    if not isinstance(data, dict):
        raise InvalidInput("the input must be a JSON object")
    missing = [field for field in _required(cls) if field not in data]
    if missing:
        raise InvalidInput(f"{name} needs {', '.join(missing)}")
    try:
        return structure(cls, data)
    except DecodeError as error:
        raise InvalidInput(f"{name}: {error}") from None


def _required(cls: Any) -> list[str]:
    return [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]


def _spec(name: str, cls: type[Input]) -> Json:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        "name": name,
        "description": cls.__doc__,
        "strict": True,
        "input_schema": {
            "type": "object",
            "properties": {field: _schema(hint) for field, hint in hints.items()},
            "required": _required(cls),
            "additionalProperties": False,
        },
    }


def _schema(hint: Any) -> Json:
    kind, description = typing.get_args(hint)[:2]
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": {"type": "string"}, "description": description}
    return {"type": _TYPES[kind], "description": description}


_TYPES = {str: "string", int: "integer", bool: "boolean"}
