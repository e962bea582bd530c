"""What git makes of the files of a work tree: conversions, filters, sparse patterns.

git is asked in a throw-away git dir that borrows all objects and gets a copy of the attributes,
of the sparse patterns and of the few settings that steer them: no driver is known there, so none
can run (P6).
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from clubos_tui.changes.manifest import FILE, BlobId, Entry, path_bytes, path_text
from clubos_tui.errors import GitFailed
from clubos_tui.repository.copies import new_copies
from clubos_tui.repository.discover import Repository
from clubos_tui.repository.git import Git
from clubos_tui.repository.objects import object_id
from clubos_tui.repository.settings import Settings
from clubos_tui.repository.workshop import Workshop, alternates

ATTRIBUTES = ".gitattributes"
_ASKED = ("filter", "text", "crlf", "eol", "ident", "working-tree-encoding")
_SYSTEM = "/etc/gitattributes"


def line_ends(settings: Settings) -> str:
    """Return ``core.autocrlf`` as git reads it: ``true``, ``input`` or ``false``."""
    if settings.get("core.autocrlf").lower() == "input":
        return "input"
    return "true" if settings.flag("core.autocrlf") else "false"


def drivers(settings: Settings) -> set[str]:
    """Return the names of the filters that are set up: git would run a program for each."""
    return set(settings.under("filter", "clean", "smudge", "process"))


@dataclass(frozen=True, slots=True)
class Sources:
    """The attributes outside the tree: the person's own, lowest first, and the repository's."""

    general: bytes
    info: bytes

    @classmethod
    def of(cls, repository: Repository, settings: Settings) -> Sources:
        """Read them; reads nothing but regular files."""
        config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        named = settings.get("core.attributesfile") or os.path.join(config, "git", "attributes")
        return cls(
            content(os.path.join(repository.root, os.path.expanduser(named))),
            content(os.path.join(repository.common_dir, "info", "attributes")),
        )

    @property
    def any(self) -> bool:
        """Tell whether there are any."""
        return bool(self.general or self.info or os.path.exists(_SYSTEM))


def content(path: str) -> bytes:
    """Return a regular file's bytes; a pipe in its place would make us wait for ever."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    return regular(fd)


def regular(fd: int, most: int = sys.maxsize) -> bytes:
    """Return the bytes of an open file and close it; none where it is no file, or too large."""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return b""
        with open(fd, "rb", closefd=False) as file:
            return file.read(status.st_size)
    finally:
        os.close(fd)


