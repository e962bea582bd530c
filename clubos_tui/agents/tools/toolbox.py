"""Runs a tool call in the workspace and says in words what came of it.

Bytes that a call does not mean stay as they are: line ends, encodings, permissions. What is too
large is cut with a count, and an error says what to do next. Blocking; called in a thread.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final

from clubos_tui.agents.base import ToolKind
from clubos_tui.agents.tools.commands import Commands
from clubos_tui.agents.tools.files import TOP, Denied, Files
from clubos_tui.agents.tools.specs import (
    DeleteFile,
    EditFile,
    Finish,
    Input,
    InvalidInput,
    ListFiles,
    MoveFile,
    ReadFile,
    RunCommand,
    Search,
    WriteFile,
    parse,
)
from clubos_tui.changes.manifest import is_binary, path_bytes
from clubos_tui.changes.paths import matches
from clubos_tui.journal import REDACTED, redact
from clubos_tui.workspace.sandbox.box import Box
from clubos_tui.workspace.untracked import AskUntracked

__all__ = ["Done", "Result", "Toolbox", "call_title", "kind_of", "title_of"]

MOST_BYTES: Final = 256 * 1024
"""Of what one call may answer with."""
MOST_WRITTEN: Final = 4 * 1024 * 1024
"""Of what one call may write."""
_LINE = 2_000  # characters of a line that are shown
_SEARCHED = 8 * 1024 * 1024  # bytes of the largest file that is searched
_SECONDS = 5.0  # for one search; a pattern may take for ever


@dataclass(frozen=True, slots=True)
class Result:
    """What the model hears of a call."""

    text: str
    failed: bool = False


def kind_of(call: Input) -> ToolKind:
    """Return what a call does, in the words of the Agent Client Protocol."""
    return _KINDS[type(call)]


def title_of(call: Input) -> str:
    """Return a call in a few words; made here, because an agent's own words prove nothing."""
    match call:
        case ReadFile(path) | EditFile(path) | WriteFile(path) | DeleteFile(path):
            return f"{_VERBS[type(call)]} {path}"
        case ListFiles(path) | Search(path=path):
            return f"{_VERBS[type(call)]} {path or 'the workspace'}"
        case MoveFile(source, target):
            return f"move {source} to {target}"
        case RunCommand(command):
            return f"run {command}"
        case Finish():
            return "finish"


@dataclass(frozen=True, slots=True)
class Done:
    """A call that was carried out: what people see of it, and what the model hears."""

    title: str
    kind: ToolKind
    path: str
    result: Result
    misread: bool = False
    """It made no sense, so nothing was tried."""
    finish: Finish | None = None
    """It says that the action is done."""
    outcome: str = ""
    """What it was found to have done, where that is more than its title says."""

    def refused(self, why: str) -> Done:
        """Return the same call with an error in the place of its result."""
        return replace(self, result=Result(why, failed=True), finish=None)


def call_title(name: str, raw: str) -> str:
    """Return a call in a few words, by its tool's name where it makes no sense."""
    try:
        return title_of(parse(name, raw))
    except InvalidInput:
        return name


