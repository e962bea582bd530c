"""What git ignores in a folder that is no repository, by the rules that lie there now.

git is asked in a throw-away git dir and work tree. That gets copies of the ``.gitignore`` files
and nothing else, so git never opens what an agent made: no pipe, no link, no repository (P6).
"""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from clubos_tui.changes.manifest import path_text
from clubos_tui.disk import parent_of
from clubos_tui.errors import GitFailed, HostilePath
from clubos_tui.repository.copies import new_copies
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.git import Git
from clubos_tui.repository.rules import content, regular, write
from clubos_tui.repository.settings import Settings, read_settings

__all__ = ["IGNORE", "IgnoreRules", "Ignored"]

IGNORE = b".gitignore"
MOST_RULES = 1 << 20
"""Bytes of a ``.gitignore``; a larger one counts as empty, as git itself has it from 100 MB on."""
SECONDS = 30.0
"""For all answers together; there are patterns that take very long."""
_AT_ONCE = 4096  # bytes that wait in the pipe: what the smallest one holds
_LONGEST = 4000  # bytes of a path; what lies deeper can't be made, and is no path for a tree


class IgnoreRules:
    """The rules of one person and repository; the files that hold them are read for each asking.

    Without a repository there are only those of the folder that is asked about.
    """

    def __init__(self, repository: Repository | None, scratch: str) -> None:
        self._repository = repository
        self._scratch = scratch
        self._settings: Settings | None = None  # where the files lie is asked once

    def asked(self, folder: str, stop: Callable[[], None] = lambda: None) -> Ignored:
        """Return git's answers about the files of ``folder``; close it.

        Args:
            folder: A folder outside of the repository.
            stop: Called while an answer is waited for, and may raise.
        """
        return Ignored(self._make, folder, stop)

    def _make(self) -> str:
        """Make the git dir and the work tree; return the folder that holds both."""
        general, own, case = b"", b"", False
        if self._repository:
            if self._settings is None:
                self._settings = read_settings(self._repository.git)
            settings, repository = self._settings, self._repository
            config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
            named = settings.values.get("core.excludesfile", os.path.join(config, "git", "ignore"))
            general = content(os.path.join(repository.root, os.path.expanduser(named)))
            own = content(os.path.join(repository.common_dir, "info", "exclude"))
            case = settings.flag("core.ignorecase")
        folder = new_copies(self._scratch)
        git_dir = os.path.join(folder, "git")
        for name in ("objects", "refs"):
            os.makedirs(os.path.join(git_dir, name))
        os.mkdir(os.path.join(folder, "tree"))
        write(os.path.join(folder, "excludes"), general)
        write(os.path.join(git_dir, "info", "exclude"), own)
        write(
            os.path.join(git_dir, "config"),
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
            f"\texcludesFile = ../excludes\n\tignoreCase = {str(case).lower()}\n".encode(),
        )
        write(os.path.join(git_dir, "HEAD"), b"ref: refs/heads/rules\n")
        return folder


@dataclass(frozen=True, slots=True)
class _Git:
    """The process that answers, and the folder that is made for it."""

    folder: str
    process: subprocess.Popen[bytes]
    ready: selectors.BaseSelector


