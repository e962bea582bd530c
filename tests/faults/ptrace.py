"""``ptrace(2)`` and ``seccomp(2)`` for x86-64 Linux: just what a tracer of system calls needs."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable

from faults.calls import AT_FDCWD, CREATING, KINDS, OPENING

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

CONT, GETREGS, SETREGS, SYSCALL = 7, 12, 13, 24
GETEVENTMSG, SEIZE, LISTEN = 0x4201, 0x4206, 0x4208
EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC = 1, 2, 3, 4
EVENT_SECCOMP, EVENT_STOP = 7, 128
# syscall-good, fork, vfork, clone, exec, seccomp, and nobody outlives the tracer
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
ANY_CHILD = 0x40000000  # __WALL: threads too


class Registers(ctypes.Structure):
    """``struct user_regs_struct``; a call's six arguments are rdi, rsi, rdx, r10, r8, r9."""

    _fields_ = [
        (name, ctypes.c_ulonglong)
        for name in [
            "r15",
            "r14",
            "r13",
            "r12",
            "rbp",
            "rbx",
            "r11",
            "r10",
            "r9",
            "r8",
            "rax",
            "rcx",
            "rdx",
            "rsi",
            "rdi",
            "orig_rax",
            "rip",
            "cs",
            "eflags",
            "rsp",
            "ss",
            "fs_base",
            "gs_base",
            "ds",
            "es",
            "fs",
            "gs",
        ]
    ]

    @property
    def arguments(self) -> tuple[int, ...]:
        """The six arguments, as the kernel got them."""
        return (self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9)


def ptrace(request: int, pid: int, data: object = None) -> None:
    """Make one request; :class:`ProcessLookupError` where the tracee was killed meanwhile."""
    if _libc.ptrace(request, pid, None, data) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"ptrace {request:#x}")


def registers(pid: int) -> Registers:
    """Return a stopped tracee's registers."""
    found = Registers()
    ptrace(GETREGS, pid, ctypes.byref(found))
    return found


def event_message(pid: int) -> int:
    """Return what an event is about: for a fork, the new process."""
    found = ctypes.c_ulong()
    ptrace(GETEVENTMSG, pid, ctypes.byref(found))
    return found.value


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def _program(numbers: Iterable[int], *, all_opens: bool) -> bytes:
    """Return the BPF program that stops at ``numbers`` and lets every other call pass."""
    load, equal, has, give = 0x20, 0x15, 0x45, 0x06
    trace, allow = (
        struct.pack("<HBBI", give, 0, 0, 0x7FF00000),
        struct.pack("<HBBI", give, 0, 0, 0x7FFF0000),
    )
    code = [
        struct.pack("<HBBI", load, 0, 0, 4),
        struct.pack("<HBBI", equal, 1, 0, 0xC000003E),  # another architecture: not ours to see
        allow,
        struct.pack("<HBBI", load, 0, 0, 0),
    ]
    for number in sorted(numbers):
        place = OPENING.get(KINDS[number].name)
        if place is None or all_opens:
            code += [struct.pack("<HBBI", equal, 0, 1, number), trace]
        else:  # an open that can't change anything goes unseen
            code += [
                struct.pack("<HBBI", equal, 0, 4, number),
                struct.pack("<HBBI", load, 0, 0, 16 + 8 * place),
                struct.pack("<HBBI", has, 0, 1, CREATING),
                trace,
                allow,
            ]
    return b"".join([*code, allow])


def stop_at(numbers: Iterable[int], *, all_opens: bool) -> None:
    """From here on this process, and all it starts, stops for its tracer at these calls."""
    code = _program(numbers, all_opens=all_opens)
    program = _Filter(len(code) // 8, code)
    if _libc.prctl(38, 1, 0, 0, 0) or _libc.syscall(317, 1, 0, ctypes.byref(program)):
        code_ = ctypes.get_errno()
        raise OSError(code_, os.strerror(code_), "seccomp")


def reason_not_to() -> str:
    """Say why this machine can't trace; empty where it can."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return "the fault harness needs Linux on x86-64"
    child = os.fork()
    if child == 0:
        os.execv("/bin/sleep", ["sleep", "5"])
    try:
        ptrace(SEIZE, child, OPTIONS)
    except OSError as error:
        return f"ptrace is not permitted here: {errno.errorcode.get(error.errno or 0)}"
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return ""


def signed(value: int) -> int:
    """Return a register as the signed number it is."""
    return value - (1 << 64) if value >> 63 else value


def text_at(pid: int, address: int) -> str:
    """Return the zero-ended text at an address of a stopped tracee."""
    out = b""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        while b"\0" not in out:
            here = address + len(out)
            memory.seek(here)
            out += memory.read(4096 - here % 4096)  # the next page may not be there
    return os.fsdecode(out.split(b"\0", 1)[0])


def bytes_at(pid: int, address: int, size: int) -> bytes:
    """Return bytes of a stopped tracee."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def folder_of(pid: int, fd: int) -> str:
    """Return the path behind a folder's descriptor, or the working folder."""
    descriptor = ctypes.c_int(fd & 0xFFFFFFFF).value
    place = "cwd" if descriptor == AT_FDCWD else f"fd/{descriptor}"
    return os.readlink(f"/proc/{pid}/{place}")