class Toolbox:
    """The tools of one conversation; it remembers which files were read in it."""

    def __init__(
        self, folder: str, withheld: Iterable[str] = (), *, box: Box | None = None,
        untracked: AskUntracked = nullcontext,
    ) -> None:  # fmt: skip
        """Give tools for a workspace.

        Args:
            folder: Its folder.
            withheld: Paths of the repository that are kept from it.
            box: Where commands run; without one they don't.
            untracked: Which paths the scan will leave behind.
        """
        self._files = Files(folder, withheld)
        self._commands = Commands(box, self._files, untracked=untracked) if box else None
        self._untracked = untracked
        self._output: Callable[[bytes], None] = lambda _: None
        self._read: dict[str, str] = {}  # by place: the digest of what was read
        self._stopped = threading.Event()
        self._outcome = ""

    def listen(self, output: Callable[[bytes], None]) -> None:
        """Have what commands print handed on as it comes, in the thread that runs them."""
        self._output = output

    def stop(self) -> None:
        """Have what only looks, or runs, end soon; nobody waits for it any more."""
        self._stopped.set()

    def know(self, name: str, raw: str) -> None:
        """Take the file of an earlier call as read: nobody else has changed it since."""
        try:
            call = parse(name, raw)
            if isinstance(call, ReadFile | EditFile | WriteFile) and (
                found := self._files.peek(call.path)
            ):
                self._read[self._files.place(call.path)] = _digest(found.data)
        except (InvalidInput, Denied, OSError):
            return  # that call had come to nothing

    def run(self, name: str, raw: str) -> Result:
        """Carry out a call and return what the model hears of it."""
        return self.carry_out(name, raw).result

    def carry_out(self, name: str, raw: str) -> Done:
        """Carry out a call; whatever is wrong with it is a result, never an exception.

        Args:
            name: The tool.
            raw: Its input, the JSON text as it was streamed.
        """
        self._stopped.clear()
        try:
            call = parse(name, raw)
        except InvalidInput as error:
            return Done(name, "other", "", Result(_sendable(str(error)), failed=True), misread=True)
        path = getattr(call, "path", "") or getattr(call, "to_path", "")
        finish = call if isinstance(call, Finish) else None
        self._outcome = ""
        result = self._result(call)
        return Done(
            title_of(call), kind_of(call), path, result, finish=finish, outcome=self._outcome
        )

    def _result(self, call: Input) -> Result:
        try:
            return Result(_redacted(_sendable(self._run(call))))
        except (InvalidInput, Denied) as error:
            return Result(_sendable(str(error)), failed=True)
        except OSError as error:
            return Result(f"the disk refused: {error.strerror or 'no reason given'}", failed=True)

    def _run(self, call: Input) -> str:
        match call:
            case ReadFile():
                return self._read_file(call)
            case ListFiles():
                return self._list(call)
            case Search():
                return self._search(call)
            case EditFile():
                return self._edit(call)
            case WriteFile():
                return self._write(call)
            case DeleteFile(path):
                self._files.delete(path)
                return f"deleted {path}"
            case MoveFile(source, target):
                self._files.move(source, target)
                return f"moved {source} to {target}{self._left(target, follow=False)}"
            case RunCommand():
                return self._command(call)
            case Finish():
                return "noted"

    def _command(self, call: RunCommand) -> str:
        if self._commands is None:
            raise Denied(
                "commands are not run here: there is no sandbox. Say in finish what a person "
                "should run."
            )
        folder = self._files.folder(call.folder)
        ran = self._commands.run(
            call.command, folder, call.timeout_seconds, output=self._output, stop=self._stopped
        )
        self._outcome = ran.outcome
        return f"{ran.outcome}\n{ran.output}".rstrip()

    # --- looking --------------------------------------------------------------------------------

    def _read_file(self, call: ReadFile) -> str:
        data = self._files.read(call.path).data
        place = self._files.place(call.path)
        self._read[place] = _digest(data)
        if is_binary(data):
            ending = place.rpartition(".")[2] if "." in place else "no ending"
            return f"{call.path}: binary ({ending}), {len(data):,} bytes; it is not shown"
        text, odd = _decoded(data)
        lines = text.replace("\r\n", "\n").split("\n")
        if lines[-1] == "":
            lines.pop()
        first = max(1, call.start_line)
        last = min(len(lines), call.end_line or len(lines))
        if lines and first > last:
            raise Denied(f"{call.path} has {len(lines)} lines; {first} to {last} is no range of it")
        body, shown = _numbered(lines[first - 1 : last], first)
        head = f"{call.path}: lines {first} to {first + shown - 1} of {len(lines)}"
        if not lines:
            head = f"{call.path}: empty"
        said = [head, *_properties(data, odd)]
        if shown < last - first + 1:
            said.append(f"cut at {MOST_BYTES // 1024} KiB; go on from line {first + shown}")
        return "\n".join(["; ".join(said), *body])

    def _list(self, call: ListFiles) -> str:
        folder = self._files.folder(call.path)
        found: list[str] = []
        left = 0
        for path, status in self._files.walk(folder):
            if not matches(path, [call.glob]):
                continue
            if len(found) >= max(1, call.limit):
                left += 1
            else:
                found.append(f"{path}{_mark(status)}")
        if not found:
            return "no file" if call.glob == "**" else f"no file matches {call.glob}"
        more = [f"... {left:,} more; narrow it with path or glob"] if left else []
        return _capped([*found, *more])

    def _search(self, call: Search) -> str:
        # Its patterns are Python's, and it can be told when to give up.
        import regex  # type: ignore[import-untyped]

        try:
            pattern = regex.compile(call.pattern.encode("utf-8", "surrogateescape"))
        except regex.error as error:
            raise InvalidInput(f"search: {error}; escape what is meant literally") from None
        found: list[str] = []
        left = 0
        try:
            for path, number, line in self._hits(call, pattern):
                if len(found) >= max(1, call.max_results):
                    left += 1
                else:
                    found.append(f"{path}:{number}:{_short(_decoded(line)[0])}")
        except TimeoutError:
            raise Denied(
                f"the search took longer than {_SECONDS:.0f} s; use a simpler pattern or a path"
            ) from None
        if not found:
            return "no line matches"
        more = [f"... {left:,} more lines; narrow it with path or glob"] if left else []
        return _capped([*found, *more])

    def _hits(self, call: Search, pattern: Any) -> Iterator[tuple[str, int, bytes]]:
        until = time.monotonic() + _SECONDS
        for path in self._searched(call):
            try:
                data = self._files.read(path).data
            except Denied:  # a secret, or gone meanwhile
                continue
            if is_binary(data) or len(data) > _SEARCHED:
                continue
            for number, line in enumerate(data.split(b"\n"), 1):
                left = until - time.monotonic()
                if left <= 0 or self._stopped.is_set():
                    raise TimeoutError
                if pattern.search(line, timeout=left):
                    yield path, number, line

    def _searched(self, call: Search) -> Iterator[str]:
        if call.path not in TOP and not self._files.is_folder(self._files.place(call.path)):
            yield self._files.place(call.path)
            return
        for path, status in self._files.walk(self._files.folder(call.path)):
            if stat.S_ISREG(status.st_mode) and matches(path, [call.glob]):
                yield path

    # --- changing -------------------------------------------------------------------------------

    def _edit(self, call: EditFile) -> str:
        if not call.old_string:
            raise InvalidInput("edit_file needs an old_string; write_file makes a new file")
        if call.old_string == call.new_string:
            raise InvalidInput("old_string and new_string are the same")
        data = self._files.read(call.path).data
        if is_binary(data):
            raise Denied(f"{call.path} is binary; it can only be replaced or deleted")
        old, new = _bytes(call.old_string), _bytes(call.new_string)
        if old not in data and _crlf(data):  # lines were shown without their carriage returns
            old, new = _with_crlf(old), _with_crlf(new)
        _require_whole(call.path, call.old_string, data)
        times = data.count(old)
        if not times:
            raise Denied(f"old_string is not in {call.path}; read the file and copy it exactly")
        if times > 1 and not call.replace_all:
            raise Denied(
                f"old_string is in {call.path} {times} times; make it longer, or set replace_all"
            )
        self._put(call.path, data.replace(old, new))
        said = f"edited {call.path}: {times} {'place' if times == 1 else 'places'}"
        return said + self._left(call.path)

    def _write(self, call: WriteFile) -> str:
        before, place = self._files.peek(call.path), self._files.place(call.path)
        if before is None:
            self._put(call.path, _bytes(call.content))
            return f"created {call.path}{self._left(call.path)}"
        if self._read.get(place) != _digest(before.data):
            raise Denied(
                f"{call.path} is there, and was not read as it is now; read it before replacing it"
            )
        _require_whole(call.path, call.content, before.data)
        data = _bytes(call.content)
        kept = _crlf(before.data) and b"\r" not in data
        self._put(call.path, _with_crlf(data) if kept else data)
        said = f"replaced {call.path}" + ("; its CRLF line ends were kept" if kept else "")
        return said + self._left(call.path)

    def _left(self, path: str, *, follow: bool = True) -> str:
        """Say so where git ignores what was written."""
        raw = path_bytes(self._files.place(path, follow=follow))
        with self._untracked() as untracked:
            left = bool(untracked and untracked.among([raw]))
        return "; git ignores it, so it is left behind and in no change set" if left else ""

    def _put(self, path: str, data: bytes) -> None:
        if len(data) > MOST_WRITTEN:
            raise Denied(f"{path} would have {len(data):,} bytes; {MOST_WRITTEN:,} is the most")
        self._files.write(path, data)
        self._read[self._files.place(path)] = _digest(data)


