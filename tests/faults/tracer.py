"""Run work in a child and decide, before each of its system calls, what is to become of it.

The child is a fork, so it begins warm and shares nothing that matters. Threads and every process
it starts are followed, and one number counts the calls of all of them: "kill at call 57" means
one point of the whole operation, inside git as well as inside Python.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from faults import ptrace
from faults.calls import CHANGING, CREATING, KINDS, OPENING, Call


@dataclass(frozen=True)
class Kill:
    """SIGKILL to the process that calls, to the first process alone, or to all of them."""

    who: Literal["caller", "root", "all"]


@dataclass(frozen=True)
class Fail:
    """The call is not made; it returns this error."""

    code: int


@dataclass(frozen=True)
class Short:
    """Only half of the bytes are written, and the call says so."""


@dataclass(frozen=True)
class Freeze:
    """SIGSTOP to the first process, something done meanwhile, SIGCONT."""

    meanwhile: Callable[[], None]


Act = Kill | Fail | Short | Freeze | None
Plan = Callable[[Call], Act]


def let_pass(_call: Call) -> Act:
    """Do nothing to any call."""
    return None


@dataclass
class Ran:
    """How traced work ended."""

    killed: bool = False
    injected: int = 0
    total: int = 0
    calls: list[Call] = field(default_factory=list)
    programs: list[list[str]] = field(default_factory=list)  # every program that was started
    value: Any = None  # what the work returned
    error: str = ""  # a traceback, where it raised

    @property
    def git_processes(self) -> int:
        """How many times git was started."""
        return sum(os.path.basename(program[0]) == "git" for program in self.programs)


class Hung(Exception):
    """Traced work did not end in time."""


def run(
    work: Callable[[], object],
    roots: tuple[str, ...],
    plan: Plan = let_pass,
    *,
    looking: bool = False,
    record: bool = False,
    seconds: float = 30.0,
) -> Ran:
    """Do ``work`` in a child; ask ``plan`` before each call on a path under ``roots``.

    ``looking`` stops at reads as well; ``record`` keeps every call with its data and result.
    To be called in a process without other children: it waits for any.
    """
    ready, go = os.pipe()
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(go)
        os.close(read)
        _child(work, ready, write, KINDS if looking else CHANGING, all_opens=looking)
    os.close(ready)
    os.close(write)
    tracer = _Tracer(child, roots, plan, record=record)
    try:
        ptrace.ptrace(ptrace.SEIZE, child, ptrace.OPTIONS)
        os.write(go, b"g")
        with _in_time(seconds), os.fdopen(read, "rb", closefd=False) as pipe:
            tracer.follow()
            said = pipe.read()
    except BaseException:
        tracer.end_all()
        raise
    finally:
        os.close(go)
        os.close(read)
    if said:
        tracer.ran.value, tracer.ran.error = pickle.loads(said)
    elif not tracer.ran.killed:
        tracer.ran.error = "ended without a word"
    return tracer.ran


def _child(
    work: Callable[[], object], ready: int, write: int, kinds: dict[int, Any], *, all_opens: bool
) -> NoReturn:
    try:
        os.read(ready, 1)
        # An interpreter's own files are no part of the work.
        ptrace.stop_at(kinds, all_opens=all_opens)
        try:
            said = (work(), "")
        except BaseException:
            import traceback

            said = (None, traceback.format_exc())
        os.write(write, pickle.dumps(said))
    finally:
        os._exit(0)


@contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    def late(*_: object) -> NoReturn:
        raise Hung(f"no end after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Tracer:
    def __init__(self, root: int, roots: tuple[str, ...], plan: Plan, *, record: bool) -> None:
        self.ran = Ran()
        self._root = root
        self._roots = tuple(path.rstrip("/") for path in roots)
        self._plan = plan
        self._record = record
        self._tasks = {root}
        self._process_of = {root: root}
        self._programs = {root: "python"}
        self._open: dict[int, Call] = {}  # task → the call it is in, where its result is wanted
        self._held: list[int] = []  # tasks that wait until the root is dead

    def follow(self) -> None:
        """Serve every stop until all tasks have ended, orphans too."""
        while True:
            try:
                task, status = os.waitpid(-1, ptrace.ANY_CHILD)
            except ChildProcessError:
                return
            if os.WIFSTOPPED(status):
                with suppress(ProcessLookupError):  # killed between its stop and our answer
                    self._stopped(task, os.WSTOPSIG(status), status >> 16)
                continue
            self._tasks.discard(task)
            if task == self._root:
                self._root = -1
                self.ran.killed = os.WIFSIGNALED(status)
                for held in self._held:
                    self._resume(held)

    def end_all(self) -> None:
        """Kill every task and wait for it."""
        for task in self._tasks:
            with suppress(ProcessLookupError):
                os.kill(task, signal.SIGKILL)
        with suppress(ChildProcessError):
            while self._tasks:
                task, status = os.waitpid(-1, ptrace.ANY_CHILD)
                if not os.WIFSTOPPED(status):
                    self._tasks.discard(task)

    def _stopped(self, task: int, number: int, event: int) -> None:
        self._tasks.add(task)
        if event == ptrace.EVENT_SECCOMP:
            self._before(task)
        elif number == signal.SIGTRAP | 0x80:
            self._after(task)
        elif event in {ptrace.EVENT_FORK, ptrace.EVENT_VFORK, ptrace.EVENT_CLONE}:
            new = ptrace.event_message(task)
            self._tasks.add(new)
            parent = self._process(task)
            self._programs.setdefault(self._process(new), self._programs.get(parent, "python"))
            self._resume(task)
        elif event == ptrace.EVENT_EXEC:
            self._started(task)
            self._resume(task)
        elif event == ptrace.EVENT_STOP and number != signal.SIGTRAP:
            ptrace.ptrace(ptrace.LISTEN, task)  # a group stop: SIGCONT ends it
        else:
            self._resume(task, 0 if event or number == signal.SIGTRAP else number)

    def _resume(self, task: int, number: int = 0, *, to_result: bool = False) -> None:
        with suppress(ProcessLookupError):
            ptrace.ptrace(ptrace.SYSCALL if to_result else ptrace.CONT, task, number)

    def _process(self, task: int) -> int:
        found = self._process_of.get(task)
        if found is None:
            found = task
            with suppress(OSError), open(f"/proc/{task}/status", encoding="ascii") as file:
                found = int(file.read().split("\nTgid:\t", 1)[1].split("\n", 1)[0])
            self._process_of[task] = found
        return found

    def _started(self, task: int) -> None:
        with open(f"/proc/{task}/cmdline", "rb") as file:
            words = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
        self.ran.programs.append(words)
        self._programs[self._process(task)] = program_name(words)

    # --- one call -----------------------------------------------------------------------------

    def _before(self, task: int) -> None:
        state = ptrace.registers(task)
        call = self._call(task, state)
        if call is None or not self._watched(call):
            self._resume(task)
            return
        self.ran.total += 1
        act = self._plan(call)
        if self._record:
            self.ran.calls.append(call)
            self._open[task] = call
        if act is not None:
            self.ran.injected += 1
            self._carry_out(act, task, state, call)
        else:
            self._resume(task, to_result=self._record)

    def _carry_out(self, act: Act, task: int, state: ptrace.Registers, call: Call) -> None:
        if isinstance(act, Kill):
            self._kill(act, task, call)
            return
        if isinstance(act, Fail):
            state.orig_rax = (1 << 64) - 1
            state.rax = (1 << 64) - act.code
            ptrace.ptrace(ptrace.SETREGS, task, ctypes.byref(state))
        elif isinstance(act, Short):
            state.rdx = max(1, state.rdx // 2)
            ptrace.ptrace(ptrace.SETREGS, task, ctypes.byref(state))
        elif isinstance(act, Freeze):
            os.kill(self._root, signal.SIGSTOP)
            time.sleep(0.003)  # its other threads come to a stop where they are
            act.meanwhile()
            os.kill(self._root, signal.SIGCONT)
        self._resume(task, to_result=self._record)

    def _kill(self, act: Kill, task: int, call: Call) -> None:
        if act.who == "all":
            targets = {self._process(item) for item in self._tasks}
        elif act.who == "root":
            targets = {self._root}
            if call.process != self._root:
                self._held.append(task)  # the orphan goes on only when its parent is gone
        else:
            targets = {call.process}
        for process in targets:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _after(self, task: int) -> None:
        call = self._open.pop(task, None)
        if call:
            call.result = ptrace.signed(ptrace.registers(task).rax)
        self._resume(task)

    def _watched(self, call: Call) -> bool:
        return any(
            path == root or path.startswith(f"{root}/") for path in call.paths
            for root in self._roots
        ) or call.name == "sync"  # fmt: skip

    def _call(self, task: int, state: ptrace.Registers) -> Call | None:
        kind = KINDS[state.orig_rax]
        process = self._process(task)
        call = Call(
            self.ran.total, self._programs.get(process, "?"), process, kind.name, (),
            changing=state.orig_rax in CHANGING,
        )  # fmt: skip
        try:
            paths, numbers = _arguments(task, kind.arguments, state.arguments)
        except OSError:  # a bad descriptor or address: the call will fail by itself
            return None
        call.paths, call.numbers = paths, numbers
        flags = OPENING.get(kind.name, -1)
        if kind.name in OPENING and flags and not state.arguments[flags or 0] & CREATING:
            call.changing = False
        if self._record and self._watched(call):
            _add_data(task, call, state.arguments)
        return call


def _arguments(
    task: int, kinds: str, values: tuple[int, ...]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    paths, numbers, folder = [], [], ""
    for kind, value in zip(kinds, values, strict=False):
        if kind == "d":
            folder = ptrace.folder_of(task, value)
        elif kind == "p":
            name = ptrace.text_at(task, value) if value else ""
            base = folder or os.readlink(f"/proc/{task}/cwd")
            paths.append(os.path.normpath(os.path.join(base, name)) if name else base)
            folder = ""
        elif kind == "f":
            paths.append(os.readlink(f"/proc/{task}/fd/{value & 0xFFFFFFFF}"))
        elif kind == "n":
            numbers.append(ptrace.signed(value))
    return tuple(paths), tuple(numbers)


def _add_data(task: int, call: Call, values: tuple[int, ...]) -> None:
    """Read what a call is about to write, and where."""
    if call.name in {"write", "pwrite64"}:
        call.data = ptrace.bytes_at(task, values[1], values[2])
        call.offset = values[3] if call.name == "pwrite64" else _position(task, values[0])
    elif call.name == "writev":
        import struct

        rows = struct.iter_unpack("<QQ", ptrace.bytes_at(task, values[1], 16 * values[2]))
        call.data = b"".join(ptrace.bytes_at(task, at, size) for at, size in rows)
        call.offset = _position(task, values[0])
    elif call.name in {"sendfile", "copy_file_range"}:
        source, target, size = (
            (values[1], values[0], values[3]) if call.name == "sendfile"
            else (values[0], values[2], values[4])
        )  # fmt: skip
        call.paths = call.paths if call.name == "sendfile" else call.paths[::-1]
        call.offset = _position(task, target)
        with open(f"/proc/{task}/fd/{source}", "rb") as file:
            file.seek(_position(task, source))
            call.data = file.read(min(size, 1 << 30))
    elif call.name in {"symlink", "symlinkat"}:
        call.data = os.fsencode(ptrace.text_at(task, values[0]))


def _position(task: int, fd: int) -> int:
    """Return where the next write to a descriptor goes; -1 for the end of the file."""
    with open(f"/proc/{task}/fdinfo/{fd}", encoding="ascii") as file:
        facts = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    return -1 if int(facts["flags"], 8) & os.O_APPEND else int(facts["pos"])


def program_name(words: list[str]) -> str:
    """Return a command's name; of git, its verb too."""
    name = os.path.basename(words[0])
    rest = iter(words[1:])
    for word in rest:
        if word == "-c":
            next(rest, None)
        elif not word.startswith("-"):
            return f"{name} {word}" if name == "git" else name
    return name
