"""An agent that follows a script: each action is a function that edits the workspace."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping

from clubos_tui.agents.base import AgentEvent, MessageChunk, Request, TurnEnded, Workspace
from clubos_tui.errors import AgentFailed

Edit = Callable[[str], None]


class ScriptedAgent:
    """Performs the edit that stands for an action; an action without one changes nothing."""

    def __init__(self, edits: Mapping[str, Edit]) -> None:
        self.edits = edits
        self.folder = ""
        self.requests: list[Request] = []

    async def start(self, workspace: Workspace) -> None:
        self.folder = workspace.folder

    async def prompt(self, request: Request) -> AsyncIterator[AgentEvent]:
        self.requests.append(request)
        yield MessageChunk(f"doing {request.action}")
        self.edits.get(request.action, nothing)(self.folder)
        yield TurnEnded("end_turn", f"did {request.action}")

    async def cancel(self) -> None:
        return

    async def aclose(self) -> None:
        return


def nothing(_folder: str) -> None:
    """Change nothing."""


def all_of(*edits: Edit) -> Edit:
    """Return the edits one after the other as one."""

    def edit(folder: str) -> None:
        for item in edits:
            item(folder)

    return edit


def write(path: str | bytes, data: bytes | str, mode: int | None = None) -> Edit:
    """Write a file, making its folders."""

    def edit(folder: str) -> None:
        place = _place(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.islink(place):
            os.unlink(place)
        with open(place, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        if mode is not None:
            os.chmod(place, mode)

    return edit


def delete(path: str | bytes) -> Edit:
    """Remove a file, and the folders that become empty."""

    def edit(folder: str) -> None:
        place = _place(folder, path)
        os.unlink(place)
        parent = os.path.dirname(place)
        while parent != os.fsencode(folder) and not os.listdir(parent):
            os.rmdir(parent)
            parent = os.path.dirname(parent)

    return edit


def rename(old: str | bytes, new: str | bytes) -> Edit:
    """Move a file."""

    def edit(folder: str) -> None:
        target = _place(folder, new)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(_place(folder, old), target)

    return edit


def chmod(path: str | bytes, mode: int) -> Edit:
    """Change a file's permission bits."""
    return lambda folder: os.chmod(_place(folder, path), mode)


def link(path: str | bytes, target: str | bytes) -> Edit:
    """Make a symbolic link, in place of whatever file is there."""

    def edit(folder: str) -> None:
        place = _place(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.lexists(place):
            os.unlink(place)
        os.symlink(os.fsencode(target), place)

    return edit


def fail(message: str = "the agent gave up") -> Edit:
    """Raise what an agent raises that can't go on."""

    def edit(_folder: str) -> None:
        raise AgentFailed(message)

    return edit


# Contents that editors, diffs and text modes are known to spoil.
ODD_CONTENTS: Mapping[str, bytes] = {
    "crlf.txt": b"one\r\ntwo\r\n",
    "mixed.txt": b"one\r\ntwo\nthree\rfour",
    "bom.txt": b"\xef\xbb\xbfwith a mark\n",
    "utf16.txt": "sixteen\n".encode("utf-16"),
    "zeros.bin": b"a\0b\0\xff\xfe",
    "empty.txt": b"",
    "no-end.txt": b"no line end",
    "latin1.txt": b"caf\xe9\n",
    "fence.md": b"```\n<<<<<<< ours\n=======\n>>>>>>> theirs\n```\n",
    "esc.txt": b"\x1b[31mred\x1b[0m\x07\n",
    "long.txt": b"x" * 300_000,
}

# Names that are no UTF-8, look like options, or hold what a shell or terminal would act on.
ODD_NAMES: tuple[bytes, ...] = (
    b"caf\xe9.txt", b"\xff\xfe", b"-rf", b"--output=x", b":(top)x", b"with space", b"tab\there",
    b"new\nline", b"quote\"d", b"dollar$HOME", b"star*", b"\x1b[2J", "\u202egnp.txt".encode(),
    "caf\u00e9".encode(),
)  # fmt: skip

# Paths an agent must not be able to propose: each would leave the tree or reach a git dir.
HOSTILE: tuple[tuple[str, Edit], ...] = (
    (".git/hooks/post-merge", write(".git/hooks/post-merge", "#!/bin/sh\n", 0o755)),
    (".GIT/config", write(".GIT/config", "[core]\n")),
    ("sub/.git", write("sub/.git", "gitdir: /tmp\n")),
    ("git~1/x", write("git~1/x", "x")),
    (".git./x", write(".git./x", "x")),
    (".g\u200cit/x", write(".g\u200cit/x", "x")),
    ("back\\slash", write("back\\slash", "x")),
    ("nul.txt", write("nul.txt", "x")),
    ("C:x", write("C:x", "x")),
    ("dot.", write("dot.", "x")),
    ("out", link("out", "../../outside")),
    ("abs", link("abs", "/etc/passwd")),
    ("hook", link("hook", ".git/hooks")),
    ("pipe", lambda folder: os.mkfifo(os.path.join(folder, "pipe"))),
    ("key.pem", write("key.pem", "secret")),
)


def _place(folder: str, path: str | bytes) -> bytes:
    return os.path.join(os.fsencode(folder), os.fsencode(path))
