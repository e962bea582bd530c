"""The only writes to the person's git dir: publish objects, create a branch, move one ref.

Refs move by compare-and-swap and by nothing else (P6). Objects arrive as one whole pack that is
kept from a concurrent ``git gc`` until a ref holds on to it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from clubos_tui.errors import Stale
from clubos_tui.events import CommitId
from clubos_tui.locks import handed_on
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.objects import KEEP, PART, NewObject, write_pack

ORPHAN_SECONDS = 0.5  # a git whose parent died reads the end of its input and gives its locks back


def read_ref(repository: Repository, ref: str) -> CommitId:
    """Return the commit a ref points to, or an empty id where there is no such ref."""
    code, out = repository.git.ask("rev-parse", "-q", "--verify", f"{ref}^{{commit}}")
    return CommitId(out.decode().strip() if code == 0 else "")


def is_ancestor(repository: Repository, older: str, newer: str) -> bool:
    """Tell whether ``newer`` holds ``older`` in its history."""
    return repository.git.ask("merge-base", "--is-ancestor", older, newer)[0] == 0


def find_commit(repository: Repository, ref: str, line: str, *, since: str) -> CommitId:
    """Return the newest commit on ``ref`` after ``since`` whose message holds ``line``, or none."""
    if not read_ref(repository, ref):
        return CommitId("")
    out = repository.git.run(
        "rev-list", "--max-count=1", "--fixed-strings", f"--grep={line}", f"{since}..{ref}"
    )
    return CommitId(out.decode().strip())


def branches(repository: Repository, prefix: str) -> dict[str, str]:
    """Return branch name → commit for the branches under ``prefix``."""
    out = repository.git.run(
        "for-each-ref", "--format=%(refname:short) %(objectname)", f"refs/heads/{prefix}"
    )
    return dict(line.split(" ", 1) for line in out.decode().splitlines())


@contextmanager
def published(repository: Repository, objects: Iterable[NewObject]) -> Iterator[None]:
    """Put ``objects`` into the person's store, kept while the body makes a ref to them."""
    folder = os.path.join(repository.common_dir, "objects", "pack")
    os.makedirs(folder, exist_ok=True)
    items = list(objects)
    keep = None
    name = write_pack(folder, items, repository.object_format, keep=True)
    if name:
        keep = os.path.join(folder, f"{name}.keep")
    try:
        yield
    finally:
        if keep:
            with suppress(OSError):  # the ref stands all the same; the next start sweeps
                os.unlink(keep)


def sweep(repository: Repository) -> None:
    """Remove what a killed :func:`published` left: our mark on a pack, a half-written pack."""
    folder = os.path.join(repository.common_dir, "objects", "pack")
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            with suppress(OSError):
                if name.startswith(PART) or (name.endswith(".keep") and _read(path) == KEEP):
                    os.unlink(path)


def release_locks(repository: Repository, ref: str, new: str) -> None:
    """Remove the locks that a killed move of ``ref`` to ``new`` left; nobody else's.

    git writes the new id into the lock of the ref, in several pieces; the one on HEAD, which it
    only takes for the log, stays empty.
    """
    lock = os.path.join(repository.common_dir, f"{ref}.lock")
    head = os.path.join(repository.git_dir, "HEAD.lock")
    stale = _outlive_orphans([lock, head])
    held = _read(lock)
    if held is not None:
        # A power cut leaves zeros where bytes were not yet on the disk.
        if lock not in stale or not f"{new}\n".encode().startswith(held.rstrip(b"\0")):
            return
    elif read_ref(repository, ref) != new:
        return
    if head in stale and _read(head) == b"":
        os.unlink(head)
    if held is not None:
        os.unlink(lock)  # last: it is what says whose they are


def release_branch_locks(repository: Repository, prefix: str) -> None:
    """Remove the locks that killed creations left on branches that only we make."""
    folder = os.path.join(repository.common_dir, "refs", "heads", prefix)
    if os.path.isdir(folder):
        names = [name for name in os.listdir(folder) if name.endswith(".lock")]
        for lock in _outlive_orphans([os.path.join(folder, name) for name in names]):
            os.unlink(lock)


def _outlive_orphans(locks: list[str]) -> list[str]:
    """Wait until a git that outlived us has ended; return the locks that stayed all the time."""
    first = {lock: _inode(lock) for lock in locks}
    deadline = time.monotonic() + ORPHAN_SECONDS
    while any(map(os.path.exists, locks)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [lock for lock in locks if first[lock] is not None and _inode(lock) == first[lock]]


def _inode(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def create_branch(repository: Repository, branch: str, commit: str) -> None:
    """Create a branch; without effect where it is there and equal, :class:`Stale` if it differs."""
    ref = f"refs/heads/{branch}"
    present = read_ref(repository, ref)
    if present == commit:
        return
    if present:
        raise Stale(
            f"branch {branch} exists and points elsewhere",
            untouched="The branch was not moved.",
            cure="Rename that branch and try again.",
        )
    move(repository, ref, commit, "0" * len(commit), f"clubos: create {branch}")


def move(repository: Repository, ref: str, new: str, old: str, why: str) -> None:
    """Move ``ref`` from ``old`` to ``new`` or raise :class:`Stale`."""
    with moving(repository, ref, new, old, why) as commit:
        commit()


@contextmanager
def moving(repository: Repository, ref: str, new: str, old: str, why: str) -> Iterator[_Commit]:
    """Hold the locks of ``ref`` while the body takes a last look; then it calls the commit.

    Leaving the body without the call gives the locks back and moves nothing.
    """
    process = subprocess.Popen(
        repository.git.command("update-ref", "-m", why, "--create-reflog", "--stdin", "-z"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=repository.git.environment(),
        process_group=0,  # ctrl+c on the terminal must not end it between prepare and commit
        pass_fds=handed_on(),  # killed without it, we are not followed before it has ended
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    commit = _Commit(process, repository, ref, new)
    try:
        commit.say(b"start\0", b"start: ok\n")
        commit.say(f"update {ref}\0{new}\0{old}\0prepare\0".encode(), b"prepare: ok\n")
        yield commit
    finally:
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()
        if process.wait() < 0:  # killed, so it could not give its locks back
            release_locks(repository, ref, new)


class _Commit:
    """The one call that moves the ref."""

    def __init__(
        self, process: subprocess.Popen[bytes], repository: Repository, ref: str, new: str
    ) -> None:
        self._process = process
        self._repository = repository
        self._ref = ref
        self._new = new

    def __call__(self) -> None:
        try:
            self.say(b"commit\0", b"commit: ok\n")
        except Stale:
            # git may have moved the ref and died before it said so: the ref is the answer.
            if read_ref(self._repository, self._ref) != self._new:
                raise

    def say(self, command: bytes, expected: bytes) -> None:
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        try:
            self._process.stdin.write(command)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its message is read below
        if self._process.stdout.readline() != expected:
            self._process.stdin.close()  # else a git that waits for more never ends its messages
            said = self._process.stderr.read().decode("utf-8", "replace").strip()
            raise Stale(
                f"{self._ref} could not be moved: {said}",
                untouched="The branch points where it did.",
                cure="Someone else moved or locked it; look at `git log` and try again.",
            )