class Ignored:
    """git's answers about one folder, from one process that starts at the first question."""

    def __init__(self, make: Callable[[], str], folder: str, stop: Callable[[], None]) -> None:
        self._make = make
        self._folder = folder
        self._stop = stop
        self._git: _Git | None = None
        self._copied: set[bytes] = set()  # folders whose rules git has
        self._said = bytearray()
        self._waited = 0.0

    def __enter__(self) -> Ignored:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and remove what was made for it."""
        git, self._git = self._git, None
        if git is None:
            return
        git.ready.close()
        git.process.kill()  # it only reads
        assert git.process.stdin
        assert git.process.stdout
        with suppress(BrokenPipeError):
            git.process.stdin.close()
        git.process.stdout.close()
        git.process.wait()
        shutil.rmtree(git.folder, ignore_errors=True)

    def among(self, paths: Collection[bytes]) -> set[bytes]:
        """Return those paths that git ignores while they are untracked; a folder's ends in ``/``.

        Ask about a folder before what is in it. Raises :class:`HostilePath` where the patterns are
        such that no answer comes.
        """
        out: set[bytes] = set()
        for some in _in_parts(paths):
            git = self._git or self._started()
            for raw in some:
                self._prepare(git, raw)
            assert git.process.stdin
            try:
                git.process.stdin.write(b"".join(b"%s\0" % _asked(raw) for raw in some))
                git.process.stdin.flush()
            except BrokenPipeError:
                raise _ended() from None
            out.update(raw for raw in some if self._answer(git, raw))
        return out

    def _started(self) -> _Git:
        folder = self._make()
        door = Git(os.path.join(folder, "git"), private=True)
        tree = os.path.join(folder, "tree")
        program, *rest = door.command("check-ignore", "--no-index", "-z", "-v", "-n", "--stdin")
        process = subprocess.Popen(
            [program, "-C", tree, *rest],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # This verb takes no literal pathspecs; so no path may begin like another kind.
            env=door.environment({"GIT_WORK_TREE": tree}) | {"GIT_LITERAL_PATHSPECS": "0"},
            process_group=0,
        )
        assert process.stdout
        ready = selectors.DefaultSelector()
        ready.register(process.stdout, selectors.EVENT_READ)
        self._git = _Git(folder, process, ready)
        return self._git

    def _answer(self, git: _Git, raw: bytes) -> bool:
        fields = [self._field(git) for _ in range(4)]
        _, _, pattern, path = fields
        if path != _asked(raw):
            raise GitFailed(
                f"git check-ignore answered for {path!r} and not for {raw!r}",
                untouched="Nothing was written.",
            )
        return bool(pattern) and not pattern.startswith(b"!")

    def _field(self, git: _Git) -> bytes:
        while (end := self._said.find(b"\0")) < 0:
            self._stop()
            began = time.monotonic()
            ready = git.ready.select(0.1)
            self._waited += time.monotonic() - began
            if ready:
                assert git.process.stdout
                more = os.read(git.process.stdout.fileno(), 1 << 16)
                if not more:
                    raise _ended()
                self._said += more
            if self._waited > SECONDS:
                raise HostilePath(
                    path_text(IGNORE), f"git does not come to an end with it in {SECONDS:.0f} s"
                )
        field = bytes(self._said[:end])
        del self._said[: end + 1]
        return field

    def _prepare(self, git: _Git, raw: bytes) -> None:
        """Give git the folder that is asked about, and the rules of all folders above a path."""
        tree = os.path.join(os.fsencode(git.folder), b"tree")
        folder = raw[: raw.rfind(b"/", 0, -1) + 1]
        if raw.endswith(b"/") and len(tree) + len(raw) < _LONGEST:
            os.makedirs(os.path.join(tree, raw), exist_ok=True)  # git looks whether it is one
        while folder not in self._copied:
            self._copied.add(folder)
            place = os.path.join(tree, folder, IGNORE)
            if len(place) < _LONGEST and (rules := self._rules(folder)):
                write(place, rules)
            folder = folder[: folder.rfind(b"/", 0, -1) + 1]

    def _rules(self, folder: bytes) -> bytes:
        """Return what a folder's file of rules holds; git follows no link there either."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            with parent_of(self._folder, path_text(folder + IGNORE)) as (parent, name):
                fd = os.open(name, flags, dir_fd=parent)
        except OSError:
            return b""
        return regular(fd, MOST_RULES)


def _asked(raw: bytes) -> bytes:
    # With a slash at its end git would ask the folder's own rules, which are not about itself.
    return b"./" + raw.rstrip(b"/")


def _in_parts(paths: Collection[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for raw in paths:
        if part and size + len(raw) + 3 > _AT_ONCE:
            yield part
            part, size = [], 0
        part.append(raw)
        size += len(raw) + 3
    if part:
        yield part


def _ended() -> GitFailed:
    return GitFailed("git check-ignore ended early", untouched="Nothing was written.")
