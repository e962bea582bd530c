"""Git objects: their ids, reading them in bulk, and writing many as one pack.

Formats: ``gitformat-pack(5)`` for the pack and its index version 2, ``git-cat-file(1)`` for the
batch protocol. One process serves all reads; writing needs none.
"""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from clubos_tui.changes.manifest import BlobId
from clubos_tui.errors import GitFailed
from clubos_tui.repository.git import Git

KEEP = b"clubos\n"  # what our mark on a pack holds
PART = "tmp_clubos_"  # how a pack that is being written begins
AT_ONCE = 64  # requests that wait in the pipe: far less than it holds
_PACK_TYPE = {"commit": 1, "tree": 2, "blob": 3}


def new_hash(object_format: str) -> hashlib._Hash:
    """Return the hash that a repository of this format names its objects by."""
    return hashlib.sha1() if object_format == "sha1" else hashlib.sha256()


def object_id(kind: str, data: bytes, object_format: str = "sha1") -> str:
    """Return the id git gives to an object."""
    digest = new_hash(object_format)
    digest.update(b"%s %d\0" % (kind.encode(), len(data)))
    digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object that is to be written."""

    kind: str
    id: str
    data: bytes


class ObjectReader:
    """Reads objects through one ``git cat-file --batch`` process, started when first needed."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, object_id: str) -> tuple[str, bytes]:
        """Return an object's kind and content; :class:`GitFailed` where it is missing."""
        with self._lock:
            answer = self._ask(object_id) or self._ask(object_id)  # the process may have been ended
        if answer is None:
            raise GitFailed("git cat-file ended early", untouched="Nothing was written.")
        kind, data = answer
        if kind == "missing":
            raise GitFailed(
                f"object {object_id} is missing from the repository",
                untouched="Nothing was written.",
                cure="Run `git fsck`; in a partial clone, fetch the object first.",
            )
        return kind, data

    def _ask(self, object_id: str) -> tuple[str, bytes] | None:
        """Return kind and content, or ``None`` where the process ended before all of it came."""
        process = self._started()
        assert process.stdin
        try:
            process.stdin.write(object_id.encode() + b"\n")
            process.stdin.flush()
            answer = self._answer()
            if answer:
                return answer
        except BrokenPipeError:
            pass
        except BaseException:
            self.close()  # its answer is still on its way, and would be taken for the next
            raise
        self.close()
        return None

    def _answer(self) -> tuple[str, bytes] | None:
        """Read one answer; ``None`` where the process ended before all of it came."""
        assert self._process
        assert self._process.stdout
        header = self._process.stdout.readline().split()
        if len(header) == 2:
            return "missing", b""
        if len(header) == 3:
            size = int(header[2])
            data = self._process.stdout.read(size + 1)
            if len(data) == size + 1:
                return header[1].decode(), data[:-1]
        return None

    def blob(self, blob: BlobId) -> bytes:
        """Return a blob's bytes."""
        return self.read(blob)[1]

    def read_all(self, object_ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield kind and content of many objects in order, with fewer waits than one by one."""
        wanted = list(object_ids)
        for at in range(0, len(wanted), AT_ONCE):
            some = wanted[at : at + AT_ONCE]
            with self._lock:
                answers = self._ask_all(some)
            yield from answers
            for missed in some[len(answers) :]:
                yield self.read(missed)

    def _ask_all(self, object_ids: list[str]) -> list[tuple[str, bytes]]:
        """Ask for all before reading the first; return as many as came before one was missing."""
        process = self._started()
        assert process.stdin
        out = []
        try:
            process.stdin.write("".join(f"{item}\n" for item in object_ids).encode())
            process.stdin.flush()
            for _ in object_ids:
                answer = self._answer()
                if answer is None or answer[0] == "missing":
                    self.close()  # its other answers are still on their way
                    break
                out.append(answer)
        except BrokenPipeError:
            self.close()
        except BaseException:
            self.close()  # as above
            raise
        return out

    def close(self) -> None:
        """End the process."""
        if self._process:
            assert self._process.stdin
            assert self._process.stdout
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._git.command("cat-file", "--batch"),
                bufsize=1 << 16,  # as much as the pipe holds
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._git.environment(),
                process_group=0,
            )
        return self._process


class ReadAhead:
    """Reads blobs that are wanted in a known order; one that comes out of it is read by itself."""

    def __init__(self, reader: ObjectReader, blobs: Sequence[BlobId]) -> None:
        self._reader = reader
        self._wanted = deque(blobs)
        self._stream = reader.read_all(blobs)

    def blob(self, blob: BlobId) -> bytes:
        """Return a blob's bytes."""
        if blob not in self._wanted:
            return self._reader.blob(blob)
        while True:
            data = next(self._stream)[1]
            if self._wanted.popleft() == blob:
                return data


def write_pack(
    folder: str, objects: Iterable[NewObject], object_format: str, *, keep: bool = False
) -> str | None:
    """Write ``objects`` as one durable pack with its index; return its name, or ``None`` for none.

    The pack is complete and flushed before its index appears, and git looks for the index. With
    ``keep`` a ``.keep`` file comes first and stops ``git gc``; the caller removes it.
    """
    unique = {item.id: item for item in objects}
    if not unique:
        return None
    pack = bytearray(struct.pack(">4sII", b"PACK", 2, len(unique)))
    rows = []
    for item in unique.values():
        record = _pack_header(_PACK_TYPE[item.kind], len(item.data)) + zlib.compress(item.data, 1)
        rows.append((bytes.fromhex(item.id), zlib.crc32(record), len(pack)))
        pack += record
    trailer = new_hash(object_format)
    trailer.update(pack)
    pack += trailer.digest()
    name = f"pack-{trailer.hexdigest()}"
    path = os.path.join(folder, name)
    if keep:
        _write(f"{path}.keep", KEEP)  # an empty one, after a power cut, would be nobody's
    if not os.path.exists(f"{path}.idx"):
        _write(f"{path}.pack", bytes(pack))
        _write(f"{path}.idx", _index(sorted(rows), trailer.digest(), object_format))
    return name


def _pack_header(kind: int, size: int) -> bytes:
    first, size = (kind << 4) | (size & 15), size >> 4
    out = bytearray()
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    out.append(first)
    return bytes(out)


def _index(rows: list[tuple[bytes, int, int]], pack_digest: bytes, object_format: str) -> bytes:
    fanout, count, at = [], 0, 0
    for first in range(256):
        while at < len(rows) and rows[at][0][0] <= first:
            at += 1
        count = at
        fanout.append(count)
    far = [offset for _, _, offset in rows if offset >= 1 << 31]
    place = {offset: number for number, offset in enumerate(far)}
    body = struct.pack(">4sI256I", b"\377tOc", 2, *fanout)
    body += b"".join(name for name, _, _ in rows)
    body += b"".join(struct.pack(">I", crc) for _, crc, _ in rows)
    body += b"".join(
        struct.pack(">I", offset if offset < 1 << 31 else (1 << 31) | place[offset])
        for _, _, offset in rows
    )
    body += b"".join(struct.pack(">Q", offset) for offset in far) + pack_digest
    trailer = new_hash(object_format)
    trailer.update(body)
    return body + trailer.digest()


def _write(path: str, data: bytes) -> None:
    # git's own clean-up takes files of this name away, should a crash leave one.
    part = os.path.join(os.path.dirname(path), f"{PART}{os.getpid()}_{os.path.basename(path)}")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o444)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fdatasync(fd)
    finally:
        os.close(fd)
    os.rename(part, path)