# --- words --------------------------------------------------------------------------------------


def _sendable(text: str) -> str:
    """Return a text without half characters, which would stop the request that carries it."""
    try:
        data = text.encode("utf-8", "surrogateescape")  # a file name that is not UTF-8
    except UnicodeEncodeError:
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


def _redacted(text: str) -> str:
    """Return a text without keys: a model has no use for them (P12)."""
    return redact(text.encode()).decode()


def _require_whole(path: str, text: str, data: bytes) -> None:
    """Refuse words that stand for a key, which would take its place in the file."""
    if REDACTED.decode() in text and REDACTED not in data:
        raise Denied(
            f"{path} holds a key that is shown as {REDACTED.decode()}; edit around it, and leave "
            "the line as it is"
        )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("the text holds half a character (a lone surrogate)") from None


def _decoded(data: bytes) -> tuple[str, bool]:
    try:
        return data.decode(), False
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace"), True


def _properties(data: bytes, odd: bool) -> Iterator[str]:
    if _crlf(data):
        yield "line ends: CRLF"
    if odd:
        yield "not all of it is UTF-8: other bytes are shown as \\xNN"
    if data and not data.endswith(b"\n"):
        yield "no line end at the end"


def _crlf(data: bytes) -> bool:
    """Tell whether every line ends in carriage return and line feed."""
    return b"\r\n" in data and data.count(b"\r\n") == data.count(b"\n")