class Rules:
    """git's answers under one set of attribute files; close it to remove its folder."""

    def __init__(
        self,
        workshop: Workshop,
        settings: Settings,
        sources: Sources,
        scratch: str,
        attributes: Mapping[str, bytes],
    ) -> None:
        self._workshop = workshop
        self._folder = new_copies(scratch)
        self._tree = os.path.join(self._folder, "tree")
        self._git = Git(os.path.join(self._folder, "git"), private=True)
        self._make(settings, sources, attributes)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self, settings: Settings, sources: Sources, attributes: Mapping[str, bytes]) -> None:
        general = os.path.join(self._folder, "attributes")
        with open(os.path.join(self._workshop.path, "config"), encoding="utf-8") as file:
            config = file.read().replace("bare = true", "bare = false")
        eol = settings.get("core.eol").lower()
        config += f"[core]\n\tautocrlf = {line_ends(settings)}\n\tattributesFile = ../attributes\n"
        if eol in {"lf", "crlf", "native"}:
            config += f"\teol = {eol}\n"
        config += f"\tignoreCase = {str(settings.flag('core.ignorecase')).lower()}\n"
        lender = os.path.join(self._workshop.path, "objects")
        write(general, sources.general)
        write(os.path.join(self._git.git_dir, "config"), config.encode())
        write(os.path.join(self._git.git_dir, "info", "attributes"), sources.info)
        write(
            os.path.join(self._git.git_dir, "objects", "info", "alternates"),
            alternates(lender),
        )
        os.makedirs(os.path.join(self._git.git_dir, "refs"))
        write(os.path.join(self._git.git_dir, "HEAD"), b"ref: refs/heads/rules\n")
        os.makedirs(self._tree)
        for path, data in attributes.items():
            write(os.path.join(os.fsencode(self._tree), path_bytes(path)), data)

    def _ask(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run git inside the folder's own tree: attributes are looked for from there."""
        program, *rest = self._git.command(*args)
        done = subprocess.run(
            [program, "-C", self._tree, *rest],
            input=stdin,
            capture_output=True,
            env=self._git.environment({"GIT_WORK_TREE": self._tree}),
            check=False,
            process_group=0,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise GitFailed(f"git {args[0]} failed: {said}", untouched="Nothing was touched.")
        return done.stdout

    def attributes(self, paths: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return path → attribute → value, of those that change what lies on disk."""
        listing = b"".join(path_bytes(path) + b"\0" for path in paths)
        fields = self._ask("check-attr", "-z", "--stdin", *_ASKED, stdin=listing).split(b"\0")
        out: dict[str, dict[str, str]] = {}
        for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
            of_path = out.setdefault(path_text(path), {})
            if value not in {b"unspecified", b"unset"} or name == b"text":
                of_path[name.decode()] = value.decode("utf-8", "surrogateescape")
        return out

    def on_disk(self, blobs: Mapping[str, BlobId]) -> dict[str, bytes]:
        """Return path → the bytes that git would write there for the blob."""
        # The batch takes blanks before a path away, so such a path is asked for on its own.
        odd = {path for path in blobs if path[0] in " \t"}
        out = {
            path: self._ask("cat-file", "--filters", f"--path={path}", blobs[path]) for path in odd
        }
        rest = [path for path in blobs if path not in odd]
        if rest:
            # The sizes git gives are those before the conversion; a word of ours tells where one
            # file ends.
            word = f"clubos-{secrets.token_hex(16)}"
            asked = b"".join(
                blobs[path].encode() + b" " + path_bytes(path) + b"\0" for path in rest
            )
            said = self._ask("cat-file", "-z", f"--batch={word}", "--filters", stdin=asked)
            parts = (b"\n" + said).split(f"\n{word}\n".encode())[1:]
            if len(parts) != len(rest):
                raise GitFailed(
                    "git cat-file --filters did not answer for every file",
                    untouched="Nothing was touched.",
                    cure="Run `git fsck`.",
                )
            parts[-1] = parts[-1].removesuffix(b"\n")
            out.update(zip(rest, parts, strict=True))
        return out

    def taken_for(self, path: str, data: bytes) -> BlobId:
        """Return the blob that git would make of a file of the work tree with these bytes."""
        said = self._ask("hash-object", "--stdin", f"--path={path}", stdin=data)
        return BlobId(said.decode().strip())

    def outside(self, paths: Collection[str], patterns: bytes, *, cone: bool) -> set[str]:
        """Return those of ``paths`` that a sparse checkout with these patterns leaves out."""
        write(os.path.join(self._git.git_dir, "info", "sparse-checkout"), patterns)
        empty = BlobId(object_id("blob", b"", self._workshop.object_format))
        tree = self._workshop.build(
            self._workshop.trees.empty, {path: Entry(FILE, empty) for path in paths}, {empty: b""}
        )
        sparse = ("-c", "core.sparseCheckout=true", "-c", f"core.sparseCheckoutCone={cone}")
        self._ask(*sparse, "read-tree", "-m", "-u", tree)
        listing = self._ask(*sparse, "ls-files", "-t", "-z").split(b"\0")
        return {path_text(row[2:]) for row in listing if row.startswith(b"S ")}


def write(path: str | bytes, data: bytes) -> None:
    """Write a file that nobody keeps, and the folders above it."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
