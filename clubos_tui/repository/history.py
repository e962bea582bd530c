"""Commits as an auditor reads them: by their bytes, from every ref of any clone.

Branches, remote-tracking branches and tags count alike, and so does a bare or a shallow clone. A
commit whose bytes are not those of its id is none. Only ``rev-list``, ``for-each-ref`` and
``cat-file`` run, which start no program that the repository names (P6).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from clubos_tui.disk import exists
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.objects import object_id

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its tree, its parents, and the trailers in the last paragraph of its message."""

    id: str
    tree: str
    parents: tuple[str, ...]
    trailers: tuple[tuple[str, str], ...]

    def values(self, key: str) -> tuple[str, ...]:
        """Return what the trailers of this name say, in order."""
        return tuple(value for name, value in self.trailers if name == key)


@dataclass(frozen=True, slots=True)
class History:
    """All commits that any ref of a repository reaches."""

    repository: Repository

    @property
    def shallow(self) -> bool:
        """Whether the clone was cut off below some commit."""
        return exists(os.path.join(self.repository.common_dir, "shallow"))

    def mentioning(self, line: str) -> dict[str, Commit]:
        """Return the commits that a ref reaches and whose message holds ``line``, by id."""
        out = self.repository.git.run("rev-list", "--all", "--fixed-strings", f"--grep={line}")
        return self.read(out.decode().split())

    def read(self, ids: Iterable[str]) -> dict[str, Commit]:
        """Return the commits among ``ids`` that the clone's store holds, by id."""
        wanted = [item for item in dict.fromkeys(ids) if _ID.fullmatch(item)]
        if not wanted:
            return {}
        request = "".join(f"{item}\n" for item in wanted).encode()
        out = self.repository.git.run("cat-file", "--batch", stdin=request)
        found, at = {}, 0
        for item in wanted:
            end = out.index(b"\n", at)
            header = out[at:end].split(b" ")
            at = end + 1
            if len(header) != 3:  # missing
                continue
            size = int(header[2])
            data, at = out[at : at + size], at + size + 1
            if header[1] == b"commit" and self._is(item, data):
                found[item] = _commit(item, data)
        return found

    def tips(self, branch: str) -> dict[str, str]:
        """Return ref → object for a branch of this name, here and as known of each remote."""
        out = self.repository.git.run(
            "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/remotes"
        )
        refs = dict(os.fsdecode(line).rsplit(" ", 1) for line in out.splitlines())
        return {
            ref: tip
            for ref, tip in refs.items()
            if ref == f"refs/heads/{branch}"
            or (ref.startswith("refs/remotes/") and ref.endswith(f"/{branch}"))
        }

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether ``newer`` holds ``older`` in its history; both must be here."""
        return self.repository.git.ask("merge-base", "--is-ancestor", older, newer)[0] == 0

    def _is(self, name: str, data: bytes) -> bool:
        return object_id("commit", data, self.repository.object_format) == name


def _commit(name: str, data: bytes) -> Commit:
    head, _, message = data.partition(b"\n\n")
    tree, parents = "", []
    for line in head.decode("utf-8", "surrogateescape").split("\n"):
        key, _, value = line.partition(" ")
        if key == "tree":
            tree = value
        elif key == "parent":
            parents.append(value)
    return Commit(name, tree, tuple(parents), tuple(_trailers(message)))


def _trailers(message: bytes) -> Iterable[tuple[str, str]]:
    """Yield the trailers: a plan's words stand above the last paragraph, and are none."""
    text = message.decode("utf-8", "surrogateescape").replace("\r\n", "\n").strip("\n")
    for line in text.rpartition("\n\n")[2].split("\n"):
        key, colon, value = line.partition(": ")
        if colon:
            yield key, value.strip()