def _with_crlf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _short(line: str) -> str:
    line = line.rstrip("\r")
    return line if len(line) <= _LINE else f"{line[:_LINE]}... +{len(line) - _LINE:,} characters"


def _numbered(lines: list[str], first: int) -> tuple[list[str], int]:
    out: list[str] = []
    size = 0
    for number, line in enumerate(lines, first):
        text = f"{number:>6}\t{_short(line)}"
        size += len(text.encode("utf-8", "replace")) + 1
        if size > MOST_BYTES and out:
            break
        out.append(text)
    return out, len(out)


def _capped(lines: list[str]) -> str:
    size = 0
    for at, line in enumerate(lines):
        size += len(line.encode("utf-8", "replace")) + 1
        if size > MOST_BYTES:
            return "\n".join([*lines[:at], f"... cut at {MOST_BYTES // 1024} KiB"])
    return "\n".join(lines)


def _mark(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "  (link)"
    if not stat.S_ISREG(status.st_mode):
        return "  (no regular file)"
    return f"  {status.st_size:,} bytes" + (", executable" if status.st_mode & 0o100 else "")


_KINDS: dict[type[Input], ToolKind] = {
    ReadFile: "read", ListFiles: "read", Search: "search", EditFile: "edit", WriteFile: "edit",
    DeleteFile: "delete", MoveFile: "move", RunCommand: "execute", Finish: "other",
}  # fmt: skip
_VERBS: dict[type[Input], str] = {
    ReadFile: "read", ListFiles: "list", Search: "search", EditFile: "edit", WriteFile: "write",
    DeleteFile: "delete",
}  # fmt: skip
