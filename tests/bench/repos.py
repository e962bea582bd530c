"""Generated repositories of a chosen size, and fresh contents for their files."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from support.agents import Edit
from support.repo import Repo

A_FOLDER = 50  # files in each folder
SMALL, LARGE = 1_000, 50_000
SIZE = 3_000

Files = dict[str, bytes]

_WORDS = (
    "member", "event", "table", "report", "value", "return", "select", "insert", "where", "import",
    "class", "define", "balance", "invoice", "season", "guest", "court", "coach", "total", "error",
)  # fmt: skip
_serials = itertools.count()


def _text() -> bytes:
    choose = random.Random(1)
    lines = (
        f"{'    ' * choose.randrange(3)}{' '.join(choose.choices(_WORDS, k=8))} "
        f"{choose.getrandbits(32):08x}\n"
        for _ in range(20_000)
    )
    return "".join(lines).encode()


_TEXT = _text()


def path_of(number: int) -> str:
    """Return the path of a file: 40 folders in each area, 50 files in each folder."""
    folder = number // A_FOLDER
    return f"area{folder // 40:02}/part{folder % 40:02}/file{number % A_FOLDER:02}.txt"


def fresh(paths: Iterable[str]) -> Files:
    """Return a content for each path that no file had before: about 3 KB of words."""
    out = {}
    for path in paths:
        serial = next(_serials)
        start = serial * 7_919 % (len(_TEXT) - SIZE)
        out[path] = b"%s %d\n" % (path.encode(), serial) + _TEXT[start : start + SIZE]
    return out


def spread(total: int, count: int) -> list[str]:
    """Return ``count`` paths of a repository of ``total`` files, scattered over all of it."""
    return [path_of(at * total // count) for at in range(count)]


def write_all(root: str | os.PathLike[str], files: Files) -> None:
    """Write files whose folders are there."""
    for path, data in files.items():
        with open(os.path.join(root, path), "wb") as file:
            file.write(data)


def edit_of(files: Files) -> Edit:
    """Return the edit of an agent that writes ``files``."""
    return lambda folder: write_all(folder, files)


def as_commit(files: Files, *, onto: str = "") -> Iterator[bytes]:
    """Yield a commit of ``files`` as ``git fast-import`` reads it."""
    yield b"commit refs/heads/main\ncommitter Pat <pat@example.org> 1700000000 +0000\ndata 0\n"
    if onto:
        yield b"from %s\n" % onto.encode()
    for path, data in files.items():
        yield b"M 100644 inline %s\ndata %d\n" % (path.encode(), len(data))
        yield data + b"\n"
    yield b"done\n"


def make(root: Path, total: int) -> Repo:
    """Make a repository of ``total`` files in one commit and one pack, that never packs anew."""
    root.mkdir(parents=True)
    repo = Repo(root)
    repo.git("init", "--quiet", "--initial-branch=main", "--template=")
    for name, value in (
        ("gc.auto", "0"), ("maintenance.auto", "false"),
        ("user.name", "Pat"), ("user.email", "pat@example.org"),
    ):  # fmt: skip
        repo.git("config", name, value)
    files = fresh(path_of(number) for number in range(total))
    repo.git("fast-import", "--quiet", "--done", stdin=b"".join(as_commit(files)))
    repo.git("reset", "--quiet", "--hard")
    os.sync()  # what is left to be written would be written in the middle of a measurement
    return repo
